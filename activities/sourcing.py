"""Sources an order's units: reads what is available, lets the domain decide, pins the units, all in one transaction.

Sourcing is an activity and not a call in the workflow, because its result must be recorded: a changed rule would otherwise
decide differently when an open order is replayed (docs/decisions/0001).
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from temporalio import activity

from activities.failures import told_to_temporal
from activities.transaction import OrderTransactions, Work, safety_stock
from database import order, sourcing, stock
from database.connect import ReadConnection
from database.order import Event, Header
from domain import units
from domain.network import Network, Policy, ShipComplete
from domain.order import OrderState
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted, plan
from domain.stock import available
from network.geography import locate

CLAIM_TRIES_MAX = 20
"""How often a plan is made anew because others took its stock in between, before Temporal tries the activity later."""


class SourceInput(BaseModel):
    """Which sourcing round of which order; the round is the key that makes sourcing twice sourcing once."""

    order: str
    round: int
    at: datetime
    """The workflow's clock."""


class StockTaken(Exception):
    """Others took the stock of a plan before it could be pinned."""


class SourcingActivities:
    """Sourcing with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.source]

    @activity.defn
    async def source(self, request: SourceInput) -> OrderState:
        """Pin the order's waiting units at real nodes, as the policy says. A round that was made before is not made again."""
        with told_to_temporal():
            for _ in range(CLAIM_TRIES_MAX):
                with contextlib.suppress(StockTaken):
                    async with self._transactions.open(request.order) as work:
                        if work.header.rounds >= request.round:
                            return await work.state()
                        return await self._source(work, request)
            raise StockTaken(request.order)

    async def _source(self, work: Work, request: SourceInput) -> OrderState:
        asked = units.wanted(work.order)
        wanted = [wish for _, wish in asked]
        cause = f"round {request.round}"
        decided = await self._pin(work, wanted, cause, request.at)
        units.take_plan(work.order, work.changes, [waiting for waiting, _ in asked], decided, request.round)
        await sourcing.keep_plan(work.connection, request.order, request.round, work.network_version, decided)
        await _keep_promise(work, decided)
        return await work.write(Event(cause, "workflow", request.at), claimed=True)

    async def _pin(self, work: Work, wanted: list[Wanted], cause: str, at: datetime) -> Plan:
        """Plan from what is read now, and claim. Raises `StockTaken` when another order was quicker.

        The whole transaction is then made anew: a refused claim keeps row locks that the next one would take out of order.
        """
        facts = order_facts(work.header, work.network, wanted)
        leaves_at = max(at, work.header.release_at)
        decided = plan(facts, wanted, await situation(work.connection, work.network, wanted, leaves_at))
        claims = units.claims(decided, work.network)
        granted = await stock.claim(
            work.connection,
            claims,
            safety_stock(work.network, claims),
            order=work.header.order,
            cause=cause,
            actor="workflow",
            at=at,
        )
        if not granted:
            raise StockTaken(work.header.order)
        return decided


async def _keep_promise(work: Work, decided: Plan) -> None:
    """The first plan that fills everything makes the promise; what comes later never changes it."""
    if work.header.has_promise or decided.ship_by is None or decided.deliver_by is None or work.header.rounds:
        return
    await order.keep_promise(work.connection, work.header.order, decided.ship_by, decided.deliver_by)


def order_facts(header: Header, network: Network, wanted: Collection[Wanted]) -> OrderFacts:
    """What the policy may see of an order."""
    return OrderFacts(
        channel=header.channel,
        service=header.service,
        country=header.country,
        region=header.region,
        postal_code=header.postal_code,
        place=locate(header.country, header.postal_code),
        customer_tier=header.customer_tier,
        value=header.value,
        units=sum(wish.quantity for wish in wanted),
        priority=header.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=ShipComplete(header.ship_complete) if header.ship_complete else None,
        pickup_node=header.pickup_node,
    )


def weight_kg(network: Network, wanted: Collection[Wanted]) -> float:
    """What the wanted units weigh together."""
    return sum(network.items[wish.sku].weight_g * wish.quantity for wish in wanted) / 1000


async def situation(
    connection: ReadConnection, network: Network, wanted: Collection[Wanted], at: datetime
) -> Situation:
    """What is available where, and how busy the nodes are, read now."""
    skus = {sku for wish in wanted for sku, _ in network.components(wish.sku)}
    counters = await stock.counters(connection, skus)
    return Situation(
        network=network, supply=supply(network, counters), now=at, workload=await workload(connection, network, at)
    )


def supply(network: Network, counters: Mapping[tuple[str, str], tuple[int, int, int]]) -> dict[tuple[str, str], int]:
    """Units that may be promised at each node of the network, safety stock taken off."""
    return {
        (node, sku): available(*counts, network.safety_stock(node, sku))
        for (node, sku), counts in counters.items()
        if node in network.nodes
    }


async def workload(connection: ReadConnection, network: Network, at: datetime) -> dict[str, NodeLoad]:
    """The load of the nodes for which it matters: those with a daily capacity, or all when the policy reads it."""
    everywhere = _reads_workload(network.policy)
    nodes = [node for node in network.nodes.values() if everywhere or node.capacity_per_day is not None]
    if not nodes:
        return {}
    return await sourcing.workload(connection, {node.id: _day_began(node.time_zone, at) for node in nodes})


def _reads_workload(policy: Policy) -> bool:
    """Whether any rule of the policy depends on how busy a node is; most do not, and then nobody needs to count."""
    rules = [exclusion.when for exclusion in policy.exclusions]
    for strategy in policy.strategies:
        rules += [rule for cost in strategy.costs for rule in (cost.amount, cost.when) if rule]
        rules += [rule for rule in (strategy.require, *(tier.require for tier in strategy.tiers)) if rule]
    return any({"node.open_orders", "node.capacity_left"} & set(rule.names) for rule in rules)


def _day_began(time_zone: ZoneInfo, at: datetime) -> datetime:
    local = at.astimezone(time_zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
