"""The documents of fulfillment orders as their nodes see them: one, and a page of many."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import AwareDatetime
from sqlalchemy import text

from database import details, personal
from database.connect import ReadConnection
from database.documents.document import Document, sometimes
from database.documents.filters import given
from domain.fulfillment import FulfillmentOrderStatus, Quantity, RequestStatus
from domain.network import Item, Network
from domain.order import Address


class ShippedPackage(Document):
    """A package that left a node."""

    package: str
    """Its id, given by the node; `#2` behind it tells it from another package with this id."""
    carrier: str | None
    """The carrier in the node's words; null when it named none."""
    tracking: str | None
    """The carrier's tracking number; null when the node named none, or the order was forgotten."""
    lines: list[Quantity]
    """The units in it; empty when the node did not say."""


class Component(Document):
    """What a bundle is made of."""

    sku: str
    quantity: int
    """Units in one bundle."""
    name: str
    """As the network calls it."""
    barcode: str | None
    """What is printed on one unit; null when it is not known."""


class FulfillmentOrderLine(Document):
    """A line of a fulfillment order as its node sees it."""

    line: str
    """The line's id in its order."""
    sku: str
    name: str
    """As the channel calls the item, else as the network does."""
    barcode: str | None
    """What is printed on one unit; null when it is not known."""
    components: list[Component]
    """What one unit of a bundle is made of, as it was ordered; empty for a plain item."""
    weight_g: int | None
    """Weight of one unit, in grams, as it was ordered; null when it is not known."""
    hazmat: bool
    """Whether it is dangerous goods."""
    ships_alone: bool
    """Whether each unit is a parcel of its own."""
    unit_price: int
    """Price of one unit, in minor units."""
    gift_message: str | None
    """What to write for whom it is given to; null when there is nothing, or the order was forgotten."""
    attributes: dict[str, str]
    """Texts of the channel's own, by name, such as an engraving; none when the order was forgotten."""
    quantity: int
    """Units that the node is asked to ship."""
    picked: int
    """Units that it has picked."""
    shipped: int
    """Units that it has shipped."""
    short: int
    """Units that it does not ship; they left this fulfillment order."""
    in_doubt: int
    """Units of an attempt that was given up: it is not known whether the node still has them."""
    cancel_requested: int
    """Units that the node is asked to stop: those that the customer cancelled, or all that it still owes."""


class ShipTo(Document):
    """The address of an order. A field that the order does not have is absent. Once the order was forgotten, every
    field except `country` is null."""

    name: str | None = sometimes()
    company: str | None = sometimes()
    street: list[str] | None = sometimes()
    """Up to five lines."""
    city: str | None = sometimes()
    region: str | None = sometimes()
    postal_code: str | None = sometimes()
    country: str
    """Two letters, ISO 3166-1."""
    email: str | None = sometimes()
    phone: str | None = sometimes()
    latitude: float | None = sometimes()
    """Degrees."""
    longitude: float | None = sometimes()
    """Degrees."""


class FulfillmentOrder(Document):
    """Work for one node, as the node sees it: what to ship, where to, and until when."""

    fulfillment_order: str
    """Its id: the order's id with `-f1`, `-f2` and so on."""
    order: str
    """The order's id."""
    channel: str
    reference: str | None
    """What people call the order; null when the channel did not say, or the order was forgotten."""
    purchase_order: str | None
    """The buyer's number for it; null when there is none, or the order was forgotten."""
    node: str
    attempt: int
    """Which try this is for the same units, from 1."""
    status: FulfillmentOrderStatus
    """How far the work is."""
    request: RequestStatus
    """The status of the request to the node."""
    service: str
    """How fast it travels: a service of the policy, such as `standard`."""
    pickup: bool
    """Whether the customer collects it at the node."""
    ship_by: AwareDatetime
    """When it should leave."""
    released_at: AwareDatetime
    """When it was released to the node."""
    accept_by: AwareDatetime | None
    """Until when the node should accept it; null when that is not waited for: it has answered, or its time is over."""
    updated_at: AwareDatetime
    """When this document last changed."""
    currency: str
    """Of all prices: three letters, ISO 4217."""
    cancel_asked_at: AwareDatetime | None
    """When the node was last asked to cancel; null when it was not asked, or has answered in time."""
    lines: list[FulfillmentOrderLine]
    packages: list[ShippedPackage]
    """The packages that left, sorted by id."""
    ship_to: ShipTo
    to_node: str | None
    """The node that a transfer goes to; null when it goes to a customer."""
    forgotten: bool
    """Whether the order's personal data was erased."""
    reason: str | None
    """The last reason that the node gave; null when it gave none, or the order was forgotten."""


class Filters(NamedTuple):
    """Which fulfillment orders are listed; None = whatever it is."""

    node: str | None = None
    status: str | None = None
    request: str | None = None
    service: str | None = None
    order: str | None = None
    sku: str | None = None
    ship_by_before: datetime | None = None
    updated_since: datetime | None = None


async def show(
    connection: ReadConnection, network: Network, *, node: str | None, fulfillment_order: str
) -> dict[str, Any] | None:
    """One fulfillment order as its node sees it; None when there is none, or it is another node's."""
    asked = given({"f.fulfillment_order_id = :fulfillment_order": fulfillment_order, "f.node = :node": node})
    rows = await connection.execute(
        text(f"{SHOWN} WHERE {asked}"), {"node": node, "fulfillment_order": fulfillment_order}
    )
    row = rows.one_or_none()
    return shown(connection, network, row) if row else None


async def listed(
    connection: ReadConnection, network: Network, filters: Filters, *, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """Fulfillment orders, the oldest first, after the one with the id `after`."""
    statement, values = listing(filters, after=after, limit=limit)
    return [shown(connection, network, row) for row in await connection.execute(text(statement), values)]


def listing(filters: Filters, *, after: str | None, limit: int) -> tuple[str, dict[str, Any]]:
    """The statement of a page, and its values."""
    of_node = given({"a.node = :node": filters.node})
    asked = given(
        {
            "f.node = :node": filters.node,
            "s.status = :status": filters.status,
            "f.request = :request": filters.request,
            "o.service = :service": filters.service,
            "f.order_id = :order": filters.order,
            "f.ship_by < :ship_by_before": filters.ship_by_before,
            _UPDATED: filters.updated_since,
            _WITH_SKU: filters.sku,
            f"(f.released_at, f.fulfillment_order_id) > ({_AFTER} AND {of_node})": after,
        }
    )
    statement = f"{SHOWN} WHERE {asked} ORDER BY f.released_at, f.fulfillment_order_id LIMIT {limit:d}"
    return statement, filters._asdict() | {"after": after}


_UPDATED = """
    f.fulfillment_order_id = ANY(ARRAY(SELECT u.fulfillment_order_id FROM fulfillment_order u
                                       WHERE u.updated_at >= :updated_since AND u.updated_at <= 'infinity'))
"""
"""An array is found first, along the index of this moment. The limit of a page is written as a number: a plan that knows no
values takes a parameter there for a tenth of all rows."""


def shown(connection: ReadConnection, network: Network, row: Any) -> dict[str, Any]:
    """A fulfillment order with its address and with what its goods are called; of a forgotten order only the country is
    left."""
    shown: dict[str, Any] = json.loads(row.shown)
    key = personal.open_key(connection, shown["order"], row.wrapped)
    ship_to = personal.unseal(key, "address", row.ship_to)
    own = details.unseal(key, row.details)
    for line in shown["lines"]:
        line |= _described(network, line) | asdict(own.line(line["line"]))
    return shown | {
        "ship_to": ship_to or forgotten_address(row.country),
        "forgotten": ship_to is None,
        "reason": personal.remark(key, row.remark)["reason"],
    }


def forgotten_address(country: str) -> dict[str, Any]:
    """What is left of the address of an order that was forgotten."""
    return dict.fromkeys(Address.model_fields) | {"country": country}


def _described(network: Network, line: dict[str, Any]) -> dict[str, Any]:
    """What the network says of the goods of a line; what they are made of and weigh stays as it was ordered."""
    item = _item(network, line["sku"])
    parts = {sku: _item(network, sku) for sku in line["components"] or {}}
    return {
        "name": line["name"] or item.name,
        "barcode": item.barcode or None,
        "components": [
            {"sku": sku, "quantity": line["components"][sku], "name": part.name, "barcode": part.barcode or None}
            for sku, part in parts.items()
        ],
        "hazmat": item.hazmat or any(part.hazmat for part in parts.values()),
        "ships_alone": item.ships_alone,
    }


def _item(network: Network, sku: str) -> Item:
    """An item, also a retired one; one that no version has had has nothing but its SKU."""
    return network.item(sku) if network.knows_item(sku) else Item(sku=sku, name=sku, weight_g=0)


SHOWN = """
    SELECT jsonb_build_object(
               'fulfillment_order', f.fulfillment_order_id, 'order', f.order_id, 'channel', o.channel, 'reference', o.reference,
               'purchase_order', o.purchase_order, 'node', f.node, 'attempt', f.attempt,
               'status', s.status, 'request', f.request, 'service', coalesce(f.service, o.service),
               'pickup', f.pickup, 'ship_by', f.ship_by, 'released_at', f.released_at,
               'accept_by', f.accept_by, 'updated_at', f.updated_at, 'cancel_asked_at', f.cancel_asked_at,
               'currency', o.currency, 'to_node', o.to_node,
               'lines', (SELECT jsonb_agg(jsonb_build_object(
                                    'line', l.line, 'sku', l.sku, 'name', d.name, 'components', d.components,
                                    'weight_g', d.weight_g,
                                    'unit_price', d.unit_price, 'quantity', l.quantity, 'picked', l.picked,
                                    'shipped', l.shipped, 'short', l.short, 'in_doubt', l.in_doubt,
                                    'cancel_requested', CASE
                                        WHEN f.request = 'cancel_requested' AND f.asked_for_all
                                        THEN l.quantity - l.shipped - l.short ELSE l.cancel_wanted END)
                                    ORDER BY l.position)
                         FROM fulfillment_order_line l JOIN order_line d ON d.order_id = f.order_id AND d.line = l.line
                         WHERE l.fulfillment_order_id = f.fulfillment_order_id),
               'packages', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking,
                                    'lines', p.lines) ORDER BY p.package), '[]')
                            FROM package p
                            WHERE p.fulfillment_order_id = f.fulfillment_order_id AND p.voided_at IS NULL)
           )::text AS shown, coalesce(f.country, o.country) AS country,
           coalesce(g.ship_to, r.ship_to) AS ship_to, r.details, k.wrapped, m.sealed AS remark
    FROM fulfillment_order f
    JOIN fulfillment_order_status s USING (fulfillment_order_id)
    JOIN orders o USING (order_id)
    LEFT JOIN personal.recipient r USING (order_id)
    LEFT JOIN personal.given_address g USING (fulfillment_order_id)
    LEFT JOIN personal.key k ON k.owner = f.order_id
    LEFT JOIN personal.remark m ON m.remark_id = f.reason_remark
"""

_WITH_SKU = """EXISTS (SELECT FROM fulfillment_order_line w
                            WHERE w.fulfillment_order_id = f.fulfillment_order_id AND w.sku = :sku)"""

_AFTER = """
    SELECT a.released_at, a.fulfillment_order_id FROM fulfillment_order a WHERE a.fulfillment_order_id = :after
"""
