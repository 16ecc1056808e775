"""Decides when units leave and arrive that wait for goods which come to a node later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.deadlines import ON_THE_WAY_MAX
from domain.network import Network, ShipComplete, Strategy
from domain.peg import DatedRow, Demand, Peg, RowName, peg
from domain.sourcing.facts import OrderFacts, Situation, Wanted
from domain.sourcing.planner import shipment_alone, strategy_for
from domain.sourcing.plans import Part, Plan, PlannedShipment


@dataclass(frozen=True, slots=True)
class Later:
    """A shipment of units that are announced."""

    shipment: PlannedShipment
    due_at: datetime
    """When the goods are counted on."""


def shipment_later(
    network: Network, order: OrderFacts, strategy: Strategy, wanted: Wanted, node: str, at: datetime
) -> PlannedShipment | None:
    """What would be planned at `at` if the units lay at this node then, and nowhere else; None when it may not ship them then.

    `wanted` is of a plain item, and `strategy` is the order's. Neither the load of the node nor a pause is known for that day,
    and no promise keeps it from shipping late.
    """
    situation = Situation(network=network, supply={(node, wanted.sku): wanted.quantity}, now=at)
    at_any_day = order if order.deliver_by is None else replace(order, deliver_by=None)
    return shipment_alone(at_any_day, wanted, situation, strategy, node)


def pegs_later(
    network: Network,
    order: OrderFacts,
    strategy: Strategy,
    demand: Demand,
    own: Sequence[Peg],
    rows: Iterable[DatedRow],
    free: Mapping[RowName, int],
    now: datetime,
    leaves_at: datetime,
) -> list[tuple[Peg, PlannedShipment | None]]:
    """The pegs of waiting units, as `domain.peg.peg` decides them, each with the shipment that would be planned when its goods
    are there. Goods that their node may not ship to this order then, as they come after its window, are not for it.

    A peg whose goods are late or have arrived has no shipment. `strategy` is the order's.
    """
    usable = list(rows)
    while True:
        found = []
        for one in peg(demand, own, usable, free, now):
            is_dated = one.due_at is not None and one.quantity
            leaves = max(one.due_at, leaves_at) if one.due_at is not None else leaves_at
            units = Wanted(one.line, one.sku, one.quantity)
            found.append(
                (one, shipment_later(network, order, strategy, units, one.row.node, leaves) if is_dated else None)
            )
        refused = {one.row for one, ships in found if one.due_at is not None and one.quantity and ships is None}
        if not refused:
            return found
        usable = [row for row in usable if row.name not in refused]


def shipments_later(
    network: Network,
    order: OrderFacts,
    wanted: Sequence[Wanted],
    decided: Plan,
    rows: Mapping[str, Sequence[DatedRow]],
    free: Mapping[str, Mapping[RowName, int]],
    now: datetime,
    leaves_at: datetime,
) -> list[Later]:
    """The shipments that an order would be promised, from announced goods that nobody has, of all units that a plan leaves
    unfilled; none when any of them would wait without a date.

    `rows` and `free` are by SKU, as are pegs (docs/decisions/0061). Nothing leaves before `leaves_at`.
    """
    left, strategy = {sku: dict(units) for sku, units in free.items()}, strategy_for(order, network)
    found: list[Later] = []
    for part in decided.unfilled:
        demand = _demand(order, strategy, wanted, decided, part, network)
        if demand is None:
            return []
        mine, unpromised = rows.get(part.sku, ()), left.get(part.sku, {})
        given = pegs_later(network, order, strategy, demand, (), mine, unpromised, now, leaves_at)
        if sum(one.quantity for one, _ in given) < part.quantity:
            return []
        for one, shipment in given:
            if one.due_at is None or shipment is None:
                return []
            left[part.sku][one.row] -= one.quantity
            found.append(Later(shipment, one.due_at))
    return found


def shipments_brought(
    network: Network,
    order: OrderFacts,
    wanted: Sequence[Wanted],
    decided: Plan,
    transfer: Plan,
    leaves_at: datetime,
) -> tuple[list[Later], Plan]:
    """What a planned transfer of unfilled units would bring to where an order is collected: its shipments from there, and
    the plan without these units. The parts of the transfer are those of what the plan leaves unfilled, by position.

    Units that arrive too late, or too few where all must leave together, are left unfilled.
    """
    strategy = strategy_for(order, network)
    found, unfilled = list[Later](), list[Part]()
    for position, part in enumerate(decided.unfilled):
        coming = [(one, ships) for ships in transfer.shipments for one in ships.parts if one.wanted_index == position]
        units = sum(one.quantity for one, _ in coming)
        demand = _demand(order, strategy, wanted, decided, part, network)
        later = None
        if demand is not None and units and not (demand.is_whole and units < part.quantity):
            arrives = max(ships.deliver_by or ships.ship_by + ON_THE_WAY_MAX for _, ships in coming)
            later = _from_pickup_node(network, order, strategy, demand, units, arrives, leaves_at)
        found += [later] if later else []
        left = part.quantity - (units if later else 0)
        unfilled += [part._replace(quantity=left)] if left else []
    return found, replace(decided, unfilled=tuple(unfilled))


def _from_pickup_node(
    network: Network,
    order: OrderFacts,
    strategy: Strategy,
    demand: Demand,
    units: int,
    arrives: datetime,
    leaves_at: datetime,
) -> Later | None:
    node, due = order.pickup_node or "", arrives + demand.lag
    if node not in demand.nodes or node in demand.tried:
        return None
    asked = Wanted(demand.line, demand.sku, units)
    shipment = shipment_later(network, order, strategy, asked, node, max(due, leaves_at))
    return Later(shipment, due) if shipment else None


def _demand(
    order: OrderFacts, strategy: Strategy, wanted: Sequence[Wanted], decided: Plan, part: Part, network: Network
) -> Demand | None:
    """What unfilled units of a line may be promised of announced goods; None when they may not."""
    complete = order.ship_complete or strategy.ship_complete
    is_alone = len(wanted) == 1 or complete is not ShipComplete.ORDER
    if decided.incoming_lag is None or part.wanted_index in decided.hopeless or not is_alone:
        return None
    if network.item(part.sku).components:
        return None
    nodes = decided.hopes.get(part.wanted_index)
    tried = frozenset(wanted[part.wanted_index].tried)
    is_whole = complete is not ShipComplete.NO
    usable = frozenset(network.nodes if nodes is None else nodes)
    lag, sells_returns = decided.incoming_lag, decided.sells_returns
    return Demand(part.line, part.sku, part.quantity, usable, tried, lag, is_whole, sells_returns=sells_returns)
