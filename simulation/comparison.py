"""Compares what networks do with past orders, in figures, and gives the reasons why an order would ship differently.

A trial is a list of outcomes, one an order. Every figure of a trial is counted from them here, so that a table and a
picture of it cannot differ.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import inf
from typing import NamedTuple, Protocol

from domain.money import written
from domain.network import Network, Place, Strategy
from domain.sourcing import ConsideredNode, Obstacle, Plan

SOON_DAYS = 2
"""An order that arrives within this number of days counts as arriving soon."""


class Cause(StrEnum):
    """The kinds of reasons for which an order ships differently."""

    STRATEGY = "another strategy decides"
    TIER = "another tier fills it"
    FILLED = "more or fewer units are filled"
    STOCK = "stock was used up by earlier orders"
    CAPACITY = "a node's capacity of the day was used up"
    RULE = "a rule keeps a node out, or it has too little"
    NODE = "a node is in one network only"
    RANK = "plans are ranked otherwise"
    COST = "a node costs otherwise"
    FIGURES = "another plan is better, or the days are others"
    LATER = "what came later: goods, a rejection, a turn in the queue"


class Reason(NamedTuple):
    """One reason for which an order ships differently, in plain words."""

    cause: Cause
    words: str


class NodeStates(Protocol):
    """The state of each node when an order was planned."""

    def in_tier(self, tier: int | None) -> Mapping[str, ConsideredNode]:
        """Each node by id as it was in a tier of the plan's strategy; None = in the tier that decided."""

    def is_used_up(self, node: str) -> bool:
        """Whether the node could have given more of what was wanted, if earlier orders had not taken it."""


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One past order as a network has planned it. `label` is what reports call the network."""

    label: str
    network: Network
    plan: Plan
    node_states: NodeStates

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that ship."""
        return frozenset(shipment.node for shipment in self.plan.shipments)

    @property
    def strategy(self) -> Strategy:
        """The strategy that decided."""
        return next(one for one in self.network.policy.strategies if one.id == self.plan.strategy)

    @property
    def delivered_on(self) -> date | None:
        """The local day, at the node, on which the last unit arrives; None unless every unit has a plan with such a day.

        Promises end at the node's midnight, so moments of nodes in different zones differ where their days do not.
        """
        days = self._days_of_delivery()
        return None if self.plan.unfilled or None in days else max(filter(None, days), default=None)

    def meets(self, due: datetime) -> bool:
        """Whether every unit has a plan and arrives no later than on the day of `due`, as each node's calendar has it.

        What arrives on a day that nobody knows does not.
        """
        nodes = self.network.nodes
        last_days = (due.astimezone(nodes[one.node].time_zone).date() for one in self.plan.shipments)
        arrives = all(
            day is not None and day <= last for day, last in zip(self._days_of_delivery(), last_days, strict=True)
        )
        return not self.plan.unfilled and arrives

    def _days_of_delivery(self) -> list[date | None]:
        nodes = self.network.nodes
        return [
            one.deliver_by and one.deliver_by.astimezone(nodes[one.node].time_zone).date()
            for one in self.plan.shipments
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """The result of one past order under one network."""

    order: str
    place: Place
    units: int
    units_by_node: Mapping[str, int]
    """Planned units, in the order of the plan's shipments."""
    strategy: str
    tier: int | None
    cost: int
    """Minor units."""
    shipments: int
    days: int | None
    """Calendar days until the last shipment arrives; None unless every unit has a plan."""
    delivered_on: date | None
    meets_due: bool | None
    """Whether it arrives by the date that the order carries; None where it carries none."""

    @property
    def units_filled(self) -> int:
        """Units that have a plan."""
        return sum(self.units_by_node.values())

    @property
    def is_filled(self) -> bool:
        """Whether every unit has a plan."""
        return self.units_filled == self.units


def outcome(order: str, place: Place, due: datetime | None, decided: PlannedOrder) -> OrderOutcome:
    """The result of an order, by its plan; `due` is the date that the order carries."""
    plan = decided.plan
    units_by_node = {shipment.node: sum(part.quantity for part in shipment.parts) for shipment in plan.shipments}
    units_unfilled = sum(part.quantity for part in plan.unfilled)
    days = [shipment.days for shipment in plan.shipments]
    return OrderOutcome(
        order=order,
        place=place,
        units=sum(units_by_node.values()) + units_unfilled,
        units_by_node=units_by_node,
        strategy=plan.strategy,
        tier=plan.tier,
        cost=plan.cost,
        shipments=len(plan.shipments),
        days=None if units_unfilled or None in days else max(filter(None, days), default=0),
        delivered_on=decided.delivered_on,
        meets_due=None if due is None else decided.meets(due),
    )


class Share(NamedTuple):
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        """Between 0 and 1; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Trial:
    """The results of past orders under one network, with every figure about them."""

    label: str
    source: str
    """Where the network was read."""
    network: Network
    outcomes: Sequence[OrderOutcome]

    @property
    def units(self) -> Share:
        """Units that have a plan, of all units ordered."""
        return Share(sum(one.units_filled for one in self.outcomes), sum(one.units for one in self.outcomes))

    @property
    def orders_filled(self) -> Share:
        """Orders whose every unit has a plan, of all orders."""
        return Share(sum(one.is_filled for one in self.outcomes), len(self.outcomes))

    @property
    def shipping(self) -> list[OrderOutcome]:
        """The orders of which anything ships; the others have no cost and no shipments, and would make a mean look better."""
        return [one for one in self.outcomes if one.shipments]

    @property
    def cost(self) -> int:
        """Minor units, of all shipments."""
        return sum(one.cost for one in self.outcomes)

    @property
    def shipments(self) -> int:
        """All shipments."""
        return sum(one.shipments for one in self.outcomes)

    @property
    def cost_per_order(self) -> float | None:
        """Minor units, mean over the orders of which anything ships."""
        return _mean([one.cost for one in self.shipping])

    @property
    def shipments_per_order(self) -> float | None:
        """Mean over the orders of which anything ships."""
        return _mean([one.shipments for one in self.shipping])

    @property
    def split(self) -> Share:
        """Orders with more than one shipment, of those of which anything ships."""
        shipping = self.shipping
        return Share(sum(one.shipments > 1 for one in shipping), len(shipping))

    @property
    def days(self) -> float | None:
        """Calendar days until the last unit arrives, mean over the orders whose every unit has a plan."""
        return _mean([one.days for one in self.outcomes if one.days is not None])

    @property
    def soon(self) -> Share:
        """Orders whose every unit arrives within SOON_DAYS, of all orders."""
        return Share(sum(one.days is not None and one.days <= SOON_DAYS for one in self.outcomes), len(self.outcomes))

    @property
    def due_met(self) -> Share:
        """Orders that arrive whole by the date that they carry, of those that carry one."""
        dated = [one.meets_due for one in self.outcomes if one.meets_due is not None]
        return Share(sum(dated), len(dated))

    def no_later_than(self, other: "Trial") -> Share:
        """Orders that arrive whole no later than in another trial of the same orders, of those that it fills whole."""
        pairs = zip(self.outcomes, other.outcomes, strict=True)
        days = [(mine.delivered_on, its.delivered_on) for mine, its in pairs if its.delivered_on is not None]
        return Share(sum(mine is not None and its is not None and mine <= its for mine, its in days), len(days))

    @property
    def units_by_node(self) -> Counter[str]:
        """Planned units of each node of the network, also of one that ships nothing."""
        total = Counter(dict.fromkeys(self.network.nodes, 0))
        for one in self.outcomes:
            total.update(one.units_by_node)
        return total

    @property
    def orders_by_way(self) -> Counter[tuple[str, int | None]]:
        """Orders by the strategy and tier that decided; without tier where nothing was filled or the customer collects."""
        return Counter((one.strategy, one.tier) for one in self.outcomes)


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class Change:
    """An order that ships differently under two networks, and why."""

    before: OrderOutcome
    after: OrderOutcome
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Trials of the same past orders under one or two networks, and between two of them the orders that changed."""

    trials: tuple[Trial, ...]
    changes: tuple[Change, ...]
    currency: str | None
    """That of every order; None when they have several, and amounts are in minor units."""
    first_placed_at: datetime
    last_placed_at: datetime
    has_stock: bool
    """Whether stock was given; otherwise every node had everything."""
    of_history: tuple[str, ...] = ()
    """What is said of orders that the service itself kept; empty where they were read from files."""

    @property
    def repriced(self) -> int:
        """Orders that ship the same way and cost something else."""
        changed = {change.before.order for change in self.changes}
        pairs = zip(self.trials[0].outcomes, self.trials[-1].outcomes, strict=True)
        return sum(before.cost != after.cost and before.order not in changed for before, after in pairs)

    @property
    def orders_by_cause(self) -> list[tuple[Cause, int]]:
        """Changed orders by the kinds of their reasons, the most frequent first; one order may have several."""
        found = Counter(cause for change in self.changes for cause in {reason.cause for reason in change.reasons})
        return sorted(found.items(), key=lambda one: (-one[1], list(Cause).index(one[0])))


def ships_differently(before: PlannedOrder, after: PlannedOrder) -> bool:
    """Whether other units ship from a node, or the order arrives on another day."""
    return _units(before.plan) != _units(after.plan) or before.delivered_on != after.delivered_on


def _units(plan: Plan) -> set[tuple[str, str, int]]:
    return {(shipment.node, part.line, part.quantity) for shipment in plan.shipments for part in shipment.parts}


def reasons(before: PlannedOrder, after: PlannedOrder, currency: str | None) -> tuple[Reason, ...]:
    """Why an order ships differently after than before; never none."""
    found = [*_other_way(before, after), *_other_units(before, after), *_other_nodes(before, after)]
    causes = {reason.cause for reason in found}
    if not causes - {Cause.NODE}:
        found += _other_measure(before, after, currency) or _other_figures(before, after, currency)
    return tuple(dict.fromkeys(found))


def _other_way(before: PlannedOrder, after: PlannedOrder) -> Iterable[Reason]:
    old, new = before.plan, after.plan
    if old.strategy != new.strategy:
        yield Reason(Cause.STRATEGY, f"strategy {new.strategy} instead of {old.strategy}")
    elif old.tier != new.tier and old.tier and new.tier:
        yield Reason(Cause.TIER, f"tier {new.tier} instead of {old.tier}")


def _other_units(before: PlannedOrder, after: PlannedOrder) -> Iterable[Reason]:
    old, new = (sum(part.quantity for part in one.plan.unfilled) for one in (before, after))
    if old != new:
        yield Reason(Cause.FILLED, f"{_count(new, 'unit')} unfilled instead of {old or 'none'}")


def _other_nodes(before: PlannedOrder, after: PlannedOrder) -> Iterable[Reason]:
    """Why nodes that ship for one of the two do not for the other; where one had to try a later tier, why it had to."""
    old, new = _rank_of_tier(before), _rank_of_tier(after)
    if before.plan.strategy == after.plan.strategy and new > old:
        return _why_not(before.nodes, after, before.plan.tier)
    if before.plan.strategy == after.plan.strategy and new < old:
        return _why_not(after.nodes, before, after.plan.tier)
    return [
        *_why_not(before.nodes - after.nodes, after, None),
        *_why_not(after.nodes - before.nodes, before, None),
    ]


def _rank_of_tier(decided: PlannedOrder) -> float:
    """How late a tier filled the order: after all of them when none could fill it whole."""
    return inf if decided.plan.unfilled else (decided.plan.tier or 0)


def _why_not(nodes: Iterable[str], decided: PlannedOrder, tier: int | None) -> list[Reason]:
    """What kept each of these nodes from the plan; nothing where only another plan was better."""
    states = decided.node_states.in_tier(tier)
    found = (_why_not_one(node, decided, states.get(node)) for node in sorted(nodes))
    return [Reason(reason.cause, f"{reason.words} (under {decided.label})") for reason in found if reason]


def _why_not_one(node: str, decided: PlannedOrder, considered: ConsideredNode | None) -> Reason | None:
    if node not in decided.network.nodes:
        return Reason(Cause.NODE, f"there is no {node}")
    exclusion = considered.exclusion if considered else None
    has_too_little = exclusion is None or exclusion.obstacle is Obstacle.STOCK
    if has_too_little and decided.node_states.is_used_up(node):
        return Reason(Cause.STOCK, f"stock at {node} was used up by earlier orders")
    if exclusion is None:
        return None
    cause = Cause.CAPACITY if exclusion.obstacle is Obstacle.CAPACITY else Cause.RULE
    return Reason(cause, f"{node}: {exclusion.words}")


def _other_measure(before: PlannedOrder, after: PlannedOrder, currency: str | None) -> list[Reason]:
    """Why the same choice ranks better or worse: another rank, or other costs of a node."""
    old, new = before.strategy.rank, after.strategy.rank
    if old != new:
        return [Reason(Cause.RANK, f"ranked by {', '.join(new)} instead of {', '.join(old)}")]
    return [
        Reason(Cause.COST, f"{node} costs {written(its, currency)} instead of {written(was, currency)}")
        for node in sorted(before.nodes | after.nodes)
        if (was := _cost_alone(before, node)) is not None
        and (its := _cost_alone(after, node)) is not None
        and was != its
    ]


def _cost_alone(decided: PlannedOrder, node: str) -> int | None:
    considered = decided.node_states.in_tier(None).get(node)
    return considered.cost if considered else None


def _other_figures(before: PlannedOrder, after: PlannedOrder, currency: str | None) -> list[Reason]:
    """How the plan differs in what it costs, in shipments and in days; if in none of these, that it is a tie."""
    old, new = before.plan, after.plan
    words = [
        _compared(new.cost - old.cost, "dearer by {}", "cheaper by {}", lambda amount: written(amount, currency)),
        _compared(len(new.shipments) - len(old.shipments), "{} more", "{} fewer", lambda n: _count(n, "shipment")),
        _compared(_days_later(before, after), "arrives {} later", "arrives {} sooner", lambda n: _count(n, "day")),
    ]
    found = [Reason(Cause.FIGURES, one) for one in words if one]
    return found or [Reason(Cause.FIGURES, "as good: chosen by what comes later in the rank, or by the node's name")]


def _days_later(before: PlannedOrder, after: PlannedOrder) -> int:
    old, new = before.delivered_on, after.delivered_on
    return (new - old).days if old and new else 0


class _Writes(Protocol):
    def __call__(self, amount: int, /) -> str:
        """An amount in words."""


def _compared(difference: int, more: str, less: str, writes: _Writes) -> str:
    if not difference:
        return ""
    return (more if difference > 0 else less).format(writes(abs(difference)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
