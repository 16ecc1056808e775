"""Every sourcing round keeps what it was decided from, sealed, and is planned again to the same plan until it is forgotten."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from database import network as networks
from database.connect import Database
from database.documents.what_if import WhyNot
from database.sourcing import Round
from domain.fulfillment import MessageKind
from domain.request import ForgetRequest
from domain.sourcing.what_if import ChangeKind
from network.load import load_applied
from starter.explain import explain_why_not
from starter.replay import replay_rounds
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from tests.house import MASTER_KEYS
from transactions.network import Networks
from transactions.personal import forget
from transactions.replay import KEPT, Verdict, erase_old, judged, replay
from transactions.what_if import why_not

EVER = datetime(1970, 1, 1, tzinfo=UTC)
WITH_A_COOLDOWN = replace(MAP, policy=MAP.policy.replace("[orders]", '[orders]\nreject_cooldown = "1d"'))


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with orders that were sourced in all sorts of ways."""
    opened = await Shop.open(database, WITH_A_COOLDOWN)
    await opened.receive(NEAREST, CHAIR=10, LAMP=10, VASE=3)
    await opened.receive(NEXT, CHAIR=10, LAMP=2)
    await opened.sold(("DESK-SET", 2), ("VASE", 1))
    rejected = await opened.released(("CHAIR", 3))
    await opened.tell(rejected, MessageKind.REJECTED)
    await opened.source(rejected)
    await opened.ordered(await opened.fill_cart("CHAIR", 2), ("CHAIR", 2))
    await opened.source(await opened.place(("LAMP", 9), ("CHAIR", 4)))
    yield opened
    await opened.check()


async def verdicts(shop: Shop, since: datetime = EVER) -> Counter[Verdict]:
    return Counter([one.verdict async for one in replay(shop.database, since)])


async def test_every_round_is_planned_again_to_the_same_plan_also_under_another_network(shop: Shop) -> None:
    assert await verdicts(shop) == {Verdict.SAME: 4}
    other = replace(MAP, policy=MAP.policy.replace('rank = ["distance"]', 'rank = ["shipments"]'))
    async with shop.database.write() as connection:
        await networks.activate(connection, asdict(other), other.digest)
    assert await verdicts(shop) == {Verdict.SAME: 4}
    assert await verdicts(shop, datetime.now(UTC) + timedelta(hours=1)) == {}


async def test_what_a_round_was_decided_from_is_sealed_and_goes_with_what_is_personal_of_its_order(shop: Shop) -> None:
    order = await shop.sold(("CHAIR", 1))
    async with shop.database.read() as connection:
        stored = (await connection.execute(text("SELECT input FROM personal.plan_input"))).scalars().all()
    assert len(stored) == 5
    assert len(set(stored)) == 5
    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
    assert await shop.number("SELECT count(*) FROM personal.plan_input") == 4
    assert await verdicts(shop) == {Verdict.SAME: 4, Verdict.FORGOTTEN: 1}
    await shop.release(order)
    await shop.tell(order, MessageKind.REJECTED)
    await shop.source(order)
    assert await verdicts(shop) == {Verdict.SAME: 4, Verdict.FORGOTTEN: 2}, "of a forgotten order nothing more is kept"


async def test_what_a_round_was_decided_from_is_erased_after_ninety_days(shop: Shop) -> None:
    async with shop.database.write() as connection:
        older = text(
            "UPDATE personal.plan_input SET recorded_at = recorded_at - CAST(:by AS interval)"
            " WHERE order_id = (SELECT min(order_id) FROM personal.plan_input)"
        )
        await connection.execute(older, {"by": KEPT})
    await erase_old(shop.transactions)
    assert await verdicts(shop) == {Verdict.SAME: 3, Verdict.NOT_KEPT: 1}


async def test_a_round_that_comes_out_differently_is_named_with_the_cause(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    url = shop.database.engine.url.render_as_string(hide_password=False)
    assert await replay_rounds(url, MASTER_KEYS, EVER) == 0
    assert capsys.readouterr().err == "4 rounds: 4 the same\n"
    order = await shop.sold(("CHAIR", 1))
    async with shop.database.write() as connection:
        changed = "UPDATE plan SET document = jsonb_set(document, '{nodes,0,days}', '17') WHERE order_id = :order"
        await connection.execute(text(changed), {"order": order})
        changed = "UPDATE plan SET document = jsonb_set(document, '{cost}', '17') WHERE order_id = :order"
        await connection.execute(text(changed), {"order": order})
    assert await replay_rounds(url, MASTER_KEYS, EVER) == 1
    said = capsys.readouterr()
    assert said.err == "5 rounds: 4 the same, 1 different\n"
    assert re.match(rf"{order}, round 1: different: {NEXT}: days \d, was 17", said.out)


def test_a_round_that_cannot_be_planned_again_is_named_and_does_not_hide_the_others() -> None:
    found = judged(
        Round("web-1", 2, 1, {}, b"not what a round was decided from", is_forgotten=False, decided_at=EVER),
        load_applied(MAP),
    )
    assert (found.order, found.round, found.verdict) == ("web-1", 2, Verdict.DIFFERENT)
    assert found.cause.startswith("it cannot be planned again: error(")


async def test_an_order_is_asked_why_a_node_does_not_ship_and_what_would_have_to_be_different(shop: Shop) -> None:
    await shop.receive(NEAREST, VASE=1)
    await shop.receive(NEXT, VASE=9)
    order = await shop.sold(("VASE", 2))
    found = WhyNot.model_validate(await why_not(shop.database, Networks(), order, NEAREST))
    assert (found.ships, found.excluded) == (False, "1 of 2 units")
    assert {change.kind: change.words for change in found.changes} == {
        ChangeKind.STOCK: "1 more VASE on hand at denver",
        ChangeKind.SAFETY_STOCK: "a safety stock of 1 of VASE at denver instead of 2 (items.csv)",
    }
    assert {shipment.node for change in found.changes for shipment in change.plan.shipments} == {NEAREST}
    assert [(line.kept_back, line.kept_back_by) for line in found.lines] == [(2, "items.csv")]
    assert [shipment.node for shipment in found.without.shipments] == [NEXT]


async def test_what_cannot_be_said_of_an_order_is_said_in_a_sentence(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    order = await shop.place(("LAMP", 1))
    url = shop.database.engine.url.render_as_string(hide_password=False)
    assert await explain_why_not(url, MASTER_KEYS, (order, NEXT, None)) == 1
    assert capsys.readouterr().err == f"{order} has not been sourced yet\n"
    await shop.source(order)
    assert await explain_why_not(url, MASTER_KEYS, (order, "nowhere", None)) == 1
    assert capsys.readouterr().err == "there is no node nowhere in the network of this round\n"
    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
    assert await explain_why_not(url, MASTER_KEYS, (order, NEXT, None)) == 1
    assert (
        capsys.readouterr().err == f"what round 1 of {order} was decided from is not there: its order was forgotten\n"
    )
