"""A whole Switchyard in one process for tests: real PostgreSQL, real Temporal, the HTTP interface, and nodes that do as told."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from httpx2 import AsyncClient, Response
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from domain import identifiers
from starter.audit import findings_of
from starter.http.service import Service

Document = dict[str, Any]
ANSWERS_WITHIN_SECONDS = 15.0
_numbers = count(1)


@dataclass
class House:
    """What a test works with; orders get numbers that no other test uses."""

    http: AsyncClient
    service: Service
    time: TimeSkipper
    database_url: str
    orders: list[str] = field(default_factory=list)

    def body(self, *lines: tuple[str, int], channel: str = "web", postal_code: str = "80202", **more: Any) -> Document:
        """An order as a channel hands it in, for `(sku, quantity)` lines numbered from 1."""
        number = f"t{next(_numbers)}"
        self.orders.append(identifiers.order_id(channel, number))
        return {
            "channel": channel,
            "number": number,
            "placed_at": now(),
            "currency": "USD",
            "ship_to": {"postal_code": postal_code, "country": "US"},
            "lines": [
                {"line": str(n), "sku": sku, "quantity": quantity, "unit_price": 1000}
                for n, (sku, quantity) in enumerate(lines, 1)
            ],
        } | more

    async def place(self, *lines: tuple[str, int], **more: Any) -> str:
        """Place an order over HTTP and answer its id; the channel must have been granted it."""
        answer = await self.http.post("/orders", json=self.body(*lines, **more))
        assert answer.status_code == 201, answer.text
        name: str = answer.json()["order"]
        return name

    async def stock(self, node: str, **units: int) -> None:
        """Receive units at a node; a SKU's dashes are written as underscores."""
        lines = [{"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in units.items()]
        body = {"message_id": f"in-{next(_numbers)}", "node": node, "kind": "received", "occurred_at": now()}
        answer = await self.http.post("/stock/messages", json=body | {"lines": lines})
        assert answer.status_code == 202, answer.text

    async def order(self, name: str) -> Document:
        """The document of `GET /orders/{order}`."""
        answer = await self.http.get(f"/orders/{name}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def until(self, name: str, wanted: str | Callable[[Document], bool]) -> Document:
        """Poll an order until it has a status, or until something is true of it."""
        is_there = (lambda found: found["status"] == wanted) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not is_there(document := await self.order(name)):
                await asyncio.sleep(0.03)
        return document

    async def work(self, name: str, number: int = 1) -> Document:
        """The order's `number`-th fulfillment order, as soon as it exists."""
        document = await self.until(name, lambda found: len(found["fulfillment_orders"]) >= number)
        work: Document = document["fulfillment_orders"][number - 1]
        return work

    async def tell(self, fulfillment_order: str, kind: str, lines: Mapping[str, int] | None = None, **more: Any) -> Response:
        """Send a node's message; `lines` are quantities per line, absent = all that is due."""
        body: Document = {"message_id": f"m-{next(_numbers)}", "kind": kind, "occurred_at": now()} | more
        if lines is not None:
            body["lines"] = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
        answer = await self.http.post(f"/fulfillment-orders/{fulfillment_order}/messages", json=body)
        assert answer.status_code in (200, 202), answer.text
        return answer

    async def fulfill(self, fulfillment_order: str) -> None:
        """A node that does everything right: accepted, picked, shipped, delivered."""
        for kind in ("accepted", "picked", "shipped", "delivered"):
            await self.tell(fulfillment_order, kind)

    def workflow(self, name: str) -> WorkflowHandle[Any, Any]:
        """The workflow of an order."""
        return self.time.client.get_workflow_handle(identifiers.order_workflow_id(name))

    async def skip(self, name: str, span: timedelta) -> None:
        """Let an order's own clock run ahead."""
        await self.time.fast_forward(self.workflow(name), span)

    async def available(self, sku: str) -> dict[str, int]:
        """What is available of an item, by node."""
        nodes = (await self.http.get(f"/stock/{sku}")).json()["nodes"]
        return {row["node"]: row["available"] for row in nodes}

    async def check_invariants(self) -> None:
        """What `python -m starter audit` checks."""
        violations = [row for finding in await findings_of(self.service.database) for row in finding.violations]
        assert not violations, violations

    async def leave(self) -> None:
        """End the workflows that the test leaves open."""
        for name in self.orders:
            handle = self.workflow(name)
            try:
                if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                    await handle.terminate("the test is over")
            except RPCError:
                continue


def now() -> str:
    """This moment as messages carry it."""
    return datetime.now(UTC).isoformat()
