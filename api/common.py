"""What routes of several subjects share: the idempotency key, the size of a page, answers to messages, access."""

from typing import Annotated, Any

from fastapi import Header, Query, Response
from pydantic import AfterValidator, BaseModel

from api.access import not_found, own_channel
from api.problems import INVALID, Problem
from api.service import Service
from database import order
from database.key import Caller
from domain.claim import ClaimRequest
from domain.identifiers import in_one_case, is_of_a_transfer
from domain.network import Network
from domain.request import ReturnRequest
from network.geography import check_locality
from network.validate_order import check_pickup

SAME_KEY = "Sent again with the same key and body, a request is answered as the first time and not done twice"
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255, description=SAME_KEY)]
AskedOrder = Annotated[str | None, Query(max_length=128), AfterValidator(lambda name: name and in_one_case(name))]
"""The order of a list's items, by its id in any case; None = of every order."""
IsPreview = Annotated[bool, Query(description="Only show what would change; nothing is stored")]
Limit = Annotated[int, Query(ge=1, le=500)]


class Kept(BaseModel):
    """The message was stored and applied. The order goes on after the answer."""

    message_id: str


REPEATED: dict[int | str, dict[str, Any]] = {200: {"model": Kept, "description": "The same message came before"}}


def kept(message_id: str, response: Response, *, is_new: bool) -> Kept:
    """The answer to a message: 202 when it is new, 200 when it came before."""
    response.status_code = 202 if is_new else 200
    return Kept(message_id=message_id)


def check_customers(name: str) -> None:
    """Raise the problem of an order that is a transfer between nodes, and no customer's."""
    if is_of_a_transfer(name):
        raise not_found("order", name)


async def check_own(service: Service, name: str, holder: Caller) -> str:
    """The channel of an order. Raises the problem of one that does not exist, or that the holder may not see."""
    async with service.database.read() as connection:
        channel = await order.channel(connection, name)
    if own_channel(holder) not in (None, channel):
        raise not_found("order", name)
    return channel


async def check_destination(service: Service, body: ClaimRequest | ReturnRequest) -> Network:
    """The active network. Raises the problem of a body that names where a replacement goes and it cannot go there, or that asks
    for none."""
    if field := body.without_effect():
        raise Problem(INVALID, f"has no effect with the resolution {body.resolution}", field=field)
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    check_pickup(body.pickup_node, network)
    if body.ship_to is not None:
        check_locality(body.ship_to.locality)
        if not body.ship_to.street and body.pickup_node is None:
            raise Problem(INVALID, "is needed: no parcel can go to an address without a street", field="ship_to.street")
    return network
