"""Counts how the outcomes of trials are spread: over shipments, days, costs and nodes, the same steps for every trial."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.money import written
from simulation.comparison import Comparison, OrderOutcome, Trial
from simulation.words import nodes_by_units

STEPS_MAX = 12
SHIPMENTS_SHOWN = 4
DAYS_SHOWN = 10
NODES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Spread:
    """How much of something falls on each step, by trial."""

    title: str
    of: str
    """What is counted: orders, or units."""
    steps: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """By trial, then by step."""


def shipments(comparison: Comparison) -> Spread:
    """Orders by how many shipments they have."""
    labels = [*map(str, range(SHIPMENTS_SHOWN)), f"{SHIPMENTS_SHOWN} or more"]
    return _spread(comparison, "Shipments of an order", labels, lambda one: min(one.shipments, SHIPMENTS_SHOWN))


def days(comparison: Comparison) -> Spread:
    """Orders by the days until their last unit arrives."""
    labels = [*map(str, range(DAYS_SHOWN)), f"{DAYS_SHOWN}+", "not filled"]
    unfilled = len(labels) - 1
    return _spread(
        comparison,
        "Days until the last unit arrives",
        labels,
        lambda one: unfilled if one.days is None else min(one.days, DAYS_SHOWN),
    )


def costs(comparison: Comparison) -> Spread:
    """Orders of which anything ships by what their shipments cost."""
    step = _step_of_cost([one.cost for trial in comparison.trials for one in trial.shipping])
    labels = [written(step * position, comparison.currency) for position in range(STEPS_MAX)]
    labels[-1] += "+"
    return _spread(
        comparison,
        "Cost of an order, from … on",
        labels,
        lambda one: min(one.cost // step, STEPS_MAX - 1) if one.shipments else None,
    )


def _step_of_cost(costs: Sequence[int]) -> int:
    """A round step, in minor units, that leaves no more than one in a hundred to the last step."""
    if not costs:
        return 1
    nearly_all = sorted(costs)[(len(costs) - 1) * 99 // 100]
    step = 1
    while step * (STEPS_MAX - 1) <= nearly_all:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def nodes(comparison: Comparison) -> Spread:
    """Planned units by node, the busiest first; those of the quietest together."""
    named = nodes_by_units(comparison)
    named, rest = named[:NODES_SHOWN], named[NODES_SHOWN:]
    counts = tuple(
        (*(trial.units_by_node[node] for node in named), *_together(trial, rest)) for trial in comparison.trials
    )
    return Spread("Units by node", "units", (*named, *([f"{len(rest)} others"] if rest else [])), counts)


def _together(trial: Trial, rest: Sequence[str]) -> list[int]:
    return [sum(trial.units_by_node[node] for node in rest)] if rest else []


def _spread(
    comparison: Comparison, title: str, labels: Sequence[str], step: Callable[[OrderOutcome], int | None]
) -> Spread:
    counted = [Counter(map(step, trial.outcomes)) for trial in comparison.trials]
    used = [position for position in range(len(labels)) if any(one[position] for one in counted)]
    kept = range(min(used, default=0), max(used, default=0) + 1)
    counts = tuple(tuple(one[position] for position in kept) for one in counted)
    return Spread(title, "orders", tuple(labels[position] for position in kept), counts)
