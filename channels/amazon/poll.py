"""Reads what changed at Amazon, by the moment of the last change: one search in three minutes, a hundred orders on a page.

Amazon shows most changes two minutes later, and `lastUpdatedBefore` may not be nearer to now than that. So a search ends two
minutes before now, and the next one begins before that: a quarter of an hour where few orders change, for what is shown late,
and less where the quota has no room for what was read before.

An order that changes leaves the span that is searched, and the orders behind it move up by one place. Between two pages that
hides an order for ever. So a search is made of spans that fit on one page each: a span of which there is a second page is
searched again, shorter. What changed meanwhile is in a later span.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
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
"""Orders of a search that spans and the overlap are chosen for: the page has room for a busier time."""
SHORTEST = timedelta(seconds=4)
"""A span of which there is more than a page is not made shorter than this: it is read page by page."""
GROWS = 8
"""How many times longer than a span the next one may be, at the most."""
OF_TWO_SPANS = timedelta(seconds=1)
"""What two spans have in common: whether Amazon counts the ends of a span in, it does not say."""
TOKEN_LIVES = timedelta(hours=23)
"""Amazon forgets where a page ended after 24 hours."""
STATUSES = ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED")
"""What is asked for: an order that is not paid yet says nothing, and takes the place of one that does."""


class _Span(NamedTuple):
    """What is searched now."""

    after: datetime
    before: datetime
    end: datetime
    """Where the poll ends."""
    then: timedelta | None = None
    """How long the next span is; None = that follows from what is in this one."""
    token: str | None = None
    """Of the page, where the span is read page by page."""
    read: int = 0
    """Orders of the pages before."""

    @property
    def length(self) -> timedelta:
        return self.before - self.after


def poll(settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
    """The orders that changed in a span of time."""
    span = _span(cursor, at)
    try:
        found = yield from ask(SEARCH, PATH, _query(settings, span))
    except Denied:
        if span.token is None:
            raise
        # Amazon does not know the page any more, as when other marketplaces are asked for since.
        return (yield from poll(settings, {"since": written(span.after)}, at))
    messages = [Message(TOPIC, json.dumps(order, default=str).encode()) for order in found["orders"]]
    token = (found.get("pagination") or {}).get("nextToken")
    if not token:
        return _after(span, messages)
    if span.token is None and span.length > SHORTEST:
        return Page(messages, _shorter(span, found["orders"]), is_last=False)
    place = {"after": written(span.after), "before": written(span.before)}
    return Page(messages, place | {"token": token, "read": span.read + len(messages)}, is_last=False)


def _query(settings: Settings, span: _Span) -> dict[str, str]:
    query = {
        "lastUpdatedAfter": written(span.after),
        "lastUpdatedBefore": written(span.before),
        "fulfilledBy": "MERCHANT",
        "fulfillmentStatuses": ",".join(STATUSES),
        "maxResultsPerPage": str(PAGE),
        "includedData": ",".join(INCLUDED),
    }
    if named := settings.entry.get("marketplaces", "").replace(",", " ").split():
        query["marketplaceIds"] = ",".join(named)
    return query | ({"paginationToken": span.token} if span.token else {})


def _span(cursor: Mapping[str, Any], at: datetime) -> _Span:
    """Where a search begins and ends, and the page. A span whose page Amazon has forgotten is searched again."""
    end = datetime.fromisoformat(written(at - SHOWN_AFTER))
    if "token" in cursor and at - datetime.fromisoformat(cursor["before"]) < TOKEN_LIVES:
        after, before = (datetime.fromisoformat(cursor[name]) for name in ("after", "before"))
        return _Span(after, before, end, token=cursor["token"], read=cursor.get("read", 0))
    after = datetime.fromisoformat(cursor.get("after") or cursor.get("since") or written(at - FIRST))
    before = min(end, after + timedelta(seconds=cursor["span"])) if "span" in cursor else end
    return _Span(after, before, end, timedelta(seconds=cursor["then"]) if "then" in cursor else None)


def _after(span: _Span, messages: Sequence[Message]) -> Page:
    """A span that was read to its end, and where the next one begins."""
    read = span.read + len(messages)
    if span.before >= span.end:
        return Page(messages, {"since": written(span.before - _overlap(read, span.length))}, is_last=True)
    fits = span.length * AIM / read if read else span.length * GROWS
    length = span.then or max(min(fits, span.length * GROWS), SHORTEST)
    next_one = {"since": written(span.before - OF_TWO_SPANS), "span": int(length.total_seconds())}
    return Page(messages, next_one, is_last=False)


def _shorter(span: _Span, orders: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A shorter span with the same beginning: half of it, or up to the last of the orders that are aimed at, where Amazon sorts
    them by their change. Orders that all changed in one second get a span around it."""
    since = {"since": written(span.after)}
    half = int(max(span.length / 2, SHORTEST).total_seconds())
    changes = _changes(orders)
    if not changes:
        return since | {"span": half}
    first, last = changes[0] - span.after, changes[min(AIM, len(changes)) - 1] - span.after
    if changes[0] == changes[-1] and first > SHORTEST:
        return since | {"span": int(first.total_seconds()) - 1, "then": int(SHORTEST.total_seconds())}
    fits = SHORTEST <= last < span.length
    return since | {"span": int(last.total_seconds()) if fits else half}


def _changes(orders: Sequence[Mapping[str, Any]]) -> Sequence[datetime]:
    """When the orders of a page changed; nothing where they are not sorted by it, or Amazon does not say it."""
    try:
        found = [datetime.fromisoformat(order["lastUpdatedTime"]) for order in orders]
        return found if found == sorted(found) else []
    except (KeyError, TypeError, ValueError):
        return []


def _overlap(read: int, span: timedelta) -> timedelta:
    """How far the next search goes back, where so many orders were read of a span."""
    fits = span * AIM / read - EVERY if read else OVERLAP_MOST
    return min(max(fits, OVERLAP_LEAST), OVERLAP_MOST)


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
