"""The timeline of an order: everything that is stored about what happened to it, the oldest first, in one statement."""

import json
from dataclasses import dataclass
from typing import Any, Self

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from domain.timeline import sentence


class TimelineItem(Document):
    """Something that happened to an order."""

    entry: str
    """Its id in the timeline; it never changes."""
    at: AwareDatetime
    """When it was recorded here."""
    what: str
    """A subject and what became of it, as in `hold.placed`."""
    about: str | None
    """The id of the fulfillment order, return, claim, refund, exception or reservation that it is about; null = the order."""
    actor: str | None
    """Who did it: a person as the request names them, the holder of a key as in `node:slc`, `policy`, `workflow` or `clock`.
    Null when nobody was stored."""
    detail: str
    """What happened, in a sentence."""
    reason: str | None
    """Why, as it was typed; null when nothing was typed, the order was forgotten, or the reader may not know."""
    occurred_at: AwareDatetime | None
    """When it happened, as its sender reports; null where nobody reports it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a timeline. What came at the same microsecond is sorted by its kind, and then by its number or name."""

    moment: int
    """Microseconds since 1970."""
    rank: int
    serial: str

    @classmethod
    def read(cls, entry: str) -> Self:
        """The place of an item by its id, which has the form of `ENTRY`."""
        moment, rank, serial = entry.split(".", 2)
        return cls(int(moment), int(rank), serial)


ENTRY = r"^[0-9]{1,18}\.[0-9]{1,2}\.[^\x00-\x1f]{0,300}$"
"""An item's id: its place, with points between."""

START = Place(0, 0, "")


async def items(
    connection: ReadConnection, order: str, *, is_operator: bool, after: Place, limit: int
) -> list[dict[str, Any]]:
    """The items of an order's timeline after a place, the oldest first.

    How exceptions were handled is the operators' own: other readers do not see who handled them and why.
    """
    parameters = {"order": order, "is_operator": is_operator, "limit": limit}
    parameters |= {"moment": after.moment, "rank": after.rank, "serial": after.serial}
    rows = (await connection.execute(TIMELINE, parameters)).all()
    key, common = await personal.key_of(connection, order), await personal.common_key(connection)
    return [_item(row, personal.remark(key if row.remark_order else common, row.sealed)) for row in rows]


def _item(row: Any, said: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry": f"{row.moment}.{row.rank}.{row.serial}",
        "at": row.at,
        "what": row.what,
        "about": row.about,
        "actor": said["actor"] or row.actor,
        "detail": sentence(row.what, json.loads(row.facts)),
        "reason": said["reason"],
        "occurred_at": row.occurred_at,
    }


_LINES = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object('line', l.line, 'quantity', l.quantity) ORDER BY l.position), '[]') FROM {})
"""

_ASKER = """
    CASE WHEN {actor} = 'request' THEN (
        SELECT q.asker FROM request q WHERE q.order_id = o.order_id AND {cause} = 'request ' || q.request_id)
    ELSE {actor} END
"""
"""What a request did is recorded with the request as its actor; who sent it is in its row."""

_SETTLED = """
    CASE WHEN {thing}.settled_at IS NOT NULL THEN coalesce((
        SELECT max(e.recorded_at) FROM event e
        WHERE e.order_id = o.order_id AND e.kind = 'settled'
          AND coalesce(e.data ->> 'return', e.data ->> 'claim') = {about}), {thing}.settled_at) END
"""
"""When it was recorded that somebody got what is owed; the fact itself has the time at which that happened."""

_RETURN_SETTLED = _SETTLED.format(thing="r", about="r.return_id")
_REFUND_SETTLED = _SETTLED.format(thing="f", about="coalesce(f.return_id, f.claim_id)")

_NONE = "CAST(NULL AS text) AS about, CAST(NULL AS timestamptz) AS occurred_at"

_FACTS = (
    # The order itself.
    """
    SELECT o.received_at AS at, 0 AS rank, '' AS serial, 'order.placed' AS what, 'channel:' || o.channel AS actor,
           CAST(NULL AS text) AS about, o.placed_at AS occurred_at, jsonb_build_object(
               'lines', (SELECT e.data -> 'lines' FROM event e WHERE e.order_id = o.order_id AND e.kind = 'accepted'
                         ORDER BY e.transaction_id, e.event_id LIMIT 1),
               'service', o.service, 'country', o.country,
               'replaces', (SELECT coalesce(jsonb_agg(coalesce(f.return_id, f.claim_id) ORDER BY f.refund_id), '[]')
                            FROM refund f WHERE f.replacement = o.order_id)) AS facts, CAST(NULL AS bigint) AS remark
    FROM o
    """,
    f"""
    SELECT o.closed_at, 15, '', 'order.completed', 'workflow', {_NONE}, jsonb_build_object(), NULL
    FROM o WHERE o.closed_at IS NOT NULL
    """,
    f"""
    SELECT g.forgotten_at, 16, '', 'order.forgotten', NULL, {_NONE}, jsonb_build_object(),
           CASE WHEN CAST(:is_operator AS boolean) THEN g.remark END
    FROM o JOIN forgotten g USING (order_id)
    """,
    f"""
    SELECT e.recorded_at, 9, e.event_id::text, 'order.' || CASE e.kind WHEN 'delivered' THEN 'received' ELSE e.kind END, NULL,
           {_NONE}, e.data, NULL
    FROM o JOIN event e USING (order_id)
    WHERE e.kind IN ('promised', 'promise_changed', 'added', 'backordered', 'cancelled', 'cancel_refused', 'exchanged',
                     'return_reminder')
       OR (e.kind = 'delivered' AND o.to_node IS NOT NULL)
    """,
    """
    SELECT c.reserved_at, 1, '', 'reservation.made', c.asker, c.cart_id, CAST(NULL AS timestamptz),
           jsonb_build_object('cart', c.cart_id), NULL
    FROM o JOIN cart c USING (order_id)
    """,
    """
    SELECT t.received_at, 10, t.order_id, 'transfer.made', 'clock', t.order_id, CAST(NULL AS timestamptz),
           jsonb_build_object('to', t.to_node, 'units', (
               SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'quantity', l.ordered) ORDER BY l.position)
               FROM order_line l WHERE l.order_id = t.order_id)), NULL
    FROM o JOIN orders t ON t.for_order_id = o.order_id
    """,
    # What stops it, and what was asked.
    f"""
    SELECT h.since, 2, h.hold_id::text, 'hold.placed',
           CASE WHEN h.is_by_policy THEN 'policy' WHEN h.is_by_channel THEN 'channel:' || o.channel END, {_NONE},
           jsonb_build_object('hold', h.hold), h.remark
    FROM o JOIN hold h USING (order_id)
    UNION ALL
    SELECT h.released_at, 3, h.hold_id::text, 'hold.released', NULL, {_NONE}, jsonb_build_object('hold', h.hold),
           h.released_by
    FROM o JOIN hold h USING (order_id) WHERE h.released_at IS NOT NULL
    """,
    """
    SELECT q.requested_at, 4, q.request_id::text,
           'request.' || regexp_replace(split_part(q.kind, ' ', 1), '^request_', ''), q.asker,
           nullif(split_part(q.kind, ' ', 2), ''), CAST(NULL AS timestamptz),
           jsonb_build_object('facts', q.facts, 'answer', q.answer), q.remark
    FROM o JOIN request q USING (order_id)
    WHERE NOT (q.kind IN ('hold', 'release', 'resolve', 'assign') AND coalesce(NOT q.answer ? 'refused', false))
    """,
    # What nodes and channels report.
    """
    SELECT i.received_at, 5, i.sender || '/' || i.message_id, 'message.' || i.kind, i.actor,
           nullif(i.about, :order), i.occurred_at,
           i.facts || jsonb_build_object('sender', i.sender, 'message_id', i.message_id), i.remark
    FROM (SELECT f.fulfillment_order_id AS subject FROM o JOIN fulfillment_order f USING (order_id)
          UNION ALL SELECT o.order_id FROM o
          UNION ALL SELECT r.return_id FROM o JOIN return r USING (order_id)
          UNION ALL SELECT c.claim_id FROM o JOIN claim c USING (order_id)) s
    JOIN inbox i ON i.about = s.subject
    """,
    """
    SELECT i.received_at, 5, i.sender || '/' || i.message_id, 'message.parcel', i.actor, r.return_id, i.occurred_at,
           jsonb_build_object('sender', i.sender, 'message_id', i.message_id, 'units', i.facts -> 'lines'), i.remark
    FROM o JOIN return r USING (order_id)
    JOIN inbox i ON i.sender = split_part(r.parcel, ' ', 2) AND i.message_id = split_part(r.parcel, ' ', 3)
    """,
    """
    SELECT coalesce(e.recorded_at, p.shipped_at), 6, p.fulfillment_order_id || '/' || p.package, 'package.shipped',
           'node:' || f.node, p.fulfillment_order_id, p.shipped_at,
           jsonb_build_object('package', p.package, 'carrier', p.carrier, 'tracking', p.tracking), NULL
    FROM o JOIN fulfillment_order f USING (order_id) JOIN package p USING (fulfillment_order_id)
    CROSS JOIN LATERAL (
        SELECT min(e.recorded_at) AS recorded_at FROM event e
        WHERE e.order_id = o.order_id AND e.kind = 'shipped' AND e.data ->> 'fulfillment_order' = p.fulfillment_order_id
          AND e.data -> 'packages' @> jsonb_build_array(jsonb_build_object('package', p.package))) e
    WHERE p.shipped_at IS NOT NULL
    """,
    # What was decided, and what it did to stock and work.
    f"""
    SELECT p.recorded_at, 7, p.round::text, 'round.decided', 'workflow', {_NONE}, jsonb_build_object(
               'round', p.round, 'strategy', p.strategy, 'shipments', p.document -> 'shipments',
               'unfilled', p.document -> 'unfilled', 'unfilled_action', p.document -> 'unfilled_action'), NULL
    FROM o JOIN plan p USING (order_id)
    """,
    f"""
    SELECT min(m.at), 8, min(m.movement_id)::text, 'stock.' || m.kind, min(m.actor), {_NONE},
           jsonb_build_object('node', m.node, 'cause', m.cause, 'units', jsonb_object_agg(m.sku, m.units)), NULL
    FROM (SELECT min(m.recorded_at) AS at, min(m.movement_id) AS movement_id, m.kind, m.node, m.sku, m.cause,
                 min({_ASKER.format(actor="m.actor", cause="m.cause")}) AS actor,
                 abs(sum(coalesce(nullif(m.on_hand, 0), nullif(m.allocated, 0), nullif(m.reserved, 0), m.set_aside))) AS units
          FROM o JOIN movement m USING (order_id)
          WHERE NOT (m.kind = 'reserved' AND starts_with(m.cause, 'round '))
            AND NOT (m.kind = 'allocated' AND m.cause ~ '^(round|release) ')
            AND NOT (m.kind = 'shipped' AND starts_with(m.cause, 'message '))
          GROUP BY m.kind, m.node, m.sku, m.cause) m
    GROUP BY m.kind, m.node, m.cause
    """,
    f"""
    SELECT w.at, 10, f.number || '/' || w.what, 'fulfillment_order.' || w.what, 'workflow', f.fulfillment_order_id,
           CAST(NULL AS timestamptz), jsonb_build_object(
               'node', f.node, 'attempt', f.attempt, 'ship_by', f.ship_by,
               'lines', {_LINES.format("fulfillment_order_line l WHERE l.fulfillment_order_id = f.fulfillment_order_id")}), NULL
    FROM o JOIN fulfillment_order f USING (order_id) CROSS JOIN LATERAL (VALUES
        ('released', greatest(f.released_at, (
            SELECT min(m.recorded_at) FROM movement m  -- a round may release in its own transaction: it was decided before
            WHERE m.order_id = f.order_id AND m.kind = 'allocated' AND m.node = f.node AND m.recorded_at >= f.released_at))),
        ('cancel_asked', f.cancel_asked_at), ('given_up', f.dead_at),
        ('reminded', f.reminded_at), ('not_collected', f.uncollected_at),
        ('assumed_delivered', CASE WHEN f.assumed_delivered THEN f.delivered_at END)) AS w(what, at)
    WHERE w.at IS NOT NULL
    """,
    # What needs a person.
    """
    SELECT e.since, 11, e.exception_id, 'exception.opened', NULL, e.exception_id, CAST(NULL AS timestamptz),
           jsonb_build_object('code', e.code, 'detail', e.detail), NULL
    FROM o JOIN exception e USING (order_id)
    """,
    f"""
    SELECT e.resolved_at, 14, e.exception_id, 'exception.closed',
           CASE WHEN CAST(:is_operator AS boolean) OR e.closed_cause IS NOT NULL
                THEN {_ASKER.format(actor="e.closed_actor", cause="e.closed_cause")} END,
           e.exception_id, CAST(NULL AS timestamptz), jsonb_build_object('code', e.code, 'cause', e.closed_cause),
           CASE WHEN CAST(:is_operator AS boolean) THEN e.resolved_by END
    FROM o JOIN exception e USING (order_id) WHERE e.resolved_at IS NOT NULL
    """,
    """
    SELECT a.recorded_at, 12, e.exception_id, 'exception.assigned', NULL, e.exception_id, CAST(NULL AS timestamptz),
           jsonb_build_object('code', e.code, 'owner', e.owner), e.assigned_by
    FROM o JOIN exception e USING (order_id) JOIN personal.remark a ON a.remark_id = e.assigned_by
    UNION ALL
    SELECT e.escalated_at, 13, e.exception_id, 'exception.escalated', 'clock', e.exception_id, CAST(NULL AS timestamptz),
           jsonb_build_object('code', e.code), NULL
    FROM o JOIN exception e USING (order_id) WHERE e.escalated_at IS NOT NULL
    """,
    # What comes back, and the money.
    f"""
    SELECT w.at, CASE w.what WHEN 'closed' THEN 14 ELSE 10 END, r.number || '/' || w.what, 'return.' || w.what, NULL,
           r.return_id, CAST(NULL AS timestamptz),
           jsonb_build_object(
               'resolution', r.resolution,
               'lines', {_LINES.format("return_line l WHERE l.return_id = r.return_id")}), NULL
    FROM o JOIN return r USING (order_id) CROSS JOIN LATERAL (VALUES
        ('requested', r.requested_at), ('authorized', nullif(r.authorized_at, r.requested_at)),
        ('declined', r.declined_at), ('cancelled', r.cancelled_at), ('expired', r.expired_at),
        ('settled', {_RETURN_SETTLED}),
        ('closed', CASE WHEN r.closed_at IS NOT NULL THEN greatest(r.closed_at, {_RETURN_SETTLED}) END)) AS w(what, at)
    WHERE w.at IS NOT NULL
    """,
    f"""
    SELECT w.at, 13, f.refund_id || '/' || w.what, 'refund.' || w.what, NULL, f.refund_id, CAST(NULL AS timestamptz),
           jsonb_build_object('kind', f.kind, 'amount', w.amount, 'currency', o.currency), NULL
    FROM o JOIN refund f USING (order_id) CROSS JOIN LATERAL (VALUES
        ('requested', f.asked_at, f.amount),
        ('settled', {_REFUND_SETTLED}, coalesce(f.settled_amount, f.amount))) AS w(what, at, amount)
    WHERE w.at IS NOT NULL
    """,
    """
    SELECT p.asked_at, 13, p.request_id, 'payment.' || p.kind || '_requested', NULL, p.request_id,
           CAST(NULL AS timestamptz), jsonb_build_object('amount', p.amount, 'currency', o.currency), NULL
    FROM o JOIN payment_request p USING (order_id)
    """,
)
"""Each fact says when, by whom and about what. The rank sorts what happened at one moment: causes before effects. A return is
closed at the time of its workflow, whose clock stands still during a task: never before it was settled, which has the time of
PostgreSQL."""

TIMELINE = text(
    f"""
    WITH o AS MATERIALIZED (SELECT * FROM orders WHERE order_id = :order), fact AS ({" UNION ALL ".join(_FACTS)}), placed AS (
        SELECT f.*, (extract(epoch FROM f.at) * 1000000)::bigint AS moment FROM fact f
        WHERE CAST(:is_operator AS boolean)
           OR f.what NOT IN ('exception.assigned', 'exception.escalated', 'request.assign', 'request.resolve')
    )
    SELECT p.at, p.moment, p.rank, p.serial, p.what, p.about, p.actor, p.occurred_at, p.facts::text AS facts,
           m.sealed, m.order_id IS NOT NULL AS remark_order
    FROM placed p LEFT JOIN personal.remark m ON m.remark_id = p.remark
    WHERE (p.moment, p.rank, p.serial COLLATE "C") > (CAST(:moment AS bigint), CAST(:rank AS int), CAST(:serial AS text))
    ORDER BY p.moment, p.rank, p.serial COLLATE "C" LIMIT :limit
    """
)
