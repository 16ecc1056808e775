"""Routes of what channels hear: the feed of events about their orders."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.access import OperatorOrChannel, Wired, own_channel
from api.order import Limit, page
from database.outbox import event

router = APIRouter(tags=["channels"])

AFTER = r"^[0-9]{1,18}-[0-9]{1,18}$"
"""An event's id: its transaction and its number."""


@router.get("/events")
async def list_events(
    holder: OperatorOrChannel,
    service: Wired,
    channel: str | None = None,
    after: Annotated[str | None, Query(pattern=AFTER)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Events of orders, oldest first. To go on, ask with `after` = the id of the last event."""
    transaction_id, _, event_id = (after or "0-0").partition("-")
    async with service.database.read() as connection:
        items = await event.feed(
            connection,
            channel=own_channel(holder) or channel,
            after=(int(transaction_id), int(event_id)),
            limit=limit + 1,
        )
    return page(items, limit, "event")
