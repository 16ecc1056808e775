"""Reservations per second through `Carts.pin`, against one plain row-locked transaction for each.

Both write the same ledger on the same server, with `fsync` on. Ours keeps the cart and its units beside it, and compares safety
stock, stops, offers and what is kept back; the plain transaction does none of that. `pgbench` makes it for many callers; for
one caller alone the same driver makes it too, since there a Python program and a C program differ most.
"""

import asyncio
import random
import re
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import text

from benchmarks import large_network
from benchmarks.large_network import LargeNetwork
from benchmarks.meters import flush_milliseconds
from database.cart import Cart
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from database.stock import Claim
from domain.stock import Movement, MovementKind
from embedded.account import server_account
from embedded.binaries import postgres_programs
from embedded.postgres import EmbeddedPostgres
from transactions.cart import Carts
from transactions.network import Networks
from transactions.prepare import prepare

NODE = "slc"
STOCK_ROWS = 1_000_000
SPREAD = 100_000
"""The stock rows that the callers of the uniform load ask for."""
CALLERS = 64
UNITS = 1_000_000_000_000
HOLDS_FOR = timedelta(days=1)

FILL = text(
    """
    WITH filled AS (
        INSERT INTO stock (node, sku, on_hand) SELECT :node, 'SKU-' || n, :units FROM generate_series(1, :rows) n
        RETURNING node, sku, on_hand)
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
    SELECT 'filled|' || sku, node, sku, 'received', on_hand, 0, 0, 'filled', 'benchmark', now() FROM filled
    """
)

SCRIPT = r"""
\set n random(1, {rows})
BEGIN;
SELECT on_hand - reserved - allocated FROM stock WHERE node = '{node}' AND sku = 'SKU-' || :n FOR UPDATE;
UPDATE stock SET reserved = reserved + 1 WHERE node = '{node}' AND sku = 'SKU-' || :n;
INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
VALUES (gen_random_uuid()::text, '{node}', 'SKU-' || :n, 'reserved', 0, 1, 0, 'yardstick', 'pgbench', now());
COMMIT;
"""
"""The careful transaction without batches: lock, look, count, book."""

PLAIN = [
    text("SELECT on_hand - reserved - allocated FROM stock WHERE node = :node AND sku = :sku FOR UPDATE"),
    text("UPDATE stock SET reserved = reserved + 1 WHERE node = :node AND sku = :sku"),
    text(
        "INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at) "
        "VALUES (gen_random_uuid()::text, :node, :sku, 'reserved', 0, 1, 0, 'yardstick', 'driver', now())"
    ),
]
"""The same transaction for the driver."""

SCANS = text(
    """
    SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('stock', 'movement', 'cart', 'cart_unit', 'waiting')
    """
)

_numbers: Iterator[int] = count(1)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int
    seconds: float
    orders: int
    """In a network of ten thousand nodes."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 2 + 4 * self.pairs


THOROUGH = Plan(7, 4.0, 50)
QUICK = Plan(1, 1.0, 3)

PerSecond = Callable[[], Awaitable[float]]
"""Runs a load, and answers how many reservations it made a second."""


@dataclass(frozen=True)
class Contest:
    """Ours against a yardstick, in alternating pairs of reservations per second."""

    name: str
    yardstick_name: str
    ours: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours for each of the yardstick's."""
        return [mine / theirs for mine, theirs in zip(self.ours, self.yardstick, strict=True)]


@dataclass(frozen=True)
class Reservations:
    """Everything that the contests have found."""

    contests: list[Contest]
    scanned: int
    """Sequential scans of any table of the claim while carts were pinned with a million stock rows; indexes make it 0."""
    flush_milliseconds: float
    large: LargeNetwork


async def run(directory: Path, plan: Plan, say: Callable[[str], None]) -> Reservations:
    """Fill a server of its own with stock, then let both reserve in turn: one hot SKU, many SKUs, and one caller alone."""
    say("filling a million rows of stock")
    with EmbeddedPostgres(directory / "reservations") as server:
        keys = MasterKeys.parse(new_master_key())
        await prepare(server.url, Path("network/example"), None, master_keys=keys)
        database = Database(server.url, keys)
        async with database.write() as connection:
            await connection.execute(FILL, {"node": NODE, "units": UNITS, "rows": STOCK_ROWS})
        seconds, pgbench = plan.seconds, _Pgbench(server.url, directory)
        contests = []
        for name, yardstick_name, rows, callers, yardstick in (
            ("one hot SKU, 64 callers", "pgbench", 1, CALLERS, partial(pgbench.per_second, 1, CALLERS, seconds)),
            (
                "100,000 SKUs, 64 callers",
                "pgbench",
                SPREAD,
                CALLERS,
                partial(pgbench.per_second, SPREAD, CALLERS, seconds),
            ),
            ("one caller alone", "the same driver", 1, 1, partial(_plain, database, seconds)),
            ("one caller alone", "pgbench", 1, 1, partial(pgbench.per_second, 1, 1, seconds)),
        ):
            contest = Contest(name, yardstick_name)
            await _compete(contest, partial(_ours, database, rows, callers, seconds), yardstick, plan.pairs, say)
            contests.append(contest)
        scanned = await _scanned(server.url)
        say("planning among ten thousand nodes")
        large = await large_network.run(database, plan.orders)
        await database.close()
        return Reservations(contests, scanned, flush_milliseconds(directory), large)


async def _scanned(url: str) -> int:
    """Counted by connections of its own, which report what they have done when they are closed."""
    before = await _scans(url)
    database = Database(url)
    await _ours(database, SPREAD, CALLERS, 1.0)
    await database.close()
    await asyncio.sleep(1)
    return await _scans(url) - before


async def _scans(url: str) -> int:
    database = Database(url)
    async with database.read() as connection:
        found: int = (await connection.execute(SCANS)).scalar_one()
    await database.close()
    return found


async def _compete(
    contest: Contest, ours: PerSecond, yardstick: PerSecond, pairs: int, say: Callable[[str], None]
) -> None:
    """The load that goes first changes with each pair."""
    for pair in range(1, pairs + 1):
        say(f"reservations, {contest.name}: pair {pair} of {pairs}")
        turns = [(contest.ours, ours), (contest.yardstick, yardstick)]
        for figures, turn in turns if pair % 2 else reversed(turns):
            figures.append(await turn())


async def _ours(database: Database, rows: int, callers: int, seconds: float) -> float:
    """Callers that repeat as soon as they get an answer; each cart is one unit."""
    carts = Carts(database, Networks())
    end = time.perf_counter() + seconds
    granted = await asyncio.gather(*(_caller(carts, rows, end) for _ in range(callers)))
    return sum(granted) / seconds


async def _caller(carts: Carts, rows: int, end: float) -> int:
    granted = 0
    while time.perf_counter() < end:
        granted += await carts.pin(*_cart_and_claim(f"SKU-{random.randint(1, rows)}"))
    return granted


def _cart_and_claim(sku: str) -> tuple[Cart, Claim]:
    now, cart_id = datetime.now(UTC), f"cart-{next(_numbers)}"
    cart = Cart(cart_id, "web", "benchmark", None, "", {}, now, now + HOLDS_FOR)
    movement = Movement(MovementKind.RESERVED, NODE, sku, reserved=1)
    return cart, Claim([movement], {(NODE, sku): 0}, f"cart {cart_id}", "benchmark", now)


async def _plain(database: Database, seconds: float) -> float:
    """One caller's plain transactions per second through the same driver."""
    end, made = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        async with database.write() as connection:
            for statement in PLAIN:
                await connection.execute(statement, {"node": NODE, "sku": "SKU-1"})
        made += 1
    return made / seconds


@dataclass(frozen=True)
class _Pgbench:
    """`pgbench` of the same wheel as the server."""

    url: str
    directory: Path

    async def per_second(self, rows: int, callers: int, seconds: float) -> float:
        """Transactions per second of the same load, as `pgbench` counts them. Raises `YardstickFailed`."""
        script = self.directory / "reserve.sql"
        script.write_text(SCRIPT.format(rows=rows, node=NODE))
        where = ("--host", self.url.partition("host=")[2], "--username", "switchyard", "switchyard")
        load = ("--client", str(callers), "--jobs", str(min(2, callers)), "--time", str(max(1, round(seconds))))
        options = ("--no-vacuum", "--protocol", "prepared", "--file", str(script))
        program = postgres_programs(server_account()) / "pgbench"
        running = await asyncio.create_subprocess_exec(program, *load, *options, *where, stdout=PIPE, stderr=PIPE)
        output, failed = await running.communicate()
        found = re.search(rb"tps = ([0-9.]+)", output)
        if found is None:
            raise YardstickFailed(failed.decode().strip())
        return float(found[1])


class YardstickFailed(Exception):
    """`pgbench` failed; the text is its error output."""


def lines(found: Reservations) -> Iterator[str]:
    """The figures as text, the ratio first."""
    for contest in found.contests:
        ratios = contest.ratios
        yield (
            f"reservations : {contest.yardstick_name}, {contest.name} = {median(ratios):.2f}"
            f" ({min(ratios):.2f}–{max(ratios):.2f});"
            f" {median(contest.ours):,.0f} against {median(contest.yardstick):,.0f} per second"
        )
    yield f"{found.scanned} sequential scans on {STOCK_ROWS:,} rows of stock; one WAL flush {found.flush_milliseconds:.2f} ms"
    yield from large_network.lines(found.large)
