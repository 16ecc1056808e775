"""A shop whose locations are nodes, from its first command to its last parcel: the whole service and the simulated shop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.peers.shopify.shop import Bought
from tests.house import House
from tests.journeys.shopify_house import Connected, connected
from tests.journeys.shopify_orders import in_two_parcels

NODES = ("reroutes", "asks", "escalates", "spare")


@pytest_asyncio.fixture
async def each(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A shop whose locations are these nodes: all of the network."""
    async with connected(house, tmp_path, monkeypatch, nodes=NODES) as made:
        yield made


def available(acme: Connected, sku: str) -> dict[str, int]:
    """What the shop sells of an item at each node's location."""
    item = acme.shop.by_sku(sku).inventory_item
    levels = {node: acme.shop.levels.get((item, place)) for node, place in acme.locations.items()}
    return {node: level.available for node, level in levels.items() if level}


async def shows(acme: Connected, sku: str, **units: int) -> None:
    """Wait until the shop sells just these units, each at its node's location."""
    wanted = dict.fromkeys(NODES, 0) | units

    def does() -> bool:
        acme.house.service.driver.run_soon("levels")
        return available(acme, sku) == wanted

    await acme.until(does)


async def test_each_location_has_its_nodes_stock_learns_the_plan_and_shows_what_left_there(each: Connected) -> None:
    await each.house.stock("reroutes", SERUM_30=2)
    await each.house.stock("asks", TONER_200=1)
    await shows(each, "SERUM-30", reroutes=2)
    await shows(each, "TONER-200", asks=1)

    order = each.shop.place(Bought("SERUM-30", 2), Bought("TONER-200"))
    each.shop.works[order.works[0].id].location = each.shop.locations[each.locations["reroutes"]]
    await each.webhooks()
    await each.come(order)
    await in_two_parcels(each, order)

    nodes = {place: node for node, place in each.locations.items()}
    left = {
        nodes[one.location.id]: {part.line.sku: units for _, part, units in one.lines} for one in order.fulfillments
    }
    assert left == {"reroutes": {"SERUM-30": 2}, "asks": {"TONER-200": 1}}
    assert order.fulfillment_status == "FULFILLED"
    assert await each.exceptions() == []
