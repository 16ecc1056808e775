"""Of goods that come back, what experience says is promised, and no more up to any date."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.coming_back import Outcome, expected_at, restocked_percent, unpromised
from domain.peg import DatedRow, Demand, RowName, peg

MONDAY = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAY = timedelta(days=1)


def row(day: int, units: int, percent: int | None) -> DatedRow:
    name = RowName("denver", f"return {day}")
    return DatedRow(name, MONDAY + day * DAY, units, is_returned=True, restocked_percent=percent)


@pytest.mark.parametrize(
    ("says", "rows", "expected"),
    [
        ("single units of which 4 in 5 are sold: the first is nobody's", [(1, 80, 0)] * 5, [0, 1, 1, 1, 1]),
        ("half of single units: every second", [(1, 50, 0)] * 4, [0, 1, 0, 1]),
        ("a share of one return", [(10, 80, 0)], [8]),
        ("what is promised already counts", [(10, 80, 5)], [3]),
        ("a later promise is covered by the earlier units", [(10, 50, 0), (10, 50, 8)], [2, 0]),
        ("more is promised than comes: nothing is left", [(10, 50, 9), (2, 50, 0)], [0, 0]),
        ("nothing is known of the item", [(10, None, 0)], [0]),
        ("nothing is ever restocked", [(10, 0, 0)], [0]),
        ("all is restocked", [(3, 100, 1), (2, 100, 0)], [2, 2]),
        ("each with what was known when it was authorized", [(4, 50, 0), (4, 100, 0)], [2, 4]),
    ],
)
def test_the_share_that_may_be_promised_is_what_was_computed_by_hand(
    says: str, rows: list[tuple[int, int | None, int]], expected: list[int]
) -> None:
    found = unpromised([(row(day, units, percent), pegged) for day, (units, percent, pegged) in enumerate(rows, 1)])
    assert list(found.values()) == expected, says


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 100), st.integers(0, 3)), max_size=8))
def test_up_to_any_date_no_larger_share_is_promised_and_none_of_it_is_held_back(
    rows: list[tuple[int, int, int]],
) -> None:
    rows = [(units, percent, min(units, pegged)) for units, percent, pegged in rows]
    free = list(unpromised([(row(day, u, percent), p) for day, (u, percent, p) in enumerate(rows, 1)]).values())
    shares = [total // 100 for total in accumulate(units * percent for units, percent, _ in rows)]
    before = list(accumulate(pegged for _, _, pegged in rows))
    for number, given_ in enumerate(accumulate(free)):
        assert free[number] >= 0
        assert free[number] + rows[number][2] <= rows[number][0], "no unit twice"
        assert not given_ or before[number] + given_ <= max(shares[number], before[number])
    if all(p <= s for p, s in zip(before, shares, strict=True)) and rows:
        assert before[-1] + sum(free) == shares[-1], "the whole share is promised"


@pytest.mark.parametrize(
    ("says", "outcomes", "expected"),
    [
        ("too few to say anything", [(4, 4)], None),
        ("four of five", [(1, 1), (3, 2), (1, 1)], 80),
        ("units that never came were no supply", [(5, 0), (5, 5)], 50),
        ("more than was announced counts as that", [(5, 7), (5, 0)], 50),
        ("whole percents, rounded down", [(6, 5)], 83),
        ("the last twenty lines", [(1, 1)] * 20 + [(100, 0)], 100),
    ],
)
def test_the_share_is_learned_by_a_stated_rule(
    says: str, outcomes: list[tuple[int, int]], expected: int | None
) -> None:
    assert restocked_percent([Outcome(*one) for one in outcomes]) == expected, says


def test_a_return_is_expected_after_two_weeks_until_its_node_has_shown_how_long_it_takes() -> None:
    assert expected_at(MONDAY, [20 * DAY] * 4) == MONDAY + 14 * DAY
    assert expected_at(MONDAY, [3 * DAY, 9 * DAY, 4 * DAY, 5 * DAY, 30 * DAY]) == MONDAY + 9 * DAY


def test_goods_that_come_back_are_only_for_orders_whose_strategy_sells_them() -> None:
    returned = row(3, 5, 100)
    for sells, expected in ((False, 0), (True, 2)):
        demand = Demand("1", "LAMP", 2, frozenset({"denver"}), frozenset(), DAY, sells_returns=sells)
        given_ = peg(demand, (), [returned], {returned.name: 5}, MONDAY)
        assert sum(one.quantity for one in given_) == expected
