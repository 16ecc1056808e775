"""Tells a misspelt name from another name: `wholsale` is probably `wholesale`, `shop2` is not `shop1`."""

from collections.abc import Iterable

LETTERS_MIN = 5
"""Shorter names are too often nearly equal."""


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant: one letter is lost, added, exchanged with its neighbour, or wrong.

    Names that differ in a digit or at their end are two names, as `shopus` and `shopuk`, `store` and `stores`.
    """
    return next((other for other in sorted(known) if other != name and _is_nearly(name, other)), None)


def _is_nearly(name: str, other: str) -> bool:
    if min(len(name), len(other)) < LETTERS_MIN or abs(len(name) - len(other)) > 1:
        return False
    start = _equal_letters(name, other)
    end = _equal_letters(name[start:][::-1], other[start:][::-1])
    lost, added = name[start : len(name) - end], other[start : len(other) - end]
    if not (lost + added).isalpha():
        return False
    if len(lost) == len(added) == 2:
        return lost == added[::-1]
    if len(lost) == len(added) == 1:
        return end >= 2
    return len(lost + added) == 1 and end >= 1


def _equal_letters(name: str, other: str) -> int:
    """How many letters are equal at the beginning."""
    pairs = zip(name, other, strict=False)
    return next((count for count, (one, two) in enumerate(pairs) if one != two), min(len(name), len(other)))
