"""`python -m benchmarks [--quick]`: whole order lives per second, against a workflow that does nothing, and reservations per
second, against plain row-locked transactions (nine minutes)."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import reservations
from benchmarks.bench import QUICK, THOROUGH, DifferentShape, Plan, Results, run
from benchmarks.loop import TooSlow
from benchmarks.report import show
from benchmarks.stack import Stack, scratch
from starter.embedded.failure import EmbeddedFailure


def main() -> int:
    """Measure and report; 1 when there is nothing to report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short pair: shows that it works, and no ratio to quote"
    )
    is_quick = parser.parse_args().quick
    try:
        results = measured_lives(QUICK if is_quick else THOROUGH)
        found = measured_reservations(reservations.QUICK if is_quick else reservations.THOROUGH)
    except (DifferentShape, EmbeddedFailure, TooSlow, reservations.YardstickFailed) as failure:
        sys.stderr.write(f"{type(failure).__name__}: {failure}\n")
        return 1
    show(results, Console())
    sys.stdout.write("".join(f"{line}\n" for line in reservations.lines(found)))
    return 0


def measured_lives(plan: Plan) -> Results:
    """Run on a stack of its own, on the event loop of the HTTP process, with progress on a terminal's standard error."""
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        return uvloop.run(run(stack, plan, say))


def measured_reservations(plan: reservations.Plan) -> reservations.Reservations:
    """Run on a PostgreSQL server of its own, with progress on a terminal's standard error."""
    with scratch() as folder, progress(plan.steps) as say:
        return uvloop.run(reservations.run(folder, plan, say))


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar; call what it gives with what begins now."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2, transient=True) as shown:
        task = shown.add_task("starting the servers", total=steps)
        yield lambda text: shown.update(task, description=text, advance=1)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # leaving Python after using the client aborts about every second time
