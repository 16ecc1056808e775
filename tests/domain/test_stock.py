"""What is available, how bundles move as their components, and which stock messages are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.stock import Movement, MovementKind, Shelf, StockMessage, explode

counters = st.integers(-1000, 1000)


def available(on_hand: int, reserved: int, allocated: int, safety: int) -> int:
    return Shelf("slc", "SERUM-30", on_hand, reserved, allocated).available(safety)


@pytest.mark.parametrize(
    ("on_hand", "reserved", "allocated", "safety", "outcome"),
    [
        (10, 0, 0, 0, 10),
        (10, 3, 4, 0, 3),
        (10, 3, 4, 2, 1),
        (10, 3, 4, 3, 0),
        (10, 3, 4, 4, 0),
        (2, 3, 0, 0, 0),
        (-1, 0, 0, 0, 0),
    ],
)
def test_available_is_what_is_on_hand_and_not_promised_and_not_kept_back(
    on_hand: int, reserved: int, allocated: int, safety: int, outcome: int
) -> None:
    assert available(on_hand, reserved, allocated, safety) == outcome


@given(counters, counters, counters, st.integers(0, 100), st.integers(0, 50))
def test_available_is_never_below_zero_and_promising_units_takes_them_off(
    on_hand: int, reserved: int, allocated: int, safety: int, promised: int
) -> None:
    before = available(on_hand, reserved, allocated, safety)
    assert before >= 0
    assert available(on_hand, reserved + promised, allocated, safety) == max(
        0, on_hand - reserved - allocated - safety - promised
    )
    assert available(on_hand, reserved - promised, allocated + promised, safety) == before


@given(counters, counters, counters, st.lists(st.tuples(st.sampled_from(["LAMP", "CHAIR"]), st.integers(1, 9))))
def test_a_bundle_moves_as_so_many_units_of_each_component(
    on_hand: int, reserved: int, allocated: int, components: list[tuple[str, int]]
) -> None:
    moved = Movement(MovementKind.SHIPPED, "denver", "DESK-SET", on_hand, reserved, allocated, "web-1-f1:1")
    found = explode(moved, components)
    assert [(each.sku, each.on_hand, each.reserved, each.allocated) for each in found] == [
        (sku, on_hand * n, reserved * n, allocated * n) for sku, n in components
    ]
    assert {(each.kind, each.node, each.reference) for each in found} <= {(moved.kind, moved.node, moved.reference)}


@pytest.mark.parametrize(
    ("on_hand", "reserved", "allocated", "nothing"),
    [(0, 0, 0, True), (1, 0, 0, False), (0, -1, 0, False), (0, 0, 1, False), (0, -1, 1, False)],
)
def test_a_movement_that_changes_no_counter_says_so(on_hand: int, reserved: int, allocated: int, nothing: bool) -> None:
    assert Movement(MovementKind.FREED, "denver", "LAMP", on_hand, reserved, allocated).changes_nothing is nothing


GOOD = {
    "message_id": "denver-1",
    "node": "denver",
    "kind": "received",
    "occurred_at": "2026-11-23T12:00:00Z",
    "lines": [{"sku": "LAMP", "quantity": 5}],
}


def lines(*quantities: int, sku: str = "LAMP") -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": quantity} for quantity in quantities]


@pytest.mark.parametrize(
    ("kind", "quantity", "refusal"),
    [
        ("received", 1, None),
        ("received", 0, "lines.0.quantity: received units are 1 or more"),
        ("received", -1, "lines.0.quantity: received units are 1 or more"),
        ("counted", 5, None),
        ("counted", 0, None),
        ("counted", -1, "lines.0.quantity: counted units are 0 or more"),
        ("adjusted", 5, None),
        ("adjusted", -5, None),
        ("adjusted", 0, "lines.0.quantity: an adjustment of 0 says nothing"),
    ],
)
def test_each_kind_of_stock_message_has_its_own_quantities(kind: str, quantity: int, refusal: str | None) -> None:
    body = GOOD | {"kind": kind, "lines": lines(quantity)}
    if refusal is None:
        assert StockMessage.model_validate(body).lines[0].quantity == quantity
    else:
        with pytest.raises(ValidationError, match=refusal):
            StockMessage.model_validate(body)


def test_a_count_names_each_item_once_but_goods_may_come_on_several_pallets() -> None:
    assert len(StockMessage.model_validate(GOOD | {"lines": lines(1, 2)}).lines) == 2
    with pytest.raises(ValidationError, match="a SKU is counted twice"):
        StockMessage.model_validate(GOOD | {"kind": "counted", "lines": lines(1, 2)})


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"kind": "stolen"}, "kind"),
        ({"node": "Denver DC"}, "node"),
        ({"message_id": "a b"}, "message_id"),
        ({"occurred_at": "2026-11-23T12:00:00"}, "occurred_at"),
        ({"lines": []}, "lines"),
        ({"lines": lines(5, sku="")}, "lines.0.sku"),
        ({"lines": [{"sku": "LAMP", "quantity": 1.0}]}, "lines.0.quantity"),
        ({"lines": lines(1_000_001)}, "lines.0.quantity"),
        ({"lines": [{"sku": "LAMP", "quantity": 1, "unit": "box"}]}, "lines.0.unit"),
        ({"reason": "torn\x00box"}, "reason"),
        ({"warehouse": "denver"}, "warehouse"),
    ],
)
def test_a_stock_message_of_the_wrong_shape_is_refused_with_the_name_of_its_field(
    bad: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        StockMessage.model_validate(GOOD | bad)
    assert ".".join(map(str, refused.value.errors()[0]["loc"])) == field
