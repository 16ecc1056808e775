"""A warehouse whose files lie on its SFTP server, with a line that is cut at any call: each file has one effect, and each of
ours lies there whole."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from database.connect import Database
from formats.x12.read import read
from jobs.mailbox import Mailboxes, correspondent_at
from runtime.mailbox import MailboxUnreachable
from tests.database.shop import NEAREST
from tests.database.warehouse_yard import Yard, a_yard
from tests.sftp_server import PASSWORD, USER, SftpServer, sftp_server

CALLS = ("rename", "open", "write", "read")
CHAIRS_AFTER = (6, 0, 0)
VISITS_MAX = 60


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[SftpServer]:
    """The warehouse's server; its files lie in `tmp_path`."""
    async with sftp_server(tmp_path) as running:
        for folder in ("in", "out", "done", "failed", "work"):
            (tmp_path / folder).mkdir()
        yield running


def place(server: SftpServer) -> str:
    """Where the files are, as nodes.toml has it."""
    where = server.place
    return (
        f'sftp = {{host = "{where.host}", port = {where.port}, user = "{USER}", '
        f'host_key = "{where.host_key}", path = "."}}'
    )


async def visit(yard: Yard, mailboxes: Mailboxes) -> bool:
    """Look into the mailbox once, and carry out what came; whether the line held."""
    node = await yard.node()
    try:
        await mailboxes.visit(correspondent_at(node, {"password": PASSWORD}))
    except MailboxUnreachable:
        return False
    finally:
        await yard.exchanges.carry_out()
    return True


def take(yard: Yard, files: Path, chance: random.Random) -> None:
    """The warehouse takes what lies there, and leaves its 997s and a 945 for each order, some of them twice."""
    for path in sorted((files / "out").iterdir()):
        content = path.read_bytes()
        known = set(yard.warehouse.orders)
        answers = yard.warehouse.take(content)
        answers += [yard.warehouse.ship(number) for number in yard.warehouse.orders.keys() - known]
        for answer in answers:
            for copy in range(chance.choice((1, 1, 2))):
                control = read(answer)[0].control
                (files / "in" / f"{control}-{copy}.edi").write_bytes(answer)
        path.unlink()


async def play(database: Database, server: SftpServer, files: Path, seed: int) -> None:
    """Three orders go out and are shipped, while the line is cut again and again."""
    chance = random.Random(seed)
    yard = await a_yard(database, place=place(server))
    mailboxes = Mailboxes(yard.shop.transactions, settle=timedelta())
    orders = [await yard.shop.released(("CHAIR", units)) for units in (1, 2, 1)]
    for order in orders:
        await yard.call(order)
    try:
        for _ in range(VISITS_MAX):
            if chance.random() < 0.6:
                setattr(server.faults, chance.choice(("lost_before", "lost_after")), chance.choice(CALLS))
            await visit(yard, mailboxes)
            take(yard, files, chance)
            if await yard.shop.counters("CHAIR", NEAREST) == CHAIRS_AFTER and await visit(yard, mailboxes):
                break
    finally:
        await mailboxes.close()
    assert [await yard.shop.units(order) for order in orders] == [{"shipped": 1}, {"shipped": 2}, {"shipped": 1}]
    assert await yard.shop.counters("CHAIR", NEAREST) == CHAIRS_AFTER
    assert await yard.exceptions() == []
    assert sorted(yard.warehouse.orders) == [f"{order}-f1" for order in sorted(orders)]
    assert len([one for one in yard.warehouse.taken if one.code == "940"]) == 3, "no 940 came under two control numbers"
    await yard.shop.check()


@pytest.mark.parametrize("seed", range(3))
async def test_orders_live_through_a_line_that_is_cut_at_any_call(
    database: Database, server: SftpServer, tmp_path: Path, seed: int
) -> None:
    await play(database, server, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 40))
async def test_orders_live_through_a_line_that_is_cut_with_many_seeds(
    database: Database, server: SftpServer, tmp_path: Path, seed: int
) -> None:
    await play(database, server, tmp_path, seed)
