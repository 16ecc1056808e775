"""Orders per second for one item at one node, placed, reserved, released and shipped without Temporal: many callers, whose
first rounds share transactions; the same, each order in its own; and one caller.

Every order locks the same row of stock twice. So what many callers reach beside a lone one says how long it is locked. All run
on a PostgreSQL server of their own with `fsync` on, in turns of the same time: with the disk's own commits, and with commits
that take ten milliseconds, as they do where a replica in another place has to confirm them. On a busy machine only the last
figure says something: the processor time of first rounds in full groups, against the same one after the other.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks import processor
from database import network as statements
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from domain import identifiers
from domain.fulfillment import MessageKind, NodeMessage
from domain.order import Address, NewLine, NewOrder, OrderState
from domain.stock import StockLine, StockMessage, StockMessageKind
from embedded.postgres import EmbeddedPostgres
from network.load import NetworkDocuments
from transactions import first_rounds, fulfillment, order, sourcing, stock
from transactions.gathering import TOGETHER_MAX
from transactions.network import Networks
from transactions.prepare import prepare
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions

CALLERS = 64
UNITS = 1_000_000
ROUNDS = 3 * TOGETHER_MAX
"""First rounds that are made in groups, and as many one by one, for one comparison of processor time."""
SLOW_COMMIT = timedelta(milliseconds=10)
MAP = NetworkDocuments(
    nodes="""
[[node]]
id = "denver"
kind = "dc"
country = "US"
latitude = 39.7
longitude = -105.0
time_zone = "America/Denver"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
accept_within = "4h"
ship_within = "1d"
on_silence = "reroute"
""",
    policy="""
version = "hot item"

[sets]
all = 'node.kind == "dc"'

[[strategy]]
id = "nearest"
when = 'true'
unfilled = "backorder"
rank = ["distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 1

[orders]
max_attempts = 3
grace = "0s"
assume_delivered = "5d"

[returns]
window = "30d"

[transit]
standard = [[20000, 3]]
""",
    items="sku,name,weight_g,safety_stock,components\nCHAIR,Chair,6000,0,\n",
)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int
    seconds: float
    """Of each turn."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 2 + (2 * 3 + 1) * self.pairs


THOROUGH = Plan(pairs=7, seconds=8.0)
QUICK = Plan(pairs=1, seconds=1.0)


@dataclass
class Rates:
    """Orders per second by turn, and what each order of the lone caller took until it was reserved."""

    together: list[float] = field(default_factory=list)
    one_by_one: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    placed_milliseconds: list[float] = field(default_factory=list)


@dataclass
class HotItem:
    """What was measured with the disk's own commits, and with slow ones."""

    usual: Rates = field(default_factory=Rates)
    slow: Rates = field(default_factory=Rates)
    processor: list[float] = field(default_factory=list)
    """Of Python and PostgreSQL for a first round in a group, divided by that for one alone, by pair."""


Source = Callable[[OrderTransactions, SourceInput], Awaitable[OrderState]]


async def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> HotItem:
    """Measure on a server of its own in `folder`; what is on hand is checked in the end."""
    keys = MasterKeys.parse(new_master_key())
    server = EmbeddedPostgres(folder / "postgres")
    found = HotItem()
    try:
        url = server.start()
        say("preparing the database")
        await prepare(url, None, None, master_keys=keys)
        database = Database(url, keys)
        shipped = await _measure(database, plan, say, found)
        await _check(database, plan, shipped)
        await database.close()
    finally:
        server.stop()
    return found


async def _measure(database: Database, plan: Plan, say: Callable[[str], None], found: HotItem) -> int:
    async with database.write() as connection:
        await statements.activate(connection, asdict(MAP), MAP.digest)
    transactions = OrderTransactions(database, Networks())
    received = StockMessage(
        message_id="in-1",
        node="denver",
        kind=StockMessageKind.RECEIVED,
        occurred_at=datetime.now(UTC),
        lines=(StockLine(sku="CHAIR", quantity=UNITS),),
    )
    await stock.record(transactions, received, actor="benchmark")
    for pair in range(plan.pairs + 1):
        say("first rounds")
        ratio = await _processor_ratio(transactions, is_reversed=pair % 2 == 0)
        found.processor += [ratio] if pair else []  # the first one also prepares every statement
    shipped = await _turns(transactions, plan, say, found.usual)
    await _slow_down_commits(database)
    return shipped + await _turns(transactions, plan, say, found.slow)


async def _turns(transactions: OrderTransactions, plan: Plan, say: Callable[[str], None], found: Rates) -> int:
    shipped = 0
    for pair in range(plan.pairs):
        turns = [
            (CALLERS, first_rounds.source, found.together),
            (CALLERS, sourcing.source, found.one_by_one),
            (1, first_rounds.source, found.alone),
        ]
        for callers, source, rates in turns if pair % 2 else reversed(turns):
            say(f"{callers} callers")
            began = time.perf_counter()
            lives = await _lives(transactions, source, callers, plan.seconds)
            shipped += len(lives)
            rates.append(len(lives) / (time.perf_counter() - began))
            if callers == 1:
                found.placed_milliseconds += [1000 * placed for placed in lives]
    return shipped


async def _processor_ratio(transactions: OrderTransactions, *, is_reversed: bool) -> float:
    spent = dict[Callable[..., Awaitable[None]], float]()
    for way in (_one_by_one, _in_groups) if is_reversed else (_in_groups, _one_by_one):
        rounds = [_first_round(await _placed(transactions)) for _ in range(ROUNDS)]
        pids = {"python": os.getpid(), **processor.named_children(os.getpid(), {"postgresql": "postgres"})}
        before = processor.cpu_seconds(pids)
        await way(transactions, rounds)
        spent[way] = sum(processor.difference(processor.cpu_seconds(pids), before).values())
    return spent[_in_groups] / spent[_one_by_one]


async def _in_groups(transactions: OrderTransactions, rounds: list[SourceInput]) -> None:
    for first in range(0, len(rounds), TOGETHER_MAX):
        await first_rounds.source_together(transactions, rounds[first : first + TOGETHER_MAX])


async def _one_by_one(transactions: OrderTransactions, rounds: list[SourceInput]) -> None:
    for one in rounds:
        await sourcing.source(transactions, one)


async def _slow_down_commits(database: Database) -> None:
    """`commit_delay` lets each flush of the log wait, however few transactions are open; those that come meanwhile share it."""
    async with database.at_once() as connection:
        await connection.exec_driver_sql(f"ALTER SYSTEM SET commit_delay = {SLOW_COMMIT // timedelta(microseconds=1)}")
        await connection.exec_driver_sql("ALTER SYSTEM SET commit_siblings = 0")
        await connection.exec_driver_sql("SELECT pg_reload_conf()")


async def _lives(transactions: OrderTransactions, source: Source, callers: int, seconds: float) -> list[float]:
    end = time.perf_counter() + seconds
    lives: list[float] = []

    async def caller() -> None:
        while time.perf_counter() < end:
            lives.append(await _life(transactions, source))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return lives


_numbers = count(1)


async def _life(transactions: OrderTransactions, source: Source) -> float:
    """One order until it is shipped; the seconds until it was reserved."""
    began = time.perf_counter()
    name = await _placed(transactions)
    await source(transactions, _first_round(name))
    placed = time.perf_counter() - began
    shipped = NodeMessage(message_id=f"m-{name}", kind=MessageKind.SHIPPED, occurred_at=datetime.now(UTC))
    work = identifiers.fulfillment_order_id(name, 1)
    await fulfillment.record(transactions, work, shipped, node="denver", actor="benchmark")
    return placed


async def _placed(transactions: OrderTransactions) -> str:
    new = NewOrder(
        channel="web",
        number=str(next(_numbers)),
        placed_at=datetime.now(UTC),
        currency="USD",
        ship_to=Address(postal_code="80202", country="US"),
        lines=(NewLine(line="1", sku="CHAIR", quantity=1, unit_price=100),),
    )
    return (await order.take(transactions, new)).state.order


def _first_round(name: str) -> SourceInput:
    return SourceInput(order=name, round=1, at=datetime.now(UTC), releases=True)


async def _check(database: Database, plan: Plan, shipped: int) -> None:
    async with database.read() as connection:
        row = (await connection.exec_driver_sql("SELECT on_hand, reserved, allocated FROM stock")).one()
    allocated = 2 * ROUNDS * (plan.pairs + 1)
    if tuple(row) != (UNITS - shipped, 0, allocated):
        raise AssertionError(f"{shipped} orders were shipped, and the stock is {tuple(row)}")


def lines(found: HotItem) -> Iterator[str]:
    """The figures as text, the ratio first."""
    for name, rates in (("hot item", found.usual), ("hot item, commits of 10 ms", found.slow)):
        yield f"{name} : {CALLERS} callers, 1 caller = {_ratio(rates.together, rates.alone)}"
        yield f"{name} : {CALLERS} callers, the same one by one = {_ratio(rates.together, rates.one_by_one)}"
        yield f"a lone caller's order is reserved after {median(rates.placed_milliseconds):.1f} ms in the median"
    found_ratios = f"{median(found.processor):.2f} ({min(found.processor):.2f}–{max(found.processor):.2f})"
    yield f"first rounds of {TOGETHER_MAX} orders together : one by one, processor time = {found_ratios}"


def _ratio(many: list[float], others: list[float]) -> str:
    ratios = [one / other for one, other in zip(many, others, strict=True)]
    spread = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    return f"{spread}; {median(many):,.0f} against {median(others):,.0f} orders per second"
