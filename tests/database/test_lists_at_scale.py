"""A list of few among a hundred thousand orders reads few: every filter goes along an index, and so does a later page."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from database import customer
from database.connect import Database
from database.documents import event, exception, movement, order, returns, timeline
from database.documents.order import OrderQuery
from domain.customer import SearchRequest
from domain.network import ExceptionRules
from domain.order import OrderStatus
from tests.conftest import copy_of
from tests.house import MASTER_KEYS
from tests.sql_statements import generic_plan, statements_of

MANY = 100_000
READ_MAX = 2_500
"""Rows of one table: what a page of fifty needs, and no part of the whole."""
NOW = datetime.now(UTC)
EACH_MINUTE = timedelta(minutes=1)

FILL = [
    f"""
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, shipping_price, release_at, return_window, version,
                        closed_at, updated_at, reference, total)
    SELECT c || '-a' || n, c, 'A' || n, '', at, at, 'USD', 'standard', 'US', '802', 5, '', 0, 0, at, '30 days', 9,
           CASE WHEN n % 1000 > 0 THEN at END, at, '#A' || n, 0
    FROM (SELECT n, CASE WHEN n % 500 = 0 THEN 'outlet' ELSE 'web' END AS c,
                 CAST(:now AS timestamptz) - n * interval '1 minute' AS at FROM generate_series(1, {MANY}) n) made
    """,
    """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, cancelled)
    SELECT order_id, '1', 0, 'S-' || right(order_id, 4), 1, 0, 1, (closed_at IS NULL)::int, (closed_at IS NOT NULL)::int
    FROM orders
    """,
    """
    INSERT INTO exception (exception_id, order_id, node, code, detail, cause, since, due_at, resolved_at)
    SELECT order_id || '-x1', order_id, 'denver', 'unfilled', '', order_id, received_at, received_at,
           CASE WHEN closed_at IS NOT NULL OR right(order_id, 5) <> '00000' THEN now() END
    FROM orders
    """,
    """
    INSERT INTO event (order_id, channel, kind, occurred_at, data, transaction_id)
    SELECT order_id, channel, 'accepted', received_at, '{"lines": []}', 1 FROM orders
    """,
    """
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
    SELECT order_id, 'denver', 'S-' || right(order_id, 4), 'reserved', 0, 1, 0, order_id, 'round 1', 'workflow', received_at
    FROM orders
    """,
    """
    INSERT INTO return (return_id, order_id, number, resolution, requested_at, expires_at, updated_at)
    SELECT order_id || '-r1', order_id, 1, 'refund', received_at, received_at, received_at FROM orders
    """,
    """
    INSERT INTO return_line (return_id, line, position, sku, quantity, refund_on)
    SELECT return_id, '1', 0, 'LAMP', 1, 'received' FROM return
    """,
    "ANALYZE",
]

SOME = OrderQuery(limit=51)
EARLY = f"web-a{MANY - 2}"
LISTS = {
    "the newest": SOME,
    "a later page": replace(SOME, after=EARLY),
    "those of a small channel": replace(SOME, channel="outlet"),
    "a later page of a channel": replace(SOME, channel="web", after=EARLY),
    "a number in another case": replace(SOME, number="a77777"),
    "an item": replace(SOME, sku="S-7777"),
    "an item in a channel": replace(SOME, sku="S-7777", channel="web"),
    "the last hour": replace(SOME, placed_after=NOW - 60 * EACH_MINUTE),
    "the first hour": replace(SOME, placed_before=NOW - (MANY - 60) * EACH_MINUTE),
    "an hour between": replace(SOME, placed_after=NOW - 5060 * EACH_MINUTE, placed_before=NOW - 5000 * EACH_MINUTE),
    "what changed lately": replace(SOME, updated_since=NOW - 10 * EACH_MINUTE),
    "what changed lately in a channel": replace(SOME, updated_since=NOW - 10 * EACH_MINUTE, channel="web"),
    "what is open": replace(SOME, status=OrderStatus.SOURCING),
    "what needs attention": replace(SOME, needs_attention=True),
    "a reference in another case": replace(SOME, reference="#a77777"),
    "everything at once": OrderQuery(
        limit=51,
        after=EARLY,
        channel="web",
        status=OrderStatus.SOURCING,
        needs_attention=True,
        number="A1000",
        reference="#A1000",
        sku="S-1000",
        placed_after=NOW - 2000 * EACH_MINUTE,
        placed_before=NOW,
        updated_since=NOW,
    ),
}


@dataclass(frozen=True)
class Read:
    """Rows that a list has read, by table, and how many items it shows."""

    rows: dict[str, int]
    shown: int


@pytest_asyncio.fixture(scope="module")
async def filled(template: str) -> AsyncIterator[str]:
    """A hundred thousand orders: one in a thousand is open, one in five hundred the outlet's. Made once, and copied."""
    async with copy_of(template, "filled") as url:
        database = Database(url, MASTER_KEYS)
        async with database.write() as connection:
            for statement in FILL:
                await connection.execute(text(statement), {"now": NOW} if ":now" in statement else {})
        await database.close()
        yield url


@pytest.fixture
def source(filled: str) -> str:
    """The database that each test's own is copied from."""
    return filled


@pytest.fixture
def full(database: Database) -> Database:
    """A copy of the hundred thousand orders."""
    return database


async def rows_of(database: Database, listing: Any) -> Read:
    """What one list reads."""
    with statements_of(database) as asked:
        async with database.read() as connection:
            shown = await listing(connection)
    rows: dict[str, int] = {}
    for statement, parameters in asked:
        for node in await generic_plan(database, statement, parameters):
            for name, count in read_by(node):
                rows[name] = rows.get(name, 0) + count
    return Read(rows, len(shown))


def read_by(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The table that a step of a plan reads, and how many of its rows."""
    if "Relation Name" in node:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield node["Relation Name"], int((node["Actual Rows"] + removed) * node["Actual Loops"])


async def test_every_list_of_orders_reads_what_it_shows_and_little_more(full: Database) -> None:
    found = {
        what: await rows_of(full, lambda connection, query=query: order.listed(connection, query))
        for what, query in LISTS.items()
    }
    assert {what: max(read.rows.values()) for what, read in found.items() if max(read.rows.values()) > READ_MAX} == {}
    shown = {what: read.shown for what, read in found.items()}
    assert shown == dict.fromkeys(LISTS, 51) | {
        "a later page": 2,
        "a later page of a channel": 1,
        "a number in another case": 1,
        "a reference in another case": 1,
        "an item": 10,
        "an item in a channel": 10,
        "what changed lately": 10,
        "what changed lately in a channel": 10,
        "what needs attention": 1,
        "everything at once": 0,
    }


async def test_lists_of_exceptions_returns_and_events_of_one_order_read_those_of_one_order(full: Database) -> None:
    name = "web-a77777"
    queue: dict[str, Any] = {
        "rules": ExceptionRules(),
        "code": None,
        "owner": None,
        "node": None,
        "older_than": None,
        "limit": 51,
    }
    back: dict[str, Any] = {"status": None, "channel": None, "node": None, "limit": 51}

    async def resolved(connection: Any, **more: Any) -> Any:
        return await exception.queue(connection, **queue, is_open=False, **more)

    async def of_returns(connection: Any, **more: Any) -> Any:
        asked: dict[str, Any] = {"order": None, "updated_since": None, "after": None} | more
        return await returns.listed(connection, **back, **asked)

    lists = {
        "exceptions of an order": (lambda c: resolved(c, order=name, after=None), 1),
        "a later page of exceptions": (lambda c: resolved(c, order=None, after="web-a100-x1"), 51),
        "returns of an order": (lambda c: of_returns(c, order=name), 1),
        "returns that changed lately": (lambda c: of_returns(c, updated_since=NOW - 10 * EACH_MINUTE), 10),
        "a later page of returns": (lambda c: of_returns(c, after="web-a100-r1"), 51),
        "a timeline": (lambda c: timeline.items(c, name, is_operator=True, after=timeline.START, limit=51), 5),
        "movements of an item": (
            lambda c: movement.of_item(c, "S-7777", node=None, order=None, after=None, limit=51),
            10,
        ),
        "events of an order": (lambda c: event.feed(c, channel=None, order=name, after=(0, 0), limit=51), 1),
    }
    for what, (listing, shown) in lists.items():
        read = await rows_of(full, listing)
        assert read.shown == shown, what
        assert max(read.rows.values()) <= READ_MAX, (what, read.rows)


MANY_OF_ONE_PERSON = """
    INSERT INTO personal.customer_key (digest, received_at, order_id)
    SELECT CAST(:digest AS bytea), received_at, order_id FROM orders
"""


async def test_a_page_of_somebody_with_a_hundred_thousand_orders_reads_a_page(full: Database) -> None:
    async with full.write() as connection:
        digest = await customer.looked_for(connection, SearchRequest(email="marketplace@example.com"))
        await connection.execute(text(MANY_OF_ONE_PERSON), {"digest": digest})
        await connection.execute(text("ANALYZE personal.customer_key"))

    for after in (None, "web-a99998"):
        read = await rows_of(full, lambda c, after=after: order.of_customer(c, digest, after=after, limit=51))
        assert max(read.rows.values()) < 500, read
        assert read.shown == (51 if after is None else 2)
