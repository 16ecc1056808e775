"""Decides what may become of units that no node can ship now: which nodes may ship them later, or why none ever can.

A plan is possible with unlimited stock, no pause and free capacity if some tier has nodes that may ship all units which must go
together: the whole order, a line, or just these units.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.network import ShipComplete, Tier
from domain.sourcing.eligible import OUTSIDE, TRIED, Prospect
from domain.sourcing.facts import Wanted

REASONS_MAX = 3
NODES_NAMED_MAX = 3
NOT_TOGETHER = "it must ship complete, and the nodes of no tier may ship all of it together"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may become of unfilled units, by the position of their `Wanted`."""

    nodes: Mapping[int, tuple[str, ...] | None] = field(default_factory=dict)
    """The nodes that may ship them once they have the goods; None = all."""
    hopeless: Mapping[int, str] = field(default_factory=dict)
    """Why no plan could ever fill them; without those that can wait."""


def outlook(
    wanted: Sequence[Wanted],
    unfilled: Sequence[int],
    prospects: Sequence[Prospect],
    tiers: Sequence[Tier],
    complete: ShipComplete,
    *,
    nodes: int,
) -> Outlook:
    """The outlook of unfilled units. `nodes` is how many there are in the network."""
    able: dict[int, list[str]] = defaultdict(list)
    for one in prospects:
        for position in one.positions:
            able[position].append(one.node.id)
    why: dict[tuple[int, ...], str | None] = {}
    for group in (_together(wanted, position, complete) for position in unfilled):
        if group not in why:
            lost = next((position for position in group if not able[position]), None)
            is_possible = any(_fills(number, tier, prospects, group) for number, tier in enumerate(tiers))
            why[group] = _why(lost, prospects) if lost is not None else None if is_possible else NOT_TOGETHER
    hopeless = {position: reason for position in unfilled if (reason := why[_together(wanted, position, complete)])}
    found = {position: tuple(able[position]) for position in unfilled}
    return Outlook({p: None if len(names) == nodes else names for p, names in found.items()}, hopeless)


def _together(wanted: Sequence[Wanted], position: int, complete: ShipComplete) -> tuple[int, ...]:
    """The positions of the units that must ship together with these."""
    match complete:
        case ShipComplete.ORDER:
            return tuple(range(len(wanted)))
        case ShipComplete.LINE:
            return tuple([other for other, one in enumerate(wanted) if one.line == wanted[position].line])
        case ShipComplete.NO:
            return (position,)


def _fills(number: int, tier: Tier, prospects: Sequence[Prospect], group: Collection[int]) -> bool:
    """Whether nodes of one tier, as many as it allows, may together ship all units of a group."""
    given = {frozenset(one.positions) & frozenset(group) for one in prospects if number in one.tiers}
    largest = [one for one in given if not any(one < other for other in given)]
    return _covers(largest, frozenset(group), tier.max_shipments)


def _covers(given: Sequence[frozenset[int]], wanted: frozenset[int], at_most: int) -> bool:
    if not wanted:
        return True
    if not at_most:
        return False
    first = min(wanted)
    return any(_covers(given, wanted - one, at_most - 1) for one in given if first in one)


def _why(position: int, prospects: Iterable[Prospect]) -> str:
    """Why no node may ship units, the reason of most nodes first; `TRIED` when a node might, had it not been tried."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in prospects:
        if reason := one.why_not(position):
            by_reason[reason].append(one.node.id)
    if TRIED in by_reason:
        return TRIED
    ranked = sorted(by_reason.items(), key=lambda known: (known[0] == OUTSIDE, -len(known[1]), known[0]))
    return "; ".join(f"{reason} ({_named(nodes)})" for reason, nodes in ranked[:REASONS_MAX]) or "no node is left"


def _named(nodes: Sequence[str]) -> str:
    more = len(nodes) - NODES_NAMED_MAX
    return ", ".join(nodes[:NODES_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
