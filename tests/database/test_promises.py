"""A promise reads the active network and the stock at once, and is no other promise because of that."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import NullPool, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from database.connect import Database
from domain.cart import PromiseRequest
from domain.sourcing import Plan
from network.validate_order import WrongField
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions.network import Networks
from transactions.promise import plans

ITEMS_AND_A_STOOL = MAP.items + "STOOL,Stool,3000,0,\n"
SETS_OF_ONE_CHAIR = MAP.items.replace("LAMP*1 CHAIR*2", "LAMP*1 CHAIR*1")


async def promised(
    shop: Shop, networks: Networks, sku: str, quantity: int = 1, service: str | None = "standard"
) -> Plan:
    """The plan for units of one item."""
    to = {"country": "US", "postal_code": "80202"}
    lines = [{"sku": sku, "quantity": quantity}]
    body = PromiseRequest.model_validate({"channel": "web", "service": service, "ship_to": to, "lines": lines})
    return (await plans(shop.database, networks, body, datetime.now(UTC)))["standard"][0]


@pytest.fixture
async def shop(database: Database) -> Shop:
    """Four chairs and three lamps at the nearest node."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=4, LAMP=3)
    return shop


async def test_a_promise_is_one_statement_in_one_round_trip_and_leaves_no_lock(shop: Shop) -> None:
    networks, sent = Networks(), []
    await promised(shop, networks, "DESK-SET")

    engine = shop.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda _, __, statement, *___: sent.append(statement))
    event.listen(
        engine,
        "checkout",
        lambda one, *_: one.driver_connection.add_query_logger(lambda query: sent.append(query.query)),
    )
    plan = await promised(shop, networks, "DESK-SET", 2, service=None)
    await asyncio.sleep(0)  # the driver tells of a query a moment after it

    assert [(one.node, one.parts[0].quantity) for one in plan.shipments] == [(NEAREST, 2)]
    (statement,) = sent
    assert statement.split()[0] == "SELECT"
    assert " FOR " not in statement


async def test_a_promise_follows_a_network_that_another_process_has_applied_a_moment_ago(shop: Shop) -> None:
    networks = Networks()
    assert not (await promised(shop, networks, "DESK-SET", 2)).unfilled
    assert (await promised(shop, networks, "DESK-SET", 3)).unfilled, "two chairs each"
    with pytest.raises(WrongField, match="STOOL is not an item"):
        await promised(shop, networks, "STOOL")

    other = await Shop.open(shop.database, replace(MAP, items=SETS_OF_ONE_CHAIR))
    assert not (await promised(shop, networks, "DESK-SET", 3)).unfilled, "one chair each now"
    other = await Shop.open(shop.database, replace(MAP, items=ITEMS_AND_A_STOOL))
    await other.receive(NEXT, STOOL=1)
    assert [one.node for one in (await promised(shop, networks, "STOOL")).shipments] == [NEXT]
    await Shop.open(shop.database)
    with pytest.raises(WrongField, match="STOOL is not an item"):
        await promised(shop, networks, "STOOL")


async def test_a_lost_connection_fails_one_promise_and_not_the_next(shop: Shop) -> None:
    networks = Networks()
    await promised(shop, networks, "CHAIR")
    async with shop.database.read(), shop.database.read():
        pass  # two connections wait in the pool
    await end_all_connections(shop.database)

    with pytest.raises(DBAPIError) as failed:
        await promised(shop, networks, "CHAIR")
    assert failed.value.connection_invalidated, "answered with 503"
    assert not (await promised(shop, networks, "CHAIR")).unfilled


async def end_all_connections(database: Database) -> None:
    """As a restart of PostgreSQL does."""
    another = create_async_engine(database.engine.url, poolclass=NullPool)
    async with another.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'switchyard'"
                " AND datname = current_database()"
            )
        )
