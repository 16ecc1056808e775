"""What another system says of an order that it has begun must add up, or is refused with the field that does not."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.cut_over import OpenOrder
from domain.mistake import describe
from domain.order import NewOrder

LINE = {"line": "1", "sku": "CHAIR", "quantity": 3, "unit_price": 100}
BODY: dict[str, Any] = {
    "channel": "web",
    "number": "1",
    "placed_at": "2026-11-01T12:00:00Z",
    "currency": "USD",
    "ship_to": {"postal_code": "80202", "country": "US"},
}
TUESDAY = "2026-11-03T12:00:00Z"
SHIPPED = {"shipped_from": "slc"}
LEFT_LATE = SHIPPED | {"shipped_at": "2026-11-04T12:00:00Z"}
EMPTY = {"package": "A"}
FULL = EMPTY | {"lines": [{"line": "1", "quantity": 2}]}


def body(line: dict[str, Any], **more: Any) -> dict[str, Any]:
    return BODY | {"lines": [LINE | line]} | more


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # of the line, of the order, and the sentence
    ({"shipped": 2, "cancelled": 2}, SHIPPED, "lines.0.shipped: with `cancelled` it is more than the 3"),
    ({"shipped": 1, "returned": 2}, SHIPPED, "lines.0.returned: is more than the 1 shipped"),
    ({"shipped": -1}, {}, "lines.0.shipped: must be at least 0"),
    ({"shipped": 1}, {}, "shipped_from: is missing"),
    ({}, SHIPPED, "shipped_from: no unit of any line is `shipped`"),
    ({}, {"delivered_at": TUESDAY}, "delivered_at: no unit of any line is `shipped`"),
    ({"shipped": 1}, LEFT_LATE | {"delivered_at": TUESDAY}, "delivered_at: is before they left"),
    ({"shipped": 1}, SHIPPED | {"packages": [FULL]}, "packages: hold more of line 1 than was shipped"),
    ({"shipped": 1}, SHIPPED | {"packages": [EMPTY, EMPTY]}, "packages: the same package is named twice"),
    ({"shipped": 1, "returned": 1}, SHIPPED, "refunded: is missing"),
    ({"shipped": 1, "returned": 1}, SHIPPED | {"refunded": 301}, "refunded: is more than the 300 that were captured"),
    (
        {"shipped": 1, "returned": 1},
        SHIPPED | {"refunded": 100, "paid": 50},
        "refunded: is more than the 50 that were captured",
    ),
    ({"shipped": 1}, SHIPPED | {"refunded": 5}, "refunded: no unit of any line is `returned`"),
    ({}, {"reservation": "cart-1"}, "reservation: an order of another system"),
]


@pytest.mark.parametrize(("line", "more", "sentence"), WRONG, ids=[sentence for *_, sentence in WRONG])
def test_what_does_not_add_up_is_refused_with_its_field(
    line: dict[str, Any], more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        OpenOrder.model_validate(body(line, **more))
    field, why = sentence.split(": ", 1)
    assert describe(refused.value, OpenOrder).startswith(f"`{field}`: {why}")


def test_without_its_past_it_is_the_order_that_its_channel_sent() -> None:
    past = SHIPPED | {"shipped_at": "2026-11-02T12:00:00Z", "delivered_at": "2026-11-05T12:00:00Z", "refunded": 0}
    begun = OpenOrder.model_validate(body({"shipped": 2, "cancelled": 1, "returned": 1}, **past))
    sent = NewOrder.model_validate(body({}))

    assert begun.demand() == sent
    assert begun.demand().model_dump(exclude_unset=True) == sent.model_dump(exclude_unset=True)
