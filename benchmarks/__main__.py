"""`python -m benchmarks [lives] [reservations] [plans] [promises] [places] [waiting] [neighbour] [search] [hot] [supply]
[console] [rates] [wholesale] [--quick]`: whole order lives per second, against a workflow that does nothing; reservations per
second, against row-locked transactions; plans, against an independent solver (twenty minutes); a promise over HTTP, against its
plan alone; finding a place, against a plan; what ten thousand waiting orders cost; what a silent node costs the orders of
others; finding a person's orders, against reading one; how many orders of one item are taken; what announced goods cost; what
the pages of the console cost; what prices of carriers cost a plan; how fast purchase orders by X12 are placed, against `POST
/orders`. `python -m benchmarks compare`: a life here against a life in another version.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    compare,
    console,
    hot_item,
    neighbour,
    places,
    planner,
    promises,
    rates,
    reservations,
    search,
    supply,
    waiting,
    wholesale,
)
from benchmarks.bench import QUICK, THOROUGH, DifferentShape, Plan, Results, run
from benchmarks.loop import TooSlow
from benchmarks.report import show
from benchmarks.stack import Stack, scratch
from runtime import time_zones
from runtime.failure import EmbeddedFailure

SUBJECTS = (
    "lives",
    "reservations",
    "plans",
    "promises",
    "places",
    "waiting",
    "neighbour",
    "search",
    "hot",
    "supply",
    "console",
    "rates",
    "wholesale",
)
COMPARE = "compare"
INTERRUPTED = 130
"""What a shell calls the end by Ctrl-C; SIGTERM ends everything in the same way."""


def main() -> int:
    """Measure and report; 1 when there is nothing to report."""
    time_zones.pin()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", type=_subject, help=f"{', '.join(SUBJECTS)}, all of them without one; or {COMPARE}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one short pair: shows that it works, and no ratio to quote"
    )
    _add_comparison(parser)
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has it ignored in the background
        signal.signal(number, signal.default_int_handler)
    try:
        for subject in asked.subjects or SUBJECTS:
            if subject == COMPARE:
                measure_another(compare.Plan(asked.against, asked.pairs, asked.lives))
            else:
                MEASURED[subject](asked.quick)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (compare.NotExported, DifferentShape, EmbeddedFailure, TooSlow, reservations.YardstickFailed) as failure:
        sys.stderr.write(f"{type(failure).__name__}: {failure}\n")
        return 1
    return 0


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    usual = compare.Plan()
    options = parser.add_argument_group(COMPARE, "this checkout against another version, in alternating pairs")
    options.add_argument("--against", metavar="REVISION", default=usual.against, help="the version (%(default)s)")
    options.add_argument("--pairs", type=int, default=usual.pairs, help="turns of each build (%(default)s)")
    options.add_argument("--lives", type=int, default=usual.lives, help="lives under load in a turn (%(default)s)")


def _subject(name: str) -> str:
    if name not in (*SUBJECTS, COMPARE):
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join((*SUBJECTS, COMPARE))}")
    return name


def measure_lives(is_quick: bool) -> None:
    """Print what whole lives take."""
    show(measured_lives(QUICK if is_quick else THOROUGH), Console())


def measure_reservations(is_quick: bool) -> None:
    """Print how many reservations are made in a second."""
    _print(reservations.lines(measured_reservations(reservations.QUICK if is_quick else reservations.THOROUGH)))


def measure_plans(is_quick: bool) -> None:
    """Print what a plan takes, and whether a solver finds the same."""
    plan = planner.QUICK if is_quick else planner.THOROUGH
    with progress(plan.steps) as say:
        found = planner.run(plan, say)
    _print(planner.lines(found))


def measure_promises(is_quick: bool) -> None:
    """Print what a promise over HTTP costs, against its plan alone."""
    plan = promises.QUICK if is_quick else promises.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(promises.run(folder, plan, say))
    _print(promises.lines(found))


def measure_places(is_quick: bool) -> None:
    """Print what finding a place costs, against one plan."""
    plan = places.QUICK if is_quick else places.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = places.run(folder, plan, say)
    _print(places.lines(found))


def measure_waiting(is_quick: bool) -> None:
    """Print what waiting orders cost, and how soon a message takes effect."""
    _print(waiting.lines(measured_waiting(waiting.QUICK if is_quick else waiting.THOROUGH)))


def measure_neighbour(is_quick: bool) -> None:
    """Print what a silent node costs the orders of other nodes."""
    plan = neighbour.QUICK if is_quick else neighbour.THOROUGH
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        found = uvloop.run(neighbour.run(stack, plan, say))
    _print(neighbour.lines(found))


def measure_search(is_quick: bool) -> None:
    """Print what finding a person's orders takes, beside reading one order."""
    plan = search.QUICK if is_quick else search.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(search.run(folder, plan, say))
    _print(search.lines(found))


def measure_hot_item(is_quick: bool) -> None:
    """Print how many orders a second one item at one node takes."""
    plan = hot_item.QUICK if is_quick else hot_item.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(hot_item.run(folder, plan, say))
    _print(hot_item.lines(found))


def measure_rates(is_quick: bool) -> None:
    """Print what prices of carriers cost a plan."""
    plan = rates.QUICK if is_quick else rates.THOROUGH
    with progress(plan.steps) as say:
        found = rates.run(plan, say)
    _print(rates.lines(found))


def measure_supply(is_quick: bool) -> None:
    """Print what a promise from announced goods costs, and how fast a slip is followed."""
    plan = supply.QUICK if is_quick else supply.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(supply.run(folder, plan, say))
    _print(supply.lines(found))


def measure_wholesale(is_quick: bool) -> None:
    """Print how fast purchase orders by X12 are read and placed."""
    plan = wholesale.QUICK if is_quick else wholesale.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(wholesale.run(folder, plan, say))
    _print(wholesale.lines(found))


def measure_console(is_quick: bool) -> None:
    """Print what each page of the console costs among many orders."""
    plan = console.QUICK if is_quick else console.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(console.run(folder, plan, say))
    _print(console.lines(found))


def measure_another(plan: compare.Plan) -> None:
    """Print what a life costs here and in another version; after a failure or Ctrl-C, what the pairs before it have shown."""
    pairs: list[compare.Pair] = []
    try:
        with scratch() as folder, progress(plan.steps) as say:
            for pair in compare.run(folder, plan, say):
                pairs.append(pair)  # one by one: what there is survives a failure
    finally:
        if pairs:
            Console().print(compare.table(pairs, plan))


MEASURED = {
    "lives": measure_lives,
    "reservations": measure_reservations,
    "plans": measure_plans,
    "promises": measure_promises,
    "places": measure_places,
    "waiting": measure_waiting,
    "neighbour": measure_neighbour,
    "search": measure_search,
    "hot": measure_hot_item,
    "supply": measure_supply,
    "console": measure_console,
    "rates": measure_rates,
    "wholesale": measure_wholesale,
}


def _print(lines: Iterator[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def measured_lives(plan: Plan) -> Results:
    """Run on a stack of its own, on the event loop of the HTTP process, with progress on a terminal's standard error."""
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        return uvloop.run(run(stack, plan, say))


def measured_waiting(plan: waiting.Plan) -> waiting.Waiting:
    """Run on a stack of its own, with progress on a terminal's standard error."""
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        return uvloop.run(waiting.run(stack, plan, say))


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
