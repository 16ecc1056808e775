"""Decides which node every unit of an order ships from, and explains why: `plan(order, wanted, situation) -> Plan`."""

from domain.sourcing.eligible import TRIED
from domain.sourcing.facts import CoolDown, NodeLoad, OrderFacts, Situation, Wanted, item_facts, order_facts
from domain.sourcing.later import Later, pegs_later, shipment_later, shipments_brought, shipments_later
from domain.sourcing.planner import plan, strategy_for
from domain.sourcing.plans import (
    ConsideredNode,
    ExclusionReason,
    Explanation,
    Obstacle,
    Part,
    Plan,
    PlannedShipment,
    RunnerUp,
)

__all__ = [
    "TRIED",
    "ConsideredNode",
    "CoolDown",
    "ExclusionReason",
    "Explanation",
    "Later",
    "NodeLoad",
    "Obstacle",
    "OrderFacts",
    "Part",
    "Plan",
    "PlannedShipment",
    "RunnerUp",
    "Situation",
    "Wanted",
    "item_facts",
    "order_facts",
    "pegs_later",
    "plan",
    "shipment_later",
    "shipments_brought",
    "shipments_later",
    "strategy_for",
]
