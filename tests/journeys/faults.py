"""What befalls a service at random moments: each fault is one function, and all of them are one table."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from database.connect import DatabaseUnreachable
from domain import identifiers
from tests.journeys.lives import suspended
from tests.listener import Listener
from tests.stack import PARTS, POLL_SECONDS, Service, Shop
from transactions.prepare import apply_network

VICTIMS = 3
"""How many workflows one fault takes."""
FROZEN_SECONDS = (2.0, 8.0)
SILENT_SECONDS = (3.0, 12.0)
NEW_NODE = """
[[node]]
id = "den"
name = "Denver pop-up"
kind = "store"
country = "US"
postal_code = "80202"
time_zone = "America/Denver"
accept_within = "120s"
ship_within = "300s"
"""
CHANGES = (
    ("items.csv", "SERUM-30,Vitamin C Serum 30 ml,95,", "SERUM-30,Vitamin C Serum 30 ml,105,"),
    ("items.csv", "CLEANSER-150*1 TONER-200*1 SERUM-30*1 MOISTURIZER-50*1", "CLEANSER-150*1 TONER-200*2 SERUM-30*1"),
    ("items.csv", "CLEANSER-150*1 SUNSCREEN-50*2", "CLEANSER-150*2 SUNSCREEN-50*1"),
    ("items.csv", "SET-TRAVEL,", "WINTER-SET,Winter Set,,0,CLEANSER-150*2,skincare,gift,,,,,\nSET-TRAVEL,"),
    ("nodes.toml", "[[node]]\n", NEW_NODE + "\n[[node]]\n"),
    ("policy.toml", "amount = '500.0 + 0.4 * node.distance_km'", "amount = '480.0 + 0.5 * node.distance_km'"),
)
"""A file of the network, what is in it, and what is written in its place: an item, a recipe, that of a kit which is being
sold, a new kit, a node, the rules."""


@dataclass
class Trial:
    """One service, who works with it, and what has befallen it."""

    service: Service
    shop: Shop
    dice: random.Random
    perfumer: Listener
    folder: Path
    ended: set[str] = field(default_factory=set)
    """Orders that need no looking after any more."""
    changes: set[int] = field(default_factory=set)
    """Which of `CHANGES` are in the network now."""
    befell: Counter[str] = field(default_factory=Counter)
    recovered: list[tuple[str, float]] = field(default_factory=list)
    """Which part was killed, and how many seconds after its restart a new order was at its node."""

    async def befall(self, fault: str) -> None:
        """Let one fault happen."""
        await FAULTS[fault](self)
        self.befell[fault] += 1

    def victims(self) -> list[str]:
        """Some orders that have not ended."""
        open_ = [name for name in self.shop.placed if name not in self.ended]
        return self.dice.sample(open_, min(VICTIMS, len(open_)))


Fault = Callable[[Trial], Awaitable[None]]


def kill(part: str) -> Fault:
    """A part is killed with -9."""

    async def kill_it(trial: Trial) -> None:
        killed = await asyncio.to_thread(trial.service.kill_part, part)
        await asyncio.to_thread(trial.service.restarted, part, killed)
        restarted = monotonic()
        name = await trial.shop.place("SERUM-30")
        await trial.shop.work(name)
        trial.ended.add(name)
        trial.recovered.append((part, monotonic() - restarted))

    return kill_it


async def freeze_the_worker(trial: Trial) -> None:
    """It is there and does nothing; what it has begun is begun by nobody else, until its time is over."""
    with suspended(trial.service.part("worker")):
        await asyncio.sleep(trial.dice.uniform(*FROZEN_SECONDS))


async def freeze_the_worker_and_terminate(trial: Trial) -> None:
    """What the worker has in hand belongs to workflows that are gone when it goes on."""
    with suspended(trial.service.part("worker")):
        await terminate(trial)
        await asyncio.sleep(trial.dice.uniform(*FROZEN_SECONDS))


async def terminate(trial: Trial) -> None:
    """Somebody presses the button in Temporal's UI."""

    async def one(handle: WorkflowHandle[object, object], _: Client) -> None:
        await handle.terminate("by hand")

    await _each(trial, one)


async def delete(trial: Trial) -> None:
    """Nothing is left of some workflows."""

    async def one(handle: WorkflowHandle[object, object], client: Client) -> None:
        execution = WorkflowExecution(workflow_id=handle.id)
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        await client.workflow_service.delete_workflow_execution(request)

    await _each(trial, one)


async def reset(trial: Trial) -> None:
    """Some workflows go back to a moment of their past."""

    async def one(handle: WorkflowHandle[object, object], client: Client) -> None:
        events = (await handle.fetch_history()).events
        tasks = [event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes")]
        if not tasks:
            return
        request = ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="by hand",
            request_id=f"{handle.id} {monotonic()}",
            workflow_task_finish_event_id=trial.dice.choice(tasks),
        )
        await client.workflow_service.reset_workflow_execution(request)

    await _each(trial, one)


async def _each(trial: Trial, do: Callable[[WorkflowHandle[object, object], Client], Awaitable[None]]) -> None:
    """Do it to the workflows of some orders; one that has ended meanwhile, or never began, is left alone."""
    client = await Client.connect(trial.service.stack.temporal)
    for name in trial.victims():
        with suppress(RPCError):
            await do(client.get_workflow_handle(identifiers.order_workflow_id(name)), client)


async def change_the_network(trial: Trial) -> None:
    """One thing of the network is changed, or changed back."""
    trial.changes ^= {trial.dice.randrange(len(CHANGES))}
    folder = copytree(trial.service.network, trial.folder / f"network-{trial.befell.total()}")
    for number in trial.changes:
        file, old, new = CHANGES[number]
        text = (folder / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (folder / file).write_text(text.replace(old, new, 1))
    async with asyncio.timeout(trial.shop.waits_seconds):
        while True:
            try:
                assert await apply_network(trial.service.stack.database, folder) == []
                return
            except (DatabaseUnreachable, SQLAlchemyError, OSError):
                await asyncio.sleep(POLL_SECONDS)


async def silence_a_node(trial: Trial) -> None:
    """A node that is called takes the call and says nothing."""
    trial.perfumer.gate.clear()
    await asyncio.sleep(trial.dice.uniform(*SILENT_SECONDS))
    trial.perfumer.gate.set()


FAULTS: dict[str, Fault] = {f"kill {part}": kill(part) for part in PARTS} | {
    "freeze the worker": freeze_the_worker,
    "terminate": terminate,
    "freeze the worker and terminate": freeze_the_worker_and_terminate,
    "delete": delete,
    "reset": reset,
    "change the network": change_the_network,
    "silence a node": silence_a_node,
}
