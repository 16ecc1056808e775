"""Changes of what a node has and may give: units on hand, safety stock, quotas, stops, offers, cool-downs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from domain.network import Buffers, Network
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput
from domain.sourcing.what_if.change import Case, Change, ChangeKind, least
from domain.stock import StockLevel


def changes_of_stock(case: Case) -> Iterator[Change]:
    """Every change of this sort under which the node ships."""
    lacking = _lacking(case)
    single = [change for sku in lacking if (change := _units_of_one(case, sku, lacking[sku]))]
    yield from single
    if not single and len(lacking) > 1 and (change := _units_of_all(case, lacking)):
        yield change
    for sku in _needed(case):
        yield from _safety_stock(case, sku)
        yield from _quota(case, sku)
        yield from _switches(case, sku)


def _needed(case: Case) -> Counter[str]:
    """Units by stocked SKU that all wanted units are made of."""
    needed: Counter[str] = Counter()
    for one in case.asked.wanted:
        if one.sku in case.network.items:
            for sku, quantity in case.network.components(one.sku):
                needed[sku] += quantity * one.quantity
    return needed


def _level(case: Case, sku: str) -> StockLevel:
    return case.asked.levels.get((case.node.id, sku)) or StockLevel(case.node.id, sku, 0, 0, 0)


def _lacking(case: Case) -> dict[str, int]:
    """By stocked SKU: how many more units on hand would let the node ship everything."""
    lacking = {}
    for sku, needed in _needed(case).items():
        level, own = _level(case, sku), case.asked.entitlement.own.get((case.node.id, sku), 0)
        promised = level.reserved - level.lapsed - own + level.allocated
        free = level.on_hand - max(0, level.set_aside) - promised - case.network.safety_stock(case.node.id, sku)
        if needed > free:
            lacking[sku] = needed - free
    return lacking


def _with_units(case: Case, units: Mapping[str, int]) -> RoundInput:
    levels = dict(case.asked.levels)
    for sku, more in units.items():
        level = _level(case, sku)
        levels[case.node.id, sku] = level._replace(on_hand=level.on_hand + more)
    return replace(case.asked, levels=levels)


def _units_of_one(case: Case, sku: str, most: int) -> Change | None:
    found = least(lambda more: case.tried(_with_units(case, {sku: more})), most)
    return _more(case, {sku: found[0]}, found[1]) if found else None


def _units_of_all(case: Case, lacking: Mapping[str, int]) -> Change | None:
    """More units of several SKUs at once: none of them can be fewer."""
    plan = case.tried(_with_units(case, lacking))
    if plan is None:
        return None
    units = dict(lacking)
    for sku in lacking:
        if fewest := _fewest(case, units, sku):
            units[sku], plan = fewest
    return _more(case, {sku: more for sku, more in units.items() if more}, plan)


def _fewest(case: Case, units: Mapping[str, int], sku: str) -> tuple[int, Plan] | None:
    """The fewest units of a SKU, perhaps none, beside those of the others, and the plan with them."""

    def ships(more: int) -> Plan | None:
        return case.tried(_with_units(case, {**units, sku: more}))

    without = ships(0)
    return (0, without) if without else least(ships, units[sku])


def _more(case: Case, units: Mapping[str, int], plan: Plan) -> Change:
    listed = " and ".join(f"{more} more {sku}" for sku, more in units.items())
    return Change(ChangeKind.STOCK, f"{listed} on hand at {case.node.id}", plan, sum(units.values()), units)


def _safety_stock(case: Case, sku: str) -> Iterator[Change]:
    kept, node = case.network.safety_stock(case.node.id, sku), case.node.id
    found = least(lambda fewer: case.tried(network=_keeping(case.network, node, sku, kept - fewer)), kept)
    if found:
        fewer, plan = found
        file = kept_back_by(case.network, node, sku)
        words = f"a safety stock of {kept - fewer} of {sku} at {node} instead of {kept} ({file})"
        yield Change(ChangeKind.SAFETY_STOCK, words, plan, fewer, {sku: fewer})


def kept_back_by(network: Network, node: str, sku: str) -> str:
    """The file that decides how many units of a SKU a node never sells."""
    if (node, sku) in network.buffers.safety_stock:
        return "buffers.csv"
    return "nodes.toml" if network.node(node).safety_stock >= network.item(sku).safety_stock else "items.csv"


def _keeping(network: Network, node: str, sku: str, kept: int) -> Network:
    buffers = network.buffers
    safety_stock = {**buffers.safety_stock, (node, sku): kept}
    return replace(network, buffers=Buffers(safety_stock, buffers.thresholds, buffers.quotas))


def _quota(case: Case, sku: str) -> Iterator[Change]:
    channel, buffers = case.asked.facts.channel, case.network.buffers
    kept = case.network.kept_back(sku, channel)
    if not kept:
        return

    def ships(fewer: int) -> Plan | None:
        thresholds = {**buffers.thresholds, sku: kept - fewer}
        quotas = {place: units for place, units in buffers.quotas.items() if place[0] != sku}
        changed = Buffers(buffers.safety_stock, thresholds, quotas)
        return case.tried(network=replace(case.network, buffers=changed))

    if found := least(ships, kept):
        fewer, plan = found
        left = f"{kept - fewer or 'nothing'} of {sku} kept back from {channel} in all nodes together"
        yield Change(ChangeKind.QUOTA, f"{left}, instead of {kept} (buffers.csv)", plan, fewer, {sku: fewer})


def _switches(case: Case, sku: str) -> Iterator[Change]:
    """What is so or not so of a SKU at the node."""
    node, level = case.node.id, _level(case, sku)
    switches = (
        (ChangeKind.STOP, level._replace(stopped_at=None), f"no stop of the sale of {sku} at {node}"),
        (ChangeKind.OFFER, level._replace(offered_at=None), f"{sku} at {node} not offered to other orders that wait"),
        (ChangeKind.COOL_DOWN, level._replace(rejected_at=None), f"no cool-down of {sku} at {node}"),
    )
    for kind, without, words in switches:
        if without != level:
            levels = {**case.asked.levels, (node, sku): without}
            if plan := case.tried(replace(case.asked, levels=levels)):
                yield Change(kind, words, plan)
