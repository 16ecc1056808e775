"""Reads an order at the shop, with all that is longer than one answer."""

import json
from collections.abc import Callable
from typing import Any

from channels.channel import Conversation, Message, Settings
from channels.shopify.call import Denied, ask, gid
from channels.shopify.check import need
from channels.shopify.documents import (
    FULFILLMENT_LINES,
    ORDER,
    ORDER_FULFILLMENTS,
    ORDER_OF_WORK,
    ORDER_REFUNDS,
    ORDER_WORK,
    REFUND_LINES,
    WORK_LINES,
)

TOPIC = "order"
"""The topic of an order that was read; webhooks have topics of two words."""

SIZES = ((20, 15), (50, 4))
"""How many fulfillments, and lines of each, are asked for first, and where there are more."""


def read_again(settings: Settings, external: str) -> Conversation[Message | None]:
    """One order as a message; None = the shop has none of this id, or does not show it any more.

    `external` may also be a fulfillment order, as `gid://shopify/FulfillmentOrder/1`: that is all that some webhooks name.
    """
    need(settings)
    order = yield from order_of(settings, external)
    found = None if order is None else (yield from whole(settings, order))
    return None if found is None else Message(TOPIC, json.dumps(found, default=str).encode())


def order_of(settings: Settings, external: str) -> Conversation[str | None]:
    """The id of the order, where that of its fulfillment order is known."""
    if "/FulfillmentOrder/" not in external:
        return gid("Order", external)
    data = yield from ask(settings, ORDER_OF_WORK, id=external)
    return data["fulfillmentOrder"] and str(data["fulfillmentOrder"]["orderId"])


def whole(settings: Settings, order: str) -> Conversation[dict[str, Any] | None]:
    """The order with its lines, fulfillment orders, fulfillments and refunds; None = the shop has none of this id."""
    found = (yield from ask(settings, ORDER, id=order))["order"]
    if found is None:
        return None
    lines = found["lineItems"]
    while lines["pageInfo"]["hasNextPage"]:
        page = (yield from ask(settings, ORDER, id=order, after=lines["pageInfo"]["endCursor"]))["order"]["lineItems"]
        lines["nodes"] += page["nodes"]
        lines["pageInfo"] = page["pageInfo"]
    found["fulfillmentOrders"] = {"nodes": (yield from work(settings, order))}
    found["fulfillments"] = yield from fulfillments(settings, order)
    is_refunded = any(line["currentQuantity"] < line["quantity"] for line in lines["nodes"])
    found["refunds"] = (yield from refunds(settings, order)) if is_refunded else []
    return dict(found)


def work(settings: Settings, order: str) -> Conversation[list[dict[str, Any]]]:
    """The fulfillment orders of an order, the oldest first."""
    found, after = list[dict[str, Any]](), None
    while True:
        page = (yield from ask(settings, ORDER_WORK, id=order, after=after))["order"]["fulfillmentOrders"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    for one in found:
        yield from _all_lines(settings, one, "lineItems", WORK_LINES, lambda data: data["fulfillmentOrder"])
    return found


def fulfillments(settings: Settings, order: str) -> Conversation[list[dict[str, Any]]]:
    """The fulfillments of an order. Shopify pages them not: a list as long as it was asked for may be cut."""
    found = list[dict[str, Any]]()
    for first, lines in SIZES:
        data = yield from ask(settings, ORDER_FULFILLMENTS, id=order, first=first, lines=lines)
        found = list(data["order"]["fulfillments"])
        if len(found) < first:
            break
    else:
        raise Denied(f"the order has {SIZES[-1][0]} fulfillments or more, and Shopify shows no more of them")
    for one in found:
        yield from _all_lines(
            settings, one, "fulfillmentLineItems", FULFILLMENT_LINES, lambda data: data["fulfillment"]
        )
    return found


def refunds(settings: Settings, order: str) -> Conversation[list[dict[str, Any]]]:
    """The refunds of an order."""
    found = list((yield from ask(settings, ORDER_REFUNDS, id=order))["order"]["refunds"])
    for one in found:
        yield from _all_lines(settings, one, "refundLineItems", REFUND_LINES, lambda data: data["refund"])
    return found


def _all_lines(
    settings: Settings, owner: dict[str, Any], name: str, document: str, of: Callable[[dict[str, Any]], Any]
) -> Conversation[None]:
    """Read the lines of something that did not fit in the answer with it."""
    lines = owner[name]
    while lines["pageInfo"]["hasNextPage"]:
        after = lines["pageInfo"]["endCursor"]
        page = of((yield from ask(settings, document, id=owner["id"], after=after)))[name]
        lines["nodes"] += page["nodes"]
        lines["pageInfo"] = page["pageInfo"]
