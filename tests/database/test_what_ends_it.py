"""For every state of an order, a return and a claim: what ends it, a deadline, a person's queue, or a word that is missed.

Each entry makes its state on real PostgreSQL and finds there what ends it. A new state needs an entry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.claim import ClaimMessage, ClaimResolution
from domain.fulfillment import MessageKind
from domain.order import OrderState, OrderStatus
from domain.returns import ReturnDecision, ReturnState, ReturnStatus
from network.load import NetworkDocuments
from tests.database.shop import MAP, NEAREST, POLICY, Shop
from tests.database.test_returns import Desk
from transactions import claim, silence
from transactions import order as order_transactions
from transactions import returns as return_transactions
from transactions.order import Moment
from transactions.request import Asked
from transactions.returns import ReturnStep

End = Callable[[Desk, str], Awaitable[object]]
AT = datetime.now(UTC)
APPROVED = replace(MAP, policy=POLICY.replace('window = "30d"', 'window = "30d"\napprove_below = 1'))


async def sourced_at_once(desk: Desk, order: str) -> object:
    """Its workflow has something to do now: it sources the order, or goes on until it works."""
    state = await desk.shop.state(order)
    return state.version == 0 or state.to_source


async def released_in_time(desk: Desk, order: str) -> object:
    """Its units are pinned, and no hold keeps them."""
    state = await desk.shop.state(order)
    return state.release_at and not state.holds and sum(line.reserved for line in state.lines)


async def offered_new_stock(desk: Desk, order: str) -> object:
    """It stands in the queue for stock, for goods that may come: a node may ship them."""
    statement = """SELECT count(*) FROM waiting WHERE order_id = :order AND awaits = 'stock'
                   AND (nodes IS NULL OR nodes <> '{}') AND network_version > 0"""
    return await desk.shop.number(statement, order=order)


async def held_by_somebody(desk: Desk, order: str) -> object:
    """The owner of the hold takes it off: a hold names its owner."""
    return await desk.shop.number(
        "SELECT count(*) FROM hold WHERE order_id = :order AND released_at IS NULL", order=order
    )


async def deadline_of_its_node(desk: Desk, order: str) -> object:
    """Its node has until a deadline; after it the order acts, or a person is asked."""
    waits = [fo for fo in (await desk.shop.state(order)).fulfillment_orders if fo.waiting_for]
    return waits and all(fo.deadline for fo in waits)


async def end_of_its_window(desk: Desk, order: str) -> object:
    """The window for returns ends, and the order closes."""
    return (await desk.shop.state(order)).closes_at


async def over(desk: Desk, name: str) -> object:
    """It has ended, and nothing of it waits."""
    state: OrderState | ReturnState = await (desk.state(name) if "-r" in name else desk.shop.state(name))
    return state.status.is_over if isinstance(state, ReturnState) else state.closed


async def end_of_its_parcel(desk: Desk, name: str) -> object:
    """Its channel is reminded, and then it expires."""
    state = await desk.state(name)
    return state.waits_for_its_parcel and state.next_check_at <= state.expires_at


async def missed_word(desk: Desk, name: str) -> object:
    """Somebody's word is missed after a time: then a person is notified, and no more once it has come."""
    async with desk.shop.database.write() as connection:
        for statement in OLDER:
            await connection.execute(text(statement), {"span": 2 * silence.SILENT_AFTER})
    await silence.look(desk.shop.transactions, 10)
    await silence.look(desk.shop.transactions, 10)
    return await desk.shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 1


OLDER = (
    "UPDATE return SET requested_at = requested_at - CAST(:span AS interval)",
    "UPDATE inbox SET received_at = received_at - CAST(:span AS interval)",
    "UPDATE refund SET asked_at = asked_at - CAST(:span AS interval)",
)


async def closed_by_its_workflow(desk: Desk, name: str) -> object:
    """It is paid and graded: its workflow closes it at once."""
    return (await desk.state(name)).is_graded


@pytest.fixture
async def desk(database: Database) -> Desk:
    """A shop with twelve chairs and its desk for returns."""
    return await opened(database, MAP)


async def opened(database: Database, documents: NetworkDocuments) -> Desk:
    shop = await Shop.open(database, documents)
    await shop.receive(NEAREST, CHAIR=12)
    return Desk(shop)


async def received(desk: Desk) -> str:
    return await desk.shop.sold(("CHAIR", 1))


async def on_hold(desk: Desk) -> str:
    order = await desk.shop.place(("CHAIR", 1), holds=("fraud",))
    await desk.shop.source(order)
    return order


async def backordered(desk: Desk) -> str:
    return await desk.shop.sold(("VASE", 1))


async def sourcing(desk: Desk) -> str:
    """Its node has rejected it."""
    order = await desk.shop.released(("CHAIR", 1))
    await desk.shop.tell(order, MessageKind.REJECTED)
    return order


async def in_fulfillment(desk: Desk) -> str:
    return await desk.shop.released(("CHAIR", 1))


async def partially_shipped(desk: Desk) -> str:
    order = await desk.shop.released(("CHAIR", 2))
    await desk.shop.tell(order, MessageKind.SHIPPED, {"1": 1})
    return order


async def shipped(desk: Desk) -> str:
    order = await desk.shop.released(("CHAIR", 1))
    await desk.shop.tell(order, MessageKind.SHIPPED)
    return order


async def delivered(desk: Desk) -> str:
    return await desk.delivered(("CHAIR", 1))


async def completed(desk: Desk) -> str:
    order = await delivered(desk)
    await close(desk, order)
    return order


async def cancelled(desk: Desk) -> str:
    order = await desk.shop.sold(("CHAIR", 1))
    await desk.shop.cancel(order)
    await close(desk, order)
    return order


async def close(desk: Desk, order: str) -> None:
    """Its window is over."""
    at = datetime.now(UTC) + timedelta(days=40)
    await order_transactions.close(desk.shop.transactions, Moment(order=order, at=at))


ORDERS: dict[OrderStatus, tuple[Callable[[Desk], Awaitable[str]], End]] = {
    OrderStatus.RECEIVED: (received, released_in_time),
    OrderStatus.ON_HOLD: (on_hold, held_by_somebody),
    OrderStatus.BACKORDERED: (backordered, offered_new_stock),
    OrderStatus.SOURCING: (sourcing, sourced_at_once),
    OrderStatus.IN_FULFILLMENT: (in_fulfillment, deadline_of_its_node),
    OrderStatus.PARTIALLY_SHIPPED: (partially_shipped, deadline_of_its_node),
    OrderStatus.SHIPPED: (shipped, deadline_of_its_node),
    OrderStatus.DELIVERED: (delivered, end_of_its_window),
    OrderStatus.COMPLETED: (completed, over),
    OrderStatus.CANCELLED: (cancelled, over),
}


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_in_every_state_is_ended_by_something(desk: Desk, status: OrderStatus) -> None:
    make, end = ORDERS[status]
    order = await make(desk)
    assert (await desk.shop.state(order)).status is status
    assert await end(desk, order), f"nothing ends {status}: {end.__doc__}"


async def requested(desk: Desk) -> str:
    return await desk.asked(await delivered(desk))


async def declined(desk: Desk) -> str:
    name = await requested(desk)
    await return_transactions.decline(desk.shop.transactions, Asked(name, ReturnDecision(), "operator"))
    return name


async def expired(desk: Desk) -> str:
    name = await requested(desk)
    step = ReturnStep(order=name.rpartition("-r")[0], return_=name, at=datetime.now(UTC) + timedelta(days=40))
    await return_transactions.expire_return(desk.shop.transactions, step)
    return name


async def reported(desk: Desk, *kinds: str, quantity: int = 1) -> str:
    """A return of two units, of which its node and its channel have said this."""
    name = await desk.asked(await desk.delivered(("CHAIR", 2)), 2)
    for kind in kinds:
        if kind == "graded":
            await desk.grade(name, quantity)
        else:
            await desk.tell(name, kind, node=None if kind in ("settled", "in_transit") else NEAREST)
    await desk.pay(name)
    return name


async def closed_return(desk: Desk) -> str:
    name = await reported(desk, "graded", "settled", quantity=2)
    step = ReturnStep(order=name.rpartition("-r")[0], return_=name, at=datetime.now(UTC))
    await return_transactions.close_return(desk.shop.transactions, step)
    return name


async def cancelled_return(desk: Desk) -> str:
    name = await requested(desk)
    await return_transactions.cancel(desk.shop.transactions, Asked(name, ReturnDecision(), "operator"))
    return name


RETURNS: dict[ReturnStatus, tuple[Callable[[Desk], Awaitable[str]], End]] = {
    ReturnStatus.REQUESTED: (requested, missed_word),
    ReturnStatus.AUTHORIZED: (requested, end_of_its_parcel),
    ReturnStatus.DECLINED: (declined, over),
    ReturnStatus.EXPIRED: (expired, over),
    ReturnStatus.IN_TRANSIT: (lambda desk: reported(desk, "in_transit"), end_of_its_parcel),
    ReturnStatus.RECEIVED: (lambda desk: reported(desk, "received"), missed_word),
    ReturnStatus.GRADED: (lambda desk: reported(desk, "graded"), missed_word),
    ReturnStatus.DISPOSED: (lambda desk: reported(desk, "graded", quantity=2), missed_word),
    ReturnStatus.SETTLED: (lambda desk: reported(desk, "graded", "settled", quantity=2), closed_by_its_workflow),
    ReturnStatus.CLOSED: (closed_return, over),
    ReturnStatus.CANCELLED: (cancelled_return, over),
}
WAITS_FOR_A_DECISION = (ReturnStatus.REQUESTED, ReturnStatus.DECLINED)


@pytest.mark.parametrize("status", ReturnStatus)
async def test_a_return_in_every_state_is_ended_by_something(database: Database, status: ReturnStatus) -> None:
    desk = await opened(database, APPROVED if status in WAITS_FOR_A_DECISION else MAP)
    make, end = RETURNS[status]
    name = await make(desk)
    assert (await desk.state(name)).status is status
    assert await end(desk, name), f"nothing ends {status}: {end.__doc__}"


async def replaced_or_lost(desk: Desk, name: str) -> object:
    """It is an order of its own: what ends that is above, and what is lost of it is owed again."""
    statement = "SELECT count(*) FROM refund f JOIN orders o ON o.order_id = f.replacement WHERE f.claim_id = :claim"
    return await desk.shop.number(statement, claim=name)


CLAIMS: dict[ClaimResolution, End] = {
    ClaimResolution.REFUND: missed_word,
    ClaimResolution.REPLACEMENT: replaced_or_lost,
}


@pytest.mark.parametrize("resolution", ClaimResolution)
async def test_a_claim_with_every_resolution_is_ended_by_something(desk: Desk, resolution: ClaimResolution) -> None:
    made = await desk.claim(await delivered(desk), 1, resolution)
    end = CLAIMS[resolution]
    assert await end(desk, made["claim"]), f"nothing ends a claim for a {resolution}: {end.__doc__}"


async def test_a_missed_word_that_comes_closes_what_reported_of_it(desk: Desk) -> None:
    made = await desk.claim(await delivered(desk), 1)
    assert await missed_word(desk, made["claim"])
    message = ClaimMessage(message_id="paid", kind="settled", occurred_at=AT)
    await claim.record(desk.shop.transactions, made["claim"], message, actor="web")
    for _ in range(2):
        await silence.look(desk.shop.transactions, 10)
    assert await desk.shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    assert await desk.shop.number("SELECT count(*) FROM exception") == 1
