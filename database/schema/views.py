"""The views: the only place where a status is derived. `database.schema.migrate` makes them."""

from domain.order import ROWS_OF_COPY_MAX, ROWS_OF_NEWS_MAX
from nodes.kinds import KINDS

FULFILLMENT_ORDER_STATUS = """
CREATE VIEW fulfillment_order_status AS
SELECT f.fulfillment_order_id,
       CASE
           WHEN l.due > 0 AND f.ready_at IS NOT NULL THEN 'ready_for_pickup'
           WHEN l.due > 0 AND f.accepted_at IS NOT NULL THEN 'in_progress'
           WHEN l.due > 0 THEN 'released'
           WHEN l.shipped > l.delivered + l.lost OR l.in_transit > 0 THEN 'shipped'
           WHEN l.shipped > 0 THEN 'delivered'
           WHEN f.request IN ('rejected', 'cancel_accepted', 'timed_out') THEN 'cancelled'
           ELSE 'closed_short'
       END AS status
FROM fulfillment_order f
CROSS JOIN LATERAL (
    SELECT sum(quantity - shipped - short) AS due, sum(shipped) AS shipped, sum(delivered) AS delivered, sum(lost) AS lost,
           sum(in_transit) AS in_transit
    FROM fulfillment_order_line WHERE fulfillment_order_line.fulfillment_order_id = f.fulfillment_order_id
) l
"""

RETURN_STATUS = """
CREATE VIEW return_status AS
SELECT r.return_id,
       CASE
           WHEN l.received = 0 AND r.cancelled_at IS NOT NULL THEN 'cancelled'
           WHEN l.received = 0 AND r.declined_at IS NOT NULL THEN 'declined'
           WHEN p.is_settled AND r.closed_at IS NOT NULL AND l.graded >= l.received THEN 'closed'
           WHEN p.is_settled THEN 'settled'
           WHEN l.received = 0 AND r.expired_at IS NOT NULL THEN 'expired'
           WHEN l.graded >= l.quantity THEN 'disposed'
           WHEN l.graded > 0 THEN 'graded'
           WHEN l.received > 0 THEN 'received'
           WHEN r.sent_at IS NOT NULL THEN 'in_transit'
           WHEN r.authorized_at IS NOT NULL THEN 'authorized'
           ELSE 'requested'
       END AS status
FROM return r
CROSS JOIN LATERAL (
    SELECT sum(quantity) AS quantity, sum(received) AS received, sum(graded) AS graded
    FROM return_line WHERE return_line.return_id = r.return_id
) l
CROSS JOIN LATERAL (
    SELECT r.settled_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM refund f WHERE f.return_id = r.return_id AND f.settled_at IS NULL) AS is_settled
) p
"""

ORDER_TOTAL = """
CREATE VIEW order_total AS
SELECT o.order_id,
       l.ordered, l.open, l.backordered, l.reserved, l.allocated, l.shipped, l.cancelled,
       l.line_rows + coalesce(f.line_rows, 0) AS line_rows,
       coalesce(f.delivered, 0) AS delivered,
       coalesce(f.lost, 0) AS lost,
       coalesce(f.in_transit, 0) AS in_transit,
       coalesce(f.in_doubt, 0) AS in_doubt,
       f.delivered_at,
       coalesce(f.is_waiting, false) AS is_waiting,
       EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.released_at IS NULL) AS is_held,
       EXISTS (SELECT FROM exception e WHERE e.order_id = o.order_id AND e.resolved_at IS NULL) AS needs_attention
FROM orders o
CROSS JOIN LATERAL (
    SELECT count(*) AS line_rows,
           sum(ordered) AS ordered, sum(open) AS open, sum(backordered) AS backordered, sum(reserved) AS reserved,
           sum(allocated) AS allocated, sum(shipped) AS shipped, sum(cancelled) AS cancelled
    FROM order_line WHERE order_line.order_id = o.order_id
) l
LEFT JOIN LATERAL (
    SELECT count(*) AS line_rows, sum(fl.delivered) AS delivered, sum(fl.lost) AS lost, sum(fl.in_transit) AS in_transit,
           sum(fl.in_doubt) AS in_doubt,
           max(fo.delivered_at) AS delivered_at,
           bool_or(fo.waiting_for IS NOT NULL) AS is_waiting
    FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
    WHERE fo.order_id = o.order_id
) f ON true
"""

# A day of a return window has 24 hours, also where the session's time zone has one with 23.
ORDER_STATUS = """
CREATE VIEW order_status AS
SELECT o.order_id,
       CASE
           WHEN t.cancelled = t.ordered THEN 'cancelled'
           WHEN o.closed_at IS NOT NULL THEN 'completed'
           WHEN t.shipped + t.cancelled = t.ordered AND t.delivered + t.lost >= t.shipped AND t.in_transit = 0 THEN 'delivered'
           WHEN t.shipped + t.cancelled = t.ordered THEN 'shipped'
           WHEN t.shipped > 0 THEN 'partially_shipped'
           WHEN t.is_held THEN 'on_hold'
           WHEN t.allocated > 0 THEN 'in_fulfillment'
           WHEN t.backordered > 0 THEN 'backordered'
           WHEN t.open > 0 THEN 'sourcing'
           ELSE 'received'
       END AS status,
       t.needs_attention, t.is_held,
       t.line_rows, t.open, t.backordered, t.reserved, t.allocated, t.shipped, t.cancelled,
       CASE WHEN t.open + t.backordered + t.reserved > 0 THEN o.not_after END AS window_ends_at,
       CASE
           WHEN t.is_waiting OR t.shipped + t.cancelled < t.ordered OR t.delivered + t.lost < t.shipped OR t.in_transit > 0
           THEN NULL
           WHEN t.shipped = 0 THEN o.received_at
           ELSE t.delivered_at + make_interval(secs => extract(epoch FROM o.return_window))
       END AS closes_at
FROM orders o
JOIN order_total t USING (order_id)
"""

_CALLED = ", ".join(f"'{name}'" for name, kind in sorted(KINDS.items()) if kind.dispatch.is_called)

# The one table of what an order has to do without anybody's word. The workflow waits for these moments, the sweep looks whether
# they have passed without effect, and the audit whether the sweep will look in time.
ORDER_DUE = f"""
CREATE VIEW order_due AS
SELECT s.*, w.to_source, d.gives_up_at, w.looks_again_at, d.releases_at, f.answered_by,
       least(d.gives_up_at, w.looks_again_at, d.releases_at, f.answered_by, s.closes_at) AS deadline,
       CASE WHEN w.to_source > 0 THEN '-infinity'
            ELSE least(d.gives_up_at, w.looks_again_at, d.releases_at, f.answered_by, f.calls_at, s.closes_at)
       END AS due_at
FROM order_status s
JOIN orders o USING (order_id)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity) FILTER (
               WHERE awaits = 'sourcing' AND NOT EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.stock = 'wait'
                                                                              AND h.released_at IS NULL)), 0) AS to_source,
           min(gives_up_at) FILTER (WHERE awaits = 'stock') AS gives_up_at,
           min(looks_again_at) FILTER (WHERE awaits = 'stock') AS looks_again_at
    FROM waiting WHERE waiting.order_id = o.order_id
) w
CROSS JOIN LATERAL (
    SELECT min(deadline) AS answered_by,
           min(CASE request WHEN 'unsent' THEN released_at
                            WHEN 'cancel_requested' THEN cancel_asked_at
                            WHEN 'timed_out' THEN dead_at
               END) FILTER (WHERE dispatch IN ({_CALLED}) AND waiting_for IS NOT NULL) AS calls_at
    FROM fulfillment_order WHERE fulfillment_order.order_id = o.order_id
) f
CROSS JOIN LATERAL (
    SELECT least(s.window_ends_at, w.gives_up_at) AS gives_up_at,
           CASE WHEN s.reserved > 0 AND NOT s.is_held THEN greatest(o.release_at, o.items_release_at) END AS releases_at
) d
"""


LINES = """
    SELECT json_agg(json_strip_nulls(json_build_object(
               'line', l.line, 'sku', l.sku, 'ordered', l.ordered, 'open', nullif(l.open, 0),
               'backordered', nullif(l.backordered, 0), 'reserved', nullif(l.reserved, 0),
               'allocated', nullif(l.allocated, 0), 'shipped', nullif(l.shipped, 0),
               'cancelled', nullif(l.cancelled, 0), 'picked', nullif(f.picked, 0),
               'delivered', nullif(f.delivered, 0), 'returned', nullif(r.returned, 0))) ORDER BY l.position)
    FROM order_line l
    LEFT JOIN (SELECT fl.line, sum(fl.picked) AS picked, sum(fl.delivered) AS delivered
               FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
               WHERE fo.order_id = o.order_id GROUP BY fl.line) f USING (line)
    LEFT JOIN (SELECT rl.line, sum(rl.returned) AS returned
               FROM return rt JOIN return_line rl USING (return_id)
               WHERE rt.order_id = o.order_id GROUP BY rl.line) r USING (line)
    WHERE l.order_id = o.order_id
"""
"""The lines of order `o`, with their units by bucket."""

PROMISE = """
    CASE WHEN o.promise_changed_at IS NULL AND o.promise_ship_by IS NOT NULL
         THEN json_build_object('ship_by', o.promise_ship_by, 'deliver_by', o.promise_deliver_by)
         WHEN o.new_ship_by IS NOT NULL THEN json_build_object('ship_by', o.new_ship_by, 'deliver_by', o.new_deliver_by)
    END
"""
"""The present promise of order `o`: the first, unless a new one replaced it."""

LINES_OF_WORK = """
    SELECT json_agg(json_build_object(
               'line', fl.line, 'sku', fl.sku, 'quantity', fl.quantity, 'picked', fl.picked,
               'shipped', fl.shipped, 'short', fl.short, 'delivered', fl.delivered)
               ORDER BY fl.position)
    FROM fulfillment_order_line fl
    WHERE fl.fulfillment_order_id = f.fulfillment_order_id
"""
"""The lines of fulfillment order `f`."""


def _order_document(rows_max: int | None = None) -> str:
    """The order as one JSON document. When its lines and those of its fulfillment orders together are more than `rows_max`, it
    has totals in their place.

    It is json, not jsonb: no statement reads its fields, and an order of a thousand lines takes half the time.
    """
    has_lines = "true" if rows_max is None else f"s.line_rows <= {rows_max}"
    return f"""
SELECT o.order_id, s.due_at,
       json_strip_nulls(json_build_object(
           'order', o.order_id,
           'channel', o.channel,
           'version', o.version,
           'status', s.status,
           'rounds', (SELECT count(*) FROM plan WHERE plan.order_id = o.order_id),
           'to_source', s.to_source,
           'gives_up_at', s.gives_up_at,
           'looks_again_at', s.looks_again_at,
           'holds', (SELECT coalesce(json_agg(h.hold ORDER BY h.hold_id), '[]') FROM hold h
                     WHERE h.order_id = o.order_id AND h.released_at IS NULL),
           'totals', CASE WHEN NOT {has_lines} THEN json_build_object(
                         'open', nullif(s.open, 0), 'backordered', nullif(s.backordered, 0),
                         'reserved', nullif(s.reserved, 0), 'allocated', nullif(s.allocated, 0),
                         'shipped', nullif(s.shipped, 0), 'cancelled', nullif(s.cancelled, 0)) END,
           'lines', CASE WHEN {has_lines} THEN ({LINES}) ELSE '[]' END,
           'fulfillment_orders', (
               SELECT json_agg(json_build_object(
                          'fulfillment_order', f.fulfillment_order_id, 'node', f.node, 'attempt', f.attempt,
                          'status', fs.status, 'request', f.request, 'dispatch', f.dispatch, 'released_at', f.released_at,
                          'waiting_for', f.waiting_for, 'deadline', f.deadline, 'cancel_asked_at', f.cancel_asked_at,
                          'lines', CASE WHEN {has_lines} THEN ({LINES_OF_WORK}) ELSE '[]' END) ORDER BY f.number)
               FROM fulfillment_order f JOIN fulfillment_order_status fs USING (fulfillment_order_id)
               WHERE f.order_id = o.order_id),
           'promise', {PROMISE},
           'first_promise', CASE WHEN o.promise_changed_at IS NOT NULL THEN json_build_object(
                                'ship_by', o.promise_ship_by, 'deliver_by', o.promise_deliver_by) END,
           'exceptions', (
               SELECT json_agg(json_build_object('exception', e.exception_id, 'code', e.code, 'since', e.since)
                                ORDER BY e.since, e.exception_id)
               FROM exception e WHERE e.order_id = o.order_id AND e.resolved_at IS NULL),
           'returns', (
               SELECT json_agg(json_build_object('return', r.return_id, 'status', rs.status) ORDER BY r.number)
               FROM return r JOIN return_status rs USING (return_id) WHERE r.order_id = o.order_id),
           'release_at', greatest(o.release_at, o.items_release_at),
           'closes_at', s.closes_at,
           'closed', o.closed_at IS NOT NULL
       )) AS state
FROM orders o
JOIN order_due s USING (order_id)
"""


VIEWS = {
    "fulfillment_order_status": FULFILLMENT_ORDER_STATUS,
    "return_status": RETURN_STATUS,
    "order_total": ORDER_TOTAL,
    "order_status": ORDER_STATUS,
    "order_due": ORDER_DUE,
    "order_state": f"CREATE VIEW order_state AS {_order_document()}",
    "order_copy": f"CREATE VIEW order_copy AS {_order_document(ROWS_OF_COPY_MAX)}",
    "order_news": f"CREATE VIEW order_news AS {_order_document(ROWS_OF_NEWS_MAX)}",
}
"""By name, in the order in which they must be made: later views read earlier ones."""
