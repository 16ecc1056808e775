"""What a customer is paid back for units, as tables."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import cost_of_first
from domain.refund import Account, Fees, owed, payment
from domain.returns import ReturnState, SoldLine


def sold(ordered: int, paid: int) -> SoldLine:
    """A line of chairs."""
    return SoldLine("CHAIR", ordered, paid, timedelta(days=30), ordered)


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


@pytest.mark.parametrize(
    ("units", "account", "fees", "amount"),
    [
        (1, Account(10_000, 0), Fees(), 334),
        (2, Account(10_000, 0), Fees(), 667),
        (3, Account(10_000, 0), Fees(), 1000),
        (1, Account(10_000, 0, units={"1": 1}), Fees(), 333),
        (2, Account(10_000, 0, units={"1": 2}), Fees(), 333),
        (1, Account(10_000, 0, units={"1": 3}), Fees(), 0),
        (2, Account(10_000, 0), Fees({"1": 100}), 467),
        (2, Account(10_000, 0), Fees(once=100), 567),
        (1, Account(10_000, 0), Fees(once=500), 0),
        (3, Account(10_000, 600), Fees(), 1600),
        (2, Account(10_000, 600), Fees(), 667),
        (1, Account(10_000, 600, units={"1": 2}), Fees(), 933),
        (1, Account(10_000, 600, shipping_refunded=600, units={"1": 2}), Fees(), 333),
        (3, Account(900, 0), Fees(), 900),
        (3, Account(1000, 0, refunded=800), Fees(), 200),
        (3, Account(1000, 0, refunded=1200), Fees(), 0),
    ],
)
def test_units_are_worth_what_was_paid_for_them_less_fees_and_never_more_than_is_left_of_it(
    units: int, account: Account, fees: Fees, amount: int
) -> None:
    """Three chairs cost 1000 after their discount."""
    assert payment({"1": units}, {"1": sold(3, 1000)}, account, fees, with_shipping=True).amount == amount


def test_shipping_is_paid_back_only_where_the_policy_says_so() -> None:
    assert payment({"1": 3}, {"1": sold(3, 1000)}, Account(1600, 600), Fees(), with_shipping=False).amount == 1000


@given(st.integers(1, 20), st.integers(0, 10_000), st.lists(st.integers(1, 7), max_size=20))
def test_all_parts_of_a_line_together_are_what_was_paid_however_they_come_back(
    ordered: int, paid: int, parts: list[int]
) -> None:
    back, amounts = 0, list[int]()
    for units in [*parts, ordered]:
        account = Account(paid, 0, sum(amounts), units={"1": back})
        given_back = payment({"1": units}, {"1": sold(ordered, paid)}, account, Fees(), with_shipping=True)
        back += given_back.paid["1"]
        amounts.append(given_back.amount)
    assert (back, sum(amounts)) == (ordered, paid)


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_no_unit_costs_a_minor_unit_more_than_another(of: int, amount: int) -> None:
    each = [cost_of_first(n + 1, of, amount) - cost_of_first(n, of, amount) for n in range(of)]
    assert sum(each) == amount
    assert max(each) - min(each) <= 1
