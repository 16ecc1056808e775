"""How long the planner takes for an order, beside HiGHS on the same orders; and whether HiGHS ever finds a better plan.

The planner's time is that of the whole plan: strategy, survey, tiers, search and explanation. That of HiGHS is only the
models and their solution, one solve for each ranked measure; the questions were put in numbers for it before.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.instances import Instance, Size, instances
from benchmarks.solver import faults_of, question, value_of
from domain.sourcing import plan

SIZES = (
    Size("5 lines x 20 nodes", lines_max=5, nodes=20),
    Size("10 lines x 50 nodes", lines_min=6, lines_max=10, nodes=50),
    Size("45 lines x 6 nodes", lines_min=30, lines_max=45, nodes=6, shipments_max=6),
)
PROOF = Size("8 lines x 50 nodes", lines_max=8, nodes=50)
SEED = 20261121
BATCH = 100
"""Orders between two words to the progress bar."""


@dataclass(frozen=True)
class Plan:
    """How many orders are planned."""

    proofs: int
    each: int
    """Per size."""

    @property
    def steps(self) -> int:
        """What `run` says on its way, for a progress bar."""
        return sum(-(-count // BATCH) for count in (self.proofs, *(self.each for _ in SIZES)))


THOROUGH = Plan(proofs=10_000, each=1000)
QUICK = Plan(proofs=50, each=50)


@dataclass(frozen=True)
class Timed:
    """Processor milliseconds for orders of one size."""

    size: Size
    ours: Sequence[float]
    solver: Sequence[float]
    different: int
    """Orders for which HiGHS found another value, or the plan does what it must not."""
    unproven: int
    """Orders for which the planner gave up before it could say that its plan is the best."""


def run(plan: Plan, say: Callable[[str], None]) -> list[Timed]:
    """Plan random orders of each size and solve them."""
    sizes = [(PROOF, plan.proofs), *((size, plan.each) for size in SIZES)]
    return [_timed(size, count, say) for size, count in sizes]


def _timed(size: Size, count: int, say: Callable[[str], None]) -> Timed:
    ours: list[float] = []
    solver: list[float] = []
    different = unproven = 0
    for number, instance in enumerate(instances(size, count, SEED)):
        if number % BATCH == 0:
            say(f"planner, {size.name}: order {number} of {count}")
        agrees, is_exact = _compare(instance, ours, solver)
        different += not agrees
        unproven += not is_exact
    return Timed(size, ours, solver, different, unproven)


def _compare(instance: Instance, ours: list[float], solver: list[float]) -> tuple[bool, bool]:
    """Whether both agree and whether the plan says that it is exact; the times are added to the lists."""
    begin = time.process_time()
    decided = plan(instance.order, instance.wanted, instance.situation)
    ours.append((time.process_time() - begin) * 1000)
    asked = question(instance)
    begin = time.process_time()
    best = asked.best_value()
    solver.append((time.process_time() - begin) * 1000)
    return value_of(decided, instance) == best and not faults_of(decided, instance), decided.explanation.exact


def lines(found: Sequence[Timed]) -> Iterator[str]:
    """The figures as text."""
    for timed in found:
        ratios = sorted(theirs / mine for mine, theirs in zip(timed.ours, timed.solver, strict=True))
        low, *_, high = quantiles(ratios, n=10)
        cuts = quantiles(timed.ours, n=100)
        yield (
            f"planner, {timed.size.name}: {median(timed.ours):.2f} ms (90 % below {cuts[89]:.2f}, 99 % below {cuts[98]:.2f},"
            f" longest {max(timed.ours):.2f}); HiGHS {median(timed.solver):.1f} ms,"
            f" {median(ratios):.0f} times as long ({low:.0f}–{high:.0f} from 10 % to 90 %);"
            f" {timed.different} of {len(timed.ours)} differ, {timed.unproven} unproven"
        )
