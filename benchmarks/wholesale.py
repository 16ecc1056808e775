"""How fast purchase orders by X12 are read and placed, beside bare splitting of the same file, and `POST /orders` with the same
bodies.

A file of 850s is read in turn with a program that only divides it into segments and elements. Then the orders of a file are
placed on a PostgreSQL server of their own, from the claim of the file in a drop directory until the last order is stored and
acknowledged; and as many orders with the same lines and addresses over HTTP in this process, as many at once. No Temporal runs
for either: an order is stored, and sourced when there is a worker.
"""

import asyncio
import gc
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from temporalio.client import Client

from api.app import application
from api.service import assemble
from channels.channel import Settings, Units
from channels.x12 import purchase_order
from channels.x12.profile import Profile
from database import connection as statements
from database.connect import Database
from database.sealing import MasterKeys, new_master_key
from embedded.postgres import EmbeddedPostgres
from formats.x12.partner import Partner
from formats.x12.parts import Group, Interchange, Party, Segment, Set
from formats.x12.read import read
from formats.x12.write import written
from jobs.conversation import Conversations
from jobs.exchange import AT_ONCE_MAX, Exchanges
from jobs.mailbox import Mailboxes, correspondent
from transactions.prepare import prepare
from transactions.transaction import OrderTransactions

OPERATOR_KEY = "operator-key-of-the-benchmark"
NOBODY_LISTENS = "127.0.0.1:1"
LINES = 100
BUYER, OTHER = "buyco", "direct"
"""The channel of the orders by X12, and that of the same orders over HTTP."""
US, THEM = Party("12", "5551234567"), Party("ZZ", "BUYCO")
AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
CHANNEL = """
[[channel]]
name = "buyco"
kind = "x12"
us = {{qualifier = "12", id = "5551234567"}}
partner = {{qualifier = "ZZ", id = "BUYCO"}}
drop = "{drop}"
"""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int
    orders: int
    """Orders of a file in one half of a pair."""
    read: int
    """Orders of the file that is read."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 2 + 2 * self.pairs


THOROUGH = Plan(pairs=7, orders=100, read=1_000)
QUICK = Plan(pairs=2, orders=8, read=50)


@dataclass
class Contest:
    """Seconds of each half, by pair: of the processor for reading, which asks nobody, and of the clock for placing."""

    name: str
    orders: int
    ours: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Of each pair: our speed, of which 1 is the yardstick's."""
        return [other / own for own, other in zip(self.ours, self.yardstick, strict=True)]


async def run(directory: Path, plan: Plan, say: Callable[[str], None]) -> list[Contest]:
    """Read and split in turn; then place in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    say(f"reading {plan.read:,} purchase orders")
    reading = _reading(plan)
    say("preparing a server")
    drop, network = directory / "drop", directory / "network"
    drop.mkdir()
    _write_network(network, drop)
    with EmbeddedPostgres(directory / "wholesale") as server:
        keys = MasterKeys.parse(new_master_key())
        await prepare(server.url, network, OPERATOR_KEY, master_keys=keys)
        database = Database(server.url, keys)
        placing = await _placing(database, drop, plan, say)
        await database.close()
    return [reading, placing]


def purchase_orders(begin: int, orders: int) -> bytes:
    """A file of 850s of a hundred lines each."""
    sets = tuple(_purchase_order(f"W-{number}", number) for number in range(begin, begin + orders))
    group = Group("PO", THEM.id, US.id, f"{AT:%Y%m%d}", f"{AT:%H%M}", str(begin), "004010", sets)
    date, clock = f"{AT:%y%m%d}", f"{AT:%H%M}"
    return written(Interchange(THEM, US, date, clock, "00401", str(begin), False, (group,)))


def _purchase_order(name: str, number: int) -> Set:
    lines = [
        Segment.of("PO1", line, 12, "EA", f"{line}.25", None, "VN", f"BULK-{line}", "IN", f"X-{line}")
        for line in range(1, LINES + 1)
    ]
    head = (
        Segment.of("BEG", "00", "SA", name, None, f"{AT:%Y%m%d}"),
        Segment.of("DTM", "010", "20270115"),
        *(Segment.of("N1", "ST", "Shop", "92", "0042"), Segment.of("N3", "1 Main St")),
        Segment.of("N4", "Denver", "CO", "80202", "US"),
    )
    return Set("850", f"{number % 10_000:04d}", (*head, *lines, Segment.of("CTT", LINES)))


def _write_network(network: Path, drop: Path) -> None:
    shutil.copytree("network/example", network)
    with (network / "items.csv").open("a") as items:
        columns = (network / "items.csv").read_text().partition("\n")[0].count(",")
        rest = "," * (columns - 4)
        items.writelines(f"BULK-{line},Item {line},500,0,{rest}\n" for line in range(1, LINES + 1))
    (network / "channels.toml").write_text(CHANNEL.format(drop=drop))


def _reading(plan: Plan) -> Contest:
    contest, content = Contest("read : split", plan.read), purchase_orders(1, plan.read)
    for pair in range(plan.pairs + 1):
        halves: Sequence[tuple[Callable[[bytes], object], list[float]]] = [
            (read, contest.ours),
            (_split, contest.yardstick),
        ]
        for call, times in halves if pair % 2 == 0 else halves[::-1]:
            gc.collect()  # nobody pays for what the other has left
            began = time.process_time()
            made = call(content)
            taken = time.process_time() - began
            del made
            if pair:  # the first turn only warms up
                times.append(taken)
    return contest


def _split(content: bytes) -> list[list[str]]:
    """All that bare splitting is."""
    return [segment.strip().split("*") for segment in content.decode().split("~")]


class _OwnItems:
    """Every SKU is known."""

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        return Units(external) if kind == "sku" else None


def _bodies(begin: int, orders: int) -> list[dict[str, Any]]:
    """What `POST /orders` is sent for the same purchase orders."""
    (whole,) = read(purchase_orders(begin, orders))
    found = []
    for one in whole.groups[0].sets:
        (said,) = purchase_order.read(one, OTHER, Profile(), _OwnItems(), AT)
        assert said.order is not None
        found.append(said.order.model_dump(mode="json", exclude_unset=True))
    return found


async def _placing(database: Database, drop: Path, plan: Plan, say: Callable[[str], None]) -> Contest:
    service = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))
    conversations = Conversations(database, service.transactions.networks)
    async with database.write() as connection:
        await statements.keep_credentials(connection, BUYER, {})
    buyer = _Buyer(service.transactions, conversations, drop)
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    transport = ASGITransport(app=application(service))
    contest = Contest("placed : POST /orders", plan.orders)
    async with AsyncClient(transport=transport, base_url="http://switchyard", headers=headers, timeout=60) as http:
        for pair in range(plan.pairs + 1):
            say(f"placing: pair {pair}")
            begin, turn = 1 + pair * plan.orders, pair % 2
            times = {}
            for half in (turn, 1 - turn):
                orders = buyer.sends(begin, plan.orders) if half else _posted(http, _bodies(begin, plan.orders))
                began = time.perf_counter()
                await orders()
                times[half] = time.perf_counter() - began
            if pair:  # the first turn only warms up
                contest.ours.append(times[1])
                contest.yardstick.append(times[0])
    await _check(database, (plan.pairs + 1) * plan.orders)
    await buyer.close()
    return contest


def _posted(http: AsyncClient, bodies: Sequence[dict[str, Any]]) -> Callable[[], Any]:
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def post(body: dict[str, Any]) -> None:
        async with turns:
            answer = await http.post("/orders", json=body)
        assert answer.status_code in (201, 202), answer.text

    async def post_all() -> None:
        await asyncio.gather(*map(post, bodies))

    return post_all


class _Buyer:
    """Leaves files, which the jobs take."""

    def __init__(self, transactions: OrderTransactions, conversations: Conversations, drop: Path) -> None:
        self._conversations = conversations
        self._drop = drop
        self._mailboxes = Mailboxes(transactions, settle=timedelta())
        self._exchanges = Exchanges(transactions, conversations)

    def sends(self, begin: int, orders: int) -> Callable[[], Any]:
        """Leave a file; answers what takes it, places its orders, and writes its acknowledgment."""
        (self._drop / "in").mkdir(exist_ok=True)
        (self._drop / "in" / f"{begin}.edi").write_bytes(purchase_orders(begin, orders))

        async def take() -> None:
            settings = await self._settings()
            one = correspondent(settings.entry, settings.credentials)
            await self._mailboxes.visit(one)
            await self._exchanges.carry_out()
            await self._mailboxes.visit(one)

        return take

    async def _settings(self) -> Settings:
        found = await self._conversations.settings(BUYER)
        assert found is not None
        assert isinstance(found[0].entry["agreed"], Partner)
        return found[0]

    async def close(self) -> None:
        """End the connections."""
        await self._mailboxes.close()
        self._conversations.close()


async def _check(database: Database, orders: int) -> None:
    """Both have placed the same."""
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT channel, count(*), sum(value)::bigint FROM orders GROUP BY channel")
        )
        found = {channel: (stored, value) for channel, stored, value in rows}
    assert found[BUYER] == found[OTHER], found
    assert found[BUYER][0] == orders, found


def lines(found: Sequence[Contest]) -> Iterator[str]:
    """The figures as text, the ratio first."""
    for contest in found:
        ratios = contest.ratios
        yield (
            f"850s of {LINES} lines, {contest.name} = {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f});"
            f" {contest.orders / median(contest.ours):,.0f} against {contest.orders / median(contest.yardstick):,.0f}"
            f" orders a second, {len(ratios)} pairs"
        )
