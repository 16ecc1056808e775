"""How long finding a person's orders by mail takes among a hundred thousand, beside reading one order by its primary key.

Both run on a PostgreSQL server of their own, one call after another. Twice they are compared: as statements, the page of found
orders beside the same document read by the order's id; and over HTTP in this process, `POST /orders/search` beside
`GET /orders/{order}`.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

import structlog
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from temporalio.client import Client

from api.app import application
from api.service import assemble
from database import customer, personal
from database.connect import Database
from database.documents import order
from database.sealing import MasterKeys, new_master_key
from domain.customer import SearchRequest, Trait
from embedded.postgres import EmbeddedPostgres
from transactions.prepare import prepare

OPERATOR_KEY = "operator-key-of-the-benchmark"
NOBODY_LISTENS = "127.0.0.1:1"
ORDERS = 100_000
SEED = 20261130


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int
    calls: int
    """Of each kind in one half of a pair."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 1 + 2 * self.pairs


THOROUGH = Plan(pairs=9, calls=300)
QUICK = Plan(pairs=2, calls=20)


@dataclass
class Contest:
    """Milliseconds of one call in each half, by pair."""

    name: str
    searches: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Of each pair."""
        return [search / read for search, read in zip(self.searches, self.reads, strict=True)]


Call = Callable[[int], Awaitable[object]]
"""Asks for the order with this number."""


async def run(directory: Path, plan: Plan, say: Callable[[str], None]) -> list[Contest]:
    """Fill a server of its own with orders, then search and read in turn."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory()
    )  # a line for each request would hide the figures
    say(f"filling in {ORDERS:,} orders")
    with EmbeddedPostgres(directory / "search") as server:
        keys = MasterKeys.parse(new_master_key())
        await prepare(server.url, Path("network/example"), OPERATOR_KEY, master_keys=keys)
        database = Database(server.url, keys)
        await _fill(database)
        found = [
            await _contest("statement", _statement(database), _by_primary_key(database), plan, say),
            await _over_http(database, plan, say),
        ]
        await database.close()
    return found


async def _fill(database: Database) -> None:
    async with database.write() as connection:
        common = await personal.common_key(connection)
        digests = [customer.digest(common, Trait.EMAIL, _mail(number)) for number in range(ORDERS)]
        await connection.execute(FILL_ORDERS, {"orders": ORDERS})
        await connection.execute(FILL_LINES)
        await connection.execute(FILL_KEYS, {"digests": digests})
    async with database.at_once() as connection:
        await connection.execute(text("VACUUM ANALYZE"))


FILL_ORDERS = text(
    """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window, version)
    SELECT 'web-' || n, 'web', n, '', at, at, 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, at, '30 days', 1
    FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(0, CAST(:orders AS int) - 1) n) made
    """
)
FILL_LINES = text(
    """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
    SELECT order_id, '1', 0, 'SERUM-30', 1, 0, 1, 1 FROM orders
    """
)
FILL_KEYS = text(
    """
    INSERT INTO personal.customer_key (digest, received_at, order_id)
    SELECT d.digest, o.received_at, o.order_id
    FROM unnest(CAST(:digests AS bytea[])) WITH ORDINALITY AS d(digest, n) JOIN orders o ON o.order_id = 'web-' || d.n - 1
    """
)


BY_PRIMARY_KEY = text(order.LISTED.format(page="SELECT o.* FROM orders o WHERE o.order_id = :order"))
"""What the search shows of an order, read by the order's id."""


def _mail(number: int) -> str:
    return f"customer-{number}@example.org"


def _statement(database: Database) -> Call:
    async def search(number: int) -> object:
        async with database.read() as connection:
            digest = await customer.looked_for(connection, SearchRequest(email=_mail(number)))
            (one,) = await order.of_customer(connection, digest, after=None, limit=51)
            return one

    return search


def _by_primary_key(database: Database) -> Call:
    async def read(number: int) -> object:
        async with database.read() as connection:
            return (await connection.execute(BY_PRIMARY_KEY, {"order": f"web-{number}"})).scalar_one()

    return read


async def _over_http(database: Database, plan: Plan, say: Callable[[str], None]) -> Contest:
    service = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    transport = ASGITransport(app=application(service))
    async with AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http:

        async def search(number: int) -> object:
            return _granted(await http.post("/orders/search", json={"email": _mail(number)}))

        async def read(number: int) -> object:
            return _granted(await http.get(f"/orders/web-{number}"))

        return await _contest("over HTTP", search, read, plan, say)


def _granted(answer: Response) -> object:
    assert answer.status_code == 200, answer.text
    return answer


async def _contest(name: str, search: Call, read: Call, plan: Plan, say: Callable[[str], None]) -> Contest:
    contest, random = Contest(name), Random(SEED)
    await _timed(search, random, plan.calls)
    await _timed(read, random, plan.calls)
    for pair in range(plan.pairs):
        say(f"{name}: pair {pair + 1}")
        halves = [(search, contest.searches), (read, contest.reads)]
        for call, times in halves if pair % 2 == 0 else halves[::-1]:
            times.append(await _timed(call, random, plan.calls))
    return contest


async def _timed(call: Call, random: Random, calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        await call(random.randrange(ORDERS))
    return 1000 * (time.perf_counter() - began) / calls


def lines(found: list[Contest]) -> Iterator[str]:
    """The figures as text, the ratio first."""
    for contest in found:
        ratios = contest.ratios
        yield (
            f"search by mail : read by primary key, {contest.name} = {median(ratios):.2f}"
            f" ({min(ratios):.2f}–{max(ratios):.2f});"
            f" {median(contest.searches):.2f} against {median(contest.reads):.2f} ms, {ORDERS:,} orders"
        )
