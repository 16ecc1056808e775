"""Changes the quantities of an order's lines before their release: the whole request, or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from database.request import Request
from domain import units
from domain.account import Cost
from domain.order import VALUE_MAX
from domain.quantity import change_quantities, counted, line_after
from domain.request import QuantityRequest
from domain.sell_ahead import parts_beyond
from domain.sourcing import Wanted
from domain.sourcing.supply import Entitlement
from domain.units import Impossible, Waiting
from transactions.hold import place_by_policy
from transactions.request import Answer, Done, RequestInput, planned_once
from transactions.sourcing import adopt, decide_for, unpin_ship_complete
from transactions.supply import Decision, order_facts
from transactions.transaction import OrderTransactions, Work


async def change_quantity(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Change line quantities, unless one of the lines was released: units are cancelled, or added and sourced."""
    return await planned_once(transactions, asked, lambda work, known: to_other_quantities(work, known, asked.at))


async def to_other_quantities(
    work: Work, known: Request, at: datetime, costs: Mapping[str, Cost] | None = None
) -> Answer:
    """Set the quantities that a request names. `costs` is by line what added units cost, where their channel says it. Raises
    `Impossible` and `StockTaken`."""
    refuse_when_over(work, at)
    requested = units.sums(QuantityRequest.model_validate(known.facts).lines)
    change_quantities(work.order, work.changes, requested, at, costs)
    _refuse_more_of_what_is_retired(work)
    await plan_again(work, at, has_grown=bool(work.changes.added))
    return {"lines": [line_after(work.order, work.changes, line).model_dump() for line in requested]}


def refuse_when_over(work: Work, at: datetime) -> None:
    """Raises `Impossible` for an order of which no more units may ship."""
    if work.header.is_closed:
        raise Impossible("the order is closed")
    if work.header.window_has_ended(at):
        raise Impossible("its not_after has passed: no more units of it may ship")


async def plan_again(work: Work, at: datetime, *, has_grown: bool) -> None:
    """Value, hold and source an order whose units were changed. Raises `Impossible` and `StockTaken`."""
    _follow_with_the_value(work)
    if has_grown:
        await ask_the_policy_again(work, at)
    await _source_what_waits(work, at, has_grown=has_grown)


def _follow_with_the_value(work: Work) -> None:
    value = units.prices_after(work.order, work.changes).value
    if value > VALUE_MAX:
        raise Impossible(f"an order is worth {VALUE_MAX} minor units at the most")
    work.header = replace(work.header, value=value)


def _refuse_more_of_what_is_retired(work: Work) -> None:
    for line in work.changes.added:
        if (sku := work.order.lines[line].sku) not in work.network.items:
            raise Impossible(f"line {line}: {sku} is retired, no more of it can be ordered")


async def ask_the_policy_again(work: Work, at: datetime) -> None:
    """Place the policy's holds again: an order that grows may need approval, even if it was approved before."""
    cancelled = {line: moved["cancelled"] for line, moved in work.changes.buckets.items()}
    wanted = [
        Wanted(line, known.sku, counted(work.order, line) - cancelled.get(line, 0))
        for line, known in work.order.lines.items()
    ]
    await place_by_policy(work, order_facts(work.header, work.network, work.order.lines, wanted), at)


async def _source_what_waits(work: Work, at: datetime, *, has_grown: bool) -> None:
    """Source added units at once, with all waiting units: a smaller quantity may be available. Raises `StockTaken`."""
    if work.header.waits_for_hold or not units.wanted(work.order):
        return
    entitlement = Entitlement(own=unpin_ship_complete(work), pinned_for=work.pinned_for)
    asked = units.wanted(work.order)
    decided = await decide_for(work, [line for _, line in asked], at, entitlement)
    if has_grown and decided.plan.unfilled and decided.plan.unfilled_action != "backorder":
        raise Impossible("not every unit can be filled, and the policy allows no backorders")
    if has_grown:
        _refuse_beyond_what_is_sold_ahead(work, [waiting for waiting, _ in asked], decided)
    await adopt(work, [waiting for waiting, _ in asked], decided, at, entitlement)


def _refuse_beyond_what_is_sold_ahead(work: Work, asked: Sequence[Waiting], decided: Decision) -> None:
    """Who asks for more than may wait for stock keeps what there is: an order that ships complete would lose that, too."""
    waits = {index for index, one in enumerate(asked) if one.awaits == "stock"}
    if beyond := parts_beyond(decided.plan, decided.room, work.network, waits):
        named = " and ".join(f"{one.quantity} of line {one.line}" for one in beyond)
        raise Impossible(f"not every unit can be filled, and {named} may not wait for stock (sell_ahead_max)")
