"""Remembers a sourcing decision: what ships from where, what stays unfilled, and why it came out so."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from domain.network import Precision, Unfilled

NODES_SHOWN_MAX = 200
"""Nodes that a stored explanation names one by one: those that could take part, then the nearest. Beside them it counts."""


class Part(NamedTuple):
    """Units of one `Wanted`, given by its position in what was wanted."""

    wanted_index: int
    line: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedShipment:
    """What one node is to ship, what that costs in minor units, and when it leaves and arrives."""

    node: str
    parts: tuple[Part, ...]
    distance_km: float
    cost: int
    ship_by: datetime
    deliver_by: datetime
    days: int


class Obstacle(Enum):
    """What kind of thing keeps a node from taking part."""

    STOCK = "stock"
    """It has too little of what is wanted."""
    CAPACITY = "capacity"
    """Its capacity of the day is used up."""
    RULE = "rule"
    """A rule, a calendar, a pause: anything else."""


class ExclusionReason(NamedTuple):
    """Why a node could not take part."""

    obstacle: Obstacle
    words: str
    """The reason in plain words."""


class ConsideredNode(NamedTuple):
    """One node as the decision saw it; `cost` is that of one shipment with all that it could supply alone."""

    node: str
    distance_km: float
    cost: int | None
    days: int | None
    exclusion: ExclusionReason | None
    """Why it could not take part; None = it could."""

    @property
    def excluded(self) -> str | None:
        """Why it could not take part, in plain words; None = it could."""
        return self.exclusion.words if self.exclusion else None


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A plan that was not chosen, and what it would have meant."""

    nodes: tuple[str, ...]
    units: int
    cost: int
    shipments: int
    distance_km: float
    days: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a plan came out so, for the tier that decided."""

    precision: Precision
    """How exactly the destination was known."""
    nodes: tuple[ConsideredNode, ...]
    runners_up: tuple[RunnerUp, ...]
    """The next best; after a long search, or where lines compete for components, the best others that it met."""
    exact: bool
    """Whether the plan is proven best; False only when the search was cut short because it took too many steps."""
    gap: float | None = 0.0
    """By what share at most the first measure of the rank could be less: 0 for a proven plan; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A sourcing decision. The parts of its shipments and the unfilled parts together are what was wanted."""

    policy_version: str
    strategy: str
    tier: int | None
    """The tier that filled it, counted from 1; None when nothing is filled or the customer chose the node."""
    shipments: tuple[PlannedShipment, ...]
    unfilled: tuple[Part, ...]
    unfilled_action: Unfilled
    cancel_after: timedelta | None
    """How long unfilled units may wait; None = for ever."""
    explanation: Explanation
    hopes: Mapping[int, tuple[str, ...] | None] = field(default_factory=dict)
    """Of what is unfilled, by position in what was wanted: the nodes that could take it once they have stock; None = any."""

    @property
    def cost(self) -> int:
        """Minor units, summed over the shipments."""
        return sum(shipment.cost for shipment in self.shipments)

    @property
    def ship_by(self) -> datetime | None:
        """When the last shipment leaves; None while any unit is unfilled."""
        return None if self.unfilled else max((shipment.ship_by for shipment in self.shipments), default=None)

    @property
    def deliver_by(self) -> datetime | None:
        """When the last shipment arrives; None while any unit is unfilled."""
        return None if self.unfilled else max((shipment.deliver_by for shipment in self.shipments), default=None)

    def document(self) -> dict[str, Any]:
        """The plan as JSON-ready data, as `GET /orders/{order}/plan` shows it."""
        return {
            "policy_version": self.policy_version,
            "strategy": self.strategy,
            "tier": self.tier,
            "shipments": [_shipment_document(shipment) for shipment in self.shipments],
            "unfilled": _part_documents(self.unfilled),
            "unfilled_action": str(self.unfilled_action) if self.unfilled else None,
            "cost": self.cost,
            "ship_by": _moment(self.ship_by),
            "deliver_by": _moment(self.deliver_by),
            "destination_precision": str(self.explanation.precision),
            "nodes": [_considered_document(node) for node in self.explanation.nodes[:NODES_SHOWN_MAX]],
            "nodes_beside": _reasons(self.explanation.nodes[NODES_SHOWN_MAX:]),
            "runners_up": [_runner_up_document(runner_up) for runner_up in self.explanation.runners_up],
            "exact": self.explanation.exact,
            "gap": self.explanation.gap,
        }


def _reasons(nodes: Iterable[ConsideredNode]) -> dict[str, int]:
    """How many nodes there were beside, by the reason why they could not take part."""
    return dict(Counter(node.excluded or "could take part" for node in nodes))


def _shipment_document(shipment: PlannedShipment) -> dict[str, Any]:
    return {
        "node": shipment.node,
        "lines": _part_documents(shipment.parts),
        "distance_km": round(shipment.distance_km, 1),
        "cost": shipment.cost,
        "days": shipment.days,
        "ship_by": _moment(shipment.ship_by),
        "deliver_by": _moment(shipment.deliver_by),
    }


def _part_documents(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [{"line": part.line, "sku": part.sku, "quantity": part.quantity} for part in parts]


def _considered_document(node: ConsideredNode) -> dict[str, Any]:
    return {
        "node": node.node,
        "distance_km": round(node.distance_km, 1),
        "cost": node.cost,
        "days": node.days,
        "excluded": node.excluded,
    }


def _runner_up_document(runner_up: RunnerUp) -> dict[str, Any]:
    return {
        "nodes": list(runner_up.nodes),
        "units": runner_up.units,
        "cost": runner_up.cost,
        "shipments": runner_up.shipments,
        "distance_km": round(runner_up.distance_km, 1),
        "days": runner_up.days,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
