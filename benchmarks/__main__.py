"""`python -m benchmarks [--quick]`: whole order lives per second, against a workflow that does nothing (four minutes)."""

import argparse
import os
import sys

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

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
    plan = QUICK if parser.parse_args().quick else THOROUGH
    try:
        results = measured(plan)
    except (DifferentShape, EmbeddedFailure, TooSlow) as failure:
        sys.stderr.write(f"{type(failure).__name__}: {failure}\n")
        return 1
    show(results, Console())
    return 0


def measured(plan: Plan) -> Results:
    """Run on a stack of its own, on the event loop of the HTTP process, with progress on a terminal's standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    shown = Progress(*columns, console=Console(stderr=True), refresh_per_second=2, transient=True)
    with scratch() as folder, shown as progress, Stack(folder) as stack:
        task = progress.add_task("starting the servers", total=plan.steps)
        return uvloop.run(run(stack, plan, lambda text: progress.update(task, description=text, advance=1)))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # leaving Python after using the client aborts about every second time
