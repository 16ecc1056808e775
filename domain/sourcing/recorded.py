"""Packs the input of a sourcing round into few bytes, and reads it again: with it a plan can be made again.

The form is JSON with sorted keys, compressed. Moments are microseconds since 1970. A key that is absent has its default, so a
later version may add keys; it must read every form that was ever stored.
"""

import json
import zlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from domain.network import EvaluationError, Far, Network, Place, Precision, RuleLine, ShipComplete
from domain.promise import Promise
from domain.retired import AsOrdered, as_ordered
from domain.sourcing.facts import LookedUp, NodeLoad, OrderFacts, Wanted
from domain.sourcing.rounds import RoundInput
from domain.sourcing.supply import Entitlement
from domain.stock import StockLevel

LEVELS_MAX = 50_000
"""The most stock levels that are kept with a round: 500 lines in a network of 100 nodes. Of a larger one nothing is kept."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TEXTS = (
    "channel",
    "service",
    "country",
    "postal_code",
    "region",
    "customer_tier",
    "currency",
    "reference",
    "purchase_order",
)
_MOMENTS = ("deliver_by", "not_after")
_Document = dict[str, Any]


class Recorded(NamedTuple):
    """What was kept of a round, and the network as the order saw it."""

    asked: RoundInput
    network: Network


def packed(asked: RoundInput, network: Network, version: Network) -> bytes | None:
    """The input of a round after its plan was made; None where it is too large.

    `version` is the network version by its number, and `network` the same as the order saw it.
    """
    if len(asked.levels) > LEVELS_MAX:
        return None
    document = {
        "facts": _facts(asked.facts),
        "wanted": [_wanted(one) for one in asked.wanted],
        "levels": _levels(asked.levels.values()),
        "load": {
            node: [load.open_orders, load.capacity_used_today]
            for node, load in asked.workload.items()
            if load != NodeLoad()
        },
        "at": _number(asked.at),
        "entitlement": _entitlement(asked.entitlement),
        "kept_out": sorted(asked.kept_out),
        "way": _way(asked.looked_up),
        "items": _items(asked, network, version),
    }
    written = json.dumps(
        {key: value for key, value in document.items() if value}, separators=(",", ":"), sort_keys=True
    )
    return zlib.compress(written.encode(), 6)


def unpacked(content: bytes, version: Network) -> Recorded:
    """The input of a round and the network that its order saw. Raises KeyError where the version has not what it names."""
    document = json.loads(zlib.decompress(content))
    items = [AsOrdered(sku, tuple(map(tuple, parts)), weight) for sku, weight, parts in document.get("items", ())]
    network = as_ordered(version, items)
    load = {node: NodeLoad(*counts) for node, counts in document.get("load", {}).items()}
    asked = RoundInput(
        facts=_read_facts(document["facts"], network),
        wanted=[_read_wanted(*one) for one in document.get("wanted", ())],
        levels=_read_levels(document.get("levels", {})),
        workload=load,
        at=_moment(document["at"]),
        entitlement=_read_entitlement(document.get("entitlement", {})),
        kept_out=frozenset(document.get("kept_out", ())),
        looked_up=_read_way(document.get("way", {})),
    )
    return Recorded(asked, network)


def _number(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND


def _facts(facts: OrderFacts) -> _Document:
    value = facts.value
    place = facts.place
    document: _Document = {
        **{name: getattr(facts, name) for name in _TEXTS},
        "value": {"unknown": value.reason} if isinstance(value, EvaluationError) else value,
        "units": facts.units,
        "priority": facts.priority,
        "weight_kg": facts.weight_kg,
        "ship_complete": facts.ship_complete and str(facts.ship_complete),
        "pickup_node": facts.pickup_node,
        "from_node": facts.from_node,
        "to_node": facts.to_node,
        "tags": facts.tags,
        "attributes": dict(facts.attributes),
        "lines": [_rule_line(line) for line in facts.lines],
        "place": [place.latitude, place.longitude, str(place.precision), place.far and str(place.far)],
    }
    moments = {name: _number(at) for name in _MOMENTS if (at := getattr(facts, name)) is not None}
    return {name: value for name, value in document.items() if value} | moments


def _rule_line(line: RuleLine) -> list[Any]:
    own = [bool(line.has_gift_message), dict(line.attributes)] if line.has_gift_message or line.attributes else []
    return [line.item.sku, line.quantity, *own]


def _read_facts(document: _Document, network: Network) -> OrderFacts:
    latitude, longitude, precision, far = document["place"]
    value = document.get("value", 0)
    complete = document.get("ship_complete")
    deliver_by, not_after = (_moment(document[name]) if name in document else None for name in _MOMENTS)
    return OrderFacts(
        **{name: document.get(name, "") for name in _TEXTS},
        place=Place(latitude, longitude, Precision(precision), Far(far) if far else None),
        value=EvaluationError(value["unknown"]) if isinstance(value, dict) else value,
        units=document.get("units", 0),
        priority=document.get("priority", 0),
        weight_kg=document.get("weight_kg", 0.0),
        ship_complete=ShipComplete(complete) if complete else None,
        pickup_node=document.get("pickup_node"),
        from_node=document.get("from_node"),
        to_node=document.get("to_node"),
        deliver_by=deliver_by,
        not_after=not_after,
        tags=document.get("tags", []),
        attributes=document.get("attributes", {}),
        lines=[RuleLine(network.item(sku), units, *own) for sku, units, *own in document.get("lines", ())],
    )


def _wanted(one: Wanted) -> list[Any]:
    return [one.line, one.sku, one.quantity, one.attempt, *one.tried]


def _read_wanted(line: str, sku: str, quantity: int, attempt: int, *tried: str) -> Wanted:
    return Wanted(line, sku, quantity, attempt, tried)


def _levels(levels: Iterable[StockLevel]) -> _Document:
    """The stock levels by SKU: the nodes by position, and what they have, column by column; what is rare apart."""
    known = sorted(levels, key=_SKU_AND_NODE)
    nodes = sorted({level.node for level in known})
    numbers = {node: number for number, node in enumerate(nodes)}
    columns: dict[str, list[list[int]]] = {}
    rare: list[list[Any]] = []
    for level in known:
        at, units, promised, allotted = columns.setdefault(level.sku, [[], [], [], []])
        number = numbers[level.node]
        at.append(number)
        units.append(level.on_hand)
        promised.append(level.reserved)
        allotted.append(level.allocated)
        if level[5:7] != _COMMON_UNITS or level[8:] != _COMMON_STATE:
            rare.append([level.sku, number, _rare(level)])
    document = {"nodes": nodes, "skus": columns, "rare": rare}
    return {key: value for key, value in document.items() if value}


_SKU_AND_NODE = itemgetter(1, 0)
_COMMON_UNITS, _COMMON_STATE = (0, 0), (None, None, False, None, 0)
"""What most stock levels have beside their counts. Between the two is when it was counted, on which no plan depends."""


def _rare(level: StockLevel) -> _Document:
    """What of a stock level is not common."""
    units = {name: value for name in ("set_aside", "lapsed", "is_paused", "price") if (value := getattr(level, name))}
    moments = {name: getattr(level, name) for name in ("stopped_at", "offered_at", "rejected_at")}
    return units | {name: _number(at) for name, at in moments.items() if at is not None}


def _read_levels(document: _Document) -> dict[tuple[str, str], StockLevel]:
    nodes = document.get("nodes", ())
    levels = {
        (nodes[number], sku): StockLevel(nodes[number], sku, *counts)
        for sku, columns in document.get("skus", {}).items()
        for number, *counts in zip(*columns, strict=True)
    }
    for sku, number, more in document.get("rare", ()):
        place = nodes[number], sku
        levels[place] = levels[place]._replace(**_read_rare(more))
    return levels


def _read_rare(document: _Document) -> _Document:
    return {name: _moment(value) if name.endswith("_at") else value for name, value in document.items()}


def _entitlement(entitlement: Entitlement) -> _Document:
    document = {
        "offers": [[*place, _number(at)] for place, at in sorted(entitlement.offers.items())],
        "own": [[*place, units] for place, units in sorted(entitlement.own.items()) if units],
        "pinned_for": {node: day.isoformat() for node, day in entitlement.pinned_for.items()},
        "kept_for_others": [[*place, units] for place, units in sorted(entitlement.kept_for_others.items())],
    }
    return {key: value for key, value in document.items() if value}


def _read_entitlement(document: _Document) -> Entitlement:
    return Entitlement(
        {(node, sku): _moment(at) for node, sku, at in document.get("offers", ())},
        {(node, sku): units for node, sku, units in document.get("own", ())},
        {node: date.fromisoformat(day) for node, day in document.get("pinned_for", {}).items()},
        {(node, sku): units for node, sku, units in document.get("kept_for_others", ())},
    )


def _way(looked_up: LookedUp) -> _Document:
    """The distances by node, and the promises: those that are equal once, with the nodes that have them."""
    nodes = sorted(looked_up.distances)
    numbers = {node: number for number, node in enumerate(nodes)}
    promises: dict[Promise | None, list[int | str]] = {}
    for name, promise in sorted(looked_up.promises.items()):
        promises.setdefault(promise, []).append(numbers.get(name, name))
    document = {
        "nodes": nodes,
        "km": [looked_up.distances[node] for node in nodes],
        "promises": [[_promise(promise), names] for promise, names in promises.items()],
    }
    return {key: value for key, value in document.items() if value}


def _promise(promise: Promise | None) -> list[int | None] | None:
    if promise is None:
        return None
    deliver_by = None if promise.deliver_by is None else _number(promise.deliver_by)
    return [_number(promise.ship_by), deliver_by, promise.days]


def _read_way(document: _Document) -> LookedUp:
    nodes = document.get("nodes", ())
    promises = {
        nodes[name] if isinstance(name, int) else name: _read_promise(promise)
        for promise, names in document.get("promises", ())
        for name in names
    }
    return LookedUp(dict(zip(nodes, document.get("km", ()), strict=True)), promises)


def _read_promise(written: list[int] | None) -> Promise | None:
    if written is None:
        return None
    ship_by, deliver_by, days = written
    return Promise(_moment(ship_by), None if deliver_by is None else _moment(deliver_by), days)


def _items(asked: RoundInput, network: Network, version: Network) -> list[Any]:
    """The items that this order's lines are made of otherwise than the version says."""
    if network is version:
        return []
    named = {line.item.sku for line in asked.facts.lines} | {one.sku for one in asked.wanted}
    own = [network.item(sku) for sku in sorted(named) if network.knows_item(sku)]
    return [
        [item.sku, item.weight_g, [list(part) for part in item.components]]
        for item in own
        if not version.knows_item(item.sku) or version.item(item.sku) is not item
    ]
