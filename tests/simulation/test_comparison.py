"""Figures of a trial, counted by hand: what is a mean over what, and how money is written."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from domain.money import written
from domain.network import Network, Place, Policy, Precision
from simulation.comparison import Change, Comparison, OrderOutcome, Share, Trial

NETWORK = Network("v1", {}, {}, Policy(()))
MONDAY = date(2026, 11, 23)


def outcome(
    number: int, units_by_node: Mapping[str, int], units: int, cost: int, days: int | None, meets_due: bool | None
) -> OrderOutcome:
    return OrderOutcome(
        order=f"web-{number}",
        place=Place(40, -100, Precision.POSTAL_CODE),
        units=units,
        units_by_node=units_by_node,
        strategy="all",
        tier=1 if units_by_node else None,
        cost=cost,
        shipments=len(units_by_node),
        days=days,
        delivered_on=None if days is None else MONDAY.replace(day=MONDAY.day + days),
        meets_due=meets_due,
    )


# fmt: off
FIRST = [
    # order  units by node             units  cost  days  by its date
    outcome(1, {"nyc": 1},                 1,  500,    1, True),
    outcome(2, {"nyc": 2, "den": 1},       3, 1300,    3, False),
    outcome(3, {"den": 2},                 4,  800, None, False),   # 2 of 4 units
    outcome(4, {},                         2,    0, None, None),    # nothing
]
SECOND = [
    outcome(1, {"nyc": 1},                 1,  450,    1, True),    # cheaper only
    outcome(2, {"nyc": 3},                 3,  900,    4, False),   # one box, a day later
    outcome(3, {"den": 4},                 4,  800,    2, True),
    outcome(4, {},                         2,    0, None, None),
]
# fmt: on


def trial(label: str, outcomes: list[OrderOutcome]) -> Trial:
    return Trial(label, f"networks/{label}", NETWORK, outcomes)


def test_every_figure_of_a_trial_is_what_one_counts_by_hand() -> None:
    counted = trial("A", FIRST)
    assert counted.units == Share(6, 10)
    assert counted.orders_filled == Share(2, 4)
    assert counted.cost == 2600
    assert counted.cost_per_order == pytest.approx(2600 / 3)  # of the three that ship anything
    assert counted.shipments == 4
    assert counted.shipments_per_order == pytest.approx(4 / 3)
    assert counted.split == Share(1, 3)
    assert counted.days == 2.0  # of the two that are filled: 1 and 3
    assert counted.soon == Share(1, 4)
    assert counted.due_met == Share(1, 3)
    assert counted.units_by_node == {"nyc": 3, "den": 3}
    assert counted.orders_by_way == {("all", 1): 3, ("all", None): 1}


def test_a_promise_of_the_first_is_kept_by_the_second_when_it_arrives_no_later() -> None:
    # The first fills orders 1 and 2; the second brings 1 on the same day and 2 a day later.
    assert trial("B", SECOND).no_later_than(trial("A", FIRST)) == Share(1, 2)
    # The second fills 1, 2 and 3; the first brings 1 on the same day, 2 a day sooner, and 3 never whole.
    assert trial("A", FIRST).no_later_than(trial("B", SECOND)) == Share(2, 3)


def test_orders_that_only_cost_something_else_are_counted_apart_from_those_that_changed() -> None:
    changes = tuple(Change(FIRST[n], SECOND[n], ()) for n in (1, 2))
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    compared = Comparison((trial("A", FIRST), trial("B", SECOND)), changes, "USD", moment, moment, False)
    assert compared.repriced == 1


def test_where_nothing_ships_there_is_no_mean_rather_than_a_zero() -> None:
    nothing = trial("A", [FIRST[3]])
    assert (nothing.cost_per_order, nothing.shipments_per_order, nothing.days) == (None, None, None)
    assert (nothing.split.ratio, nothing.due_met.ratio, nothing.units.ratio) == (None, None, 0.0)


# fmt: off
AMOUNTS = [
    # minor units  currency  written
    (123450,       "USD",    "1,234.50"),
    (5,            "EUR",    "0.05"),
    (1234,         "JPY",    "1,234"),
    (1234,         "KWD",    "1.234"),
    (1234,         None,     "1,234"),
    (866.67,       "USD",    "8.67"),
]
# fmt: on


@pytest.mark.parametrize(("minor_units", "currency", "words"), AMOUNTS)
def test_an_amount_is_written_in_the_major_unit_of_its_currency(
    minor_units: float, currency: str | None, words: str
) -> None:
    assert written(minor_units, currency) == words
