"""Looks at a barcode for what a spreadsheet or a typing hand has made of it."""

import re
from typing import NamedTuple

BARCODE_MAX = 64
GTIN_LENGTHS = (12, 13, 14)
"""The lengths of a GTIN. One of 8 digits is not checked: the business's own numbers may have as many."""


class Fault(NamedTuple):
    """What is wrong with a barcode; certain, or only likely."""

    text: str
    is_certain: bool


def fault_of_barcode(code: str) -> Fault | None:
    """What is wrong with a barcode; None = nothing is."""
    if re.fullmatch(r"\d([.,]\d+)?E\+\d+", code, re.ASCII | re.IGNORECASE):
        text = f"barcode {code} was shortened by a spreadsheet; format the column as text and enter all digits"
        return Fault(text, is_certain=True)
    if len(code) > BARCODE_MAX or not code.isprintable():
        return Fault(f"barcode must be 1 to {BARCODE_MAX} printed characters, not {code!r}", is_certain=True)
    if re.fullmatch(r"\d+", code, re.ASCII) and len(code) in GTIN_LENGTHS and code[-1] != _check_digit(code[:-1]):
        text = f"barcode {code} is no GTIN: its last digit would be {_check_digit(code[:-1])}"
        return Fault(text, is_certain=False)
    return None


def _check_digit(digits: str) -> str:
    """The last digit of a GTIN (GS1 General Specifications, 7.9): weights 3 and 1 in turn, from the right."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)
