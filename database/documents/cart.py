"""The documents of reservations: units that are pinned for a cart, and where that stands."""

from typing import Any

from pydantic import AwareDatetime

from database.cart import Cart, CartStatus, KnownCart
from database.documents.document import Document
from database.documents.promise import PromisedShipment
from domain.network import Precision


class Reserved(Document):
    """Units reserved for a cart, and their promise as in `POST /promises`."""

    reservation: str
    """Its id; an order that names it takes the units."""
    expires_at: AwareDatetime
    """Until when it holds."""
    fillable: bool
    """Always true: what would have to wait is not reserved."""
    ship_by: AwareDatetime
    """When the last shipment leaves."""
    deliver_by: AwareDatetime
    """When the last shipment arrives."""
    shipments: list[PromisedShipment]
    cost: int
    """Of all shipments, in minor units."""
    destination_precision: Precision | None = None
    """How exactly the customer's place is known; null only for a reservation that was made before this was kept."""


class Reservation(Reserved):
    """A reservation as it stands."""

    status: CartStatus
    order: str | None
    """The order that it became; null until then."""


def reserved(made: Cart) -> dict[str, Any]:
    """The answer to a reservation that was made."""
    return {"reservation": made.cart_id, "expires_at": made.expires_at} | made.promise


def reservation(known: KnownCart) -> dict[str, Any]:
    """A reservation as it stands."""
    return reserved(known.cart) | {"status": known.status, "order": known.order}
