"""What a promise over HTTP costs, against its plan alone: 5 lines among 20 nodes, in turns in one process.

The request goes through the whole interface, from the bytes of its body to those of its answer. The server that reads them from
a socket and PostgreSQL are not counted; the line of the log is made as in production, but not written. The plan alone is the
planner's call for the same cart with everything that it needs in memory.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from asyncpg.connection import LoggedQuery
from sqlalchemy import event, text
from temporalio.client import Client

from api import access
from api.app import application
from api.service import assemble
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from domain.cart import PromiseRequest
from domain.sourcing import OrderFacts, plan
from domain.sourcing.facts import weight_kg
from domain.sourcing.new_order import rule_lines
from embedded.postgres import EmbeddedPostgres
from network.geography import locate
from runtime import logs
from transactions.network import Networks
from transactions.prepare import prepare
from transactions.promise import decide_for, plans

NODES = 20
LINES = 5
OPERATOR_KEY = "operator-key-of-the-benchmark"
NOBODY = "127.0.0.1:1"
NODE = """
[[node]]
id = "n{number}"
kind = "{kind}"
country = "US"
latitude = {latitude}
longitude = {longitude}
time_zone = "America/Denver"
holidays = "US-CO"
"""
POLICY = """
version = "twenty nodes"
[sets]
dcs = 'node.kind == "dc"'
all = "true"
[[strategy]]
id = "b2b"
when = 'order.channel == "b2b"'
[[strategy.tier]]
from = ["dcs"]
[[strategy]]
id = "cheapest"
when = "true"
require = "node.distance_km <= 3500.0"
[[strategy.tier]]
from = ["all"]
[[strategy.tier]]
from = ["all"]
max_shipments = 3
split_line = true
[[strategy.cost]]
per = "shipment"
amount = "500.0 + 0.4 * node.distance_km"
[[strategy.cost]]
per = "kg"
amount = "30.0"
"""
FILL = text(
    """
    INSERT INTO stock (node, sku, on_hand)
    SELECT 'n' || node, 'S-' || sku, CASE WHEN (node * 7 + sku * 3) % 4 = 0 THEN 1 ELSE 5 END
    FROM generate_series(0, :nodes - 1) AS node CROSS JOIN generate_series(1, :skus) AS sku
    """
)
BODY = {
    "channel": "web",
    "service": "standard",
    "ship_to": {"country": "US", "region": "CO", "postal_code": "80202"},
    "lines": [{"line": str(n), "sku": f"S-{n}", "quantity": 2, "unit_price": 4900} for n in range(1, LINES + 1)],
}


@dataclass(frozen=True)
class Plan:
    """How many turns there are of each, and how many calls in a turn."""

    pairs: int
    calls: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 1 + self.pairs


THOROUGH = Plan(9, 200)
QUICK = Plan(1, 5)


@dataclass
class Promises:
    """Processor milliseconds of a call, by turn; and the statements of one request, none of which locks or writes."""

    requests: list[float] = field(default_factory=list)
    plans: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    """Of plans that read what they need from PostgreSQL."""
    keys: list[float] = field(default_factory=list)
    """Of finding the holder of the request's key, which every request does."""
    statements: list[str] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """What a request costs for each plan alone, by turn."""
        return [mine / alone for mine, alone in zip(self.requests, self.plans, strict=True)]

    @property
    def ratios_without_key(self) -> list[float]:
        """As `ratios`, without what finding the key's holder costs."""
        turns = zip(self.requests, self.keys, self.plans, strict=True)
        return [(mine - key) / alone for mine, key, alone in turns]


async def run(directory: Path, wanted: Plan, say: Callable[[str], None]) -> Promises:
    """Ask for the same promise again and again, and plan it alone in between."""
    say("filling the stock of twenty nodes")
    logs.configure()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    network, found = write_network(directory), Promises()
    with EmbeddedPostgres(directory / "promises") as server:
        keys = MasterKeys.parse(new_master_key())
        await prepare(server.url, network, OPERATOR_KEY, master_keys=keys)
        database = Database(server.url, keys)
        async with database.write() as connection:
            await connection.execute(FILL, {"nodes": NODES, "skus": LINES})
            await connection.execute(text("ANALYZE stock"))
        app = application(assemble(database, await Client.connect(NOBODY, lazy=True)))
        alone = await _plan_alone(database, app.state.service.networks)
        read = _plan_from_the_database(database, app.state.service.networks)
        await _ask(app)  # it loads the network
        found.statements = await _statements(database, app)
        for pair in range(1, wanted.pairs + 1):
            say(f"promises: pair {pair} of {wanted.pairs}")
            found.requests.append(await _spent(wanted.calls, lambda: _ask(app)))
            found.plans.append(await _spent(wanted.calls, alone))
            found.reads.append(await _spent(wanted.calls, read))
            found.keys.append(await _spent(wanted.calls, lambda: _find_holder(app)))
        await database.close()
    return found


def write_network(directory: Path) -> Path:
    """Write the files of a network of twenty nodes; answers their folder."""
    folder = directory / "twenty-nodes"
    folder.mkdir()
    nodes = "".join(
        NODE.format(
            number=n, kind="dc" if n % 4 == 0 else "store", latitude=30 + n % 5 * 4, longitude=-120 + n // 5 * 12
        )
        for n in range(NODES)
    )
    items = "".join(f"S-{n},Item {n},{n * 200},0,\n" for n in range(1, LINES + 1))
    (folder / "nodes.toml").write_text(nodes)
    (folder / "policy.toml").write_text(POLICY)
    (folder / "items.csv").write_text("sku,name,weight_g,safety_stock,components\n" + items)
    return folder


async def _plan_alone(database: Database, networks: Networks) -> Callable[[], Awaitable[None]]:
    """Plans the cart with the situation that a request has read."""
    body = PromiseRequest.model_validate(BODY)
    async with database.read() as connection:
        _, network = await networks.active(connection)
        decided = await decide_for(connection, network, body, "standard", datetime.now(UTC))
    to = body.ship_to
    facts = OrderFacts(
        channel=body.channel,
        service="standard",
        country=to.country,
        region=to.region or "",
        postal_code=to.postal_code or "",
        place=locate(to.locality),
        value=body.value,
        units=sum(line.quantity for line in body.lines),
        weight_kg=weight_kg(network, decided.basis.wanted),
        lines=rule_lines(body.lines, network),
    )

    async def again() -> None:
        plan(facts, decided.basis.wanted, decided.basis.situation)

    await again()
    return again


def _plan_from_the_database(database: Database, networks: Networks) -> Callable[[], Awaitable[None]]:
    """Plans the cart with what it reads for that: the active network and the stock."""
    body = PromiseRequest.model_validate(BODY)

    async def again() -> None:
        await plans(database, networks, body, datetime.now(UTC))

    return again


def _request(sent: bytes) -> dict[str, Any]:
    """A request with this body, as the server of HTTP describes it."""
    headers = [(b"authorization", f"Bearer {OPERATOR_KEY}".encode()), (b"content-type", b"application/json")]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/promises",
        "raw_path": b"/promises",
        "root_path": "",
        "query_string": b"",
        "headers": [*headers, (b"content-length", str(len(sent)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }


async def _find_holder(app: Any) -> None:
    await access.holder_of(_request(b"") | {"app": app})


async def _ask(app: Any) -> None:
    """One request, as the server of HTTP hands it over."""
    sent = json.dumps(BODY).encode()
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    await app(_request(sent), receive, send)
    if answers[0]["status"] != 200:
        raise AssertionError(answers)


async def _statements(database: Database, app: Any) -> list[str]:
    """What a request sends to PostgreSQL: SQLAlchemy's statements, and those that go below it, such as `BEGIN` and `COMMIT`."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    def note_below(query: LoggedQuery) -> None:
        asked.append(query.query)

    def watch(connection: Any, *_: Any) -> None:
        connection.driver_connection.add_query_logger(note_below)

    def leave(connection: Any, *_: Any) -> None:
        connection.driver_connection.remove_query_logger(note_below)

    engine = database.engine.sync_engine
    listeners: list[tuple[Any, str, Any]] = [
        (engine, "before_cursor_execute", note),
        (engine, "checkout", watch),
        (engine, "checkin", leave),
    ]
    for listener in listeners:
        event.listen(*listener)
    await _ask(app)
    await asyncio.sleep(0)  # the driver tells of a query a moment after it
    for listener in listeners:
        event.remove(*listener)
    return asked


async def _spent(calls: int, call: Callable[[], Awaitable[None]]) -> float:
    """Processor milliseconds of this process, threads included, for a call."""
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) * 1000 / calls


def lines(found: Promises) -> Iterator[str]:
    """The figures as text."""
    yield (
        f"a promise over HTTP, {LINES} lines among {NODES} nodes: {median(found.requests):.2f} ms of processor time,"
        f" its plan alone {median(found.plans):.2f} ms ({median(found.reads):.2f} with what it reads from PostgreSQL):"
        f" {_of(found.ratios)} times; {_of(found.ratios_without_key)} without the {median(found.keys):.2f} ms in which the key"
        f" is found; {len(found.statements)} statements"
    )


def _of(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
