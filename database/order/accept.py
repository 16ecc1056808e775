"""Stores an order that a channel sends, with its lines, its address and its units that wait for a node, in one statement."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from database import customer, details, personal
from database.connect import WriteConnection
from database.hold import place_with_reason
from database.schema.tables import orders
from domain.hold import Placement
from domain.network import Item, ReturnTerms
from domain.order import NewOrder


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """The order that is stored under this id: the digest of its body, and whether this call stored it."""

    is_new: bool
    body_digest: str


async def take(
    connection: WriteConnection,
    order: NewOrder,
    *,
    body_digest: str,
    postal_area: str,
    received_at: datetime,
    grace: timedelta,
    items: Mapping[str, Item],
    terms: Mapping[str, ReturnTerms],
    holds: Sequence[Placement] = (),
    to_node: str | None = None,
    for_order: str | None = None,
    items_release_at: datetime | None = None,
) -> StoredOrder:
    """Store a new order with all its units `open`, and its holds; an order of this id that exists already stays as it is.

    `items` are those of the network, `terms` the terms of return by line. Both stay with the lines, whatever changes later.
    `to_node` is the destination of a transfer, which no person is found by; `for_order` is the order that it is for. From
    `items_release_at`, all of its items may leave a node; None = at any time.
    """
    row = _order_row(order, body_digest, postal_area, received_at, grace, _longest_window(terms))
    row |= {"to_node": to_node, "for_order_id": for_order, "items_release_at": items_release_at}
    statement = INSERT_ORDER.bindparams(**row)
    if (await connection.execute(statement)).scalar() is None:
        known = await connection.execute(select(orders.c.body_digest).where(orders.c.order_id == order.order))
        return StoredOrder(is_new=False, body_digest=known.scalar_one())
    key, wrapped = personal.new_key(connection, order.order)
    sealed = key.seal("address", order.ship_to.model_dump(mode="json", exclude_none=True))
    lines = json.dumps(list(_line_rows(order, items, terms)))
    parameters = {"order": order.order, "received_at": received_at, "lines": lines, "key": wrapped}
    parameters |= {"ship_to": sealed, "details": details.seal(key, order)}
    people = filter(None, (order.ship_to, order.bill_to)) if to_node is None else ()
    parameters |= {"digests": await customer.digests(connection, *people)}
    await connection.execute(INSERT_LINES, parameters)
    for placement in holds:
        await place_with_reason(connection, order.order, placement, order.channel, received_at)
    return StoredOrder(is_new=True, body_digest=body_digest)


async def add_lines(
    connection: WriteConnection,
    name: str,
    added: NewOrder,
    items: Mapping[str, Item],
    terms: Mapping[str, ReturnTerms],
    first_position: int,
) -> None:
    """Store the lines of `added` as further lines of an order, with all their units `open`, under the order's lock."""
    lines = json.dumps(list(_line_rows(added, items, terms, first_position)))
    longest = _longest_window(terms)
    await connection.execute(ADD_LINES, {"order": name, "lines": lines, "return_window": longest})


def _longest_window(terms: Mapping[str, ReturnTerms]) -> timedelta:
    return max((found.window for found in terms.values() if not found.final_sale), default=timedelta())


INSERT_ORDER = text(
    """
    INSERT INTO orders (order_id, channel, number, reference, purchase_order, body_digest, placed_at, received_at, currency,
                        service, country, postal_area, priority, customer_tier, ship_complete, pickup_node, from_node,
                        to_node, for_order_id, not_before, not_after, duty_ship_by, duty_deliver_by, tags, value, total,
                        prices_include_tax, shipping_price, shipping_tax, paid, release_at, items_release_at, return_window)
    VALUES (:order_id, :channel, :number, :reference, :purchase_order, :body_digest, :placed_at, :received_at, :currency,
            :service, :country, :postal_area, :priority, :customer_tier, :ship_complete, :pickup_node, :from_node,
            :to_node, :for_order_id, :not_before, :not_after, :duty_ship_by, :duty_deliver_by, :tags, :value, :total,
            :prices_include_tax, :shipping_price, :shipping_tax, :paid, :release_at, :items_release_at, :return_window)
    ON CONFLICT DO NOTHING
    RETURNING order_id
    """
)
"""Returns no row when the order exists."""


_LINES = """
    WITH l AS (
        SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                      AS l(line text, position int, sku text, name text, unit_price bigint, discount bigint,
                           order_discount bigint, tax bigint, ordered int, return_window_seconds float, components jsonb,
                           weight_g int, terms jsonb)
    ), demanded AS (
        INSERT INTO order_line (order_id, line, position, sku, name, components, weight_g, terms, unit_price, discount,
                                order_discount, tax, return_window, ordered, open)
        SELECT :order, line, position, sku, name, components, weight_g, terms, unit_price, discount, order_discount, tax,
               make_interval(secs => return_window_seconds), ordered, ordered
        FROM l
    )"""
"""Writes the lines, whose units are all open; `l` are the lines."""

ADD_LINES = text(
    f"""
    {_LINES}
    UPDATE orders SET return_window = greatest(return_window, CAST(:return_window AS interval)) WHERE order_id = :order
    """
)

INSERT_LINES = text(
    f"""
    {_LINES}, unplaced AS (
        INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
        SELECT :order, line, ordered, 1, '{{}}', 'sourcing', '{{}}' FROM l
    ), accepted AS (
        INSERT INTO event (order_id, channel, kind, occurred_at, data, due_at)
        SELECT o.order_id, o.channel, 'accepted', CAST(:received_at AS timestamptz), jsonb_build_object('lines', (
                   SELECT jsonb_agg(jsonb_build_object('line', line, 'sku', sku, 'quantity', ordered) ORDER BY position)
                   FROM l)),
               (SELECT clock_timestamp() FROM webhook w WHERE w.channel = o.channel)
        FROM orders o WHERE o.order_id = :order
    ), keyed AS (
        INSERT INTO personal.key (owner, wrapped) VALUES (:order, :key)
    ), found_by AS (
        INSERT INTO personal.customer_key (digest, received_at, order_id)
        SELECT digest, CAST(:received_at AS timestamptz), :order FROM unnest(CAST(:digests AS bytea[])) AS d(digest)
    )
    INSERT INTO personal.recipient (order_id, ship_to, details) VALUES (:order, :ship_to, :details)
    """
)
"""Writes the lines, whose units are all open and wait for their first sourcing round, what is personal with its key and what it
is found by, and the first event."""


def _order_row(
    order: NewOrder,
    body_digest: str,
    postal_area: str,
    received_at: datetime,
    grace: timedelta,
    return_window: timedelta,
) -> dict[str, Any]:
    return {
        "order_id": order.order,
        "channel": order.channel,
        "number": order.number,
        "reference": order.reference,
        "purchase_order": order.purchase_order,
        "body_digest": body_digest,
        "placed_at": order.placed_at,
        "received_at": received_at,
        "currency": order.currency,
        "service": order.service,
        "country": order.ship_to.country,
        "postal_area": postal_area,
        "priority": order.priority,
        "customer_tier": order.customer_tier or "",
        "ship_complete": order.ship_complete,
        "pickup_node": order.pickup_node,
        "from_node": order.from_node,
        "not_before": order.not_before,
        "not_after": order.not_after,
        "duty_ship_by": order.promised.ship_by if order.promised else None,
        "duty_deliver_by": order.promised.deliver_by if order.promised else None,
        "tags": list(order.tags),
        "value": order.value,
        "total": order.prices.total,
        "prices_include_tax": order.prices_include_tax,
        "shipping_price": order.shipping_price,
        "shipping_tax": order.shipping_tax,
        "paid": order.paid,
        "release_at": max(received_at + grace, order.not_before or received_at),
        "return_window": return_window,
    }


def terms_document(terms: ReturnTerms) -> dict[str, Any]:
    """Terms of return as they stay with a line; its window is stored beside them."""
    return {
        "refund_on": terms.refund_on,
        "fee": terms.fee,
        "fee_per": terms.fee_per,
        "currency": terms.currency,
        "receive_at": terms.receive_at,
    }


def _line_rows(
    order: NewOrder, items: Mapping[str, Item], terms: Mapping[str, ReturnTerms], first_position: int = 0
) -> Iterable[dict[str, Any]]:
    shares = order.order_discounts
    for position, line in enumerate(order.lines, first_position):
        item, found = items[line.sku], terms[line.line]
        yield {
            "line": line.line,
            "position": position,
            "sku": line.sku,
            "name": line.name,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "order_discount": shares[line.line],
            "tax": line.tax,
            "components": dict(item.components) or None,
            "weight_g": item.weight_g,
            "terms": terms_document(found),
            "return_window_seconds": None if found.final_sale else found.window.total_seconds(),
            "ordered": line.quantity,
        }
