"""The page about money: its order goes through everything that its table says, and costs what the table says."""

import json
import re
from collections import Counter
from pathlib import Path

from domain.account import Layers, Prices, lowered, raised
from domain.order import NewOrder
from domain.refund import Account, Fees, payment

PAGE = (Path(__file__).parents[2] / "docs" / "money.md").read_text()
TABLE = re.compile(r"^\| what happens \| value \| total \| paid back \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
BODY = re.compile(r"<!-- tested: order -->\n```json\n(.*?)```\n", re.DOTALL)


def test_the_order_of_the_page_costs_and_gives_back_what_its_table_says() -> None:
    ((body,), (table,)) = BODY.findall(PAGE), TABLE.findall(PAGE)
    prices = NewOrder.model_validate(json.loads(body)).prices
    units, refunded = Counter[str](), 0
    for row in table.splitlines():
        happens, value, total, paid_back = (cell.strip() for cell in row.strip("|").split("|"))
        numbers = re.findall(r"\d+", happens)
        if "raised" in happens:
            line, more = numbers
            prices = with_line(prices, line, raised(prices.lines[line], int(more)))
        elif "cancelled" in happens:
            less, line = numbers
            prices = with_line(prices, line, lowered(prices.lines[line], int(less)))
        elif "comes back" in happens:
            back, line = numbers
            account = Account(prices.total, refunded, units=dict(units))
            paid = payment({line: int(back)}, prices, account, Fees(), with_shipping=True)
            assert paid.amount == int(paid_back), row
            units[line] += int(back)
            refunded += paid.amount
        assert (prices.value, prices.total) == (int(value), int(total)), row
    assert refunded == prices.total


def with_line(prices: Prices, line: str, layers: Layers) -> Prices:
    """The prices with other layers of one line."""
    return Prices({**prices.lines, line: layers}, prices.charges)
