"""What a page of the console costs with 100,000 orders, 1,000,000 stock levels and 10,000 open exceptions.

On a PostgreSQL server of its own every page is opened in this process, from the request to its last byte. It says how many
statements a page sends, how long it takes against the sum of its statements, how large it is, and which large table a statement
reads from one end to the other: PostgreSQL's own plan of each statement says so.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import structlog
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import event, text
from temporalio.client import Client

from api.app import application
from api.service import assemble
from benchmarks.console_rows import STATEMENTS, fill, write_network
from console.app import with_console
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from embedded.postgres import EmbeddedPostgres
from transactions.prepare import prepare

OPERATOR_KEY = "operator-key-of-the-benchmark"
NOBODY_LISTENS = "127.0.0.1:1"
STATEMENTS_MAX = 8
BYTES_MAX = 100_000
LARGE = 2_000
"""Rows of a table that nobody should read from one end to the other for a page."""
WHOLE = frozenset({"waiting"})
"""Read whole all the same: it has what waits now and nothing else, and its sequence is by what the orders say."""

OF_OPERATORS = (
    "exceptions",
    "exceptions?code=surplus",
    "exceptions?node=n7&older_than=1d",
    "exceptions/act?act=assign&exception=web-4-e1&exception=web-5-e1",
    "orders",
    "orders?status=on_hold",
    "orders?status=backordered",
    "orders?status=delivered&node=n7",
    "orders?sku=L-7",
    "orders?reference=%23500",
    "orders?needs_attention=yes",
    "orders/web-4",
    "orders/web-4/hold?hold=fraud",
    "waiting",
    "waiting?hold=fraud",
    "returns",
    "returns?status=any&node=n1",
    "returns?order=web-90001",
    "transfers",
    "transfers?from=n1&to=n2",
    "transfers/T0",
    "nodes",
    "nodes/n1/pause",
    "counts/n1?sku=L-7",
    "stock?sku=number",
    "stock/L-7",
    "filters",
    "connections",
    "policy",
)
OF_A_NODE = ("store", "store/web-4-f1", "store/transfers", "store/count")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    orders: int
    stock_levels: int
    exceptions: int
    calls: int
    """Of each page."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return len(STATEMENTS) + 1 + len(OF_OPERATORS) + len(OF_A_NODE)


THOROUGH = Plan(orders=100_000, stock_levels=1_000_000, exceptions=10_000, calls=15)
QUICK = Plan(orders=20_000, stock_levels=50_000, exceptions=2_000, calls=3)


@dataclass
class Page:
    """What one page costs."""

    path: str
    statements: int = 0
    size: int = 0
    """Bytes of the page, uncompressed."""
    page_ms: list[float] = field(default_factory=list)
    statements_ms: list[float] = field(default_factory=list)
    """By call: the sum over its statements."""
    read_whole: list[str] = field(default_factory=list)
    """Large tables that a statement reads from one end to the other."""

    @property
    def ratio(self) -> float:
        """How much longer the page takes than its statements."""
        return median(page / sent for page, sent in zip(self.page_ms, self.statements_ms, strict=True))

    @property
    def faults(self) -> list[str]:
        """What is not as it must be."""
        found = [f"reads all of {table}" for table in self.read_whole]
        if self.statements > STATEMENTS_MAX:
            found.append(f"{self.statements} statements")
        if self.size > BYTES_MAX:
            found.append(f"{self.size:,} bytes")
        return found


@dataclass
class Sent:
    """The statements of one page, and how long they took together."""

    texts: list[str] = field(default_factory=list)
    seconds: float = 0.0
    begun: float = 0.0


async def run(directory: Path, plan: Plan, say: Callable[[str], None]) -> list[Page]:
    """Fill a server of its own, then open every page in turn."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory()
    )  # a line for each request would hide the figures
    with EmbeddedPostgres(directory / "console") as server:
        keys = MasterKeys.parse(new_master_key())
        write_network(directory / "network", plan.stock_levels // 100)
        await prepare(server.url, directory / "network", OPERATOR_KEY, master_keys=keys)
        database = Database(server.url, keys)
        await fill(database, plan.orders, plan.stock_levels, plan.exceptions, say)
        found = await _measured(database, plan, say)
        await database.close()
    return found


async def _measured(database: Database, plan: Plan, say: Callable[[str], None]) -> list[Page]:
    service = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))
    app = application(service)
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://switchyard", headers=headers) as http:
        made = await http.post("/keys", json={"kind": "node", "name": "n0"})
    found = []
    for key, paths in ((OPERATOR_KEY, OF_OPERATORS), (made.json()["key"], OF_A_NODE)):
        transport = ASGITransport(app=with_console(app), client=(f"10.0.0.{len(paths)}", 1))
        async with AsyncClient(transport=transport, base_url="http://switchyard", follow_redirects=True) as http:
            (await http.post("/console/login", data={"key": key})).raise_for_status()
            for path in paths:
                say(path)
                found.append(await _page(database, http, path, plan.calls))
    return found


async def _page(database: Database, http: AsyncClient, path: str, calls: int) -> Page:
    page = Page(path)
    for call in range(calls + 1):
        with _noted(database) as sent:
            began = time.perf_counter()
            answer = await http.get(f"/console/{path}")
            took = time.perf_counter() - began
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        if call:  # the first one prepares its statements
            page.page_ms.append(1000 * took)
            page.statements_ms.append(1000 * sent.seconds)
    page.statements, page.size = len(sent.texts), len(answer.content)
    for statement in dict.fromkeys(sent.texts):
        page.read_whole += [table for table in await _read_whole(database, statement) if table not in page.read_whole]
    return page


@contextmanager
def _noted(database: Database) -> Iterator[Sent]:
    """The statements that are sent meanwhile."""
    sent = Sent()

    def begins(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.texts.append(statement)
        sent.begun = time.perf_counter()

    def ends(*_: Any) -> None:
        sent.seconds += time.perf_counter() - sent.begun

    listeners: Mapping[str, Callable[..., None]] = MappingProxyType(
        {"before_cursor_execute": begins, "after_cursor_execute": ends}
    )
    for name, listener in listeners.items():
        event.listen(database.engine.sync_engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listeners.items():
            event.remove(database.engine.sync_engine, name, listener)


async def _read_whole(database: Database, statement: str) -> list[str]:
    """The large tables that PostgreSQL reads from one end to the other for a statement, by the plan that the service uses."""
    if not re.match(r"\s*(SELECT|WITH)", statement):
        return []
    values = ", ".join(["NULL"] * max((int(number) for number in re.findall(r"\$(\d+)", statement)), default=0))
    async with database.read_once() as connection:
        await connection.exec_driver_sql(f"PREPARE explained AS {statement}")
        call = f"explained({values})" if values else "explained"
        plan = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE {call}")
        await connection.exec_driver_sql("DEALLOCATE explained")
        read = [node for node in _nodes(plan.scalar_one()[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
        named = {node["Relation Name"] for node in read} - WHOLE
        rows = await connection.execute(LARGE_ONES, {"names": sorted(named), "large": LARGE})
        return list(rows.scalars())


LARGE_ONES = text(
    "SELECT relname FROM pg_class WHERE relname = ANY(CAST(:names AS text[])) AND reltuples >= :large ORDER BY relname"
)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def lines(found: list[Page]) -> Iterator[str]:
    """The figures as text, a page a line, and what is not as it must be."""
    for page in found:
        faults = f"; {', '.join(page.faults)}" if page.faults else ""
        yield (
            f"{page.path}: {page.statements} statements, {median(page.page_ms):.1f} ms"
            f" ({min(page.page_ms):.1f}–{max(page.page_ms):.1f}), {page.ratio:.2f} times its statements,"
            f" {page.size / 1000:.0f} kB{faults}"
        )
    wrong = sum(bool(page.faults) for page in found)
    yield f"pages of the console: {len(found)}, of which {wrong} are not as they must be"
