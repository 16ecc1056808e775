"""Decides how a living order grows by lines: what is added, and what takes the place of units that are swapped."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain import units
from domain.account import Layer, cost_between, left, lowered
from domain.network import Network
from domain.order import LINES_MAX, VALUE_MAX, NewLine
from domain.request import LinesRequest, Swap
from domain.units import Changes, Impossible, Order, OrderedLine, Reservation, Waiting


def asked_for(order: Order, changes: Changes, body: LinesRequest, at: datetime) -> list[NewLine]:
    """The lines that a request adds; the units that it swaps are cancelled. Raises `Impossible`, and nothing may be written
    then."""
    if all(line.shipped + line.cancelled == line.ordered for line in order.lines.values()):
        raise Impossible("no unit of it is left to ship: place another order")
    taken = {*order.lines, *(line.line for line in body.lines)}
    if known := [line.line for line in body.lines if line.line in order.lines]:
        raise Impossible(f"the order has a line {known[0]} already")
    swapped = [_swapped(order, changes, swap, successor(taken, swap.line), at) for swap in body.swap]
    lines = [*swapped, *body.lines]
    if len(taken) > LINES_MAX:
        raise Impossible(f"an order has {LINES_MAX:,} lines at the most")
    if sum(line.goods for line in lines) > VALUE_MAX:
        raise Impossible(f"an order is worth {VALUE_MAX} minor units at the most")
    _refuse_what_is_not_sold(lines, changes.network)
    return lines


STEM_MAX = 56
"""So much of a line's id stands in the id of what takes the place of its units."""


def successor(taken: set[str], line: str) -> str:
    """An id for the line that takes the place of some units of another; it is taken from now on."""
    number = 1
    while (name := f"{line[:STEM_MAX]}-s{number}") in taken:
        number += 1
    taken.add(name)
    return name


def stem_of(name: str) -> str | None:
    """The beginning of the id of the line whose units a line took the place of; None = it took the place of none."""
    stem, dash, number = name.rpartition("-s")
    return stem if dash and number.isdecimal() else None


def takes_place_of(name: str, line: str) -> bool:
    """Whether a line has the id of one that took the place of units of another."""
    return stem_of(name) == line[:STEM_MAX]


def _swapped(order: Order, changes: Changes, swap: Swap, name: str, at: datetime) -> NewLine:
    """The line for units that the customer gets as another item. They cost what the cancelled ones cost, taxes and shares of
    discounts included."""
    known = order.lines.get(swap.line)
    if known is None:
        raise Impossible(f"the order has no line {swap.line}")
    unreleased = _unreleased(order, swap.line)
    if swap.quantity > unreleased:
        raise Impossible(
            f"line {swap.line}: {unreleased} units of it wait for their release, and only these can be swapped"
        )
    before = lowered(known.layers, changes.buckets[swap.line]["cancelled"] if swap.line in changes.buckets else 0)
    cost = cost_between(before, left(before) - swap.quantity, left(before))
    units.cancel(order, changes, {swap.line: swap.quantity}, at)
    return NewLine.that_costs(cost, name, swap.sku, swap.quantity)


def _unreleased(order: Order, line: str) -> int:
    without_work: Sequence[Waiting | Reservation] = [*order.waiting, *order.reservations]
    return sum(one.quantity for one in without_work if one.line == line)


def _refuse_what_is_not_sold(lines: Iterable[NewLine], network: Network) -> None:
    for line in lines:
        if line.sku not in network.items:
            raise Impossible(f"{line.sku} is retired, no more of it can be ordered")


def add(order: Order, network: Network, lines: Sequence[NewLine]) -> None:
    """Let the order have these lines, whose units are all open and wait for a node."""
    for line in lines:
        item = network.items[line.sku]
        layer = Layer(line.quantity, 0, line.unit_price, line.discount, line.tax)
        order.lines[line.line] = OrderedLine(
            line.sku, line.quantity, 0, 0, tuple(item.components), item.weight_g, (layer,), line.name
        )
        order.waiting.append(Waiting(line.line, line.sku, line.quantity))
