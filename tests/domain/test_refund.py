"""What a customer is paid back for units, as tables."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Charges, Layer, Prices
from domain.money import cost_of_first
from domain.refund import Account, Exchanged, Fees, Promised, instead, owed, owed_again, payment
from domain.returns import ReturnState


def prices(*lines: Layer, shipping_price: int = 0, shipping_tax: int = 0, prices_include_tax: bool = True) -> Prices:
    """An order of lines that never grew."""
    charges = Charges(prices_include_tax, shipping_price, shipping_tax)
    return Prices({str(number): (line,) for number, line in enumerate(lines, 1)}, charges)


def costing(ordered: int, paid: int) -> Layer:
    """Units of a line that cost so much together."""
    return Layer(ordered, 0, paid, paid * (ordered - 1))


def returned(refund_on: str, **fields: object) -> ReturnState:
    """A return of three chairs; `wrong` of the graded ones are something else."""
    about = {name: fields.pop(name) for name in ("is_authorized", "is_sent", "status") if name in fields}
    graded, wrong = int(str(fields.pop("graded", 0))), int(str(fields.pop("wrong", 0)))
    lots = [("used", graded - wrong), ("wrong_item", wrong)]
    line = {"line": "1", "sku": "CHAIR", "quantity": 3, "refund_on": refund_on} | fields
    line |= {"lots": [{"node": "denver", "condition": c, "disposition": "scrap", "quantity": n} for c, n in lots if n]}
    head = {"return": "web-1-r1", "order": "web-1", "version": 1, "status": "received", "resolution": "refund"}
    return ReturnState.model_validate(head | {"expires_at": datetime(2026, 12, 1, tzinfo=UTC), "lines": [line]} | about)


@pytest.mark.parametrize(
    ("state", "units"),
    [
        (returned("grading"), 0),
        (returned("grading", told_received=3), 0),
        (returned("grading", told_received=3, graded=2), 2),
        (returned("grading", graded=3, wrong=1), 2),
        (returned("grading", graded=5), 3),
        (returned("grading", graded=3, refunded=2), 1),
        (returned("grading", graded=3, refunded=3), 0),
        (returned("receipt", told_received=2), 2),
        (returned("receipt", told_received=2, graded=1, wrong=1), 1),
        (returned("shipping", is_sent=True, status="in_transit"), 3),
        (returned("shipping", status="authorized"), 0),
        (returned("shipping", told_received=1), 1),
        (returned("none_needed", status="authorized"), 3),
        (returned("none_needed", status="requested", is_authorized=False), 0),
        (returned("none_needed", status="declined", is_authorized=False), 0),
        (returned("none_needed", status="cancelled"), 0),
        (returned("receipt", told_received=3, is_authorized=False), 0),
    ],
)
def test_a_customer_is_owed_money_once_the_condition_of_the_policy_is_met(state: ReturnState, units: int) -> None:
    assert sum(owed(state).values()) == units


CHAIRS = costing(3, 1000)


@pytest.mark.parametrize(
    ("units", "account", "shipping", "fees", "amount"),
    [
        (1, Account(10_000), 0, Fees(), 334),
        (2, Account(10_000), 0, Fees(), 667),
        (3, Account(10_000), 0, Fees(), 1000),
        (1, Account(10_000, units={"1": 1}), 0, Fees(), 333),
        (2, Account(10_000, units={"1": 2}), 0, Fees(), 333),
        (1, Account(10_000, units={"1": 3}), 0, Fees(), 0),
        (2, Account(10_000), 0, Fees({"1": 100}), 467),
        (2, Account(10_000), 0, Fees(owed=100), 567),
        (1, Account(10_000), 0, Fees(owed=500), 0),
        (3, Account(10_000), 600, Fees(), 1600),
        (2, Account(10_000), 600, Fees(), 667),
        (1, Account(10_000, units={"1": 2}), 600, Fees(), 933),
        (1, Account(10_000, shipping_refunded=600, units={"1": 2}), 600, Fees(), 333),
        (3, Account(900), 0, Fees(), 900),
        (3, Account(1000, refunded=800), 0, Fees(), 200),
        (3, Account(1000, refunded=1200), 0, Fees(), 0),
    ],
)
def test_units_are_worth_what_was_paid_for_them_less_fees_and_never_more_than_is_left_of_it(
    units: int, account: Account, shipping: int, fees: Fees, amount: int
) -> None:
    """Three chairs cost 1000 after their discount."""
    order = prices(CHAIRS, shipping_price=shipping)
    paid = payment({"1": units}, order, account, fees, with_shipping=True)
    assert paid.amount == amount
    assert paid.amount + paid.fee + paid.cut == sum(cost.goods for cost in paid.worth.values()) + (
        shipping - account.shipping_refunded if account.units.get("1", 0) + units >= 3 else 0
    )


def test_shipping_is_paid_back_only_where_the_policy_says_so() -> None:
    order = prices(CHAIRS, shipping_price=600)
    assert payment({"1": 3}, order, Account(1600), Fees(), with_shipping=False).amount == 1000


def test_shipping_is_paid_back_with_the_last_unit_that_was_not_cancelled() -> None:
    order = prices(replace(CHAIRS, cancelled=1), replace(CHAIRS, cancelled=3), shipping_price=600, shipping_tax=48)
    first = payment({"1": 1}, order, Account(10_000), Fees(), with_shipping=True)
    last = payment({"1": 1}, order, Account(10_000, units={"1": 1}), Fees(), with_shipping=True)
    assert (first.amount, first.shipping) == (334, 0)
    assert (last.amount, last.shipping) == (933, 600)


@pytest.mark.parametrize(("included", "goods", "shipping"), [(True, 1000, 500), (False, 1082, 541)])
def test_a_tax_on_top_is_paid_back_with_what_it_was_for(included: bool, goods: int, shipping: int) -> None:
    order = prices(replace(CHAIRS, tax=82), shipping_price=500, shipping_tax=41, prices_include_tax=included)
    paid = payment({"1": 3}, order, Account(10_000), Fees(), with_shipping=True)
    assert (paid.amount, paid.shipping) == (goods + shipping, shipping)


def test_a_fee_that_the_first_part_is_too_cheap_for_is_kept_back_from_the_next_one() -> None:
    order = prices(CHAIRS)
    first = payment({"1": 1}, order, Account(1000), Fees(owed=500), with_shipping=False)
    rest = payment({"1": 2}, order, Account(1000, units={"1": 1}), Fees(owed=500 - first.fee), with_shipping=False)
    assert (first.amount, first.fee, rest.amount, rest.fee) == (0, 334, 500, 166)


@given(st.integers(1, 20), st.integers(0, 10_000), st.lists(st.integers(1, 7), max_size=20))
def test_all_parts_of_a_line_together_are_what_was_paid_however_they_come_back(
    ordered: int, paid: int, parts: list[int]
) -> None:
    back, amounts = 0, list[int]()
    order = prices(costing(ordered, paid))
    for units in [*parts, ordered]:
        account = Account(paid, sum(amounts), units={"1": back})
        given_back = payment({"1": units}, order, account, Fees(), with_shipping=True)
        back += given_back.paid["1"]
        amounts.append(given_back.amount)
    assert (back, sum(amounts)) == (ordered, paid)


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_no_unit_costs_a_minor_unit_more_than_another(of: int, amount: int) -> None:
    each = [cost_of_first(n + 1, of, amount) - cost_of_first(n, of, amount) for n in range(of)]
    assert sum(each) == amount
    assert max(each) - min(each) <= 1


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5000), st.integers(0, 900)), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 900),
    st.integers(0, 90),
    st.integers(0, 4000),
    st.integers(0, 20_000),
)
def test_a_replacement_costs_what_its_refund_stands_for_to_the_minor_unit(
    lines: list[tuple[int, int, int]], included: bool, shipping: int, shipping_tax: int, fee: int, captured: int
) -> None:
    layers = [Layer(units, 0, price, price * units // 3, tax) for units, price, tax in lines]
    order = prices(*layers, shipping_price=shipping, shipping_tax=shipping_tax, prices_include_tax=included)
    everything = {line: layers[0].ordered for line, layers in order.lines.items()}
    due = payment(everything, order, Account(captured), Fees(owed=fee), with_shipping=True)
    cost = instead(due, order.charges)
    whole = sum(order.charges.due(line) for line in [*cost.lines.values(), cost.shipping])
    assert whole == due.amount + due.cut == order.total - due.fee
    for line, part in cost.lines.items():
        assert 0 <= part.goods <= due.worth[line].goods
        assert 0 <= part.tax <= due.worth[line].tax


def promised(units: int, layer: Layer) -> Promised:
    """Chairs that a customer gets in exchange."""
    return Promised("CHAIR", units, layer)


@given(st.integers(1, 9), st.integers(0, 5000), st.integers(0, 900), st.booleans(), st.data())
def test_what_a_replacement_loses_in_parts_sums_to_what_it_stood_for(
    units: int, goods: int, shipping: int, is_short: bool, data: st.DataObject
) -> None:
    layer = costing(units, goods)
    amount, left = (goods + shipping) // (2 if is_short else 1), units
    shipping = min(shipping, amount)
    got, whole = 0, amount
    while left:
        lost = data.draw(st.integers(1, left))
        now = promised(left, replace(layer, cancelled=layer.ordered - left + lost))
        again = owed_again(Exchanged("r1", False, amount, shipping, {"1": now}, Charges()))
        assert again is not None
        assert (again.units, again.shipping) == ({"1": lost}, shipping if lost == left else 0)
        if not is_short and lost < left:
            assert again.amount == cost_of_first(left, units, goods) - cost_of_first(left - lost, units, goods)
        got, amount, left = got + again.amount, amount - again.amount, left - lost
    assert (got, amount) == (whole, 0)


def test_a_replacement_that_loses_nothing_is_owed_nothing() -> None:
    kept = promised(2, Layer(3, 1, 500))
    assert owed_again(Exchanged("r1", False, 1000, 0, {"1": kept}, Charges())) is None
