"""Checks 4, 7 and 8 of the connections: odd orders, a thousand stock levels while the shop sells, and every version."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from channels.shopify.version import VERSIONS
from demo.peers.shopify.graph import Bucket, Graph
from demo.peers.shopify.order_json import ADDRESS
from demo.peers.shopify.shop import Bought
from demo.peers.shopify.state import Item, Order
from tests.house import House, now
from tests.journeys.shopify_house import Connected, connect, connected, unlimited
from tests.journeys.shopify_orders import left_there, ship_all
from tests.shopify_schema import published

SKUS = [f"LIPSTICK-{number:04}" for number in range(1, 1001)]
SOLD_BETWEEN = 30
"""Orders that customers place just before a level is set."""


@pytest.mark.long
async def test_check_4_an_order_with_items_that_nobody_knows_waits_and_leaves_once_they_have_an_alias(
    acme: Connected,
) -> None:
    """Among them one without a SKU; and a tip and a gift card, which are no units, for a town without postal codes."""
    await acme.house.stock("reroutes", SERUM_30=9, TONER_200=9)
    warehouse = next(iter(acme.shop.locations))
    _, nameless = (acme.shop.add_item(sku, "New", 900, {warehouse: 9}) for sku in ("SERUM-CASE", ""))
    bought = [Bought("SERUM-CASE", 2), Bought(""), Bought("SERUM-30")]
    extras = [Bought(None, price=500, is_tip=True), Bought(None, price=5000, is_gift_card=True)]
    order = acme.shop.place(
        *bought, *extras, ship_to={**ADDRESS, "zip": None, "country_code": "HK", "province_code": None}
    )
    assert order.id > 2**53
    await acme.webhooks()
    placed = await acme.come(order)
    assert [hold["hold"] for hold in placed["holds"]] == ["unmapped"]
    assert {code for code, _ in await acme.exceptions()} == {"unmapped"}
    said = " ".join(detail for _, detail in await acme.exceptions())
    assert "SERUM-CASE" in said
    assert f"variant:{nameless.id}" in said

    aliases = [f"{acme.name},sku,SERUM-CASE,SERUM-30,3", f"{acme.name},variant,{nameless.id},TONER-200,1"]
    (acme.directory / "aliases.csv").write_text("\n".join(["channel,kind,external,sku,units", *aliases, ""]))
    await acme.apply()
    await acme.house.until(acme.number(order), lambda found: not found["holds"])
    await ship_all(acme, order)
    document = await acme.house.order(acme.number(order))
    assert [(one["sku"], one["shipped"]) for one in document["lines"]] == [
        ("SERUM-30", 6),
        ("TONER-200", 1),
        ("SERUM-30", 1),
    ]
    assert left_there(order) == {str(line.id): line.current for line in order.lines[:3]}
    assert await acme.exceptions() == []


@pytest.mark.long
async def test_check_4_what_is_sold_at_the_till_or_as_a_test_is_shipped_by_nobody(acme: Connected) -> None:
    orders = [acme.shop.place(Bought("SERUM-30"), at_the_till=True), acme.shop.place(Bought("SERUM-30"), is_test=True)]
    await acme.webhooks()
    acme.lose_webhooks()
    await acme.poll()
    for order in orders:
        assert (await acme.house.http.get(f"/orders/{acme.number(order)}")).status_code == 404
    assert await acme.exceptions() == []


@pytest_asyncio.fixture
async def of_a_thousand(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A connected shop that sells a thousand more items, all of them kept at our location."""
    async with connected(house, tmp_path / "network", monkeypatch, SKUS) as made:
        await made.has_levels()
        yield made


async def receive(acme: Connected, units: int) -> None:
    """So many of each of the thousand items arrive at a node."""
    lines = [{"sku": sku, "quantity": units} for sku in SKUS]
    body = {"message_id": f"in-{units}", "node": "reroutes", "kind": "received", "occurred_at": now(), "lines": lines}
    answer = await acme.house.http.post("/stock/messages", json=body)
    assert answer.status_code == 202, answer.text


def on_sale(acme: Connected) -> dict[str, int]:
    """What the shop can sell of each of the thousand items at our location."""
    items = {item.sku: item.inventory_item for item in acme.shop.items.values()}
    return {sku: acme.shop.levels[items[sku], acme.our_location].available for sku in SKUS}


def gid(item: Item) -> str:
    """An item of the shop's stock as GraphQL names it."""
    return f"gid://shopify/InventoryItem/{item.inventory_item}"


async def look_twice(acme: Connected) -> None:
    """The levels are compared twice more."""
    for _ in range(2):
        await acme.execute("UPDATE connection SET levels_due_at = NULL")
        acme.house.service.driver.run_soon("levels")
        await acme.rows("SELECT 1 FROM connection WHERE levels_due_at < clock_timestamp() + interval '1 minute'", bool)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_check_7_a_thousand_levels_converge_while_the_shop_sells_and_no_unit_is_sold_twice(
    of_a_thousand: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, dice, sold = of_a_thousand, Random(7), list[Order]()
    await receive(acme, 2)
    await acme.until(lambda: set(on_sale(acme).values()) == {2})
    execute = Graph.execute

    def and_sell_before(graph: Graph, version: str, scopes: Sequence[str], asked: str, given: Mapping[str, Any]) -> Any:
        """Customers take both units of some items just before their level is set."""
        if "inventorySetQuantities" in asked and len(sold) < SOLD_BETWEEN:
            items = {row["inventoryItemId"] for row in given["input"]["quantities"]}
            found = [item for item in acme.shop.items.values() if gid(item) in items]
            sold.extend(acme.shop.place(Bought(item.sku, 2)) for item in dice.sample(found, k=10))
        return execute(graph, version, scopes, asked, given)

    monkeypatch.setattr(Graph, "execute", and_sell_before)
    acme.peer.graph.bucket = Bucket(acme.shop.clock)
    acme.peer.graph.calls.clear()
    await receive(acme, 3)
    await acme.until(lambda: len(sold) >= SOLD_BETWEEN)
    await look_twice(acme)
    calls = Counter(acme.peer.graph.calls)
    assert calls["inventorySetQuantities"] < 100, "levels go in batches"
    acme.peer.graph.bucket = unlimited(acme.shop)

    acme.lose_webhooks()
    await acme.poll()
    await acme.execute("UPDATE channel_level SET differs_at = differs_at - interval '2 minutes'")
    gone = Counter(line.sku for order in sold for line in order.lines for _ in range(line.quantity))
    assert max(gone.values()) <= 5, "nobody bought what was not there"
    await acme.until(lambda: on_sale(acme) == {sku: 5 - gone[sku] for sku in SKUS})
    for order in sold:
        [line] = (await acme.come(order))["lines"]
        assert (line["backordered"], line["ordered"]) == (0, 2)
    await look_twice(acme)
    acme.peer.graph.calls.clear()
    await look_twice(acme)
    assert Counter(acme.peer.graph.calls)["inventorySetQuantities"] == 0, "it ends"
    assert await acme.exceptions() == []


@pytest.mark.long
async def test_check_8_an_order_lives_in_every_version_of_the_published_schema_and_one_that_ends_is_warned_of(
    acme: Connected, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acme.peer.graph.published = {version: published(version) for version in VERSIONS}
    await acme.house.stock("reroutes", SERUM_30=9)
    entry = (acme.directory / "channels.toml").read_text()
    for version in VERSIONS:
        (acme.directory / "channels.toml").write_text(f'{entry}version = "{version}"\n')
        await acme.apply()
        assert await connect(acme.name, monkeypatch) == 0
        warned = f"Shopify serves version {version} until" in capsys.readouterr().out
        assert warned or version != "2026-01", "it ends on 2027-01-01"
        order = acme.shop.place(Bought("SERUM-30"))
        await acme.webhooks()
        await acme.come(order)
        await ship_all(acme, order)
        assert left_there(order) == {str(order.lines[0].id): 1}
    assert await acme.exceptions() == []
