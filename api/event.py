"""Routes about events: the feed of a channel's orders."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.access import OperatorOrChannel, ServiceDep, own_channel
from api.answer import shown
from api.common import AskedOrder, Limit
from database.documents import event
from database.documents.document import Page, page
from database.documents.event import Event

router = APIRouter(tags=["channels"])

AFTER = r"^[0-9]{1,18}-[0-9]{1,18}$"
"""An event's id: its transaction and its number."""


@router.get("/events", response_model=Page[Event])
async def list_events(
    holder: OperatorOrChannel,
    service: ServiceDep,
    channel: str | None = None,
    order: AskedOrder = None,
    after: Annotated[str | None, Query(pattern=AFTER)] = None,
    limit: Limit = 100,
) -> Response:
    """Events of orders, oldest first. To go on, ask with `after` = the id of the last event."""
    transaction_id, _, event_id = (after or "0-0").partition("-")
    async with service.database.read() as connection:
        items = await event.feed(
            connection,
            channel=own_channel(holder) or channel,
            order=order,
            after=(int(transaction_id), int(event_id)),
            limit=limit + 1,
        )
    return shown(page(items, limit, "event"))
