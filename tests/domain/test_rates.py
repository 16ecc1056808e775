"""What an amount of one currency is in another, by the rates that were in force on a day."""

from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rates import NO_RATES, Rates

RATES = Rates(
    {
        ("EUR", "USD"): [(date(2026, 1, 1), Fraction("1.17")), (date(2026, 2, 1), Fraction("1.2"))],
        ("JPY", "USD"): [(date(2026, 1, 1), Fraction("0.0065"))],
        ("USD", "KWD"): [(date(2026, 1, 1), Fraction("0.307"))],
        ("GBP", "USD"): [(date(2026, 1, 1), Fraction("1.3"))],
        ("USD", "GBP"): [(date(2026, 1, 1), Fraction("0.75"))],
    }
)

# amount, from, to, day || what it is
TABLE = """
100 EUR USD 2026-01-31 || 117
100 EUR USD 2026-02-01 || 120
100 EUR USD 2031-07-09 || 120
100 EUR USD 2025-12-31 || none
60000 JPY USD 2026-03-01 || 39000
100 JPY USD 2026-03-01 || 65
39000 USD JPY 2026-03-01 || 60000
1000 USD KWD 2026-03-01 || 3070
160000 KWD USD 2026-03-01 || 52117
117 USD EUR 2026-01-31 || 100
100 GBP USD 2026-03-01 || 130
100 USD GBP 2026-03-01 || 75
50 EUR EUR 2020-01-01 || 50
100 EUR JPY 2026-03-01 || none
100 CHF USD 2026-03-01 || none
50 EUR USD 2026-01-31 || 58
150 EUR USD 2026-01-31 || 176
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_an_amount_is_converted_by_the_rate_of_its_day_in_its_direction_or_the_other_one(row: str) -> None:
    """Half a minor unit goes to the even one: 58.5 to 58, 175.5 to 176. Nothing goes through a third currency."""
    asked, _, said = row.partition(" || ")
    amount, source, target, day = asked.split()
    at = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    assert RATES.converted(int(amount), source, target, at) == (None if said == "none" else int(said))


def test_the_day_is_that_of_the_moment_in_utc() -> None:
    evening_in_denver = datetime(2026, 1, 31, 20, tzinfo=timezone(-timedelta(hours=7)))
    assert RATES.converted(100, "EUR", "USD", evening_in_denver) == 120


def test_without_rates_nothing_is_converted_but_a_currency_into_itself() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert (NO_RATES.converted(5, "USD", "EUR", at), NO_RATES.converted(5, "USD", "USD", at)) == (None, 5)
    assert (NO_RATES.knows("USD"), RATES.knows("USD"), RATES.knows("CHF")) == (False, True, False)


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_there_and_back_differs_by_less_than_the_larger_unit(amount: int, currency: str) -> None:
    """Where one rate serves both ways, what comes back differs by at most what one unit of the other currency is worth."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    there = RATES.converted(amount, currency, "USD", at)
    assert there is not None
    back, one = RATES.converted(there, "USD", currency, at), RATES.converted(1, "USD", currency, at)
    assert back is not None
    assert one is not None
    assert abs(back - amount) <= one + 1
