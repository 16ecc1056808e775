"""Serial shipping container codes: the number of a carton or pallet, by the GS1 General Specifications, section 3.2."""

import re

DIGITS = 18
APPLICATION_IDENTIFIER = "00"
INTERNAL_PREFIX = "0200000"
"""For use where no GS1 prefix was bought: 020 to 029 are for restricted circulation, and belong to nobody (section 1.4)."""


def sscc(prefix: str, serial: int, extension: int = 0) -> str:
    """The code of a prefix and a serial number, with its check digit. Raises `ValueError` when the number has no room."""
    room = DIGITS - 2 - len(prefix)
    digits = str(serial)
    if (
        not prefix.isdigit()
        or not 7 <= len(prefix) <= 10
        or not 0 <= extension <= 9
        or len(digits) > room
        or serial < 0
    ):
        raise ValueError(
            f"{prefix!r} with number {serial} makes no SSCC: a prefix has 7 to 10 digits, the number has {room}"
        )
    body = f"{extension}{prefix}{digits.zfill(room)}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """The check digit of a GS1 number: digits from the right weigh 3 and 1 in turn (section 7.9)."""
    weighted = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(body)))
    return str(-weighted % 10)


def with_identifier(code: str) -> str:
    """The code with its application identifier: what the barcode and MAN02 hold, 20 digits."""
    return APPLICATION_IDENTIFIER + code


def own_code(package: str) -> str | None:
    """The SSCC that a package has for its id, with or without its application identifier; None = its id is none."""
    digits = re.sub(r"^\(?00\)?(?=\d{18}$)", "", package, flags=re.ASCII)
    is_one = re.fullmatch(rf"[0-9]{{{DIGITS}}}", digits) and check_digit(digits[:-1]) == digits[-1]
    return digits if is_one else None


def gtin_14(code: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits as 14: the only form in which two are compared. Raises `ValueError`."""
    digits = code.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 14 or len(digits) < 8:
        raise ValueError(f"{code!r} is no GTIN")
    return digits.zfill(14)
