"""The mistakes of a network directory, each with its file and line."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake, and what would be right; `line` is the line of the wrong value, counted from 1."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class NetworkMistakes(ValueError):
    """The documents are not a network; `mistakes` are all their mistakes, in the order of the files."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class Mistakes:
    """Collects the mistakes of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[Mistake, None] = {}

    def add(self, line: int, text: str) -> None:
        """Add a mistake; an equal one is added only once."""
        self._found[Mistake(self._file, line, text)] = None

    def found(self) -> list[Mistake]:
        """All mistakes, by line."""
        return sorted(self._found)
