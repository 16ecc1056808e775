"""Decides how an amount of minor units is written for people."""

MINOR_DIGITS_USUAL = 2

_WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_DIGITS = dict.fromkeys(_WITHOUT.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)
"""The currencies of ISO 4217 whose minor unit is not a hundredth."""


def written(minor_units: float, currency: str | None) -> str:
    """An amount in the currency's major unit, such as 1,234.50; in whole minor units where the currency is None.

    `minor_units` may be a mean, and is rounded to what is written.
    """
    digits = 0 if currency is None else _MINOR_DIGITS.get(currency, MINOR_DIGITS_USUAL)
    return f"{minor_units / 10**digits:,.{digits}f}"
