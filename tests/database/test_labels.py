"""Labels on real PostgreSQL: each parcel pays for one label, whatever its carrier answers, and if processes die meanwhile."""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from tests.database.packing_desk import CARRIERS, Desk
from tests.database.shop import MAP, Shop
from tests.peers.stub_carrier import REASON, WAYS, StubCarrier
from transactions.request import RequestRefused


@pytest_asyncio.fixture
async def shop(database: Database, stub: StubCarrier) -> Shop:
    """A shop with two carriers."""
    return await Shop.open(database, replace(MAP, carriers=CARRIERS))


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop)


async def test_a_label_of_the_rate_card_is_printed_paid_once_and_given_back(desk: Desk) -> None:
    work = await desk.work()
    label = await desk.ask(work, carrier=None)
    with pytest.raises(RequestRefused, match=f"this package has the label {label}, which is asked"):
        await desk.ask(work, carrier=None)
    await desk.jobs.carry_out()
    shown = await desk.shown(label)
    assert (shown["status"], shown["carrier"], shown["amount"], shown["tracking"]) == ("bought", "van", 490, label)
    assert shown["weight_g"] == 900
    with pytest.raises(RequestRefused, match="void it before you ask for another"):
        await desk.ask(work)
    await desk.void(label)
    await desk.jobs.carry_out()
    assert await desk.status(label) == "voided"
    assert await desk.ask(work) == f"{work}-l2"


@pytest.mark.parametrize(
    ("way", "status", "said"),
    [
        ("error", "refused", f"did not sell: {REASON}"),
        ("empty label", "refused", "gave no label that can be used: it gave an empty label"),
        ("wrong price", "refused", "gave no label that can be used: its price is no number"),
        ("another address", "refused", "gave no label that can be used: its label is for another address"),
        ("no tracking", "unknown", "gave no label that can be used: it gave no tracking number"),
        ("not JSON", "unknown", "did not answer, and may have sold it: its answer cannot be read (JSONDecodeError)"),
        ("silence", "unknown", "did not answer, and may have sold it: no answer within 0.3 seconds"),
    ],
)
async def test_what_cannot_be_used_is_an_exception_in_the_carriers_words(
    desk: Desk, stub: StubCarrier, way: str, status: str, said: str
) -> None:
    stub.ways = [way]
    label = await desk.ask(await desk.work())
    await desk.jobs.carry_out()
    assert await desk.status(label) == status
    assert await desk.exceptions() == [f"stub, label {label}: {said}"]


async def test_a_label_whose_answer_did_not_come_is_found_and_not_bought_again(desk: Desk, stub: StubCarrier) -> None:
    stub.ways = ["not JSON, sold"]
    work = await desk.work()
    label = await desk.ask(work)
    await desk.jobs.carry_out()
    with pytest.raises(RequestRefused, match="its carrier may have sold it"):
        await desk.ask(work)
    await desk.later(1)
    assert stub.asked == [f"buy {label}", f"find {label}"]
    assert (await desk.status(label), await desk.exceptions()) == ("bought", [])


async def test_a_process_that_died_while_it_called_leaves_a_label_that_is_looked_for(
    desk: Desk, stub: StubCarrier
) -> None:
    label = await desk.ask(await desk.work())
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE label SET called_at = clock_timestamp()"))
    await desk.jobs.carry_out()
    assert (stub.asked, await desk.status(label)) == ([f"find {label}"], "unknown")
    await desk.later(6)
    assert await desk.status(label) == "refused", "after five minutes a call is not under way any more"


async def test_a_label_that_turns_up_after_it_was_given_up_is_given_back(desk: Desk, stub: StubCarrier) -> None:
    stub.ways = ["silence"]
    work = await desk.work()
    first = await desk.ask(work)
    await desk.jobs.carry_out()
    await desk.later(6)
    assert await desk.status(first) == "refused"
    second = await desk.ask(work)
    await desk.jobs.carry_out()
    assert await desk.status(second) == "bought"
    stub.sold[first] = replace(stub.sold[second], tracking="LATE")
    await desk.later(60)
    assert (stub.taken_back, list(stub.sold)) == ([first], [second])
    assert [await desk.status(one) for one in (first, second)] == ["refused", "bought"]


async def test_where_labels_cannot_be_looked_for_a_person_decides_before_another_is_bought(
    desk: Desk, stub: StubCarrier
) -> None:
    stub.can_find, stub.ways = False, ["not JSON, sold"]
    work = await desk.work()
    label = await desk.ask(work)
    await desk.jobs.carry_out()
    await desk.later(60 * 24 * 30)
    assert await desk.status(label) == "unknown"
    with pytest.raises(RequestRefused, match="may have sold it"):
        await desk.ask(work)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_carrier_does_a_parcel_pays_for_one_label_and_is_not_stuck(
    desk: Desk, stub: StubCarrier, seed: int
) -> None:
    chance = random.Random(seed)
    stub.ways = chance.choices(WAYS, k=4)
    work, known = await desk.work(), list[str]()
    for _ in range(12):
        with suppress(RequestRefused):
            known.append(await desk.ask(work))
        await desk.later(chance.choice([0, 1, 6, 90]))
        if known and await desk.status(known[-1]) == "bought":
            break
    await desk.later(60 * 24)
    assert await desk.status(known[-1]) == "bought", stub.asked
    assert list(stub.sold) == [known[-1]], "paid for and not given back"
    assert Counter(one for one in stub.asked if one.startswith("buy")).most_common(1)[0][1] == 1
    assert await desk.exceptions() == []


async def test_what_a_carrier_would_cut_is_refused_before_it_is_called(desk: Desk, stub: StubCarrier) -> None:
    work = await desk.work()
    with pytest.raises(RequestRefused, match=r"carriers\.toml has no carrier of this name; it has stub, van"):
        await desk.ask(work, carrier="ups")
    assert stub.asked == []
