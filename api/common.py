"""What routes of several subjects share: the idempotency key, the size of a page, answers to messages, access."""

from typing import Annotated, Any

from fastapi import Header, Query, Response
from pydantic import BaseModel

from api.access import not_found, own_channel
from api.service import Service
from database import order
from database.key import Caller

SAME_KEY = "Sent again with the same key and body, a request is answered as the first time and not done twice"
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255, description=SAME_KEY)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Kept(BaseModel):
    """The message was stored and applied. The order goes on after the answer."""

    message_id: str


REPEATED: dict[int | str, dict[str, Any]] = {200: {"model": Kept, "description": "The same message came before"}}


def kept(message_id: str, response: Response, *, is_new: bool) -> Kept:
    """The answer to a message: 202 when it is new, 200 when it came before."""
    response.status_code = 202 if is_new else 200
    return Kept(message_id=message_id)


async def check_own(service: Service, name: str, holder: Caller) -> None:
    """Raise the problem of an order that does not exist, or that the holder may not see."""
    async with service.database.read() as connection:
        channel = await order.channel(connection, name)
    if own_channel(holder) not in (None, channel):
        raise not_found("order", name)
