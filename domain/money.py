"""Decides how an amount of minor units is split, how it is written for people, and which currencies there are."""

from collections.abc import Sequence

MINOR_DIGITS_USUAL = 2

_WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_HUNDREDTHS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK
    DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
    KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP
    PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS = {
    code: digits for digits, codes in ((0, _WITHOUT), (2, _HUNDREDTHS), (3, _THOUSANDTHS)) for code in codes.split()
}
"""The currencies that a customer can pay in, each with the decimals of its minor unit: ISO 4217 as of 2026-01-01, without funds
codes, metals, units of account and test codes."""


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of a currency has."""
    return MINOR_DIGITS.get(currency, MINOR_DIGITS_USUAL)


def cost_of_first(units: int, of: int, amount: int) -> int:
    """What the first `units` of `of` equal ones cost when all cost `amount`, none of them a minor unit more than another.

    The odd minor units go to the first ones, so the parts always sum to the amount.
    """
    each, odd = divmod(amount, of)
    return each * units + min(units, odd)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount divided in proportion to weights; the odd minor units go to the largest remainders, of equal ones to the first.

    The parts sum to the amount. None is more than its weight where the amount is not more than all weights together. Without
    any weight there is nothing to divide: every part is 0.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts, remainders = zip(*(divmod(amount * weight, whole) for weight in weights), strict=True)
    by_remainder = sorted(range(len(weights)), key=lambda index: -remainders[index])
    largest = set(by_remainder[: amount - sum(parts)])
    return [part + (index in largest) for index, part in enumerate(parts)]


def in_proportion(amount: int, part: int, whole: int) -> int:
    """An amount for `whole`, as it is for a `part` of it: rounded to the next minor unit, a half up; 0 where the whole is 0."""
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def written(minor_units: float, currency: str | None) -> str:
    """An amount in the currency's major unit, such as 1,234.50; in whole minor units where the currency is None.

    `minor_units` may be a mean, and is rounded to what is written.
    """
    digits = 0 if currency is None else minor_digits(currency)
    return f"{minor_units / 10**digits:,.{digits}f}"
