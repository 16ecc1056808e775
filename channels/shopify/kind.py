"""Shopify: the kind of channels `shopify`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from channels.channel import (
    Allowance,
    Answer,
    Catalogue,
    Checked,
    Conversation,
    Key,
    Later,
    Level,
    Message,
    Misfit,
    Notice,
    Outcome,
    Page,
    ReadAgain,
    Refused,
    Request,
    Said,
    Settings,
    Token,
)
from channels.given import parsed
from channels.shopify import (
    call,
    check,
    from_graphql,
    from_webhook,
    location,
    notify,
    order,
    poll,
    reading,
    signature,
    stock,
    till,
    token,
)
from channels.shopify.given import id_of
from channels.shopify.version import DEFAULT, VERSIONS

PLACED = "orders/create"
OF_WORK = "fulfillment_orders/"
OF_THIS_MACHINE = re.compile(r"http://127\.0\.0\.1(:\d+)?/?")
"""An address for the webhooks of a simulated shop; Shopify itself calls https only."""
OF_AN_ORDER = ("orders/", "refunds/", "fulfillments/")


def _mistake_of_mode(mode: str) -> str | None:
    return None if mode in ("one", "each") else f"mode must be one or each, not {mode!r}"


def _mistake_of_version(version: str) -> str | None:
    return None if version in VERSIONS else f"version must be one of {', '.join(VERSIONS)}, not {version!r}"


def _mistake_of_webhooks(base: str) -> str | None:
    is_one = base == "" or base.startswith("https://") or OF_THIS_MACHINE.fullmatch(base)
    return None if is_one else 'webhooks must be the public address of this service, such as "https://oms.example.com"'


class Shopify:
    """A shop on Shopify."""

    kind: str = "shopify"
    uses_mailbox: bool = False
    poll_least: timedelta = timedelta(seconds=1)
    shown_after: timedelta = timedelta(0)
    cancel_codes: Sequence[str] = ()
    credentials: Sequence[str] = ("client_id", "client_secret")
    optional_credentials: Sequence[str] = (signature.BEFORE,)
    keys: Sequence[Key] = (
        Key("mode", "one", _mistake_of_mode),
        Key("version", DEFAULT, _mistake_of_version),
        Key("locations", {}, location.mistake_of_locations, names_nodes=True),
        Key("carriers", {}),
        Key("ship_unpaid", ""),
        Key("notify_customer", True),
        Key("till_sales", True),
        Key("webhooks", "", _mistake_of_webhooks),
    )

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Shopify signed it for this shop."""
        return signature.is_genuine(settings, headers, body)

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The topic and the event's id."""
        return signature.event_id(headers, body)

    def read(self, settings: Settings, catalogue: Catalogue, message: Message) -> Sequence[Said | ReadAgain]:
        """An order as it was placed, was cancelled, or was read; what changes one in another way is read at the shop.

        The body of a webhook may be hours old, and says nothing of holds and of requests to cancel.
        """
        content = parsed(message.body)
        if not isinstance(content, dict):
            raise Misfit("the body is no object")
        if message.topic == reading.TOPIC:
            read = from_graphql.read(content, settings.kept.get("location"))
            return [order.said(settings, catalogue, read)]
        if message.topic.startswith(OF_WORK):
            return [ReadAgain(_work(content))]
        is_whole = message.topic == PLACED or (message.topic.startswith("orders/") and content.get("cancelled_at"))
        if is_whole and check.is_set_up(settings):
            return [_placed(settings, catalogue, content)]
        return [ReadAgain(_order(message.topic, content))] if message.topic.startswith(OF_AN_ORDER) else []

    def token(self, settings: Settings, at: datetime) -> Conversation[Token]:
        """A token for a day."""
        return token.token(settings, at)

    def authorized(self, settings: Settings, granted: Token | None, request: Request) -> Request:
        """The request with the token."""
        return token.authorized(granted, request)

    def allowance(self, answer: Answer) -> Allowance | None:
        """The points that Shopify says are left."""
        return call.allowance(answer)

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """A page of orders that changed."""
        return poll.poll(settings, cursor, at)

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """One order."""
        return reading.read_again(settings, external)

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Whether the shop is notified of it."""
        return kind in notify.HEARD or (kind in notify.HEARD_OF_PLANS and not location.is_one(entry))

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Make the shop equal to the facts of the order."""
        return notify.notify(settings, notice)

    def places(self, settings: Settings) -> Mapping[str, str]:
        """In mode `each`, the location of each node."""
        return location.locations(settings)

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Set the levels at a location."""
        return stock.stock(settings, key, levels)

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Look, set up, and say what is missing."""
        return check.check(settings, catalogue, at)


def _placed(settings: Settings, catalogue: Catalogue, content: Mapping[str, Any]) -> Said | ReadAgain:
    placed = from_webhook.read(content, settings.kept.get("service"))
    if order.has_no_destination(placed) and not till.is_only_of_the_till(placed):
        return ReadAgain(placed.id)
    return order.said(settings, catalogue, placed)


def _order(topic: str, content: Mapping[str, Any]) -> str:
    """The order that a webhook is about: itself, or one that it names."""
    edited = content.get("order_edit")
    named = edited.get("order_id") if isinstance(edited, dict) else content.get("order_id")
    found = id_of(named if named is not None else content.get("id") if topic.startswith("orders/") else None)
    if not isinstance(found, str) or not found:
        raise Misfit("order_id: the body names no order")
    return found


def _work(content: Mapping[str, Any]) -> str:
    """The fulfillment order that a webhook is about, whichever role it has there."""
    for part in content.values():
        name = part.get("id") if isinstance(part, dict) else None
        if isinstance(name, str) and "/FulfillmentOrder/" in name:
            return name
    raise Misfit("fulfillment_order: the body names none")
