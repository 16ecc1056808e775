"""Records parcels that come back without a return: each joins a return, becomes a new one, or opens an exception."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from database import exception, returns
from database.connect import WriteConnection
from database.order import Event, UnknownOrder
from database.outbox.inbox import Received
from domain.clock import happened_at
from domain.parcel import Match, Parcel, Room, match
from domain.reasons import ExceptionCode
from domain.request import Resolution
from domain.returns import refusal
from domain.units import Opened
from transactions.announcement import expect_back
from transactions.message import keep_reason, receive
from transactions.new_return import new_return
from transactions.returns import apply as apply_message
from transactions.stock import UnknownPlace
from transactions.transaction import OrderTransactions, Transaction, Work

ABOUT = "parcel"
"""The subject of these messages in the inbox."""


@dataclass(frozen=True, slots=True)
class RecordedParcel:
    """A parcel as it was recorded: whether it is new, and the return that it belongs to."""

    is_new: bool
    return_: str | None


async def take(transactions: OrderTransactions, parcel: Parcel, *, actor: str) -> RecordedParcel:
    """Store a parcel and find its return, in one transaction. Raises `UnknownPlace` and `UsedWithAnotherBody`."""
    async with transactions.begin() as transaction:
        connection = transaction.connection
        _, network = await transactions.networks.active(connection)
        if not network.knows_node(parcel.node):
            raise UnknownPlace("node", f"{parcel.node} is not a node of the network")
        facts = parcel.model_dump(mode="json", include={"lines", "node"})
        received = await receive(
            connection, parcel, sender=parcel.node, about=ABOUT, kind="received", facts=facts, actor=actor
        )
        if received is None:
            return RecordedParcel(is_new=False, return_=await returns.of_parcel(connection, _cause(parcel)))
        try:
            return await _find_its_return(transactions, transaction, parcel, received)
        except UnknownOrder:
            await keep_reason(connection, received, None, parcel.reason)
            await _open_exception(connection, parcel, parcel.units, None)
            return RecordedParcel(is_new=True, return_=None)


async def _find_its_return(
    transactions: OrderTransactions, transaction: Transaction, parcel: Parcel, received: Received
) -> RecordedParcel:
    """Find a parcel's return and record its units there. Raises `UnknownOrder` when the parcel names no known order."""
    connection, work = transaction.connection, await transactions.on(transaction, parcel.order or "")
    if work.header.to_node is not None:
        raise UnknownOrder(work.header.order)
    released = (fo.released_at for fo in work.order.fulfillment_orders.values())
    follows = min(released, default=parcel.occurred_at)
    came_at = happened_at(parcel.occurred_at, arrived=received.received_at, follows=follows)
    name, found = await _expected(work, parcel) or await _unexpected(work, parcel, came_at)
    await keep_reason(connection, received, work.header.order, parcel.reason)
    if found.left:
        await _open_exception(connection, parcel, found.left, work.header.order)
    if name is None:
        await work.notify(await work.write(Event(_cause(parcel), received.actor, received.received_at)))
    else:
        await returns.note_parcel(connection, name, _cause(parcel))
        message = parcel.received(found.lines)
        await apply_message(transactions, transaction, work.header.order, name, message, received)
    return RecordedParcel(is_new=True, return_=name)


async def _expected(work: Work, parcel: Parcel) -> tuple[str, Match] | None:
    """The return of the order that waits for exactly these units, if there is one."""
    for name in await returns.under_way(work.connection, work.header.order):
        state = await returns.state(work.connection, name)
        rooms = [Room(line.line, line.sku, line.quantity - line.received) for line in state.lines]
        found = match(parcel.units, rooms)
        if not found.left:
            return name, found
    return None


async def _unexpected(work: Work, parcel: Parcel, at: datetime) -> tuple[str | None, Match]:
    """A new return of shipped units that are in no return. A person approves it where the terms do not allow it, or where the
    units may be paid back already."""
    sold = await returns.sold(work.connection, work.header.order)
    shipped = {name: line.shipped for name, line in work.order.lines.items()}
    found = match(parcel.units, [Room(name, line.sku, shipped[name] - line.in_returns) for name, line in sold.items()])
    if not found.lines:
        return None, found
    made = new_return(
        work,
        sold,
        found.lines,
        resolution=Resolution.REFUND,
        node=parcel.node,
        at=at,
        is_allowed=refusal(sold, found.lines, at) is None
        and all(sold[name].unpaid >= shipped[name] - sold[name].in_returns for name in found.lines),
    )
    name = await returns.add(work.connection, work.header.order, made, at)
    await expect_back(work.connection, work.header.order, name, at)
    return name, found


async def _open_exception(
    connection: WriteConnection, parcel: Parcel, units: Mapping[str, int], order_name: str | None
) -> None:
    listed = ", ".join(f"{quantity} of {sku}" for sku, quantity in sorted(units.items()))
    whose = f"that {order_name} does not expect" if order_name else "for an unknown order"
    detail = f"a parcel came to {parcel.node} {whose}: {listed}"
    opened = [Opened(ExceptionCode.RETURN_MISFIT, detail, node=parcel.node)]
    await exception.open_all(connection, opened, order=order_name, cause=_cause(parcel), at=datetime.now(UTC))


def _cause(parcel: Parcel) -> str:
    return f"parcel {parcel.node} {parcel.message_id}"
