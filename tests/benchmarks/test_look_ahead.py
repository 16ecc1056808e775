"""The benchmark of look-ahead prices ships what it says it ships: no method beats hindsight, and all ship as many units."""

from itertools import product

import numpy as np

from benchmarks import look_ahead, look_ahead_methods
from benchmarks.look_ahead_instances import CENTRE_COUNT, PACKAGE, UNIT_COSTS, instance


def test_no_method_costs_less_than_hindsight_and_all_leave_the_same_units_unfilled() -> None:
    setting = look_ahead.Setting(orders=150, plenty=1.0, instances=1)
    found = look_ahead.shipped(101, setting)
    assert len({result.unfilled for result in found.by_method.values()}) == 1
    assert all(result.dollars >= found.hindsight - 1e-6 for result in found.by_method.values())
    assert found.by_method[look_ahead.LOOK_AHEAD] != found.by_method[look_ahead.MYOPIC]
    text = "\n".join(look_ahead.lines([found]))
    assert "closes 0 (0–0) % of the gap" in text


def test_each_order_is_shipped_in_the_cheapest_of_all_ways() -> None:
    """Every centre for every item, tried one by one."""
    case = instance(102, orders=60, plenty=0.5)
    choose = look_ahead_methods.myopic(case)
    prices = np.zeros((CENTRE_COUNT, 20))
    for asked in [one for one in case.orders if len(case.sorts[one.sort]) <= 3][:15]:
        items = case.sorts[asked.sort]
        holders = [np.flatnonzero(case.stock[:, item]) for item in items]
        best = min(
            PACKAGE * len(set(centres)) + sum(UNIT_COSTS[asked.city, centre] for centre in centres)
            for centres in product(*holders)
        )
        chosen = choose(0, asked, case.stock)
        cost = PACKAGE * len({centre for centre, _ in chosen}) + sum(UNIT_COSTS[asked.city, one] for one, _ in chosen)
        assert abs(cost - best) < 1e-9
        assert chosen == look_ahead_methods.cheapest(items, asked.city, case.stock, prices)
