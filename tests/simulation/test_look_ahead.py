"""`simulate --history` under a policy that looks ahead: prices are learned from the orders of the simulation as it goes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.network import Place, Precision
from domain.stock import StockLevel
from simulation.history import compare_history
from simulation.what_changes import Written
from tests.domain.test_look_ahead import asked, network
from transactions.history import History, PastOrder

BEGIN = datetime(2026, 11, 2, 12, tzinfo=UTC)
LEVELS = [StockLevel("n1", "A", 14, 0, 0), StockLevel("n2", "A", 100, 0, 0)]
BETWEEN = Place(0.0, 14.9, Precision.POSTAL_CODE)
"""A little nearer to n1 than to n2; the other customers are much nearer to n1."""


def test_the_effect_of_looking_ahead_is_seen_before_it_is_applied() -> None:
    """Two orders a day, by turns from a customer to whom n1 saves nine cents and from one to whom it saves 445; n1 has what
    the second sort wants in two weeks."""
    orders = []
    for number in range(40):
        order = asked("A", levels={})
        if number % 2 == 0:
            order = replace(order, facts=replace(order.facts, place=BETWEEN))
        at = BEGIN + timedelta(hours=12 * number)
        orders.append(PastOrder(at, f"order {number:02}", replace(order, at=at), frozenset({"n1"})))
    known = History(network(look_ahead=""), orders, [], [], LEVELS, {})
    found = compare_history(known, (network(), "looking ahead"), Written().read(), 1.0, BEGIN + timedelta(days=30))
    plain, ahead = ([dict(one.units_by_node) for one in trial.outcomes] for trial in found.trials)
    assert plain == [{"n1": 1}] * 14 + [{"n2": 1}] * 26
    assert ahead[:2] == [{"n1": 1}, {"n1": 1}], "nothing is known before the first day is over"
    assert ahead[2::2].count({"n2": 1}) >= 15
    assert ahead[1::2].count({"n1": 1}) >= 10
    costs = [sum(one.cost for one in trial.outcomes) for trial in found.trials]
    assert costs[1] < costs[0] - 3 * 445
