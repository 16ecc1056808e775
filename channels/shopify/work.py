"""Decides what the shop's fulfillment orders need next, from what they say and what we hold."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.parcels import UNITS_OF_ONE, there
from channels.shopify.given import id_of
from channels.shopify.parcels import line_of

ENDED = ("cancelled", "closed_short")
"""The statuses of our fulfillment orders of which nothing more leaves."""

TO_SHIP = ("open", "backordered", "reserved", "allocated")
"""The buckets of units that may still leave."""


@dataclass(slots=True)
class WorkLine:
    """A line of a fulfillment order of the shop."""

    id: str
    line: str
    remaining: int


@dataclass(frozen=True, slots=True)
class Work:
    """A fulfillment order of the shop."""

    id: str
    status: str
    request: str
    location: str
    """"" = it was deleted."""
    is_of_a_service: bool
    is_collected: bool
    actions: frozenset[str]
    lines: Sequence[WorkLine]

    @property
    def is_open(self) -> bool:
        """Whether units of it can be fulfilled."""
        return self.status in ("OPEN", "IN_PROGRESS") and any(line.remaining for line in self.lines)


def works(found: Iterable[Mapping[str, Any]]) -> list[Work]:
    """The fulfillment orders of an order, as GraphQL has them."""
    return [_work(one) for one in found]


def _work(one: Mapping[str, Any]) -> Work:
    location = one["assignedLocation"]["location"] or {}
    return Work(
        id=one["id"],
        status=one["status"],
        request=one["requestStatus"],
        location=id_of(location.get("id", "")),
        is_of_a_service=bool(location.get("isFulfillmentService")),
        is_collected=(one["deliveryMethod"] or {}).get("methodType") == "PICK_UP",
        actions=frozenset(action["action"] for action in one["supportedActions"]),
        lines=[
            WorkLine(line["id"], line_of(line["lineItem"]["id"]), line["remainingQuantity"])
            for line in one["lineItems"]["nodes"]
        ],
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold of an order, in the shop's units, by line. A line that is missing is none of ours."""

    to_ship: Mapping[str, int]
    cancelled: Mapping[str, int]


def held(order: Mapping[str, Any]) -> Held:
    """What we hold of an order, by its document."""
    lines = order["lines"]
    ratio = {line["line"]: int(line["attributes"].get(UNITS_OF_ONE, 1)) for line in lines}
    to_ship = there({line["line"]: sum(line[bucket] for bucket in TO_SHIP) for line in lines})
    cancelled = there({line["line"]: line["cancelled"] for line in lines})
    return Held(
        {name: math.ceil(units / ratio.get(name, 1)) for name, units in to_ship.items()},
        {name: units // ratio.get(name, 1) for name, units in cancelled.items()},
    )


def planned_at(order: Mapping[str, Any], pinned: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """By node, the units of the shop's lines that are to leave there: those reserved, and those of its fulfillment orders."""
    ratio = {line["line"]: int(line["attributes"].get(UNITS_OF_ONE, 1)) for line in order["lines"]}
    units = {node: there(of_node) for node, of_node in pinned.items()}
    for fo in order["fulfillment_orders"]:
        if fo["status"] not in ENDED:
            left = {line["line"]: line["quantity"] - line["shipped"] - line["short"] for line in fo["lines"]}
            units.setdefault(fo["node"], Counter()).update(there(left))
    return {
        node: {line: math.ceil(quantity / ratio.get(line, 1)) for line, quantity in (+of_node).items()}
        for node, of_node in units.items()
    }


@dataclass(frozen=True, slots=True)
class Move:
    """Units of a fulfillment order that go to another location."""

    work: str
    location: str
    lines: Sequence[Mapping[str, Any]]
    """As `fulfillmentOrderMove` takes them."""


def next_move(found: Sequence[Work], planned: Mapping[str, Mapping[str, int]]) -> Move | None:
    """The next step towards units that are where they are to leave from, by location; None = they are, or cannot be moved.

    Only what is planned is moved, and never what is to leave from where it is. Units of a customer who collects them stay.
    """
    standing = Counter[tuple[str, str]]()
    for work in (work for work in found if work.is_open):
        standing.update({(work.location, line.line): line.remaining for line in work.lines})
    free = {place: units - planned.get(place[0], {}).get(place[1], 0) for place, units in standing.items()}
    movable = [work for work in found if work.is_open and "MOVE" in work.actions and not work.is_collected]
    for location, units in planned.items():
        lacking = {line: quantity - standing[location, line] for line, quantity in units.items()}
        for work in (work for work in movable if work.location != location and not work.is_of_a_service):
            lines = [
                {"id": line.id, "quantity": quantity}
                for line in work.lines
                if (quantity := min(line.remaining, lacking.get(line.line, 0), free[work.location, line.line])) > 0
            ]
            if lines:
                return Move(work.id, location, lines)
    return None


def is_wanted(work: Work, ours: Held, leaving: Mapping[str, int]) -> bool:
    """Whether we ship something of it: units that we hold, or that left and the shop does not know yet."""
    return any(ours.to_ship.get(line.line) or leaving.get(line.line) for line in work.lines if line.remaining)


def is_given_up(work: Work, ours: Held) -> bool:
    """Whether nothing of what remains of it will leave, because we cancelled at least as much."""
    remaining = [line for line in work.lines if line.remaining]
    return bool(remaining) and all(
        not ours.to_ship.get(line.line, 1) and ours.cancelled.get(line.line, 0) >= line.remaining for line in remaining
    )


@dataclass(slots=True)
class Picked:
    """From which lines of the shop's fulfillment orders units are fulfilled."""

    lines: list[tuple[Work, WorkLine, int]] = field(default_factory=list)
    lacking: dict[str, int] = field(default_factory=dict)
    """By line, units that no fulfillment order of the location has left."""

    @property
    def by_work(self) -> list[dict[str, Any]]:
        """As `fulfillmentCreate` takes it: never a fulfillment order without lines, since that fulfills all of it."""
        grouped = dict[str, list[dict[str, Any]]]()
        for work, line, quantity in self.lines:
            grouped.setdefault(work.id, []).append({"id": line.id, "quantity": quantity})
        return [{"fulfillmentOrderId": work, "fulfillmentOrderLineItems": lines} for work, lines in grouped.items()]


def picked(units: Mapping[str, int], found: Iterable[Work]) -> Picked:
    """Units of the shop's lines, from fulfillment orders that are open; the first ones first."""
    made, left = Picked(), Counter(units)
    for work in (work for work in found if work.is_open):
        for line in work.lines:
            taken = min(left[line.line], line.remaining)
            if taken > 0:
                made.lines.append((work, line, taken))
                left[line.line] -= taken
    made.lacking = dict(+left)
    return made


def take(made: Picked) -> None:
    """Note that these units are fulfilled."""
    for _, line, quantity in made.lines:
        line.remaining -= quantity
