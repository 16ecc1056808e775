"""Runs the blocks: orders and skeletons in turn on the same servers, and after some pairs orders over HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from httpx2 import AsyncClient
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from api.service import Service, assemble
from benchmarks import meters, shape
from benchmarks.http_life import SKUS, HttpLife, Life
from benchmarks.lives import OrderLife, SkeletonLife
from benchmarks.loop import Load, drive, one
from benchmarks.meters import Cost
from benchmarks.processor import cpu_seconds, difference
from benchmarks.stack import Stack, network_with_a_short_window
from database.connect import Database
from database.sealing import MasterKeys
from domain.network import Locality
from domain.stock import StockLine, StockMessage, StockMessageKind
from embedded.ports import LOOPBACK
from network.geography import locate
from runtime.search_attributes import register_search_attributes
from starter.audit import findings_of
from transactions import stock
from transactions.prepare import prepare
from workflows.visibility import SEARCH_ATTRIBUTES

OPERATOR_KEY = "operator-key-of-the-benchmark"
STOCKED_NODES = ("slc", "nwk", "chi")
UNITS = 1_000_000
VISIBLE_AFTER_SECONDS = 0.3
"""Temporal lists a completed workflow a moment after its end."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int
    http_after: frozenset[int]
    """After which pairs, counted from 1, orders over HTTP have their turn."""
    warm_up: Load
    load: Load

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 7 + 2 * self.pairs + len(self.http_after)


THOROUGH = Plan(7, frozenset({2, 4, 6}), Load(24, 1.5, 3.0), Load(24, 1.5, 5.0))
QUICK = Plan(1, frozenset({1}), Load(8, 0.5, 0.5), Load(8, 1.0, 3.0))


@dataclass(frozen=True)
class Block:
    """One turn of one kind of life; costs are those of all its lives together."""

    name: str
    lives: int
    per_second: float
    placed_in: list[float]
    cpu: Mapping[str, float]
    database: Mapping[str, float]
    temporal: list[Cost]


@dataclass(frozen=True)
class Pair:
    """Orders and skeletons one right after the other, and orders over HTTP where they had their turn."""

    orders: Block
    skeletons: Block
    http: Block | None = None

    @property
    def ratio(self) -> float:
        """Orders for each skeleton."""
        return self.orders.per_second / self.skeletons.per_second


@dataclass(frozen=True)
class Results:
    """All results of a run."""

    machine: str
    events: Counter[str]
    """Of one standard order, by type; the skeleton's are the same."""
    pairs: list[Pair]
    violations: int


class DifferentShape(Exception):
    """The skeleton's history differs from the order's, so a ratio would compare two different things."""


async def run(stack: Stack, plan: Plan, say: Callable[[str], None]) -> Results:
    """Prepare everything, warm up, and run all blocks. Raises `DifferentShape`."""
    async with assembled(stack, say) as (service, http):
        say("recording an order's life")
        orders = OrderLife(service)
        recorded = await _recorded(service.client, orders)
        skeletons = SkeletonLife(service.client, shape.read(recorded))
        stack.start_skeleton(skeletons.shape)
        _compare(recorded, await _recorded(service.client, skeletons))
        over_http = HttpLife(http, service.client)
        machine = await meters.machine(service.database, service.client, stack.directory)
        for life in (skeletons, orders, over_http):
            say(f"warming up: {life.name}")
            await drive(life, plan.warm_up)
        turn = _Turn(stack, service, plan.load, say)
        pairs = [await _pair(turn, number, plan, skeletons, orders, over_http) for number in range(1, plan.pairs + 1)]
        say("checking the invariants")
        violations = sum(len(finding.violations) for finding in await findings_of(service.database))
        return Results(machine, shape.histogram(recorded), pairs, violations)


@asynccontextmanager
async def assembled(stack: Stack, say: Callable[[str], None]) -> AsyncIterator[tuple[Service, AsyncClient]]:
    """A prepared database, a worker, the HTTP interface, and this process as the driver of both."""
    say("preparing the database")
    master_keys = MasterKeys.parse(stack.master_key)
    network = network_with_a_short_window(stack.directory)
    await prepare(stack.postgres.url, network, OPERATOR_KEY, master_keys=master_keys)
    client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
    await register_search_attributes(client, SEARCH_ATTRIBUTES)
    database = Database(stack.postgres.url, master_keys)
    await meters.count_statements(database)
    service = assemble(database, client)
    await _stock_up(service)
    locate(Locality("US", "10001"))  # reads the table of the country at its first look-up
    say("starting the worker and the HTTP interface")
    stack.start_worker()
    stack.start_http()
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with AsyncClient(base_url=f"http://{LOOPBACK}:{stack.http_port}", headers=headers) as http:
        yield service, http
    await database.close()


async def _stock_up(service: Service) -> None:
    for node in STOCKED_NODES:
        lines = tuple(StockLine(sku=sku, quantity=UNITS) for sku in SKUS)
        message = StockMessage(
            message_id="stock", node=node, kind=StockMessageKind.RECEIVED, occurred_at=datetime.now(UTC), lines=lines
        )
        await stock.record(service.transactions, message, actor="benchmark")


async def _recorded(client: Client, life: Life) -> WorkflowHistory:
    """The history of a life that ran alone on the servers; the life before it has filled the caches."""
    await one(life)
    return await client.get_workflow_handle(life.workflow_id(await one(life))).fetch_history()


def _compare(orders: WorkflowHistory, skeletons: WorkflowHistory) -> None:
    expected, found = shape.histogram(orders), shape.histogram(skeletons)
    if expected != found:
        raise DifferentShape(f"too few: {dict(expected - found)}, too many: {dict(found - expected)}")


async def _pair(turn: "_Turn", number: int, plan: Plan, skeletons: Life, orders: Life, over_http: Life) -> Pair:
    """The life that goes first changes with each pair, so that neither profits from what the other leaves behind."""
    said = f"pair {number} of {plan.pairs}"
    if number % 2:
        skeleton_block, order_block = await turn.take(skeletons, said), await turn.take(orders, said)
    else:
        order_block, skeleton_block = await turn.take(orders, said), await turn.take(skeletons, said)
    http_block = await turn.take(over_http, said) if number in plan.http_after else None
    return Pair(order_block, skeleton_block, http_block)


@dataclass(frozen=True)
class _Turn:
    """Runs one block and reads every meter before and after it."""

    stack: Stack
    service: Service
    load: Load
    say: Callable[[str], None]

    async def take(self, life: Life, said: str) -> Block:
        self.say(f"{said}: {life.name}")
        began = datetime.now(UTC)
        work, cpu = await meters.database_work(self.service.database), cpu_seconds(self.stack.processes())
        driven = await drive(life, self.load)
        cpu_used = difference(cpu_seconds(self.stack.processes()), cpu)
        work_done = difference(await meters.database_work(self.service.database), work)
        await asyncio.sleep(VISIBLE_AFTER_SECONDS)
        costs = await meters.costs(self.service.client, life.workflow, began)
        return Block(life.name, len(driven.ended_at), driven.per_second(), driven.placed_in, cpu_used, work_done, costs)
