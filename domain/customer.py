"""Decides when two mail addresses, phone numbers or names are the same, so that the orders of a person are found."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import takewhile
from types import MappingProxyType
from typing import Self

from pydantic import model_validator

from domain.order import BillTo
from domain.text import Label, Strict


class Trait(StrEnum):
    """What a person is found by."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


class SearchRequest(Strict):
    """Who is looked for: exactly one of the three."""

    email: Label | None = None
    phone: Label | None = None
    name: Label | None = None

    @model_validator(mode="after")
    def _is_about_one_trait(self) -> Self:
        given = [trait for trait in Trait if getattr(self, trait) is not None]
        if len(given) != 1:
            raise ValueError("email: send exactly one of email, phone and name")
        if not self.looked_for[1]:
            raise ValueError(f"{given[0]}: {_NOTHING_LEFT[given[0]]}")
        return self

    @property
    def looked_for(self) -> tuple[Trait, str]:
        """The trait, and the text that its equals have in common."""
        trait = next(trait for trait in Trait if getattr(self, trait) is not None)
        return trait, SAME[trait](getattr(self, trait))


def traits(address: BillTo) -> Iterator[tuple[Trait, str]]:
    """By what the orders of an address are found, each with the text that its equals have in common. A company is found by its
    name as a person is."""
    written = {Trait.EMAIL: [address.email], Trait.PHONE: [address.phone], Trait.NAME: [address.name, address.company]}
    for trait, texts in written.items():
        for text in texts:
            if text is not None and (same := SAME[trait](text)):
                yield trait, same


def same_email(written: str) -> str:
    """Case and blanks do not count."""
    return "".join(unicodedata.normalize("NFKC", written).casefold().split())


def same_phone(written: str) -> str:
    """Only the digits of the national number count: no country code, no zeros before it, no extension.

    People write a number with its country code or without it, and nobody says which country they left out. So two numbers that
    differ only in their country are the same here.
    """
    plain = unicodedata.normalize("NFKC", written).casefold()
    number = "".join(takewhile(lambda character: not (character.isalpha() or character in _EXTENSION), plain))
    digits = "".join(character for character in number if character.isdecimal())
    digits = "".join(str(int(digit)) for digit in digits)
    if number.lstrip(" (").startswith("+"):
        digits = digits[_country_code_length(digits) :]
    elif digits.startswith("00"):
        digits = digits[2 + _country_code_length(digits[2:]) :]
    digits = digits.lstrip("0")
    is_long_distance = len(digits) == _LONG_DISTANCE_DIGITS and digits.startswith("1")
    return digits[1:] if is_long_distance else digits


_EXTENSION = "#;,"
"""One of these begins the extension, as a letter does."""

_LONG_DISTANCE_DIGITS = 11
"""In North America people write the 1 of long distance, which is the country's code, with no plus before it."""

_TWO_DIGIT_CODES = frozenset(
    {20, 27, 28, 30, *range(31, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67), 81, 82, 84, 86}
    | {*range(90, 96), 98}
)


def _country_code_length(digits: str) -> int:
    """Digits of the country code that an international number begins with (ITU-T E.164, list of assigned codes)."""
    if digits[:1] in ("1", "7"):
        return 1
    return 2 if int(digits[:2] or 0) in _TWO_DIGIT_CODES else 3


def same_name(written: str) -> str:
    """The words of the whole name; their order, case, accents and punctuation do not count."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", written).casefold()).translate(_PLAIN)
    letters = (one for one in plain if not unicodedata.combining(one) and one not in _APOSTROPHES)
    words = "".join(one if one.isalnum() else " " for one in letters)
    return " ".join(sorted(words.split()))


_APOSTROPHES = "'’ʼ`´"
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that Unicode does not take apart, as people write them without the key."""

SAME: Mapping[Trait, Callable[[str], str]] = MappingProxyType(
    {Trait.EMAIL: same_email, Trait.PHONE: same_phone, Trait.NAME: same_name}
)
"""What equal texts have in common, by trait; empty = nothing to go by."""

_NOTHING_LEFT = {
    Trait.EMAIL: "must be a mail address",
    Trait.PHONE: "must have digits",
    Trait.NAME: "must have letters or digits",
}
