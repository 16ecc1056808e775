"""The documents of promises: which node would ship what, and when it would arrive."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime

from database.documents.document import Document, LineUnits
from domain.network import Precision
from domain.promise import last_arrival
from domain.sourcing import Later, Plan, PlannedShipment
from domain.sourcing.plans import Part, moment, part_documents


class FromSupply(Document):
    """Announced goods that a shipment waits for."""

    due_at: AwareDatetime
    """When the goods are counted on."""


class PromisedShipment(Document):
    """What one node would ship."""

    node: str
    lines: list[LineUnits]
    cost: int
    """By the strategy's costs, in minor units of the policy's currency."""
    days: int | None
    """Calendar days until it arrives; null when nobody knows."""
    from_supply: FromSupply | None
    """The announced goods that it waits for; null when the units are available now."""


class Promise(Document):
    """What would be promised now."""

    fillable: bool
    """Whether every unit is available now, or will be from goods that are announced and that the strategy sells."""
    ship_by: AwareDatetime | None
    """When the last shipment leaves; null when it is not fillable."""
    deliver_by: AwareDatetime | None
    """When the last shipment arrives; null when it is not fillable, or when nobody knows how long it is on the way."""
    shipments: list[PromisedShipment]
    """Of the units that are available now; when it is fillable, also of those that wait for announced goods."""
    beyond_sell_ahead: list[LineUnits]
    """Units that are not available and may not wait, because as many as their item's `sell_ahead_max` wait already."""
    cost: int
    """Of all shipments, in minor units of the policy's currency."""
    destination_precision: Precision
    """How exactly the customer's place is known, and so how reliable the days are: `point`, `postal_code`, `city`, `region` or
    `country`."""


class PromisesByService(Document):
    """What would be promised now with each service that is offered."""

    services: dict[str, Promise]
    """By the name of the service."""


_EARLIER_PRECISION = {"area": Precision.REGION}
"""What stored documents of earlier versions say."""


def in_words_of_now(document: dict[str, Any]) -> dict[str, Any]:
    """A stored plan or promise with how exactly its place is known, as it is called now."""
    said = document.get("destination_precision")
    return document | {"destination_precision": _EARLIER_PRECISION[said]} if said in _EARLIER_PRECISION else document


def promise(decided: Plan, later: Sequence[Later] = (), beyond: Sequence[Part] = ()) -> dict[str, Any]:
    """The promise that a plan makes to a channel; `later` fills what the plan leaves unfilled, or is empty. `beyond` are units
    of this that may not wait."""
    now = [(shipment, None) for shipment in decided.shipments]
    coming = [(one.shipment, {"due_at": moment(one.due_at)}) for one in later]
    is_fillable = not decided.unfilled or bool(later)
    shipments = [shipment for shipment, _ in now + coming]
    return {
        "fillable": is_fillable,
        "ship_by": moment(max((one.ship_by for one in shipments), default=None)) if is_fillable else None,
        "deliver_by": moment(last_arrival(one.deliver_by for one in shipments)) if is_fillable else None,
        "shipments": [_shipment(shipment, from_supply) for shipment, from_supply in now + coming],
        "beyond_sell_ahead": part_documents(beyond),
        "cost": sum(one.cost for one in shipments),
        "destination_precision": str(decided.explanation.precision),
    }


def _shipment(one: PlannedShipment, from_supply: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "node": one.node,
        "lines": part_documents(one.parts),
        "cost": one.cost,
        "days": one.days,
        "from_supply": from_supply,
    }
