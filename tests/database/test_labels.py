"""Labels on real PostgreSQL: each parcel pays for one label, whatever its carrier answers, and if processes die meanwhile."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import text

from carriers.carrier import Bought, Scan
from database.connect import Database
from domain.fulfillment import MessageKind
from domain.tracking import ScanKind
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from tests.database.packing_desk import CARRIERS, DEADLINE, Desk
from tests.database.shop import MAP, Shop
from tests.peers.stub_carrier import REASON, WAYS, StubCarrier
from transactions import tracking
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
    stub.finds, stub.ways = False, ["not JSON, sold"]
    work = await desk.work()
    label = await desk.ask(work)
    await desk.jobs.carry_out()
    await desk.later(60 * 24 * 30)
    assert (await desk.status(label), stub.asked) == ("unknown", [f"buy {label}"])
    (said,) = await desk.exceptions()
    assert said.endswith(f"; look there for {label}, and void it here before you ask for another")
    with pytest.raises(RequestRefused, match="may have sold it"):
        await desk.ask(work)
    await desk.void(label)
    assert (await desk.status(label), await desk.exceptions()) == ("voided", [])
    second = await desk.ask(work)
    await desk.jobs.carry_out()
    assert await desk.status(second) == "bought"


async def test_a_void_asked_for_before_the_answer_is_lost_is_no_decision_of_a_person_who_has_looked(
    desk: Desk, stub: StubCarrier
) -> None:
    stub.finds, stub.ways = False, ["not JSON, sold"]
    label = await desk.ask(await desk.work())
    buying = asyncio.create_task(desk.jobs.carry_out())
    stub.before_answer = lambda: time.sleep(0.2)
    await asyncio.sleep(0.1)
    await desk.void(label)
    await buying
    await desk.later(60)
    assert (await desk.status(label), len(await desk.exceptions())) == ("unknown", 1)
    await desk.void(label)
    assert await desk.status(label) == "voided"


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


async def test_an_unusable_label_that_turns_up_after_it_was_given_up_is_given_back(
    desk: Desk, stub: StubCarrier
) -> None:
    stub.ways = ["silence"]
    label = await desk.ask(await desk.work())
    await desk.jobs.carry_out()
    await desk.later(6)
    assert await desk.status(label) == "refused"
    stub.sold[label] = Bought("LATE", b"", amount=777, currency="USD")
    await desk.later(60)
    await desk.later(60)
    assert (stub.taken_back, stub.sold) == ([label], {})
    assert stub.asked.count(f"find {label}") == 2


async def test_no_label_is_bought_for_work_that_was_cancelled_before_its_carrier_was_called(
    desk: Desk, stub: StubCarrier
) -> None:
    work = await desk.work()
    label = await desk.ask(work)
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.asked) == ("voided", [])


async def test_a_label_that_is_sold_while_its_work_is_cancelled_is_given_back(desk: Desk, stub: StubCarrier) -> None:
    work = await desk.work()
    label = await desk.ask(work)
    stub.before_answer = lambda: time.sleep(0.2)
    buying = asyncio.create_task(desk.jobs.carry_out())
    await asyncio.sleep(0.05)
    await desk.cancelled(work)
    await buying
    await desk.later(1)
    assert (await desk.status(label), stub.taken_back, stub.sold) == ("voided", [label], {})


async def test_a_label_that_its_carrier_does_not_take_back_stays_bought_and_can_be_used(
    desk: Desk, stub: StubCarrier
) -> None:
    label = await desk.ask(await desk.work())
    stub.refuses_voids = "it was scanned already"
    stub.before_answer = lambda: time.sleep(0.2)
    buying = asyncio.create_task(desk.jobs.carry_out())
    await asyncio.sleep(0.1)
    await desk.void(label)
    await buying
    await desk.later(1)
    shown = await desk.shown(label)
    assert (shown["status"], shown["content"] is not None, shown["said"]) == ("bought", True, "it was scanned already")
    assert await desk.exceptions() == [f"stub, label {label}: does not take it back: it was scanned already"]


async def test_a_carrier_that_never_answers_a_void_becomes_an_exception_and_is_asked_further_on(
    desk: Desk, stub: StubCarrier
) -> None:
    label = await desk.ask(await desk.work())
    await desk.jobs.carry_out()
    stub.is_silent = True
    await desk.void(label)
    for _ in range(10):
        await desk.later(60)
    (said,) = await desk.exceptions()
    assert said.startswith(f"stub, label {label}: has not answered 8 times: ")
    stub.is_silent = False
    desk.jobs = Labels(desk.shop.transactions, CarrierCalls(DEADLINE))
    await desk.later(60)
    assert (await desk.status(label), await desk.exceptions()) == ("voided", [])


async def test_what_a_carrier_answers_while_its_process_ends_is_kept(desk: Desk, stub: StubCarrier) -> None:
    label = await desk.ask(await desk.work())
    stub.before_answer = lambda: time.sleep(0.2)
    buying = asyncio.create_task(desk.jobs.carry_out())
    await asyncio.sleep(0.1)
    buying.cancel()
    await desk.jobs.close()
    assert await desk.status(label) == "bought"


async def test_a_label_that_was_sold_is_kept_although_postgresql_takes_it_only_later(
    desk: Desk, stub: StubCarrier
) -> None:
    label = await desk.ask(await desk.work())
    async with desk.shop.database.write() as connection:
        await connection.execute(text(REFUSING))
        await connection.execute(
            text("CREATE TRIGGER refusing BEFORE UPDATE OF content ON label FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    buying = asyncio.create_task(desk.jobs.carry_out())
    await asyncio.sleep(0.5)
    async with desk.shop.database.write() as connection:
        await connection.execute(text("DROP TRIGGER refusing ON label"))
    await buying
    assert (await desk.status(label), stub.asked) == ("bought", [f"buy {label}"])


async def test_two_who_ask_for_the_label_of_a_parcel_at_the_same_time_buy_one(desk: Desk, stub: StubCarrier) -> None:
    work = await desk.work()
    asked = await asyncio.gather(*(desk.ask(work) for _ in range(5)), return_exceptions=True)
    other = Labels(desk.shop.transactions, CarrierCalls(DEADLINE))
    await asyncio.gather(desk.jobs.carry_out(), other.carry_out())
    labels = [one for one in asked if isinstance(one, str)]
    assert [type(one) for one in asked if one not in labels] == [RequestRefused] * 4
    assert (stub.asked, await desk.status(labels[0])) == ([f"buy {labels[0]}"], "bought")


async def test_a_carrier_that_is_not_in_the_network_any_more_leaves_no_label_asked_for_ever(
    desk: Desk, stub: StubCarrier
) -> None:
    label = await desk.ask(await desk.work())
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE label SET called_at = clock_timestamp()"))
    await Shop.open(desk.shop.database)
    await desk.jobs.carry_out()
    assert await desk.status(label) == "unknown"
    assert await desk.exceptions() == [
        f"stub, label {label}: did not answer, and may have sold it: it is not in carriers.toml any more"
    ]
    await desk.void(label)
    assert await desk.status(label) == "voided"


@pytest.mark.parametrize("way", ["silence", "silence, sold", "not JSON", "not JSON, sold", "empty label"])
async def test_row_15_a_parcel_is_priced_labelled_and_followed_to_its_end_although_its_carrier_fails_first(
    desk: Desk, stub: StubCarrier, way: str
) -> None:
    stub.ways, work = [way], await desk.work()
    label = await desk.ask(work)
    await desk.jobs.carry_out()
    assert len(await desk.exceptions()) == 1
    await desk.jobs.close()
    await desk.later(6)
    if await desk.status(label) == "refused":
        label = await desk.ask(work)
        await desk.jobs.carry_out()
    shown = await desk.shown(label)
    assert (shown["status"], shown["amount"], list(stub.sold), await desk.exceptions()) == ("bought", 777, [label], [])
    order = work.removesuffix("-f1")
    await desk.shop.tell(order, MessageKind.SHIPPED)
    at = datetime.now(UTC)
    for kind in (ScanKind.IN_TRANSIT, ScanKind.DELIVERED):
        await tracking.record(desk.shop.transactions, "stub", [Scan(shown["tracking"], kind, kind, at)])
    delivered = "SELECT sum(delivered)::int FROM fulfillment_order_line WHERE fulfillment_order_id = :work"
    assert await desk.shop.number(delivered, work=work) == 1
    await desk.shop.check()


REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$
"""
