"""The documents of promises: which node would ship what, and when it would arrive."""

from typing import Any

from pydantic import AwareDatetime

from database.documents.document import Document, LineUnits
from domain.network import Precision
from domain.sourcing import Plan


class PromisedShipment(Document):
    """What one node would ship."""

    node: str
    lines: list[LineUnits]
    cost: int
    """By the strategy's costs, in minor units of the policy's currency."""
    days: int | None
    """Calendar days until it arrives; null when nobody knows."""


class Promise(Document):
    """What would be promised now."""

    fillable: bool
    """Whether every unit is available now; false when any unit would have to wait."""
    ship_by: AwareDatetime | None
    """When the last shipment leaves; null when it is not fillable."""
    deliver_by: AwareDatetime | None
    """When the last shipment arrives; null when it is not fillable, or when nobody knows how long it is on the way."""
    shipments: list[PromisedShipment]
    """Of the units that are available now."""
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


def promise(decided: Plan) -> dict[str, Any]:
    """The promise that a plan makes to a channel."""
    document = decided.document()
    shipments = [
        {name: shipment[name] for name in ("node", "lines", "cost", "days")} for shipment in document["shipments"]
    ]
    return {
        "fillable": not decided.unfilled,
        "ship_by": document["ship_by"],
        "deliver_by": document["deliver_by"],
        "shipments": shipments,
        "cost": decided.cost,
        "destination_precision": document["destination_precision"],
    }
