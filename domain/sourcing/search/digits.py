"""Packs numbers: the open units of all demands are one whole number, with one digit for each demand."""

import sys
from array import array
from collections.abc import Iterable, Sequence

WORD_BITS = 64

WORDS_MIN = 64
"""How many numbers make wide digits cheaper than packing narrow ones."""


class Digits:
    """Several whole numbers in one, of equal width, each with a guard bit above it that shows which is smaller."""

    def __init__(self, count: int, number_max: int) -> None:
        self.width = number_max.bit_length() + 1
        if count >= WORDS_MIN and self.width <= WORD_BITS and sys.byteorder == "little":
            self.width = WORD_BITS  # whole words are packed at once
        ones = self.pack([1] * count)
        self._guard_shift = self.width - 1
        self.guards = ones << self._guard_shift
        self._all = (1 << self.width) - 1

    def pack(self, numbers: Iterable[int]) -> int:
        """The numbers as one, the first lowest."""
        if self.width == WORD_BITS and sys.byteorder == "little":
            return int.from_bytes(array("Q", numbers).tobytes(), "little")
        packed = shift = 0
        for number in numbers:
            packed |= number << shift
            shift += self.width
        return packed

    def pack_columns(self, rows: Sequence[Sequence[int]], count: int) -> list[int]:
        """`count` packed numbers, from rows that have one number for each."""
        if not rows:
            return [0] * count
        return list(map(self.pack, zip(*rows, strict=True)))

    def total(self, packed: int) -> int:
        """The sum of the numbers; correct while it is at most `number_max`."""
        return packed % self._all

    def less(self, packed: int, other: int) -> int:
        """Each number less the other's, but not below 0."""
        apart = (packed | self.guards) - other
        kept = apart & self.guards
        return apart & (kept - (kept >> self._guard_shift))

    def smaller(self, packed: int, other: int) -> int:
        """The smaller of each two numbers."""
        kept = ((packed | self.guards) - other) & self.guards
        return packed ^ ((packed ^ other) & (kept - (kept >> self._guard_shift)))

    def lowest(self, packed: int) -> int:
        """The position of the first number that is not 0."""
        return ((packed & -packed).bit_length() - 1) // self.width

    def nonzero(self, packed: int) -> int:
        """All bits of each number that is not 0."""
        kept = (packed + (self.guards - (self.guards >> self._guard_shift))) & self.guards
        return kept - (kept >> self._guard_shift)
