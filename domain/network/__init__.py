"""Holds the business's own network in memory: its nodes, items and sourcing policy, and when a node is open.

`network/load.py` has already checked and resolved everything here: durations are `timedelta`, places have coordinates, node
sets are node ids, and rules are compiled behind the `Expression` interface. So the domain knows no rule engine, no calendar
library and no file format.
"""

from domain.network.carrier import Area, Carrier, Surcharge, Zone
from domain.network.connection import Alias, AliasKind, Connection
from domain.network.item import Item
from domain.network.network import Buffers, Network
from domain.network.node import Dispatch, Node, NodeKind, OnSilence
from domain.network.place import EARTH_RADIUS_KM, Far, Locality, Place, Precision, distance_km
from domain.network.policy import (
    DISPOSITIONS,
    NEAREST,
    OWNER_DEFAULT,
    Cost,
    ExceptionRules,
    Exclusion,
    FarRules,
    FeePer,
    HoldRule,
    HoldStock,
    OrderRules,
    Per,
    Policy,
    Rank,
    ReturnRule,
    ReturnRules,
    ReturnTerms,
    ShipComplete,
    Strategy,
    Tier,
    TransitBand,
    Uncollected,
    Unfilled,
)
from domain.network.replenishment import SALES_DAYS, ReplenishmentRule
from domain.network.rule import EvaluationError, Expression, Fact, RuleLine

__all__ = [
    "DISPOSITIONS",
    "EARTH_RADIUS_KM",
    "NEAREST",
    "OWNER_DEFAULT",
    "SALES_DAYS",
    "Alias",
    "AliasKind",
    "Area",
    "Buffers",
    "Carrier",
    "Connection",
    "Cost",
    "Dispatch",
    "EvaluationError",
    "ExceptionRules",
    "Exclusion",
    "Expression",
    "Fact",
    "Far",
    "FarRules",
    "FeePer",
    "HoldRule",
    "HoldStock",
    "Item",
    "Locality",
    "Network",
    "Node",
    "NodeKind",
    "OnSilence",
    "OrderRules",
    "Per",
    "Place",
    "Policy",
    "Precision",
    "Rank",
    "ReplenishmentRule",
    "ReturnRule",
    "ReturnRules",
    "ReturnTerms",
    "RuleLine",
    "ShipComplete",
    "Strategy",
    "Surcharge",
    "Tier",
    "TransitBand",
    "Uncollected",
    "Unfilled",
    "Zone",
    "distance_km",
]
