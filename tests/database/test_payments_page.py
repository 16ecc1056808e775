"""The worked examples of the page about payments are what happens."""

import re
from pathlib import Path

import pytest

from database.connect import Database
from domain.fulfillment import MessageKind
from tests.database.shop import NEAREST, Shop
from tests.database.test_payments import sums
from tests.database.test_returns import Desk

PAGE = Path(__file__).parents[2] / "docs/payments.md"
EXAMPLE = re.compile(r"^<!-- run: (\d+) chairs(.*) -->\n\|.*\n\|.*\n((?:\|.*\n)+)", re.MULTILINE)
EXAMPLES = EXAMPLE.findall(PAGE.read_text())


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == PAGE.read_text().count("<!-- run: ") > 3


@pytest.mark.parametrize(("units", "terms", "table"), EXAMPLES)
async def test_a_worked_example_is_what_happens(database: Database, units: str, terms: str, table: str) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12)
    named = {name: int(amount) for name, amount in re.findall(r"(\w+) (\d+)", terms)}
    order = await shop.place(
        ("CHAIR", int(units)),
        unit_price=10_000,
        shipping_price=named.get("shipping", 0),
        paid=named.get("paid"),
    )
    for row in table.strip().splitlines():
        step, asked, *shown = (cell.strip() for cell in row.strip("|").split("|"))
        before = len(await shop.asked(order))
        await _do(shop, order, step)
        assert ", ".join((await shop.asked(order))[before:]) == asked, step
        assert await sums(shop, order) == tuple(map(int, shown)), step
    await shop.check()


async def _do(shop: Shop, order: str, step: str) -> None:
    what, _, number = step.rpartition(" ")
    match what:
        case "ships":
            if not (await shop.state(order)).fulfillment_orders:
                await shop.source(order)
                await shop.release(order)
            await shop.tell(order, MessageKind.DELIVERED, {"1": int(number)})
        case "cancelled":
            await shop.cancel(order, {"1": int(number)})
        case "quantity":
            await shop.change(order, {"1": int(number)})
        case "comes back":
            desk = Desk(shop)
            name = await desk.asked(order, int(number))
            await desk.grade(name, int(number))
            await desk.pay(name)
        case _:
            await shop.report(order, what, int(number))
