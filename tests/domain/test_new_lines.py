"""A swap gives other goods for the same money, whatever the units that it replaces have cost."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Charges, Layer, left
from domain.network import Item, Network, Policy
from domain.new_lines import add, asked_for
from domain.request import LinesRequest, Swap
from domain.units import Changes, Order, OrderedLine, Waiting, prices_after

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEMS = {sku: Item(sku=sku, name=sku, weight_g=100) for sku in ("SMALL", "LARGE")}
NETWORK = Network(version="1", nodes={}, items=ITEMS, policy=Policy(strategies=()))


@st.composite
def layers(draw: st.DrawFn) -> tuple[Layer, ...]:
    """What the units of a line cost, by when they were ordered; some of them are not cancelled."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        ordered, price = draw(st.integers(1, 9)), draw(st.integers(0, 10_000))
        discount, tax = draw(st.integers(0, price * ordered)), draw(st.integers(0, 999))
        found.append(Layer(ordered, draw(st.integers(0, ordered - 1)), price, discount, tax))
    return tuple(found)


@given(layers(), st.booleans(), st.data())
def test_any_swaps_leave_what_the_customer_pays_as_it_was(
    cost: tuple[Layer, ...], prices_include_tax: bool, data: st.DataObject
) -> None:
    units = left(cost)
    ordered, cancelled = sum(layer.ordered for layer in cost), sum(layer.cancelled for layer in cost)
    line = OrderedLine("SMALL", ordered, 0, cancelled, layers=cost)
    order = Order("web-1", {"1": line}, [Waiting("1", "SMALL", units)], [], {}, {}, charges=Charges(prices_include_tax))
    changes = Changes(NETWORK)
    before = prices_after(order, changes)
    first = data.draw(st.integers(1, units))
    parts = [first, data.draw(st.integers(1, units - first))] if first < units else [first]
    body = LinesRequest(swap=tuple(Swap(line="1", sku="LARGE", quantity=part) for part in parts))

    lines = asked_for(order, changes, body, NOON)
    add(order, NETWORK, lines)

    after = prices_after(order, changes)
    assert (after.total, after.value) == (before.total, before.value)
    assert [(one.line, one.sku, one.quantity) for one in lines] == [
        (f"1-s{number}", "LARGE", part) for number, part in enumerate(parts, 1)
    ]
    assert sum(waiting.quantity for waiting in order.waiting) == units
