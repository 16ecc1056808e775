"""Takes work from its node on a person's request: at once, or after the node agrees, and never so that two nodes ship it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from database import stock
from database.request import Request
from domain import units
from domain.fulfillment import FulfillmentOrder
from domain.request import RerouteRequest
from domain.sourcing import Plan, Wanted
from domain.sourcing.supply import Entitlement
from domain.units import Impossible, Waiting
from transactions.request import Done, RequestInput, planned_once
from transactions.sourcing import adopt
from transactions.supply import decide, order_facts
from transactions.transaction import OrderTransactions, Work


async def reroute(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Take a fulfillment order from its node; a request that cannot be met as a whole changes nothing."""
    return await planned_once(transactions, asked, lambda work, known: take_from_its_node(work, known, asked.at))


async def take_from_its_node(work: Work, known: Request, at: datetime) -> dict[str, Any]:
    """Take a fulfillment order from its node, under the order's lock; the answer says how. Raises `Impossible` and
    `StockTaken`."""
    body = RerouteRequest.model_validate(known.facts)
    fo, before = work.order.fulfillment_orders.get(body.fulfillment_order), len(work.order.waiting)
    if fo is not None and fo.pickup and fo.uncollected_at is None:
        raise Impossible(f"the customer collects it at {fo.node}")
    outcome = units.reroute(work.order, work.changes, body.fulfillment_order, at)
    if fo is not None and body.to_node is not None:
        if outcome != "withdrawn":
            raise Impossible(f"{fo.node} must be asked to cancel first, so no other node can be chosen now")
        await _pin_at(work, body.to_node, fo, work.order.waiting[before:], at)
    return {"outcome": outcome}


async def _pin_at(work: Work, node: str, fo: FulfillmentOrder, moved: Sequence[Waiting], at: datetime) -> None:
    """Pin all units at the chosen node. Raises `Impossible` with the planner's reason, and `StockTaken`."""
    if work.header.waits_for_hold:
        raise Impossible("a hold forbids reservations now, so no node can be chosen")
    if node not in work.network.nodes:
        raise Impossible(f"{node} is not a node of the network")
    wanted = [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in moved]
    entitlement = Entitlement(own=_given_back(work, fo), pinned_for=work.pinned_for)
    facts = replace(
        order_facts(work.header, work.network, work.order.lines, wanted), from_node=None
    )  # a person decides
    leaves_at, others = max(at, work.release_at), frozenset(work.network.nodes) - {node}
    decided = await decide(work.connection, work.network, facts, wanted, leaves_at, entitlement, others)
    if decided.plan.unfilled:
        raise Impossible(f"{node} cannot fill it: {_why_not(decided.plan, node)}")
    await stock.close_gates(work.connection, {sku for _, sku in entitlement.own})
    await adopt(work, moved, decided, at, entitlement)


def _given_back(work: Work, fo: FulfillmentOrder) -> Counter[tuple[str, str]]:
    """By stocked SKU, the units that the present node gets back; their stock levels are locked with the chosen node's."""
    held: Counter[tuple[str, str]] = Counter()
    for line, ordered in fo.lines.items():
        for sku, quantity in work.network.components(ordered.sku):
            held[fo.node, sku] += fo.counts(line).held * quantity
    return held


def _why_not(plan: Plan, node: str) -> str:
    reasons = [seen.excluded for seen in plan.explanation.nodes if seen.node == node and seen.excluded]
    return reasons[0] if reasons else "it does not have all units"
