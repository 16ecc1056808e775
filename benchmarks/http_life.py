"""A standard order's life over HTTP, and what every life has in common.

It imports nothing of the product: other versions of it are driven with this.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Protocol

from httpx2 import AsyncClient
from temporalio.client import Client

NODE_MESSAGES = ("accepted", "picked", "shipped", "delivered")
PAUSE_AFTER_PLACING = 1.5
PAUSE_AFTER_MESSAGE = 1.0
"""Pauses, as multiples of the time that the placing took. So each message gets its own workflow task, as in reality, however
busy the servers are. A node that sent all messages at once would save the order most of these tasks."""

LOOK_AGAIN_SECONDS = 0.05
CHANNEL = "web"
SKUS = ("CLEANSER-150", "TONER-200", "SERUM-30", "MOISTURIZER-50", "SUNSCREEN-50", "NIGHT-CREAM-50")


class Place(NamedTuple):
    """Where an order ships to, which decides the node."""

    city: str
    region: str
    postal_code: str


DENVER = Place("Denver", "CO", "80202")


class Life(Protocol):
    """Something that can be lived from its placing to its end."""

    name: ClassVar[str]
    workflow: ClassVar[str]
    """The type of its workflow."""

    async def live(self, number: int) -> float:
        """Live the life with this number, which no other life has; answers the seconds until it was placed."""
        ...

    def workflow_id(self, number: int) -> str:
        """The id of its workflow."""
        ...


class NotPlaced(Exception):
    """The order was refused, or its workflow has not answered in time, so that a timeout would be measured."""


def standard_order(number: int, place: Place = DENVER) -> dict[str, Any]:
    """An order as a channel sends it: two lines that the nearest node fills."""
    return {
        "channel": CHANNEL,
        "number": f"{number:06}",
        "placed_at": now(),
        "currency": "USD",
        "service": "standard",
        "ship_to": {
            "name": "Ada Example",
            "street": ["1 Example Street"],
            "country": "US",
            "email": "ada@example.com",
            **place._asdict(),
        },
        "lines": [
            {"line": "1", "sku": SKUS[number % len(SKUS)], "quantity": 1, "unit_price": 4900},
            {"line": "2", "sku": SKUS[(number + 1) % len(SKUS)], "quantity": 2, "unit_price": 1900},
        ],
    }


def node_message(kind: str) -> dict[str, Any]:
    """A node's message about all that is due."""
    return {"message_id": f"{kind}-{time.monotonic_ns()}", "kind": kind, "occurred_at": now()}


def now() -> str:
    """The present time in the form of messages."""
    return datetime.now(UTC).isoformat()


def order_id(number: int) -> str:
    """The id of the order with this number."""
    return f"{CHANNEL}-{number:06}"


def order_workflow_id(number: int) -> str:
    """The id of an order's workflow."""
    return f"order-{order_id(number)}"


def fulfillment_order_id(number: int, attempt: int = 1) -> str:
    """The id of an order's fulfillment order."""
    return f"{order_id(number)}-f{attempt}"


@dataclass(frozen=True)
class HttpLife:
    """A life in which every step is a request to the HTTP interface, in its own process."""

    name: ClassVar[str] = "orders over HTTP"
    workflow: ClassVar[str] = "OrderWorkflow"
    http: AsyncClient
    client: Client
    place: Place = DENVER
    pause_seconds: float = 0.0
    """How much longer than usual the node pauses after each message."""

    async def live(self, number: int) -> float:
        """Waits only for the end, through Temporal, so that it does not poll. On a busy machine the promise may be too late
        for the answer; the times show that, and the life goes on. Raises `NotPlaced`."""
        began = time.perf_counter()
        answer = await self.http.post("/orders", json=standard_order(number, self.place))
        if answer.status_code not in (201, 202):
            raise NotPlaced(answer.text)
        answered = time.perf_counter() - began
        await asyncio.sleep(answered * PAUSE_AFTER_PLACING)
        for kind in NODE_MESSAGES:
            await self._send(f"/fulfillment-orders/{fulfillment_order_id(number)}/messages", node_message(kind))
            await asyncio.sleep(self.pause_seconds + answered * PAUSE_AFTER_MESSAGE)
        await self.client.get_workflow_handle(self.workflow_id(number)).result()
        return answered

    def workflow_id(self, number: int) -> str:
        """The order's workflow."""
        return order_workflow_id(number)

    async def _send(self, address: str, message: dict[str, Any]) -> None:
        while True:
            answer = await self.http.post(address, json=message)
            if answer.status_code != 404:
                answer.raise_for_status()
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
