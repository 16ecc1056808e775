"""Decides how an amount of minor units is split between units, and how it is written for people."""

MINOR_DIGITS_USUAL = 2

_WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_DIGITS = dict.fromkeys(_WITHOUT.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)
"""The currencies of ISO 4217 whose minor unit is not a hundredth."""


def cost_of_first(units: int, of: int, amount: int) -> int:
    """What the first `units` of `of` equal ones cost when all cost `amount`, none of them a minor unit more than another.

    The odd minor units go to the first ones, so the parts always sum to the amount.
    """
    each, odd = divmod(amount, of)
    return each * units + min(units, odd)


def written(minor_units: float, currency: str | None) -> str:
    """An amount in the currency's major unit, such as 1,234.50; in whole minor units where the currency is None.

    `minor_units` may be a mean, and is rounded to what is written.
    """
    digits = 0 if currency is None else _MINOR_DIGITS.get(currency, MINOR_DIGITS_USUAL)
    return f"{minor_units / 10**digits:,.{digits}f}"
