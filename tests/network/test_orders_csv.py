"""An ERP's file of orders: every mistake is named with line and column, and no half order is ever taken."""

from typing import Any

import pytest

from domain.order import NewOrder
from network.mistakes import Mistakes
from network.orders_csv import OF_A_LINE, OF_THE_ORDER, OrderRows, read_orders

HEADER = "number,placed_at,currency,country,postal_code,sku,quantity,unit_price"


def read(*rows: str, header: str = HEADER) -> tuple[list[OrderRows], list[str]]:
    """The orders of a file, and its mistakes."""
    mistakes = Mistakes("orders.csv")
    return read_orders("\n".join([header, *rows, ""]), "erp", mistakes), [str(mistake) for mistake in mistakes.found()]


def test_rows_of_one_number_are_the_lines_of_one_order() -> None:
    orders, mistakes = read(
        "A-1,2026-11-30,USD,US,80202,SERUM-30,2,2900",
        "A-1,,,,,TONER-200,1,1900",
        "A-2,2026-11-30T09:00:00Z,USD,US,10001,SERUM-30,1,2900",
    )
    assert mistakes == []
    assert [order.body["number"] for order in orders] == ["A-1", "A-2"]
    assert orders[0].body == {
        "channel": "erp",
        "number": "A-1",
        "placed_at": "2026-11-30T00:00:00Z",
        "currency": "USD",
        "ship_to": {"country": "US", "postal_code": "80202"},
        "lines": [
            {"line": "1", "sku": "SERUM-30", "quantity": 2, "unit_price": 2900},
            {"line": "2", "sku": "TONER-200", "quantity": 1, "unit_price": 1900},
        ],
    }
    assert (orders[0].line, orders[0].lines) == (2, [2, 3])


def test_every_column_reaches_the_order() -> None:
    values: dict[str, Any] = dict.fromkeys((*OF_THE_ORDER, *OF_A_LINE), "x")
    values |= {"channel": "wholesale", "number": "A-1", "placed_at": "2026-11-30", "currency": "USD", "country": "US"}
    values |= {"not_before": "2026-12-01T00:00:00Z", "not_after": "2026-12-09T00:00:00Z", "ship_complete": "order"}
    values |= {"prices_include_tax": "no", "priority": "3", "shipping_price": "500", "shipping_tax": "40", "paid": "0"}
    values |= {
        "quantity": "2",
        "unit_price": "2900",
        "discount": "100",
        "tax": "7",
        "street": "1 Main",
        "street_2": "b",
    }
    orders, mistakes = read(",".join(values.values()), header=",".join(values))
    assert mistakes == []
    order = NewOrder.model_validate(orders[0].body)
    assert order.ship_to.name == "x"
    assert order.ship_to.street == ("1 Main", "b")
    assert (order.lines[0].name, order.lines[0].discount, order.lines[0].tax) == ("x", 100, 7)
    assert (order.channel, order.paid, order.priority, order.prices_include_tax) == ("wholesale", 0, 3, False)
    given = set(orders[0].body) | set(orders[0].body["ship_to"]) | set(orders[0].body["lines"][0])
    assert given >= {*OF_THE_ORDER, *OF_A_LINE} - {"street_2", "ship_to_name", "item_name"}


@pytest.mark.parametrize(
    ("rows", "mistake"),
    [
        (["A-1,2026-11-30,USD,US,80202,SERUM-30,two,2900"], "2: quantity must be a whole number, not 'two'"),
        (
            ["A-1,2026-11-30,USD,US,80202,SERUM-30,2,29.00"],
            "2: unit_price must be a whole number of minor units, such as 1999 for 19.99, not '29.00'",
        ),
        (
            ["A-1,2026-11-30,USD,US,80202,SERUM-30,2,2900", "A-1,,EUR,,,TONER-200,1,1900"],
            "3: currency is not that of line 2, which is of the same order",
        ),
        (
            ["A-1,2026-11-30,USD,US,80202,SERUM-30,2,2900,", ""],
            "2: 9 columns instead of 8; put a text with a comma in quotes",
        ),
    ],
)
def test_an_order_with_a_wrong_row_is_left_out_and_the_others_are_read(rows: list[str], mistake: str) -> None:
    orders, mistakes = read(
        "G-1,2026-11-30,USD,US,80202,SERUM-30,1,2900", "G-2,2026-11-30,USD,US,1,SERUM-30,1,1", *rows
    )
    number, text = mistake.split(": ", 1)
    assert f"orders.csv:{int(number) + 2}: {text.replace('line 2', 'line 4')}" in mistakes
    assert "G-1" in {order.body["number"] for order in orders}
    assert "A-1" not in {order.body["number"] for order in orders}


def test_a_row_that_cannot_be_read_keeps_the_orders_beside_it_out_since_it_may_be_theirs() -> None:
    orders, mistakes = read(
        "A-1,2026-11-30,USD,US,80202,SERUM-30,1,2900",
        "A-2,2026-11-30,USD,US,80202,SERUM-30,1,2900",
        "A-2,,,TONER-200,1",
        "A-3,2026-11-30,USD,US,80202,SERUM-30,1,2900",
        "A-4,2026-11-30,USD,US,80202,SERUM-30,1,2900",
    )
    assert [order.body["number"] for order in orders] == ["A-1", "A-4"]
    assert mistakes == [
        "orders.csv:3: order A-2 is left out: line 4 beside it cannot be read",
        "orders.csv:4: 5 columns instead of 8; put a text with a comma in quotes",
        "orders.csv:5: order A-3 is left out: line 4 beside it cannot be read",
    ]


def test_rows_of_an_order_that_stand_apart_are_not_guessed_to_be_one_order_or_two() -> None:
    orders, mistakes = read(
        "A-1,2026-11-30,USD,US,80202,SERUM-30,1,2900",
        "A-2,2026-11-30,USD,US,80202,SERUM-30,1,2900",
        "A-1,2026-11-30,USD,US,80202,TONER-200,1,1900",
    )
    assert [order.body["number"] for order in orders] == ["A-2"]
    assert mistakes == [
        "orders.csv:4: number 'A-1' is also that of line 2; the rows of an order must stand one after another"
    ]


def test_a_file_that_is_no_table_of_orders_is_named_once() -> None:
    assert read("x", header="jpeg") == (
        [],
        [
            "orders.csv:1: missing columns number, placed_at, currency, country, sku, quantity, unit_price",
            "orders.csv:1: unknown column 'jpeg'",
        ],
    )
    assert read("A-1;x", header=HEADER.replace(",", ";"))[1] == [
        "orders.csv:1: columns are separated by ';'; write , between them, in every row"
    ]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("lines.1.sku", (3, "sku")),
        ("lines.0.name", (2, "item_name")),
        ("lines.0", (2, "line")),
        ("ship_to.postal_code", (2, "postal_code")),
        ("ship_to.name", (2, "ship_to_name")),
        ("ship_to.street.0", (2, "street")),
        ("ship_to", (2, "country")),
        ("currency", (2, "currency")),
        ("lines", (2, "lines")),
    ],
)
def test_a_field_of_an_order_has_its_place_in_the_file(path: str, place: tuple[int, str]) -> None:
    assert OrderRows(2, [2, 3], {}).place(path) == place
