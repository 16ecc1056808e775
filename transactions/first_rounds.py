"""Makes the first sourcing rounds of several orders in one transaction, which locks the stock that they share once.

Only plain rounds are made here, that fill an order wholly from stock that is offered to nobody. Every other order is left to be
sourced alone, and so are all of them when anything is refused or fails (docs/decisions/0074).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from database import capacity, order, stock
from database.connect import WriteConnection
from database.order import Event
from database.writes import Writes
from domain import units
from domain.capacity import Claims, claims, day
from domain.order import OrderState
from domain.sourcing import NodeLoad, Wanted
from domain.sourcing.supply import Entitlement, parts
from domain.stock import StockLevel
from domain.units import Waiting
from transactions import sourcing
from transactions.sourcing import (
    SourceInput,
    StockTaken,
    may_be_released,
    needed_for,
    planned_days,
    still_pinned,
    take_plan,
    with_allocations,
)
from transactions.supply import Decision, counted_nodes, decide_from, order_facts, workload
from transactions.transaction import OrderTransactions, Work

NOTHING = Entitlement()
"""What an order may take beyond what any order may, in its first round."""


async def source(transactions: OrderTransactions, request: SourceInput) -> OrderState:
    """As `sourcing.source`. First rounds that are asked for while others are made share a transaction where they can."""
    alone = partial(sourcing.source, transactions)
    if request.round > 1:
        return await alone(request)
    return await transactions.first_rounds.serve(request, alone, partial(source_together, transactions))


async def source_together(transactions: OrderTransactions, requests: Sequence[SourceInput]) -> Mapping[int, OrderState]:
    """Make the first rounds of these orders in one transaction; answers the state of those that it made, by position.

    An order that another transaction has locked is left out, and so is one whose round is not plain. Raises `StockTaken` when
    one of the claims is refused; then nothing was done.
    """
    positions = {request.order: position for position, request in enumerate(requests)}
    async with transactions.begin() as transaction:
        connection = transaction.connection
        free = await order.lock_free(connection, positions)
        works = await transactions.on_locked(transaction, [name for name in positions if name in free])
        asked = [_Asked(work, requests[positions[work.header.order]], units.wanted(work.order)) for work in works]
        plain = [one for one in asked if _is_plain(one.work, one.request.at)]
        made = await _plan(connection, plain)
        states = await _write(connection, made)
    return {positions[one.work.header.order]: state for one, state in zip(made, states, strict=True)}


@dataclass(frozen=True, slots=True)
class _Asked:
    """An order whose first round is plain."""

    work: Work
    request: SourceInput
    wanted: Sequence[tuple[Waiting, Wanted]]

    @property
    def leaves_at(self) -> datetime:
        return max(self.request.at, self.work.release_at)

    def parts(self) -> set[str]:
        return parts(self.work.network, [line.sku for _, line in self.wanted])

    def days(self) -> dict[str, date]:
        """The local day of its release at each node whose load counts."""
        return {node.id: day(node, self.leaves_at) for node in counted_nodes(self.work.active)}


@dataclass(frozen=True, slots=True)
class _Made:
    """A round that was made, and what must be granted to it."""

    work: Work
    event: Event
    claim: stock.Claim
    planned: Mapping[str, date]
    """The days of which it needs capacity, by node."""


def _is_plain(work: Work, at: datetime) -> bool:
    """Whether nothing of an order is known but that its units wait for their first round."""
    header, held = work.header, work.order
    is_new = not (header.rounds or header.own or header.is_promised or header.open_exceptions or header.is_closed)
    has_nothing = not (held.reservations or held.fulfillment_orders or held.pegs)
    is_usual = header.replaces is None and header.to_node is None and not header.is_held
    waits = bool(held.waiting) and all(one.awaits == "sourcing" for one in held.waiting)
    is_in_time = not header.window_has_ended(at) and not work.is_released_otherwise
    return is_new and has_nothing and is_usual and waits and is_in_time


async def _plan(connection: WriteConnection, asked: Sequence[_Asked]) -> list[_Made]:
    """Plan for one after the other, each from what those before it leave. Orders that cannot be filled are left out, and those
    that would be released on another day than the first."""
    if not asked:
        return []
    first, writes = asked[0], Writes()
    levels = await stock.levels(connection, set[str]().union(*(one.parts() for one in asked)))
    load = await workload(connection, first.work.active, first.leaves_at, {})
    made: list[_Made] = []
    for one in asked:
        decided = _decide(one, levels, load)
        if decided.plan.unfilled or one.days() != first.days():
            continue
        one.work.writes = writes
        made.append(_adopt(one, decided))
        levels = levels | {place: _less(levels[place], units) for place, units in _claimed(made[-1])}
        is_released = bool(one.work.order.fulfillment_orders)
        load = load | {node: _busier(load[node], is_released) for node in _nodes(decided) & load.keys()}
    return made


def _decide(one: _Asked, levels: Mapping[tuple[str, str], StockLevel], load: Mapping[str, NodeLoad]) -> Decision:
    work, wanted, own = one.work, [line for _, line in one.wanted], one.parts()
    facts = order_facts(work.header, work.network, work.order.lines, wanted)
    of_its_parts = {place: level for place, level in levels.items() if place[1] in own}
    return decide_from(of_its_parts, load, work.network, facts, wanted, one.leaves_at, NOTHING)


def _claimed(made: _Made) -> list[tuple[tuple[str, str], int]]:
    return [((movement.node, movement.sku), movement.reserved) for movement in made.claim.movements]


def _less(level: StockLevel, taken: int) -> StockLevel:
    return level._replace(reserved=level.reserved + taken)


def _nodes(decided: Decision) -> set[str]:
    return {shipment.node for shipment in decided.plan.shipments}


def _busier(load: NodeLoad, is_released: bool) -> NodeLoad:
    return NodeLoad(load.open_orders + is_released, load.capacity_used_today + 1)


def _adopt(one: _Asked, decided: Decision) -> _Made:
    work, at = one.work, one.request.at
    event = Event(f"round {work.header.rounds + 1}", "workflow", at)
    take_plan(work, [waiting for waiting, _ in one.wanted], decided, at)
    if one.request.releases and may_be_released(work, at):
        units.release(work.order, work.changes, at)
    claim = with_allocations(work, needed_for(work, decided, NOTHING, event.cause, at))
    if work.changes.movements or work.changes.opened:
        raise AssertionError("a plain round books nothing but its claim, and opens no exception")
    return _Made(work, event, claim, planned_days(work, decided))


async def _write(connection: WriteConnection, made: Sequence[_Made]) -> list[OrderState]:
    """Write the orders' own rows, and last of all claim: other orders wait for stock and days until the transaction ends."""
    if not made:
        return []
    promises = {one.work.header.order: one.work.promise for one in made if one.work.promise is not None}
    await order.write_promises(connection, promises)
    for one in made:
        one.work.is_promise_written = True
        one.work.collect_own_rows()
    await made[0].work.writes.send(connection)
    states = [await one.work.count_the_change(one.event) for one in made]
    await _claim(connection, made)
    return states


async def _claim(connection: WriteConnection, made: Sequence[_Made]) -> None:
    granted = await stock.claim_each(connection, [one.claim for one in made])
    changes = [capacity.Change(one.work.header.order, one.work.claimed, _days_claimed(one)) for one in made]
    limits = {node: one.work.network.node(node).capacity_per_day or 0 for one in made for node in one.planned}
    if len(granted) < len(made) or not await capacity.change_all(connection, changes, limits):
        raise StockTaken(", ".join(one.work.header.order for one in made))


def _days_claimed(one: _Made) -> Claims:
    return claims(one.work.order, one.work.network, still_pinned(one.work, one.planned))
