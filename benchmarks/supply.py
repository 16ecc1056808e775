"""What announced goods cost: a promise from them beside one from stock, and a slip beside sourcing its orders one by one.

A promise is planned for two carts in turns, among twenty nodes: the items of one are in stock, those of the other have ten
dated rows each and no stock. A slip changes the date of one announcement to which all waiting orders are pegged: each order
gets another promise and an event. It runs in one process, without Temporal, as the job does. The same orders were sourced
before, one by one, in the same process.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event, text

from benchmarks.promises import BODY, FILL, LINES, NODES, write_network
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from domain.cart import PromiseRequest
from domain.order import Address, NewLine, NewOrder
from domain.stock import StockMessage
from embedded.postgres import EmbeddedPostgres
from transactions import order, peg, sourcing, stock
from transactions.network import Networks
from transactions.prepare import prepare
from transactions.promise import plans
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions

ROWS = 10
"""Dated rows of each announced item."""
ANNOUNCED = "A-{number}"
SELLS = 'when = "true"\nunfilled = "backorder"\nsell_incoming = true'
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """How many turns of promises there are with how many calls each, and how many orders a slip touches."""

    pairs: int
    calls: int
    orders: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 4 + self.pairs


THOROUGH = Plan(9, 50, 10_000)
QUICK = Plan(1, 2, 20)


@dataclass
class Supply:
    """What was found."""

    from_stock: list[float] = field(default_factory=list)
    """Processor milliseconds of a promise, by turn."""
    announced: list[float] = field(default_factory=list)
    sourced: float = 0.0
    """Orders in a second, sourced one by one."""
    slipped: float = 0.0
    """Orders in a second that got their new promise."""
    statements: float = 0.0
    """What an order of the slip sends to PostgreSQL."""
    orders: int = 0

    @property
    def ratio(self) -> float:
        """What a promise from announced goods costs for each from stock: the median of the turns."""
        return median(mine / other for mine, other in zip(self.announced, self.from_stock, strict=True))


async def run(directory: Path, wanted: Plan, say: Callable[[str], None]) -> Supply:
    """Plan promises of both kinds in turns, then let goods slip."""
    say("filling the stock of twenty nodes")
    found, network = Supply(orders=wanted.orders), _write_network(directory)
    with EmbeddedPostgres(directory / "supply") as server:
        keys = MasterKeys.parse(new_master_key())
        await prepare(server.url, network, "operator-key-of-the-benchmark", master_keys=keys)
        database = Database(server.url, keys)
        transactions = OrderTransactions(database, Networks())
        async with database.write() as connection:
            await connection.execute(FILL, {"nodes": NODES, "skus": LINES})
        await _announce_all(transactions)
        from_stock, announced = _promise(transactions, "S-{number}"), _promise(transactions, ANNOUNCED)
        for pair in range(1, wanted.pairs + 1):
            say(f"promises: pair {pair} of {wanted.pairs}")
            found.from_stock.append(await _spent(wanted.calls, from_stock))
            found.announced.append(await _spent(wanted.calls, announced))
        await _slip(transactions, wanted.orders, found, say)
        await database.close()
    return found


def _write_network(directory: Path) -> Path:
    folder = write_network(directory)
    policy, items = folder / "policy.toml", folder / "items.csv"
    policy.write_text(policy.read_text().replace('when = "true"', SELLS))
    rows = "".join(f"{ANNOUNCED.format(number=n)},Item {n},{n * 200},0,\n" for n in range(1, LINES + 1))
    items.write_text(f"{items.read_text()}{rows}SLIPS,Item,200,0,\n")
    return folder


async def _announce_all(transactions: OrderTransactions) -> None:
    """Announce a unit of each item in each row: a cart of two needs two rows."""
    for row in range(ROWS):
        units = {ANNOUNCED.format(number=n): 1 for n in range(1, LINES + 1)}
        await _tell(transactions, f"row-{row}", f"n{row * 2}", units, kind="expected", days=5 + row)


async def _tell(
    transactions: OrderTransactions, name: str, node: str, units: dict[str, int], *, days: int, **more: Any
) -> None:
    now = datetime.now(UTC)
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
    body = {"message_id": name, "node": node, "occurred_at": now, "expected_at": now + days * DAY, "lines": lines}
    await stock.record(transactions, StockMessage.model_validate(body | more), actor="benchmark")


def _promise(transactions: OrderTransactions, sku: str) -> Callable[[], Awaitable[None]]:
    """Plans a cart of these items with what it reads for that; every unit must be promised."""
    lines = [
        {"line": str(n), "sku": sku.format(number=n), "quantity": 2, "unit_price": 4900} for n in range(1, LINES + 1)
    ]
    body = PromiseRequest.model_validate({**BODY, "lines": lines})

    async def ask() -> None:
        planned = await plans(transactions.database, transactions.networks, body, datetime.now(UTC))
        promised = planned["standard"]
        if promised.plan.unfilled and not promised.later:
            raise AssertionError("it is not promised")

    return ask


async def _slip(transactions: OrderTransactions, orders: int, found: Supply, say: Callable[[str], None]) -> None:
    """Peg orders to one announcement, and change its date."""
    await _tell(transactions, "slips", "n0", {"SLIPS": orders}, kind="expected", days=10)
    say(f"placing {orders:,} orders")
    names = [await _place(transactions, number) for number in range(orders)]
    say("sourcing them one by one")
    seconds = await _seconds(lambda: _source(transactions, names))
    found.sourced = orders / seconds
    say("promising them what is announced")
    await peg.work_off(transactions)
    async with transactions.database.write() as connection:
        await connection.execute(text("ANALYZE"))
    await _tell(transactions, "slip", "n0", {"SLIPS": orders}, kind="expected_changed", expected="slips", days=30)
    sent: list[str] = []
    event.listen(transactions.database.engine.sync_engine, "before_cursor_execute", lambda *call: sent.append(call[2]))
    found.slipped = orders / await _seconds(lambda: peg.work_off(transactions))
    found.statements = len(sent) / orders
    await _check(transactions, orders)


async def _place(transactions: OrderTransactions, number: int) -> str:
    asked = NewOrder(
        channel="web",
        number=str(number),
        placed_at=datetime.now(UTC),
        currency="USD",
        ship_to=Address(postal_code="80202", country="US", region="CO"),
        lines=(NewLine(line="1", sku="SLIPS", quantity=1, unit_price=100),),
    )
    return (await order.take(transactions, asked)).state.order


async def _source(transactions: OrderTransactions, names: list[str]) -> None:
    for name in names:
        await sourcing.source(transactions, SourceInput(order=name, round=1, at=datetime.now(UTC)))


async def _check(transactions: OrderTransactions, orders: int) -> None:
    async with transactions.database.read() as connection:
        statement = text("SELECT count(*) FROM event WHERE kind = 'promise_changed'")
        changed = (await connection.execute(statement)).scalar_one()
    if changed != orders:
        raise AssertionError(f"{changed} new promises for {orders} orders")


async def _seconds(act: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


async def _spent(calls: int, call: Callable[[], Awaitable[None]]) -> float:
    """Processor milliseconds of this process for a call."""
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) * 1000 / calls


def lines(found: Supply) -> Iterator[str]:
    """The figures as text."""
    yield (
        f"a promise of {LINES} lines among {NODES} nodes: {median(found.from_stock):.2f} ms of processor time from stock,"
        f" {median(found.announced):.2f} ms from {ROWS} dated rows of each item ({found.ratio:.2f} of it)"
    )
    yield (
        f"a slip of {found.orders:,} orders: {found.slipped:.0f} new promises a second, {found.statements:.1f} statements each;"
        f" {found.sourced:.0f} of these orders are sourced in a second ({found.slipped / found.sourced:.1f} times as many)"
    )
