"""What is captured, asked to be captured or voided, and what does not fit, whatever the order of the facts."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payment import Misfit, PaymentKind, Payments, about, grown, in_words, is_about

TOTAL = 1000
A, C, V = PaymentKind.AUTHORIZED, PaymentKind.CAPTURED, PaymentKind.VOIDED
KINDS = {"a": A, "c": C, "v": V}


def after(said: str, paid: int | None = None) -> Payments:
    """Payments after facts such as `a1000 c400`."""
    payments = Payments(paid)
    for word in said.split():
        payments = payments.after(KINDS[word[0]], int(word[1:]))
    return payments


# paid || facts || captured, of an order that costs 1000
CAPTURED = """
-    ||             || 1000
-    || a1000       || 0
-    || v5          || 0
-    || c400        || 400
-    || c400 c600   || 1000
0    ||             || 0
0    || c1000       || 1000
400  ||             || 400
400  || a600        || 400
400  || a600 c600   || 1000
"""


@pytest.mark.parametrize("row", CAPTURED.strip().splitlines())
def test_all_is_assumed_to_be_captured_until_a_payment_is_reported(row: str) -> None:
    paid, said, captured = (cell.strip() for cell in row.split("||"))
    assert after(said, None if paid == "-" else int(paid)).captured_of(TOTAL) == int(captured)


# paid || facts || what shipped costs, one shipment after the other || what is asked for, each time || what is voided at last
ASKED = """
-    || a1000            || 300 1000       || 300 700    || 0
-    || a1000            || 300 300        || 300 0      || 700
-    || a1000 c1000      || 300 1000       || 0 0        || 0
-    || a1000 c200       || 300 1000       || 100 700    || 0
-    || a500             || 300 1000       || 300 200    || 0
-    || a1000 v300       || 1000           || 700        || 0
-    || a1000 v1000      || 1000           || 0          || 0
-    || c1000            || 1000           || 0          || 0
400  || a600             || 300 1000       || 0 600      || 0
400  || a1000            || 300 700        || 0 300      || 700
0    || a1000            || 1000           || 1000       || 0
-    || a1000            || 0              || 0          || 1000
"""


@pytest.mark.parametrize("row", ASKED.strip().splitlines())
def test_what_shipped_is_captured_once_and_what_nothing_will_need_is_voided(row: str) -> None:
    paid, said, shipped, asked, voided = (cell.strip() for cell in row.split("||"))
    payments = after(said, None if paid == "-" else int(paid))
    for cost, expected in zip(shipped.split(), asked.split(), strict=True):
        amount = payments.to_capture(int(cost))
        assert amount == int(expected)
        payments = payments.asked_to_capture(amount) if amount else payments
    assert payments.to_void() == int(voided)
    assert payments.asked_to_void(int(voided)).to_void() == 0


def test_what_was_asked_for_and_then_captured_counts_once() -> None:
    asked = after("a1000").asked_to_capture(300)
    assert asked.after(C, 300).to_capture(300) == 0
    assert asked.after(C, 300).to_capture(1000) == 700
    assert asked.to_capture(1000) == 700


# facts || what does not fit
MISFITS = """
a1000 c1000       ||
a1000 c400 v600   ||
c1000             ||
c400 c600         ||
a500 c600         || above_authorized 100
c1200             || above_cost 200
a1000 c1200       || above_authorized 200, above_cost 200
a1000 c400 v700   || voided_too_much 100
v100              || voided_too_much 100
a1000 c1000 v1    || voided_too_much 1
"""


@pytest.mark.parametrize("row", MISFITS.strip().splitlines())
def test_payments_that_make_no_sense_do_not_fit_in_whatever_order_they_come(row: str) -> None:
    said, _, expected = row.partition("||")
    for words in permutations(said.split()):
        found = after(" ".join(words)).misfits(TOTAL, 0)
        assert ", ".join(f"{misfit} {excess}" for misfit, excess in found.items()) == expected.strip()


def test_the_end_of_the_assumption_shows_what_was_paid_back_of_money_that_never_came() -> None:
    assert Payments().misfits(TOTAL, 600) == {}
    assert after("c500").misfits(TOTAL, 600) == {Misfit.BELOW_REFUNDED: 100}


def test_a_fact_is_answerable_only_for_the_misfits_that_it_makes_larger() -> None:
    before, now = after("c1200"), after("c1200 a100")
    assert grown(before.misfits(TOTAL, 0), now.misfits(TOTAL, 0)) == {Misfit.ABOVE_AUTHORIZED: 1100}
    assert in_words({Misfit.ABOVE_COST: 200}) == "200 more was captured than the order costs"
    assert is_about(about([Misfit.ABOVE_COST, Misfit.VOIDED_TOO_MUCH]), [Misfit.VOIDED_TOO_MUCH])
    assert not is_about(about([Misfit.ABOVE_COST]), [Misfit.VOIDED_TOO_MUCH])


STEPS = st.lists(st.tuples(st.sampled_from("acvs"), st.integers(1, 500)), max_size=12)


@given(STEPS, st.one_of(st.none(), st.integers(0, 500)))
def test_no_more_is_asked_for_than_shipped_or_was_authorized(steps: list[tuple[str, int]], paid: int | None) -> None:
    """`s` ships units that cost this; after each step the channel is asked for what is due."""
    payments, shipped, asked = Payments(paid), 0, 0
    for what, amount in steps:
        if what == "s":
            shipped += amount
        else:
            payments = payments.after(KINDS[what], amount)
        due = payments.to_capture(shipped)
        assert due <= max(0, payments.authorized - payments.voided)
        payments, asked = (payments.asked_to_capture(due), asked + due) if due else (payments, asked)
        assert asked <= min(shipped, payments.authorized)
        assert payments.to_capture(shipped) == 0
