"""What the network keeps back is not promised: a threshold to nobody, a quota to no other channel, over all nodes together."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from database.connect import Database
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, NODES, Shop

HEADER = "kind,sku,node,channel,units\n"


async def shop_with(database: Database, *buffers: str) -> Shop:
    return await Shop.open(database, replace(MAP, buffers=HEADER + "\n".join(buffers) + "\n"))


async def sold_at_once(shop: Shop, number: int, *lines: tuple[str, int], channel: str = "web") -> int:
    """How many of `orders` orders at once got all their units."""
    orders = [await shop.place(*lines, channel=channel) for _ in range(number)]
    await asyncio.gather(*(shop.source(order, 1) for order in orders))
    states = [await shop.state(order) for order in orders]
    return sum(not state.total("backordered") for state in states)


async def test_a_threshold_is_left_over_all_nodes_together_however_many_ask_for_it(database: Database) -> None:
    shop = await shop_with(database, "threshold,CHAIR,,,5")
    for node in NODES:
        await shop.receive(node, CHAIR=10)
    assert await sold_at_once(shop, 40, ("CHAIR", 1)) == 25
    assert await shop.counters("CHAIR") == (30, 25, 0)
    await shop.check()


async def test_units_of_a_quota_are_left_for_its_channel_and_the_rest_is_everybodys(database: Database) -> None:
    shop = await shop_with(database, "quota,CHAIR,,web,8")
    for node in (NEAREST, NEXT):
        await shop.receive(node, CHAIR=10)
    assert await sold_at_once(shop, 20, ("CHAIR", 1), channel="wholesale") == 12
    assert await sold_at_once(shop, 20, ("CHAIR", 1), channel="web") == 8
    assert await shop.counters("CHAIR") == (20, 20, 0)
    await shop.check()


@pytest.mark.parametrize(
    ("stocked", "kept", "wanted", "reserved"),
    [
        ({NEAREST: 4, NEXT: 2}, 3, 4, {NEAREST: 1, NEXT: 2}),
        ({NEAREST: 4, NEXT: 2}, 3, 3, {NEAREST: 3}),
        ({NEAREST: 4, NEXT: 2}, 6, 1, {}),
        ({NEAREST: 1, NEXT: 1, FARTHEST: 1}, 1, 3, {NEAREST: 1, NEXT: 1}),
    ],
)
async def test_an_order_gets_what_is_left_above_the_threshold(
    database: Database, stocked: dict[str, int], kept: int, wanted: int, reserved: dict[str, int]
) -> None:
    shop = await shop_with(database, f"threshold,CHAIR,,,{kept}")
    for node, quantity in stocked.items():
        await shop.receive(node, CHAIR=quantity)
    order = await shop.sold(("CHAIR", wanted))
    assert await shop.nodes(order) == reserved
    missing = wanted - sum(reserved.values())
    assert await shop.units(order) == Counter(reserved=sum(reserved.values()), backordered=missing) - Counter()


async def test_a_set_leaves_what_is_kept_back_of_its_parts(database: Database) -> None:
    shop = await shop_with(database, "threshold,CHAIR,,,3")
    await shop.receive(NEAREST, CHAIR=10, LAMP=10)
    assert await sold_at_once(shop, 6, ("DESK-SET", 1)) == 3
    assert await shop.counters("CHAIR") == (10, 6, 0)


async def test_safety_stock_of_one_node_is_left_there_and_only_there(database: Database) -> None:
    shop = await shop_with(database, f"safety_stock,CHAIR,{NEAREST},,4", f"safety_stock,VASE,{NEXT},,0")
    for node in (NEAREST, NEXT):
        await shop.receive(node, CHAIR=5, VASE=5)
    assert await sold_at_once(shop, 12, ("CHAIR", 1)) == 1 + 5
    assert await sold_at_once(shop, 12, ("VASE", 1)) == 3 + 5
    assert await shop.counters("CHAIR", NEAREST) == (5, 1, 0)
    assert await shop.counters("VASE", NEXT) == (5, 5, 0)


async def test_a_cart_whose_units_are_kept_back_meanwhile_still_becomes_an_order(database: Database) -> None:
    shop = await shop_with(database, "threshold,CHAIR,,,2")
    await shop.receive(NEAREST, CHAIR=3)
    order = await shop.ordered(await shop.fill_cart("CHAIR", 2), ("CHAIR", 2))
    await shop.source(order)
    assert await shop.units(order) == {"reserved": 2}
    await shop.check()


async def test_units_above_the_threshold_go_to_who_waits_as_they_come(database: Database) -> None:
    shop = await shop_with(database, "threshold,CHAIR,,,5")
    first, second = await shop.sold(("CHAIR", 2)), await shop.sold(("CHAIR", 2))
    for units in (5, 2, 1):
        await shop.receive(NEAREST, CHAIR=units)
        await shop.backorders.work_off(100)
    assert await shop.units(first) == {"reserved": 2}
    assert await shop.units(second) == {"reserved": 1, "backordered": 1}
