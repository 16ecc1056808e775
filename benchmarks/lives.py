"""Lives to drive beside that over HTTP: a standard order through the product's own functions, and one without the order."""

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.service import Service
from benchmarks.http_life import (
    CHANNEL,
    LOOK_AGAIN_SECONDS,
    NODE_MESSAGES,
    PAUSE_AFTER_MESSAGE,
    PAUSE_AFTER_PLACING,
    NotPlaced,
    fulfillment_order_id,
    node_message,
    order_id,
    order_workflow_id,
    standard_order,
)
from benchmarks.shape import Shape, padding
from benchmarks.skeleton import SkeletonWorkflow
from benchmarks.skeleton_worker import TASK_QUEUE
from domain.fulfillment import NodeMessage
from domain.order import NewOrder, OrderInput, OrderStatus
from transactions import fulfillment, order
from transactions.fulfillment import UnknownFulfillmentOrder
from workflows import client as temporal
from workflows import visibility
from workflows.timeouts import ONE_TASK


def node_tells(kind: str) -> NodeMessage:
    """A node's message about all that is due."""
    return NodeMessage.model_validate(node_message(kind))


@dataclass(frozen=True)
class OrderLife:
    """An order's life through the functions that the HTTP interface calls, with this process in its place."""

    name: ClassVar[str] = "orders"
    workflow: ClassVar[str] = "OrderWorkflow"
    service: Service

    async def live(self, number: int) -> float:
        """Accept the order, place it, let its node send every message, wait for the end of the return window."""
        began = time.perf_counter()
        taken = await order.take(self.service.transactions, NewOrder.model_validate(standard_order(number)))
        if await temporal.place(self.service.client, self.service.breaker, taken.input) is None:
            raise NotPlaced(taken.input.order)
        answered = time.perf_counter() - began
        await asyncio.sleep(answered * PAUSE_AFTER_PLACING)
        for kind in NODE_MESSAGES:
            await self._tell(fulfillment_order_id(number), node_tells(kind))
            await asyncio.sleep(answered * PAUSE_AFTER_MESSAGE)
        await self.service.client.get_workflow_handle(self.workflow_id(number)).result()
        return answered

    def workflow_id(self, number: int) -> str:
        """The order's workflow."""
        return order_workflow_id(number)

    async def _tell(self, fulfillment_order: str, message: NodeMessage) -> None:
        while True:
            try:
                await fulfillment.record(
                    self.service.transactions, fulfillment_order, message, node=None, actor="node slc"
                )
            except UnknownFulfillmentOrder:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                return


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
        return f"bones-{order_id(number)}"

    async def _place(self, number: int) -> None:
        operation = WithStartWorkflowOperation(
            SkeletonWorkflow.run,
            padding(self.shape.input_bytes),
            id=self.workflow_id(number),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            task_timeout=ONE_TASK,
            static_summary="2 lines, 3 units, standard, US 802",
            search_attributes=visibility.at_start(_named(number), OrderStatus.RECEIVED),
        )
        await self.client.execute_update_with_start_workflow(
            SkeletonWorkflow.place, id="place", start_workflow_operation=operation
        )


def _named(number: int) -> OrderInput:
    """The part of an order that identifies it."""
    return OrderInput.model_construct(order=order_id(number), channel=CHANNEL)
