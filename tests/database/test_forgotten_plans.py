"""A forgotten order's plans still say who ships what and why, and nothing that a distance can be computed from."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest_asyncio
from rich.console import Console

from database.connect import Database
from database.documents.sourcing import Plan
from database.documents.sourcing import plan as plan_document
from domain.explanation import FORGOTTEN
from domain.fulfillment import MessageKind
from domain.request import ForgetRequest
from starter.explain import show
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, Shop
from tests.house import TABLES
from transactions.personal import forget

COSTS = """
[[strategy.cost]]
per = "shipment"
amount = '500.0 + 4.0 * node.distance_km'
"""
BY_KILOMETRES = replace(
    MAP,
    policy=MAP.policy.replace("[orders]", COSTS + "\n[orders]").replace("[[20000, 3]]", "[[400, 3]]"),
)
"""A kilometre costs four minor units, and the farthest node is too far for the service."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+")
Document = dict[str, Any]


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop whose costs and reasons follow from distances."""
    opened = await Shop.open(database, BY_KILOMETRES)
    for node in (NEAREST, NEXT, FARTHEST):
        await opened.receive(node, CHAIR=5)
    yield opened
    await opened.check()


async def plans(shop: Shop, order: str) -> Document:
    async with shop.database.read() as connection:
        return Plan.model_validate(await plan_document(connection, order)).model_dump(mode="json")


async def dump(shop: Shop) -> str:
    """Every row of every table as text, without moments, whose fractions may be any number."""
    found = []
    async with shop.database.read() as connection:
        for table in (await connection.execute(TABLES)).scalars().all():
            rows = await connection.exec_driver_sql(f"SELECT t::text FROM {table} t")
            found += [str(row[0]) for row in rows]
    return MOMENT.sub("", "\n".join(found))


def telling(document: Document) -> set[str]:
    """Everything in the rounds of an order that a distance can be read from, as it is written."""
    values = set()
    for found in document["rounds"]:
        for one in (*found["nodes"], *found["shipments"], *found["runners_up"]):
            values |= {str(value) for value in (one["distance_km"], one["cost"]) if value}
        values |= set(re.findall(r"over (\d+) km", str(found)))
    return values


async def test_no_distance_and_no_exact_cost_of_a_forgotten_order_is_left_in_any_table(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 7))
    await shop.tell(order, MessageKind.REJECTED)
    await shop.source(order)
    before = await plans(shop, order)
    values = telling(before)
    assert len(values) > 5
    assert "over" in str(before), "a reason has a distance"
    written = await dump(shop)
    assert [one for one in values if re.search(rf"\b{re.escape(one)}\b", written) is None] == []

    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")

    written = await dump(shop)
    assert [one for one in values if re.search(rf"\b{re.escape(one)}\b", written)] == []
    after = await plans(shop, order)
    assert [found["forgotten"] for found in after["rounds"]] == [True, True]
    for was, now in zip(before["rounds"], after["rounds"], strict=True):
        assert [one["node"] for one in was["nodes"]] == [one["node"] for one in now["nodes"]]
        assert [one["lines"] for one in was["shipments"]] == [one["lines"] for one in now["shipments"]]
        assert now["cost"] == sum(one["cost"] for one in now["shipments"])
        assert abs(now["cost"] - was["cost"]) <= 0.05 * was["cost"]


async def test_a_forgotten_order_is_explained_with_what_is_left_and_why_no_more_is(shop: Shop) -> None:
    order = await shop.sold(("CHAIR", 7))
    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
    async with shop.database.read() as connection:
        rounds = (await plan_document(connection, order))["rounds"]
    console = Console(record=True, width=200, file=None, quiet=False)
    with console.capture() as captured:
        show(order, rounds, console)
    said = captured.get()
    assert FORGOTTEN in said
    assert f"{NEAREST} ships" in said
    assert "cost about" in said
    assert "no transit time for service 'standard' over this distance" in said
    assert " km:" not in said


async def test_a_round_that_is_decided_after_that_says_how_far_the_middle_of_the_postal_area_is(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 1))
    exact = (await plans(shop, order))["rounds"][0]["shipments"][0]["distance_km"]
    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
    await shop.tell(order, MessageKind.REJECTED)
    await shop.source(order)
    first, second = (await plans(shop, order))["rounds"]
    assert (first["forgotten"], second["forgotten"]) == (True, False)
    known = {one["node"]: one["distance_km"] for one in second["nodes"]}
    assert known[NEAREST] not in (None, exact)
