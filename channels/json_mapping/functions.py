"""What expressions of a mapping may call beside CEL's own functions."""

import html
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from domain.money import MINOR_DIGITS
from formats.cel import Function


def minor(amount: str | int | float, currency: str) -> int:
    """An amount in minor units: `minor("19.99", "USD")` is 1999. A text is exact; a number is read as it is written.

    Raises ValueError for what is no amount, has more digits than the currency, or an unknown currency.
    """
    if currency not in MINOR_DIGITS:
        raise ValueError("this currency is not known")
    try:
        exact = Decimal(str(amount)).scaleb(MINOR_DIGITS[currency])
    except InvalidOperation:
        raise ValueError("this is no amount") from None
    if not exact.is_finite() or exact != exact.to_integral_value():
        raise ValueError("this is no amount of the currency")
    return int(exact)


def total(numbers: Sequence[Any]) -> int:
    """The sum of whole numbers."""
    return sum(int(number) for number in numbers)


def encoded(text: str) -> str:
    """A text as a part of a path or a query."""
    return quote(text, safe="")


def joined(texts: Sequence[Any], between: str) -> str:
    """Texts as one; those that are null or empty are left out."""
    return between.join(str(text) for text in texts if text not in (None, ""))


FUNCTIONS = (
    Function("minor", [("text", "text"), ("int", "text"), ("double", "text")], "int", minor),
    Function("sum", [("list",)], "int", total),
    Function("unescaped", [("text",)], "text", html.unescape),
    Function("encoded", [("text",)], "text", encoded),
    Function("joined", [("list", "text")], "text", joined),
    Function("trimmed", [("text",)], "text", str.strip),
)
