"""Sources an order's units: reads what is available, lets the domain decide, pins the units, all in one transaction.

Sourcing is an activity and not a call in the workflow, because its result must be recorded: a changed rule would otherwise
decide differently when an open order is replayed (docs/decisions/0001).
"""

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from pydantic import BaseModel

from database import cart, sourcing, stock
from database import sell_ahead as statements
from database.order import Event, Promise
from domain import event, sell_ahead, units
from domain.capacity import days
from domain.network import ShipComplete
from domain.order import OrderState
from domain.sell_ahead import Room
from domain.sourcing import Wanted, strategy_for
from domain.sourcing.recorded import packed
from domain.sourcing.supply import Entitlement, parts
from domain.units import Waiting
from transactions.supply import Decision, decide, order_facts
from transactions.transaction import OrderTransactions, Work

CLAIM_TRIES_MAX = 20
"""How often a plan is made again because others took its stock meanwhile, before Temporal retries the activity later."""


class SourceInput(BaseModel):
    """A sourcing round of an order. The round is the key: a round that is requested twice is made once."""

    order: str
    round: int
    at: datetime
    """The workflow's clock."""
    releases: bool = False
    """Whether the units go on to their nodes in the same transaction, if nothing keeps them back. False in histories from
    before there was this choice: they release in a step of its own."""


class StockTaken(Exception):
    """Other orders took the stock or the node capacity of a plan before its units could be pinned."""


async def source(transactions: OrderTransactions, request: SourceInput) -> OrderState:
    """Pin the order's waiting units at real nodes, as the policy says. A round that was made before is not made again.

    No round is made while a hold forbids reservations. Raises `StockTaken` after `CLAIM_TRIES_MAX` plans.
    """
    for _ in range(CLAIM_TRIES_MAX):
        with contextlib.suppress(StockTaken):
            async with transactions.open(request.order) as work:
                if work.header.rounds >= request.round:
                    return await work.current_state()
                if work.header.waits_for_hold:
                    return await _wait_for_the_hold(work, request.at)
                entitlement = Entitlement(own=work.header.own, pinned_for=work.pinned_for)
                return await source_round(work, request.at, entitlement, releases=request.releases)
    raise StockTaken(request.order)


async def _wait_for_the_hold(work: Work, at: datetime) -> OrderState:
    """Free what the order's cart had reserved: nothing is reserved before the hold is taken off. Write this state once."""
    if work.header.version and not work.header.own:
        return await work.current_state()
    await cart.hand_over(work.connection, work.header.order, at)
    return await work.write(Event("waits for a hold", "workflow", at))


async def source_round(work: Work, at: datetime, entitlement: Entitlement, *, releases: bool = False) -> OrderState:
    """Make an order's next sourcing round; with `releases`, what it pinned goes to its nodes if nothing keeps it back.

    Raises `StockTaken` when another order was quicker. The caller then starts a new transaction: a refused claim keeps row
    locks that the next one would take out of order.
    """
    entitlement = replace(entitlement, own=Counter(entitlement.own) + unpin_ship_complete(work))
    asked = units.wanted(work.order)
    decided = await decide_for(work, [line for _, line in asked], at, entitlement)
    await adopt(work, [waiting for waiting, _ in asked], decided, at, entitlement)
    if releases and may_be_released(work, at) and not splits_ship_complete(work):
        units.release(work.order, work.changes, at)
    return await _write_round(work, at)


def may_be_released(work: Work, at: datetime) -> bool:
    """Whether pinned units may go to their nodes now: no hold keeps them, their grace is over, and their window is open."""
    is_time = at >= work.release_at and not work.header.window_has_ended(at)
    return bool(work.order.reservations) and not work.header.is_held and is_time


def unpin_ship_complete(work: Work) -> Counter[tuple[str, str]]:
    """Unpin all units of an order that must ship complete if other units of it have no node: otherwise the pinned units would
    be released without them. Returns the freed units by (node, SKU); the order may claim them again.
    """
    if splits_ship_complete(work):
        units.unpin_everything(work.order, work.changes)
    return work.changes.freed()


def splits_ship_complete(work: Work) -> bool:
    """Whether an order, or a line, that must ship complete has pinned units while other units of it have no node."""
    asked = [line for _, line in units.wanted(work.order)]
    if not asked or not work.order.reservations:
        return False
    facts = order_facts(work.header, work.network, work.order.lines, asked)
    match facts.ship_complete or strategy_for(facts, work.network).ship_complete:
        case ShipComplete.ORDER:
            return True
        case ShipComplete.LINE:
            return bool({line.line for line in asked} & {pin.line for pin in work.order.reservations})
        case ShipComplete.NO:
            return False


async def pin(
    work: Work, asked: Sequence[tuple[Waiting, Wanted]], decided: Decision, at: datetime, entitlement: Entitlement
) -> OrderState:
    """Pin units at the nodes of their plan, and write the round. Raises `StockTaken`."""
    await adopt(work, [waiting for waiting, _ in asked], decided, at, entitlement)
    return await _write_round(work, at)


async def _write_round(work: Work, at: datetime) -> OrderState:
    if work.header.own:
        await cart.hand_over(work.connection, work.header.order, at)
    return await work.write(Event(f"round {work.header.rounds + 1}", "workflow", at))


async def adopt(
    work: Work, asked: Sequence[Waiting], decided: Decision, at: datetime, entitlement: Entitlement
) -> None:
    """Claim the stock and capacity of a plan. The caller writes the order afterwards, and with it the plan as a round: where
    the order has nothing of its own yet, that also claims, and last of all.

    Raises `StockTaken`.
    """
    round_ = work.header.rounds + 1
    if entitlement.own or work.order.reservations or work.changes.movements:
        await claim(work, decided, entitlement, f"round {round_}", at)
        await claim_capacity(work, decided, {pin.node for pin in work.order.reservations})
    else:
        work.claim_last = partial(_claim_last, work, decided, entitlement, f"round {round_}", at)
    take_plan(work, asked, decided, at)


def take_plan(work: Work, asked: Sequence[Waiting], decided: Decision, at: datetime) -> None:
    """Adopt a plan, without claiming what it needs."""
    round_ = work.header.rounds + 1
    looks_again_at, room = decided.looks_again_at, decided.room
    beyond = units.take_plan(work.order, work.changes, list(asked), decided.plan, round_, at, looks_again_at, room)
    keep_round(work, round_, replace(decided, beyond=beyond))
    _promise(work)


def keep_round(work: Work, round_: int, decided: Decision) -> None:
    """Store a round with its plan and everything that it was decided from, when the order is written."""
    asked = packed(decided.asked, work.network, work.active)
    kept = sourcing.Kept(work.network_version, decided.document(), asked)
    sourcing.keep_plan(work.writes, work.header.order, work.header.key, round_, kept)


async def _claim_last(work: Work, decided: Decision, entitlement: Entitlement, cause: str, at: datetime) -> None:
    """Claim for an order that had no pins, when its pins are written and some may have been released."""
    needed = with_allocations(work, needed_for(work, decided, entitlement, cause, at))
    if not await stock.claim(work.connection, needed):
        raise StockTaken(work.header.order)
    planned = planned_days(work, decided)
    if not await work.claim_capacity(still_pinned(work, planned), planned):
        raise StockTaken(work.header.order)


def planned_days(work: Work, decided: Decision) -> dict[str, date]:
    """The days of which a plan needs capacity, by node."""
    return days(work.network, [shipment.node for shipment in decided.plan.shipments], decided.releases_at)


def still_pinned(work: Work, planned: Mapping[str, date]) -> dict[str, date]:
    """Those of them at which units stay pinned: at the others they have become fulfillment orders."""
    pinned = {pin.node for pin in work.order.reservations}
    return {node: day for node, day in planned.items() if node in pinned}


async def decide_for(work: Work, wanted: Collection[Wanted], at: datetime, entitlement: Entitlement) -> Decision:
    """Plan from the present stock. If units stay unfilled, close the gates of their SKUs and plan again before they wait.

    So stock that came in between is seen, and stock that comes later finds the waiting units. Raises `StockTaken` when more
    would wait than the first plan said.
    """
    facts = order_facts(work.header, work.network, work.order.lines, wanted)
    leaves_at = max(at, work.release_at)
    decided = await decide(work.connection, work.network, facts, wanted, leaves_at, entitlement)
    unfilled = parts(work.network, [part.sku for part in decided.plan.unfilled])
    await stock.close_gates(work.connection, unfilled | {sku for _, sku in entitlement.own}, exclusive=bool(unfilled))
    if not unfilled:
        return decided
    decided = await decide(work.connection, work.network, facts, wanted, leaves_at, entitlement)
    waits = parts(work.network, [part.sku for part in decided.plan.unfilled])
    if waits - unfilled:  # taken meanwhile, and its gate is open: closed after the others, it would be out of order
        raise StockTaken(work.header.order)
    return replace(decided, room=await room_to_wait(work, waits))


async def room_to_wait(work: Work, skus: Collection[str]) -> Room:
    """How many units of stocked SKUs may wait for this order. Their gates are closed for it alone: no other order begins to
    wait for them until it has committed. A transfer sells nothing, and without limited items nothing is read.
    """
    limits = {} if work.header.to_node else sell_ahead.limits(work.active, skus)
    if not limits:
        return sell_ahead.room({}, {}, {})
    others = await statements.waiting(work.connection, limits, work.header.order)
    own = Counter[str]()
    for one in work.order.waiting:
        if one.awaits == "stock":
            own[one.sku] += one.quantity
    counted = [sell_ahead.in_parts(work.network, units) for units in (others, own)]
    return sell_ahead.room(limits, *counted)


async def claim(work: Work, decided: Decision, entitlement: Entitlement, cause: str, at: datetime) -> None:
    """Claim the stock of a plan. Raises `StockTaken`. The order must free its own units in the same transaction.

    Their stock levels are locked together with those of the plan, since locks are taken in one order.
    """
    needed = needed_for(work, decided, entitlement, cause, at)
    if entitlement.own:
        await stock.lock(work.connection, set(needed.safety_stock) | set(entitlement.own))
    if not await stock.claim(work.connection, needed):
        raise StockTaken(work.header.order)


def with_allocations(work: Work, needed: stock.Claim) -> stock.Claim:
    """A claim that also books what the order releases of its units: the ledger does not send it again."""
    places = {(movement.node, movement.sku) for movement in needed.movements}
    allocated = [one for one in work.changes.movements if one.is_allocated and (one.node, one.sku) in places]
    work.changes.movements = [one for one in work.changes.movements if one not in allocated]
    return replace(needed, allocated=allocated)


def needed_for(work: Work, decided: Decision, entitlement: Entitlement, cause: str, at: datetime) -> stock.Claim:
    """The claim of an order that must be granted before its plan can be used."""
    return decided.claim(
        work.network, work.header.channel, entitlement, cause=cause, at=at, order=work.header.order, actor="workflow"
    )


async def claim_capacity(work: Work, decided: Decision, pinned_at: Collection[str]) -> None:
    """Claim capacity at the nodes of a plan for its release day; claims at nodes in `pinned_at` stay.

    Raises `StockTaken` when a day is full. Claim the stock of the plan first.
    """
    kept = {node: day for node, day in work.pinned_for.items() if node in pinned_at}
    if not await work.claim_capacity(kept | planned_days(work, decided)):
        raise StockTaken(work.header.order)


def _promise(work: Work) -> None:
    """Make the promise when every unit has a node for the first time; later plans do not change it, but the goods that an order
    waits for may (`Work.renew_promise`).

    An order that another system has shipped wholly is not promised any more.
    """
    promised = units.promised(work.order)
    if promised and work.order.reservations and not work.header.is_promised and not work.order.pegs:
        work.promise = Promise(*promised)
        work.channel_events.append(event.promised(*promised))
