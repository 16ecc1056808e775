"""Decides whether pins are worth swapping: units that are pinned and not released may move to a better node."""

from datetime import datetime

from domain.network import Network, Rank, Strategy
from domain.sourcing import Plan
from domain.sourcing.planner import UNKNOWN_DAYS, UNKNOWN_KM

Value = tuple[float, ...]
"""What is minimized, compared from left to right."""


def is_better(
    found: Plan,
    present: Plan,
    network: Network,
    strategy: Strategy,
    deliver_by: datetime | None,
    *,
    is_full: bool = False,
) -> bool:
    """Whether a plan should replace the present pins; `present` is the plan of these pins as it would be made now.

    It must fill everything and must not arrive after the promise, unless the present pins do as well. If the rules of now do
    not allow the present pins, or one of their nodes is full on the day of release (`is_full`), any such plan is better.
    Otherwise it must be better by the strategy's rank.
    """
    if found.unfilled or _is_late(found, deliver_by) > _is_late(present, deliver_by):
        return False
    if is_full or present.unfilled or _is_late(found, deliver_by) < _is_late(present, deliver_by):
        return True
    return value(found, network, strategy.rank) < value(present, network, strategy.rank)


def _is_late(plan: Plan, deliver_by: datetime | None) -> bool:
    return deliver_by is not None and plan.deliver_by is not None and plan.deliver_by > deliver_by


def value(plan: Plan, network: Network, rank: tuple[Rank, ...]) -> Value:
    """What a plan measures under a rank, and where that ties, its shipments: the smaller the better."""
    shipments = plan.shipments
    measures: dict[Rank, float] = {
        Rank.COST: plan.cost + plan.look_ahead,
        Rank.SHIPMENTS: len(shipments),
        Rank.DISTANCE: sum(UNKNOWN_KM if one.distance_km is None else one.distance_km for one in shipments),
        Rank.DAYS: max((UNKNOWN_DAYS if one.days is None else one.days for one in shipments), default=0),
        Rank.PRIORITY: sum(network.nodes[shipment.node].priority for shipment in shipments),
    }
    return (*(measures[one] for one in rank), len(shipments))
