"""The documents of reservations: units that are pinned for a cart, and their status."""

from typing import Any

from pydantic import AwareDatetime

from database.cart import Cart, CartStatus, KnownCart
from database.documents.document import Document
from database.documents.promise import PromisedShipment, in_words_of_now
from domain.network import Precision


class Reserved(Document):
    """Units reserved for a cart, and their promise as in `POST /promises`."""

    reservation: str
    """Its id; an order that names it takes the units."""
    expires_at: AwareDatetime
    """Until when the units are reserved."""
    fillable: bool
    """Always true: without stock for every unit nothing is reserved."""
    ship_by: AwareDatetime
    """When the last shipment leaves."""
    deliver_by: AwareDatetime | None
    """When the last shipment arrives; null when nobody knows how long it is on the way."""
    shipments: list[PromisedShipment]
    cost: int
    """Of all shipments, in minor units."""
    destination_precision: Precision | None = None
    """How exactly the customer's place is known; null only for a reservation that was made before this field existed."""


class Reservation(Reserved):
    """A reservation with its status."""

    status: CartStatus
    order: str | None
    """The order that took the units over; null until then."""


def reserved(made: Cart) -> dict[str, Any]:
    """The document of a new reservation."""
    promised = in_words_of_now(made.promise)
    shipments = [{"from_supply": None} | shipment for shipment in promised["shipments"]]
    shown = {name: value for name, value in promised.items() if name != "beyond_sell_ahead"}
    return {"reservation": made.cart_id, "expires_at": made.expires_at} | shown | {"shipments": shipments}


def reservation(known: KnownCart) -> dict[str, Any]:
    """A reservation with its status."""
    return reserved(known.cart) | {"status": known.status, "order": known.order}
