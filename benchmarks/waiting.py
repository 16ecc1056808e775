"""The cost of open orders that only wait: a worker's memory, and the time from a message to its effect on an uncached order.

Orders are placed and released, and each waits for its node. Then their worker is replaced by a new one, which has none of them
in its cache. A node rejects its work: the message is stored and signals the workflow, which is read back from its history,
plans again and releases. The effect is a fulfillment order at another node. When that node rejects too, the worker knows the
order.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import TextClause, text

from api.service import Service
from benchmarks.bench import assembled
from benchmarks.http_life import fulfillment_order_id, standard_order
from benchmarks.lives import node_tells
from benchmarks.loop import LIFE_SECONDS_MAX
from benchmarks.stack import Stack
from database.connect import Database
from domain.fulfillment import MessageKind
from domain.order import NewOrder
from transactions import fulfillment, order
from workflows import client as temporal

AT_ONCE = 24
LOOK_AGAIN_SECONDS = 0.002
RELEASED = text("SELECT count(*) FROM fulfillment_order WHERE fulfillment_order_id = :fulfillment_order")
ALL_RELEASED = text("SELECT count(*) FROM fulfillment_order")
KIB_PER_MIB = 1024
PLACING_SECONDS_MAX = 600.0
"""How long the worker may be behind when the last order was accepted."""


@dataclass(frozen=True)
class Plan:
    """How many orders wait when memory is read, and how many of them then get a message."""

    waiting: tuple[int, ...]
    warm_up: int
    messages: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 3 + len(self.waiting) + 1


THOROUGH = Plan((1_000, 5_000, 10_000), 20, 500)
QUICK = Plan((50, 100, 200), 5, 30)


@dataclass(frozen=True)
class Waiting:
    """What was found: megabytes of the worker by number of waiting orders, and seconds from messages to their effects."""

    megabytes: dict[int, float]
    at_start: float
    restarted: float
    """Megabytes of the new worker after all messages."""
    unknown: list[float]
    known: list[float]


async def run(stack: Stack, plan: Plan, say: Callable[[str], None]) -> Waiting:
    """Let orders wait, read memory, replace the worker and send messages."""
    async with assembled(stack, say) as (service, _):
        at_start, placed = megabytes_of_the_worker(stack), 0
        megabytes: dict[int, float] = {}
        for count in plan.waiting:
            say(f"placing orders until {count:,} wait")
            await _place(service, range(placed, count))
            placed, megabytes[count] = count, megabytes_of_the_worker(stack)
        say("sending messages about orders that the new worker does not know")
        stack.replace_worker()
        chosen = _spread(placed, plan.warm_up + plan.messages)
        for number in chosen[: plan.warm_up]:
            await _reject(service, number, 1)
        unknown, known = [], []
        for number in chosen[plan.warm_up :]:
            unknown.append(await _reject(service, number, 1))
            known.append(await _reject(service, number, 2))
        return Waiting(megabytes, at_start, megabytes_of_the_worker(stack), unknown, known)


def _spread(placed: int, count: int) -> list[int]:
    """Orders from the oldest to the youngest, evenly."""
    return [number * placed // count for number in range(min(count, placed))]


async def _place(service: Service, numbers: Sequence[int]) -> None:
    """Place orders, many at once, and return when all of them wait for their nodes."""
    doors = asyncio.Semaphore(AT_ONCE)

    async def place(number: int) -> None:
        async with doors:
            taken = await order.take(service.transactions, NewOrder.model_validate(standard_order(number)))
            await temporal.start(service.client, taken.input)

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(place(number))
    async with asyncio.timeout(PLACING_SECONDS_MAX):
        while await _number(service.database, ALL_RELEASED) < numbers[-1] + 1:  # noqa: ASYNC110 - another process
            await asyncio.sleep(1.0)


async def _reject(service: Service, order: int, attempt: int) -> float:
    """Let a node reject its work; answers the seconds until another node has it."""
    began = time.perf_counter()
    await fulfillment.record(
        service.transactions,
        fulfillment_order_id(order, attempt),
        node_tells(MessageKind.REJECTED),
        node=None,
        actor="benchmark",
    )
    replacement = fulfillment_order_id(order, attempt + 1)
    async with asyncio.timeout(LIFE_SECONDS_MAX):
        while not await _number(service.database, RELEASED, fulfillment_order=replacement):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return time.perf_counter() - began


async def _number(database: Database, statement: TextClause, **parameters: str) -> int:
    async with database.at_once() as connection:
        return int((await connection.execute(statement, parameters)).scalar_one())


def megabytes_of_the_worker(stack: Stack) -> float:
    """The worker's resident memory."""
    status = Path("/proc", str(stack.processes()["worker"]), "status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / KIB_PER_MIB


def lines(found: Waiting) -> Iterator[str]:
    """The figures as text."""
    waiting = ", ".join(f"{count:,}: {megabytes:.0f} MB" for count, megabytes in found.megabytes.items())
    yield f"waiting orders : memory of their worker = {waiting} (when it started: {found.at_start:.0f} MB)"
    for name, seconds in (("an order in no cache", found.unknown), ("an order that the worker knows", found.known)):
        yield f"message to effect, {name} = {_percentile(seconds, 99):.0f} ms p99, {median(seconds) * 1000:.0f} ms median"
    yield f"{len(found.unknown)} messages each; the worker had {found.restarted:.0f} MB after them"


def _percentile(seconds: Sequence[float], percent: int) -> float:
    """The percentile in milliseconds, rounded up to a measured value."""
    return sorted(seconds)[-(-len(seconds) * percent // 100) - 1] * 1000
