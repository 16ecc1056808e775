"""Answers the planner's questions a second time, as mixed-integer programs for HiGHS, written from the policy's meaning.

It shares with the planner what is proven elsewhere (distances, promises, the rule engine) and nothing of its search: no
clusters, no bounds, no merged demands, no remembered answers. The rank is solved one measure after the other, each with
gap 0 and with the measures before it held at their best.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from benchmarks.instances import Instance
from domain.network import EvaluationError, Expression, Fact, Node, Per, Rank, ShipComplete, Strategy, Tier, distance_km
from domain.promise import pickup_promise, promise
from domain.sourcing import NodeLoad, Plan

Value = tuple[int, ...]
"""The number of the tier, then units filled, the ranked measures in turn, and shipments; the fewest digits: (0, 0)."""

run_seconds: list[float] = []
"""Processor seconds of each run of the solver since the list was last cleared."""

THOUSANDTHS = 1000
UNLIMITED = 1_000_000_000
ORDER_NAMES: tuple[str, ...] = (
    "channel",
    "service",
    "country",
    "region",
    "postal_code",
    "customer_tier",
    "value",
    "units",
    "priority",
    "weight_kg",
)


class Unsolved(Exception):
    """HiGHS could not solve a program; the message is its own status."""


@dataclass(frozen=True)
class Candidate:
    """A node that may take part, and what it would mean."""

    node: str
    cost: int
    """Of one shipment, in thousandths of a minor unit."""
    unit_costs: tuple[int, ...]
    """By position in `wanted`."""
    allowed: tuple[bool, ...]
    """By position in `wanted`: whether it may ship from here at all."""
    distance_m: int
    days: int
    priority: int
    facts: dict[str, Fact]

    def measure(self, rank: Rank) -> int:
        """What a shipment from here adds to a measure; for days, what it raises it to."""
        if rank is Rank.COST:
            return self.cost
        return {Rank.SHIPMENTS: 1, Rank.DISTANCE: self.distance_m, Rank.DAYS: self.days, Rank.PRIORITY: self.priority}[
            rank
        ]


@dataclass(frozen=True)
class Question:
    """A question in numbers: what the planner finds out before it searches."""

    instance: Instance
    strategy: Strategy
    tiers: Sequence[Tier]
    members: Sequence[list[Candidate]]
    """By tier: the nodes that may take part."""

    def best_value(self) -> Value:
        """What the best plan is worth: the models of all tiers that matter, made and solved. Raises Unsolved."""
        for number, (tier, nodes) in enumerate(zip(self.tiers, self.members, strict=True), start=1):
            found = _solve(self.instance, self.strategy, tier, nodes, ShipComplete.ORDER)
            if found is not None:
                return number, *found
        complete = self.instance.order.ship_complete or self.strategy.ship_complete
        if complete is ShipComplete.ORDER:
            return 0, 0
        found = _solve(self.instance, self.strategy, self.tiers[-1], self.members[-1], complete)
        return (len(self.tiers), *found) if found and found[0] else (0, 0)


def question(instance: Instance) -> Question:
    """An instance in numbers."""
    strategy = _strategy(instance)
    candidates = _candidates(instance, strategy)
    tiers = _tiers(instance, strategy)
    return Question(instance, strategy, tiers, [_members(candidates, tier) for tier in tiers])


def value_of(plan: Plan, instance: Instance) -> Value:
    """What a plan is worth, counted from its parts."""
    if not plan.shipments:
        return 0, 0
    strategy = _strategy(instance)
    by_node = {candidate.node: candidate for candidate in _candidates(instance, strategy)}
    chosen = [by_node[shipment.node] for shipment in plan.shipments]
    parts = [(by_node[s.node], part) for s in plan.shipments for part in s.parts]
    measured = []
    for rank in (*strategy.rank, Rank.SHIPMENTS):
        measures = [candidate.measure(rank) for candidate in chosen]
        total = max(measures) if rank is Rank.DAYS else sum(measures)
        if rank is Rank.COST:
            total += sum(candidate.unit_costs[part.wanted_index] * part.quantity for candidate, part in parts)
        measured.append(total)
    return plan.tier or 1, sum(part.quantity for _, part in parts), *measured


def faults_of(plan: Plan, instance: Instance) -> list[str]:
    """What a plan does that it must not: nodes too many or not admitted, units too many, lines divided or not whole."""
    strategy = _strategy(instance)
    if not plan.shipments:
        return []
    tier = _tiers(instance, strategy)[(plan.tier or 1) - 1]
    members = {one.node: one for one in _members(_candidates(instance, strategy), tier)}
    faults = [f"{s.node} is not admitted" for s in plan.shipments if s.node not in members]
    if len(plan.shipments) > tier.max_shipments:
        faults.append("too many shipments")
    taken: dict[tuple[str, str], int] = {}
    nodes_of: dict[int, set[str]] = {}
    units_of = dict.fromkeys(range(len(instance.wanted)), 0)
    for shipment in plan.shipments:
        for part in shipment.parts:
            nodes_of.setdefault(part.wanted_index, set()).add(shipment.node)
            units_of[part.wanted_index] += part.quantity
            if not members[shipment.node].allowed[part.wanted_index]:
                faults.append(f"{part.sku} may not come from {shipment.node}")
            for sku, count in instance.situation.network.components(part.sku):
                taken[shipment.node, sku] = taken.get((shipment.node, sku), 0) + count * part.quantity
    faults += [
        f"{place} gives {units}" for place, units in taken.items() if units > instance.situation.supply.get(place, 0)
    ]
    if not tier.split_line and any(len(nodes) > 1 for nodes in nodes_of.values()):
        faults.append("a line is split")
    short = {one.line for position, one in enumerate(instance.wanted) if units_of[position] < one.quantity}
    complete = instance.order.ship_complete or strategy.ship_complete
    if short and complete is ShipComplete.ORDER:
        faults.append("the order is not complete")
    if complete is ShipComplete.LINE and any(units_of[p] for p, one in enumerate(instance.wanted) if one.line in short):
        faults.append("a line is not complete")
    return faults


def _strategy(instance: Instance) -> Strategy:
    facts = _order_facts(instance)
    return next(one for one in instance.situation.network.policy.strategies if one.when.evaluate(facts) is True)


def _tiers(instance: Instance, strategy: Strategy) -> Sequence[Tier]:
    """The strategy's tiers; where the customer collects, one with that node alone."""
    node = instance.order.pickup_node
    return strategy.tiers if node is None else [Tier((), frozenset({node}))]


def _members(candidates: Sequence[Candidate], tier: Tier) -> list[Candidate]:
    return [one for one in candidates if one.node in tier.nodes and _holds(tier.require, one.facts)]


def _holds(rule: Expression | None, facts: dict[str, Fact]) -> bool:
    return rule is None or rule.evaluate(facts) is True


def _order_facts(instance: Instance) -> dict[str, Fact]:
    return {f"order.{name}": getattr(instance.order, name) for name in ORDER_NAMES}


def _candidates(instance: Instance, strategy: Strategy) -> list[Candidate]:
    """Every node that may take the order at all."""
    found = (_candidate(instance, strategy, node) for node in instance.situation.network.nodes.values())
    return sorted((one for one in found if one is not None), key=lambda one: one.node)


def _candidate(instance: Instance, strategy: Strategy, node: Node) -> Candidate | None:
    situation, order = instance.situation, instance.order
    load = situation.workload.get(node.id, NodeLoad())
    left = UNLIMITED if node.capacity_per_day is None else max(0, node.capacity_per_day - load.capacity_used_today)
    collects = order.pickup_node is not None
    if node.id in situation.paused or left == 0 or (collects and (node.id != order.pickup_node or not node.pickup)):
        return None
    distance = 0.0
    if not collects:
        distance = distance_km(node.latitude, node.longitude, order.place.latitude, order.place.longitude)
    promised = (
        pickup_promise(node, situation.now)
        if collects
        else promise(node, order.service, distance, situation.now, situation.network.policy.transit)
    )
    days = promised.days if promised else None
    if days is None:
        return None
    facts: dict[str, Fact] = _order_facts(instance) | {
        "node.id": node.id,
        "node.kind": str(node.kind),
        "node.country": node.country,
        "node.priority": node.priority,
        "node.open_orders": load.open_orders,
        "node.capacity_left": left,
        "node.distance_km": distance,
        "node.distance_known": True,
        "node.promise_days": days,
    }
    charges = _charges(strategy, facts)
    if charges is None or not (collects or _holds(strategy.require, facts)):
        return None
    return Candidate(
        node.id,
        round(charges[Per.SHIPMENT] * THOUSANDTHS),
        tuple(
            _unit_cost(instance, position, charges) + _price(instance, strategy, node.id, position)
            for position in range(len(instance.wanted))
        ),
        tuple(_allowed(instance, position, facts) for position in range(len(instance.wanted))),
        round(distance * 1000),
        days,
        node.priority,
        facts,
    )


def _charges(strategy: Strategy, facts: dict[str, Fact]) -> dict[Per, float] | None:
    charges = dict.fromkeys(Per, 0.0)
    for cost in strategy.costs:
        applies = True if cost.when is None else cost.when.evaluate(facts)
        amount = cost.amount.evaluate(facts) if applies is True and cost.amount else 0
        if (
            isinstance(applies, EvaluationError)
            or isinstance(amount, EvaluationError)
            or not 0 <= amount < float("inf")
        ):
            return None
        charges[cost.per] += amount
    return charges


def _unit_cost(instance: Instance, position: int, charges: dict[Per, float]) -> int:
    """Thousandths of a minor unit, the amount per unit and that for its weight each rounded."""
    item = instance.situation.network.items[instance.wanted[position].sku]
    return round(charges[Per.UNIT] * THOUSANDTHS) + round(charges[Per.KG] * THOUSANDTHS / 1000 * item.weight_g)


def _price(instance: Instance, strategy: Strategy, node: str, position: int) -> int:
    """What a unit is worth to later orders, where the strategy looks ahead."""
    if not strategy.look_ahead:
        return 0
    prices, parts = instance.situation.prices, instance.situation.network.components(instance.wanted[position].sku)
    return sum(prices.get((node, sku), 0) * count for sku, count in parts)


def _allowed(instance: Instance, position: int, facts: dict[str, Fact]) -> bool:
    one = instance.wanted[position]
    if facts["node.id"] in one.tried:
        return False
    item = instance.situation.network.items[one.sku]
    seen = facts | {f"item.{name}": getattr(item, name) for name in ("sku", "category", "weight_g")}
    seen["item.tags"] = list(item.tags)
    return all(exclusion.when.evaluate(seen) is False for exclusion in instance.situation.network.policy.exclusions)


def _solve(
    instance: Instance, strategy: Strategy, tier: Tier, nodes: list[Candidate], complete: ShipComplete
) -> tuple[int, ...] | None:
    """Units, ranked measures and shipments of the best plan of a tier; None when what must be complete cannot be."""
    model = _Model(instance, tier, nodes, complete)
    units = model.best(model.units(-1))
    if units is None:
        return None
    values = [-units]
    for rank in dict.fromkeys((*strategy.rank, Rank.SHIPMENTS)):
        best = model.best(model.measure(rank))
        if best is None:
            raise AssertionError("a plan that was found is gone")
        values.append(best)
    if Rank.SHIPMENTS in strategy.rank:
        values.append(values[1 + strategy.rank.index(Rank.SHIPMENTS)])
    return tuple(values)


class _Model:
    """Variables: units of each wanted at each node, whether a node ships, where a wanted that is not split comes from,
    whether a line is whole, and the largest number of days."""

    def __init__(self, instance: Instance, tier: Tier, nodes: list[Candidate], complete: ShipComplete) -> None:
        self._nodes, self._wanted = nodes, instance.wanted
        self._rows: list[tuple[float, float, dict[int, float]]] = []
        self._upper: list[float] = []
        self._given: dict[tuple[int, int], int] = {}
        supply, network = instance.situation.supply, instance.situation.network
        ships = [self._variable(1) for _ in nodes]
        self._ships = ships
        self._most(tier.max_shipments, dict.fromkeys(ships, 1))
        for w, one in enumerate(instance.wanted):
            parts = network.components(one.sku)
            for n, node in enumerate(nodes):
                units = min([one.quantity, *(supply.get((node.node, sku), 0) // count for sku, count in parts)])
                if node.allowed[w] and units > 0:
                    self._given[w, n] = self._variable(units)
        for (w, n), given in self._given.items():
            self._most(0, {given: 1, ships[n]: -self._wanted[w].quantity})
        if not tier.split_line:
            self._unsplit()
        self._complete(complete)
        for n, node in enumerate(nodes):
            for sku in {sku for one in instance.wanted for sku, _ in network.components(one.sku)}:
                uses = {
                    self._given[w, n]: float(dict(network.components(one.sku))[sku])
                    for w, one in enumerate(instance.wanted)
                    if (w, n) in self._given and sku in dict(network.components(one.sku))
                }
                if uses:
                    self._most(supply.get((node.node, sku), 0), uses)
        self._days = self._variable(max((node.days for node in nodes), default=0))
        for n, node in enumerate(nodes):
            self._most(0, {ships[n]: node.days, self._days: -1})
        self._highs = self._load()

    def _variable(self, upper: float) -> int:
        self._upper.append(upper)
        return len(self._upper) - 1

    def _most(self, upper: float, terms: dict[int, float]) -> None:
        self._rows.append((-highspy.kHighsInf, upper, terms))

    def _of(self, wanted: int) -> list[tuple[int, int]]:
        return [(n, given) for (w, n), given in self._given.items() if w == wanted]

    def _unsplit(self) -> None:
        for w, one in enumerate(self._wanted):
            origins: dict[int, float] = {}
            for _, given in self._of(w):
                origin = self._variable(1)
                origins[origin] = 1
                self._most(0, {given: 1, origin: -one.quantity})
            self._most(1, origins)

    def _complete(self, complete: ShipComplete) -> None:
        lines: dict[str, int] = {}
        for w, one in enumerate(self._wanted):
            terms: dict[int, float] = {given: 1 for _, given in self._of(w)}
            if complete is ShipComplete.LINE:
                if one.line not in lines:
                    lines[one.line] = self._variable(1)
                self._rows.append((0, 0, terms | {lines[one.line]: -one.quantity}))
            else:
                least = one.quantity if complete is ShipComplete.ORDER else 0
                self._rows.append((least, one.quantity, terms))

    def _load(self) -> highspy.Highs:
        model = highspy.HighsLp()
        columns, rows = len(self._upper), len(self._rows)
        model.num_col_, model.num_row_ = columns, rows
        model.col_cost_ = np.zeros(columns)
        model.col_lower_, model.col_upper_ = np.zeros(columns), np.array(self._upper, dtype=float)
        model.row_lower_ = np.array([lower for lower, _, _ in self._rows], dtype=float)
        model.row_upper_ = np.array([upper for _, upper, _ in self._rows], dtype=float)
        model.integrality_ = [highspy.HighsVarType.kInteger] * columns
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(terms) for _, _, terms in self._rows)])
        model.a_matrix_.index_ = np.array([column for _, _, terms in self._rows for column in terms], dtype=np.int32)
        model.a_matrix_.value_ = np.array(
            [factor for _, _, terms in self._rows for factor in terms.values()], dtype=float
        )
        highs = highspy.Highs()
        for option, value in OPTIONS.items():
            highs.setOptionValue(option, value)
        highs.passModel(model)
        return highs

    def units(self, sign: int) -> dict[int, float]:
        """Units given, as an objective."""
        return dict.fromkeys(self._given.values(), float(sign))

    def measure(self, rank: Rank) -> dict[int, float]:
        """A ranked measure as an objective."""
        if rank is Rank.DAYS:
            return {self._days: 1.0}
        terms = {ship: float(node.measure(rank)) for ship, node in zip(self._ships, self._nodes, strict=True)}
        if rank is Rank.COST:
            terms |= {given: float(self._nodes[n].unit_costs[w]) for (w, n), given in self._given.items()}
        return terms

    def best(self, objective: dict[int, float]) -> int | None:
        """The least value of an objective, which holds from now on; None when nothing is possible.

        Of one program in some thousands HiGHS finds a solution that breaks the program itself, says so and stops: its presolve
        is at fault, so it tries again without. Raises Unsolved where that does not help.
        """
        columns = len(self._upper)
        costs = np.array([objective.get(column, 0.0) for column in range(columns)])
        self._highs.changeColsCost(columns, np.arange(columns, dtype=np.int32), costs)
        status = self._run()
        if status == highspy.HighsModelStatus.kSolveError:
            self._highs.clearSolver()
            self._highs.setOptionValue("presolve", "off")
            status = self._run()
            self._highs.setOptionValue("presolve", "choose")
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise Unsolved(status.name)
        solution = np.rint(np.array(self._highs.getSolution().col_value))
        least = round(float(costs @ solution))
        used = np.array([column for column, cost in objective.items() if cost], dtype=np.int32)
        self._highs.addRow(-highspy.kHighsInf, least + 0.5, len(used), used, costs[used])
        return least

    def _run(self) -> highspy.HighsModelStatus:
        begin = time.process_time()
        self._highs.run()
        run_seconds.append(time.process_time() - begin)
        return self._highs.getModelStatus()


OPTIONS: dict[str, bool | int | float] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 1,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
}
