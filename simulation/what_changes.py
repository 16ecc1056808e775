"""The changes under which a history is planned again: a node closed, opened or moved, stock moved, capacity or cut-off changed,
demand scaled."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from math import inf

from domain.network import Network, Node
from domain.stock import StockLevel

Levels = dict[tuple[str, str], StockLevel]


class ChangeRefused(Exception):
    """A change that cannot be made; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A node that is not there yet: like another one, at another place."""

    node: str
    like: str
    at: tuple[float, float]
    """Its latitude and longitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMove:
    """Units that lie at another node when the time begins."""

    sku: str
    origin: str
    to: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that is different in the second run."""

    closed: Mapping[str, str | None] = field(default_factory=dict)
    """By node: to which node its stock and what comes for it goes; None = to none."""
    opened: Sequence[Opened] = ()
    moved: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By node: its latitude and longitude."""
    stock: Sequence[StockMove] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)
    cutoff: Mapping[str, time] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """Each change in words."""
        return [
            *(f"{one.node} opened like {one.like}" for one in self.opened),
            *(f"{node} closed" + (f", its stock at {to}" if to else "") for node, to in self.closed.items()),
            *(f"{node} at {at[0]:g},{at[1]:g}" for node, at in self.moved.items()),
            *(f"{one.units} {one.sku} at {one.to} instead of {one.origin}" for one in self.stock),
            *(f"{node} with a capacity of {orders} a day" for node, orders in self.capacity.items()),
            *(f"{node} with a cut-off at {at:%H:%M}" for node, at in self.cutoff.items()),
        ]

    def network(self, network: Network) -> Network:
        """The network with these changes. Raises `ChangeRefused`."""
        nodes = dict(network.nodes)
        for one in self.opened:
            if one.node in nodes:
                raise ChangeRefused(f"--open {one.node}: there is such a node already")
            found = _known(nodes, one.like, "--open")
            nodes[one.node] = replace(found, id=one.node, latitude=one.at[0], longitude=one.at[1])
        for name, (latitude, longitude) in self.moved.items():
            nodes[name] = replace(_known(nodes, name, "--move"), latitude=latitude, longitude=longitude)
        for name, orders in self.capacity.items():
            nodes[name] = replace(_known(nodes, name, "--capacity"), capacity_per_day=orders)
        for name, cutoff in self.cutoff.items():
            nodes[name] = replace(_known(nodes, name, "--cutoff"), cutoff=cutoff)
        for name in self.closed:
            _known(nodes, name, "--close")
        for name, to in self.closed.items():
            if to in self.closed:
                raise ChangeRefused(f"--close {name}: {to} is closed, too")
            if to is not None:
                _known(nodes, to, "--close")
        nodes = {name: node for name, node in nodes.items() if name not in self.closed}
        for move in self.stock:
            _known(nodes, move.to, "--move-stock")
        return _with_tiers(replace(network, nodes=nodes), self.opened)

    def place(self, node: str) -> str:
        """Where goods go that came to a node."""
        return self.closed.get(node) or node

    def levels(self, levels: Sequence[StockLevel]) -> Levels:
        """The stock levels at the beginning, with these changes. Raises `ChangeRefused`."""
        found: Levels = {}
        for level in levels:
            to = self.place(level.node)
            known = found.get((to, level.sku), StockLevel(to, level.sku, 0, 0, 0))
            found[to, level.sku] = known._replace(
                on_hand=known.on_hand + level.on_hand,
                reserved=known.reserved + level.reserved,
                allocated=known.allocated + level.allocated,
                set_aside=known.set_aside + level.set_aside,
            )
        for one in self.stock:
            origin = found.get((one.origin, one.sku), StockLevel(one.origin, one.sku, 0, 0, 0))
            if (free := origin.available(0)) < one.units:
                raise ChangeRefused(f"--move-stock {one.sku}: {one.origin} has {free} when the time begins")
            there = found.get((one.to, one.sku), StockLevel(one.to, one.sku, 0, 0, 0))
            found[one.origin, one.sku] = origin._replace(on_hand=origin.on_hand - one.units)
            found[one.to, one.sku] = there._replace(on_hand=there.on_hand + one.units)
        return found


def _known(nodes: Mapping[str, Node], name: str, option: str) -> Node:
    if name not in nodes:
        raise ChangeRefused(f"{option}: there is no node {name}")
    return nodes[name]


def _with_tiers(network: Network, opened: Sequence[Opened]) -> Network:
    """The network in which an opened node stands in each tier that has the one that it is like."""
    strategies = []
    for strategy in network.policy.strategies:
        tiers = []
        for tier in strategy.tiers:
            joined = {one.node for one in opened if one.like in tier.nodes}
            tiers.append(replace(tier, nodes=tier.nodes | joined))
        strategies.append(replace(strategy, tiers=tuple(tiers)))
    return replace(network, policy=replace(network.policy, strategies=tuple(strategies)))


def repeats(order: str, demand: float) -> int:
    """How often an order is there when demand is scaled: of 1.3, each once and three of ten twice, always the same."""
    whole = int(demand)
    return whole + (random.Random(f"demand {order}").random() < demand - whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Changes as a command line has them, by option."""

    close: Sequence[str] = ()
    open: Sequence[str] = ()
    move: Sequence[str] = ()
    stock: Sequence[str] = ()
    capacity: Sequence[str] = ()
    cutoff: Sequence[str] = ()

    def read(self) -> Changes:
        """The changes. Raises `ChangeRefused`, which names the option and the form that it has."""
        opened = [_fields("--open", one, "NODE:LIKE:LATITUDE,LONGITUDE", 3) for one in self.open]
        moved = [_fields("--move", one, "NODE:LATITUDE,LONGITUDE", 2) for one in self.move]
        stock = [_fields("--move-stock", one, "SKU:FROM:TO:UNITS", 4) for one in self.stock]
        capacity = [_fields("--capacity", one, "NODE:ORDERS", 2) for one in self.capacity]
        cutoff = [_fields("--cutoff", one, "NODE:HH:MM", 3) for one in self.cutoff]
        return Changes(
            closed={node: to or None for node, _, to in (one.partition(":") for one in self.close)},
            opened=[Opened(node=node, like=like, at=_place("--open", at)) for node, like, at in opened],
            moved={node: _place("--move", at) for node, at in moved},
            stock=[
                StockMove(sku=sku, origin=origin, to=to, units=_whole("--move-stock", units))
                for sku, origin, to, units in stock
            ],
            capacity={node: _whole("--capacity", orders) for node, orders in capacity},
            cutoff={node: _time(hour, minute) for node, hour, minute in cutoff},
        )


def _fields(option: str, text: str, form: str, count: int) -> list[str]:
    found = text.split(":")
    if len(found) != count or not all(found):
        raise ChangeRefused(f"{option} {text}: it must be {form}")
    return found


def _whole(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ChangeRefused(f"{option}: {text!r} is not a whole number")
    return int(text)


def _time(hour: str, minute: str) -> time:
    try:
        return time(_whole("--cutoff", hour), _whole("--cutoff", minute))
    except ValueError:
        raise ChangeRefused(f"--cutoff: {hour}:{minute} is not a time of day") from None


def _place(option: str, text: str) -> tuple[float, float]:
    latitude, _, longitude = text.partition(",")
    try:
        place = float(latitude), float(longitude)
    except ValueError:
        place = inf, inf
    if not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise ChangeRefused(f"{option}: {text!r} is no place; write LATITUDE,LONGITUDE, such as 31.55,-97.15")
    return place
