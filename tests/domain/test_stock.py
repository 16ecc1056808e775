"""What is available, how bundles move as their components, what a count changes, and which stock messages are refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.mistake import mistakes
from domain.stock import (
    Movement,
    MovementKind,
    StockChange,
    StockFile,
    StockLevel,
    StockMessage,
    StockMessageKind,
    explode,
    recount,
)
from tests.stock_facts import StockFact, on_hand_after, stories

counters = st.integers(-1000, 1000)


def available(on_hand: int, reserved: int, allocated: int, safety: int) -> int:
    return StockLevel("slc", "SERUM-30", on_hand, reserved, allocated).available(safety)


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
def test_a_bundle_moves_as_units_of_each_component(
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
def test_a_movement_that_changes_no_counter_is_known(
    on_hand: int, reserved: int, allocated: int, nothing: bool
) -> None:
    assert Movement(MovementKind.FREED, "denver", "LAMP", on_hand, reserved, allocated).changes_nothing is nothing


MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def hours(number: int) -> datetime:
    return MOMENT + timedelta(hours=number)


# fmt: off
COUNTS = [
    # what                                         on hand  counted at  counts  taken at  later  on hand afterwards
    ("a first count",                                   10,       None,      7,        0,     0,  7),
    ("a count of what we believed",                     10,       None,     10,        0,     0, 10),
    ("a count of an empty level",                       10,       None,      0,        0,     0,  0),
    ("goods shipped since stay away",                    6,       None,     10,        0,    -4,  6),
    ("goods received since come on top",                15,       None,      7,        0,     5, 12),
    ("a newer count",                                   10,         -1,      7,        0,     0,  7),
    ("a count as old as the newest, sent after it",      10,          0,      7,        0,     0,  7),
    ("an older count tells nothing",                    10,          1,      7,        0,     5, None),
]
# fmt: on


@pytest.mark.parametrize(("what", "on_hand", "counted_at", "counts", "taken_at", "later", "afterwards"), COUNTS)
def test_a_count_is_what_was_there_then_and_what_happened_since_is_added(
    what: str, on_hand: int, counted_at: int | None, counts: int, taken_at: int, later: int, afterwards: int | None
) -> None:
    level = StockLevel("denver", "LAMP", on_hand, 3, 2, counted_at=None if counted_at is None else hours(counted_at))
    correction = recount(level, counts, hours(taken_at), later)
    if afterwards is None:
        assert correction is None, what
    else:
        assert correction == Movement(MovementKind.COUNTED, "denver", "LAMP", on_hand=afterwards - on_hand), what


@given(stories)
def test_whatever_the_order_of_arrival_on_hand_is_the_last_count_and_what_happened_after_it(
    story: list[StockFact],
) -> None:
    ledger: list[tuple[int, int]] = []
    level = StockLevel("denver", "LAMP", 0, 0, 0)
    for fact in story:
        moment = hours(fact.hour)
        if fact.kind is StockMessageKind.COUNTED:
            later = sum(units for hour, units in ledger if hour > fact.hour)
            correction = recount(level, fact.quantity, moment, later)
            booked = [] if correction is None else [correction.on_hand]
            level = level if correction is None else level._replace(counted_at=moment)
        else:
            booked = [fact.quantity, -fact.quantity] if level.has_seen(moment) else [fact.quantity]
        ledger += [(fact.hour, units) for units in booked]
        level = level._replace(on_hand=level.on_hand + sum(booked))
    assert level.on_hand == on_hand_after(story)


def test_a_change_counts_per_item_and_leaves_out_what_the_last_count_has_seen() -> None:
    levels = {
        "LAMP": StockLevel("denver", "LAMP", 0, 0, 0),
        "CHAIR": StockLevel("denver", "CHAIR", 9, 0, 0, counted_at=hours(1)),
        "VASE": StockLevel("denver", "VASE", 9, 0, 0, counted_at=hours(-1)),
        "SHADE": StockLevel("denver", "SHADE", 9, 0, 0),
    }
    movements = [
        Movement(MovementKind.RECEIVED, "denver", "LAMP", on_hand=5, reference="0"),
        Movement(MovementKind.RECEIVED, "denver", "LAMP", on_hand=2, reference="1"),
        Movement(MovementKind.RECEIVED, "denver", "CHAIR", on_hand=4),
        Movement(MovementKind.ADJUSTED, "denver", "VASE", on_hand=-3),
    ]
    assert StockChange.of(levels, movements, hours(0)) == StockChange(4, 2, units_up=7, units_down=3)
    counted = [Movement(MovementKind.COUNTED, "denver", "VASE", on_hand=-1)]
    assert StockChange.of(levels, counted, hours(-2)) == StockChange(4, 1, units_up=0, units_down=1)


GOOD = {
    "message_id": "denver-1",
    "node": "denver",
    "kind": "received",
    "occurred_at": "2026-11-23T12:00:00Z",
    "lines": [{"sku": "LAMP", "quantity": 5}],
}


def lines(*quantities: int, sku: str = "LAMP") -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": quantity} for quantity in quantities]


DAMAGED = {"from_state": "sellable", "to_state": "damaged"}
SOON = {"expected_at": "2026-12-01T12:00:00Z"}
LATER = SOON | {"expected": "po-1"}
FIELDS: dict[str, dict[str, str]] = {"moved": DAMAGED, "expected": SOON, "expected_changed": LATER}


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
        ("snapshot", 0, None),
        ("snapshot", -1, "lines.0.quantity: counted units are 0 or more"),
        ("moved", 1, None),
        ("moved", 0, "lines.0.quantity: moved units are 1 or more"),
        ("moved", -1, "lines.0.quantity: moved units are 1 or more"),
        ("expected", 1, None),
        ("expected", 0, "lines.0.quantity: expected units are 1 or more"),
        ("expected_changed", 0, None),
        ("expected_changed", -1, "lines.0.quantity: expected units are 0 or more"),
    ],
)
def test_each_kind_of_stock_message_has_its_own_quantities(kind: str, quantity: int, refusal: str | None) -> None:
    body = GOOD | {"kind": kind, "lines": lines(quantity)} | FIELDS.get(kind, {})
    if refusal is None:
        assert StockMessage.model_validate(body).good[0].quantity == quantity
    else:
        with pytest.raises(ValidationError, match=refusal):
            StockMessage.model_validate(body)


def test_goods_may_come_on_several_pallets() -> None:
    assert StockMessage.model_validate(GOOD | {"lines": lines(1, 2)}).units == {"LAMP": 3}


@pytest.mark.parametrize("kind", ["counted", "snapshot"])
def test_of_an_item_that_a_count_names_twice_the_first_row_counts(kind: str) -> None:
    message = StockMessage.model_validate(GOOD | {"kind": kind, "lines": lines(1, 2)})
    assert message.units == {"LAMP": 1}
    assert {place: str(row) for place, row in message.wrong.items()} == {1: "`sku`: it is counted twice in one message"}


A_WHOLE_NUMBER = "must be a whole number, without quotes and without a point"
# fmt: off
ROWS = [
    # a row                                              what is said of it
    ({"sku": "LAMP"},                                    "LAMP `quantity`: is missing"),
    ({"sku": "LAMP", "quantity": "ten"},                 f"LAMP `quantity`: {A_WHOLE_NUMBER}"),
    ({"sku": "LAMP", "quantity": -1},                    "LAMP `quantity`: counted units are 0 or more"),
    ({"sku": "LAMP", "quantity": 1, "reason": "found"},  "LAMP `reason`: unknown"),
    ({"sku": "", "quantity": 1},                         "None `sku`: is missing"),
    ({"sku": " lamp", "quantity": 1},                    "None `sku`: must not begin or end with a blank"),
    ({"sku": "LAMP", "quantity": 1, "why": "x"},         "LAMP `why`: unknown"),
    ("LAMP",                                             "None must be an object"),
    (None,                                               "None must be an object"),
]
# fmt: on


@pytest.mark.parametrize(("row", "said"), ROWS, ids=[said for _, said in ROWS])
def test_a_row_that_is_wrong_is_named_and_the_others_count(row: object, said: str) -> None:
    body = GOOD | {"kind": "counted", "lines": [*lines(5), row, *lines(7, sku="CHAIR")]}
    message = StockMessage.model_validate(body)
    assert message.units == {"LAMP": 5, "CHAIR": 7}
    assert {place: f"{wrong.sku} {wrong}" for place, wrong in message.wrong.items()} == {1: said}
    assert message.facts()["lines"] == [*lines(5), *lines(7, sku="CHAIR")]


# fmt: off
KIND_FIELDS = [
    # kind        fields                                                       the field that is wrong
    ("received",  {},                                                          None),
    ("received",  {"expected": "po-1"},                                        None),
    ("received",  {"from_state": None, "expected_at": None},                   None),
    ("received",  {"from_state": "sellable"},                                  "from_state"),
    ("received",  {"to_state": "damaged"},                                     "to_state"),
    ("received",  SOON,                                                        "expected_at"),
    ("expected_changed", LATER,                                                None),
    ("expected_changed", SOON,                                                 "expected"),
    ("expected_changed", {"expected": "po-1"},                                 "expected_at"),
    ("counted",   {"expected": "po-1"},                                        "expected"),
    ("snapshot",  {"to_state": "damaged"},                                     "to_state"),
    ("adjusted",  SOON,                                                        "expected_at"),
    ("moved",     DAMAGED,                                                     None),
    ("moved",     {"from_state": "quarantined", "to_state": "display"},        None),
    ("moved",     {},                                                          "from_state"),
    ("moved",     {"to_state": "damaged"},                                     "from_state"),
    ("moved",     {"from_state": "sellable"},                                  "to_state"),
    ("moved",     {"from_state": "damaged", "to_state": "damaged"},            "to_state"),
    ("moved",     DAMAGED | SOON,                                              "expected_at"),
    ("expected",  SOON,                                                        None),
    ("expected",  {},                                                          "expected_at"),
    ("expected",  SOON | {"expected": "po-1"},                                 "expected"),
]
# fmt: on


@pytest.mark.parametrize(("kind", "fields", "wrong"), KIND_FIELDS)
def test_a_field_that_the_kind_does_not_have_or_that_it_needs_is_named(
    kind: str, fields: dict[str, str | None], wrong: str | None
) -> None:
    body = GOOD | {"kind": kind} | fields
    if wrong is None:
        assert StockMessage.model_validate(body).kind == kind
    else:
        with pytest.raises(ValidationError, match=rf"Value error, {wrong}: "):
            StockMessage.model_validate(body)


MOVES = [
    ("sellable", "damaged", [(5, "damaged")]),
    ("damaged", "sellable", [(-5, "damaged")]),
    ("display", "quarantined", [(-5, "display"), (5, "quarantined")]),
]


@pytest.mark.parametrize(("before", "after", "differences"), MOVES)
def test_units_that_change_their_state_stay_on_hand_and_only_sellable_ones_are_not_set_aside(
    before: str, after: str, differences: list[tuple[int, str]]
) -> None:
    body = GOOD | {"kind": "moved", "from_state": before, "to_state": after}
    found = StockMessage.model_validate(body).movements()
    assert [(each.set_aside, each.state) for each in found] == differences
    assert {(each.kind, each.on_hand) for each in found} == {(MovementKind.MOVED, 0)}
    assert len({each.reference for each in found}) == len(found)


def test_the_inbox_stores_the_lines_of_a_message_but_of_a_file_only_its_digest() -> None:
    body = GOOD | {"reason": "typed by a person", "lines": lines(5, 7)}
    assert StockMessage.model_validate(body).facts() == GOOD | {"lines": lines(5, 7)}
    stored = StockFile.model_validate(body | {"file_digest": "abc"}).facts()
    assert stored == GOOD | {"file_digest": "abc", "lines": 2, "units": 12}


def test_a_message_has_ten_thousand_lines_at_most_and_a_file_any_number() -> None:
    body = GOOD | {"lines": lines(*[1] * 10_001)}
    with pytest.raises(ValidationError, match="at most 10000 items"):
        StockMessage.model_validate(body)
    assert len(StockFile.model_validate(body | {"file_digest": "abc"}).lines) == 10_001


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
    assert mistakes(refused.value.errors())[0].field == field
