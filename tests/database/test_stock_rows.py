"""Rows of stock messages that do not fit: the others count, and what waits for its SKU counts once it is known, once."""

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations

import pytest
from sqlalchemy import text

from database import network
from database.connect import Database
from domain.stock import StockMessage
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions import stock as stock_transactions
from transactions.stock import Recorded

MORNING = datetime(2026, 11, 20, 6, tzinfo=UTC)
WITH_SOFAS = replace(MAP, items=MAP.items + "SOFA,Sofa,30000,0,\n")
WITH_BENCHES = replace(WITH_SOFAS, items=WITH_SOFAS.items + "BENCH,Bench,9000,0,\n")
LOCK_ROW = text("SELECT sku FROM incoming WHERE sku = :sku FOR UPDATE NOWAIT")
_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


def message(
    kind: str, hour: int, rows: list[object], *, node: str = NEAREST, name: str | None = None, **more: object
) -> StockMessage:
    body = {"message_id": name or f"m-{next(_numbers)}", "node": node, "kind": kind, "lines": rows}
    return StockMessage.model_validate(body | {"occurred_at": MORNING + timedelta(hours=hour)} | more)


def rows(**units: object) -> list[object]:
    return [{"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in units.items()]


async def tell(shop: Shop, one: StockMessage) -> Recorded:
    return await stock_transactions.apply(shop.transactions, one, actor="node")


async def learn_of_sofas(shop: Shop, *, times: int = 1) -> None:
    """A newer version of the network has the SKU; the job runs, perhaps in several processes."""
    async with shop.database.write() as connection:
        await network.activate(connection, asdict(WITH_SOFAS), WITH_SOFAS.digest)
    await asyncio.gather(*(stock_transactions.apply_kept(shop.transactions) for _ in range(times)))


async def on_hand(shop: Shop, node: str = NEAREST) -> dict[str, int]:
    async with shop.database.read() as connection:
        found = await connection.execute(text("SELECT sku, on_hand FROM stock WHERE node = :node"), {"node": node})
        return {row.sku: row.on_hand for row in found}


async def misfits(shop: Shop, *, is_open: bool = True) -> list[str]:
    statement = (
        "SELECT detail FROM exception WHERE code = 'stock_misfit' AND (resolved_at IS NULL) = :open ORDER BY since"
    )
    async with shop.database.read() as connection:
        return list((await connection.execute(text(statement), {"open": is_open})).scalars())


async def kept(shop: Shop) -> int:
    return await shop.number("SELECT count(*) FROM unknown_stock")


async def test_the_answer_names_the_rows_that_do_not_count_and_is_the_same_for_a_repeat(shop: Shop) -> None:
    one = message("received", 0, [*rows(LAMP=5, SOFA=2, DESK_SET=1), {"sku": "CHAIR", "quantity": "ten"}, 7])
    first = await tell(shop, one)
    assert [(row.line, row.sku, row.why, row.kept) for row in first.not_applied] == [
        (1, "SOFA", "SOFA is not an item of the network", True),
        (2, "DESK-SET", "DESK-SET is a bundle: name its components, which have stock", False),
        (3, "CHAIR", "`quantity`: must be a whole number, without quotes and without a point", False),
        (4, None, "must be an object", False),
    ]
    assert await on_hand(shop) == {"LAMP": 5}
    again = await tell(shop, one)
    assert (again.change, list(again.not_applied)) == (None, list(first.not_applied))
    (said,) = await misfits(shop)
    assert said.startswith("4 of 5 rows of received m-")
    await learn_of_sofas(shop)
    assert list((await tell(shop, one)).not_applied) == list(first.not_applied), "also when it has been applied since"
    assert await on_hand(shop) == {"LAMP": 5, "SOFA": 2}
    assert len(await misfits(shop)) == 1, "a person must still look at the rows that were refused"


async def test_what_is_kept_counts_once_when_the_sku_is_known_and_its_exception_closes(shop: Shop) -> None:
    await tell(shop, message("received", 0, rows(LAMP=5, SOFA=2)))
    await tell(shop, message("received", 1, rows(SOFA=4), node=NEXT))
    await stock_transactions.apply_kept(shop.transactions)
    assert (await kept(shop), len(await misfits(shop))) == (2, 2), "nothing is known yet"
    await learn_of_sofas(shop, times=3)
    assert (await on_hand(shop), await on_hand(shop, NEXT)) == ({"LAMP": 5, "SOFA": 2}, {"SOFA": 4})
    assert (await kept(shop), await misfits(shop), len(await misfits(shop, is_open=False))) == (0, [], 2)
    await shop.check()


async def test_an_exception_names_a_few_of_many_rows(shop: Shop) -> None:
    await tell(shop, message("received", 0, [*rows(LAMP=1), *[{"sku": f"S-{n}", "quantity": 1} for n in range(2_000)]]))
    (said,) = await misfits(shop)
    assert said.endswith("; and 1995 more")
    assert len(said) < 400


async def test_the_feed_of_each_night_leaves_one_exception_and_the_rows_of_the_last(shop: Shop) -> None:
    for night in range(5):
        await tell(shop, message("snapshot", 24 * night, rows(LAMP=5, SOFA=night)))
    assert (await kept(shop), len(await misfits(shop)), len(await misfits(shop, is_open=False))) == (1, 1, 4)
    await learn_of_sofas(shop)
    assert await on_hand(shop) == {"LAMP": 5, "SOFA": 4}


async def test_a_snapshot_that_does_not_name_it_ends_what_was_kept_and_what_comes_late(shop: Shop) -> None:
    await tell(shop, message("received", 0, rows(SOFA=9)))
    await tell(shop, message("snapshot", 10, rows(LAMP=5)))
    assert (await kept(shop), await misfits(shop)) == (0, [])
    await tell(shop, message("received", 5, rows(SOFA=3)))
    await tell(shop, message("received", 12, rows(SOFA=2)))
    await learn_of_sofas(shop)
    assert await on_hand(shop) == {"LAMP": 5, "SOFA": 2}


async def test_announced_and_damaged_goods_wait_for_their_sku_too(shop: Shop) -> None:
    soon = MORNING + timedelta(days=3)
    await tell(shop, message("expected", 0, rows(SOFA=6), name="po-1", expected_at=soon))
    await tell(shop, message("received", 1, rows(SOFA=4), expected="po-1"))
    await tell(shop, message("moved", 2, rows(SOFA=1), from_state="sellable", to_state="damaged"))
    await tell(shop, message("snapshot", 3, rows(LAMP=5, SOFA=4)))
    await learn_of_sofas(shop)
    assert await on_hand(shop) == {"LAMP": 5, "SOFA": 4}
    assert await shop.number("SELECT set_aside FROM stock WHERE sku = 'SOFA'") == 1
    assert await shop.number("SELECT quantity - arrived FROM incoming") == 2
    assert await misfits(shop) == []
    await shop.check()


STORY = [("received", 0, 9), ("counted", 2, 4), ("adjusted", 4, -1), ("received", 6, 3)]


async def test_kept_rows_give_the_same_in_any_order_of_reports(shop: Shop) -> None:
    for order in permutations(STORY):
        async with shop.database.write() as connection:
            await network.activate(connection, asdict(MAP), MAP.digest)
            await connection.execute(text("TRUNCATE movement, stock, unknown_stock, inbox, exception CASCADE"))
        for kind, hour, units in order:
            await tell(shop, message(kind, hour, rows(SOFA=units)))
        await learn_of_sofas(shop)
        assert (await on_hand(shop))["SOFA"] == 6, order
        await shop.check()


async def test_kept_rows_of_several_announcements_are_locked_in_the_sequence_of_the_job_that_gives_pegs(
    shop: Shop,
) -> None:
    await tell(shop, message("received", 0, rows(SOFA=1), name="came-1", expected="po-1"))
    await tell(shop, message("received", 1, rows(BENCH=1), name="came-2", expected="po-2"))
    async with shop.database.write() as connection:
        await network.activate(connection, asdict(WITH_BENCHES), WITH_BENCHES.digest)
    for name, sku in (("po-1", "SOFA"), ("po-2", "BENCH")):
        await tell(shop, message("expected", 2, rows(**{sku: 3}), name=name, expected_at=MORNING + timedelta(days=30)))

    async with shop.database.write() as connection:
        await connection.execute(LOCK_ROW, {"sku": "BENCH"})
        applying = asyncio.create_task(stock_transactions.apply_kept(shop.transactions))
        while not await shop.number("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await connection.execute(LOCK_ROW, {"sku": "SOFA"})
    await applying

    assert await on_hand(shop) == {"SOFA": 1, "BENCH": 1}
    assert await shop.number("SELECT sum(arrived) FROM incoming") == 2
    await shop.check()
