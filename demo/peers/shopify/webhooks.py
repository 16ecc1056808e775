"""Webhooks of the simulated shop: subscriptions by topic, signed deliveries, and everything that goes wrong with them.

A delivery that is not answered with 200 to 299 is repeated with its first payload; after eight repeats that fail the
subscription is deleted, without a word. Neither the sequence nor the arrival is guaranteed.
(Shopify's page "Troubleshoot webhooks": eight retries over four hours, then the subscription is removed.)
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

REPEATS_MAX = 8
REPEAT_AFTER = timedelta(minutes=30)
"""Eight of these are four hours."""

API_VERSION = "2026-10"
_RESOURCES = (
    "fulfillment_orders",
    "inventory_levels",
    "fulfillments",
    "order_transactions",
    "orders",
    "refunds",
    "returns",
    "app",
)

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Sends headers and a body to an address; answers the status, 0 where nobody answered."""


@dataclass(slots=True)
class Subscription:
    """Who is notified of a topic; `topic` as WebhookSubscriptionTopic."""

    id: int
    topic: str
    uri: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """How many of a hundred deliveries go wrong, and in which way."""

    doubled: int = 0
    swapped: int = 0
    """Sent after the next one."""
    late: int = 0
    """Sent an hour later."""
    lost: int = 0
    forged: int = 0
    """Beside the genuine one comes another with other content and a signature by somebody else."""
    seed: int = 1


@dataclass(slots=True)
class Delivery:
    """One webhook on its way."""

    subscription: Subscription
    headers: Mapping[str, str]
    body: bytes
    due_at: datetime
    is_forged: bool = False
    failures: int = 0


@dataclass(slots=True)
class Count:
    """What became of the deliveries of one call."""

    taken: int = 0
    failed: int = 0
    forged_taken: int = 0
    """Forged ones that were answered as if they were genuine: there must be none."""
    forged_refused: int = 0


@dataclass(slots=True)
class Webhooks:
    """All subscriptions of the shop, and what is to be delivered."""

    domain: str
    secrets: Sequence[str]
    clock: Callable[[], datetime]
    trouble: Trouble = field(default_factory=Trouble)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    waiting: list[Delivery] = field(default_factory=list)
    lost: list[Delivery] = field(default_factory=list)
    """What was announced and will never be sent."""
    ids_from: int = 0
    _ids: Any = field(init=False)
    _random: Random = field(default_factory=lambda: Random(1))

    def __post_init__(self) -> None:
        self._ids = count(1 + self.ids_from)

    def provoke(self, trouble: Trouble) -> None:
        """From now on deliveries go wrong so; the same seed does the same."""
        self.trouble = trouble
        self._random = Random(trouble.seed)

    def subscribe(self, identifier: int, topic: str, uri: str) -> Subscription:
        """Notify an address of a topic from now on."""
        made = Subscription(identifier, topic, uri, self.clock())
        self.subscriptions[identifier] = made
        return made

    def announce(self, topic: str, document: Mapping[str, Any]) -> None:
        """Something has happened: a delivery for each subscription to the topic."""
        event = f"event-{next(self._ids)}"
        for subscription in self.subscriptions.values():
            if subscription.topic == topic:
                self._enqueue(subscription, event, json.dumps(document, separators=(",", ":")).encode())

    async def deliver(self, post: Post) -> Count:
        """Send everything that is due."""
        counted = Count()
        now = self.clock()
        due = [delivery for delivery in self.waiting if delivery.due_at <= now]
        self.waiting = [delivery for delivery in self.waiting if delivery.due_at > now]
        for delivery in due:
            if delivery.subscription.id in self.subscriptions:
                status = await post(delivery.subscription.uri, delivery.headers, delivery.body)
                self._answered(delivery, 200 <= status < 300, counted)
        return counted

    def _answered(self, delivery: Delivery, is_taken: bool, counted: Count) -> None:
        if delivery.is_forged:
            counted.forged_taken += is_taken
            counted.forged_refused += not is_taken
            return
        counted.taken += is_taken
        counted.failed += not is_taken
        if is_taken:
            return
        delivery.failures += 1
        if delivery.failures > REPEATS_MAX:
            self.subscriptions.pop(delivery.subscription.id, None)
        else:
            delivery.due_at = self.clock() + REPEAT_AFTER
            self.waiting.append(delivery)

    def _enqueue(self, subscription: Subscription, event: str, body: bytes) -> None:
        sent = Delivery(subscription, self._headers(subscription, event, body), body, self.clock())
        if self._happens(self.trouble.lost):
            self.lost.append(sent)
            return
        if self._happens(self.trouble.late):
            sent.due_at += timedelta(hours=1)
        swaps = self._happens(self.trouble.swapped) and bool(self.waiting)
        self.waiting.insert(len(self.waiting) - swaps, sent)
        if self._happens(self.trouble.doubled):
            self.waiting.append(Delivery(subscription, sent.headers, body, sent.due_at))
        if self._happens(self.trouble.forged):
            self.waiting.append(self._forged(subscription, event, body))

    def _forged(self, subscription: Subscription, event: str, body: bytes) -> Delivery:
        changed = body.replace(b'"test":false', b'"test":true')
        headers = self._headers(subscription, f"{event}-forged", changed) | {
            "x-shopify-hmac-sha256": signature("somebody else's secret", changed)
        }
        return Delivery(subscription, headers, changed, self.clock(), is_forged=True)

    def _headers(self, subscription: Subscription, event: str, body: bytes) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "x-shopify-topic": spelled(subscription.topic),
            "x-shopify-hmac-sha256": signature(self.secrets[0], body),
            "x-shopify-shop-domain": self.domain,
            "x-shopify-api-version": API_VERSION,
            "x-shopify-webhook-id": f"webhook-{next(self._ids)}",
            "x-shopify-event-id": event,
            "x-shopify-triggered-at": self.clock().isoformat().replace("+00:00", "Z"),
        }

    def _happens(self, percent: int) -> bool:
        return self._random.randrange(100) < percent


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 over the raw bytes, in base64."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def spelled(topic: str) -> str:
    """A topic as the header spells it: ORDERS_CREATE is orders/create."""
    lower = topic.lower()
    for resource in _RESOURCES:
        if lower.startswith(f"{resource}_"):
            return f"{resource}/{lower.removeprefix(f'{resource}_')}"
    return lower
