"""A warehouse that is reached by X12, on real PostgreSQL: the whole conversation, with files doubled, reordered and cut off."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from database import stock as stock_levels
from database import x12_document as statements
from database.connect import Database
from database.documents import connection as connections
from domain.stock import StockLine, StockMessage, StockMessageKind
from formats.x12.parts import texts
from nodes.x12.shipping_order import order_number
from tests.database.shop import NEAREST, NEXT
from tests.database.warehouse_yard import Yard, a_yard, kinds
from transactions import stock


@pytest_asyncio.fixture
async def yard(database: Database) -> AsyncIterator[Yard]:
    """The yard; when a test is over, every invariant must hold."""
    opened = await a_yard(database)
    yield opened
    await opened.shop.check()


async def test_an_order_is_sent_as_a_940_accepted_by_its_997_and_shipped_by_a_945(yard: Yard) -> None:
    order = await yard.shop.released(("CHAIR", 2), ("LAMP", 1))
    assert await yard.request(order) == "unsent"
    await yard.call(order)
    assert await yard.request(order) == "sent"
    (new,) = await yard.sent()
    assert texts(new.segments)[0] == f"W05*N*{order}-f1"
    (answer,) = yard.warehouse.take(yard.out[0])
    await yard.come(answer)
    assert await yard.request(order) == "accepted"

    await yard.come(yard.warehouse.ship(f"{order}-f1", cartons=["00006141410012345675"] * 2))

    work = await yard.work(order)
    assert work["status"] == "shipped"
    assert [(one["package"], one["carrier"]) for one in work["packages"]] == [("006141410012345675", "UPSN")]
    assert await yard.shop.units(order) == {"shipped": 2}
    assert kinds(await yard.sent()) == ["997"], "the 945 is acknowledged, and a 997 is not"
    assert await yard.exceptions() == []


@pytest.mark.parametrize(
    ("shipped", "units", "more", "code"),
    [
        ({"CHAIR": 3}, {"shipped": 3}, 0, None),
        ({"CHAIR": 1}, {"shipped": 1, "open": 2}, 0, None),
        ({"CHAIR": 0}, {"open": 3}, 0, None),
        ({"CHAIR": 5}, {"shipped": 3}, 0, "surplus"),
        ({"CHAIR": 3, "VASE": 1}, {"shipped": 3}, 0, "message_misfit"),
    ],
)
async def test_what_a_945_ships_counts_and_the_rest_is_short(
    yard: Yard, shipped: dict[str, int], units: dict[str, int], more: int, code: str | None
) -> None:
    order = await yard.begun(("CHAIR", 3))
    await yard.come(yard.warehouse.ship(f"{order}-f1", shipped))
    assert await yard.shop.units(order) == units
    assert [found for found, _ in await yard.exceptions()] == ([code] if code else [])
    if "open" in units:
        await yard.shop.source(order)
        await yard.shop.release(order)
        assert (await yard.work(order, 2))["node"] == NEXT, "what the warehouse does not have comes from another node"


async def test_a_940_that_the_warehouse_rejects_is_sourced_from_another_node(yard: Yard) -> None:
    order = await yard.shop.released(("CHAIR", 2))
    await yard.call(order)
    await yard.hand_over("R")
    work = await yard.work(order)
    assert (work["request"], work["reason"]) == ("rejected", "its 997 rejects the 940 (5)")
    ((code, detail),) = await yard.exceptions()
    assert (code, detail) == (
        "channel_refused",
        f"{NEAREST} rejects 940 1 of {order} (5: segments of it are in error): it does not do this work; correct the cause",
    )
    async with yard.shop.database.write() as connection:
        assert await statements.retry(connection, NEAREST) == 0, "its units are with another node"


async def test_the_connection_of_a_warehouse_shows_its_kind_what_it_is_owed_and_what_it_has_not_acknowledged(
    yard: Yard,
) -> None:
    async def counts() -> tuple[object, ...]:
        async with yard.shop.database.read() as connection:
            _, network = await yard.shop.transactions.networks.active(connection)
            [shown] = await connections.listed(connection, network, after="", limit=10)
        assert (shown["connection"], shown["kind"]) == (NEAREST, "edi940")
        return shown["owed"], shown["unacknowledged"], shown["refused"]

    order = await yard.shop.released(("CHAIR", 2))
    assert await counts() == (0, 0, 0)
    await yard.call(order)
    assert await counts() == (1, 0, 0)
    await yard.sent()
    assert await counts() == (0, 1, 0)
    for answer in yard.warehouse.take(yard.out[-1], "R"):
        await yard.come(answer)
    assert await counts() == (0, 0, 1)


async def test_a_cancel_is_asked_for_and_settled_by_a_945_without_units(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 2))
    await yard.shop.cancel(order)
    await yard.call(order)
    assert kinds(await yard.sent()) == ["940 F"]
    (answer,) = yard.warehouse.take(yard.out[-1])
    await yard.come(answer)
    assert await yard.shop.units(order) == {"allocated": 2}, (
        "a 997 says that it was read, and not that nothing has left"
    )

    await yard.come(yard.warehouse.ship(f"{order}-f1", {"CHAIR": 0}))

    assert await yard.shop.units(order) == {"cancelled": 2}
    assert await yard.shop.counters("CHAIR", NEAREST) == (10, 0, 0), "the goods are still there"


async def test_a_cancel_that_comes_too_late_is_refused_by_a_945_with_units(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 2))
    late = yard.warehouse.ship(f"{order}-f1")
    await yard.shop.cancel(order)
    await yard.call(order)
    await yard.come(late)
    await yard.hand_over()
    assert await yard.shop.units(order) == {"shipped": 2}
    assert await yard.exceptions() == []


async def test_a_part_that_is_cancelled_makes_a_changed_order(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 3))
    await yard.shop.cancel(order, {"1": 1})
    await yard.call(order)
    await yard.hand_over()
    assert [found.purpose for found in yard.warehouse.orders.values()] == ["R"]
    await yard.come(yard.warehouse.ship(f"{order}-f1"))
    assert await yard.shop.units(order) == {"shipped": 2, "cancelled": 1}


async def test_a_cancel_that_the_warehouse_cannot_read_is_refused(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 2))
    await yard.shop.cancel(order)
    await yard.call(order)
    await yard.hand_over("R")
    assert await yard.request(order) == "cancel_rejected"


async def test_a_silent_warehouse_is_fenced_and_what_it_ships_late_is_a_fact(yard: Yard) -> None:
    order = await yard.shop.released(("CHAIR", 2))
    await yard.call(order)
    await yard.sent()
    await yard.shop.wait_in_vain(order)
    assert await yard.request(order) == "timed_out"
    assert await yard.shop.counters("CHAIR", NEAREST) == (10, 0, 2), "its units are in doubt, and nobody else gets them"
    await yard.call(order)
    assert kinds(await yard.sent()) == ["940 F"]
    await yard.shop.source(order)

    yard.warehouse.take(yard.out[0])
    await yard.come(yard.warehouse.ship(f"{order}-f1"))

    assert await yard.shop.units(order) == {"shipped": 2}, "they have left, so nothing else is to be shipped"
    assert await yard.shop.counters("CHAIR", NEAREST) == (8, 0, 0)


async def test_a_fenced_warehouse_gives_its_units_back_by_a_945_without_units(yard: Yard) -> None:
    order = await yard.shop.released(("CHAIR", 2))
    await yard.call(order)
    await yard.hand_over()
    await yard.shop.wait_in_vain(order)
    await yard.call(order)
    await yard.hand_over()
    await yard.come(yard.warehouse.ship(f"{order}-f1", {"CHAIR": 0}))
    assert await yard.shop.counters("CHAIR", NEAREST) == (10, 0, 0)


async def test_announced_goods_are_a_943_and_a_944_receives_them(yard: Yard) -> None:
    message = StockMessage(
        message_id="PO-77",
        node=NEAREST,
        kind=StockMessageKind.EXPECTED,
        occurred_at=datetime.now(UTC),
        lines=(StockLine(sku="CHAIR", quantity=6),),
        expected_at=datetime.now(UTC) + timedelta(days=2),
    )
    await stock.record(yard.shop.transactions, message, actor="operator")
    await stock.record(yard.shop.transactions, message, actor="operator")
    assert kinds(await yard.sent()) == ["943"]

    await yard.come(yard.warehouse.receive({"CHAIR": 5}, "po-77", {"CHAIR": 1}))

    assert await yard.shop.counters("CHAIR", NEAREST) == (15, 0, 0)
    assert await yard.shop.number("SELECT arrived FROM incoming WHERE message_id = 'PO-77'") == 5
    assert await yard.shop.number("SELECT set_aside FROM stock WHERE node = :node AND sku = 'CHAIR'", node=NEAREST) == 1


async def test_a_944_locks_what_is_damaged_before_the_announcement_of_what_is_good(yard: Yard) -> None:
    expected_at = datetime.now(UTC) + timedelta(days=2)
    body = {"message_id": "PO-78", "node": NEAREST, "kind": "expected", "occurred_at": datetime.now(UTC)}
    lines = [{"sku": sku, "quantity": 6} for sku in ("CHAIR", "LAMP")]
    message = StockMessage.model_validate(body | {"expected_at": expected_at, "lines": lines})
    await stock.record(yard.shop.transactions, message, actor="operator")

    async with yard.shop.database.write() as connection:
        await stock_levels.lock(connection, {(NEAREST, "LAMP")})
        receiving = asyncio.create_task(
            yard.come(yard.warehouse.receive({"CHAIR": 5, "LAMP": 0}, "po-78", {"LAMP": 1}))
        )
        while not await yard.shop.number("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await connection.execute(text("SELECT FROM incoming WHERE message_id = 'PO-78' FOR UPDATE NOWAIT"))
    await receiving

    assert await yard.became() == ["944 applied"]
    assert await yard.shop.counters("CHAIR", NEAREST) == (15, 0, 0)


async def test_a_count_and_an_adjustment_change_what_is_on_hand(yard: Yard) -> None:
    await yard.come(yard.warehouse.adjust("AU", -2, "CHAIR"))
    assert await yard.shop.counters("CHAIR", NEAREST) == (8, 0, 0)
    await yard.come(yard.warehouse.count_stock(CHAIR=7, LAMP=0, SOFA=3))
    assert await yard.shop.counters("CHAIR", NEAREST) == (7, 0, 0)
    assert await yard.shop.counters("LAMP", NEAREST) == (0, 0, 0)
    ((code, detail),) = await yard.exceptions()
    assert code == "stock_misfit"
    assert "SOFA" in detail


async def test_what_nobody_was_sent_waits_for_a_person_and_stops_nothing_else(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 1))
    yard.warehouse.orders["nobody-1-f1"] = yard.warehouse.orders[f"{order}-f1"]
    await yard.come(yard.warehouse.ship("nobody-1-f1"), yard.warehouse.ship(f"{order}-f1"))
    assert await yard.became() == [
        f"945 misfit: W0602 NOBODY-1-F1 is no order that {NEAREST} was sent",
        "945 applied",
    ]
    assert await yard.shop.units(order) == {"shipped": 1}
    assert [code for code, _ in await yard.exceptions()] == ["channel_misfit"]


async def test_a_file_that_was_cut_off_counts_for_nothing_until_all_of_it_comes(yard: Yard) -> None:
    order = await yard.begun(("CHAIR", 2), ("LAMP", 1))
    whole = yard.warehouse.ship(f"{order}-f1")
    await yard.come(whole[: whole.index(b"LX*2")])
    assert await yard.shop.units(order) == {"allocated": 2}
    assert [code for code, _ in await yard.exceptions()] == ["channel_misfit"]
    assert [one.segments[2][1] for one in await yard.sent() if one.code == "997"] == ["R"]


async def test_a_long_number_is_found_again_by_its_checksum(yard: Yard) -> None:
    order = await yard.shop.place(("CHAIR", 1), channel="marketplace", number="113-5550042-8813042")
    await yard.shop.source(order)
    await yard.shop.release(order)
    await yard.call(order)
    await yard.hand_over()
    number = order_number(f"{order}-f1")
    assert number != f"{order}-f1"
    await yard.come(yard.warehouse.ship(number))
    assert await yard.shop.units(order) == {"shipped": 1}


async def test_several_945s_complete_an_order_where_the_file_of_the_warehouse_says_so(database: Database) -> None:
    yard = await a_yard(database, "several_shipments = true")
    order = await yard.begun(("CHAIR", 3))
    await yard.come(yard.warehouse.ship(f"{order}-f1", {"CHAIR": 1}))
    assert await yard.shop.units(order) == {"allocated": 2, "shipped": 1}
    await yard.come(yard.warehouse.ship(f"{order}-f1", {"CHAIR": 2}))
    assert await yard.shop.units(order) == {"shipped": 3}
    await yard.shop.check()


async def outcome(yard: Yard, orders: list[str]) -> list[Any]:
    """What is true in the end: units, stock and open exceptions."""
    units = [await yard.shop.units(order) for order in orders]
    return [units, await yard.shop.counters("CHAIR"), sorted(code for code, _ in await yard.exceptions())]


async def play(yard: Yard, chance: random.Random | None) -> list[Any]:
    """Four orders: shipped, short, cancelled in time, cancelled too late. By chance, the files of the warehouse come in any
    sequence, some twice and some first cut off."""
    orders = [await yard.begun(("CHAIR", units)) for units in (1, 2, 1, 1)]
    for order in orders[2:]:
        await yard.shop.cancel(order)
        await yard.call(order)
    await yard.sent()
    files = [
        yard.warehouse.ship(f"{orders[0]}-f1"),
        yard.warehouse.ship(f"{orders[1]}-f1", {"CHAIR": 1}),
        yard.warehouse.ship(f"{orders[2]}-f1", {"CHAIR": 0}),
        yard.warehouse.ship(f"{orders[3]}-f1"),
    ]
    for content in yard.out[-2:]:
        files += yard.warehouse.take(content)
    if chance is not None:
        files += chance.sample(files, 3)
        chance.shuffle(files)
    await yard.come(*files)
    return await outcome(yard, orders)


@pytest.mark.parametrize("seed", range(3))
async def test_files_doubled_and_in_any_sequence_have_the_effect_of_each_once(database: Database, seed: int) -> None:
    await _same_outcome(database, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 60))
async def test_files_doubled_and_in_any_sequence_with_many_seeds(database: Database, seed: int) -> None:
    await _same_outcome(database, seed)


async def _same_outcome(database: Database, seed: int) -> None:
    yard = await a_yard(database)
    expected = [
        [{"shipped": 1}, {"open": 1, "shipped": 1}, {"cancelled": 1}, {"shipped": 1}],
        (11, 0, 0),
        [],
    ]
    assert await play(yard, random.Random(seed)) == expected
    await yard.shop.check()
