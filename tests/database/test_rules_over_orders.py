"""Rules over the lines of an order and over what its channel says of it: they choose, also later, and repeat nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from database import personal
from database.connect import Database
from domain.fulfillment import MessageKind
from domain.order import NewOrder
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, Shop
from transactions import order as order_transactions

SECRET = "Zuckerkandl"
STRATEGIES = """
[sets]
far = 'node.region == "north" && "lab" in node.tags'
all = 'node.kind == "dc"'

[[hold]]
id = "gift"
when = 'order.lines.exists(line, line.has_gift_message)'
owner = "gifts"
reason = "gift messages are read first"

[[hold]]
id = "number"
when = 'int(order.attributes.size) > 4 && order.attributes.size != "" '
owner = "gifts"
reason = "large sizes are looked at"

[[strategy]]
id = "dangerous goods"
when = 'order.lines.exists(line, line.item.hazmat)'
rank = ["distance"]
[[strategy.tier]]
from = ["far"]
max_shipments = 3

[[strategy]]
id = "engraved"
when = 'order.attributes.engraving != "" || order.lines.exists(line, line.attributes["to engrave"] != "")'
rank = ["distance"]
[[strategy.tier]]
from = ["far"]

[[strategy]]
id = "regulars"
when = '"regular" in order.tags || order.reference.startsWith("R-")'
rank = ["priority"]
[[strategy.tier]]
from = ["all"]
"""
NORTH = 'region = "north"\ntags = ["lab"]\n'
OF_THEIR_OWN = replace(
    MAP,
    nodes=MAP.nodes.replace(f'id = "{NEXT}"', f'id = "{NEXT}"\n{NORTH}').replace(
        f'id = "{FARTHEST}"', f'id = "{FARTHEST}"\n{NORTH}'
    ),
    items=MAP.items.replace("components\n", "components,hazmat\n")
    .replace("0,\n", "0,,\n")
    .replace("2,\n", "2,,yes\n")
    .replace("CHAIR*2\n", "CHAIR*2,\n"),
    policy=MAP.policy.replace("\n[sets]\nall = 'node.kind == \"dc\"'\n", STRATEGIES),
)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database, OF_THEIR_OWN)


async def taken(shop: Shop, *lines: dict[str, Any], **more: Any) -> str:
    """An order with these lines, taken in and sourced; each is given its number, one unit and a price."""
    body = {
        "channel": "web",
        "number": str(datetime.now(UTC).timestamp()).replace(".", ""),
        "placed_at": datetime.now(UTC),
        "currency": "USD",
        "ship_to": {"postal_code": "80202", "country": "US"},
        "lines": [
            {"line": str(number), "quantity": 1, "unit_price": 100, **line} for number, line in enumerate(lines, 1)
        ],
    }
    name = (await order_transactions.take(shop.transactions, NewOrder.model_validate(body | more))).state.order
    await shop.source(name)
    return name


async def strategies(shop: Shop, order: str) -> list[str]:
    """The strategy of each round of an order."""
    async with shop.database.read() as connection:
        rows = await connection.execute(
            text("SELECT strategy FROM plan WHERE order_id = :order ORDER BY round"), {"order": order}
        )
        return list(rows.scalars())


@pytest.mark.parametrize(
    ("lines", "more", "strategy"),
    [
        ([{"sku": "LAMP"}], {}, "nearest"),
        ([{"sku": "LAMP"}, {"sku": "VASE"}], {}, "dangerous goods"),
        ([{"sku": "LAMP"}], {"attributes": {"engraving": SECRET}}, "engraved"),
        ([{"sku": "LAMP"}], {"attributes": {"colour": SECRET}}, "nearest"),
        ([{"sku": "LAMP"}, {"sku": "LAMP", "attributes": {"to engrave": SECRET}}], {}, "engraved"),
        ([{"sku": "LAMP"}], {"tags": ["regular"]}, "regulars"),
        ([{"sku": "LAMP"}], {"reference": "R-17"}, "regulars"),
    ],
)
async def test_a_strategy_is_chosen_by_what_is_in_the_order_and_what_is_said_of_it(
    shop: Shop, lines: list[dict[str, Any]], more: dict[str, Any], strategy: str
) -> None:
    assert await strategies(shop, await taken(shop, *lines, **more)) == [strategy]


async def test_an_order_keeps_its_strategy_when_only_a_part_of_it_is_sourced_again(shop: Shop) -> None:
    for node in (NEAREST, NEXT, FARTHEST):
        await shop.receive(node, LAMP=5, VASE=5)
    order = await taken(shop, {"sku": "LAMP"}, {"sku": "VASE"})
    await shop.release(order)
    await shop.tell(order, MessageKind.REJECTED, {"1": 1})
    await shop.source(order)

    assert await strategies(shop, order) == ["dangerous goods"] * 2
    assert {fo.node for fo in (await shop.release(order)).fulfillment_orders} == {NEXT, FARTHEST}


async def test_the_policy_holds_an_order_for_what_its_lines_have_and_when_a_rule_cannot_be_computed(
    shop: Shop,
) -> None:
    gift = await taken(shop, {"sku": "LAMP", "gift_message": SECRET})
    odd = await taken(shop, {"sku": "LAMP"}, attributes={"size": SECRET})
    plain = await taken(shop, {"sku": "LAMP"}, attributes={"size": "3"})
    assert [(await shop.state(order)).holds for order in (gift, odd, plain)] == [["gift"], ["number"], []]


async def test_what_rules_read_is_repeated_nowhere(shop: Shop, database: Database) -> None:
    """Not in a plan, the reason of a hold, an exception, an event or a signal: all of it is sealed."""
    said = {"attributes": {"engraving": SECRET, "size": SECRET}, "note": SECRET}
    await taken(shop, {"sku": "LAMP", "gift_message": SECRET, "attributes": {"to engrave": SECRET}}, **said)
    async with database.read() as connection:
        tables = await connection.execute(
            text(
                "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN ('public', 'personal')"
            )
        )
        for table in tables.scalars().all():
            found = await connection.execute(
                text(f"SELECT t::text FROM {table} t WHERE t::text LIKE :secret"), {"secret": f"%{SECRET}%"}
            )
            assert found.scalars().all() == [], table
    assert SECRET not in str(shop.sent)


async def test_a_forgotten_order_has_no_attributes_that_a_rule_could_read(shop: Shop) -> None:
    await shop.receive(NEXT, LAMP=1)
    order = await taken(shop, {"sku": "LAMP"}, attributes={"engraving": SECRET})
    await shop.release(order)
    async with shop.database.write() as connection:
        await personal.forget(connection, order, "tests", None)
    await shop.tell(order, MessageKind.REJECTED)
    await shop.source(order)
    assert await strategies(shop, order) == ["engraved", "nearest"]
