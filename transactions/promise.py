"""Decides what a cart would be promised now, by the rules for an order. It pins nothing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from database import peg, stock
from database import sell_ahead as statements
from database.connect import Database, ReadConnection
from database.peg import Announced
from domain import sell_ahead
from domain.cart import PromiseRequest
from domain.network import Network
from domain.sell_ahead import Room
from domain.sourcing import (
    Later,
    NodeLoad,
    OrderFacts,
    Plan,
    Wanted,
    shipments_brought,
    shipments_later,
    strategy_for,
)
from domain.sourcing.facts import weight_kg
from domain.sourcing.new_order import rule_lines
from domain.sourcing.plans import Part
from domain.sourcing.supply import Entitlement, parts
from domain.stock import StockLevel
from network.geography import locate
from network.validate_order import check
from transactions.network import Networks
from transactions.supply import Decision, counted_nodes, decide, decide_from, workload
from transactions.transfer import facts_of, order_to

Levels = Mapping[tuple[str, str], StockLevel]


class Promised(NamedTuple):
    """What a cart would be promised with one service."""

    plan: Plan
    later: Sequence[Later] = ()
    """The shipments of announced goods that fill all that the plan leaves unfilled; none where units would have no date."""
    beyond: Sequence[Part] = ()
    """Of what the plan leaves unfilled, what may not wait, because too much does already."""


async def plans(database: Database, networks: Networks, body: PromiseRequest, now: datetime) -> dict[str, Promised]:
    """What a cart would be promised with the service that it names, or with each that is offered, by the service's name.

    Raises `network.validate_order.WrongField` and `NoNetwork`.
    """
    network, levels = await _stock(database, networks, body)
    load = await _load(database, network, _leaves_at(network, body, now))
    services = [body.service] if body.service is not None else sorted(network.policy.transit)
    decided = {service: _decide(levels, load, network, body, service, now).plan for service in services}
    brought = {service: _brought(levels, load, network, body, service, now, plan) for service, plan in decided.items()}
    waits = {part.sku for _, plan in brought.values() if plan.incoming_lag is not None for part in plan.unfilled}
    goods, room = await _announced(database, waits), await _room(database, network, decided.values())
    found = dict[str, Promised]()
    for service, (coming, left) in brought.items():
        beyond = sell_ahead.parts_beyond(decided[service], room, network)
        later = () if beyond else _later(goods, network, body, service, now, left)
        is_filled = not beyond and (bool(later) or not left.unfilled)
        found[service] = Promised(decided[service], [*coming, *later] if is_filled else (), beyond)
    return found


def _brought(
    levels: Levels,
    load: Mapping[str, NodeLoad],
    network: Network,
    body: PromiseRequest,
    service: str,
    now: datetime,
    decided: Plan,
) -> tuple[Sequence[Later], Plan]:
    """What a transfer would bring now to where a cart is collected, of what a plan leaves unfilled; and the plan without it."""
    wanted = _wanted(body)
    facts = _facts(body, service, wanted, network, now)
    lines = [(str(place), part.sku, part.quantity) for place, part in enumerate(decided.unfilled, 1)]
    is_plain = not any(network.item(sku).components for _, sku, _ in lines)
    if not (lines and is_plain and body.pickup_node and strategy_for(facts, network).ship_to_store):
        return (), decided
    made = order_to(network.node(body.pickup_node), "plan", lines, service=service, placed_at=now)
    made = made.model_copy(update={"priority": body.priority})
    asked = [Wanted(line, sku, quantity) for line, sku, quantity in lines]
    goes = facts_of(made, network, body.pickup_node)
    transfer = decide_from(levels, load, network, goes, asked, now, Entitlement()).plan
    return shipments_brought(network, facts, wanted, decided, transfer, _leaves_at(network, body, now))


async def _room(database: Database, network: Network, plans: Iterable[Plan]) -> Room:
    """How many units may wait for an order that comes now; without limited items nothing is read."""
    limits = sell_ahead.limits(network, parts(network, {part.sku for plan in plans for part in plan.unfilled}))
    if not limits:
        return Room()
    async with database.read_once() as connection:
        others = await statements.waiting(connection, limits)
    return sell_ahead.room(limits, sell_ahead.in_parts(network, others), {})


async def _announced(database: Database, skus: Collection[str]) -> Announced:
    """The announced goods that units may wait for; without such units nothing is read."""
    return await peg.announced_now(database, skus) if skus else Announced()


def _later(
    goods: Announced, network: Network, body: PromiseRequest, service: str, now: datetime, decided: Plan
) -> Sequence[Later]:
    if not goods.rows:
        return ()
    wanted = _wanted(body)
    facts = _facts(body, service, wanted, network, now)
    return shipments_later(network, facts, wanted, decided, goods.rows, goods.free, now, _leaves_at(network, body, now))


async def decide_for(
    connection: ReadConnection, network: Network, body: PromiseRequest, service: str, now: datetime
) -> Decision:
    """The plan for a cart now, by the rules for an order with this service."""
    wanted = _wanted(body)
    return await decide(
        connection, network, _facts(body, service, wanted, network, now), wanted, _leaves_at(network, body, now)
    )


def _decide(
    levels: Levels, load: Mapping[str, NodeLoad], network: Network, body: PromiseRequest, service: str, now: datetime
) -> Decision:
    wanted = _wanted(body)
    facts = _facts(body, service, wanted, network, now)
    return decide_from(levels, load, network, facts, wanted, _leaves_at(network, body, now), Entitlement())


async def _stock(database: Database, networks: Networks, body: PromiseRequest) -> tuple[Network, Levels]:
    """The active network, by which the cart is checked, and the stock levels of its items' parts.

    One statement reads which version is active, and the stock by the newest version that is in memory. Only where another
    version is active, the stock must be read again.
    """
    skus = [line.sku for line in body.lines]
    if networks.newest is not None:
        newest, network = networks.newest
        active, levels = await stock.levels_now(database, parts(network, filter(network.knows_item, skus)))
        if active == newest:
            check(body, network)
            return network, levels
    async with database.read() as connection:
        _, network = await networks.active(connection)
        check(body, network)
        return network, await stock.levels(connection, parts(network, skus))


async def _load(database: Database, network: Network, at: datetime) -> Mapping[str, NodeLoad]:
    if not counted_nodes(network):
        return {}
    async with database.read() as connection:
        return await workload(connection, network, at, {})


def _leaves_at(network: Network, body: PromiseRequest, now: datetime) -> datetime:
    return network.leaves_at([line.sku for line in body.lines], max(now, body.not_before or now))


def _wanted(body: PromiseRequest) -> list[Wanted]:
    return [Wanted(line.line or str(n), line.sku, line.quantity) for n, line in enumerate(body.lines, 1)]


def _facts(body: PromiseRequest, service: str, wanted: list[Wanted], network: Network, now: datetime) -> OrderFacts:
    """The facts of a cart for rules; without a currency its prices are in that of the policy."""
    return OrderFacts(
        channel=body.channel,
        service=service,
        country=body.ship_to.country,
        region=body.ship_to.region or "",
        postal_code=body.ship_to.postal_code or "",
        place=locate(body.ship_to.locality),
        customer_tier=body.customer_tier or "",
        currency=body.currency or network.policy.currency or "",
        value=network.converted(body.value, body.currency, network.policy.currency, body.placed_at or now),
        units=sum(line.quantity for line in body.lines),
        priority=body.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=body.ship_complete,
        pickup_node=body.pickup_node,
        from_node=body.from_node,
        not_after=body.not_after,
        reference=body.reference or "",
        purchase_order=body.purchase_order or "",
        tags=list(body.tags),
        attributes=body.attributes,
        lines=rule_lines(body.lines, network),
    )
