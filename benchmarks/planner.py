"""How long the planner takes for an order, beside HiGHS on the same orders; and whether HiGHS ever finds a better plan.

Two times are taken of the planner: of the whole plan (strategy, survey, tiers, search and explanation), and of its search
alone, from the question in numbers to the best choices. Two are taken of HiGHS, which also begins with the question in
numbers: of models and solutions, one solve for each ranked measure, and of the solver's own runs alone. Search against
HiGHS with its models is like against like; every other ratio is reported too. A network's first order teaches the planner its
rules, as it does once in a process's life, and is not counted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from unittest.mock import patch

from benchmarks import solver
from benchmarks.instances import VERY_LARGE, Instance, Size, instances, very_large
from benchmarks.solver import Unsolved, faults_of, question, value_of
from domain.sourcing import Plan as Decided
from domain.sourcing import plan, planner
from domain.sourcing.search import Found, cover, fill

SIZES = (
    Size("5 lines x 20 nodes", lines_max=5, nodes=20),
    Size("10 lines x 50 nodes", lines_min=6, lines_max=10, nodes=50),
    Size("45 lines x 6 nodes", lines_min=30, lines_max=45, nodes=6, shipments_max=6),
)
PROOF = Size("8 lines x 50 nodes", lines_max=8, nodes=50)
SEED = 20261121
BATCH = 100
"""Orders between two reports to the progress bar."""


@dataclass(frozen=True)
class Plan:
    """How many orders are planned."""

    proofs: int
    each: int
    """Per size."""
    larges: int
    """Of a thousand lines."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return sum(-(-count // BATCH) for count in (self.proofs, *(self.each for _ in SIZES)))


THOROUGH = Plan(proofs=10_000, each=1000, larges=20)
QUICK = Plan(proofs=50, each=50, larges=2)


@dataclass(frozen=True)
class Timed:
    """Processor milliseconds for orders of one size, and what came out."""

    size: Size
    plans: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    """The part of it that searches; a plan without a search counts nothing."""
    solver: list[float] = field(default_factory=list)
    solver_runs: list[float] = field(default_factory=list)
    differences: list[bool] = field(default_factory=list)
    """Whether HiGHS found another value, or the plan breaks a rule."""
    unsolved: list[str] = field(default_factory=list)
    """The messages of HiGHS about orders that it could not solve; these prove nothing."""
    gaps: list[float | None] = field(default_factory=list)
    """0 where the plan is proven best."""


class _Stopwatch:
    """Adds up the processor milliseconds of the calls of a function."""

    def __init__(self) -> None:
        self._spent = 0.0

    def around(self, function: Callable[..., Found]) -> Callable[..., Found]:
        """The same function, measured."""

        def measured(*asked: object) -> Found:
            begin = time.process_time()
            try:
                return function(*asked)
            finally:
                self._spent += time.process_time() - begin

        return measured

    def take(self) -> float:
        """The sum since the last call."""
        spent, self._spent = self._spent * 1000, 0.0
        return spent


def run(plan: Plan, say: Callable[[str], None]) -> list[Timed]:
    """Plan random orders of each size and solve them."""
    watch = _Stopwatch()
    sizes = [(PROOF, plan.proofs), *((size, plan.each) for size in SIZES)]
    with (
        patch.object(planner, "cover", watch.around(cover)),  # the search is in the middle of a plan
        patch.object(planner, "fill", watch.around(fill)),
    ):
        return [*(_timed(size, count, watch, say) for size, count in sizes), _timed_large(plan.larges, watch)]


def _timed(size: Size, count: int, watch: _Stopwatch, say: Callable[[str], None]) -> Timed:
    timed = Timed(size)
    for number, instance in enumerate(instances(size, count, SEED)):
        if number % BATCH == 0:
            say(f"planner, {size.name}: order {number} of {count}")
            plan(instance.order, instance.wanted, instance.situation)
        _compare(instance, watch, timed)
    return timed


def _timed_large(count: int, watch: _Stopwatch) -> Timed:
    timed = Timed(VERY_LARGE)
    for instance in very_large(count, SEED):
        _measure(instance, watch, timed)
    return timed


def _measure(instance: Instance, watch: _Stopwatch, timed: Timed) -> Decided:
    watch.take()
    begin = time.process_time()
    decided = plan(instance.order, instance.wanted, instance.situation)
    timed.plans.append((time.process_time() - begin) * 1000)
    timed.searches.append(watch.take())
    timed.gaps.append(decided.explanation.gap)
    return decided


def _compare(instance: Instance, watch: _Stopwatch, timed: Timed) -> None:
    decided = _measure(instance, watch, timed)
    asked, value = question(instance), value_of(decided, instance)
    differs = bool(faults_of(decided, instance))
    solver.run_seconds.clear()
    begin = time.process_time()
    try:
        differs |= asked.best_value() != value
    except Unsolved as given_up:
        timed.unsolved.append(str(given_up))
    timed.solver.append((time.process_time() - begin) * 1000)
    timed.solver_runs.append(sum(solver.run_seconds) * 1000)
    timed.differences.append(differs)


def lines(found: Sequence[Timed]) -> Iterator[str]:
    """The figures as text."""
    for timed in found:
        yield f"planner, {timed.size.name}: {_spread(timed.plans)}; its search {_spread(timed.searches)}"
        if timed.solver:
            yield (
                f"  HiGHS {median(timed.solver):.1f} ms with its models, {median(timed.solver_runs):.1f} without: the search is"
                f" {_ratio(timed.searches, timed.solver)} times as fast, the whole plan {_ratio(timed.plans, timed.solver)};"
                f" without the models {_ratio(timed.searches, timed.solver_runs)} and {_ratio(timed.plans, timed.solver_runs)}"
            )
            unproven = sum(gap != 0 for gap in timed.gaps)
            yield (
                f"  {sum(timed.differences)} of {len(timed.plans)} differ, {unproven} unproven;"
                f" HiGHS could not solve {len(timed.unsolved)}"
            )
        else:
            gaps = [1.0 if gap is None else gap for gap in timed.gaps]
            yield f"  gap {median(gaps):.2%} in the median, {max(gaps):.2%} at most"


def _spread(times: Sequence[float]) -> str:
    if len(times) < 2:
        return f"{times[0]:.2f} ms"
    cuts = quantiles(times, n=100)
    return f"{median(times):.2f} ms (90 % below {cuts[89]:.2f}, 99 % below {cuts[98]:.2f}, longest {max(times):.2f})"


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = sorted(other / own for own, other in zip(ours, theirs, strict=True) if own)
    low, *_, high = quantiles(ratios, n=10)
    return f"{median(ratios):.0f} ({low:.0f}–{high:.0f})"
