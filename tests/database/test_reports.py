"""Each figure of a report is what can be computed by hand from a small history, and a report reads its period and no more."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import report
from database.documents.report import (
    BackordersReport,
    CostsReport,
    Group,
    NodesReport,
    OrdersReport,
    PartnersReport,
    Period,
    PromisesReport,
    ShipmentsReport,
)
from database.documents.report.group import Report
from database.documents.report.promise import PromisesByNode
from tests.sql_statements import generic_plan, statements_of

DAY_1 = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERIOD = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
HISTORY = """
    INSERT INTO network_version (digest, documents, is_active) SELECT 'd', '{}', false;

    -- name      channel   service     placed    promised: leaves after, arrives after; the channel's own duty
    CREATE TEMPORARY TABLE placed AS SELECT * FROM (VALUES
        ('web-1',    'web',    'standard', 0.0,   1.0,          4.0,           NULL::numeric),
        ('web-2',    'web',    'next_day', 0.5,   1.0,          2.0,           2.0),
        ('web-3',    'web',    'standard', 1.0,   1.0,          5.0,           NULL),
        ('outlet-1', 'outlet', 'standard', 1.0,   NULL,         NULL,          1.0),
        ('outlet-2', 'outlet', 'standard', 1.25,  1.0,          4.0,           NULL),
        ('web-9',    'web',    'standard', 40.0,  1.0,          4.0,           NULL)
    ) t (order_id, channel, service, placed, ship, deliver, duty);
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country, postal_area,
                        priority, customer_tier, value, total, shipping_price, release_at, return_window, version,
                        promise_ship_by, promise_deliver_by, duty_ship_by)
    SELECT order_id, channel, order_id, '', at, at, 'USD', service, 'US', '802', 5, '', 0, 0, 0, at, '30 days', 1,
           at + ship * interval '1 day', at + deliver * interval '1 day', at + duty * interval '1 day'
    FROM placed, LATERAL (SELECT CAST('2026-03-02 12:00Z' AS timestamptz) + placed * interval '1 day') m (at);

    -- web-1: 3 units from two nodes. web-2: 2 units, late. web-3: 4 units, 1 cancelled, 3 shipped after a reroute.
    -- outlet-1: 5 units wait for stock. outlet-2: cancelled. web-9: in another month.
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, backordered, shipped, cancelled)
    VALUES ('web-1', '1', 0, 'JAR', 1, 0, 2, 0, 0, 2, 0), ('web-1', '2', 1, 'LID', 1, 0, 1, 0, 0, 1, 0),
           ('web-2', '1', 0, 'JAR', 1, 0, 2, 0, 0, 2, 0), ('web-3', '1', 0, 'JAR', 1, 0, 4, 0, 0, 3, 1),
           ('outlet-1', '1', 0, 'BOX', 1, 0, 5, 0, 5, 0, 0), ('outlet-2', '1', 0, 'JAR', 1, 0, 1, 0, 0, 0, 1),
           ('web-9', '1', 0, 'JAR', 1, 0, 1, 0, 0, 1, 0);
    INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
    VALUES ('outlet-1', '1', 2, 1, '{}', 'stock', '{BOX}'), ('outlet-1', '1', 3, 1, '{}', 'stock', '{BOX}');

    -- fulfillment orders: hours from the placing until release, acceptance, shipment, delivery; and days until it should leave
    CREATE TEMPORARY TABLE work AS SELECT * FROM (VALUES
        ('web-1', 1, 'slc', 'accepted',  0.0,  2.0,           12.0,          60.0,          false, 1.0, NULL::numeric),
        ('web-1', 2, 'nwk', 'accepted',  0.0,  4.0,           24.0,          48.0,          false, 1.0, NULL),
        ('web-2', 1, 'slc', 'accepted',  0.0,  6.0,           48.0,          NULL::numeric, true,  1.0, NULL),
        ('web-3', 1, 'nwk', 'rejected',  0.0,  NULL::numeric, NULL::numeric, NULL,          false, 1.0, NULL),
        ('web-3', 2, 'den', 'timed_out', 2.0,  NULL,          NULL,          NULL,          false, 1.0, 8.0),
        ('web-3', 3, 'slc', 'accepted',  10.0, 12.0,          22.0,          130.0,         false, 1.0, NULL),
        ('web-9', 1, 'slc', 'accepted',  0.0,  1.0,           2.0,           3.0,           false, 1.0, NULL)
    ) t (order_id, number, node, request, released, accepted, shipped, delivered, assumed, ship, dead);
    INSERT INTO fulfillment_order (fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at,
                                   ship_by, deliver_by, accepted_at, shipped_at, delivered_at, assumed_delivered, dead_at,
                                   pickup)
    SELECT order_id || '-f' || work.number, order_id, work.number, node, 1, 'pull', request,
           placed_at + released * interval '1 hour',
           placed_at + ship * interval '1 day', placed_at + interval '4 days', placed_at + accepted * interval '1 hour',
           placed_at + shipped * interval '1 hour',
           placed_at + coalesce(delivered, CASE WHEN assumed THEN 240 END) * interval '1 hour',
           assumed, placed_at + dead * interval '1 hour', false
    FROM work JOIN orders USING (order_id);
    INSERT INTO fulfillment_order_line (fulfillment_order_id, line, position, sku, quantity, tried, freed, picked, shipped,
                                        delivered, short)
    VALUES ('web-1-f1', '1', 0, 'JAR', 2, '{}', 0, 2, 2, 2, 0), ('web-1-f2', '2', 0, 'LID', 1, '{}', 0, 1, 1, 1, 0),
           ('web-2-f1', '1', 0, 'JAR', 2, '{}', 0, 2, 2, 2, 0),
           ('web-3-f1', '1', 0, 'JAR', 4, '{}', 4, 0, 0, 0, 4), ('web-3-f2', '1', 0, 'JAR', 4, '{}', 0, 0, 0, 0, 4),
           ('web-3-f3', '1', 0, 'JAR', 4, '{}', 0, 3, 3, 3, 1), ('web-9-f1', '1', 0, 'JAR', 1, '{}', 0, 1, 1, 1, 0);
    INSERT INTO inbox (sender, message_id, about, body_digest, kind, occurred_at, received_at, actor, facts)
    VALUES ('nwk', 'm1', 'web-3-f1', '', 'rejected', now(), now(), 'node:nwk', '{}');

    -- web-1 cost what was planned; web-3 was planned at 700, and in the end cost 900
    INSERT INTO plan (order_id, round, network_version, strategy, document)
    SELECT order_id, round, (SELECT max(version) FROM network_version), 's', CAST(document AS jsonb) FROM (VALUES
        ('web-1', 1, '{"cost": 1100, "unfilled": [],
                       "shipments": [{"node": "slc", "cost": 500}, {"node": "nwk", "cost": 600}]}'),
        ('web-2', 1, '{"cost": 400, "unfilled": [{"line": "1"}], "shipments": [{"node": "slc", "cost": 400}]}'),
        ('web-3', 1, '{"cost": 700, "unfilled": [], "shipments": [{"node": "nwk", "cost": 700}]}'),
        ('web-3', 2, '{"cost": 800, "unfilled": [], "shipments": [{"node": "den", "cost": 800}]}'),
        ('web-3', 3, '{"cost": 900, "unfilled": [], "shipments": [{"node": "slc", "cost": 900}]}'),
        ('web-9', 1, '{"cost": 1, "unfilled": [], "shipments": [{"node": "slc", "cost": 1}]}')
    ) t (order_id, round, document);
"""
"""Five orders of March 2026 and one of April."""


@pytest.fixture
async def history(database: Database) -> Database:
    """The facts of the history."""
    async with database.write() as connection:
        for statement in HISTORY.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement.replace(":", "\\:")))
    return database


async def figures(database: Database, kind: type[Report], by: Group) -> dict[str, dict[str, Any]]:
    """The figures of a report by the name of their group; `total` are those of all. One statement reads them."""
    with statements_of(database) as sent:
        async with database.read() as connection:
            found = await report.read(connection, kind, by, PERIOD)
    assert len(sent) == 1
    kind.model_validate(found, strict=True, extra="forbid")
    return {row[str(by)]: {k: v for k, v in row.items() if k != str(by)} for row in found["rows"]} | {
        "total": found["total"]
    }


def of(found: Mapping[str, Mapping[str, Any]], *names: str) -> dict[str, tuple[Any, ...]]:
    """Some figures of each group."""
    return {group: tuple(row[name] for name in names) for group, row in found.items()}


async def test_orders_are_counted_with_what_became_of_their_units(history: Database) -> None:
    found = await figures(history, OrdersReport, Group.DAY)
    names = ("orders", "units", "shipped", "cancelled", "backordered", "complete", "fill_rate", "units_per_order")
    assert of(found, *names) == {
        "2026-03-02": (1, 3, 3, 0, 0, 1, 1.0, 3.0),
        "2026-03-03": (4, 12, 5, 2, 5, 2, 0.4167, 3.0),
        "total": (5, 15, 8, 2, 5, 3, 0.5333, 3.0),
    }
    by_service = await figures(history, OrdersReport, Group.SERVICE)
    assert of(by_service, "orders", "units") == {"next_day": (1, 2), "standard": (4, 13), "total": (5, 15)}
    by_channel = await figures(history, OrdersReport, Group.CHANNEL)
    assert of(by_channel, "orders", "fill_rate") == {"outlet": (2, 0.0), "web": (3, 0.8889), "total": (5, 0.5333)}


async def test_a_split_order_is_one_order_with_two_shipments_and_days_are_counted_from_facts(history: Database) -> None:
    found = await figures(history, ShipmentsReport, Group.CHANNEL)
    names = ("orders", "shipments", "units", "shipments_per_order", "split_orders", "split_rate")
    expected = (3, 4, 8, 1.33, 1, 0.3333)
    assert of(found, *names) == {"web": expected, "total": expected}
    # Left after 12, 24, 48 and 22 hours; delivered 48, 24 and 108 hours later, and once nobody said so.
    times = ("days_to_ship", "days_to_deliver", "delivered", "assumed_delivered")
    assert of(found, *times)["web"] == (1.1, 2.5, 3, 1)
    by_node = await figures(history, ShipmentsReport, Group.NODE)
    assert of(by_node, "orders", "shipments", "split_orders") == {
        "nwk": (1, 1, 1),
        "slc": (3, 3, 1),
        "total": (3, 4, 1),
    }


async def test_a_promise_is_kept_or_missed_and_an_assumed_delivery_is_neither(history: Database) -> None:
    found = await figures(history, PromisesReport, Group.CHANNEL)
    # web-1 left after 24 of 24 hours and arrived after 60 of 96; web-2 left after 48 of 24 and was assumed to arrive;
    # web-3 left after 22 of 24 and arrived after 130 of 120. outlet-2 was cancelled, outlet-1 was promised nothing.
    ship = ("ship_by_kept", "ship_by_missed", "ship_by_rate")
    assert of(found, *ship) == {"outlet": (0, 0, None), "web": (2, 1, 0.6667), "total": (2, 1, 0.6667)}
    deliver = ("deliver_by_kept", "deliver_by_missed", "deliver_by_rate", "deliver_by_assumed")
    assert of(found, *deliver)["web"] == (1, 1, 0.5, 1)
    # The channels' own duties: web-2 within 48 hours, as it did; outlet-1 within 24, and it has not left.
    assert of(found, "duty_kept", "duty_missed", "duty_rate") == {
        "outlet": (0, 1, 0.0),
        "web": (1, 0, 1.0),
        "total": (1, 1, 0.5),
    }
    by_node = await figures(history, PromisesByNode, Group.NODE)
    assert of(by_node, *ship) == {"nwk": (1, 0, 1.0), "slc": (2, 1, 0.6667), "total": (3, 1, 0.75)}


async def test_a_node_is_measured_by_what_it_reported_and_by_its_silence(history: Database) -> None:
    found = await figures(history, NodesReport, Group.NODE)
    names = ("fulfillment_orders", "accepted", "hours_to_accept", "hours_to_ship", "rejected", "short", "silent")
    assert of(found, *names) == {
        "den": (1, 0, None, None, 0, 0, 1),
        "nwk": (2, 1, 4.0, 24.0, 1, 0, 0),
        "slc": (3, 3, 3.33, 24.0, 0, 1, 0),
        "total": (6, 4, 3.5, 24.0, 1, 1, 1),
    }
    rates = ("reject_rate", "short_rate", "silence_rate", "in_time", "late", "in_time_rate")
    assert of(found, *rates) == {
        "den": (0.0, 0.0, 1.0, 0, 0, None),
        "nwk": (0.5, 0.0, 0.0, 1, 0, 1.0),
        "slc": (0.0, 0.125, 0.0, 2, 1, 0.6667),
        "total": (0.1667, 0.0588, 0.1667, 3, 1, 0.75),
    }


async def test_what_waits_for_stock_has_the_age_of_its_order(history: Database) -> None:
    async with history.write() as connection:
        await connection.execute(text("UPDATE orders SET placed_at = placed_at + (now() - '2026-03-05 12:00Z')"))
    now = datetime.now(UTC)
    async with history.read() as connection:
        period = Period(now - timedelta(days=60), now)
        found = await report.read(connection, BackordersReport, Group.SKU, period)
    ages = {"up_to_1_day": 0, "up_to_7_days": 5, "up_to_30_days": 0, "over_30_days": 0}
    row = {"orders": 1, "units": 5, "age_days": 2.0, "oldest_days": 2.0} | ages
    assert found == {"by": "sku", "rows": [{"sku": "BOX"} | row], "total": row}


async def test_a_complete_order_is_compared_with_its_first_plan(history: Database) -> None:
    found = await figures(history, CostsReport, Group.DAY)
    names = ("orders", "planned", "cost", "difference", "planned_per_order", "cost_per_order", "dearer_orders")
    # web-2's first plan did not fill every unit, so it says nothing about what the whole order should have cost.
    assert of(found, *names) == {
        "2026-03-02": (1, 1100, 1100, 0, 1100.0, 1100.0, 0),
        "2026-03-03": (1, 700, 900, 200, 700.0, 900.0, 1),
        "total": (2, 1800, 2000, 200, 900.0, 1000.0, 1),
    }


KINDS = (
    (OrdersReport, Group.CHANNEL),
    (ShipmentsReport, Group.NODE),
    (PromisesReport, Group.DAY),
    (PromisesByNode, Group.NODE),
    (NodesReport, Group.NODE),
    (BackordersReport, Group.SKU),
    (CostsReport, Group.DAY),
    (PartnersReport, Group.CHANNEL),
)


@pytest.mark.parametrize(("kind", "by"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
async def test_a_period_without_orders_has_no_rows_and_figures_of_nothing(
    history: Database, kind: type[Report], by: Group
) -> None:
    async with history.read() as connection:
        found = await report.read(connection, kind, by, Period(DAY_1 - timedelta(days=9), DAY_1 - timedelta(days=8)))
    kind.model_validate(found, strict=True, extra="forbid")
    assert found["rows"] == []
    assert set(found["total"].values()) <= {0, None}


NO_SUMS = {Group.NODE: {"orders", "split_orders"}, Group.SKU: {"orders"}}
"""An order with several nodes or items is in several groups, and one order of all."""


@pytest.mark.parametrize(("kind", "by"), [(kind, by) for kind, _ in KINDS for by in kind.names])
async def test_the_counts_of_the_groups_add_up_to_those_of_all(
    history: Database, kind: type[Report], by: Group
) -> None:
    found = await figures(history, kind, by)
    total = found.pop("total")
    counts = {name for name, value in total.items() if isinstance(value, int)} - NO_SUMS.get(by, set())
    assert {name: sum(row[name] for row in found.values()) for name in counts} == {name: total[name] for name in counts}


EDGES = {
    "2026-03-02T23:59:59.999999+00:00": "2026-03-02",
    "2026-03-03T00:00:00+00:00": "2026-03-03",
    "2026-03-03T01:30:00+02:00": "2026-03-02",
    "2026-03-02T20:00:00-05:00": "2026-03-03",
}
"""When an order was placed, as its channel writes it, and its day."""


@pytest.mark.parametrize("placed_at", EDGES)
async def test_an_order_is_of_its_day_in_utc_and_a_period_ends_before_its_end(
    history: Database, placed_at: str
) -> None:
    at = datetime.fromisoformat(placed_at)
    async with history.write() as connection:
        await connection.execute(text("SET TIME ZONE 'Pacific/Auckland'"))
        await connection.execute(text("UPDATE orders SET placed_at = :at WHERE order_id = 'web-2'"), {"at": at})
        await connection.execute(text("UPDATE orders SET placed_at = '2020-01-01Z' WHERE order_id <> 'web-2'"))
        instant = timedelta(microseconds=1)
        found = [
            (await report.read(connection, OrdersReport, Group.DAY, Period(*period)))["rows"]
            for period in ((at, at + instant), (at - instant, at), (at + instant, at + timedelta(days=1)))
        ]
        await connection.execute(text("RESET TIME ZONE"))
    assert [[row["day"] for row in rows] for rows in found] == [[EDGES[placed_at]], [], []]


OTHER_YEARS = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country, postal_area,
                        priority, customer_tier, value, total, shipping_price, release_at, return_window, version, closed_at)
    SELECT 'old-' || n, 'old', n, '', at, at, 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, at, '30 days', 9, at
    FROM (SELECT n, CAST('2025-01-01Z' AS timestamptz) + n * interval '1 minute' AS at FROM generate_series(1, 20000) n) m;
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, cancelled)
    SELECT order_id, '1', 0, 'JAR', 1, 0, 1, 0, 1 FROM orders WHERE channel = 'old';
    INSERT INTO fulfillment_order (fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at,
                                   ship_by, pickup)
    SELECT order_id || '-f1', order_id, 1, 'slc', 1, 'pull', 'rejected', placed_at, placed_at, false
    FROM orders WHERE channel = 'old';
    INSERT INTO fulfillment_order_line (fulfillment_order_id, line, position, sku, quantity, tried, short)
    SELECT order_id || '-f1', '1', 0, 'JAR', 1, '{}', 1 FROM orders WHERE channel = 'old';
    ANALYZE
"""


async def test_a_report_of_a_month_reads_no_order_of_another_year(history: Database) -> None:
    async with history.write() as connection:
        for statement in OTHER_YEARS.split(";\n"):
            await connection.execute(text(statement))
    for kind, by in KINDS:
        with statements_of(history) as sent:
            async with history.read() as connection:
                await report.read(connection, kind, by, PERIOD)
        ((statement, parameters),) = sent
        steps = await generic_plan(history, statement, parameters)
        read = {
            step["Relation Name"]: (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
            for step in steps
            if "Relation Name" in step
        }
        assert {table: rows for table, rows in read.items() if rows > 100} == {}, kind
