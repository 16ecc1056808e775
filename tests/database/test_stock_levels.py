"""What is shown of stock: what is set aside, on its way, how old it is, what is low; from one snapshot, and along indexes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database import stock
from database.connect import Database
from database.documents import stock as documents
from database.documents.stock import StockQuery
from database.key import Caller
from domain.role import Role
from domain.stock import Movement, MovementKind
from tests.database.shop import FARTHEST, NEAREST, NEXT, Shop
from tests.sql_statements import generic_plan, statements_of
from transactions.network import Networks

OPERATOR = Caller("key-1", "operator", "ops", Role.ADMIN)
DAY = datetime(2026, 11, 1, tzinfo=UTC)
FIRST_PAGE = ("", "")


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


async def book(database: Database, *movements: Movement, day: int = 0, cause: str = "test") -> None:
    async with database.write() as connection:
        await stock.record(connection, movements, order=None, cause=cause, actor="test", at=DAY + timedelta(days=day))


async def item(database: Database, sku: str, holder: Caller = OPERATOR) -> dict[str, Any]:
    async with database.read() as connection:
        _, network = await Networks().active(connection)
        return await documents.of_item(connection, network, sku, holder)


async def listed(
    database: Database, below: int | None, limit: int, node: str | None = None, after: tuple[str, str] = FIRST_PAGE
) -> list[dict[str, Any]]:
    async with database.read() as connection:
        _, network = await Networks().active(connection)
        return await documents.page(connection, network, StockQuery(node, below, after, limit))


async def walk(
    database: Database, below: int | None, limit: int, node: str | None = None
) -> list[tuple[str, str, int]]:
    """Everything that pages of a size show, one after the other."""
    found: list[tuple[str, str, int]] = []
    while rows := await listed(database, below, limit, node, found[-1][:2] if found else FIRST_PAGE):
        found += [(row["sku"], row["node"], row["available"]) for row in rows]
    return found


async def test_units_that_are_set_aside_are_shown_by_state_and_are_not_available(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=10)
    for number, (units, state) in enumerate([(3, "damaged"), (2, "on_display"), (1, "quarantined"), (-1, "damaged")]):
        moved = Movement(MovementKind.MOVED, NEAREST, "LAMP", set_aside=units, state=state)
        await book(shop.database, moved, cause=f"move {number}")
    put_back = Movement(MovementKind.MOVED, NEAREST, "LAMP", set_aside=-1, state="quarantined")
    await book(shop.database, put_back, cause="put back")
    (row,) = (await item(shop.database, "LAMP"))["nodes"]
    assert row["set_aside"] == {"damaged": 2, "on_display": 2}
    assert (row["on_hand"], row["available"]) == (10, 6)
    (same,) = await listed(shop.database, None, 9)
    assert same == {"sku": "LAMP"} | row


async def announce(database: Database, node: str, message_id: str, quantity: int, arrived: int, day: int) -> None:
    statement = text(
        "INSERT INTO incoming (node, message_id, sku, quantity, arrived, expected_at) "
        "VALUES (:node, :message_id, 'LAMP', :quantity, :arrived, :expected_at)"
    )
    parameters = {"node": node, "message_id": message_id, "quantity": quantity, "arrived": arrived}
    async with database.write() as connection:
        await connection.execute(statement, parameters | {"expected_at": DAY + timedelta(days=day)})


async def test_what_was_announced_and_has_not_arrived_is_shown_with_the_day_of_the_first(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    await announce(shop.database, NEAREST, "all here", 5, arrived=5, day=1)
    await announce(shop.database, NEAREST, "more than announced", 5, arrived=7, day=2)
    await announce(shop.database, NEAREST, "late", 8, arrived=0, day=4)
    await announce(shop.database, NEAREST, "in part", 10, arrived=4, day=3)
    await announce(shop.database, NEXT, "new there", 20, arrived=0, day=9)
    await announce(shop.database, "dropped", "nobody waits for it", 70, arrived=0, day=1)
    shown = await item(shop.database, "LAMP")
    rows = [(row["node"], row["on_hand"], row["incoming"], row["incoming_at"]) for row in shown["nodes"]]
    assert rows == [(NEXT, 0, 20, DAY + timedelta(days=9)), (NEAREST, 1, 6 + 8, DAY + timedelta(days=3))]
    assert shown["incoming"] == 20 + 6 + 8
    assert (await item(shop.database, "CHAIR"))["incoming"] == 0


RECEIVED, COUNTED, SHIPPED, RESTOCKED = (
    MovementKind.RECEIVED,
    MovementKind.COUNTED,
    MovementKind.SHIPPED,
    MovementKind.RESTOCKED,
)
# fmt: off
AGES = [
    # what happened                              (day, kind, units)                                             oldest since day
    ("nothing has ever come",                    [(1, COUNTED, -1), (2, COUNTED, 1)],                           None),
    ("one receipt",                              [(1, RECEIVED, 5)],                                            1),
    ("some of one receipt has left",             [(1, RECEIVED, 5), (2, SHIPPED, -4)],                          1),
    ("everything has left",                      [(1, RECEIVED, 5), (2, SHIPPED, -5)],                          None),
    ("the first receipt has left to the unit",   [(1, RECEIVED, 5), (3, RECEIVED, 5), (4, SHIPPED, -5)],        3),
    ("one unit of the first is still there",     [(1, RECEIVED, 5), (3, RECEIVED, 5), (4, SHIPPED, -4)],        1),
    ("the second of three is the oldest",        [(1, RECEIVED, 5), (2, RECEIVED, 5), (3, RECEIVED, 5), (4, SHIPPED, -7)], 2),
    ("what left before the second came",         [(1, RECEIVED, 5), (2, SHIPPED, -5), (3, RECEIVED, 2)],        3),
    ("what came back counts from then",          [(1, RECEIVED, 1), (2, SHIPPED, -1), (6, RESTOCKED, 1)],       6),
    ("what a count found counts from then",      [(1, RECEIVED, 2), (2, SHIPPED, -2), (5, COUNTED, 3)],         5),
    ("several on one day",                       [(1, RECEIVED, 2), (2, RECEIVED, 2), (2, RESTOCKED, 2), (3, SHIPPED, -3)], 2),
    ("reported late, happened early",                [(5, RECEIVED, 2), (1, RECEIVED, 2), (6, SHIPPED, -2)],        5),
    ("more has left than came",                  [(1, RECEIVED, 2), (2, SHIPPED, -3)],                          None),
]
# fmt: on


@pytest.mark.parametrize(("reported", "day"), [row[1:] for row in AGES], ids=[row[0] for row in AGES])
async def test_the_oldest_unit_on_hand_is_what_is_left_when_the_first_in_is_the_first_out(
    shop: Shop, reported: list[tuple[int, MovementKind, int]], day: int | None
) -> None:
    for number, (on_day, kind, units) in enumerate(reported):
        movement = Movement(kind, NEAREST, "LAMP", on_hand=units)
        await book(shop.database, movement, day=on_day, cause=f"cause {number}")
    (row,) = (await item(shop.database, "LAMP"))["nodes"]
    assert row["oldest_received_at"] == (None if day is None else DAY + timedelta(days=day))


async def test_units_of_other_stock_levels_do_not_age_a_stock_level(shop: Shop) -> None:
    await book(shop.database, Movement(RECEIVED, NEXT, "LAMP", on_hand=9), day=9, cause="next")
    await book(shop.database, Movement(RECEIVED, NEAREST, "CHAIR", on_hand=9), day=9, cause="chairs")
    await book(shop.database, Movement(RECEIVED, NEAREST, "LAMP", on_hand=9), day=1, cause="nearest")
    rows = {row["node"]: row["oldest_received_at"] for row in (await item(shop.database, "LAMP"))["nodes"]}
    assert rows == {NEXT: DAY + timedelta(days=9), NEAREST: DAY + timedelta(days=1)}


async def test_a_stock_level_that_changes_all_the_time_is_shown_as_it_was_at_one_moment(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=10)
    is_over = asyncio.Event()

    async def shake() -> None:
        for number in range(1_000_000):
            units = -1 if number % 2 else 1
            moved = Movement(MovementKind.MOVED, NEAREST, "LAMP", set_aside=units, state="damaged")
            await book(shop.database, moved, cause=f"shake {number}")
            if is_over.is_set():
                return

    async def look() -> None:
        for _ in range(100):
            (row,) = (await item(shop.database, "LAMP"))["nodes"]
            assert row["available"] + sum(row["set_aside"].values()) == row["on_hand"] == 10
        is_over.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(shake())
        group.create_task(look())


async def test_low_stock_is_what_is_available_after_safety_stock_on_pages_of_any_size(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.receive(NEAREST, LAMP=3, CHAIR=2, VASE=5)
    await shop.receive(NEXT, LAMP=2, CHAIR=9, VASE=4)
    await shop.receive(FARTHEST, LAMP=5, CHAIR=3, VASE=2)
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE stock SET stopped_at = now() WHERE (sku, node) = ('CHAIR', 'casper')"))
        await connection.execute(text("INSERT INTO stock (node, sku, on_hand) VALUES ('dropped', 'LAMP', 1)"))
    wanted = [
        ("CHAIR", NEXT, 0),
        ("CHAIR", NEAREST, 2),
        ("LAMP", NEXT, 2),
        ("VASE", FARTHEST, 0),
        ("VASE", NEXT, 4 - 2),
    ]
    for limit in (1, 2, 3, 4, 5, 500):
        for candidates_max in (1, 2, 2_000):
            monkeypatch.setattr(documents, "CANDIDATES_MAX", candidates_max)
            assert await walk(shop.database, 3, limit) == wanted, (limit, candidates_max)
            here = [row for row in wanted if row[1] == NEXT]
            assert await walk(shop.database, 3, limit, node=NEXT) == here, (limit, candidates_max)
    assert len(await walk(shop.database, None, 2)) == 10


async def test_the_next_page_begins_after_the_sku_and_then_the_node(shop: Shop) -> None:
    """As one text, `A@…` and `A-1@…` would sort the other way round."""
    async with shop.database.write() as connection:
        for sku in ("A", "A-1", "A.1", "A:1", "A/1", "B"):
            for node in ("x", "y"):
                await connection.execute(
                    text("INSERT INTO stock (node, sku) VALUES (:node, :sku)"), {"node": node, "sku": sku}
                )
    found = [row[:2] for row in await walk(shop.database, None, 1)]
    assert len(set(found)) == len(found) == 12
    assert found == [row[:2] for row in await walk(shop.database, None, 500)]
    assert [node for _, node in found] == ["x", "y"] * 6


BIG = {"stock", "movement", "order_line", "orders", "waiting", "incoming"}
MANY = [
    "INSERT INTO stock (node, sku, on_hand) SELECT 'denver', 'S-' || n, n % 100 FROM generate_series(1, 50000) n",
    "INSERT INTO stock (node, sku, on_hand) SELECT 'casper', 'S-' || n, 100 FROM generate_series(1, 50000) n",
    """
    INSERT INTO stock (node, sku, on_hand)
    SELECT node, sku, 50 FROM unnest(ARRAY['denver', 'casper']) node, unnest(ARRAY['LAMP', 'CHAIR']) sku
    """,
    """
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
    SELECT 'r' || n, 'denver', 'S-' || n, 'received', 9, 0, 0, 'c', 'a', now() FROM generate_series(1, 50000) n
    """,
    """
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
    SELECT 'l' || n, 'denver', 'LAMP', 'received', 1, 0, 0, 'c', 'a', now() - n * interval '1 minute'
    FROM generate_series(1, 20000) n
    """,
    """
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, set_aside, state, cause, actor, occurred_at)
    SELECT 'm' || n, 'denver', 'S-' || n, 'moved', 0, 0, 0, 1, 'damaged', 'c', 'a', now() FROM generate_series(1, 10000) n
    """,
    """
    INSERT INTO incoming (node, message_id, sku, quantity, expected_at)
    SELECT 'denver', 'i' || n, 'S-' || n, 5, now() FROM generate_series(1, 50000) n
    """,
    """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window)
    SELECT 'web-' || n, 'web', n, '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, now(), '30 days'
    FROM generate_series(1, 20000) n
    """,
    """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, backordered)
    SELECT 'web-' || n, '1', 0, CASE WHEN n % 2000 = 0 THEN 'LAMP' ELSE 'S-' || n END, 1, 0, 1, 0, 1
    FROM generate_series(1, 20000) n
    """,
    """
    INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
    SELECT order_id, line, 1, 1, '{}', 'stock', ARRAY[sku] FROM order_line
    """,
]


async def test_with_a_quarter_of_a_million_rows_every_view_of_stock_goes_along_an_index(shop: Shop) -> None:
    async with shop.database.write() as connection:
        for statement in MANY:
            await connection.execute(text(statement))
        await connection.execute(text("ANALYZE"))
    with statements_of(shop.database) as asked:
        shown = await item(shop.database, "LAMP")
        assert len(asked) <= 5, (
            "the files of the network are read once per process, and the other four are the document"
        )
        await item(shop.database, "DESK-SET")
        await item(shop.database, "LAMP", Caller("key-2", "channel", "web", Role.ADMIN))
        await listed(shop.database, None, 100, after=("S-5", "casper"))
        await listed(shop.database, None, 100, node=NEAREST, after=("S-5", "casper"))
        await listed(shop.database, 3, 100, after=("S-5", "casper"))
    assert (shown["backordered"], len(shown["nodes"])) == (10, 2)
    scanned = set()
    for statement, parameters in asked:
        for node in await generic_plan(shop.database, statement, parameters):
            scanned |= {node["Relation Name"]} & BIG if "Relation Name" in node else set()
            assert (node["Node Type"], node.get("Relation Name")) not in {("Seq Scan", name) for name in BIG}, statement
    assert scanned >= {"stock", "movement", "order_line", "waiting", "incoming"}


async def test_goods_that_come_in_make_no_statement_read_the_whole_queue(shop: Shop) -> None:
    async with shop.database.write() as connection:
        for statement in MANY:
            await connection.execute(text(statement))
        await connection.execute(text("ANALYZE"))
    received = [Movement(MovementKind.RECEIVED, NEAREST, f"S-{n}", on_hand=1) for n in range(1, 9)]
    with statements_of(shop.database) as asked:
        async with shop.database.write() as connection:
            await stock.record(connection, received, order=None, cause="truck", actor="dock", at=datetime.now(UTC))
    steps = [
        node
        for statement, parameters in asked
        if "advisory" not in statement
        for node in await generic_plan(shop.database, statement, parameters, "FORMAT JSON")
    ]
    assert {node["Relation Name"] for node in steps if node["Node Type"] == "Seq Scan"} == set()
    assert "ix_waiting_parts" in {node.get("Index Name") for node in steps}


async def test_the_age_of_a_stock_level_is_found_without_reading_its_whole_history(shop: Shop) -> None:
    async with shop.database.write() as connection:
        for statement in MANY[2:5]:
            await connection.execute(text(statement))
        await connection.execute(text("ANALYZE"))
    with statements_of(shop.database) as asked:
        await item(shop.database, "LAMP")
    statement, parameters = asked[-1]
    read = [
        node["Actual Rows"] * node["Actual Loops"]
        for node in await generic_plan(shop.database, statement, parameters)
        if node.get("Index Name") == "ix_movement_arrived"
    ]
    assert read
    assert max(read) < 200
