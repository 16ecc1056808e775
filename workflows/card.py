"""The card that operators read in the Temporal UI: the state of every unit, and what each fulfillment order waits for."""

import re
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.order import FulfillmentOrderState, LineState, OrderState

_BUCKETS = ("open", "backordered", "reserved", "allocated", "shipped", "delivered", "cancelled")
_LINES_MAX = 20
"""More lines make a card hard to read; the query `view` shows them all."""


def of(order: OrderState, as_of: datetime) -> str:
    """The card of an order as Markdown, with the moment when it was read; no personal data and no free text.

    What changes nothing that the order does is not read at once, such as that a node has picked.
    """
    parts = [
        f"**{order.status}**, as of {as_of:%Y-%m-%d %H:%M}Z",
        _promise(order),
        _lines(order),
        _fulfillment_orders(order),
        _attention(order),
    ]
    return "\n\n".join(part for part in parts if part)


def summary(lines: int, units: int, service: str, country: str, postal_area: str) -> str:
    """The summary beside the workflow's id: `2 lines, 3 units, standard, US 802`."""
    return f"{_count(lines, 'line')}, {_count(units, 'unit')}, {service}, {country} {postal_area}"


def plain(sku: str) -> str:
    """A SKU as it stands in Markdown: none of its characters means anything there."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", sku)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _promise(order: OrderState) -> str:
    if order.promise is None:
        return ""
    if order.promise.deliver_by is None:
        return f"promised: shipped by {order.promise.ship_by:%Y-%m-%d}"
    return f"promised: delivered by {order.promise.deliver_by:%Y-%m-%d}"


def _lines(order: OrderState) -> str:
    rows = [f"- {_line(line)}" for line in order.lines[:_LINES_MAX]]
    left = len(order.lines) - len(rows)
    return "\n".join(rows + ([f"- … {_count(left, 'line')} more"] if left else []))


def _line(line: LineState) -> str:
    """Only buckets with units: the Temporal UI shows the card in half a page, and would cut off a table of all buckets."""
    held = ", ".join(f"{units} {bucket}" for bucket in _BUCKETS if (units := getattr(line, bucket)))
    return f"line {line.line}, {line.ordered} × {plain(line.sku)}: {held}"


def _fulfillment_orders(order: OrderState) -> str:
    return "\n".join(f"- {_fulfillment_order(fo)}" for fo in order.fulfillment_orders)


def _fulfillment_order(fo: FulfillmentOrderState) -> str:
    units = sum(line.quantity for line in fo.lines)
    waits = (
        f", waits for {fo.waiting_for.replace('_', ' ')} until {fo.deadline:%Y-%m-%d %H:%M}Z" if fo.waiting_for else ""
    )
    work = f"`{fo.fulfillment_order}` {fo.node}, attempt {fo.attempt}, {_count(units, 'unit')}"
    return f"{work}: {fo.status} ({fo.request}){waits}"


def _attention(order: OrderState) -> str:
    needs = [f"- exception `{exception.exception}`: {exception.code}" for exception in order.exceptions]
    return "\n".join(needs + [f"- on hold: {hold}" for hold in order.holds])
