"""Reads what a line of a purchase order costs: its price and how that is counted, allowances, charges and taxes.

Amounts are in minor units of the order's currency and exact; what cannot be read is a misfit, since a wrong amount would be
invoiced.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from channels.channel import Misfit
from domain.money import minor_digits
from formats.x12.elements import decimal
from formats.x12.parts import Segment

COUNTED_IN: Mapping[str, int] = {
    **dict.fromkeys(("HP", "LC", "QH", "TC", "WC"), 100),
    **dict.fromkeys(("LM", "TM", "TP"), 1000),
    **dict.fromkeys(("LD", "PD", "TD", "WD"), 12),
    "HT": 100_000,
    "PG": 144,
    "PN": 10,
}
"""By basis of the unit price (data element 639), for how many units it is: hundreds, thousands, dozens. Any other is a price of
one in the unit of measure."""
FREE = "NC"
"""The basis of what costs nothing."""
SHOWN_TO_CUSTOMERS = frozenset({"MSR", "RES", "RTL", "SLP"})
"""Prices in CTP (data element 236) that the buyer's own customers pay, or may pay."""
SIGNS: Mapping[str, int] = {"A": -1, "C": 1}
"""SAC01 (data element 248): an allowance, or a charge. Others, such as N, say that nothing is to be paid or given."""


def unit_price(line: Sequence[Segment], name: str) -> tuple[Decimal, int | None]:
    """The price in PO104, or in CTP where that is empty, and for how many of our units it is; None = for one in the unit of
    measure. Raises `Misfit` and `ElementError`."""
    first = line[0]
    basis = first[5].strip().upper()
    if basis == FREE:
        return Decimal(0), None
    written = first[4].strip() or next(
        (one[3].strip() for one in line if one.name == "CTP" and one[3].strip() and one[2] not in SHOWN_TO_CUSTOMERS),
        "0",
    )
    price = decimal(written, f"PO104 of line {name}")
    if price < 0:
        raise Misfit(f"PO104 of line {name} is below 0")
    return price, COUNTED_IN.get(basis)


def minor(amount: Decimal, currency: str) -> int:
    """An amount in major units, in minor ones; a half goes to the even one."""
    return int((amount * 10 ** minor_digits(currency)).to_integral_value("ROUND_HALF_EVEN"))


def allowances(segments: Iterable[Segment], goods: int, ordered: Decimal, currency: str, of: str) -> int:
    """The charges less the allowances of SAC segments, for goods that cost so much and were ordered in such a quantity.

    SAC05 has two decimals that are not written; partners who write a point mean what they write. Without SAC05 it is a
    percentage of the goods (SAC07), or a rate (SAC08) for each one of SAC10, or of what is ordered.
    """
    total = 0
    for segment in segments:
        sign = SIGNS.get(segment[1].strip().upper()) if segment.name == "SAC" else None
        if sign is not None:
            total += sign * _allowance(segment, goods, ordered, currency, of)
    return total


def _allowance(segment: Segment, goods: int, ordered: Decimal, currency: str, of: str) -> int:
    if segment[5].strip():
        amount = decimal(segment[5], f"SAC05 of {of}")
        return abs(minor(amount if "." in segment[5] else amount.scaleb(-2), currency))
    if segment[7].strip():
        percentage = decimal(segment[7], f"SAC07 of {of}")
        return abs(int((goods * percentage / 100).to_integral_value("ROUND_HALF_EVEN")))
    if segment[8].strip():
        quantity = decimal(segment[10], f"SAC10 of {of}") if segment[10].strip() else ordered
        return abs(minor(decimal(segment[8], f"SAC08 of {of}") * quantity, currency))
    return 0


def taxes(segments: Iterable[Segment], currency: str, of: str) -> int:
    """The taxes of TXI segments that name an amount; those with a rate only are settled by the invoice."""
    amounts = [decimal(one[2], f"TXI02 of {of}") for one in segments if one.name == "TXI" and one[2].strip()]
    return max(0, minor(sum(amounts, Decimal(0)), currency))
