"""Records what nodes say of goods that will come, and lets what they promised follow at once.

The message's own transaction takes off what is not covered any more, and gives arrived units to their pegs. New pegs and new
promises are the job's (`transactions/peg.py`): this transaction holds no order's lock (docs/decisions/0061).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from database import coming_back, incoming, peg, ship_to_store, stock
from database.connect import ReadConnection, WriteConnection
from database.incoming import Origin
from domain.coming_back import expected_at as back_at
from domain.coming_back import restocked_percent
from domain.fulfillment import FulfillmentOrder
from domain.identifiers import all_work_id, return_row_id
from domain.lateness import learned
from domain.peg import arrive as arrived
from domain.ship_to_store import Brought, brought
from domain.stock import StockMessage, StockMessageKind
from domain.transfer import NOTHING, Cargo, cargo, expected_at, skus
from domain.units import Order


async def is_known(connection: ReadConnection, node: str, message_id: str) -> bool:
    """Whether a message of this node announced goods under this id."""
    return await incoming.is_announced(connection, node, message_id)


async def announce(connection: WriteConnection, message: StockMessage, happened_at: datetime) -> None:
    """Store announced goods, or another date and other quantities of goods that were announced.

    The gates of their SKUs are shared until the end: an order that begins to wait sees the goods, or they see the order.
    """
    assert message.expected_at is not None
    await stock.close_gates(connection, set(message.units))
    if message.kind is StockMessageKind.EXPECTED:
        origin = await _origin(connection, message.supplier)
        await incoming.announce(
            connection, message.node, message.message_id, message.expected_at, message.units, origin
        )
        await peg.mark(connection, message.units)
        return
    assert message.expected is not None
    origin = await _origin(connection, await incoming.supplier(connection, message.node, message.expected))
    changed = await incoming.change(
        connection, message.node, message.expected, message.expected_at, message.units, happened_at, origin
    )
    await _settle(connection, message.node, message.expected, dict.fromkeys(changed, 0))
    await peg.mark(connection, changed)


async def _origin(connection: ReadConnection, supplier: str | None) -> Origin:
    """A supplier, with what its goods that have arrived say of those that are announced now."""
    if supplier is None:
        return Origin()
    return Origin(supplier, learned(await incoming.lateness(connection, supplier)))


async def arrive(connection: WriteConnection, node: str, expected: str, units: Mapping[str, int], at: datetime) -> None:
    """Note that announced units, by SKU, have arrived at this moment. Those that were promised go to their orders first.

    The caller holds the locks of the stock levels and has booked the units. What nobody announced is ignored.
    """
    await incoming.arrive(connection, node, expected, units, at)
    await _settle(connection, node, expected, units)


async def carry(
    connection: WriteConnection, before: Mapping[str, FulfillmentOrder], after: Sequence[FulfillmentOrder]
) -> None:
    """Let the dated rows at the destination of a transfer follow its fulfillment orders: what left is expected, what was
    received has arrived. `before` are the same by name, as they were.

    The caller holds the transfer's lock and those of the stock levels, has closed the gates, and has booked what arrived.
    """
    changed = [fo for fo in after if _changed(_cargo(before.get(fo.fulfillment_order)), cargo(fo))]
    if not changed:
        return
    await peg.lock_carried(connection, changed[0].order, skus(changed), [fo.fulfillment_order for fo in changed])
    for fo in changed:
        assert fo.to_node is not None
        was = _cargo(before.get(fo.fulfillment_order))
        now = _changed(was, cargo(fo))
        await incoming.carry(connection, fo.to_node, fo.fulfillment_order, expected_at(fo), now)
        came = {sku: one.arrived - was.get(sku, NOTHING).arrived for sku, one in now.items()}
        await _settle(connection, fo.to_node, fo.fulfillment_order, came)
    await peg.mark(connection, skus(changed))


async def carry_for_order(connection: WriteConnection, before: Order, after: Order) -> None:
    """Let the dated rows of a transfer that is made for an order follow it: what is reserved at its sources is expected, too.

    The caller holds what `carry` needs.
    """
    assert after.to_node is not None
    assert after.for_order is not None
    was, now = brought(before), brought(after)
    changed = {sku: one for sku, one in now.items() if one != was[sku]}
    if rows := {sku: _dated(one, was[sku]) for sku, one in changed.items() if one.expected_at or was[sku].expected_at}:
        await peg.lock_carried(connection, after.order, set(rows), [])
        await ship_to_store.bring(connection, after.to_node, after.order, after.for_order, rows)
        came = {sku: one.cargo.arrived - was[sku].cargo.arrived for sku, one in rows.items()}
        await _settle(connection, after.to_node, all_work_id(after.order), came)
        if free := [sku for sku, one in rows.items() if not one.is_kept]:
            await peg.mark(connection, free)
    if looked_at := set(rows) | {one.sku for one in before.waiting}:
        await peg.mark(connection, looked_at, after.for_order)


async def expect_back(connection: WriteConnection, order: str, name: str, at: datetime) -> None:
    """Let the dated rows of a return at its node follow it: its units are expected until they are graded, and those that are
    restocked have arrived.

    The caller holds the order's lock, and has booked what was restocked. Units that were not expected before come with an
    authorization, which moves no stock: so the gates are closed before any stock level is locked.
    """
    changed = await coming_back.changed(connection, name)
    if not changed:
        return
    more = {one.sku for one in changed if one.open > (one.was_open or 0)}
    await stock.close_gates(connection, more)
    await coming_back.lock(connection, name, order)
    row = return_row_id(name)
    for one in changed:
        expected, percent = at, None
        if one.was_open is None:
            expected = back_at(one.authorized_at or at, await coming_back.took(connection, one.node))
            percent = restocked_percent(await coming_back.outcomes(connection, one.sku))
        await coming_back.write(connection, name, row, one, expected, percent, at)
    came = {one.sku: max(0, one.arrived - one.was_arrived) for one in changed}
    await _settle(connection, changed[0].node, row, came)
    if more:
        await peg.mark(connection, more)


def _dated(now: Brought, was: Brought) -> Brought:
    """What is brought, with the date that it had where nothing says another: it was reserved, and is not any more."""
    return now if now.expected_at else replace(now, expected_at=was.expected_at)


def _changed(was: Mapping[str, Cargo], now: Mapping[str, Cargo]) -> dict[str, Cargo]:
    return {sku: one for sku, one in now.items() if one != was.get(sku, NOTHING)}


def _cargo(fo: FulfillmentOrder | None) -> Mapping[str, Cargo]:
    return cargo(fo) if fo else {}


async def _settle(connection: WriteConnection, node: str, expected: str, units: Mapping[str, int]) -> None:
    """Give the units that arrived to the pegs of an announcement, whose rows are locked, and take off what is not covered.

    Arrived units that are not offered to who waits (a count has seen them before) give nobody a turn.
    """
    pegs = await peg.held(connection, node, expected)
    if not pegs:
        return
    rows = await incoming.rows(connection, node, expected, units)
    changed, looked_at = [], []
    for sku, row in sorted(rows.items()):
        came = units[sku] if row.is_offered else 0
        before = pegs.get(sku, [])
        after = arrived(before, came, row.open)
        changed += [new for old, new in zip(before, after, strict=True) if new != old]
        looked_at += [
            (sku, old.order)
            for old, new in zip(before, after, strict=True)
            if not units[sku] or new.quantity + new.arrived < old.quantity + old.arrived
        ]
    await peg.change_held(connection, node, expected, changed, looked_at)
