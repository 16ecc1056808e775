"""The problem of a search, and its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.network import Rank
from domain.sourcing.division import Demand, Portions

CHOICES_MAX = 6
"""The plan and five runners-up."""

STEPS_MAX = 100_000
"""Steps of one search, 1 to 20 microseconds each: after them the waiting customer gets the best plan found so far."""

LARGE = 10_000
"""Demands times nodes beyond which a proof takes too long: a good choice is improved, and its gap is reported."""


class Measures(NamedTuple):
    """What one shipment from a node adds to a plan, in whole numbers so that equal plans compare equal; none negative."""

    cost: int
    """Thousandths of a minor unit, before any cost per unit."""
    distance_m: int
    days: int
    priority: int


@dataclass(frozen=True, slots=True)
class Problem:
    """The units wanted and the nodes that may take part in one tier."""

    demands: tuple[Demand, ...]
    supply: Sequence[Mapping[str, int]]
    """By node: available units of each component."""
    measures: tuple[Measures, ...]
    """By node."""
    rank: tuple[Rank, ...]
    shipments_max: int
    split: bool


class Choice(NamedTuple):
    """Nodes that ship together, and the units that each gives."""

    nodes: tuple[int, ...]
    units: int
    portions: tuple[Portions, ...]
    """Per demand."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best choices, best first, at most CHOICES_MAX; `exact` unless the search was cut short."""

    choices: tuple[Choice, ...]
    exact: bool
    gap: float | None = None
    """How much less the first measure of the rank could be at most, as a share; None where that is not known."""
