"""Prices are learned each hour from the orders that came; sourcing reads them and keeps them with the round."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest_asyncio
from sqlalchemy import text

from database import network as networks
from database.connect import Database
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions.look_ahead import KEPT, learn
from transactions.replay import Verdict, replay

EVER = datetime(2020, 1, 1, tzinfo=UTC)
COSTS = """rank = ["cost"]
look_ahead = true
[[strategy.cost]]
per = "shipment"
amount = '500.0 + 0.1 * node.distance_km'
[[strategy.tier]]"""
LOOKS_AHEAD = replace(
    MAP,
    nodes=MAP.nodes.replace("[[node]]", "[[node]]\npickup = true"),
    policy=MAP.policy.replace('rank = ["distance"]\n[[strategy.tier]]', COSTS, 1),
)


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop that looks ahead, with few chairs at the nearest node and many at the next."""
    opened = await Shop.open(database, LOOKS_AHEAD)
    await opened.receive(NEAREST, CHAIR=6, LAMP=400)
    await opened.receive(NEXT, CHAIR=400, LAMP=400)
    yield opened
    await opened.check()


async def prices(shop: Shop) -> dict[tuple[str, str], int]:
    async with shop.database.read() as connection:
        found = await connection.execute(text("SELECT node, sku, price FROM look_ahead_price"))
        return {(row.node, row.sku): row.price for row in found}


async def test_a_node_that_will_run_out_gets_a_price_and_the_price_changes_plans_that_replay_the_same(
    shop: Shop,
) -> None:
    """Two orders a day for 14 days want 28 chairs; the nearest node has 4 left, and each saves the way from the next."""
    for _ in range(2):
        await shop.sold(("CHAIR", 1))
    await learn(shop.transactions)
    learned = await prices(shop)
    assert set(learned) == {(NEAREST, "CHAIR")}
    distance = await shop.number(
        "SELECT max(abs((n->>'cost')::int)) - min(abs((n->>'cost')::int)) FROM plan,"
        f" jsonb_array_elements(document->'nodes') n WHERE n->>'node' IN ('{NEAREST}', '{NEXT}') AND round = 1"
    )
    assert 0.6 <= learned[NEAREST, "CHAIR"] / 1000 / distance <= 1.4
    await shop.sold(("CHAIR", 1), ("LAMP", 1))
    async with shop.database.read() as connection:
        document = (
            await connection.execute(text("SELECT document FROM plan ORDER BY recorded_at DESC LIMIT 1"))
        ).scalar_one()
    named = {one["node"]: one.get("look_ahead", 0) for one in document["nodes"]}
    assert named[NEAREST] == round(learned[NEAREST, "CHAIR"] / 1000)
    assert named[NEXT] == 0
    assert {one.verdict async for one in replay(shop.database, EVER)} == {Verdict.SAME}


async def test_prices_are_learned_once_an_hour_and_dropped_after_a_week(shop: Shop) -> None:
    async with shop.database.write() as connection:
        old = "INSERT INTO look_ahead (version, orders, ahead, recorded_at) VALUES (1, 1, 1, now() - CAST(:by AS interval))"
        await connection.execute(text(old), {"by": KEPT})
        await connection.execute(text("INSERT INTO look_ahead_price VALUES (1, 'denver', 'CHAIR', 1)"))
    await shop.sold(("CHAIR", 1))
    await learn(shop.transactions)
    learned = await prices(shop)
    await shop.sold(("CHAIR", 1))
    await learn(shop.transactions)
    assert await prices(shop) == learned
    assert await shop.number("SELECT count(*) FROM look_ahead WHERE version > 1 AND orders = 1 AND ahead = 14") == 1
    assert await shop.number("SELECT count(*) FROM look_ahead") == 1


async def test_orders_that_teach_nothing_are_not_expected_to_take_what_the_others_want(shop: Shop) -> None:
    """They are collected at a node, which is no choice of nodes."""
    await shop.sold(("CHAIR", 1))
    for _ in range(3):
        await shop.source(await shop.place(("CHAIR", 1), pickup_node=NEAREST))
    await learn(shop.transactions)
    assert await shop.number("SELECT count(*) FROM look_ahead WHERE orders = 1 AND ahead = 14") == 1


async def test_prices_of_the_day_before_count_no_more(shop: Shop) -> None:
    await shop.sold(("CHAIR", 1))
    await learn(shop.transactions)
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE look_ahead SET recorded_at = recorded_at - interval '1 day'"))
    await shop.sold(("CHAIR", 1))
    assert await shop.number("SELECT count(*) FROM plan WHERE document::text LIKE '%look_ahead%'") == 0


async def test_where_no_strategy_looks_ahead_nothing_is_learned(shop: Shop) -> None:
    await shop.sold(("CHAIR", 1))
    async with shop.database.write() as connection:
        await networks.activate(connection, asdict(MAP), MAP.digest)
    await learn(shop.transactions)
    assert await shop.number("SELECT count(*) FROM look_ahead") == 0
