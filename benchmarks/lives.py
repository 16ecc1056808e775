"""Lives to drive: a standard order through the product's own functions, the same through HTTP, and one without the order."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from httpx2 import AsyncClient
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.service import Service
from benchmarks.shape import Shape, padding
from benchmarks.skeleton import SkeletonWorkflow
from benchmarks.skeleton_worker import TASK_QUEUE
from domain import identifiers
from domain.fulfillment import MessageKind, NodeMessage
from domain.order import NewOrder, OrderInput, OrderStatus
from transactions import fulfillment, order
from transactions.fulfillment import UnknownFulfillmentOrder
from workflows import client as temporal
from workflows import visibility

NODE_TELLS = (MessageKind.ACCEPTED, MessageKind.PICKED, MessageKind.SHIPPED, MessageKind.DELIVERED)
PAUSE_AFTER_PLACING = 1.5
PAUSE_AFTER_MESSAGE = 1.0
"""Pauses, in times of what the placing took: however busy the servers are, each news then gets its own workflow task, as in
reality. A node that told everything in one breath would save the order most of them."""

LOOK_AGAIN_SECONDS = 0.05
CHANNEL = "web"
SKUS = ("CLEANSER-150", "TONER-200", "SERUM-30", "MOISTURIZER-50", "SUNSCREEN-50", "NIGHT-CREAM-50")


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
    """The workflow has not answered in time, so what would be measured is a timeout."""


def standard_order(number: int) -> dict[str, Any]:
    """An order as a channel hands it in: two lines that the nearest node fills."""
    return {
        "channel": CHANNEL,
        "number": f"{number:06}",
        "placed_at": _now(),
        "currency": "USD",
        "service": "standard",
        "ship_to": {
            "name": "Ada Example",
            "street": ["1 Example Street"],
            "city": "Denver",
            "region": "CO",
            "postal_code": "80202",
            "country": "US",
            "email": "ada@example.com",
        },
        "lines": [
            {"line": "1", "sku": SKUS[number % len(SKUS)], "quantity": 1, "unit_price": 4900},
            {"line": "2", "sku": SKUS[(number + 1) % len(SKUS)], "quantity": 2, "unit_price": 1900},
        ],
    }


def _message(kind: MessageKind) -> dict[str, Any]:
    return {"message_id": f"{kind}-{time.monotonic_ns()}", "kind": kind, "occurred_at": _now()}


def node_tells(kind: MessageKind) -> NodeMessage:
    """A node's message about all that is due."""
    return NodeMessage.model_validate(_message(kind))


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _order_id(number: int) -> str:
    return identifiers.order_id(CHANNEL, f"{number:06}")


def fulfillment_order_id(number: int, attempt: int = 1) -> str:
    """The id of an order's fulfillment order."""
    return identifiers.fulfillment_order_id(_order_id(number), attempt)


def _order_workflow_id(number: int) -> str:
    return identifiers.order_workflow_id(_order_id(number))


@dataclass(frozen=True)
class OrderLife:
    """An order's life through the functions that the HTTP interface calls, with this process in its place."""

    name: ClassVar[str] = "orders"
    workflow: ClassVar[str] = "OrderWorkflow"
    service: Service

    async def live(self, number: int) -> float:
        """Take the order in, place it, let its node tell everything, wait for the end of the return window."""
        began = time.perf_counter()
        taken = await order.take(self.service.transactions, NewOrder.model_validate(standard_order(number)))
        if await temporal.place(self.service.client, taken.input) is None:
            raise NotPlaced(taken.input.order)
        answered = time.perf_counter() - began
        await asyncio.sleep(answered * PAUSE_AFTER_PLACING)
        for kind in NODE_TELLS:
            await self._tell(fulfillment_order_id(number), node_tells(kind))
            await asyncio.sleep(answered * PAUSE_AFTER_MESSAGE)
        await self.service.client.get_workflow_handle(self.workflow_id(number)).result()
        return answered

    def workflow_id(self, number: int) -> str:
        """The order's workflow."""
        return _order_workflow_id(number)

    async def _tell(self, fulfillment_order: str, message: NodeMessage) -> None:
        while True:
            try:
                recorded = await fulfillment.record(
                    self.service.transactions, fulfillment_order, message, node=None, actor="node slc"
                )
            except UnknownFulfillmentOrder:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                self.service.relay.send_soon([recorded.wake] if recorded.wake else [])
                return


@dataclass(frozen=True)
class HttpLife:
    """The same life through the HTTP interface, in its own process."""

    name: ClassVar[str] = "orders over HTTP"
    workflow: ClassVar[str] = "OrderWorkflow"
    http: AsyncClient
    client: Client

    async def live(self, number: int) -> float:
        """Every step is a request; only the end is awaited through Temporal, so that nobody polls."""
        began = time.perf_counter()
        answer = await self.http.post("/orders", json=standard_order(number))
        if answer.status_code != 201:
            raise NotPlaced(answer.text)
        answered = time.perf_counter() - began
        await asyncio.sleep(answered * PAUSE_AFTER_PLACING)
        for kind in NODE_TELLS:
            await self._tell(f"/fulfillment-orders/{fulfillment_order_id(number)}/messages", _message(kind))
            await asyncio.sleep(answered * PAUSE_AFTER_MESSAGE)
        await self.client.get_workflow_handle(self.workflow_id(number)).result()
        return answered

    def workflow_id(self, number: int) -> str:
        """The order's workflow."""
        return _order_workflow_id(number)

    async def _tell(self, address: str, message: dict[str, Any]) -> None:
        while True:
            answer = await self.http.post(address, json=message)
            if answer.status_code != 404:
                answer.raise_for_status()
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


@dataclass(frozen=True)
class SkeletonLife:
    """A life in which nothing happens, at the same pace."""

    name: ClassVar[str] = "skeletons"
    workflow: ClassVar[str] = "SkeletonWorkflow"
    client: Client
    shape: Shape

    async def live(self, number: int) -> float:
        """A start with an update, the signals, the end."""
        began = time.perf_counter()
        await self._place(number)
        answered = time.perf_counter() - began
        await asyncio.sleep(answered * PAUSE_AFTER_PLACING)
        handle = self.client.get_workflow_handle(self.workflow_id(number))
        for size in self.shape.signal_bytes:
            await handle.signal(SkeletonWorkflow.tell, padding(size))
            await asyncio.sleep(answered * PAUSE_AFTER_MESSAGE)
        await handle.result()
        return answered

    def workflow_id(self, number: int) -> str:
        """As long as an order's."""
        return f"bones-{_order_id(number)}"

    async def _place(self, number: int) -> None:
        operation = WithStartWorkflowOperation(
            SkeletonWorkflow.run,
            padding(self.shape.input_bytes),
            id=self.workflow_id(number),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary="2 lines, 3 units, standard, US 802",
            search_attributes=visibility.at_start(_named(number), OrderStatus.RECEIVED),
        )
        await self.client.execute_update_with_start_workflow(
            SkeletonWorkflow.place, id="place", start_workflow_operation=operation
        )


def _named(number: int) -> OrderInput:
    """As much of an order as it is found by."""
    return OrderInput.model_construct(order=_order_id(number), channel=CHANNEL)
