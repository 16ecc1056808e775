"""What prices of stock are worth: the same orders shipped with them, without, by two ideas from papers, and in hindsight.

Nothing here is timed, so other work of the machine changes no figure. `look_ahead_instances.py` says what an instance is, and
`look_ahead_methods.py` how each method ships it. Demand is learned by all of them from as many orders of a time before.

The instances that are reported have other seeds than those with which the prices were tried out.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from benchmarks import look_ahead_methods as methods
from benchmarks.look_ahead_instances import Instance, instance

FIRST_SEED = 2026_000

MYOPIC, LOOK_AHEAD = "myopic", "look-ahead"
METHODS: Mapping[str, Callable[[Instance, int], methods.Choose]] = {
    MYOPIC: lambda case, _: methods.myopic(case),
    LOOK_AHEAD: methods.look_ahead,
    "Acimovic and Graves": lambda case, _: methods.transportation_prices(case),
    "Jasin and Sinha": methods.rounded_program,
}


class Setting(NamedTuple):
    """Instances of one kind."""

    orders: int
    plenty: float
    """The stock as a multiple of what is expected to be needed."""
    instances: int


@dataclass(frozen=True)
class Plan:
    """What is shipped."""

    settings: tuple[Setting, ...]

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return sum(setting.instances for setting in self.settings)


THOROUGH = Plan((Setting(1_000, 1.0, 20), Setting(2_000, 1.0, 20), Setting(1_000, 1.5, 20)))
QUICK = Plan((Setting(200, 1.0, 1),))


class Shipped(NamedTuple):
    """One instance, shipped by every method."""

    setting: Setting
    hindsight: float
    """Dollars that no method can go below."""
    by_method: Mapping[str, methods.Result]

    def ratio(self, method: str) -> float:
        """What a method costs, as a multiple of the hindsight bound."""
        return self.by_method[method].dollars / self.hindsight

    def against_myopic(self, method: str) -> float:
        """What a method costs, as a multiple of shipping each order in its cheapest way."""
        return self.by_method[method].dollars / self.by_method[MYOPIC].dollars

    def closed(self, method: str) -> float:
        """The share of the gap between the cheapest way for each order and hindsight that a method closes."""
        gap = self.by_method[MYOPIC].dollars - self.hindsight
        return (self.by_method[MYOPIC].dollars - self.by_method[method].dollars) / gap


def run(asked: Plan, say: Callable[[str], None]) -> list[Shipped]:
    """Ship the instances by every method."""
    found = []
    for setting in asked.settings:
        for number in range(setting.instances):
            say(f"look-ahead: instance {number + 1} of {setting.instances}, {setting.orders} orders")
            found.append(shipped(FIRST_SEED + number, setting))
    return found


def shipped(seed: int, setting: Setting) -> Shipped:
    """Ship one instance by every method. Raises AssertionError where they leave different units unfilled."""
    case = instance(seed, setting.orders, setting.plenty)
    results = {name: methods.shipped(case, method(case, seed)) for name, method in METHODS.items()}
    unfilled = {result.unfilled for result in results.values()}
    bound = methods.fulfilled(case, Counter(case.orders), case.stock)
    assert unfilled == {round(bound.unfilled)}, (unfilled, bound.unfilled)
    return Shipped(setting, bound.dollars, results)


def lines(found: Sequence[Shipped]) -> Iterator[str]:
    """The figures as text: median, least and largest over the instances."""
    for setting in dict.fromkeys(one.setting for one in found):
        cases = [one for one in found if one.setting == setting]
        yield f"{len(cases)} instances of {setting.orders} orders, stock x{setting.plenty:g}: 99 cities, 10 centres, 20 items"
        for method in METHODS:
            packages = median(one.by_method[method].packages / setting.orders for one in cases)
            yield (
                f"  {method}: {_spread([one.ratio(method) for one in cases], 3)} of the hindsight bound; closes "
                f"{_spread([100 * one.closed(method) for one in cases], 0)} % of the gap; "
                f"{_spread([100 * one.against_myopic(method) for one in cases], 2)} % of myopic; {packages:.3f} packages each"
            )


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
