"""The documents of orders: one in full, and a page of many; free text is included."""

import json
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text

from database import personal, returns
from database.connect import ReadConnection
from database.documents import payment
from database.documents.document import Document
from database.documents.filters import given
from database.documents.fulfillment import ShippedPackage
from database.documents.payment import OrderPayments
from domain.closing import CLOSING
from domain.fulfillment import FulfillmentOrderStatus, RequestStatus, WaitingFor
from domain.network import HoldStock
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


class Hold(Document):
    """An active hold: nothing more of the order is released to nodes."""

    hold: str
    """Its name, such as `fraud` or `payment`."""
    owner: str | None
    """Who should release it, by the policy; null when the policy does not say."""
    stock: HoldStock
    """What the hold does to the order's stock."""
    since: AwareDatetime
    actor: str | None
    """Who placed it; `policy` when the policy did. Null when the order was forgotten."""
    reason: str | None
    """Why; null when no reason was given, or the order was forgotten."""


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


class Order(Document):
    """An order, with every acknowledged message applied."""

    order: str
    """Its id: `{channel}-{number}`, lower-cased."""
    channel: str
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
    """The promise that was given; it never changes. Null until every unit has had a node at the same time."""
    exceptions: list[OpenException]
    """The open exceptions."""
    returns: list[OrderReturn]
    payments: OrderPayments
    """What is known of its payment."""
    release_at: AwareDatetime
    """Nothing is released before this: the end of the grace period, or the order's `not_before`, whichever is later."""
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
    status: OrderStatus
    needs_attention: bool
    """Whether an exception is open."""
    placed_at: AwareDatetime
    """When the customer placed it, as the channel reports."""
    promise: PromiseState | None
    """The promise that was given; null when there was none."""


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
    for line in document["lines"]:
        line |= {"returnable": sold[line["line"]].returnable(at) if sold else 0}
    return document | {
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
               'packages', (SELECT coalesce(jsonb_object_agg(f.fulfillment_order_id, f.packages), '{{}}') FROM (
                                SELECT fo.fulfillment_order_id, jsonb_agg(jsonb_build_object(
                                           'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking,
                                           'lines', p.lines) ORDER BY p.package) AS packages
                                FROM fulfillment_order fo JOIN package p USING (fulfillment_order_id)
                                WHERE fo.order_id = o.order_id GROUP BY 1) f),
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
               'details', (SELECT coalesce(jsonb_object_agg(e.exception_id, e.detail), '{{}}') FROM exception e
                           WHERE e.order_id = o.order_id AND e.resolved_at IS NULL)
           )::text AS extras, k.wrapped
    FROM orders o JOIN order_state s USING (order_id) LEFT JOIN personal.key k ON k.owner = o.order_id
    WHERE o.order_id = :order AND (CAST(:channel AS text) IS NULL OR o.channel = :channel)
    """
)


async def listed(
    connection: ReadConnection,
    *,
    status: str | None,
    channel: str | None,
    node: str | None,
    needs_attention: bool | None,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Orders of a list, the newest first, after the one with the id `after`."""
    of_channel = given({"a.channel = :channel": channel})
    asked = given(
        {
            "o.channel = :channel": channel,
            "s.status = :status": status,
            "s.needs_attention = :needs_attention": needs_attention,
            _AT_NODE: node,
            f"(o.received_at, o.order_id) < ({_AFTER} AND {of_channel})": after,
        }
    )
    rows = await connection.execute(
        text(f"{_LISTED} WHERE {asked} ORDER BY o.received_at DESC, o.order_id DESC LIMIT :limit"),
        {
            "status": status,
            "channel": channel,
            "node": node,
            "needs_attention": needs_attention,
            "after": after,
            "limit": limit,
        },
    )
    return [json.loads(row.shown) for row in rows]


_LISTED = """
    SELECT jsonb_build_object(
               'order', o.order_id, 'channel', o.channel, 'status', s.status, 'needs_attention', s.needs_attention,
               'placed_at', o.placed_at,
               'promise', CASE WHEN o.promise_ship_by IS NOT NULL THEN jsonb_build_object(
                              'ship_by', o.promise_ship_by, 'deliver_by', o.promise_deliver_by) END)::text AS shown
    FROM orders o JOIN order_status s USING (order_id)
"""

_AT_NODE = """
    (EXISTS (SELECT FROM fulfillment_order f WHERE f.order_id = o.order_id AND f.node = :node)
     OR EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id AND v.node = :node))
"""

_AFTER = "SELECT a.received_at, a.order_id FROM orders a WHERE a.order_id = :after"
