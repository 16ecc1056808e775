"""The invariants, each with a query that recomputes it from the facts: every row that the query finds is a violation.

An open exception, or a message on its way, is no violation. Each row is one text that names what to look at.
"""

from dataclasses import dataclass

from sqlalchemy import text

from database.audit import announced, coming_back, needs, parcels, shadow, ship_to_store, sold_ahead, transfers
from database.audit.invariant import Invariant
from database.audit.parts import COSTS, HELD, LIVE, SHIPPED
from database.connect import ReadConnection
from database.order.parts import CAPTURED, LAYERS, PARTS
from database.outbox.unattended import sweep_again_at


@dataclass(frozen=True, slots=True)
class Finding:
    """The audit's result for one invariant."""

    sentence: str
    checked: int
    violations: tuple[str, ...]


INVARIANTS = (
    Invariant(
        "every ordered unit is in exactly one bucket",
        "SELECT count(*) FROM order_line",
        """
        SELECT format('%s line %s: %s ordered', order_id, line, ordered) FROM order_line
        WHERE open + backordered + reserved + allocated + shipped + cancelled <> ordered
           OR least(open, backordered, reserved, allocated, shipped, cancelled) < 0
        """,
    ),
    Invariant(
        "open and backordered units are those that wait for a node",
        "SELECT count(*) FROM waiting",
        """
        SELECT format('%s line %s: %s open and %s backordered, but %s and %s wait',
                      l.order_id, l.line, l.open, l.backordered, w.open, w.backordered)
        FROM order_line l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity) FILTER (WHERE awaits <> 'stock'), 0) AS open,
                   coalesce(sum(quantity) FILTER (WHERE awaits = 'stock'), 0) AS backordered
            FROM waiting WHERE waiting.order_id = l.order_id AND waiting.line = l.line) w
        WHERE (l.open, l.backordered) <> (w.open, w.backordered)
        """,
    ),
    Invariant(
        "reserved units are those that are pinned at a node",
        "SELECT count(*) FROM reservation",
        """
        SELECT format('%s line %s: %s reserved, but %s pinned', l.order_id, l.line, l.reserved, v.pinned)
        FROM order_line l
        CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS pinned FROM reservation
                            WHERE reservation.order_id = l.order_id AND reservation.line = l.line) v
        WHERE l.reserved <> v.pinned
        """,
    ),
    Invariant(
        "fulfillment orders re-join to their order: allocated is what is due, shipped is what shipped",
        "SELECT count(*) FROM fulfillment_order",
        f"""
        SELECT format('%s line %s: %s allocated and %s shipped, but fulfillment orders owe %s and shipped %s',
                      l.order_id, l.line, l.allocated, l.shipped, f.due, f.shipped)
        FROM order_line l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(d.due), 0) AS due, coalesce(sum(fl.shipped), 0) AS shipped
            FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
            JOIN {LIVE} d USING (fulfillment_order_id, line)
            WHERE fo.order_id = l.order_id AND fl.line = l.line) f
        WHERE (l.allocated, l.shipped) <> (f.due, f.shipped)
        """,
    ),
    Invariant(
        "the counters of stock are the sum of the ledger",
        "SELECT count(*) FROM movement",
        """
        SELECT format('%s at %s: on hand %s, reserved %s, allocated %s, set aside %s, but the ledger says %s, %s, %s, %s',
                      sku, node, s.on_hand, s.reserved, s.allocated, s.set_aside,
                      m.on_hand, m.reserved, m.allocated, m.set_aside)
        FROM stock s
        FULL JOIN (SELECT node, sku, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(allocated) AS allocated,
                          sum(set_aside) AS set_aside
                   FROM movement GROUP BY node, sku) m USING (node, sku)
        WHERE (coalesce(s.on_hand, 0), coalesce(s.reserved, 0), coalesce(s.allocated, 0), coalesce(s.set_aside, 0))
              <> (coalesce(m.on_hand, 0), coalesce(m.reserved, 0), coalesce(m.allocated, 0), coalesce(m.set_aside, 0))
        """,
    ),
    Invariant(
        "units that ship leave the stock: what fulfillment orders have shipped is what the ledger took off",
        "SELECT count(*) FROM movement WHERE kind = 'shipped'",
        f"""
        SELECT format('%s: %s units have shipped, the ledger took %s off', order_id, reported.gone, booked.gone)
        FROM (SELECT fo.order_id,
                     sum((greatest(fl.told_shipped - fl.voided, fl.told_delivered) - fl.left_before) * c.quantity) AS gone
              FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
              JOIN {PARTS} c USING (order_id, line) GROUP BY fo.order_id) reported
        JOIN (SELECT order_id, -sum(on_hand) AS gone FROM movement WHERE kind = 'shipped' GROUP BY order_id) booked
             USING (order_id)
        WHERE reported.gone <> booked.gone
        """,
    ),
    Invariant(
        "every promised unit of stock belongs to a reservation, a live line, an attempt in doubt, or a cart",
        "SELECT count(*) FROM stock",
        f"""
        SELECT format('%s at %s: reserved %s, allocated %s, but orders and carts hold %s and %s', sku, node,
                      s.reserved, s.allocated, coalesce(h.reserved, 0), coalesce(h.allocated, 0))
        FROM stock s FULL JOIN {HELD} h USING (node, sku)
        WHERE (coalesce(s.reserved, 0), coalesce(s.allocated, 0)) <> (coalesce(h.reserved, 0), coalesce(h.allocated, 0))
        """,
    ),
    Invariant(
        "what is claimed of a node's day is the sum of the claims",
        "SELECT count(*) FROM node_day",
        """
        SELECT format('%s on %s: %s claimed, but the claims are %s', node, day, coalesce(d.claimed, 0),
                      coalesce(c.quantity, 0))
        FROM node_day d
        FULL JOIN (SELECT node, day, sum(quantity) AS quantity FROM capacity_claim GROUP BY node, day) c USING (node, day)
        WHERE coalesce(d.claimed, 0) <> coalesce(c.quantity, 0)
        """,
    ),
    Invariant(
        "every claim on a node's capacity belongs to pins, or to work that was not given back",
        "SELECT count(*) FROM capacity_claim",
        """
        SELECT format('%s at %s: %s claimed, but %s are planned or worked on', c.order_id, c.node, c.claimed, w.work)
        FROM (SELECT order_id, node, sum(quantity) AS claimed FROM capacity_claim GROUP BY order_id, node) c
        CROSS JOIN LATERAL (
            SELECT (SELECT count(DISTINCT v.node) FROM reservation v WHERE v.order_id = c.order_id AND v.node = c.node)
                   + (SELECT count(*) FROM fulfillment_order f
                      WHERE f.order_id = c.order_id AND f.node = c.node
                        AND EXISTS (SELECT FROM fulfillment_order_line l
                                    WHERE l.fulfillment_order_id = f.fulfillment_order_id
                                      AND (l.quantity > l.shipped + l.short OR l.told_shipped + l.told_delivered > 0))
                     ) AS work) w
        WHERE c.claimed > w.work
        """,
    ),
    *announced.INVARIANTS,
    *coming_back.INVARIANTS,
    *sold_ahead.INVARIANTS,
    *transfers.INVARIANTS,
    *parcels.INVARIANTS,
    *ship_to_store.INVARIANTS,
    *shadow.INVARIANTS,
    *needs.INVARIANTS,
    Invariant(
        "an order holds a cart's units only until it is sourced",
        "SELECT count(*) FROM cart WHERE order_id IS NOT NULL",
        """
        SELECT format('%s: %s of %s at %s', c.order_id, u.quantity, u.sku, u.node)
        FROM cart c JOIN cart_unit u USING (cart_id)
        WHERE c.order_id IS NOT NULL AND u.expires_at = 'infinity'
          AND NOT EXISTS (SELECT FROM waiting w WHERE w.order_id = c.order_id AND w.awaits = 'sourcing')
        """,
    ),
    Invariant(
        "where less is on hand than is promised, an exception is open, or a person has resolved it",
        "SELECT count(*) FROM stock",
        """
        SELECT format('%s at %s: %s on hand, %s of them set aside, %s promised', s.sku, s.node, s.on_hand, s.set_aside,
                      s.reserved + s.allocated)
        FROM stock s
        WHERE s.on_hand - greatest(s.set_aside, 0) < s.reserved + s.allocated
          AND NOT EXISTS (SELECT FROM exception e WHERE e.code = 'stock_short' AND e.node = s.node AND e.subject = s.sku
                                                AND e.closed_cause IS NULL)
        """,
    ),
    Invariant(
        "only orders that came from another system have units that left before, and these left no stock of ours",
        "SELECT count(*) FROM fulfillment_order_line WHERE left_before > 0",
        """
        SELECT format('%s line %s: %s of %s had left before', fulfillment_order_id, line, left_before, quantity)
        FROM fulfillment_order JOIN fulfillment_order_line USING (fulfillment_order_id) JOIN orders o USING (order_id)
        WHERE left_before > 0 AND (left_before > quantity OR o.taken_over_at IS NULL)
        UNION ALL
        SELECT format('%s: a movement of stock is about it', m.key) FROM movement m
        JOIN fulfillment_order f ON m.cause = 'cut-over' AND f.order_id = m.order_id
        """,
    ),
    Invariant(
        "units that left beyond the order have one exception",
        "SELECT count(*) FROM fulfillment_order_line WHERE surplus > 0",
        """
        SELECT format('%s line %s: %s surplus', fl.fulfillment_order_id, fl.line, fl.surplus)
        FROM fulfillment_order_line fl
        WHERE fl.surplus > 0 AND NOT EXISTS (
            SELECT FROM exception e WHERE e.fulfillment_order_id = fl.fulfillment_order_id
                                      AND e.code IN ('surplus', 'double_ship'))
        """,
    ),
    Invariant(
        "no more than was ordered ships",
        "SELECT count(*) FROM order_line",
        """
        SELECT format('%s line %s: %s shipped of %s', fo.order_id, fl.line, sum(fl.shipped), l.ordered)
        FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
        JOIN order_line l USING (order_id, line)
        GROUP BY fo.order_id, fl.line, l.ordered HAVING sum(fl.shipped) > l.ordered
        """,
    ),
    Invariant(
        "every open order can go on by itself or has an open exception",
        "SELECT count(*) FROM orders WHERE closed_at IS NULL",
        """
        SELECT format('%s: a fulfillment order owes units, waits for nothing, and has no exception', o.order_id)
        FROM orders o JOIN fulfillment_order f USING (order_id)
        JOIN fulfillment_order_line fl USING (fulfillment_order_id)
        WHERE o.closed_at IS NULL AND f.waiting_for IS NULL AND fl.quantity - fl.shipped - fl.short > 0
          AND NOT EXISTS (SELECT FROM exception e
                          WHERE e.fulfillment_order_id = f.fulfillment_order_id AND e.resolved_at IS NULL)
        UNION ALL
        SELECT format('%s line %s: units wait for a person, and there is no exception', w.order_id, w.line)
        FROM waiting w JOIN orders o USING (order_id)
        WHERE o.closed_at IS NULL AND w.awaits = 'person'
          AND NOT EXISTS (SELECT FROM exception e
                          WHERE e.order_id = w.order_id AND e.code IN ('unfilled', 'pickup') AND e.resolved_at IS NULL)
        """,
    ),
    Invariant(
        "the sweep looks at every open order a minute after its next deadline",
        "SELECT count(*) FROM orders WHERE closed_at IS NULL AND version > 0",
        f"""
        SELECT format('%s: it has something to do at %s, and the sweep looks at %s', o.order_id, d.due_at, o.sweep_at)
        FROM orders o JOIN order_due d USING (order_id)
        WHERE o.closed_at IS NULL AND o.version > 0
          AND (o.sweep_at IS NULL OR o.sweep_at > {sweep_again_at("d.due_at")})
        """,
    ),
    Invariant(
        "a closed order holds nothing",
        "SELECT count(*) FROM orders WHERE closed_at IS NOT NULL",
        """
        SELECT format('%s line %s is closed and still holds units', o.order_id, l.line)
        FROM orders o JOIN order_line l USING (order_id)
        WHERE o.closed_at IS NOT NULL AND l.open + l.backordered + l.reserved + l.allocated > 0
        """,
    ),
    Invariant(
        "while a hold lets nothing be reserved, its order has nothing pinned and queues for no stock",
        "SELECT count(*) FROM hold WHERE stock = 'wait'",
        """
        SELECT format('%s line %s is held back and has %s reserved, %s backordered',
                      l.order_id, l.line, l.reserved, l.backordered)
        FROM order_line l
        WHERE l.reserved + l.backordered > 0
          AND EXISTS (SELECT FROM hold h WHERE h.order_id = l.order_id AND h.stock = 'wait' AND h.released_at IS NULL)
        """,
    ),
    Invariant(
        "every message about a fulfillment order was applied with its order",
        "SELECT count(*) FROM inbox",
        """
        SELECT format('%s %s is about %s, which does not exist', sender, message_id, about) FROM inbox
        WHERE about NOT IN ('stock', 'parcel')
          AND NOT EXISTS (SELECT FROM fulfillment_order f WHERE f.fulfillment_order_id = about)
          AND NOT EXISTS (SELECT FROM return r WHERE r.return_id = about)
          AND NOT EXISTS (SELECT FROM claim c WHERE c.claim_id = about)
          AND NOT EXISTS (SELECT FROM orders o WHERE o.order_id = about)
        """,
    ),
    Invariant(
        "no more comes back than was shipped, or an exception was opened",
        "SELECT count(*) FROM return_line",
        """
        SELECT format('%s line %s: %s returned of %s shipped', l.order_id, l.line, r.returned, l.shipped)
        FROM order_line l
        JOIN (SELECT order_id, line, sum(returned) AS returned, sum(received) AS received
              FROM return JOIN return_line USING (return_id) GROUP BY order_id, line) r USING (order_id, line)
        WHERE greatest(r.returned, r.received) > l.shipped
          AND NOT EXISTS (SELECT FROM exception e WHERE e.order_id = l.order_id AND e.code = 'return_misfit')
        """,
    ),
    Invariant(
        "the counters of a return are those of its lots",
        "SELECT count(*) FROM return_lot",
        """
        SELECT format('%s line %s: %s graded and %s received, but its lots hold %s', l.return_id, l.line, l.graded,
                      l.received, o.units)
        FROM return_line l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS units,
                   coalesce(sum(quantity) FILTER (WHERE condition = 'wrong_item'), 0) AS wrong
            FROM return_lot WHERE return_lot.return_id = l.return_id AND return_lot.line = l.line) o
        WHERE (l.graded, l.received, l.returned)
              <> (o.units, greatest(l.told_received, o.units),
                  least(greatest(l.told_received, o.units) - o.wrong, l.quantity))
        """,
    ),
    Invariant(
        "only graded units that came back are in stock again: the lots of returns are what the ledger put there",
        "SELECT count(*) FROM movement WHERE kind = 'restocked'",
        f"""
        SELECT format('%s: lots say %s units are back in stock, the ledger put %s there', order_id, graded.units,
                      coalesce(booked.units, 0))
        FROM (SELECT r.order_id, sum(CASE WHEN o.disposition IN ('restock', 'refurbish', 'quarantine')
                                               AND o.condition <> 'wrong_item'
                                          THEN o.quantity * c.quantity ELSE 0 END) AS units
              FROM return r JOIN return_line l USING (return_id) JOIN return_lot o USING (return_id, line)
              JOIN {PARTS} c USING (order_id, line) GROUP BY r.order_id) graded
        FULL JOIN (SELECT order_id, sum(on_hand) AS units FROM movement WHERE kind = 'restocked' GROUP BY order_id) booked
             USING (order_id)
        WHERE coalesce(graded.units, 0) <> coalesce(booked.units, 0)
        """,
    ),
    Invariant(
        "the units of a line are those of its layers",
        "SELECT count(*) FROM order_layer",
        f"""
        SELECT format('%s line %s: %s of %s units of its first layer are cancelled', order_id, line, cancelled, ordered)
        FROM {LAYERS} y WHERE ordered < 1 OR cancelled NOT BETWEEN 0 AND ordered
        """,
    ),
    Invariant(
        "an order costs what its layers cost, with its tax and shipping",
        "SELECT count(*) FROM orders",
        f"""
        SELECT format('%s: its value is %s and its total %s, by its layers %s and %s', order_id, o.value, o.total, c.goods,
                      t.total)
        FROM orders o JOIN {COSTS} c USING (order_id)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN c.units = 0 THEN 0 ELSE c.goods + o.shipping_price END
                   + CASE WHEN c.units = 0 OR o.prices_include_tax THEN 0 ELSE c.tax + o.shipping_tax END AS total) t
        WHERE (o.value, o.total) <> (c.goods, t.total)
        """,
    ),
    Invariant(
        "no more is paid back than was captured, or an exception was opened",
        "SELECT count(*) FROM refund",
        f"""
        SELECT format('%s: %s captured, but channels were asked for %s and say that they paid %s', o.order_id, c.captured,
                      f.asked, f.settled)
        FROM orders o
        CROSS JOIN LATERAL (SELECT {CAPTURED} AS captured) c
        JOIN (SELECT order_id, sum(amount) AS asked, sum(settled_amount) AS settled FROM refund GROUP BY order_id) f
             USING (order_id)
        WHERE (f.asked > c.captured AND NOT EXISTS (
                   SELECT FROM exception e WHERE e.order_id = o.order_id AND e.code = 'payment_misfit'))
           OR (f.settled > c.captured AND NOT EXISTS (
                   SELECT FROM exception e
                   WHERE e.order_id = o.order_id AND e.code IN ('return_misfit', 'payment_misfit')))
        """,
    ),
    Invariant(
        "every payment message counts once in its order's sums",
        "SELECT count(*) FROM payment",
        """
        SELECT format('%s: %s authorized, %s captured, %s voided, but %s, %s and %s were reported', o.order_id, o.authorized,
                      o.captured, o.voided, p.authorized, p.captured, p.voided)
        FROM orders o
        LEFT JOIN (SELECT order_id, sum(amount) FILTER (WHERE kind = 'authorized') AS authorized,
                          coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS captured,
                          sum(amount) FILTER (WHERE kind = 'voided') AS voided
                   FROM payment GROUP BY order_id) p USING (order_id)
        WHERE (o.authorized, coalesce(o.captured, -1), o.voided)
              <> (coalesce(p.authorized, 0), coalesce(p.captured, -1), coalesce(p.voided, 0))
        UNION ALL
        SELECT format('%s: the message %s was not kept as a payment, or not as it was sent', i.about, i.message_id)
        FROM inbox i JOIN orders o ON o.order_id = i.about LEFT JOIN payment p USING (order_id, message_id)
        WHERE i.kind IN ('authorized', 'captured', 'voided')
          AND (p.kind, p.amount) IS DISTINCT FROM (i.kind, (i.facts ->> 'amount')::bigint)
        """,
    ),
    Invariant(
        "no channel is asked to capture more than has shipped, taken-back parcels included, or more than was authorized",
        "SELECT count(*) FROM payment_request WHERE kind = 'capture'",
        f"""
        SELECT format('%s: asked to capture %s, of %s that shipped and %s authorized', order_id, p.asked, s.cost, o.authorized)
        FROM (SELECT order_id, sum(amount) AS asked FROM payment_request WHERE kind = 'capture' GROUP BY order_id) p
        JOIN orders o USING (order_id) JOIN {SHIPPED} s USING (order_id)
        WHERE p.asked > o.authorized
           OR (p.asked > s.cost AND NOT EXISTS (
                   SELECT FROM fulfillment_order f JOIN fulfillment_order_line l USING (fulfillment_order_id)
                   WHERE f.order_id = o.order_id AND l.voided > 0))
        """,
    ),
    Invariant(
        "no unit is paid back twice, and none that did not ship",
        "SELECT count(*) FROM refund_line",
        """
        SELECT format('%s line %s: %s paid back of %s shipped', l.order_id, l.line, f.paid, l.shipped)
        FROM order_line l
        JOIN (SELECT p.order_id, fl.line, sum(fl.paid) AS paid FROM refund p JOIN refund_line fl USING (refund_id)
              GROUP BY p.order_id, fl.line) f USING (order_id, line)
        WHERE f.paid > l.shipped
        """,
    ),
    Invariant(
        "units that were exchanged or replaced are still to be sent, have shipped, or are owed again",
        "SELECT count(*) FROM refund WHERE replacement IS NOT NULL",
        """
        SELECT format('%s line %s: it stands for %s units of %s, of which %s are not cancelled', f.refund_id, l.line, l.paid,
                      f.replacement, r.ordered - r.cancelled)
        FROM refund f JOIN refund_line l USING (refund_id)
        JOIN order_line r ON r.order_id = f.replacement AND r.line = l.line
        WHERE l.paid > r.ordered - r.cancelled
        """,
    ),
    Invariant(
        "a replacement replaces: its order was made for that return or claim, and for no other",
        "SELECT count(*) FROM refund WHERE replacement IS NOT NULL",
        """
        SELECT format('%s: %s was not made for it', f.refund_id, f.replacement)
        FROM refund f JOIN orders o USING (order_id) JOIN orders r ON r.order_id = f.replacement
        WHERE r.channel <> o.channel OR r.order_id = o.order_id OR (r.received_at, r.placed_at) <> (f.asked_at, f.asked_at)
           OR EXISTS (SELECT FROM refund n WHERE n.replacement = f.replacement AND n.refund_id <> f.refund_id)
        """,
    ),
    Invariant(
        "a connected channel is notified of events, each of an order that came through its connection",
        "SELECT count(*) FROM channel_notice",
        """
        SELECT format('%s-%s: %s is owed %s of %s, and there is no such event, or no such order of the channel',
                      n.transaction_id, n.event_id, n.channel, n.kind, n.order_id)
        FROM channel_notice n
        WHERE NOT EXISTS (
            SELECT FROM event e JOIN channel_order o USING (order_id)
            WHERE (e.transaction_id, e.event_id, e.order_id, e.kind)
                  = (n.transaction_id, n.event_id, n.order_id, n.kind) AND o.channel = n.channel)
        """,
    ),
    Invariant(
        "no connected channel is notified of an event twice: what it took is not owed, and what it refused has an exception",
        "SELECT count(*) FROM channel_notice",
        """
        SELECT format('%s-%s of %s: taken at %s, owed from %s, refused: %s', transaction_id, event_id, order_id, notified_at,
                      due_at, refused IS NOT NULL)
        FROM channel_notice n
        WHERE num_nonnulls(notified_at, due_at) > 1 OR (num_nonnulls(notified_at, due_at) = 0 AND NOT EXISTS (
            SELECT FROM exception e
            WHERE e.order_id = n.order_id AND e.code = 'channel_refused'
              AND e.subject = n.transaction_id || '-' || n.event_id))
        """,
    ),
    Invariant(
        "every change of stock names its actor, cause and time",
        "SELECT count(*) FROM movement",
        "SELECT format('movement %s', movement_id) FROM movement WHERE actor = '' OR cause = '' OR key = ''",
    ),
    Invariant(
        "an order has the key to what is personal of it until it is forgotten, and nothing personal afterwards",
        "SELECT count(*) FROM orders",
        """
        SELECT format('%s has no key, and was not forgotten', order_id) FROM orders o
        WHERE NOT EXISTS (SELECT FROM personal.key WHERE owner = o.order_id)
          AND NOT EXISTS (SELECT FROM forgotten g WHERE g.order_id = o.order_id)
        UNION ALL
        SELECT format('%s was forgotten, and its key, an address or a remark is here', order_id) FROM forgotten g
        WHERE EXISTS (SELECT FROM personal.key WHERE owner = g.order_id)
           OR EXISTS (SELECT FROM personal.recipient r WHERE r.order_id = g.order_id)
           OR EXISTS (SELECT FROM personal.new_address a WHERE a.order_id = g.order_id)
           OR EXISTS (SELECT FROM personal.given_address a WHERE a.order_id = g.order_id)
           OR EXISTS (SELECT FROM personal.new_details d WHERE d.order_id = g.order_id)
           OR EXISTS (SELECT FROM personal.customer_key c WHERE c.order_id = g.order_id)
           OR EXISTS (SELECT FROM personal.remark m WHERE m.order_id = g.order_id)
        """,
    ),
)


async def examine(connection: ReadConnection) -> list[Finding]:
    """Check every invariant, in one snapshot if the transaction has one."""
    return [await _examine(connection, invariant) for invariant in INVARIANTS]


async def _examine(connection: ReadConnection, invariant: Invariant) -> Finding:
    checked: int = (await connection.execute(text(invariant.counted))).scalar_one()
    found = await connection.execute(text(invariant.violations))
    return Finding(invariant.sentence, checked, tuple(found.scalars()))
