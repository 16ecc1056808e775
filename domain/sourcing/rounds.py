"""Makes the decision of a sourcing round from everything that it depends on, so that the same decision can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.network import Network
from domain.sourcing.facts import LookedUp, NodeLoad, OrderFacts, Situation, Wanted
from domain.sourcing.lines import Basis
from domain.sourcing.plans import Plan
from domain.sourcing.supply import Entitlement, Places, cooling_at, paused, plan_within, supply_of
from domain.stock import StockLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundInput:
    """Everything that a round is decided from beside the network version."""

    facts: OrderFacts
    wanted: Sequence[Wanted]
    levels: Mapping[tuple[str, str], StockLevel]
    """The stock levels of all parts of what is wanted, by (node, SKU)."""
    workload: Mapping[str, NodeLoad]
    at: datetime
    """When the units would be released."""
    entitlement: Entitlement = field(default_factory=Entitlement)
    kept_out: frozenset[str] = frozenset()
    """Nodes at which nothing may be planned."""
    taken_off: Mapping[str, int] = field(default_factory=dict)
    """Minor units by which a shipment from a node would cost less; only for questions what if, and never stored."""
    looked_up: LookedUp = field(default_factory=LookedUp)
    """The way from each node as it was looked up; empty before the first plan, which fills it."""


class Decided(NamedTuple):
    """A plan, and what it was made from."""

    plan: Plan
    basis: Basis
    supply: Places
    """What each node may give when nothing that ends by itself is in the way: cool-downs do not count."""


def decide(asked: RoundInput, network: Network) -> Decided:
    """The best plan of a round. It pins nothing; the same input and network give the same plan."""
    supply, limits = supply_of(network, asked.levels, asked.facts.channel, asked.entitlement)
    cooling = cooling_at(network, asked.levels, asked.at)
    situation = Situation(
        network=network,
        supply={place: 0 if place in cooling else quantity for place, quantity in supply.items()},
        now=asked.at,
        workload=asked.workload,
        paused=asked.kept_out | paused(asked.levels),
        cooling=cooling,
        taken_off=asked.taken_off,
        prices={place: level.price for place, level in asked.levels.items() if level.price},
        looked_up=asked.looked_up,
    )
    plan, situation = plan_within(asked.facts, list(asked.wanted), situation, limits)
    own, offers = asked.entitlement.own, asked.entitlement.offers
    return Decided(plan, Basis(list(asked.wanted), asked.levels, situation, own, offers, asked.facts.channel), supply)
