"""Remembers what is wrong with a network directory, all of it, each with the line that it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong, and what would be right; `line` counts from 1 and is that of the offending value."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class NetworkMistakes(ValueError):
    """Documents that make no network; `mistakes` says all that is wrong with them, in the order of the files."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class Mistakes:
    """Collects the mistakes of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[Mistake, None] = {}

    def add(self, line: int, text: str) -> None:
        """Remember a mistake; the same one twice counts once."""
        self._found[Mistake(self._file, line, text)] = None

    def found(self) -> list[Mistake]:
        """All mistakes, by line."""
        return sorted(self._found)
