"""Versions never change: what was applied stays as it was, and a plan names it by a number that nothing else gets."""

import asyncio
from pathlib import Path
from shutil import copytree

from sqlalchemy import text

from database import network
from database.connect import Database
from tests.house import SMALL_MAP, House
from transactions.prepare import apply_network


async def applied(database: Database) -> list[tuple[int, str, bool]]:
    """Number, the line of the policy about tries, and whether it is active, of everything that was ever applied."""
    statement = text(
        "SELECT version, documents ->> 'policy' AS policy, is_active FROM network_version ORDER BY version"
    )
    async with database.read() as connection:
        rows = (await connection.execute(statement)).all()
        return [(row.version, row.policy.split("max_attempts = ")[1][0], row.is_active) for row in rows]


def changed(directory: Path) -> Path:
    """The small map with one try more, under the same version text."""
    copy = copytree(SMALL_MAP, directory / "network")
    policy = (copy / "policy.toml").read_text()
    (copy / "policy.toml").write_text(policy.replace("max_attempts = 3", "max_attempts = 4"))
    return copy


async def test_other_files_are_another_version_and_the_one_before_stays_as_it_was(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    assert await apply_network(database_url, SMALL_MAP) == []
    assert await apply_network(database_url, changed(tmp_path)) == []
    assert (await applied(database))[1:] == [(2, "3", False), (3, "4", True)]


async def test_the_same_files_again_are_the_same_version(database_url: str, database: Database) -> None:
    for _ in range(2):
        assert await apply_network(database_url, SMALL_MAP) == []
    assert [version for version, _, _ in await applied(database)] == [1, 2]


async def test_who_takes_something_in_while_another_version_is_applied_has_the_new_one(
    database_url: str, database: Database
) -> None:
    assert await apply_network(database_url, SMALL_MAP) == []

    async def take_in() -> int | None:
        async with database.write() as connection:
            return await network.hold_active_version(connection)

    async with database.write() as applying:
        before = await network.lock_active_version(applying)
        taking = asyncio.create_task(take_in())
        while not await somebody_waits(database):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.01)
        after = await network.activate(applying, {}, "another")

    assert (await taking, before) == (after, after - 1)


async def test_who_applies_another_version_waits_for_all_that_are_being_taken_in_and_sees_them(
    database_url: str, database: Database
) -> None:
    assert await apply_network(database_url, SMALL_MAP) == []
    stored = "INSERT INTO key (key_id, kind, name, hash) VALUES (:key, 'node', 'slc', :key)"

    async def apply() -> int:
        async with database.write() as connection:
            await network.lock_active_version(connection)
            found = await connection.execute(text("SELECT count(*) FROM key WHERE key_id IN ('one', 'two')"))
            return int(found.scalar_one())

    async with database.write() as one, database.write() as two:
        assert await network.hold_active_version(one) == await network.hold_active_version(two), "side by side"
        applying = asyncio.create_task(apply())
        while not await somebody_waits(database):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.01)
        for taking, key in ((one, "one"), (two, "two")):
            await taking.execute(text(stored), {"key": key})
        assert not applying.done()
    assert await applying == 2


async def test_taking_something_in_leaves_the_row_of_the_version_alone(database_url: str, database: Database) -> None:
    """A row lock is a write: PostgreSQL 18 notes it in the row's xmax, and those of many at once in a multixact."""
    assert await apply_network(database_url, SMALL_MAP) == []
    async with database.write() as one, database.write() as two:
        await network.hold_active_version(one)
        await network.hold_active_version(two)
    async with database.read() as connection:
        found = await connection.execute(text("SELECT xmax::text FROM network_version WHERE is_active"))
        assert found.scalar_one() == "0"


async def somebody_waits(database: Database) -> bool:
    async with database.read() as connection:
        found = await connection.execute(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
        return bool(found.scalar_one())


async def test_every_plan_names_the_version_that_it_was_made_under(house: House, tmp_path: Path) -> None:
    numbers = []
    for files in (SMALL_MAP, changed(tmp_path)):
        assert await apply_network(house.database_url, files) == []
        await house.stock("spare", SERUM_30=1)
        name = await house.place(("SERUM-30", 1))
        found = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"][0]
        numbers.append((found["policy_version"], found["network_version"]))
    assert numbers == [("tests", 2), ("tests", 3)]
