"""Orders per second for one item at one node, placed, reserved, released and shipped without Temporal: many callers beside one.

Every order locks the same row of stock three times. So what many callers reach beside a lone one says how long it is locked.
Both run on a PostgreSQL server of their own with `fsync` on, in pairs, each half for the same time.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

from database import network as statements
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from domain import identifiers
from domain.fulfillment import MessageKind, NodeMessage
from domain.order import Address, NewLine, NewOrder
from domain.stock import StockLine, StockMessage, StockMessageKind
from embedded.postgres import EmbeddedPostgres
from network.load import NetworkDocuments
from transactions import fulfillment, order, sourcing, stock
from transactions.fulfillment import ReleaseInput
from transactions.network import Networks
from transactions.prepare import prepare
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions

CALLERS = 64
UNITS = 1_000_000
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
    """Of each half of a pair."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 1 + 2 * self.pairs


THOROUGH = Plan(pairs=7, seconds=8.0)
QUICK = Plan(pairs=1, seconds=1.0)


@dataclass
class HotItem:
    """Orders per second by pair, and what each order of the lone caller took until it was reserved."""

    many: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    placed_milliseconds: list[float] = field(default_factory=list)


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
        await _check(database, shipped)
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
    shipped = 0
    for _ in range(plan.pairs):
        for callers, rates in ((CALLERS, found.many), (1, found.alone)):
            say(f"{callers} callers")
            lives = await _lives(transactions, callers, plan.seconds)
            shipped += len(lives)
            rates.append(len(lives) / plan.seconds)
            if callers == 1:
                found.placed_milliseconds += [1000 * placed for placed in lives]
    return shipped


async def _lives(transactions: OrderTransactions, callers: int, seconds: float) -> list[float]:
    end = time.perf_counter() + seconds
    lives: list[float] = []

    async def caller() -> None:
        while time.perf_counter() < end:
            lives.append(await _life(transactions))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return lives


_numbers = count(1)


async def _life(transactions: OrderTransactions) -> float:
    """One order until it is shipped; the seconds until it was reserved."""
    began, number = time.perf_counter(), next(_numbers)
    new = NewOrder(
        channel="web",
        number=str(number),
        placed_at=datetime.now(UTC),
        currency="USD",
        ship_to=Address(postal_code="80202", country="US"),
        lines=(NewLine(line="1", sku="CHAIR", quantity=1, unit_price=100),),
    )
    name = (await order.take(transactions, new)).state.order
    await sourcing.source(transactions, SourceInput(order=name, round=1, at=datetime.now(UTC)))
    placed = time.perf_counter() - began
    await fulfillment.release(transactions, ReleaseInput(order=name, at=datetime.now(UTC)))
    shipped = NodeMessage(message_id=f"m-{number}", kind=MessageKind.SHIPPED, occurred_at=datetime.now(UTC))
    work = identifiers.fulfillment_order_id(name, 1)
    await fulfillment.record(transactions, work, shipped, node="denver", actor="benchmark")
    return placed


async def _check(database: Database, shipped: int) -> None:
    async with database.read() as connection:
        row = (await connection.exec_driver_sql("SELECT on_hand, reserved, allocated FROM stock")).one()
    if tuple(row) != (UNITS - shipped, 0, 0):
        raise AssertionError(f"{shipped} orders were shipped, and the stock is {tuple(row)}")


def lines(found: HotItem) -> Iterator[str]:
    """The figures as text, the ratio first."""
    ratios = [many / alone for many, alone in zip(found.many, found.alone, strict=True)]
    yield (
        f"hot item : {CALLERS} callers, 1 caller = {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f});"
        f" {median(found.many):,.0f} against {median(found.alone):,.0f} orders per second"
    )
    yield f"a lone caller's order is reserved after {median(found.placed_milliseconds):.1f} ms in the median"
