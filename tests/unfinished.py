"""Says what has not ended on a stack, and why: for a test that gives up waiting."""

import asyncio
from typing import Any

from sqlalchemy import text
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.service import RPCError

from database.connect import Database
from domain import identifiers
from runtime.where import Stack

SAID_WITHIN_SECONDS = 60.0
OPEN_ORDERS = text(
    """
    SELECT s.order_id, s.state FROM order_state s JOIN orders o USING (order_id)
    WHERE o.closed_at IS NULL ORDER BY o.received_at, o.order_id
    """
)


async def unfinished(stack: Stack) -> str:
    """A line for each open order: its status, what it waits for and until when, its workflow, and what that is doing.

    A stack that does not answer is said, too.
    """
    try:
        async with asyncio.timeout(SAID_WITHIN_SECONDS):
            return "\n".join(["not ended:", *await _lines(stack)])
    except Exception as error:
        return f"what has not ended cannot be said: {type(error).__name__}: {error}"


async def _lines(stack: Stack) -> list[str]:
    database = Database(stack.database)
    try:
        async with database.read() as connection:
            rows = (await connection.execute(OPEN_ORDERS)).all()
    finally:
        await database.close()
    client = await Client.connect(stack.temporal)
    workflows = await asyncio.gather(*(_workflow(client, row.order_id) for row in rows))
    return [
        f"  {row.order_id}: {row.state['status']}, waits for {_waits_for(row.state)}; {workflow}"
        for row, workflow in zip(rows, workflows, strict=True)
    ] or ["  nothing"]


def _waits_for(state: dict[str, Any]) -> str:
    """Each deadline of an order and of its fulfillment orders, and what keeps it from having one."""
    works = [
        f"{work['fulfillment_order']} for {work['waiting_for']} until {work['deadline']}"
        for work in state.get("fulfillment_orders", [])
        if "waiting_for" in work
    ]
    kinds = ("to_source", "gives_up_at", "looks_again_at", "release_at", "closes_at", "holds", "exceptions")
    return ", ".join(works + [f"{kind} {state[kind]}" for kind in kinds if state.get(kind)])


async def _workflow(client: Client, order: str) -> str:
    try:
        found = await client.get_workflow_handle(identifiers.order_workflow_id(order)).describe()
    except RPCError as error:
        return f"its workflow: {error.status.name}"
    pending = [
        f"{one.activity_type.name} {PendingActivityState.Name(one.state)}, attempt {one.attempt}, {one.last_failure.message}"
        for one in found.raw_description.pending_activities
    ]
    return f"its workflow: {found.status.name if found.status else 'unknown'}, {'; '.join(pending) or 'no activity'}"
