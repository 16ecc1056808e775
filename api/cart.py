"""Routes about reservations: a channel pins units for a cart, looks at it, and gives it back."""

from typing import Any

from fastapi import APIRouter

from api.access import OperatorOrChannel, Wired, nothing, own_channel
from api.order import IdempotencyKey
from api.paths import CartId
from api.problems import INVALID, NOT_ALLOWED, NOT_AVAILABLE, NOT_READY, OTHER_BODY, REFUSED, Problem
from database.cart import KnownCart
from database.documents.cart import Reservation, Reserved, reservation, reserved
from database.request import UsedForAnotherRequest
from domain.cart import ReservationRequest
from jobs.schedule import STOCK
from network.validate_order import WrongField
from transactions.cart import BecameAnOrder, NotAvailable
from transactions.network import NoNetwork

router = APIRouter(tags=["reservations"])


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
    return reserved(made)


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


def _state(name: str, known: KnownCart | None) -> dict[str, Any]:
    if known is None:
        raise nothing("reservation", name)
    return reservation(known)
