"""What a channel may hand in as an order, and that every mistake is answered with the name of its field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.identifiers import fulfillment_order_id, order_of_fulfillment_order
from domain.order import NewOrder
from domain.request import CancelRequest, ReturnRequest

LINE = {"line": "1", "sku": "CHAIR", "quantity": 2, "unit_price": 4900}
ADDRESS = {"postal_code": "80202", "country": "US"}
LEAST = {
    "channel": "web",
    "number": "1001",
    "placed_at": "2026-11-21T15:04:05Z",
    "currency": "USD",
    "ship_to": ADDRESS,
    "lines": [LINE],
}


def complaints(body: dict[str, Any]) -> list[str]:
    """Which fields of an order are wrong; what concerns several fields begins its text with the name of one."""
    try:
        NewOrder.model_validate(body)
    except ValidationError as refused:
        return [
            ".".join(map(str, error["loc"])) or error["msg"].removeprefix("Value error, ").partition(":")[0]
            for error in refused.errors()
        ]
    return []


def test_an_order_needs_no_more_than_the_contract_requires_and_the_rest_has_the_documented_defaults() -> None:
    order = NewOrder.model_validate(LEAST)
    assert (order.service, order.priority, order.shipping_price, order.holds) == ("standard", 5, 0, ())
    assert (order.pickup_node, order.ship_complete, order.paid, order.lines[0].discount) == (None, None, None, 0)


@pytest.mark.parametrize("field", ["channel", "number", "placed_at", "currency", "ship_to", "lines"])
def test_a_missing_field_is_named(field: str) -> None:
    assert complaints({name: value for name, value in LEAST.items() if name != field}) == [field]


@pytest.mark.parametrize("field", ["line", "sku", "quantity", "unit_price"])
def test_a_missing_field_of_a_line_is_named(field: str) -> None:
    line = {name: value for name, value in LINE.items() if name != field}
    assert complaints(LEAST | {"lines": [LINE, line | {"line": "2"} if field != "line" else line]}) == [
        f"lines.1.{field}"
    ]


def test_an_address_without_a_country_is_refused() -> None:
    assert complaints(LEAST | {"ship_to": {k: v for k, v in ADDRESS.items() if k != "country"}}) == ["ship_to.country"]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("channel", ""),
        ("channel", "Web"),
        ("channel", "web-shop"),
        ("channel", "web\n"),
        ("channel", "a" * 17),
        ("number", ""),
        ("number", "10 01"),
        ("number", "1001/2"),
        ("number", "9" * 65),
        ("number", 1001),
        ("placed_at", "2026-11-21T15:04:05"),
        ("placed_at", "yesterday"),
        ("placed_at", "2026-11-21"),
        ("placed_at", 1_795_000_000),
        ("placed_at", "9999-12-31T23:59:59Z"),
        ("currency", "usd"),
        ("currency", "DOLLAR"),
        ("service", "Two Day"),
        ("priority", 0),
        ("priority", 10),
        ("priority", "5"),
        ("priority", True),
        ("ship_complete", "maybe"),
        ("pickup_node", "Denver Store"),
        ("not_before", "2026-11-21"),
        ("shipping_price", -1),
        ("shipping_price", 4.99),
        ("paid", "100"),
        ("lines", []),
        ("lines", None),
        ("ship_to.country", "us"),
        ("ship_to.country", "USA"),
        ("ship_to.postal_code", "80202; --"),
        ("ship_to.name", "x" * 201),
        ("ship_to.name", "Ann\x00"),
        ("ship_to.street", ["line"] * 6),
        ("ship_to.planet", "Earth"),
        ("lines.0.quantity", 0),
        ("lines.0.quantity", 1_000_001),
        ("lines.0.quantity", 1.0),
        ("lines.0.quantity", "2"),
        ("lines.0.quantity", True),
        ("lines.0.unit_price", -1),
        ("lines.0.unit_price", 49.0),
        ("lines.0.discount", -1),
        ("lines.0.sku", ""),
        ("lines.0.sku", " chair"),
        ("lines.0.sku", "chair\u00a0"),
        ("lines.0.sku", "cha\nir"),
        ("lines.0.sku", "cha\u0085ir"),
        ("lines.0.sku", "x" * 65),
        ("lines.0.attributes", {str(number): "x" for number in range(21)}),
        ("lines.0.attributes", ["engraving"]),
        ("lines.0.attributes.engraving", 7),
        ("lines.0.gift_message", "x" * 2001),
        ("reference", "x" * 65),
        ("reference", "#10\n05"),
        ("purchase_order", "   "),
        ("tags", "gift"),
        ("tags", ["x" * 201]),
        ("bill_to.planet", "Earth"),
        ("bill_to.country", "usa"),
        ("promised.ship_by", "2026-11-21"),
        ("note", "x" * 2001),
        ("lines.0.line", ""),
        ("lines.0.colour", "red"),
        ("coupon", "XMAS"),
    ],
)
def test_a_bad_value_or_an_unknown_field_is_refused_with_its_name(field: str, bad: object) -> None:
    body: dict[str, Any] = LEAST | {"ship_to": dict(ADDRESS), "bill_to": {}, "promised": {}, "tags": ["gift"]}
    body["lines"] = [LINE | {"attributes": {}}]
    *way, name = field.split(".")
    place: Any = body
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[name] = bad
    first, *others = complaints(body)
    assert f"{first}.".startswith(f"{field}.")
    assert set(others) <= {"lines"}, "a list whose only line is bad is also called too short"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"lines": [LINE, LINE | {"sku": "LAMP"}]}, "lines"),
        ({"holds": [{"hold": "fraud"}, {"hold": "fraud", "reason": "again"}]}, "holds"),
        ({"holds": [{"hold": "Fraud!"}]}, "holds.0.hold"),
        ({"lines": [LINE | {"discount": 9801}]}, "lines.0.discount"),
        ({"lines": [LINE | {"quantity": 1_000_000, "unit_price": 10**10}]}, "lines"),
        ({"not_before": "2026-12-02T00:00:00Z", "not_after": "2026-12-01T00:00:00Z"}, "not_after"),
        ({"not_before": "2026-12-02T00:00:00Z", "not_after": "2026-12-02T00:00:00Z"}, "not_after"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_field_that_does(more: dict[str, object], field: str) -> None:
    assert complaints(LEAST | more) == [field]


def test_the_same_item_may_stand_on_two_lines() -> None:
    assert complaints(LEAST | {"lines": [LINE, LINE | {"line": "2"}]}) == []


def test_a_discount_may_make_a_line_free() -> None:
    assert complaints(LEAST | {"lines": [LINE | {"discount": 2 * 4900}]}) == []


def test_a_window_that_is_open_is_taken() -> None:
    assert complaints(LEAST | {"not_before": "2026-12-01T00:00:00Z", "not_after": "2026-12-02T00:00:00Z"}) == []


def test_all_mistakes_are_reported_at_once() -> None:
    body = LEAST | {"channel": "Web", "currency": "usd", "lines": [LINE | {"quantity": 0}]}
    assert complaints(body)[:3] == ["channel", "currency", "lines.0.quantity"]


def test_the_orders_id_is_channel_and_number_in_lower_case() -> None:
    assert NewOrder.model_validate(LEAST | {"number": "AB-12"}).order == "web-ab-12"


@given(st.from_regex(r"[a-z0-9]{1,16}-[a-z0-9-]{1,20}", fullmatch=True), st.integers(1, 99))
def test_a_fulfillment_orders_id_leads_back_to_its_order_whatever_the_orders_number_looks_like(
    order: str, number: int
) -> None:
    assert order_of_fulfillment_order(fulfillment_order_id(order, number)) == order


def test_an_orders_value_is_its_goods_less_their_discounts() -> None:
    lines = [LINE | {"discount": 300}, LINE | {"line": "2", "quantity": 1, "unit_price": 1000}]
    assert NewOrder.model_validate(LEAST | {"lines": lines, "shipping_price": 700}).value == 2 * 4900 - 300 + 1000


def test_a_cancel_names_its_lines_or_means_everything() -> None:
    assert CancelRequest.model_validate({}).lines is None
    with pytest.raises(ValidationError, match=r"lines"):
        CancelRequest.model_validate({"lines": []})


def test_a_return_needs_at_least_one_unit() -> None:
    for lines in ([], [{"line": "1", "quantity": 0}]):
        with pytest.raises(ValidationError, match=r"lines"):
            ReturnRequest.model_validate({"lines": lines})
