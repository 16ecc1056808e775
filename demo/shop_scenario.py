"""Plays one order of the story that a customer places at the simulated shop: it arrives by webhook, its parcels go back."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from demo.sandbox_nodes import Document
from demo.scenario import EXPECTED_WITHIN_SECONDS, POLL_SECONDS, Players, Scenario
from demo.screen import ShownStep
from demo.simulated_shop import CHANNEL


class ShopScenario(Scenario):
    """One order of the shop: what its customer and merchant do there, and what is expected of Switchyard and of the shop."""

    def __init__(self, players: Players, shown: ShownStep, order: Document, shop: httpx2.AsyncClient) -> None:
        """`order` is what `POST /shop/orders` of the simulated shop takes."""
        super().__init__(players, shown, order | {"channel": CHANNEL})
        self._bought = order
        self._shop = shop
        self._id = 0
        self._line = 0
        self.name = ""
        """As the shop calls the order: `#1001`."""

    async def place(self) -> None:
        """A customer buys at the shop; wait until a webhook has brought the order."""
        placed = await self._answer("/shop/orders", self._bought)
        self._id, self.name = placed["id"], placed["name"]
        self._line = placed["line_items"][0]["id"]
        self.order = f"{CHANNEL}-{self._id}"
        await self.arrived()
        self.note(f"is {self.name} of the shop, and arrived by webhook")

    async def set_quantity(self, quantity: int) -> None:
        """The merchant edits the order: its first line has another quantity from now on."""
        await self._answer(f"/shop/orders/{self._id}/quantity", {"line": self._line, "quantity": quantity})

    async def cancel(self) -> None:
        """The merchant cancels the order."""
        await self._answer(f"/shop/orders/{self._id}/cancel", {"reason": "CUSTOMER"})

    async def end(self, status: str, shipped: Mapping[str, int]) -> Document:
        """As any order ends; then wait until the shop shows as many units as fulfilled. It is added to the order as `shop`."""
        document = await super().end(status, shipped)
        deadline = time.monotonic() + EXPECTED_WITHIN_SECONDS
        while (left := fulfilled(shown := await self._seen())) != sum(shipped.values()):
            self.check(time.monotonic() < deadline, f"the shop shows {sum(shipped.values())} units as fulfilled", left)
            await asyncio.sleep(POLL_SECONDS)
        return document | {"shop": shown}

    async def _seen(self) -> Document:
        answer = await self._shop.get(f"/shop/orders/{self._id}")
        answer.raise_for_status()
        seen: Document = answer.json()
        return seen

    async def _answer(self, path: str, body: Mapping[str, Any]) -> Document:
        answer = await self._shop.post(path, json=body)
        answer.raise_for_status()
        document: Document = answer.json()
        return document


def fulfilled(order: Document) -> int:
    """Units of all fulfillments that the shop shows."""
    return sum(line["quantity"] for one in _fulfillments(order) for line in one["line_items"])


def row_of_shop(order: Document) -> tuple[str, ...]:
    """The order as the shop shows it: name, what is wanted now, each fulfillment with its number, and its state."""
    wanted = ", ".join(f"{line['current_quantity']} {line['sku']}" for line in order["line_items"])
    left = [
        ", ".join(f"{line['quantity']} {line['sku']}" for line in one["line_items"]) + f" as {one['tracking_number']}"
        for one in _fulfillments(order)
    ]
    state = "cancelled" if order["cancelled_at"] else order["fulfillment_status"] or "unfulfilled"
    return order["name"], wanted, "\n".join(left) or "none", state


def _fulfillments(order: Document) -> Sequence[Document]:
    return [one for one in order["fulfillments"] if one["status"] == "success"]
