"""Decides whether the quantities of an order's lines may change before their release, and moves the units."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from domain import units
from domain.account import Cost, raised
from domain.request import ChangedLine
from domain.units import Changes, Impossible, Order, Waiting

ORDERED_MAX = 2_000_000_000
"""The most units that one line may count, cancelled ones included: the largest number that the database can store."""


def counted(order: Order, line: str) -> int:
    """How many units a line counts: what was ordered and not cancelled. Raises `Impossible` for an unknown line."""
    known = order.lines.get(line)
    if known is None:
        raise Impossible(f"the order has no line {line}")
    return known.ordered - known.cancelled


def change_quantities(
    order: Order, changes: Changes, quantities: Mapping[str, int], at: datetime, costs: Mapping[str, Cost] | None = None
) -> None:
    """Set the quantities of these lines. `costs` is by line what the units cost that it gains, where that is known.

    Units that a line loses are cancelled, units that it gains are open. Raises `Impossible` when a line is unknown or
    released, or the whole order was cancelled; the caller must write nothing then.
    """
    if not units.all_uncancelled(order):
        raise Impossible("the order was cancelled")
    differences = {line: quantity - counted(order, line) for line, quantity in quantities.items()}
    for line, difference in differences.items():
        _check(order, line, difference)
    for line, difference in differences.items():
        if difference > 0:
            _add(order, changes, line, difference, (costs or {}).get(line))
        elif difference < 0:
            units.cancel(order, changes, {line: -difference}, at)


def is_released(order: Order, line: str) -> bool:
    """Whether units of a line were released to a node, so that its quantity cannot change any more."""
    attempts = [fo.counts(line) for fo in order.fulfillment_orders.values() if line in fo.lines]
    return bool(order.lines[line].shipped) or any(counts.due or counts.in_doubt for counts in attempts)


def _check(order: Order, line: str, difference: int) -> None:
    if is_released(order, line):
        raise Impossible(f"line {line} was released to a node")
    if order.lines[line].ordered + difference > ORDERED_MAX:
        raise Impossible(f"line {line} was changed too often")


def _add(order: Order, changes: Changes, line: str, quantity: int, cost: Cost | None) -> None:
    known = order.lines[line]
    order.lines[line] = replace(known, ordered=known.ordered + quantity, layers=raised(known.layers, quantity, cost))
    order.waiting.append(Waiting(line, known.sku, quantity))
    changes.add(line, quantity)


def line_after(order: Order, changes: Changes, line: str) -> ChangedLine:
    """A line that no node has, after a change."""
    waiting = [one for one in order.waiting if one.line == line]
    known = order.lines[line]
    return ChangedLine(
        line=line,
        ordered=known.ordered,
        cancelled=known.cancelled + changes.buckets.get(line, Counter())["cancelled"],
        open=sum(one.quantity for one in waiting if one.awaits != "stock"),
        backordered=sum(one.quantity for one in waiting if one.awaits == "stock"),
        reserved=sum(one.quantity for one in order.reservations if one.line == line),
    )
