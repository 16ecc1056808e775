"""Shows how far the demo is: a list of steps that moves in a terminal, a line for each event anywhere else."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 120


class ShownStep:
    """One line of the list: its title, what is happening now, and how it ended."""

    def __init__(self, screen: "Screen", title: str) -> None:
        """`title` stays; the words beside it change."""
        self._screen = screen
        self._title = title
        self._words = ""
        self._mark: RenderableType = Spinner("dots")
        self._began = time.monotonic()
        screen.plainly(title)

    def say(self, words: str) -> None:
        """Something happened."""
        if words != self._words:
            self._words = words
            self._screen.plainly(f"    {words}")

    def tell(self, words: str) -> None:
        """Something worth reading afterwards happened: it stays, also where the list moves."""
        self._words = words
        self._screen.event(f"    {words}")

    def done(self, words: str = "done") -> None:
        """It ended well."""
        self._end(Text("✓", style="green"), words)

    def failed(self, words: str) -> None:
        """It did not end as expected."""
        self._end(Text("✗", style="bold red"), words)
        self._screen.failures.append(f"{self._title}: {words}")

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def cells(self) -> tuple[RenderableType, RenderableType, RenderableType]:
        """The step as a row: mark, title, words."""
        return self._mark, Text(self._title), Text(self._words, style="dim")

    def _end(self, mark: Text, words: str) -> None:
        self._mark = mark
        self.say(words)


class Screen:
    """Where the demo is shown; a context that draws in a terminal."""

    def __init__(self) -> None:
        """Writes to standard output."""
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)
        self.failures: list[str] = []
        """What did not end as expected, in words."""
        self._began = time.monotonic()
        self._steps: list[ShownStep] = []
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=8)

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Draw for the last time; what was drawn stays."""
        self._live.stop()

    def step(self, title: str) -> ShownStep:
        """Add a step to the list, which begins now."""
        self._steps.append(ShownStep(self, title))
        return self._steps[-1]

    def lasting(self, *lines: str) -> None:
        """Lines that stay, above the list."""
        for line in lines:
            self._console.print(escape(line), soft_wrap=True)

    def event(self, line: str) -> None:
        """A line of progress that stays, with the seconds since the beginning."""
        self.lasting(f"{time.monotonic() - self._began:6.1f} s  {line}")

    def plainly(self, line: str) -> None:
        """A line of progress, where nothing moves."""
        if not self._console.is_terminal:
            self.event(line)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table that stays."""
        table = Table()
        for index, column in enumerate(columns):
            table.add_column(column, no_wrap=index == 0)
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)

    def _drawn(self) -> Table:
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column()
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for step in self._steps:
            grid.add_row(*step.cells())
        return grid
