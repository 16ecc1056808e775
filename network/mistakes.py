"""The mistakes of a network directory, and what only looks like one, each with its file and line."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake, and what would be right; `line` is the line of the wrong value, counted from 1, and 0 for a whole file."""

    file: str
    line: int
    text: str
    is_warning: bool = False
    """Whether it only looks like a mistake: the network can be applied."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {'warning: ' if self.is_warning else ''}{self.text}"


class NetworkMistakes(ValueError):
    """The documents are not a network; `mistakes` are all their mistakes, in the order of the files."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class Mistakes:
    """Collects the mistakes and the warnings of one file."""

    def __init__(self, file: str, *, was_applied: bool = False) -> None:
        """`was_applied`: the file belongs to a version that was applied, perhaps before a check existed."""
        self.file = file
        self.was_applied = was_applied
        self._found: dict[Mistake, None] = {}

    def add(self, line: int, text: str) -> None:
        """Add a mistake; an equal one is added only once."""
        self._found[Mistake(self.file, line, text)] = None

    def warn(self, line: int, text: str) -> None:
        """Add a warning; an equal one is added only once."""
        self._found[Mistake(self.file, line, text, is_warning=True)] = None

    def found(self) -> list[Mistake]:
        """All mistakes, by line."""
        return sorted(mistake for mistake in self._found if not mistake.is_warning)

    def warnings(self) -> list[Mistake]:
        """All warnings, by line."""
        return sorted(mistake for mistake in self._found if mistake.is_warning)
