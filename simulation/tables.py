"""Shows a comparison in the terminal, as tables."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simulation import words
from simulation.comparison import Comparison
from simulation.frontier import Point

PLAIN_WIDTH = 120


class Tables:
    """The report of a comparison, for people."""

    def __init__(self, comparison: Comparison, shown: int) -> None:
        """Writes to standard output; of the orders that changed, so many are shown one by one."""
        self._comparison = comparison
        self._shown = shown
        self._labels = [trial.label for trial in comparison.trials]
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)

    def show(self) -> None:
        """Everything, from what was done to the orders that changed."""
        self._say(words.heading(self._comparison) + words.names(self._comparison))
        self._show_figures()
        self._table("Units by node", ["node", *self._labels], words.node_rows(self._comparison))
        self._table("Orders by what decided", ["strategy", "tier", *self._labels], words.way_rows(self._comparison))
        if len(self._labels) > 1:
            self._show_changes()

    def _show_figures(self) -> None:
        difference = ["B − A"] if len(self._labels) > 1 else []
        rows = [
            (figure.name, *figure.values, *([figure.difference] if difference else []))
            for figure in words.figures(self._comparison)
        ]
        self._table("Figures", ["", *self._labels, *difference], rows)

    def _show_changes(self) -> None:
        self._console.print()
        self._say(words.change_sentences(self._comparison))
        self._table("Why orders ship differently", ["reason", "orders"], words.cause_rows(self._comparison))
        shown = words.shown_changes(self._comparison, self._shown)
        title = f"The first {len(shown)} of them"
        self._table(title, ["order", *self._labels, "why"], shown, last_is_text=True)

    def show_frontier(self, points: Sequence[Point]) -> None:
        """Several weightings side by side."""
        self._table(
            "Cost, boxes and days", list(words.FRONTIER), words.frontier_rows(points, self._comparison.currency)
        )

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(escape(line), soft_wrap=True)

    def _table(
        self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, last_is_text: bool = False
    ) -> None:
        """A table with its title, unless it is empty."""
        if not rows:
            return
        table = Table(
            title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_lines=last_is_text
        )
        for index, column in enumerate(columns):
            is_figure = index > 0 and not last_is_text
            table.add_column(column, justify="right" if is_figure else "left", no_wrap=index == 0)
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)
