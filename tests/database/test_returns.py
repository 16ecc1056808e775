"""Returns on real PostgreSQL: races for the last unit and for the money, and steps that are repeated."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database import returns
from database.connect import Database
from domain.claim import ClaimRequest
from domain.fulfillment import MessageKind
from domain.parcel import Parcel, ParcelUnits
from domain.returns import ReturnDecision, ReturnMessage, ReturnState
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions import claim, parcel
from transactions import returns as return_transactions
from transactions.parcel import RecordedParcel
from transactions.request import Asked, Done, RequestInput, RequestRefused
from transactions.returns import ReturnStep

_numbers = count(1)
AT = datetime.now(UTC)


class Desk:
    """Returns of a shop's orders, without Temporal: what a workflow would call is called here."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def delivered(self, *lines: tuple[str, int]) -> str:
        """An order that its customer has got."""
        order = await self.shop.released(*lines)
        await self.shop.tell(order, MessageKind.DELIVERED)
        return order

    async def ask(self, order: str, quantity: int = 1, resolution: str = "refund", **more: str) -> Done:
        """Ask for a return of the order's first line."""
        facts = {"lines": [{"line": "1", "quantity": quantity} | more], "resolution": resolution}
        key = f"r-{next(_numbers)}"
        request = RequestInput(
            order=order, request=None, kind="request_return", facts=facts, key=key, at=datetime.now(UTC)
        )
        return await return_transactions.request_return(self.shop.transactions, request)

    async def asked(self, order: str, quantity: int = 1, resolution: str = "refund", **more: str) -> str:
        """The same; answers its name."""
        return str((await self.ask(order, quantity, resolution, **more)).answer["return"])

    async def tell(self, name: str, kind: str, **more: Any) -> None:
        """A message about a return."""
        reported = {
            "message_id": f"back-{next(_numbers)}",
            "kind": kind,
            "occurred_at": datetime.now(UTC),
            "node": NEAREST,
        }
        message = ReturnMessage.model_validate(reported | more)
        await return_transactions.record(
            self.shop.transactions, name, message, sender=message.node or "web", actor="node"
        )

    async def grade(self, name: str, quantity: int, disposition: str = "restock") -> None:
        """Units of its first line are graded."""
        unit = {"line": "1", "quantity": quantity, "condition": "used", "disposition": disposition}
        await self.tell(name, "graded", lines=[unit])

    async def pay(self, name: str) -> ReturnState:
        """What its workflow does when the customer is owed something."""
        step = ReturnStep(order=name.rpartition("-r")[0], return_=name, at=datetime.now(UTC))
        return await return_transactions.pay(self.shop.transactions, step)

    async def state(self, name: str) -> ReturnState:
        """How a return stands."""
        async with self.shop.database.read() as connection:
            return await returns.state(connection, name)

    async def parcel(self, order: str | None, *units: tuple[str, int], message_id: str | None = None) -> RecordedParcel:
        """A parcel comes to the nearest node without a return."""
        lines = tuple(ParcelUnits(sku=sku, quantity=quantity) for sku, quantity in units)
        message_id = message_id or f"parcel-{next(_numbers)}"
        reported = Parcel(message_id=message_id, occurred_at=AT, node=NEAREST, order=order, lines=lines)
        return await parcel.take(self.shop.transactions, reported, actor="node")

    async def claim(self, order: str, quantity: int, resolution: str = "refund", kind: str = "lost") -> dict[str, Any]:
        """Units of the first line are claimed."""
        lines = [{"line": "1", "quantity": quantity}]
        reported = {"lines": lines, "kind": kind, "resolution": resolution, "evidence": {"scan": "none since Friday"}}
        try:
            return await claim.take(
                self.shop.transactions, Asked(order, ClaimRequest.model_validate(reported), "operator")
            )
        except RequestRefused as error:
            return {"refused": str(error)}

    async def returnable(self, order: str) -> int:
        """Units of the first line that may be returned now."""
        async with self.shop.database.read() as connection:
            return (await returns.sold(connection, order))["1"].returnable(datetime.now(UTC))

    async def mismatches(self) -> list[str]:
        """The exceptions about returns."""
        async with self.shop.database.read() as connection:
            statement = "SELECT detail FROM exception WHERE code = 'return_misfit' ORDER BY since, exception_id"
            return list((await connection.execute(text(statement))).scalars())

    async def refunded(self) -> int:
        """What all channels together were asked for."""
        return await self.shop.number("SELECT coalesce(sum(amount), 0) FROM refund")


@pytest.fixture
async def desk(database: Database) -> Desk:
    """A shop with twelve chairs and its desk for returns."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12, LAMP=3)
    return Desk(shop)


async def test_of_two_returns_racing_for_the_last_unit_one_is_granted(desk: Desk) -> None:
    for _ in range(5):
        order = await desk.delivered(("CHAIR", 1))
        granted = [done.refused is None for done in await asyncio.gather(desk.ask(order), desk.ask(order))]
        assert sorted(granted) == [False, True]
    await desk.shop.check()


async def test_a_return_before_delivery_is_refused(desk: Desk) -> None:
    order = await desk.shop.released(("CHAIR", 1))
    await desk.shop.tell(order, MessageKind.SHIPPED)
    done = await desk.ask(order)
    assert done.refused
    assert done.refused.reason == "line 1: 1 requested, 0 delivered and not in a return already"


async def test_a_unit_that_is_being_sourced_again_cannot_be_returned(desk: Desk) -> None:
    """One of two units was short and waits for another node."""
    order = await desk.shop.released(("CHAIR", 2))
    await desk.shop.tell(order, MessageKind.PICKED, {"1": 1}, final=True)
    await desk.shop.tell(order, MessageKind.DELIVERED, {"1": 1})
    assert (await desk.ask(order, 2)).refused
    assert (await desk.ask(order, 1)).refused is None


async def test_a_unit_that_is_being_rerouted_is_returnable_once_whichever_node_delivers_it(desk: Desk) -> None:
    """Its first node was silent, so it was sourced again; then the first had delivered it after all."""
    await desk.shop.receive(NEXT, CHAIR=1)
    order = await desk.shop.released(("CHAIR", 1))
    await desk.shop.wait_in_vain(order)
    assert (await desk.ask(order)).refused, "nobody has it"
    await desk.shop.source(order)
    await desk.shop.release(order)
    assert (await desk.ask(order)).refused, "it is on its way to nobody"

    await desk.shop.tell(order, MessageKind.DELIVERED, number=1)
    name = await desk.asked(order)
    assert (await desk.ask(order)).refused, "it is in a return already"
    await desk.grade(name, 1)
    await desk.pay(name)

    assert await desk.refunded() == 100
    assert (await desk.ask(order)).refused, "it came back"
    await desk.shop.check()


async def test_a_hundred_requests_for_the_money_at_once_are_one_refund(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2))
    name = await desk.asked(order, 2)
    await desk.grade(name, 2)

    await asyncio.gather(*(desk.pay(name) for _ in range(100)))

    assert await desk.shop.number("SELECT count(*) FROM refund") == 1
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'refund_requested'") == 1
    assert await desk.refunded() == 200
    await desk.shop.check()


async def test_two_returns_paid_at_once_never_get_more_than_was_captured(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 3))
    async with desk.shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE orders SET paid = 250")
    names = [await desk.asked(order) for _ in range(3)]
    for name in names:
        await desk.grade(name, 1)

    await asyncio.gather(*(desk.pay(name) for name in names))

    assert await desk.refunded() == 250
    await desk.shop.check()


async def test_what_comes_back_in_parts_is_paid_in_parts_and_no_unit_twice(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 3))
    name = await desk.asked(order, 3)
    for units in (1, 2, 1):  # the last one is more than was announced
        await desk.grade(name, units)
        await desk.pay(name)
        await desk.pay(name)
    assert await desk.shop.number("SELECT count(*) FROM refund") == 2
    assert await desk.refunded() == 300
    await desk.shop.check()


async def test_a_channel_that_pays_before_it_is_asked_is_not_asked_again(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2))
    name = await desk.asked(order, 2)
    await desk.tell(name, "settled", node=None)
    assert (await desk.state(name)).status == "settled"
    await desk.grade(name, 2)
    await desk.pay(name)
    assert (await desk.state(name)).status == "settled"
    assert await desk.shop.number("SELECT count(*) FROM refund") == 1
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'refund_requested'") == 0


async def test_a_refund_call_that_timed_out_but_had_worked_is_repeated_and_pays_once(desk: Desk) -> None:
    """Our step is repeated because its answer was lost, and the channel's word because it got no answer, in other words too."""
    order = await desk.delivered(("CHAIR", 2))
    name = await desk.asked(order, 2)
    await desk.grade(name, 2)
    step = ReturnStep(order=order, return_=name, at=datetime.now(UTC))
    first, again = (
        await return_transactions.pay(desk.shop.transactions, step),
        await return_transactions.pay(desk.shop.transactions, step),
    )
    assert first == again

    for message_id in ("paid-1", "paid-1", "paid-2"):
        await desk.tell(name, "settled", node=None, message_id=message_id, occurred_at=AT)
    assert await return_transactions.pay(desk.shop.transactions, step) == await desk.state(name)

    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'refund_requested'") == 1
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'settled'") == 1
    assert await desk.shop.number("SELECT sum(settled_amount) FROM refund") == 200
    assert await desk.mismatches() == []
    await desk.shop.check()


async def test_a_return_is_settled_when_all_that_was_asked_for_is_confirmed(desk: Desk) -> None:
    """A second confirmation changes nothing; an unknown refund opens an exception."""
    order = await desk.delivered(("CHAIR", 2))
    name = await desk.asked(order, 2)
    statuses = []
    for refund in (f"{name}-m1", f"{name}-m2"):
        await desk.grade(name, 1)
        await desk.pay(name)
        statuses.append((await desk.state(name)).status)
        await desk.tell(name, "settled", node=None, refund=refund)
        await desk.tell(name, "settled", node=None)
        statuses.append((await desk.state(name)).status)
    assert statuses == ["graded", "settled", "disposed", "settled"]
    assert await desk.shop.number("SELECT count(*) FROM exception") == 0
    await desk.tell(name, "settled", node=None, refund=f"{name}-m9")
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE code = 'return_misfit'") == 1
    await desk.shop.check()


async def test_what_was_owed_and_not_asked_for_is_settled_with_the_return_as_a_whole_and_an_exception_opens(
    desk: Desk,
) -> None:
    """The channel may have been quicker than our question, or may have meant only what it was asked for."""
    order = await desk.delivered(("CHAIR", 3))
    name = await desk.asked(order, 3)
    await desk.grade(name, 1)
    await desk.pay(name)
    await desk.grade(name, 1)
    await desk.tell(name, "settled", node=None)
    await desk.pay(name)
    assert (await desk.state(name)).status == "settled"
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'refund_requested'") == 1
    assert await desk.shop.number("SELECT count(*) FROM refund WHERE settled_at IS NOT NULL") == 2
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE code = 'return_misfit'") == 1
    await desk.grade(name, 1)
    await desk.pay(name)
    assert (await desk.state(name)).status == "disposed", "the third unit was not owed then"
    await desk.shop.check()


async def test_a_refund_that_is_named_before_any_was_asked_for_is_a_persons_case_and_the_money_is_still_asked_for(
    desk: Desk,
) -> None:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order, 1)
    await desk.tell(name, "settled", node=None, refund=f"{name}-m7")
    await desk.grade(name, 1)
    await desk.pay(name)
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE code = 'return_misfit'") == 1
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'refund_requested'") == 1
    assert await desk.shop.number("SELECT count(*) FROM refund WHERE settled_at IS NULL") == 1
    await desk.shop.check()


async def test_another_amount_than_was_asked_for_is_a_fact_and_an_exception_opens(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2))
    name = await desk.asked(order, 1)
    await desk.grade(name, 1)
    await desk.pay(name)
    await desk.tell(name, "settled", node=None, amount=2500)
    assert await desk.shop.number("SELECT settled_amount FROM refund") == 2500
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE code = 'return_misfit'") == 1
    await desk.shop.check()


async def test_a_parcel_that_names_no_return_belongs_to_the_one_that_waits_for_it(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 3))
    _, second = await desk.asked(order, 1), await desk.asked(order, 2)
    assert (await desk.parcel(order, ("CHAIR", 2))).return_ == second
    assert (await desk.state(second)).status == "received"
    assert await desk.mismatches() == []


async def test_a_blind_return_becomes_a_return_and_is_reported_once(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2), ("LAMP", 1))
    first = await desk.parcel(order, ("CHAIR", 1), message_id="again")
    again = await desk.parcel(order, ("CHAIR", 1), message_id="again")
    assert (first.is_new, again.is_new, again.return_) == (True, False, first.return_)
    state = await desk.state(str(first.return_))
    assert (state.status, state.is_authorized, state.node) == ("received", True, NEAREST)
    await desk.grade(state.return_, 1)
    await desk.pay(state.return_)
    assert await desk.refunded() == 100
    await desk.shop.check()


async def test_what_its_order_does_not_expect_is_a_persons_case_and_the_rest_is_a_return(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    taken = await desk.parcel(order, ("CHAIR", 2), ("VASE", 1))
    assert taken.return_ == f"{order}-r1"
    assert (await desk.parcel(order, ("CHAIR", 1))).return_ is None
    assert (await desk.parcel(None, ("LAMP", 1))).return_ is None
    assert (await desk.parcel("web-0", ("LAMP", 1))).return_ is None
    assert await desk.mismatches() == [
        f"a parcel came to denver that {order} does not expect: 1 of CHAIR, 1 of VASE",
        f"a parcel came to denver that {order} does not expect: 1 of CHAIR",
        "a parcel came to denver for an unknown order: 1 of LAMP",
        "a parcel came to denver for an unknown order: 1 of LAMP",
    ]
    await desk.shop.check()


async def test_what_could_not_be_delivered_comes_back_to_its_sender_and_a_person_approves_the_money(desk: Desk) -> None:
    order = await desk.shop.released(("CHAIR", 2))
    await desk.shop.tell(order, MessageKind.SHIPPED)
    await desk.shop.tell(order, MessageKind.DELIVERY_FAILED)
    name = str((await desk.parcel(order, ("CHAIR", 2))).return_)
    await desk.grade(name, 2)
    await desk.pay(name)
    assert await desk.refunded() == 0

    approval = Asked(name, ReturnDecision(actor="jo"), "operator", None)
    await return_transactions.approve(desk.shop.transactions, approval)
    with pytest.raises(RequestRefused, match=f"{name} is disposed"):
        await return_transactions.approve(desk.shop.transactions, approval)

    await desk.pay(name)
    assert await desk.refunded() == 200
    assert await desk.shop.counters("CHAIR", NEAREST) == (12, 0, 0)
    await desk.shop.check()


async def test_an_exchange_is_an_order_of_its_own_that_the_return_pays_for(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 3))
    name = await desk.asked(order, 2, "exchange", exchange_for="LAMP")
    await desk.grade(name, 2)
    await asyncio.gather(*(desk.pay(name) for _ in range(5)))

    replacement = f"{order}-r1-x1"
    assert await desk.shop.number("SELECT count(*) FROM orders") == 2
    paid = "SELECT paid FROM orders WHERE order_id = :order"
    assert await desk.shop.number(paid, order=replacement) == 200
    assert (await desk.state(name)).status == "settled"
    await desk.shop.source(replacement)
    assert await desk.shop.units(replacement) == {"reserved": 2}
    assert await desk.shop.number("SELECT count(*) FROM event WHERE kind = 'exchanged'") == 1
    await desk.shop.check()


async def test_an_exchange_whose_replacement_is_out_of_stock_waits_for_it_like_any_order(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order, 1, "exchange", exchange_for="VASE")
    await desk.grade(name, 1)
    await desk.pay(name)
    await desk.shop.source(f"{order}-r1-x1")
    assert await desk.shop.units(f"{order}-r1-x1") == {"backordered": 1}
    await desk.shop.check()


async def test_an_exchange_for_what_is_not_sold_is_refused(desk: Desk) -> None:
    done = await desk.ask(await desk.delivered(("CHAIR", 1)), 1, "exchange", exchange_for="THRONE")
    assert done.refused
    assert done.refused.reason == "line 1: THRONE is not an item of the network"


async def test_what_came_in_exchange_may_be_returned_for_what_was_paid_for_it(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order, 1, "exchange")
    await desk.grade(name, 1)
    await desk.pay(name)
    replacement = f"{order}-r1-x1"
    await desk.shop.source(replacement)
    await desk.shop.release(replacement)
    await desk.shop.tell(replacement, MessageKind.DELIVERED)
    again = await desk.asked(replacement)
    await desk.grade(again, 1)
    await desk.pay(again)
    async with desk.shop.database.read() as connection:
        amounts = (await connection.execute(text("SELECT kind, amount FROM refund ORDER BY refund_id"))).all()
    assert [tuple(row) for row in amounts] == [("exchange", 100), ("refund", 100)]
    await desk.shop.check()


async def test_the_workflow_of_an_order_learns_of_a_parcel_that_fits_none_of_its_lines(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    desk.shop.sent.clear()
    assert (await desk.parcel(order, ("LAMP", 1))).return_ is None
    (sent,) = desk.shop.sent
    assert [known["code"] for known in sent.facts["recorded"]["exceptions"]] == ["return_misfit"]


async def test_what_the_carrier_calls_lost_after_its_refund_is_a_persons_case_and_pays_nothing_twice(
    desk: Desk,
) -> None:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order)
    await desk.grade(name, 1)
    await desk.pay(name)
    await desk.tell(name, "settled", node=None)
    await desk.shop.tell(order, MessageKind.DELIVERY_FAILED)
    await desk.pay(name)
    assert await desk.refunded() == 100
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE code = 'delivery_failed'") == 1
    assert (await desk.ask(order)).refused
    await desk.shop.check()


async def test_a_lost_parcel_is_paid_at_once_and_when_it_comes_back_later_not_again(desk: Desk) -> None:
    order = await desk.shop.released(("CHAIR", 2))
    await desk.shop.tell(order, MessageKind.SHIPPED)
    assert await desk.claim(order, 2) == {"claim": f"{order}-c1", "refund": f"{order}-c1-m1", "replacement": None}
    assert await desk.refunded() == 200

    name = str((await desk.parcel(order, ("CHAIR", 2))).return_)
    await return_transactions.approve(desk.shop.transactions, Asked(name, ReturnDecision(), "operator", None))
    await desk.grade(name, 2)
    await desk.pay(name)

    assert await desk.refunded() == 200
    assert (await desk.state(name)).status == "settled"
    assert await desk.shop.counters("CHAIR", NEAREST) == (12, 0, 0)
    await desk.shop.check()


async def test_a_claim_may_be_replaced_and_its_units_are_paid_once(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2))
    placed = await desk.claim(order, 1, "replacement", "damaged")
    assert placed["replacement"] == f"{order}-c1-x1"
    await desk.shop.source(placed["replacement"])
    assert await desk.shop.units(placed["replacement"]) == {"reserved": 1}
    assert await desk.claim(order, 2) == {"refused": "line 1: 2 claimed, 1 shipped and not paid back already"}
    assert await desk.shop.number("SELECT count(*) FROM personal.evidence") == 1
    await desk.shop.check()


async def test_what_is_sent_for_a_claim_is_held_by_the_policy_like_any_order(database: Database) -> None:
    rule = """[[hold]]\nid = "approval"\nwhen = 'order.value > 150'\nreason = "is approved"\nowner = "finance"\n"""
    desk = Desk(await Shop.open(database, replace(MAP, policy=MAP.policy + rule)))
    await desk.shop.receive(NEAREST, CHAIR=12)
    order = await desk.shop.sold(("CHAIR", 3))
    await desk.shop.take_off(order, "approval")
    await desk.shop.release(order)
    await desk.shop.tell(order, MessageKind.DELIVERED)
    large, small = [(await desk.claim(order, units, "replacement"))["replacement"] for units in (2, 1)]
    assert [(await desk.shop.state(name)).holds for name in (large, small)] == [["approval"], []]


async def test_what_has_not_shipped_cannot_be_claimed(desk: Desk) -> None:
    order = await desk.shop.released(("CHAIR", 1))
    assert await desk.claim(order, 1) == {"refused": "line 1: 1 claimed, 0 shipped and not paid back already"}


async def test_a_claimed_unit_is_not_returned_for_money_again_and_the_other_one_is(desk: Desk) -> None:
    """One unit is sent back all the same: it is not known which of the two is in the parcel, so a person decides."""
    order = await desk.delivered(("CHAIR", 2))
    await desk.claim(order, 1, kind="damaged")
    refused = (await desk.ask(order, 2)).refused
    assert refused
    assert refused.reason == "line 1: 2 requested, 1 not paid back already"

    parcel = str((await desk.parcel(order, ("CHAIR", 1))).return_)
    assert (await desk.state(parcel)).is_authorized is False
    assert await desk.returnable(order) == 0
    decision = Asked(parcel, ReturnDecision(), "operator", None)
    await return_transactions.decline(desk.shop.transactions, decision)
    assert await desk.returnable(order) == 1

    name = await desk.asked(order)
    assert await desk.returnable(order) == 0
    await desk.grade(name, 1)
    await desk.pay(name)
    assert await desk.returnable(order) == 0
    assert await desk.refunded() == 200
    await desk.shop.check()


async def test_claims_that_race_for_the_same_unit_are_one(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    answers = await asyncio.gather(*(desk.claim(order, 1) for _ in range(10)))
    assert sum("refused" not in answer for answer in answers) == 1
    assert await desk.refunded() == 100


async def test_people_who_decide_about_a_return_at_once_do_not_wait_in_a_circle(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order)
    cancels = [Asked(name, ReturnDecision(), f"operator:{n}", None) for n in range(10)]
    cancelling = (return_transactions.cancel(desk.shop.transactions, asked) for asked in cancels)
    answers = await asyncio.gather(*cancelling, return_exceptions=True)
    assert answers.count(None) == 1
    assert all(answer is None or isinstance(answer, RequestRefused) for answer in answers)
