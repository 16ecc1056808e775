"""What the units of an order cost, however it grows, shrinks and comes back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Charges, Cost, Layer, Layers, Prices, cost_between, left, lowered, raised
from domain.order import NewOrder


def placed(quantity: int, unit_price: int, discount: int = 0, tax: int = 0) -> Layers:
    """A line as it was placed."""
    return (Layer(quantity, 0, unit_price, discount, tax),)


def each(layers: Layers) -> list[int]:
    """What each unit costs that is not cancelled, the first one first."""
    return [cost_between(layers, n, n + 1).goods for n in range(left(layers))]


THREE = placed(3, 1000, discount=1000, tax=164)


@pytest.mark.parametrize(
    ("layers", "costs"),
    [
        (THREE, [667, 667, 666]),
        (lowered(THREE, 2), [667]),
        (lowered(THREE, 3), []),
        (raised(THREE, 2), [667, 667, 666, 1000, 1000]),
        (lowered(raised(THREE, 2), 1), [667, 667, 666, 1000]),
        (lowered(raised(THREE, 2), 4), [667]),
        (raised(lowered(THREE, 2), 2), [667, 1000, 1000]),
        (lowered(raised(lowered(THREE, 2), 2), 3), []),
        (raised(lowered(raised(THREE, 1), 2), 1), [667, 667, 1000]),
    ],
)
def test_what_a_unit_cost_stays_when_others_are_added_or_cancelled(layers: Layers, costs: list[int]) -> None:
    """Three chairs of 10.00 with a discount of 10.00."""
    assert each(layers) == costs


def test_added_units_are_taxed_as_the_first_ones_were() -> None:
    """82 for a chair after its discount of a third; without a discount, 123."""
    assert raised(THREE, 2)[1].tax == 164
    assert raised(placed(2, 1000, 2000, 5), 1)[1].tax == 0, "nothing was paid for the first ones: no rate is known"


@pytest.mark.parametrize(
    ("charges", "total"),
    [
        (Charges(), 2000),
        (Charges(shipping_price=500), 2500),
        (Charges(shipping_price=500, shipping_tax=41), 2500),
        (Charges(False, 500, 41), 2000 + 164 + 541),
    ],
)
def test_a_customer_pays_goods_and_shipping_and_the_taxes_that_prices_do_not_include(
    charges: Charges, total: int
) -> None:
    prices = Prices({"1": THREE}, charges)
    assert (prices.value, prices.total) == (2000, total)
    assert Prices({"1": lowered(THREE, 3)}, charges).total == 0, "for nothing, not even shipping is paid"


def test_the_discount_of_an_order_is_divided_by_what_its_lines_cost_and_stays_with_them() -> None:
    line = {"sku": "MUG", "quantity": 1, "unit_price": 1000}
    lines = [
        line | {"line": "1", "quantity": 3},
        line | {"line": "2", "discount": 400},
        line | {"line": "3", "unit_price": 0},
    ]
    order = NewOrder.model_validate(ORDER | {"discount": 500, "lines": lines})
    assert order.order_discounts == {"1": 417, "2": 83, "3": 0}
    assert (order.value, order.prices.value, order.prices.total) == (3100, 3100, 3100)
    assert each(order.prices.lines["1"]) == [861, 861, 861]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"discount": 1001}, "discount: is more than the lines cost"),
        ({"discount": -1}, "greater than or equal to 0"),
        ({"shipping_tax": -1}, "greater than or equal to 0"),
        ({"prices_include_tax": "maybe"}, "valid boolean"),
        ({"currency": "ZZZ"}, "a currency that a customer can pay in"),
        (
            {"lines": [{"line": "1", "sku": "MUG", "quantity": 1, "unit_price": 5, "tax": -1}]},
            "greater than or equal to 0",
        ),
        (
            {"lines": [{"line": "1", "sku": "MUG", "quantity": 1, "unit_price": 5, "discount": 6}]},
            "more than the line costs",
        ),
    ],
)
def test_money_that_makes_no_sense_is_refused(fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        NewOrder.model_validate(ORDER | fields)


ORDER = {
    "channel": "web",
    "number": "1",
    "placed_at": "2026-11-21T15:04:05Z",
    "currency": "USD",
    "ship_to": {"postal_code": "80202", "country": "US"},
    "lines": [{"line": "1", "sku": "MUG", "quantity": 1, "unit_price": 1000}],
}

STEPS = st.lists(st.tuples(st.sampled_from(("add", "cancel", "ship", "back")), st.integers(1, 6)), max_size=12)


@given(st.integers(1, 9), st.integers(0, 5000), st.data(), STEPS)
def test_all_that_was_paid_back_and_all_that_is_kept_is_what_was_ordered(
    quantity: int, unit_price: int, data: st.DataObject, steps: list[tuple[str, int]]
) -> None:
    """Units that ship are counted, and from then on the line is at its node: it does not grow any more."""
    discount = data.draw(st.integers(0, quantity * unit_price))
    line = placed(quantity, unit_price, discount, data.draw(st.integers(0, 2000)))
    shipped, back, paid_back = 0, 0, Cost()
    for step, units in steps:
        if step == "add" and not shipped:
            line = raised(line, units)
        elif step == "cancel":
            line = lowered(line, min(units, left(line) - shipped))
        elif step == "ship":
            shipped += min(units, left(line) - shipped)
        elif step == "back":
            units = min(units, shipped - back)
            paid_back += cost_between(line, back, back + units)
            back += units
        whole = Prices({"1": line}, Charges(prices_include_tax=False))
        kept = cost_between(line, back, left(line))
        assert (paid_back + kept).goods == whole.value
        assert Charges(prices_include_tax=False).due(paid_back + kept) == whole.total
    for layer in line:
        assert 0 <= layer.cancelled <= layer.ordered
        everything = replace(layer, cancelled=0)
        assert layer.cost_of_first(layer.ordered) == Cost(everything.goods, everything.tax)
        apart = [layer.cost_of_first(n + 1) - layer.cost_of_first(n) for n in range(layer.ordered)]
        for amounts in ([cost.goods for cost in apart], [cost.tax for cost in apart]):
            assert min(amounts) >= 0
            assert max(amounts) - min(amounts) <= 1, "no unit costs a minor unit more than another of its layer"
