"""Changes of the node itself: its load, its pause, what a shipment costs, how far it is, its cut-off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

from domain.network import Network
from domain.sourcing.facts import NodeLoad
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput
from domain.sourcing.rules import DISTANCE_KM
from domain.sourcing.what_if.change import Case, Change, ChangeKind, least, named_numbers

CAPACITY_MORE_MAX = 100
"""How many more orders of a day are tried beyond what is used: a rule may ask for capacity that is left."""


def changes_of_node(case: Case) -> Iterator[Change]:
    """Every change of this sort under which the node ships."""
    yield from _pause(case)
    yield from _tried(case)
    yield from _capacity(case)
    yield from _open_orders(case)
    yield from _cost(case)
    yield from _look_ahead(case)
    yield from _distance(case)
    yield from _cutoff(case)


def _pause(case: Case) -> Iterator[Change]:
    node, asked = case.node.id, case.asked
    levels = {
        place: level._replace(is_paused=False) if place[0] == node else level for place, level in asked.levels.items()
    }
    is_paused = levels != asked.levels or node in asked.kept_out
    if is_paused and (plan := case.tried(replace(asked, levels=levels, kept_out=asked.kept_out - {node}))):
        yield Change(ChangeKind.PAUSE, f"no pause of {node}", plan)


def _tried(case: Case) -> Iterator[Change]:
    node = case.node.id
    wanted = [replace(one, tried=tuple(name for name in one.tried if name != node)) for one in case.asked.wanted]
    if wanted != list(case.asked.wanted) and (plan := case.tried(replace(case.asked, wanted=wanted))):
        yield Change(ChangeKind.TRIED, f"{node} not tried before for these units", plan)


def _load(case: Case) -> NodeLoad:
    return case.asked.workload.get(case.node.id, NodeLoad())


def _with_load(case: Case, load: NodeLoad) -> RoundInput:
    return replace(case.asked, workload={**case.asked.workload, case.node.id: load})


def _capacity(case: Case) -> Iterator[Change]:
    """More capacity is the same to a plan as as many fewer orders on that day."""
    capacity, load = case.node.capacity_per_day, _load(case)
    if capacity is None:
        return

    def ships(more: int) -> Plan | None:
        return case.tried(_with_load(case, replace(load, capacity_used_today=load.capacity_used_today - more)))

    beyond = load.capacity_used_today - capacity
    edges = [1 + beyond, *(left + beyond for left in named_numbers(case.network, "node.capacity_left"))]
    if found := least(ships, max(0, beyond) + CAPACITY_MORE_MAX, edges):
        more, plan = found
        used = load.capacity_used_today
        words = f"a capacity of {capacity + more} orders on that day at {case.node.id} instead of {capacity} ({used} are used)"
        yield Change(ChangeKind.CAPACITY, words, plan, more)


def _open_orders(case: Case) -> Iterator[Change]:
    load = _load(case)
    if not case.network.policy.reads_open_orders:
        return
    edges = [load.open_orders - left for left in named_numbers(case.network, "node.open_orders")]
    found = least(
        lambda fewer: case.tried(_with_load(case, replace(load, open_orders=load.open_orders - fewer))),
        load.open_orders,
        edges,
    )
    if found:
        fewer, plan = found
        words = f"{load.open_orders - fewer} open fulfillment orders at {case.node.id} instead of {load.open_orders}"
        yield Change(ChangeKind.OPEN_ORDERS, words, plan, fewer)


def _cost(case: Case) -> Iterator[Change]:
    """What a shipment from the node costs alone is the most that can be taken off."""
    node = case.node.id
    alone = next((one.cost for one in case.plan().explanation.nodes if one.node == node), None)
    found = least(lambda less: case.tried(replace(case.asked, taken_off={node: less})), alone or 0)
    if found:
        less, plan = found
        cost = next(shipment.cost for shipment in plan.shipments if shipment.node == node)
        words = (
            f"a shipment from {node} that costs {_money(less)} less: {_money(cost)} instead of {_money(cost + less)}"
        )
        yield Change(ChangeKind.COST, words, plan, less)


def _look_ahead(case: Case) -> Iterator[Change]:
    """Without the prices of what the node has; where no strategy looks ahead, they change no plan."""
    node = case.node.id
    levels = {
        place: level._replace(price=0) if place[0] == node else level for place, level in case.asked.levels.items()
    }
    if levels != case.asked.levels and (plan := case.tried(replace(case.asked, levels=levels))):
        yield Change(ChangeKind.LOOK_AHEAD, f"no look-ahead price of what {node} has", plan)


def _money(minor_units: int) -> str:
    return f"{minor_units / 100:,.2f}"


def _distance(case: Case) -> Iterator[Change]:
    node = case.node.id
    present = case.asked.looked_up.distances.get(node)
    if not present or case.asked.facts.pickup_node is not None:
        return
    farthest = int(present) if present != int(present) else int(present) - 1
    edges = [farthest + 1 - km for km in _distances_in_question(case)]
    found = least(lambda nearer: case.tried(_at_distance(case, farthest + 1 - nearer)), farthest + 1, edges)
    if found:
        km, plan = farthest + 1 - found[0], found[1]
        words = f"{node} {km:,} km from the customer instead of {present:,.0f}"
        yield Change(ChangeKind.DISTANCE, words, plan, found[0])


def _distances_in_question(case: Case) -> set[int]:
    """Kilometres at which days, prices of carriers or a rule may change, with those beside each of them."""
    service, network = case.asked.facts.service, case.network
    bands = [band.distance_km_max for band in network.policy.transit.get(service, ())]
    zones = [zone.distance_km_max for one in network.carriers.values() for zone in one.services.get(service, ())]
    measured = {int(km) + step for km in (*bands, *filter(None, zones)) for step in (0, 1)}
    return measured | named_numbers(network, DISTANCE_KM)


def _at_distance(case: Case, km: int) -> RoundInput:
    looked_up = case.asked.looked_up.without_promises(case.node.id)
    looked_up.distances[case.node.id] = float(km)
    return replace(case.asked, looked_up=looked_up)


def _cutoff(case: Case) -> Iterator[Change]:
    local = case.asked.at.astimezone(case.node.time_zone)
    later = local.hour * 60 + local.minute + 1
    present = case.node.cutoff.hour * 60 + case.node.cutoff.minute
    if local.time() < case.node.cutoff or later >= 24 * 60:
        return
    cutoff = time(later // 60, later % 60)
    network: Network = replace(
        case.network, nodes={**case.network.nodes, case.node.id: replace(case.node, cutoff=cutoff)}
    )
    looked_up = case.asked.looked_up.without_promises(case.node.id)
    if plan := case.tried(replace(case.asked, looked_up=looked_up), network):
        words = f"a cut-off of {cutoff:%H:%M} at {case.node.id} instead of {case.node.cutoff:%H:%M}"
        yield Change(ChangeKind.CUTOFF, words, plan, later - present)
