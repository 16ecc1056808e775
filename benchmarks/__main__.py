"""`python -m benchmarks [lives] [reservations] [plans] [promises] [places] [waiting] [neighbour] [search] [hot] [supply]
[console] [rates] [wholesale] [look_ahead] [--quick]`: whole order lives per second, against a workflow that does nothing;
reservations per second, against row-locked transactions; plans, against an independent solver (twenty minutes); a promise over
HTTP, against its plan alone; finding a place, against a plan; what ten thousand waiting orders cost; what a silent node costs
the orders of others; finding a person's orders, against reading one; how many orders of one item are taken; what announced
goods cost; what the pages of the console cost; what prices of carriers cost a plan; how fast purchase orders by X12 are placed,
against `POST /orders`; what prices of stock are worth, against hindsight. `python -m benchmarks compare`: a life here against a
life in another version.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    compare,
    console,
    hot_item,
    look_ahead,
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
from benchmarks.bench import QUICK, THOROUGH, DifferentShape, run
from benchmarks.loop import TooSlow
from benchmarks.report import show
from benchmarks.stack import Stack, scratch
from runtime import time_zones
from runtime.failure import EmbeddedFailure

COMPARE = "compare"
INTERRUPTED = 130
"""What a shell calls the end by Ctrl-C; SIGTERM ends everything in the same way."""


def main() -> int:
    """Measure and report; 1 when there is nothing to report."""
    time_zones.pin()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", type=_subject, help=f"{', '.join(MEASURED)}, all of them without one; or {COMPARE}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one short pair: shows that it works, and no ratio to quote"
    )
    _add_comparison(parser)
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has it ignored in the background
        signal.signal(number, signal.default_int_handler)
    try:
        for subject in asked.subjects or MEASURED:
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
    if name not in (*MEASURED, COMPARE):
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join((*MEASURED, COMPARE))}")
    return name


def measure_alone(subject: ModuleType, is_quick: bool) -> None:
    """Print what a module measures that starts no server."""
    plan = subject.QUICK if is_quick else subject.THOROUGH
    with progress(plan.steps) as say:
        found = subject.run(plan, say)
    _print(subject.lines(found))


def measure_with_servers(subject: ModuleType, is_quick: bool) -> None:
    """Print what a module measures that starts servers of its own."""
    plan = subject.QUICK if is_quick else subject.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = uvloop.run(subject.run(folder, plan, say))
    _print(subject.lines(found))


def measure_on_a_stack(subject: ModuleType, is_quick: bool) -> None:
    """Print what a module measures on a whole stack."""
    plan = subject.QUICK if is_quick else subject.THOROUGH
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        found = uvloop.run(subject.run(stack, plan, say))
    _print(subject.lines(found))


def measure_lives(is_quick: bool) -> None:
    """Print what whole lives take, on the event loop of the HTTP process."""
    plan = QUICK if is_quick else THOROUGH
    with scratch() as folder, progress(plan.steps) as say, Stack(folder) as stack:
        results = uvloop.run(run(stack, plan, say))
    show(results, Console())


def measure_places(is_quick: bool) -> None:
    """Print what finding a place costs, against one plan."""
    plan = places.QUICK if is_quick else places.THOROUGH
    with scratch() as folder, progress(plan.steps) as say:
        found = places.run(folder, plan, say)
    _print(places.lines(found))


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


MEASURED: dict[str, Callable[[bool], None]] = {
    "lives": measure_lives,
    "reservations": partial(measure_with_servers, reservations),
    "plans": partial(measure_alone, planner),
    "promises": partial(measure_with_servers, promises),
    "places": measure_places,
    "waiting": partial(measure_on_a_stack, waiting),
    "neighbour": partial(measure_on_a_stack, neighbour),
    "search": partial(measure_with_servers, search),
    "hot": partial(measure_with_servers, hot_item),
    "supply": partial(measure_with_servers, supply),
    "console": partial(measure_with_servers, console),
    "rates": partial(measure_alone, rates),
    "wholesale": partial(measure_with_servers, wholesale),
    "look_ahead": partial(measure_alone, look_ahead),
}


def _print(lines: Iterator[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


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
