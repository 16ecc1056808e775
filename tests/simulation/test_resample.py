"""The difference of two trials is said with the range in which it lies when other days of the same kind had been in them."""

from datetime import date
from types import MappingProxyType

from domain.network import Place, Precision
from simulation.comparison import OrderOutcome
from simulation.resample import Day, differences


def outcome(cost: int, filled: int = 2) -> OrderOutcome:
    return OrderOutcome(
        order="o",
        place=Place(0, 0, Precision.POINT),
        units=2,
        units_by_node=MappingProxyType({"n": filled} if filled else {}),
        strategy="s",
        tier=1,
        cost=cost,
        shipments=1 if filled else 0,
        days=1,
        delivered_on=None,
        meets_due=None,
    )


def days(*costs: tuple[int, int], filled: int = 2) -> list[Day]:
    return [
        Day(date(2026, 11, number), [outcome(before)], [outcome(after, filled)])
        for number, (before, after) in enumerate(costs, start=1)
    ]


def test_a_difference_that_is_the_same_on_each_day_has_no_range() -> None:
    assert differences(days(*[(500, 450)] * 5), "USD") == [
        "With the 5 days drawn again 400 times, nine of ten times B − A is between:",
        "  cost per order −0.50 and −0.50",
        "  units filled +0.0 and +0.0 points",
    ]


def test_a_difference_that_one_day_makes_may_as_well_be_none() -> None:
    _, cost, _ = differences(days(*[(500, 500)] * 9, (500, 1500)), "USD")
    assert cost == "  cost per order +0.00 and +3.00"


def test_nothing_is_drawn_from_a_single_day_and_days_on_which_nothing_ships_count() -> None:
    assert differences(days((500, 450)), "USD") == []
    assert differences(days((500, 0), (500, 0), filled=0), "USD")[2] == "  units filled -100.0 and -100.0 points"
