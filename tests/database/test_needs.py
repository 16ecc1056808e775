"""What nodes need is read from facts and taken as transfers once, also by several at the same time; customers come first."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database import need as statements
from database.connect import Database
from database.documents import transfer as documents
from database.request import UsedForAnotherRequest
from domain.fulfillment import MessageKind, NodeMessage
from domain.identifiers import REPLENISHMENT
from domain.need import Need
from domain.order import OrderInput
from domain.replenishment import TakeRequest
from domain.stock import StockMessage
from network.validate_order import WrongField
from tests.database.shop import FARTHEST, ITEMS, MAP, NEAREST, NEXT, Shop
from tests.database.test_transfers import receive, resolve
from transactions import fulfillment, peg
from transactions import need as needs
from transactions import stock as stock_transactions
from transactions.request import Asked

HEADER = "node,sku,min_units,max_units,min_days,max_days,sales_days,sources,service,automatic\n"
RULES = f"{NEXT},LAMP,4,10,,,,{NEAREST},,\n"
_numbers = count(1)


async def shop_with(database: Database, *rules: str, **files: str) -> Shop:
    """A shop with these rules of replenishment; its warehouse has 20 lamps, and 20 chairs."""
    shop = await Shop.open(database, replace(MAP, replenishment=HEADER + "\n".join(rules), **files))
    await shop.receive(NEAREST, LAMP=20, CHAIR=20)
    return shop


async def found(shop: Shop, **asked: Any) -> list[Need]:
    """What is needed now."""
    asked = {"node": None, "sku": None, "after": None, "limit": 100} | asked
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        return await needs.listed(connection, network, **asked)


async def proposed(shop: Shop) -> dict[str, dict[str, int]]:
    """Units by node that needs them and node that should send them; there is a need for one item only."""
    return {need.node: {one.source: one.quantity for one in need.proposals} for need in await found(shop)}


async def take(shop: Shop, key: str | None = None, **asked: Any) -> list[OrderInput]:
    """Take needs; answers the new transfers."""
    body = TakeRequest.model_validate(asked)
    return list((await needs.take(shop.transactions, Asked("needs", body, "operator:k-1", key))).inputs)


async def moved(shop: Shop, order: OrderInput) -> str:
    """The order of a transfer, sourced and released."""
    await shop.source(order.order)
    await shop.release(order.order)
    return order.order


async def sell(shop: Shop, node: str, quantity: int) -> str:
    """A customer collects lamps; answers the order."""
    order = await shop.place(("LAMP", quantity))
    await shop.source(order)
    await shop.release(order)
    assert (await shop.state(order)).fulfillment_orders[0].node == node
    await shop.tell(order, MessageKind.SHIPPED)
    return order


async def document(shop: Shop, order: str) -> dict[str, Any]:
    async with shop.database.read() as connection:
        shown = await documents.show(connection, order)
    assert shown is not None
    return shown


async def announce(shop: Shop, node: str, expected_at: datetime, **units: int) -> None:
    lines = [{"sku": sku, "quantity": n} for sku, n in units.items()]
    body = {"message_id": f"a-{next(_numbers)}", "node": node, "kind": "expected", "occurred_at": datetime.now(UTC)}
    message = StockMessage.model_validate(body | {"expected_at": expected_at, "lines": lines})
    await stock_transactions.record(shop.transactions, message, actor="node")


async def test_sales_bring_a_node_below_its_minimum_and_what_was_taken_covers_it_until_it_has_arrived(
    database: Database,
) -> None:
    shop = await Shop.open(database, replace(MAP, replenishment=HEADER + RULES))
    await shop.receive(NEXT, LAMP=6)
    assert await found(shop) == []
    await sell(shop, NEXT, 3)
    await shop.receive(NEAREST, LAMP=20)
    (need,) = await found(shop)
    assert (need.position.on_hand, need.position.units, need.position.sold) == (3, 3, 3)
    assert [tuple(one) for one in need.proposals] == [(NEAREST, 7, 20)]

    (order,) = await take(shop)
    assert (order.channel, [line.quantity for line in order.lines]) == (REPLENISHMENT, [7])
    assert await found(shop) == [], "what is planned counts"
    name = await moved(shop, order)
    assert await found(shop) == []
    await shop.tell(name, MessageKind.SHIPPED)
    assert await found(shop) == [], "what is in transit counts"
    await receive(shop, name, LAMP=7)
    assert (await found(shop), await shop.counters("LAMP", NEXT)) == ([], (10, 0, 0))
    assert (await shop.state(name)).closes_at is not None
    await shop.check()


async def test_takers_at_the_same_time_take_a_need_once(database: Database) -> None:
    shop = await shop_with(database, f"{NEXT},LAMP,4,10,,,,{NEAREST},,yes", f"{NEXT},CHAIR,4,10,,,,,,")
    taken = await asyncio.gather(
        *(take(shop) for _ in range(4)), *(needs.take_automatic(shop.transactions) for _ in range(4))
    )
    lines = [(line.sku, line.quantity) for orders in taken for order in orders for line in order.lines]
    assert sorted(lines) == [("CHAIR", 10), ("LAMP", 10)]
    assert await found(shop) == []
    await shop.check()


async def test_takers_for_two_nodes_at_the_same_time_share_what_the_source_has(database: Database) -> None:
    shop = await shop_with(database, f"{NEXT},LAMP,4,15,,,,{NEAREST},,", f"{FARTHEST},LAMP,4,15,,,,{NEAREST},,")
    taken = await asyncio.gather(take(shop, node=NEXT), take(shop, node=FARTHEST))
    orders = [order for some in taken for order in some]
    assert sum(line.quantity for order in orders for line in order.lines) == 20
    for order in orders:
        name = await moved(shop, order)
        assert set(await shop.units(name)) == {"allocated"}, "each gets all that was proposed"
    await shop.check()


async def test_a_request_is_carried_out_once_for_its_key(database: Database) -> None:
    shop = await shop_with(database, RULES)
    body = TakeRequest(skus=("LAMP",))
    first, again = [await needs.take(shop.transactions, Asked("needs", body, "operator:k-1", "key")) for _ in range(2)]
    assert (first.taken, len(first.inputs), len(again.inputs)) == (again.taken, 1, 0)
    with pytest.raises(UsedForAnotherRequest):
        await take(shop, "key", node=NEXT)
    await shop.check()


async def test_a_source_keeps_its_minimum_also_when_a_customer_comes_between(database: Database) -> None:
    shop = await shop_with(database, RULES, f"{NEAREST},LAMP,12,15,,,,,,")
    assert await proposed(shop) == {NEXT: {NEAREST: 8}}
    (order,) = await take(shop)
    await shop.sold(("LAMP", 5))
    await moved(shop, order)
    assert await shop.units(order.order) == {"allocated": 3, "cancelled": 5}, "and nothing of it waits"
    assert await shop.counters("LAMP", NEAREST) == (20, 5, 3)
    (need,) = (need for need in await found(shop) if need.node == NEXT)
    assert (need.position.planned, need.proposals) == (3, ())
    await shop.sold(("LAMP", 12))
    assert await shop.counters("LAMP", NEAREST) == (20, 17, 3), "customers get the units that replenishment leaves"
    await shop.check()


async def test_a_source_keeps_its_safety_stock_and_what_the_network_keeps_back(database: Database) -> None:
    buffers = f"kind,sku,node,channel,units\nsafety_stock,LAMP,{NEAREST},,14\nquota,LAMP,,wholesale,2\n"
    shop = await shop_with(database, RULES, buffers=buffers)
    assert await proposed(shop) == {NEXT: {NEAREST: 4}}
    await moved(shop, (await take(shop))[0])
    await shop.check()


async def test_orders_that_wait_get_new_stock_before_replenishment(database: Database) -> None:
    shop = await Shop.open(database, replace(MAP, replenishment=HEADER + RULES))
    waits = await shop.sold(("LAMP", 8))
    await shop.receive(NEAREST, LAMP=12)
    assert await proposed(shop) == {NEXT: {}}, "it is offered to who waits"
    await shop.backorders.work_off(100)
    await shop.source(waits)
    await shop.backorders.work_off(100)
    assert (await shop.nodes(waits), await proposed(shop)) == ({NEAREST: 8}, {NEXT: {NEAREST: 4}})
    await shop.check()


async def test_an_order_that_only_this_node_can_fill_is_a_need_of_it(database: Database) -> None:
    nodes = MAP.nodes.replace(f'id = "{NEXT}"', f'id = "{NEXT}"\npickup = true')
    shop = await shop_with(database, RULES, nodes=nodes)
    await shop.receive(NEXT, LAMP=4, CHAIR=4)
    assert await found(shop) == []
    order = await shop.place(("LAMP", 7), ("DESK-SET", 1), pickup_node=NEXT)
    await shop.source(order)
    (need,) = await found(shop)
    assert need.sku == "LAMP"
    assert (need.position.on_hand - need.position.promised - need.position.waiting) == 4 - 7 - 1
    assert need.proposed == 10 + 4


async def test_announced_goods_count_until_they_are_late(database: Database) -> None:
    shop = await shop_with(database, RULES)
    now = datetime.now(UTC)
    await announce(shop, NEXT, now - timedelta(hours=1), LAMP=9)
    assert [need.position.announced for need in await found(shop)] == [0]
    await announce(shop, NEXT, now + timedelta(days=1), LAMP=3)
    assert [need.position.announced for need in await found(shop)] == [3]
    await announce(shop, NEXT, now + timedelta(days=1), LAMP=1)
    assert await found(shop) == []


async def test_goods_of_a_supplier_that_is_late_as_a_rule_count_for_as_many_days_longer(database: Database) -> None:
    shop = await shop_with(database, RULES)
    await announce(shop, NEXT, datetime.now(UTC) - timedelta(days=1), LAMP=3)
    assert [need.position.announced for need in await found(shop)] == [0]
    for days, announced in ((2, 3), (0, 0)):
        async with database.write() as connection:
            learned = text("UPDATE incoming SET late_days = :days, learned_from = 5")
            await connection.execute(learned, {"days": days})
        assert [need.position.announced for need in await found(shop)] == [announced]


async def test_what_was_promised_of_what_comes_is_not_there_for_the_node(database: Database) -> None:
    strategy = MAP.policy.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true')
    shop = await Shop.open(database, replace(MAP, policy=strategy, replenishment=HEADER + RULES))
    await announce(shop, NEXT, datetime.now(UTC) + timedelta(days=1), LAMP=6)
    assert await found(shop) == []
    await shop.sold(("LAMP", 3))
    await peg.work_off(shop.transactions)
    assert [(need.position.waiting, need.position.units) for need in await found(shop)] == [(3, 3)]


async def test_days_of_cover_count_what_the_node_sold_to_customers_and_did_not_take_back(database: Database) -> None:
    shop = await Shop.open(database, replace(MAP, replenishment=f"{HEADER}{NEXT},LAMP,,,7,14,28,,,\n"))
    await shop.receive(NEXT, LAMP=60)
    await sell(shop, NEXT, 4)
    order = await shop.released(("LAMP", 2))
    for kind, more in (
        ("shipped", {"packages": [{"package": "p-1", "lines": [{"line": "1", "quantity": 2}]}]}),
        ("void", {"package": "p-1"}),
    ):
        body = {"message_id": f"v-{kind}", "kind": kind, "occurred_at": datetime.now(UTC)} | more
        await fulfillment.record(
            shop.transactions, f"{order}-f1", NodeMessage.model_validate(body), node=None, actor="node"
        )
    await shop.cancel(order)
    await shop.count(NEXT, LAMP=0)
    await shop.receive(NEAREST, LAMP=20)
    (need,) = await found(shop)
    assert (need.position.sold, need.least, need.target, need.proposed) == (4, 1, 2, 2 + 2), "two are still promised"
    (taken,) = await take(shop)
    await shop.tell(await moved(shop, taken), MessageKind.SHIPPED)
    place = {(NEXT, "LAMP"): 28, (NEAREST, "LAMP"): 28}
    async with shop.database.read() as connection:
        known = [
            await statements.positions(connection, place, datetime.now(UTC) + timedelta(days=days)) for days in (27, 29)
        ]
    assert [[at[node, "LAMP"].sold for at in known] for node in (NEXT, NEAREST)] == [[4, 0], [0, 0]], (
        "no transfer is a sale"
    )
    await shop.check()


async def test_units_that_are_written_off_are_needed_again(database: Database) -> None:
    shop = await shop_with(database, RULES)
    (order,) = await take(shop)
    name = await moved(shop, order)
    await shop.tell(name, MessageKind.SHIPPED)
    await receive(shop, name, LAMP=1)
    await shop.wait_in_vain(name)
    assert await found(shop) == [], "they may still arrive"
    await resolve(shop, name)
    assert [(need.position.units, need.proposed) for need in await found(shop)] == [(1, 9)]
    await shop.check()


async def test_what_the_source_rejects_is_cancelled_and_needed_again(database: Database) -> None:
    shop = await shop_with(database, RULES)
    (order,) = await take(shop)
    name = await moved(shop, order)
    await shop.tell(name, MessageKind.REJECTED)
    await shop.source(name)
    assert (await shop.units(name), (await document(shop, name))["exceptions"]) == ({"cancelled": 10}, [])
    (need,) = await found(shop)
    assert (need.position.planned, need.proposals) == (0, ()), "its source has just rejected it"
    assert [(one.node, "rejected LAMP" in one.reason) for one in need.not_from] == [(NEAREST, True)]
    await shop.count(NEAREST, LAMP=20)
    assert await proposed(shop) == {NEXT: {NEAREST: 10}}, "it has counted"
    await shop.check()


async def test_only_automatic_rules_are_taken_without_a_person(database: Database) -> None:
    shop = await shop_with(database, f"{NEXT},LAMP,4,10,,,,,,yes", f"{FARTHEST},LAMP,4,10,,,,,,no")
    (order,) = await needs.take_automatic(shop.transactions)
    shown = await document(shop, order.order)
    assert (shown["to"], shown["from"], shown["channel"]) == (NEXT, NEAREST, REPLENISHMENT)
    assert await needs.take_automatic(shop.transactions) == []
    assert await proposed(shop) == {FARTHEST: {NEAREST: 10}}
    await shop.check()


async def test_whole_packs_move_and_one_transfer_has_all_items_of_a_source(database: Database) -> None:
    items = ITEMS.replace("components\n", "components,pack_units\n").replace(",0,\n", ",0,,6\n")
    items = items.replace("VASE,Vase,700,2,\n", "VASE,Vase,700,2,,\n").replace("CHAIR*2\n", "CHAIR*2,\n")
    shop = await shop_with(database, RULES, f"{NEXT},CHAIR,4,15,,,,,,", items=items)
    (order,) = await take(shop)
    assert [(line.line, line.sku, line.quantity) for line in order.lines] == [("1", "CHAIR", 12), ("2", "LAMP", 6)]
    await shop.check()


async def test_pages_and_filters_show_each_need_once(database: Database) -> None:
    rules = [f"{node},{sku},1,2,,,,,," for node in (NEXT, FARTHEST) for sku in ("LAMP", "CHAIR", "VASE")]
    shop = await shop_with(database, *rules)
    everything = [(need.sku, need.node) for need in await found(shop)]
    assert everything == sorted(everything)
    assert len(everything) == 6
    seen: list[tuple[str, str]] = []
    while page := await found(shop, limit=2, after=needs.place_of(*reversed(seen[-1])) if seen else None):
        seen += [(need.sku, need.node) for need in page]
    assert seen == everything
    assert [need.node for need in await found(shop, sku="LAMP")] == [FARTHEST, NEXT]
    assert [need.sku for need in await found(shop, node=NEXT)] == ["CHAIR", "LAMP", "VASE"]
    assert await found(shop, sku="DESK-SET") == []


async def test_a_misspelt_node_or_item_is_refused(database: Database) -> None:
    shop = await shop_with(database, RULES)
    for field, asked in (("node", {"node": "nowhere"}), ("skus.1", {"skus": ["LAMP", "LAMB"]})):
        with pytest.raises(WrongField) as refused:
            await take(shop, **asked)
        assert refused.value.field == field


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_sources_keep_their_minimum_and_the_audit_stays_clean(
    database: Database, seed: int
) -> None:
    chance, least = random.Random(seed), 5
    rules = [f"{node},LAMP,4,12,,,,,,{flag}" for node, flag in ((NEXT, "yes"), (FARTHEST, "no"))]
    shop = await shop_with(database, *rules, f"{NEAREST},LAMP,{least},30,,,,{NEXT},,no")
    moving: list[str] = []
    for _ in range(25):
        match chance.choice(["sell", "sell", "take", "take", "ship", "receive", "reject", "count", "goods"]):
            case "sell":
                await shop.released(("LAMP", chance.randint(1, 4)))
            case "take":
                some = [needs.take_automatic(shop.transactions), take(shop, node=chance.choice([NEXT, FARTHEST]))]
                for taken in [one for orders in await asyncio.gather(*some) for one in orders]:
                    before = await free_at(shop, NEAREST)
                    moving.append(await moved(shop, taken))
                    assert await free_at(shop, NEAREST) >= min(before, least)
            case "ship" | "reject" as what if moving:
                order = chance.choice(moving)
                if (await shop.state(order)).fulfillment_orders:
                    await shop.tell(order, MessageKind.SHIPPED if what == "ship" else MessageKind.REJECTED)
                    await shop.source(order)
            case "receive" if moving:
                order = chance.choice(moving)
                await receive(shop, order, (await document(shop, order))["to"], LAMP=chance.randint(1, 3))
            case "count":
                await shop.count(NEAREST, LAMP=chance.randint(0, 30))
            case "goods":
                await shop.receive(NEAREST, LAMP=chance.randint(1, 20))
        await shop.backorders.work_off(100)
        for need in await found(shop):
            assert all(one.quantity <= one.free for one in need.proposals)
    await shop.check()


async def free_at(shop: Shop, node: str) -> int:
    on_hand, reserved, allocated = await shop.counters("LAMP", node)
    return on_hand - reserved - allocated
