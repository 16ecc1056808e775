"""Reads what changed in a shop, by the moment of the last change; with an overlap, since Shopify shows some changes late."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.channel import Conversation, Message, Page, Settings
from channels.shopify.call import ask
from channels.shopify.check import need
from channels.shopify.documents import ORDERS
from channels.shopify.given import id_of
from channels.shopify.reading import TOPIC, whole

OVERLAP = timedelta(minutes=15)
"""How late Shopify may show a change."""

CLOCKS_APART = timedelta(seconds=10)
"""How far the shop's clock and ours may be apart. Its moments have whole seconds: until one is over, another change may
have the same."""

NOT_DONE = "status:open"
"""What the first poll of a connection reads: no order of the past that was cancelled or archived."""


def poll(settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
    """A page of orders that changed; those of the overlap that are the same as at the last poll are not read again.

    What had only just changed is read once more by the next poll.
    """
    need(settings)
    begun = cursor.get("begun") or at.astimezone(UTC).isoformat()
    query = cursor.get("query") or _query(cursor.get("since"))
    found = (yield from ask(settings, ORDERS, query=query, after=cursor.get("after")))["orders"]
    seen, messages = dict(cursor.get("seen", {})), list[Message]()
    for node in found["nodes"]:
        if seen.get(id_of(node["id"])) != node["updatedAt"]:
            order = yield from whole(settings, node["id"])
            messages += [Message(TOPIC, json.dumps(order, default=str).encode())] if order else []
            if datetime.fromisoformat(node["updatedAt"]) < datetime.fromisoformat(begun) - CLOCKS_APART:
                seen[id_of(node["id"])] = node["updatedAt"]
    if found["pageInfo"]["hasNextPage"]:
        more = {"begun": begun, "query": query, "after": found["pageInfo"]["endCursor"], "seen": seen}
        return Page(messages, {"since": cursor.get("since")} | more, is_last=False)
    return Page(messages, {"since": begun, "seen": _of_the_overlap(seen, begun)}, is_last=True)


def _query(since: str | None) -> str:
    """What is asked for, in Shopify's search syntax."""
    if since is None:
        return NOT_DONE
    begin = datetime.fromisoformat(since) - OVERLAP
    return f"updated_at:>='{begin.strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def _of_the_overlap(seen: Mapping[str, str], begun: str) -> dict[str, str]:
    """The orders that the next poll will find again."""
    begin = datetime.fromisoformat(begun) - OVERLAP
    return {order: changed for order, changed in seen.items() if datetime.fromisoformat(changed) >= begin}
