"""`python -m starter simulate`: past orders planned in memory under one network or two, so that a rule is tried before it acts.

Needs no database and no Temporal, changes nothing, and prints the same for the same files every time. With `--history` it reads
the database, and plans again what the service itself kept.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import track

from database import personal
from database.connect import Database
from database.sealing import MasterKeys
from simulation.comparison import Change, Comparison, OrderOutcome, Trial
from simulation.files import Inputs, InputsRefused, inputs, network_in
from simulation.frontier import frontier
from simulation.history import compare_history
from simulation.page import page
from simulation.run import Run, Step, steps
from simulation.tables import Tables
from simulation.what_changes import ChangeRefused, Written, repeats
from transactions.history import history

LABELS = ("A", "B")
LONG = 200
"""From this many orders on, a terminal gets a progress bar."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command's arguments."""

    networks: Sequence[Path]
    orders: Sequence[Path]
    stock: Path | None = None
    shown: int = 20
    """How many of the orders that changed are shown one by one."""
    html: Path | None = None
    """Where the report is written as a page."""


def simulate(options: Options) -> int:
    """Print the comparison, and write it as a page where one is asked for; 0, or 1 with a line for every mistake."""
    try:
        _check_html(options.html)
        read = inputs(options.networks, options.orders, options.stock)
        comparison = compare(read, [str(directory) for directory in options.networks])
        Tables(comparison, options.shown).show()
        if options.html:
            _write(options.html, page(comparison, options.shown))
    except InputsRefused as refused:
        sys.stderr.write("".join(f"{line}\n" for line in refused.lines))
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """The arguments of the command with `--history`."""

    since: datetime
    until: datetime
    network: Path | None = None
    """A network directory to compare with; None = the active one."""
    changes: Written = field(default_factory=Written)
    demand: float = 1.0
    frontier: bool = False
    """Whether the orders are also planned under several weightings of cost, boxes and days."""
    shown: int = 20
    html: Path | None = None


async def simulate_history(database_url: str, master_keys: MasterKeys, options: HistoryOptions) -> int:
    """Plan again what the service kept, and print the comparison; 0, or 1 with a line for every mistake.

    Raises `DatabaseUnreachable`, `NoNetwork`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    try:
        _check_html(options.html)
        changes, other = options.changes.read(), options.network
        named = (network_in(other), str(other)) if other else None
        await database.check()
        await personal.check(database)
        kept = await history(database, options.since, options.until)
        if not any(repeats(one.order, options.demand) for one in kept.orders):
            left = "".join(f"; {count:,} {why}" for why, count in kept.left_out.items())
            raise InputsRefused(f"there is no order in this time that can be planned again{left}")
        comparison = compare_history(kept, named, changes, options.demand, options.until)
        tables = Tables(comparison, options.shown)
        tables.show()
        if options.frontier:
            network = named[0] if named else kept.network
            tables.show_frontier(frontier(kept, network, changes, options.demand, options.until))
        if options.html:
            _write(options.html, page(comparison, options.shown))
    except InputsRefused as refused:
        sys.stderr.write("".join(f"{line}\n" for line in refused.lines))
        return 1
    except ChangeRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    finally:
        await database.close()
    return 0


def compare(read: Inputs, sources: Sequence[str]) -> Comparison:
    """Plan every order under each network; `sources` names the networks in reports."""
    runs = tuple(Run(label, network, read.stock) for label, network in zip(LABELS, read.networks, strict=False))
    outcomes: list[list[OrderOutcome]] = [[] for _ in runs]
    changes: list[Change] = []
    for step in _shown(steps(read.orders, runs, read.currency), len(read.orders)):
        for results, one in zip(outcomes, step.outcomes, strict=True):
            results.append(one)
        if step.change:
            changes.append(step.change)
    return Comparison(
        tuple(
            Trial(run.label, source, run.network, results)
            for run, source, results in zip(runs, sources, outcomes, strict=True)
        ),
        tuple(changes),
        read.currency,
        read.orders[0].placed_at,
        read.orders[-1].placed_at,
        read.stock is not None,
    )


def _check_html(file: Path | None) -> None:
    """Refuse a page that cannot be written before time is spent on it. Raises `Refused`."""
    if file and (file.is_dir() or not file.parent.is_dir()):
        raise InputsRefused(f"{file}: cannot be written: {'it is' if file.is_dir() else 'it is not in'} a directory")


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputsRefused(f"{file}: cannot be written: {error.strerror}") from error


def _shown(planned: Iterable[Step], orders: int) -> Iterable[Step]:
    """The same steps; a terminal sees how far they are when they are many."""
    is_shown = orders >= LONG and sys.stderr.isatty()
    return track(planned, "orders", total=orders, console=Console(stderr=True)) if is_shown else planned
