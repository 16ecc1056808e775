"""Decides what the shop's fulfillment orders need next, from what they say and what we hold."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.parcels import UNITS_OF_ONE, there
from channels.shopify.given import id_of
from channels.shopify.parcels import line_of

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
