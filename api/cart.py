"""Routes about reservations: a channel pins units for a cart, looks at it, and gives it back."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import OperatorOrChannel, Wired, nothing, own_channel
from api.order import IdempotencyKey
from api.paths import CartId
from api.problems import INVALID, NOT_ALLOWED, NOT_AVAILABLE, NOT_READY, OTHER_BODY, REFUSED, Problem
from database.cart import Cart, CartStatus, KnownCart
from database.request import UsedForAnotherRequest
from domain.cart import ReservationRequest
from domain.network import Precision
from jobs.schedule import STOCK
from network.validate_order import WrongField
from transactions.cart import BecameAnOrder, NotAvailable
from transactions.network import NoNetwork

router = APIRouter(tags=["reservations"])


class Reserved(BaseModel):
    """Units reserved for a cart, and their promise as in `POST /promises`."""

    reservation: str
    expires_at: datetime
    fillable: bool
    ship_by: datetime
    deliver_by: datetime
    shipments: list[dict[str, Any]]
    cost: int
    destination_precision: Precision | None = None
    """None only of a reservation that was made before this was kept."""


class Reservation(Reserved):
    """A reservation as it stands; `order` is the one that it became."""

    status: CartStatus
    order: str | None


@router.post("/reservations", status_code=201, response_model=Reserved)
async def make_reservation(
    body: ReservationRequest, holder: OperatorOrChannel, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Reserve every unit of a cart for `expires_in`. 409, and nothing is reserved, when a unit is not available."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    try:
        made = await service.carts.reserve(body, actor=holder.actor, idempotency_key=idempotency_key)
    except NotAvailable as error:
        raise Problem(NOT_AVAILABLE, str(error), more={"unfilled": error.unfilled}) from error
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error
    except WrongField as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    return _document(made)


@router.get("/reservations/{cart}", response_model=Reservation)
async def get_reservation(name: CartId, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """A reservation: its promise, and whether it is held, lapsed, given back or ordered."""
    return _state(name, await service.carts.find(name, own_channel(holder)))


@router.delete("/reservations/{cart}", response_model=Reservation)
async def cancel_reservation(name: CartId, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """Give the units of a reservation back. 409 when it became an order."""
    try:
        known = await service.carts.give_back(name, own_channel(holder), actor=holder.actor)
    except BecameAnOrder as error:
        raise Problem(REFUSED, str(error)) from error
    service.driver.run_soon(STOCK)
    return _state(name, known)


def _document(made: Cart) -> dict[str, Any]:
    return {"reservation": made.cart_id, "expires_at": made.expires_at} | made.promise


def _state(name: str, known: KnownCart | None) -> dict[str, Any]:
    if known is None:
        raise nothing("reservation", name)
    return _document(known.cart) | {"status": known.status, "order": known.order}
