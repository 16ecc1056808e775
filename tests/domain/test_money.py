"""How amounts are divided, and which currencies there are."""

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.money import MINOR_DIGITS, in_proportion, spread
from domain.text import Currency


def test_every_currency_that_a_customer_can_pay_in_is_known_with_its_decimals() -> None:
    """The package has the published table of ISO 4217; it marks the funds codes."""
    funds = {
        entry.findtext("Ccy")
        for entry in iso4217.raw_xml.iter("CcyNtry")
        if (name := entry.find("CcyNm")) is not None and name.get("IsFund")
    }
    published = {str(one.code): one.exponent for one in iso4217.Currency if one.code not in funds}
    assert {code: digits for code, digits in published.items() if digits in (0, 2, 3)} == MINOR_DIGITS
    assert {code for code, digits in published.items() if digits not in (None, 0, 2, 3)} == {"UYW"}, (
        "an index, that wages are counted in"
    )


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD", "ZWG"])
def test_a_currency_is_taken_by_its_code(code: str) -> None:
    assert TypeAdapter(Currency).validate_python(code) == code


@pytest.mark.parametrize("code", ["ZZZ", "XTS", "XAU", "XDR", "CLF", "USN", "BGN", "usd", "US", "U S", "", None, 840])
def test_what_nobody_can_pay_in_is_refused(code: object) -> None:
    """Bulgaria pays in euro since 2026."""
    with pytest.raises(ValidationError):
        TypeAdapter(Currency).validate_python(code)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (500, [3000], [500]),
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [0, 1, 2], [0, 33, 67]),
        (5, [2, 3], [2, 3]),
        (1, [10, 10, 11], [0, 0, 1]),
        (0, [5, 5], [0, 0]),
        (0, [0, 0], [0, 0]),
        (7, [], []),
    ],
)
def test_an_amount_is_divided_by_weight_and_the_largest_remainders_get_the_odd_units(
    amount: int, weights: list[int], parts: list[int]
) -> None:
    assert spread(amount, weights) == parts


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), st.data())
def test_no_part_is_more_than_its_weight_and_all_sum_to_the_amount(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    parts = spread(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert abs(part * sum(weights) - amount * weight) < max(1, sum(weights)), (
            "less than a minor unit from its share"
        )


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"), [(82, 2000, 1000, 164), (1, 1, 2, 1), (1, 1, 3, 0), (82, 1000, 0, 0)]
)
def test_an_amount_follows_in_proportion_rounded_to_the_minor_unit(
    amount: int, part: int, whole: int, expected: int
) -> None:
    assert in_proportion(amount, part, whole) == expected
