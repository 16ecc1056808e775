"""Reads what changed at Amazon, by the moment of the last change: one search in three minutes, a hundred orders on a page.

Amazon shows most changes two minutes later, and `lastUpdatedBefore` may not be nearer to now than that. So a search ends two
minutes before now, and the next one begins before that: a quarter of an hour where few orders change, for what is shown late,
and less where the quota has no room for what was read before.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from channels.amazon.amazon_order import AmazonOrder
from channels.amazon.call import GET_ORDER, INCLUDED, SEARCH, Denied, ask
from channels.channel import Conversation, Message, Page, Settings
from channels.given import fitting

TOPIC = "order"
PATH = "/orders/2026-01-01/orders"
EVERY = timedelta(minutes=3)
SHOWN_AFTER = timedelta(minutes=2, seconds=10)
"""How near to now a search may come, with ten seconds for clocks that differ."""
OVERLAP_LEAST, OVERLAP_MOST = timedelta(seconds=30), timedelta(minutes=15)
FIRST = timedelta(days=30)
"""How far back the first poll looks: Amazon cancels an order by itself that was not confirmed for so long."""
PAGE = 100
AIM = 60
"""Orders of a search that the overlap is chosen for: the page has room for a busier time."""
TOKEN_LIVES = timedelta(hours=23)
"""Amazon forgets where a page ended after 24 hours."""
STATUSES = ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED")
"""What is asked for: an order that is not paid yet says nothing, and takes the place of one that does."""


def poll(settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
    """A page of orders that changed."""
    place = _place(cursor, at)
    query = {
        "lastUpdatedAfter": place["after"],
        "lastUpdatedBefore": place["before"],
        "fulfilledBy": "MERCHANT",
        "fulfillmentStatuses": ",".join(STATUSES),
        "maxResultsPerPage": str(PAGE),
        "includedData": ",".join(INCLUDED),
    }
    if named := settings.entry.get("marketplaces", "").replace(",", " ").split():
        query["marketplaceIds"] = ",".join(named)
    if "token" in place:
        query["paginationToken"] = place["token"]
    try:
        found = yield from ask(SEARCH, PATH, query)
    except Denied:
        if "token" not in place:
            raise
        # Amazon does not know the page any more, as when other marketplaces are asked for since.
        return (yield from poll(settings, {"since": place["after"]}, at))
    messages = [Message(TOPIC, json.dumps(order, default=str).encode()) for order in found["orders"]]
    token, read = (found.get("pagination") or {}).get("nextToken"), cursor.get("read", 0) + len(messages)
    if token:
        return Page(messages, place | {"token": token, "read": read}, is_last=False)
    after, before = (datetime.fromisoformat(place[name]) for name in ("after", "before"))
    next_begins = written(before - _overlap(read, before - after))
    return Page(messages, {"since": next_begins}, is_last=True)


def _overlap(read: int, span: timedelta) -> timedelta:
    """How far the next search goes back, where so many orders were read of a span."""
    fits = span * AIM / read - EVERY if read else OVERLAP_MOST
    return min(max(fits, OVERLAP_LEAST), OVERLAP_MOST)


def _place(cursor: Mapping[str, Any], at: datetime) -> dict[str, str]:
    """Where a search begins and ends, and the page; the same for all pages of a poll. A poll that was broken off for so long
    that Amazon has forgotten its page begins again."""
    if "token" in cursor and at - datetime.fromisoformat(cursor["before"]) < TOKEN_LIVES:
        return {name: cursor[name] for name in ("after", "before", "token")}
    since = cursor.get("after") or cursor.get("since") or written(at - FIRST)
    return {"after": since, "before": written(at - SHOWN_AFTER)}


def written(moment: datetime) -> str:
    """A moment as Amazon takes it: ISO 8601 in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_again(settings: Settings, external: str) -> Conversation[Message | None]:
    """One order as a message; None = Amazon has none of this id."""
    found = yield from _order(external)
    return None if found is None else Message(TOPIC, json.dumps(found, default=str).encode())


def read_order(external: str) -> Conversation[AmazonOrder | None]:
    """One order as it is now."""
    found = yield from _order(external)
    return None if found is None else fitting(AmazonOrder, found)


def _order(external: str) -> Conversation[Any]:
    answer = yield from ask(GET_ORDER, f"{PATH}/{quote(external, safe='')}", {"includedData": ",".join(INCLUDED)})
    return answer and answer["order"]
