"""Changes where the customer collects unreleased units, or sends them home; reads the places that the customer may choose."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from database import address, exception, order, stock
from database.connect import ReadConnection
from database.request import Request
from domain import units
from domain.network import Network
from domain.pickup import Alternatives, PickupPlace, as_delivery, as_place, places
from domain.request import PickupRequest
from domain.retired import as_ordered
from domain.sourcing import OrderFacts, Wanted
from domain.sourcing.supply import parts
from domain.units import Impossible
from transactions.address import plan_for_new_place
from transactions.network import Networks
from transactions.request import Done, RequestInput, planned_once
from transactions.supply import decide, order_facts
from transactions.transaction import OrderTransactions, Work

PLACES_MAX = 5
"""Places that are shown to the customer: the nearest ones."""


async def change_pickup(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Pin the unreleased units at another pickup node, or at any node to send them home: all of them, or none."""
    return await planned_once(transactions, asked, lambda work, known: to_another_pickup(work, known, asked.at))


async def to_another_pickup(work: Work, known: Request, at: datetime) -> dict[str, Any]:
    """Plan the unreleased units for another pickup node, or for none. Raises `Impossible` and `StockTaken`."""
    node = PickupRequest.model_validate(known.facts).pickup_node
    if not work.order.has_unreleased:
        raise Impossible("no unit of it can go elsewhere: all were released to its nodes, shipped or cancelled")
    await _check(work, node)
    work.header = replace(work.header, pickup_node=node)
    must = units.collect_at(work.order, node)
    refusal = f"{node} cannot hand out {{units}} of it" if node else "no node can send {units} of it there"
    await plan_for_new_place(work, at, must, refusal)
    await exception.close_chosen_pickup(work.connection, work.header.order, known.remark, at)
    return {}


async def _check(work: Work, name: str | None) -> None:
    node = work.network.nodes.get(name) if name else None
    if name is not None and (node is None or not node.pickup):
        raise Impossible(f"customers cannot collect at {name}")
    if name is None and not await address.takes_a_parcel(work.connection, work.header.order):
        raise Impossible("its address names no street: no parcel can go there")


async def alternatives(connection: ReadConnection, networks: Networks, name: str, at: datetime) -> Alternatives:
    """The choices for units of an order that wait for the customer's decision; nothing is pinned. Raises `NoNetwork`."""
    header, held = await order.load(connection, name)
    _, active = await networks.active(connection)
    network = as_ordered(active, held.lines.values())
    wanted = [Wanted(one.line, one.sku, one.quantity, 1, one.tried) for one in held.waiting if one.awaits == "person"]
    if not wanted:
        return Alternatives((), None)
    facts = replace(order_facts(header, network, held.lines, wanted), deliver_by=None)
    ordered = [line.sku for line in held.lines.values() if line.ordered > line.cancelled]
    leaves_at = active.leaves_at(ordered, max(at, header.own_release_at))
    delivery = None
    if await address.takes_a_parcel(connection, name):
        sent = await decide(connection, network, replace(facts, pickup_node=None), wanted, leaves_at)
        delivery = as_delivery(sent.plan)
    return Alternatives(await _places(connection, network, facts, wanted, leaves_at), delivery)


async def _places(
    connection: ReadConnection, network: Network, facts: OrderFacts, wanted: list[Wanted], at: datetime
) -> tuple[PickupPlace, ...]:
    levels = await stock.levels(connection, parts(network, [line.sku for line in wanted]))
    available = {
        place: level.available(network.safety_stock(*place))
        for place, level in levels.items()
        if place[0] in network.nodes
    }
    found: list[PickupPlace] = []
    for node in places(facts, wanted, network, available):
        decided = await decide(connection, network, replace(facts, pickup_node=node.id), wanted, at)
        if (place := as_place(facts, node, decided.plan)) is not None:
            found.append(place)
        if len(found) == PLACES_MAX:
            break
    return tuple(found)
