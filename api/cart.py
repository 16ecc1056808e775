"""Routes about reservations: a channel pins units for a cart, reads it, and gives it back."""

from typing import Any

from fastapi import APIRouter

from api.access import OperatorOrChannel, ServiceDep, not_found, own_channel
from api.common import IdempotencyKey
from api.paths import CartId
from api.problems import NOT_ALLOWED, Problem
from database.cart import KnownCart
from database.documents.cart import Reservation, Reserved, reservation, reserved
from domain.cart import ReservationRequest
from jobs.schedule import STOCK
from transactions import cart

router = APIRouter(tags=["reservations"])


@router.post("/reservations", status_code=201, response_model=Reserved)
async def make_reservation(
    body: ReservationRequest, holder: OperatorOrChannel, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Reserve every unit of a cart for `expires_in`. 409, and nothing is reserved, when a unit is not available."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    made = await service.carts.reserve(body, actor=holder.actor, idempotency_key=idempotency_key)
    return reserved(made)


@router.get("/reservations/{cart}", response_model=Reservation)
async def get_reservation(name: CartId, holder: OperatorOrChannel, service: ServiceDep) -> dict[str, Any]:
    """A reservation: its promise, and whether it is held, lapsed, given back or ordered."""
    return _state(name, await cart.find(service.transactions, name, own_channel(holder)))


@router.delete("/reservations/{cart}", response_model=Reservation)
async def cancel_reservation(name: CartId, holder: OperatorOrChannel, service: ServiceDep) -> dict[str, Any]:
    """Give the units of a reservation back. 409 when it became an order."""
    known = await cart.give_back(service.transactions, name, own_channel(holder), actor=holder.actor)
    service.driver.run_soon(STOCK)
    return _state(name, known)


def _state(name: str, known: KnownCart | None) -> dict[str, Any]:
    if known is None:
        raise not_found("reservation", name)
    return reservation(known)
