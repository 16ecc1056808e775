"""Plans a history under several weightings of cost, boxes and days, and says which of them no other one is better than.

The tiers and rules of the policy stay: a weighting changes what is preferred among the plans that they allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.network import Cost, Network, Per, Rank, Strategy
from network.expressions import Answer, compile_rule
from network.rule_names import Sight
from simulation.comparison import Trial
from simulation.history import HistoryRun, outcomes_alone
from simulation.what_changes import Changes
from transactions.history import History

COST_FIRST = (Rank.COST, Rank.SHIPMENTS, Rank.DISTANCE)
WITHOUT_COSTS = 100
"""Minor units that stand for the cost of a shipment where the policy charges nothing."""


@dataclass(frozen=True, slots=True)
class Weighting:
    """What is preferred instead of what the policy prefers."""

    words: str
    rank: tuple[Rank, ...] | None = None
    """None = as each strategy ranks."""
    of_box: int = 0
    """Minor units that each shipment counts more than it costs."""
    of_day: int = 0
    """The same of each of its days."""

    def network(self, network: Network) -> Network:
        """The network with this preference."""
        strategies = tuple(self._strategy(strategy) for strategy in network.policy.strategies)
        return replace(network, policy=replace(network.policy, strategies=strategies))

    def _strategy(self, strategy: Strategy) -> Strategy:
        weights = {"1": self.of_box, "node.promise_days": self.of_day}
        costs = tuple(
            Cost(Per.SHIPMENT, compile_rule(f"{weight} * {counted}", Sight.RULE, Answer.AMOUNT))
            for counted, weight in weights.items()
            if weight
        )
        return replace(strategy, rank=self.rank or strategy.rank, costs=(*strategy.costs, *costs))


AS_THE_POLICY = Weighting("as the policy ranks")


@dataclass(frozen=True, slots=True)
class Point:
    """What became of the orders under one weighting, at what the policy charges."""

    words: str
    trial: Trial
    is_best: bool
    """Whether no other weighting is at least as good in everything and better in something."""


def frontier(history: History, network: Network, changes: Changes, demand: float, until: datetime) -> Sequence[Point]:
    """The history under each weighting, with the changes. Raises `ChangeRefused`."""

    def tried(weighting: Weighting) -> Trial:
        run = HistoryRun("", weighting.network(network), history, changes)
        made = outcomes_alone(history, run, demand, until)
        weights = weighting.of_box, weighting.of_day
        net = [replace(one, cost=one.cost - run.weighed(one.order, *weights)) for one in made]
        return Trial("", weighting.words, run.network, net)

    first = tried(AS_THE_POLICY)
    per_box = round(first.cost / first.shipments) if first.shipments else 0
    trials = [first, *map(tried, _weightings(per_box or WITHOUT_COSTS))]
    measures = [_measures(trial) for trial in trials]
    return [
        Point(trial.source, trial, not any(_is_better(other, mine) for other in measures))
        for trial, mine in zip(trials, measures, strict=True)
    ]


def _weightings(per_box: int) -> list[Weighting]:
    """Preferences of all sorts; weights are shares of what a shipment costs now."""
    quarter, tenth = per_box // 4, per_box // 10
    return [
        Weighting("the lowest cost first", COST_FIRST),
        Weighting("the fewest boxes first", (Rank.SHIPMENTS, Rank.COST, Rank.DISTANCE)),
        Weighting("the fewest days first", (Rank.DAYS, Rank.COST, Rank.DISTANCE)),
        Weighting(f"cost, {quarter} more a box", COST_FIRST, quarter),
        Weighting(f"cost, {per_box} more a box", COST_FIRST, per_box),
        Weighting(f"cost, {tenth} more a day", COST_FIRST, 0, tenth),
        Weighting(f"cost, {quarter} more a day", COST_FIRST, 0, quarter),
        Weighting(f"cost, {quarter} more a box, {tenth} a day", COST_FIRST, quarter, tenth),
    ]


Measures = tuple[float, ...]


def _measures(trial: Trial) -> Measures:
    """What is compared, less is better: units without a node, cost, shipments, days."""
    return trial.units.whole - trial.units.part, trial.cost, trial.shipments, trial.days or 0.0


def _is_better(one: Measures, other: Measures) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))
