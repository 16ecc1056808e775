"""Reads and writes amounts as channels have them: decimal texts in major units."""

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from channels.channel import Misfit
from domain.money import MINOR_DIGITS


def minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units, a half up: channels keep more decimals of shares of a discount than a customer can pay."""
    return int(_scaled(amount, currency).to_integral_value(ROUND_HALF_UP))


def minor_at_least(amount: Decimal, currency: str) -> int:
    """An amount in minor units, rounded up."""
    return int(_scaled(amount, currency).to_integral_value(ROUND_CEILING))


def decimal(amount: int, currency: str) -> str:
    """Minor units, as a channel writes an amount."""
    return str(Decimal(amount).scaleb(-MINOR_DIGITS[currency]))


def _scaled(amount: Decimal, currency: str) -> Decimal:
    if currency not in MINOR_DIGITS:
        raise Misfit(f"currency: {currency!r} is no currency of ISO 4217 that a customer can pay in")
    return amount.scaleb(MINOR_DIGITS[currency])
