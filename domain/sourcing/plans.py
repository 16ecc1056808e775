"""A sourcing decision: what ships from where, what stays unfilled, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from domain.network import Precision, Unfilled
from domain.promise import last_arrival

NODES_SHOWN_MAX = 200
"""Nodes that a stored explanation names one by one: those that could take part, then the nearest. Others are counted."""


class Part(NamedTuple):
    """Units of one `Wanted`, which is given by its position."""

    wanted_index: int
    line: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedShipment:
    """What one node will ship, what that costs in minor units, and when it leaves and arrives."""

    node: str
    parts: tuple[Part, ...]
    distance_km: float | None
    """None = no distance can be measured."""
    cost: int
    ship_by: datetime
    deliver_by: datetime | None
    """None = nobody knows how long it is on the way."""
    days: int | None
    carrier: str | None = None
    """Who takes it for this cost and in these days; None = the policy's costs and days count."""
    look_ahead: int = 0
    """What its units are worth to later orders, in minor units: counted when plans were compared, and no part of `cost`."""


class Obstacle(Enum):
    """The kinds of reasons why a node cannot take part."""

    STOCK = "stock"
    """It has too little stock of the wanted units."""
    CAPACITY = "capacity"
    """Its capacity for the day is used up."""
    RULE = "rule"
    """Anything else: a rule, a calendar, a pause."""


class ExclusionReason(NamedTuple):
    """Why a node could not take part."""

    obstacle: Obstacle
    words: str
    """The reason in plain words."""


class ConsideredNode(NamedTuple):
    """One node in the decision; `cost` is that of one shipment with all units that it could supply alone."""

    node: str
    distance_km: float | None
    cost: int | None
    days: int | None
    exclusion: ExclusionReason | None
    """Why it could not take part; None = it could."""
    forbidden: Mapping[int, str] = MappingProxyType({})
    """By position of the wanted that it has and may never ship: why."""
    look_ahead: int = 0
    """What these units are worth to later orders, in minor units, beside `cost`."""

    @property
    def excluded(self) -> str | None:
        """Why it could not take part, in plain words; None = it could."""
        return self.exclusion.words if self.exclusion else None


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A plan that was not chosen, with its measures."""

    nodes: tuple[str, ...]
    units: int
    cost: int
    shipments: int
    distance_km: float | None
    days: int | None
    look_ahead: int = 0
    """What its units are worth to later orders, in minor units, beside `cost`."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a plan was chosen, for the tier that decided."""

    precision: Precision
    """How exactly the place of the destination is known."""
    nodes: tuple[ConsideredNode, ...]
    runners_up: tuple[RunnerUp, ...]
    """The next best plans; after a long search, or where lines compete for components, the best others that it found."""
    exact: bool
    """Whether the plan is proven best. False when the search was cut short because it took too many steps, or when several
    shipments were allowed at prices of carriers."""
    gap: float | None = 0.0
    """How much less, as a share, the first measure of the rank could be at most: 0 for a proven plan; None = not known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A sourcing decision. The parts of its shipments and the unfilled parts together are the units wanted."""

    policy_version: str
    strategy: str
    tier: int | None
    """The tier that filled it, counted from 1; None when nothing is filled or the customer chose the node."""
    shipments: tuple[PlannedShipment, ...]
    unfilled: tuple[Part, ...]
    unfilled_action: Unfilled
    cancel_after: timedelta | None
    """How long unfilled units may wait; None = without a limit."""
    explanation: Explanation
    hopes: Mapping[int, tuple[str, ...] | None] = field(default_factory=dict)
    """Candidate nodes of unfilled units, by position of their `Wanted`: nodes that may take them once in stock; None = any."""
    hopeless: Mapping[int, str] = field(default_factory=dict)
    """By position of their `Wanted`: why no plan could ever fill unfilled units, whatever comes into stock."""
    only_node: str | None = None
    """The only node that the order lets ship it; None = any."""
    incoming_lag: timedelta | None = None
    """How much later than announced goods are counted on that unfilled units are promised from; None = they are promised from
    none."""
    sells_returns: bool = False
    """Whether such goods may also be those that come back from customers."""
    beyond_sell_ahead: Unfilled = Unfilled.EXCEPTION
    """What becomes of unfilled units that may not wait because too many do: cancel or exception."""

    @property
    def cost(self) -> int:
        """Minor units, summed over the shipments."""
        return sum(shipment.cost for shipment in self.shipments)

    @property
    def look_ahead(self) -> int:
        """What all its units are worth to later orders, in minor units."""
        return sum(shipment.look_ahead for shipment in self.shipments)

    @property
    def ship_by(self) -> datetime | None:
        """When the last shipment leaves; None while any unit is unfilled."""
        return None if self.unfilled else max((shipment.ship_by for shipment in self.shipments), default=None)

    @property
    def deliver_by(self) -> datetime | None:
        """When the last shipment arrives; None while any unit is unfilled, or when nobody knows."""
        return None if self.unfilled else last_arrival(shipment.deliver_by for shipment in self.shipments)

    def document(self) -> dict[str, Any]:
        """The plan as JSON-ready data, as `GET /orders/{order}/plan` shows it."""
        return {
            "policy_version": self.policy_version,
            "strategy": self.strategy,
            "tier": self.tier,
            "shipments": [_shipment_document(shipment) for shipment in self.shipments],
            "unfilled": part_documents(self.unfilled),
            "unfilled_action": str(self.unfilled_action) if self.unfilled else None,
            "cost": self.cost,
            "ship_by": moment(self.ship_by),
            "deliver_by": moment(self.deliver_by),
            "destination_precision": str(self.explanation.precision),
            "nodes": [_considered_document(node) for node in self.explanation.nodes[:NODES_SHOWN_MAX]],
            "nodes_beside": _reasons(self.explanation.nodes[NODES_SHOWN_MAX:]),
            "runners_up": [_runner_up_document(runner_up) for runner_up in self.explanation.runners_up],
            "exact": self.explanation.exact,
            "gap": self.explanation.gap,
        }


def _reasons(nodes: Iterable[ConsideredNode]) -> dict[str, int]:
    """How many other nodes there were, by the reason why they could not take part."""
    return dict(Counter(node.excluded or "could take part" for node in nodes))


def _shipment_document(shipment: PlannedShipment) -> dict[str, Any]:
    return {
        "node": shipment.node,
        "lines": part_documents(shipment.parts),
        "distance_km": _kilometres(shipment.distance_km),
        "cost": shipment.cost,
        "days": shipment.days,
        "ship_by": moment(shipment.ship_by),
        "deliver_by": moment(shipment.deliver_by),
        "carrier": shipment.carrier,
    } | _look_ahead(shipment)


def _look_ahead(one: PlannedShipment | ConsideredNode | RunnerUp) -> dict[str, int]:
    """The look-ahead prices in a document; most plans have none."""
    return {"look_ahead": one.look_ahead} if one.look_ahead else {}


def part_documents(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Units of lines as documents show them."""
    return [{"line": part.line, "sku": part.sku, "quantity": part.quantity} for part in parts]


def _considered_document(node: ConsideredNode) -> dict[str, Any]:
    return {
        "node": node.node,
        "distance_km": _kilometres(node.distance_km),
        "cost": node.cost,
        "days": node.days,
        "excluded": node.excluded,
    } | _look_ahead(node)


def _runner_up_document(runner_up: RunnerUp) -> dict[str, Any]:
    return {
        "nodes": list(runner_up.nodes),
        "units": runner_up.units,
        "cost": runner_up.cost,
        "shipments": runner_up.shipments,
        "distance_km": _kilometres(runner_up.distance_km),
        "days": runner_up.days,
    } | _look_ahead(runner_up)


def _kilometres(distance_km: float | None) -> float | None:
    return None if distance_km is None else round(distance_km, 1)


def moment(at: datetime | None) -> str | None:
    """A moment as documents show it, in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
