"""Fills a database with what a busy business has: orders in every state, stock of many nodes, exceptions, returns, claims."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from database.connect import Database

NODES = 100
"""Each has every item."""

NODE = """
[[node]]
id = "n{number}"
name = "Node {number} of a hundred"
kind = "{kind}"
country = "US"
latitude = {latitude}
longitude = {longitude}
time_zone = "America/Denver"
"""
POLICY = """
version = "a hundred nodes"
[sets]
all = "true"
[[strategy]]
id = "nearest"
when = "true"
rank = ["distance"]
[[strategy.tier]]
from = ["all"]
[transit]
standard = [[20000, 3]]
"""


def write_network(directory: Path, items: int) -> None:
    """A network of a hundred nodes over the United States, and so many items."""
    directory.mkdir(parents=True)
    nodes = (
        NODE.format(
            number=number,
            kind="dc" if number % 10 == 0 else "store",
            latitude=28 + number % 10 * 2,
            longitude=-120 + number // 10 * 5,
        )
        for number in range(NODES)
    )
    (directory / "nodes.toml").write_text("".join(nodes))
    (directory / "policy.toml").write_text(POLICY)
    rows = (f"L-{number},Item number {number},500,0,\n" for number in range(items))
    (directory / "items.csv").write_text("sku,name,weight_g,safety_stock,components\n" + "".join(rows))


async def fill(database: Database, orders: int, stock_levels: int, exceptions: int, say: Callable[[str], None]) -> None:
    """Fill every table that a page reads. Of the newest three tenths of the orders, half are with their node, a quarter
    waits for its release and a quarter for stock; the others are over."""
    numbers = {"orders": orders, "items": stock_levels // NODES, "nodes": NODES, "exceptions": exceptions}
    async with database.write() as connection:
        for name, statement in STATEMENTS.items():
            say(name)
            used = {key: value for key, value in numbers.items() if f":{key}" in statement}
            await connection.execute(text(statement), used)
    async with database.at_once() as connection:
        say("VACUUM ANALYZE")
        await connection.execute(text("VACUUM ANALYZE"))


STATEMENTS = {
    "stock": """
        INSERT INTO stock (node, sku, on_hand)
        SELECT 'n' || node, 'L-' || item, 20
        FROM generate_series(0, CAST(:nodes AS int) - 1) node, generate_series(0, CAST(:items AS int) - 1) item
    """,
    "movements of the stock": """
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
        SELECT 'in ' || node || ' ' || sku, node, sku, 'received', on_hand, 0, 0, 'message ' || node || ' in-1',
               'node:' || node, now() - interval '90 days' FROM stock
    """,
    "orders": """
        INSERT INTO orders (order_id, channel, number, reference, body_digest, placed_at, received_at, currency, service,
                            country, postal_area, priority, customer_tier, value, total, shipping_price, release_at,
                            return_window, version, promise_ship_by, promise_deliver_by, closed_at, updated_at)
        SELECT 'web-' || n, 'web', n, '#' || n, '', at, at, 'USD', 'standard', 'US', '802', 5, '', 4000, 4000, 0, at,
               '30 days', 4, at + interval '2 days', at + interval '5 days',
               CASE WHEN NOT n * 10 < 3 * CAST(:orders AS int) THEN at + interval '40 days' END, at
        FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(0, CAST(:orders AS int) - 1) n) made
    """,
    "lines": """
        INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, backordered, reserved,
                                allocated, shipped, return_window)
        SELECT 'web-' || n, line, line, 'L-' || (n * 7 + line) % CAST(:items AS int), 1000, 0, 2, 0,
               CASE WHEN is_open AND n % 4 = 3 THEN 2 ELSE 0 END, CASE WHEN is_open AND n % 4 = 2 THEN 2 ELSE 0 END,
               CASE WHEN is_open AND n % 4 < 2 THEN 2 ELSE 0 END, CASE WHEN is_open THEN 0 ELSE 2 END, '30 days'
        FROM (SELECT substr(order_id, 5)::int AS n, closed_at IS NULL AS is_open FROM orders) o, generate_series(1, 2) line
    """,
    "fulfillment orders": """
        INSERT INTO fulfillment_order (fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at,
                                       ship_by, deliver_by, accepted_at, shipped_at, delivered_at, pickup, waiting_for,
                                       deadline, accept_by)
        SELECT 'web-' || n || '-f1', 'web-' || n, 1, 'n' || n / 10 % CAST(:nodes AS int), 1, 'pull',
               CASE WHEN is_open THEN 'sent' ELSE 'accepted' END, at, at + interval '2 days', at + interval '5 days',
               CASE WHEN NOT is_open THEN at END, CASE WHEN NOT is_open THEN at + interval '1 day' END,
               CASE WHEN NOT is_open THEN at + interval '4 days' END, false,
               CASE WHEN is_open THEN 'acceptance' END, CASE WHEN is_open THEN at + interval '1 day' END,
               CASE WHEN is_open THEN at + interval '1 day' END
        FROM (SELECT substr(order_id, 5)::int AS n, closed_at IS NULL AS is_open, placed_at AS at FROM orders) o
        WHERE NOT is_open OR n % 4 < 2
    """,
    "lines of fulfillment orders": """
        INSERT INTO fulfillment_order_line (fulfillment_order_id, line, position, sku, quantity, tried, told_shipped, picked,
                                            shipped, delivered)
        SELECT order_id || '-f1', line, position, sku, 2, '{}', shipped, shipped, shipped, shipped
        FROM order_line WHERE allocated + shipped > 0
    """,
    "movements of orders": """
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
        SELECT 'out ' || order_id || ' ' || line, f.node, l.sku, 'shipped', -2, 0, -2, order_id, 'message ' || f.node || ' m-1',
               'node:' || f.node, f.shipped_at
        FROM order_line l JOIN fulfillment_order f USING (order_id) WHERE f.shipped_at IS NOT NULL
    """,
    "units that wait": """
        INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
        SELECT order_id, line, 2, 1, '{}', 'stock', ARRAY[sku] FROM order_line WHERE backordered > 0
    """,
    "plans": """
        INSERT INTO plan (order_id, round, network_version, strategy, document, recorded_at)
        SELECT order_id, 1, (SELECT max(version) FROM network_version), 'nearest', jsonb_build_object(
            'policy_version', 'a hundred nodes', 'strategy', 'nearest', 'tier', 1, 'cost', 900, 'unfilled', jsonb '[]',
            'unfilled_action', NULL, 'ship_by', f.ship_by, 'deliver_by', f.deliver_by, 'destination_precision', 'postal_code',
            'nodes_beside', jsonb '{}', 'exact', true, 'gap', 0, 'runners_up', jsonb '[]',
            'shipments', jsonb_build_array(jsonb_build_object(
                'node', f.node, 'distance_km', 300, 'cost', 900, 'days', 3, 'ship_by', f.ship_by, 'deliver_by', f.deliver_by,
                'lines', (SELECT jsonb_agg(jsonb_build_object('line', l.line, 'sku', l.sku, 'quantity', l.quantity))
                          FROM fulfillment_order_line l WHERE l.fulfillment_order_id = f.fulfillment_order_id))),
            'nodes', jsonb_build_array(jsonb_build_object(
                'node', f.node, 'distance_km', 300, 'cost', 900, 'days', 3, 'excluded', NULL, 'lines', jsonb '[]',
                'lines_beside', 0))), f.released_at
        FROM fulfillment_order f
    """,
    "events": """
        INSERT INTO event (order_id, channel, kind, occurred_at, data)
        SELECT order_id, channel, kind, placed_at, '{}' FROM orders, unnest(ARRAY['received', 'released', 'shipped']) kind
    """,
    "open exceptions": """
        INSERT INTO exception (exception_id, order_id, fulfillment_order_id, node, code, detail, cause, since, due_at)
        SELECT order_id || '-e1', order_id, fulfillment_order_id, node,
               (ARRAY['node_silent', 'cancel_unanswered', 'surplus', 'at_risk'])[1 + (hashtext(order_id) & 3)],
               'the node has not answered', 'clock 1 ' || order_id, released_at + interval '1 day',
               released_at + interval '2 days'
        FROM fulfillment_order WHERE waiting_for = 'acceptance' ORDER BY released_at DESC LIMIT CAST(:exceptions AS int)
    """,
    "resolved exceptions": """
        INSERT INTO exception (exception_id, order_id, fulfillment_order_id, node, code, detail, cause, since, due_at,
                               resolved_at)
        SELECT order_id || '-e0', order_id, fulfillment_order_id, node, 'node_silent', 'the node has not answered',
               'clock 0 ' || order_id, released_at, released_at, released_at + interval '1 hour'
        FROM fulfillment_order
    """,
    "holds": """
        INSERT INTO hold (order_id, hold, owner, stock, is_by_policy, since, released_at)
        SELECT order_id, (ARRAY['fraud', 'address', 'payment'])[1 + substr(order_id, 5)::int / 10 % 3], 'operations', 'reserve',
               true, placed_at, CASE WHEN closed_at IS NOT NULL THEN placed_at + interval '1 hour' END
        FROM orders WHERE substr(order_id, 5)::int % 20 = 2
    """,
    "returns": """
        INSERT INTO "return" (return_id, order_id, number, resolution, node, requested_at, authorized_at, expires_at, closed_at,
                              sweep_at, updated_at)
        SELECT order_id || '-r1', order_id, 1, 'refund', 'n1', placed_at, placed_at, placed_at + interval '40 days',
               CASE WHEN substr(order_id, 5)::int % 100 <> 1 THEN placed_at + interval '9 days' END, NULL, placed_at
        FROM orders WHERE substr(order_id, 5)::int % 10 = 1 AND closed_at IS NOT NULL
    """,
    "lines of returns": """
        INSERT INTO return_line (return_id, line, position, sku, quantity, refund_on)
        SELECT order_id || '-r1', line, position, sku, 1, 'received' FROM order_line l
        WHERE line = '1' AND EXISTS (SELECT FROM "return" r WHERE r.order_id = l.order_id)
    """,
    "claims": """
        INSERT INTO claim (claim_id, order_id, number, kind, resolution, claimed_at)
        SELECT order_id || '-c1', order_id, 1, 'damaged', 'refund', placed_at FROM orders
        WHERE substr(order_id, 5)::int % 20 = 3 AND closed_at IS NOT NULL
    """,
    "lines of claims": """
        INSERT INTO claim_line (claim_id, line, quantity) SELECT claim_id, '1', 1 FROM claim
    """,
    "transfers": """
        INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                            postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window,
                            version, from_node, to_node, closed_at)
        SELECT 'transfer.t' || n, 'transfer', 'T' || n, '', at, at, repeat('X', 3), 'standard', 'US', '', 5, '', 0, 0, 0, at,
               '0 days', 4,
               'n' || n % CAST(:nodes AS int), 'n' || (n + 1) % CAST(:nodes AS int), CASE WHEN n % 100 > 0 THEN at END
        FROM (SELECT n, now() - n * interval '10 minutes' AS at FROM generate_series(0, CAST(:orders AS int) / 10 - 1) n) made
    """,
    "lines of transfers": """
        INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
        SELECT order_id, '1', 0, 'L-1', 0, 0, 5, 5 FROM orders WHERE to_node IS NOT NULL
    """,
    "saved filters": """
        INSERT INTO saved_filter (filter_id, page, name, owner, is_shared, query)
        SELECT 'f' || n, 'orders', 'filter ' || n, 'operator:operator', n % 2 = 0, 'status=on_hold'
        FROM generate_series(1, 20) n
    """,
}
"""In the order in which rows refer to one another."""
