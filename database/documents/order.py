"""The documents of orders: one in full, and a page of many; free text is included."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text

from database import details, personal, returns
from database.connect import ReadConnection
from database.documents import payment, peg
from database.documents.document import Document, sometimes
from database.documents.filters import given
from database.documents.fulfillment import ShippedPackage, ShipTo, forgotten_address
from database.documents.hold import Hold
from database.documents.payment import OrderPayments
from database.documents.peg import PeggedUnits
from database.schema.views import PROMISE
from domain.closing import CLOSING
from domain.fulfillment import FulfillmentOrderStatus, RequestStatus, WaitingFor
from domain.network import ShipComplete
from domain.order import OrderState, OrderStatus, PromiseState
from domain.reasons import ExceptionCode
from domain.returns import ReturnStatus


class OrderLine(Document):
    """A line of an order, with its units by what became of them.

    The six buckets `open`, `backordered`, `reserved`, `allocated`, `shipped` and `cancelled` add up to `ordered`.
    """

    line: str
    """The line's id in its order."""
    sku: str
    name: str | None
    """As the channel calls the item; null when it did not say, or the order was forgotten."""
    unit_price: int
    """Price of one unit, in minor units."""
    discount: int
    """Discount of the whole line, in minor units; with that of units that its channel added later."""
    order_discount: int
    """Its share of the discount of the whole order, in minor units."""
    tax: int
    """Tax of the whole line, in minor units; with that of units that were added later."""
    gift_message: str | None
    """What to write for whom it is given to; null when there is nothing, or the order was forgotten."""
    attributes: dict[str, str]
    """Texts of the channel's own, by name; none when the order was forgotten."""
    ordered: int
    """Units that were ordered, including those that were added later."""
    open: int
    """Units that have no node yet and wait for a sourcing round or a person."""
    backordered: int
    """Units that wait for stock."""
    reserved: int
    """Units that are reserved at a node and not released yet."""
    allocated: int
    """Units that were released to a node and have not left it."""
    shipped: int
    """Units that left a node."""
    cancelled: int
    """Units that were cancelled."""
    picked: int
    """Units that a node has picked, including those that shipped."""
    delivered: int
    """Units that arrived; part of `shipped`."""
    returned: int
    """Units that came back; part of `shipped`."""
    returnable: int
    """Units that a return can be requested for now."""


class OrderFulfillmentLine(Document):
    """A line of a fulfillment order: what its node was asked to ship, and what became of it."""

    line: str
    """The line's id in its order."""
    sku: str
    quantity: int
    """Units that the node was asked to ship."""
    picked: int
    """Units that it has picked."""
    shipped: int
    """Units that it has shipped."""
    short: int
    """Units that it does not ship; they left this fulfillment order."""
    delivered: int
    """Units that arrived; part of `shipped`."""


class OrderFulfillment(Document):
    """A fulfillment order in the document of its order: work for one node."""

    fulfillment_order: str
    """Its id: the order's id with `-f1`, `-f2` and so on."""
    node: str
    attempt: int
    """Which try this is for the same units, from 1."""
    status: FulfillmentOrderStatus
    """How far the work is."""
    request: RequestStatus
    """The status of the request to the node."""
    dispatch: str
    """How the node gets its work: `pull`, `webhook`, or a kind that you have added."""
    lines: list[OrderFulfillmentLine]
    released_at: AwareDatetime
    """When it was released to the node."""
    waiting_for: WaitingFor | None
    """What the order waits for; null when it waits for nothing, or a person has taken over."""
    deadline: AwareDatetime | None
    """When the order acts by itself or opens an exception; null when it waits for nothing."""
    cancel_asked_at: AwareDatetime | None
    """When its node was last asked to cancel; null when it was not asked, or has answered in time."""
    packages: list[ShippedPackage]
    """The packages that left, sorted by id."""
    reason: str | None
    """The last reason that the node gave; null when it gave none, or the order was forgotten."""


class OpenException(Document):
    """An open exception of an order: a person must look at it."""

    exception: str
    """Its id."""
    code: ExceptionCode
    since: AwareDatetime
    detail: str
    """What happened, in a sentence."""
    closed_by: str | None
    """The facts that close it without a person; null when only a person resolves it."""


class OrderReturn(Document):
    """A return of an order, and its status."""

    return_: str = Field(alias="return")
    """Its id: the order's id with `-r1`, `-r2` and so on."""
    status: ReturnStatus


class PaidBy(Document):
    """Who pays, with what is known of their address. A field that the order does not have is absent."""

    name: str | None = sometimes()
    company: str | None = sometimes()
    street: list[str] | None = sometimes()
    """Up to five lines."""
    city: str | None = sometimes()
    region: str | None = sometimes()
    postal_code: str | None = sometimes()
    country: str | None = sometimes()
    """Two letters, ISO 3166-1."""
    email: str | None = sometimes()
    phone: str | None = sometimes()
    latitude: float | None = sometimes()
    """Degrees."""
    longitude: float | None = sometimes()
    """Degrees."""


class ShownDuty(Document):
    """What the channel must keep: an order that may miss it gets the exception `at_risk`, and is never cancelled for it."""

    ship_by: AwareDatetime | None
    """When it must be shipped; null when the channel named no such moment."""
    deliver_by: AwareDatetime | None
    """When it must be delivered; null when the channel named no such moment."""


class Order(Document):
    """An order, with every acknowledged message applied."""

    order: str
    """Its id: `{channel}-{number}`, lower-cased."""
    channel: str
    number: str
    """The channel's own number of the order, as it was sent."""
    reference: str | None
    """What people call it; null when the channel did not say, or the order was forgotten."""
    purchase_order: str | None
    """The buyer's number for it; null when there is none, or the order was forgotten."""
    placed_at: AwareDatetime
    """When the customer placed it, as the channel reports."""
    currency: str
    """Of all amounts: three letters, ISO 4217."""
    service: str
    """How fast it travels: a service of the policy, such as `standard`."""
    value: int
    """What its goods cost after discounts, without those that were cancelled, in minor units."""
    total: int
    """What the customer pays: the value with taxes on top and shipping, in minor units; 0 when everything was cancelled."""
    discount: int
    """Discount of the whole order, in minor units; divided between the lines as `order_discount`."""
    prices_include_tax: bool
    """Whether the prices include `tax` and `shipping_tax`; if not, the customer pays them on top."""
    shipping_price: int
    """What the customer pays for shipping, in minor units."""
    shipping_tax: int
    """Tax of the shipping price, in minor units."""
    paid: int | None
    """What was captured before, in minor units; null = everything."""
    ship_to: ShipTo
    bill_to: PaidBy | None
    """Who pays; null when the channel did not say, or the order was forgotten."""
    pickup_node: str | None
    """Where the customer collects it; null = it is shipped."""
    from_node: str | None
    """The only node that may ship it, as the channel wants; null = the policy decides."""
    priority: int
    """1 to 9; smaller is served first."""
    customer_tier: str | None
    """The customer's tier; null when there is none, or the order was forgotten."""
    ship_complete: ShipComplete | None
    """What overrides the strategy; null = nothing."""
    not_before: AwareDatetime | None
    """Nothing is released earlier; null = no such moment was named."""
    not_after: AwareDatetime | None
    """What is not released by then is cancelled; null = no such moment was named."""
    promised: ShownDuty | None
    """The channel's own duty; null when it has none."""
    tags: list[str]
    """Words of the channel's own; none when the order was forgotten."""
    attributes: dict[str, str]
    """Texts of the channel's own, by name; none when the order was forgotten."""
    note: str | None
    """What somebody wrote about the order; null when there is nothing, or the order was forgotten."""
    version: int
    """Counts the changes of the order; a higher version is newer."""
    status: OrderStatus
    """Derived from quantities and facts."""
    rounds: int
    """The number of sourcing rounds so far; each is in `GET /orders/{order}/plan`."""
    to_source: int
    """Units that wait for the next sourcing round."""
    gives_up_at: AwareDatetime | None
    """When units that are not released are cancelled: the first units whose time to wait for stock ends, or all units at the
    order's `not_after`. Null = they wait without a limit."""
    looks_again_at: AwareDatetime | None
    """When units that wait are sourced again, because a node has them but could not take them: its next local day, or the end
    of its cool-down. Null = when stock arrives."""
    holds: list[Hold]
    """The active holds."""
    lines: list[OrderLine]
    fulfillment_orders: list[OrderFulfillment]
    """The oldest first. A fulfillment order exists from its release; until then the units are `reserved`."""
    promise: PromiseState | None
    """The present promise. Null until every unit has a node, or announced goods that it waits for; and while nobody knows when
    goods come that were promised."""
    first_promise: PromiseState | None
    """The first promise that was given; it never changes. Null when none was given."""
    from_supply: list[PeggedUnits]
    """What of it waits for announced goods that are promised to it."""
    exceptions: list[OpenException]
    """The open exceptions."""
    returns: list[OrderReturn]
    payments: OrderPayments
    """What is known of its payment."""
    release_at: AwareDatetime
    """Nothing is released before this: the end of the grace period, the order's `not_before`, or the latest `release_date` of
    its items, whichever is latest."""
    closes_at: AwareDatetime | None
    """When the order may close; null while something must still be done."""
    closed: bool
    """Whether it is closed: its workflow has ended."""
    forgotten: bool
    """Whether its personal data was erased."""
    needs_attention: bool
    """Whether an exception is open."""


class ListedOrder(Document):
    """An order in a list."""

    order: str
    """Its id."""
    channel: str
    number: str
    """The channel's own number of the order."""
    reference: str | None
    """What people call it; null when the channel did not say, or the order was forgotten."""
    status: OrderStatus
    needs_attention: bool
    """Whether an exception is open."""
    placed_at: AwareDatetime
    """When the customer placed it, as the channel reports."""
    updated_at: AwareDatetime
    """When it last changed, or was received."""
    service: str
    """How fast it travels: a service of the policy, such as `standard`."""
    currency: str
    """Three letters, ISO 4217."""
    value: int
    """What its goods cost after discounts, in minor units."""
    tags: list[str]
    """Words of the channel's own; none when the order was forgotten."""
    promise: PromiseState | None
    """The present promise; null when there is none."""


async def show(connection: ReadConnection, name: str, *, channel: str | None, at: datetime) -> dict[str, Any] | None:
    """The document of `GET /orders/{order}` at the moment `at`; None when this channel (None = any) has no such order."""
    row = (await connection.execute(ORDER, {"order": name, "channel": channel})).one_or_none()
    if row is None:
        return None
    document = OrderState.model_validate_json(row.state).model_dump(mode="json", exclude={"totals"})
    extras: dict[str, Any] = json.loads(row.extras)
    key = personal.open_key(connection, name, row.wrapped)
    for fo in document["fulfillment_orders"]:
        fo |= {"packages": extras["packages"].get(fo["fulfillment_order"], [])}
        fo |= {"reason": personal.remark(key, extras["remarks"].get(fo["fulfillment_order"]))["reason"]}
    sold = await returns.sold(connection, name) if any(line["delivered"] for line in document["lines"]) else {}
    own = details.unseal(key, row.details)
    for line in document["lines"]:
        line |= extras["lines"][line["line"]] | asdict(own.line(line["line"]))
        line |= {"returnable": sold[line["line"]].returnable(at) if sold else 0}
    ship_to = personal.unseal(key, "address", row.ship_to) or forgotten_address(row.country)
    document |= {"discount": sum(line["order_discount"] for line in document["lines"])}
    document |= extras["own"] | {"ship_to": ship_to, "bill_to": own.bill_to}
    document |= {"note": own.note, "attributes": own.attributes}
    return document | {
        "first_promise": document["first_promise"] or document["promise"],
        "from_supply": extras["from_supply"],
        "forgotten": extras["forgotten"],
        "payments": extras["payments"],
        "needs_attention": bool(document["exceptions"]),
        "holds": [placed | personal.remark(key, placed.pop("remark")) for placed in extras["holds"]],
        "exceptions": [
            known
            | {
                "detail": extras["details"][known["exception"]],
                "closed_by": CLOSING[ExceptionCode(known["code"])].closed_by,
            }
            for known in document["exceptions"]
        ],
    }


ORDER = text(
    f"""
    SELECT s.state::text AS state, jsonb_build_object(
               'own', jsonb_build_object(
                   'number', o.number, 'reference', o.reference, 'purchase_order', o.purchase_order,
                   'placed_at', o.placed_at, 'currency', o.currency, 'service', o.service, 'value', o.value,
                   'total', o.total, 'prices_include_tax', o.prices_include_tax, 'shipping_price', o.shipping_price,
                   'shipping_tax', o.shipping_tax, 'paid', o.paid, 'pickup_node', o.pickup_node,
                   'from_node', o.from_node,
                   'priority', o.priority, 'customer_tier', nullif(o.customer_tier, ''),
                   'ship_complete', o.ship_complete, 'not_before', o.not_before, 'not_after', o.not_after,
                   'promised', CASE WHEN coalesce(o.duty_ship_by, o.duty_deliver_by) IS NOT NULL THEN jsonb_build_object(
                                   'ship_by', o.duty_ship_by, 'deliver_by', o.duty_deliver_by) END,
                   'tags', o.tags),
               'lines', (SELECT jsonb_object_agg(l.line, jsonb_build_object(
                                    'name', l.name, 'unit_price', l.unit_price, 'discount', l.discount + a.discount,
                                    'order_discount', l.order_discount, 'tax', l.tax + a.tax))
                         FROM order_line l
                         CROSS JOIN LATERAL (
                             SELECT coalesce(sum(y.discount), 0) AS discount, coalesce(sum(y.tax), 0) AS tax
                             FROM order_layer y WHERE y.order_id = l.order_id AND y.line = l.line) a
                         WHERE l.order_id = o.order_id),
               'packages', (SELECT coalesce(jsonb_object_agg(f.fulfillment_order_id, f.packages), '{{}}') FROM (
                                SELECT fo.fulfillment_order_id, jsonb_agg(jsonb_build_object(
                                           'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking,
                                           'lines', p.lines) ORDER BY p.package) AS packages
                                FROM fulfillment_order fo JOIN package p USING (fulfillment_order_id)
                                WHERE fo.order_id = o.order_id AND p.voided_at IS NULL GROUP BY 1) f),
               'remarks', (SELECT coalesce(jsonb_object_agg(fo.fulfillment_order_id, encode(m.sealed, 'base64')), '{{}}')
                           FROM fulfillment_order fo JOIN personal.remark m ON m.remark_id = fo.reason_remark
                           WHERE fo.order_id = o.order_id),
               'holds', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'hold', h.hold, 'remark', encode(m.sealed, 'base64'), 'owner', h.owner,
                                    'stock', h.stock, 'since', h.since)
                                    ORDER BY h.hold_id), '[]')
                         FROM hold h LEFT JOIN personal.remark m ON m.remark_id = h.remark
                         WHERE h.order_id = o.order_id AND h.released_at IS NULL),
               'payments', {payment.SHOWN},
               'forgotten', EXISTS (SELECT FROM forgotten g WHERE g.order_id = o.order_id),
               'from_supply', {peg.SHOWN},
               'details', (SELECT coalesce(jsonb_object_agg(e.exception_id, e.detail), '{{}}') FROM exception e
                           WHERE e.order_id = o.order_id AND e.resolved_at IS NULL)
           )::text AS extras, o.country, r.ship_to, r.details, k.wrapped
    FROM orders o JOIN order_state s USING (order_id)
    LEFT JOIN personal.recipient r USING (order_id) LEFT JOIN personal.key k ON k.owner = o.order_id
    WHERE o.order_id = :order AND (CAST(:channel AS text) IS NULL OR o.channel = :channel)
    """
)


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders a page shows; a field that is None does not restrict it."""

    limit: int
    after: str | None = None
    """The id of the last order of the page before."""
    channel: str | None = None
    status: OrderStatus | None = None
    needs_attention: bool | None = None
    node: str | None = None
    """Where it has a fulfillment order or pinned units."""
    number: str | None = None
    """In any case."""
    reference: str | None = None
    """In any case."""
    sku: str | None = None
    placed_after: datetime | None = None
    """From this moment on."""
    placed_before: datetime | None = None
    """Before this moment."""
    updated_since: datetime | None = None
    """From this moment on."""


async def listed(connection: ReadConnection, query: OrderQuery) -> list[dict[str, Any]]:
    """The orders of a page, the newest first.

    The limit is written into the statement: of a parameter PostgreSQL's generic plan expects a tenth of all rows, and reads all
    orders to sort them.
    """
    asked = given(
        {
            "o.channel = :channel": query.channel,
            "o.closed_at IS NULL": None if query.status in (None, *ALSO_CLOSED) else query.status,
            f"({_STATUS}) = :status": query.status,
            f"{'' if query.needs_attention else 'NOT '}{_NEEDS_ATTENTION}": query.needs_attention,
            _AT_NODE: query.node,
            "lower(o.number) = lower(:number)": query.number,
            "lower(o.reference) = lower(:reference)": query.reference,
            _WITH_SKU: query.sku,
            _PLACED: query.placed_after or query.placed_before,
            _UPDATED: query.updated_since,
            f"(o.received_at, o.order_id) < (({_AFTER}), :after)": query.after,
        }
    )
    page = f"""SELECT o.* FROM orders o WHERE o.to_node IS NULL AND {asked}
               ORDER BY o.received_at DESC, o.order_id DESC LIMIT {query.limit:d}"""
    return [json.loads(row.shown) for row in await connection.execute(text(LISTED.format(page=page)), asdict(query))]


async def of_customer(
    connection: ReadConnection, digest: bytes, *, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """The orders that a person is found in, by the keyed hash of what they are looked for by; the newest first."""
    follows = given({f"(k.received_at, k.order_id) < (({_AFTER}), :after)": after})
    page = _OF_CUSTOMER.format(follows=follows, limit=limit)
    parameters = {"digest": digest, "after": after, "channel": None}
    return [json.loads(row.shown) for row in await connection.execute(text(LISTED.format(page=page)), parameters)]


_OF_CUSTOMER = """
    SELECT o.* FROM (SELECT k.received_at, k.order_id FROM personal.customer_key k WHERE k.digest = :digest AND {follows}
                     ORDER BY k.received_at DESC, k.order_id DESC LIMIT {limit:d}) found
    JOIN orders o USING (order_id)
"""

ALSO_CLOSED = (OrderStatus.CANCELLED, OrderStatus.COMPLETED)
"""The statuses of orders that may be closed. An order with another one is open."""

LISTED = f"""
    SELECT jsonb_build_object(
               'order', o.order_id, 'channel', o.channel, 'number', o.number, 'status', s.status,
               'needs_attention', s.needs_attention, 'reference', o.reference, 'placed_at', o.placed_at,
               'updated_at', o.updated_at, 'service', o.service, 'currency', o.currency, 'value', o.value, 'tags', o.tags,
               'promise', CAST({PROMISE} AS jsonb))::text AS shown
    FROM ({{page}}) o JOIN order_status s USING (order_id)
    ORDER BY o.received_at DESC, o.order_id DESC
"""
"""The page is chosen first, so that what is shown is read of its orders only."""

_STATUS = "SELECT s.status FROM order_status s WHERE s.order_id = o.order_id"

_NEEDS_ATTENTION = """
    (o.order_id IN (SELECT e.order_id FROM exception e WHERE e.resolved_at IS NULL AND e.order_id IS NOT NULL))
"""

_AT_NODE = """
    (EXISTS (SELECT FROM fulfillment_order f WHERE f.order_id = o.order_id AND f.node = :node)
     OR EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id AND v.node = :node))
"""

_WITH_SKU = "o.order_id IN (SELECT l.order_id FROM order_line l WHERE l.sku = :sku)"

_PLACED = """
    (o.placed_at >= coalesce(CAST(:placed_after AS timestamptz), '-infinity')
     AND o.placed_at < coalesce(CAST(:placed_before AS timestamptz), 'infinity'))
"""

_UPDATED = "(o.updated_at >= :updated_since AND o.updated_at <= 'infinity')"
"""A period with both ends: PostgreSQL takes it for short, and goes along the index of this moment. With one end it would take
it for a third of all orders, and go through them from the newest."""

_AFTER = """
    SELECT a.received_at FROM orders a
    WHERE a.order_id = :after AND (CAST(:channel AS text) IS NULL OR a.channel = :channel)
"""
