"""The cost of a silent node to the orders of other nodes, and of a node that says too much to the worker's memory.

Orders for a node that is called are placed at a steady pace, and beside them standard orders, which another node fills. In one
turn the called node answers at once; in the next one it takes each connection and says nothing. What counts is how long the
standard orders take to be answered with their promise and to be released to their node. In a third turn the called node answers
with a body without an end, while the worker's memory is read.
"""

import asyncio
import re
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from math import ceil
from statistics import median

from httpx2 import AsyncClient
from sqlalchemy import TextClause, text

from api.service import Service
from benchmarks.bench import assembled
from benchmarks.http_life import LOOK_AGAIN_SECONDS, NotPlaced, fulfillment_order_id, standard_order
from benchmarks.stack import Stack
from benchmarks.waiting import megabytes_of_the_worker
from database.connect import Database
from database.sealing import MasterKeys
from domain.stock import StockLine, StockMessage, StockMessageKind
from embedded.ports import LOOPBACK, free_port
from transactions import stock
from transactions.prepare import apply_network

CALLED_NODE = "nwk"
ITS_SKU = "CANDLE-220"
"""Only the called node has it."""
SECRET = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
PACE_SECONDS = 0.25
"""An order for the called node each time; a standard order every second time."""
RELEASED_WITHIN_SECONDS = 120.0
LARGE_CHUNK = b"x" * 65_536
RELEASED = text("SELECT count(*) FROM fulfillment_order WHERE fulfillment_order_id = :fulfillment_order")
UNSENT = text("SELECT count(*) FROM fulfillment_order WHERE node = :node AND request = 'unsent'")

_numbers: Iterator[int] = count(1)


@dataclass(frozen=True)
class Plan:
    """How many orders there are for the called node in each turn, how many pairs of turns, and how many large answers."""

    orders: int
    pairs: int
    large_answers: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 3 + 2 * self.pairs + 1


THOROUGH = Plan(1_000, 3, 100)
QUICK = Plan(10, 1, 5)


@dataclass(frozen=True)
class Turn:
    """Seconds of the standard orders of a turn."""

    placed: list[float] = field(default_factory=list)
    released: list[float] = field(default_factory=list)
    """From the placing until their node has the work."""


@dataclass(frozen=True)
class Found:
    """The turns with the node answering and silent, in pairs; megabytes of the worker before large answers and at most."""

    pairs: list[tuple[Turn, Turn]]
    calls: int
    """Calls that the silent node got, in all turns."""
    before: float
    at_most: float


@dataclass
class Node:
    """The interface of the called node."""

    port: int
    is_silent: bool = False
    says_much: bool = False
    calls: int = 0
    _silence: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer a call, or do not."""
        self.calls += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.is_silent:
                await self._silence.wait()
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while self.says_much:
                writer.write(LARGE_CHUNK)
                await writer.drain()
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has heard enough
        finally:
            writer.close()

    def speak(self) -> None:
        """End the silence, also of calls that wait."""
        self.is_silent = False
        self._silence.set()

    def be_silent(self) -> None:
        """Say nothing from now on."""
        self.is_silent = True
        self._silence = asyncio.Event()


async def run(stack: Stack, plan: Plan, say: Callable[[str], None]) -> Found:
    """Take the turns, then read the worker's memory during large answers."""
    async with assembled(stack, say) as (service, http), _called_node(stack, service) as node:
        say("warming up")
        await _turn(service.database, http, max(plan.orders // 20, 2))
        pairs, calls = [], 0
        for number in range(1, plan.pairs + 1):
            say(f"pair {number}: the node answers")
            node.speak()
            await _until_all_are_called(service.database)
            answering = await _turn(service.database, http, plan.orders)
            say(f"pair {number}: the node is silent")
            node.be_silent()
            before = node.calls
            pairs.append((answering, await _turn(service.database, http, plan.orders)))
            calls += node.calls - before
        say("the node says too much")
        node.speak()
        await _until_all_are_called(service.database)
        node.says_much = True
        return Found(pairs, calls, *await _memory(stack, service.database, http, plan.large_answers))


@asynccontextmanager
async def _called_node(stack: Stack, service: Service) -> AsyncIterator[Node]:
    """A node with stock of its own that is called from now on."""
    node = Node(free_port())
    nodes = stack.directory / "network" / "nodes.toml"
    called = f'dispatch = "webhook"\nurl = "http://{LOOPBACK}:{node.port}/"\nsecret = "{SECRET}"'
    nodes.write_text(re.sub(r'^dispatch = "pull".*$', called, nodes.read_text(), count=1, flags=re.MULTILINE))
    mistakes = await apply_network(stack.postgres.url, nodes.parent, keys=MasterKeys.parse(stack.master_key))
    assert not mistakes, mistakes
    lines = (StockLine(sku=ITS_SKU, quantity=1_000_000),)
    received = StockMessage(
        message_id="its-stock",
        node=CALLED_NODE,
        kind=StockMessageKind.RECEIVED,
        occurred_at=datetime.now(UTC),
        lines=lines,
    )
    await stock.record(service.transactions, received, actor="benchmark")
    server = await asyncio.start_server(node.answer, LOOPBACK, node.port)
    try:
        yield node
    finally:
        node.says_much = False
        node.speak()
        server.close()


async def _turn(database: Database, http: AsyncClient, orders: int) -> Turn:
    """Place this many orders for the called node at a steady pace, and half as many standard orders between them."""
    turn, begin = Turn(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(orders):
            await asyncio.sleep(begin + number * PACE_SECONDS - time.perf_counter())
            group.create_task(_place(http, next(_numbers), ITS_SKU))
            if number % 2:
                group.create_task(_measure(database, http, turn))
    return turn


async def _measure(database: Database, http: AsyncClient, turn: Turn) -> None:
    """A standard order, until its node has the work."""
    number, began = next(_numbers), time.perf_counter()
    await _place(http, number)
    turn.placed.append(time.perf_counter() - began)
    async with asyncio.timeout(RELEASED_WITHIN_SECONDS):
        name = fulfillment_order_id(number)
        while not await _number(database, RELEASED, fulfillment_order=name):  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_AGAIN_SECONDS / 5)
    turn.released.append(time.perf_counter() - began)


async def _place(http: AsyncClient, number: int, sku: str | None = None) -> None:
    body = standard_order(number)
    if sku is not None:
        body["lines"] = [{"line": "1", "sku": sku, "quantity": 1, "unit_price": 1900}]
    answer = await http.post("/orders", json=body, timeout=RELEASED_WITHIN_SECONDS)
    if answer.status_code not in (201, 202):
        raise NotPlaced(answer.text)


async def _until_all_are_called(database: Database) -> None:
    """Wait until the node has taken every call; the last of them come five minutes after the end of its silence."""
    while await _number(database, UNSENT, node=CALLED_NODE):  # noqa: ASYNC110 - another process
        await asyncio.sleep(1.0)


async def _memory(stack: Stack, database: Database, http: AsyncClient, answers: int) -> tuple[float, float]:
    """The worker's memory before large answers, and the most that it had until all of them were over."""
    before = at_most = megabytes_of_the_worker(stack)
    async with asyncio.TaskGroup() as group:
        for _ in range(answers):
            group.create_task(_place(http, next(_numbers), ITS_SKU))
    await asyncio.sleep(1.0)
    while await _number(database, UNSENT, node=CALLED_NODE):
        at_most = max(at_most, megabytes_of_the_worker(stack))
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return before, max(at_most, megabytes_of_the_worker(stack))


async def _number(database: Database, statement: TextClause, **parameters: str) -> int:
    async with database.at_once() as connection:
        return int((await connection.execute(statement, parameters)).scalar_one())


def lines(found: Found) -> Iterator[str]:
    """The figures as text."""
    for what in ("placed", "released"):
        answering = [getattr(pair[0], what) for pair in found.pairs]
        silent = [getattr(pair[1], what) for pair in found.pairs]
        ratios = [p99(theirs) / p99(ours) for ours, theirs in zip(answering, silent, strict=True)]
        yield f"other orders {what}, p99 beside a silent node : beside the same one answering = {_spread(ratios)}"
        for name, turns in (("answering", answering), ("silent", silent)):
            all_of_them = [1000 * seconds for turn in turns for seconds in turn]
            yield f"  {name}: {median(all_of_them):.0f} ms median, {p99(all_of_them):.0f} ms p99 of {len(all_of_them)}"
    yield f"the silent node got {found.calls} calls"
    yield f"memory of the worker: {found.before:.0f} MB before answers without an end, {found.at_most:.0f} MB at most"


def _spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}), {len(ratios)} pairs"


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile, rounded up to a measured value."""
    return sorted(seconds)[ceil(len(seconds) * 0.99) - 1]
