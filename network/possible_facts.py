"""Decides whether a rule can hold for any order at all, by trying every sort of order, node and item that it can tell apart.

A rule tells apart only what it compares. A name that it compares with three texts has four sorts of values: these texts and
any other. A number has the values at which it is compared, and the ranges between them. So there are few cases, and no case
is left out. What the check does not understand may have any answer; then a rule counts as one that can hold.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import NamedTuple

from domain.network import Item, Node, NodeKind, TransitBand
from domain.sourcing.facts import item_facts
from domain.sourcing.future import CAPACITY_UNLIMITED
from network.countries import CENTROIDS
from network.csv_rows import WHOLE_MAX
from network.possible_answers import ANYTHING, Range, Value, answer_of
from network.rule_names import ATTRIBUTES
from network.rule_tree import Call, Constant, Listing, Name, Tree, walk

CASES_MAX = 20_000
"""A rule with more cases is not tried to the end; it counts as one that can hold."""

TAG_TEXTS_MAX = 6
"""With more tags, their combinations are too many to try."""

HALF_AROUND_THE_EARTH_KM = 20_016.0

_COMPARING = frozenset({"_==_", "_!=_", "_<_", "_>_", "_<=_", "_>=_", "@in"})
_TEXTS_OF_ORDERS = ("order.channel", "order.service", "order.country", "order.region", "order.postal_code")
_FREE = (
    *_TEXTS_OF_ORDERS,
    "order.customer_tier",
    "order.currency",
    "order.reference",
    "order.purchase_order",
    "node.id",
    "node.country",
    "node.region",
    "item.sku",
    "item.category",
)
_ATTRIBUTE = f"{ATTRIBUTES}."

Case = Mapping[str, Value]


class Wanted(NamedTuple):
    """A rule, and the answer that it must be able to give."""

    tree: Tree
    answer: bool


@dataclass(frozen=True, slots=True)
class World:
    """What there is. None in place of nodes, items or transit = any that could ever be there."""

    transit: Mapping[str, Sequence[TransitBand]] | None = None
    nodes: Sequence[Node] | None = None
    items: Sequence[Item] | None = None
    is_parcel: bool = False
    """Whether the goods travel, so that `[transit]` bounds distance and days; requirements are not asked of a pickup."""
    units_least: int = 1
    """The fewest units of an order."""
    weights_are_known: bool = False
    """Whether an item weighs what it weighs today."""


@dataclass(slots=True)
class _Uses:
    """How rules use a name: the texts and numbers that they compare it with, and whether they do nothing else with it."""

    texts: set[str] = field(default_factory=set)
    numbers: set[int | float] = field(default_factory=set)
    only_compared: bool = True


def can_hold(wanted: Sequence[Wanted], world: World) -> bool:
    """Whether all rules can give their answers for one and the same order, node and item. False is certain."""
    uses = _uses(wanted)
    tried = 0
    for case in islice(_cases(uses, world), CASES_MAX):
        tried += 1
        if all(answer_of(one.tree, case) in (ANYTHING, one.answer) for one in wanted):
            return True
    return tried >= CASES_MAX


def _uses(wanted: Iterable[Wanted]) -> dict[str, _Uses]:
    found: dict[str, _Uses] = {}
    for one in wanted:
        for tree in walk(one.tree):
            compared = _compared(tree)
            for part in getattr(tree, "parts", ()):
                if isinstance(part, Name):
                    use = found.setdefault(part.name, _Uses())
                    use.only_compared &= compared is not None
                    for value in compared or ():
                        if isinstance(value, str):
                            use.texts.add(value)
                        else:
                            use.numbers.add(value)
        if isinstance(one.tree, Name):
            found.setdefault(one.tree.name, _Uses(only_compared=False))
    return found


def _compared(tree: Tree) -> list[bool | int | float | str] | None:
    """The constants in a comparison; None for anything else, and for a comparison with more than names and constants."""
    if not isinstance(tree, Call) or tree.function not in _COMPARING:
        return None
    parts = [inner for part in tree.parts for inner in (part.parts if isinstance(part, Listing) else (part,))]
    names = [part for part in parts if isinstance(part, Name)]
    values = [part.value for part in parts if isinstance(part, Constant)]
    is_plain = len(names) + len(values) == len(parts) and (len(names) == 1 or _are_countries(names))
    is_ordered = tree.function in ("_<_", "_>_", "_<=_", "_>=_")
    return None if not is_plain or (is_ordered and any(isinstance(value, str) for value in values)) else values


def _are_countries(names: Sequence[Name]) -> bool:
    return {name.name for name in names} <= {"order.country", "node.country"}


def _cases(uses: Mapping[str, _Uses], world: World) -> Iterator[Case]:
    """Every case that rules with these uses can tell apart."""
    attributes = (name for name in uses if name.startswith(_ATTRIBUTE))
    texts = {name: _texts(name, uses, world) for name in (*_FREE, *attributes) if name in uses}
    groups: list[Sequence[Case]] = [
        [{name: text} for text in found]
        for name, found in texts.items()
        if not (name.startswith("node.") and world.nodes is not None)
        and not (name.startswith("item.") and world.items is not None)
        and not (name == "order.service" and world.transit is not None)
    ]
    groups += [_of_nodes(uses, texts, world), _of_items(uses, texts, world), _of_services(uses, world)]
    groups += [[{"order.tags": chosen} for chosen in _any_tags("order.tags", uses)]]
    for parts in product(*groups):
        known: dict[str, Value] = {"order.value": Range(0, math.inf), "order.units": Range(world.units_least, math.inf)}
        known |= {"order.priority": Range(1, 9), "order.weight_kg": Range(0.0, math.inf)}
        for part in parts:
            known |= part
        known |= _of_travel(known)
        yield from _split(known, uses)


def _texts(name: str, uses: Mapping[str, _Uses], world: World) -> list[Value]:
    """The sorts of values of a text: those that it is compared with, and any other."""
    if not uses[name].only_compared:
        return [ANYTHING]
    if name.endswith(".country"):
        compared = {text for one in ("order.country", "node.country") if one in uses for text in uses[one].texts}
        compared |= {node.country for node in world.nodes or ()}
        others = [country for country in CENTROIDS if country not in compared][:2]
        return [*sorted(compared), *others]  # two others, because two countries may differ
    return [*sorted(uses[name].texts), _other_than(uses[name].texts)]


def _other_than(texts: set[str]) -> str:
    return "another" + "".join(texts)


def _of_nodes(uses: Mapping[str, _Uses], texts: Mapping[str, list[Value]], world: World) -> list[Case]:
    """The nodes that differ in what is read of them."""
    read = [name for name in uses if name.startswith("node.")]
    if not read:
        return [{}]
    if world.nodes is None:
        kinds: list[Value] = [str(kind) for kind in NodeKind] if "node.kind" in uses else [ANYTHING]
        free: Case = {"node.priority": Range(0, math.inf), "node.capacity_left": Range(1, CAPACITY_UNLIMITED)}
        tags = _any_tags("node.tags", uses)
        return [{**free, "node.kind": kind, "node.tags": chosen} for kind, chosen in product(kinds, tags)]
    found: dict[object, Case] = {}
    for node in world.nodes:
        facts = {name: value for name, value in _node_facts(node).items() if name in uses or name == "handling"}
        if "node.promise_days" not in uses:
            del facts["handling"]
        for name in facts.keys() & {"node.id", "node.region"}:
            facts[name] = _sort_of(str(facts[name]), texts[name])
        if "node.tags" in facts:
            facts["node.tags"] = _known_tags("node.tags", node.tags, uses)
        found.setdefault(tuple(facts.values()), facts)
    return list(found.values())


def _node_facts(node: Node) -> dict[str, Value]:
    capacity = CAPACITY_UNLIMITED if node.capacity_per_day is None else node.capacity_per_day
    return {
        "node.id": node.id,
        "node.kind": str(node.kind),
        "node.country": node.country,
        "node.region": node.region,
        "node.tags": node.tags,
        "node.priority": Range(node.priority, node.priority),
        "node.capacity_left": Range(1, capacity),
        "handling": Range(node.handling_days, node.handling_days),
    }


def _of_items(uses: Mapping[str, _Uses], texts: Mapping[str, list[Value]], world: World) -> list[Case]:
    """The items that differ in what is read of them. Their weights may be any: the assortment changes."""
    read = {name for name in uses if name.startswith("item.")}
    weight: Case = {"item.weight_g": Range(0, WHOLE_MAX)}
    if world.items is None:
        free = [dict(zip(_FLAGS, flags, strict=True)) for flags in product(*(_any_flag(name, uses) for name in _FLAGS))]
        tags = _any_tags("item.tags", uses)
        return [{**weight, "item.tags": chosen, **flags} for chosen, flags in product(tags, free)] if read else [{}]
    found: dict[object, Case] = {}
    for item in world.items if read else ():
        facts: dict[str, Value] = {**weight}
        if world.weights_are_known and "item.weight_g" in read:
            facts["item.weight_g"] = Range(item.weight_g, item.weight_g)
        for name, text in (("item.sku", item.sku), ("item.category", item.category)):
            if name in read:
                facts[name] = _sort_of(text, texts[name])
        if "item.tags" in read:
            facts["item.tags"] = _known_tags("item.tags", item.tags, uses)
        facts |= {name: bool(value) for name, value in item_facts(item).items() if name in _FLAGS and name in read}
        found.setdefault(tuple(facts.values()), facts)
    return list(found.values()) or ([weight] if read else [{}])


_FLAGS = ("item.hazmat", "item.ships_alone")


def _any_flag(name: str, uses: Mapping[str, _Uses]) -> list[Value]:
    return [False, True] if name in uses else [ANYTHING]


def _any_tags(name: str, uses: Mapping[str, _Uses]) -> list[Value]:
    """The sorts of tags: each choice of those that are asked for."""
    if not _has_few_tags(name, uses):
        return [ANYTHING]
    return [tuple(chosen) for chosen in _subsets(sorted(uses[name].texts))]


def _known_tags(name: str, tags: Sequence[str], uses: Mapping[str, _Uses]) -> Value:
    """The tags of an item or node that make a difference."""
    return tuple(tag for tag in tags if not _has_few_tags(name, uses) or tag in uses[name].texts)


def _has_few_tags(name: str, uses: Mapping[str, _Uses]) -> bool:
    return name in uses and uses[name].only_compared and len(uses[name].texts) <= TAG_TEXTS_MAX


def _subsets(texts: Sequence[str]) -> Iterator[list[str]]:
    for chosen in product((False, True), repeat=len(texts)):
        yield [text for text, is_chosen in zip(texts, chosen, strict=True) if is_chosen]


def _sort_of(text: str, sorts: list[Value]) -> Value:
    """The sort of a text. Where a rule does more than compare it, each text is a sort of its own."""
    return text if text in sorts or ANYTHING in sorts else sorts[-1]


def _of_services(uses: Mapping[str, _Uses], world: World) -> list[Case]:
    """The services that differ, with the fewest days and the longest way that each has."""
    if world.transit is None or not ({"order.service", "node.promise_days", "node.distance_km"} & set(uses)):
        return [{}]
    return [
        {"order.service": service, "days": Range(min(band.days for band in bands), math.inf), "way": _way(bands)}
        if world.is_parcel and bands
        else {"order.service": service}
        for service, bands in world.transit.items()
    ]


def _way(bands: Sequence[TransitBand]) -> Range:
    return Range(0.0, min(HALF_AROUND_THE_EARTH_KM, max(band.distance_km_max for band in bands)))


def _of_travel(known: Case) -> dict[str, Value]:
    days, handling = known.get("days"), known.get("handling")
    least = sum(part.low for part in (days, handling) if isinstance(part, Range))
    return {
        "node.open_orders": Range(0, math.inf),
        "node.promise_days": Range(least, math.inf),
        "node.distance_km": known.get("way", Range(0.0, HALF_AROUND_THE_EARTH_KM)),
    }


def _split(known: Mapping[str, Value], uses: Mapping[str, _Uses]) -> Iterator[Case]:
    """The cases in which each number lies at or between the numbers that it is compared with."""
    ranges = {
        name: list(_pieces(value, uses[name].numbers))
        for name, value in known.items()
        if name in uses and isinstance(value, Range)
    }
    for pieces in product(*ranges.values()):
        yield {**known, **dict(zip(ranges, pieces, strict=True))}


def _pieces(whole: Range, cuts: Iterable[int | float]) -> Iterator[Range]:
    low = whole.low
    for cut in sorted(set(cuts)):
        if whole.low <= cut <= whole.high:
            if low < cut:
                yield Range(low, _before(cut))
            yield Range(cut, cut)
            low = _after(cut)
    if low <= whole.high:
        yield Range(low, whole.high)


def _before(number: int | float) -> int | float:
    return math.nextafter(number, -math.inf) if isinstance(number, float) else number - 1


def _after(number: int | float) -> int | float:
    return math.nextafter(number, math.inf) if isinstance(number, float) else number + 1
