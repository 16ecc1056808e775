"""Versions never change: what was applied stays as it was, and a plan names it by a number that nothing else gets."""

from pathlib import Path
from shutil import copytree

from sqlalchemy import text

from database.connect import Database
from starter.prepare import apply_network
from tests.house import SMALL_MAP, House


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


async def test_every_plan_names_the_version_that_it_was_made_under(house: House, tmp_path: Path) -> None:
    numbers = []
    for network in (SMALL_MAP, changed(tmp_path)):
        assert await apply_network(house.database_url, network) == []
        await house.stock("spare", SERUM_30=1)
        name = await house.place(("SERUM-30", 1))
        found = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"][0]
        numbers.append((found["policy_version"], found["network_version"]))
    assert numbers == [("tests", 2), ("tests", 3)]
