"""Prepares a database: migrations, the network, the operator's key, and the key for personal data. Safe to repeat."""

from collections.abc import Callable, Collection
from pathlib import Path

from database import key, personal
from database import network as statements
from database.connect import Database
from database.notification import WORK, notify
from database.schema import migrate
from database.sealing import MasterKeys
from network.cases_toml import FOLDER as CASES
from network.load import check, load, read
from network.try_cases import refusals as cases_refuse
from network.try_cases import try_cases
from runtime.where import master_keys
from transactions.network_change import announced, refusals
from transactions.network_version import NetworkRefused, activate, lock_active

Say = Callable[[str], None]
"""Shows a line to the person who applies a network."""


async def prepare(
    database_url: str,
    network: Path | None,
    operator_key: str | None,
    *,
    master_keys: MasterKeys,
    first_network: Path | None = None,
) -> None:
    """Bring a database up to date; `first_network` is applied only when no version is active.

    Raises `Refused`, `DatabaseUnreachable` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    try:
        await database.check()
        await migrate.upgrade(database)
        async with database.write() as connection:
            await personal.keep_common_key(connection)
        directory = network or (first_network if await _has_no_network(database) else None)
        if directory is not None:
            await _apply(database, directory)
        else:
            async with database.write() as connection:
                await lock_active(connection)
        if operator_key:
            # Another key has another id, so the old one works until it is revoked.
            key_id = f"operator-{key.hash_of(operator_key)[:8]}"
            async with database.write() as connection:
                await key.add(connection, key_id=key_id, kind="operator", name="operator", key=operator_key)
    finally:
        await database.close()


async def _has_no_network(database: Database) -> bool:
    async with database.read() as connection:
        return await statements.active_version(connection) is None


async def apply_network(
    database_url: str,
    directory: Path,
    *,
    keys: MasterKeys | None = None,
    is_preview: bool = False,
    accepted: Collection[str] = (),
    say: Say = lambda _: None,
) -> list[str]:
    """Check a network directory and make it the active version; answers the mistakes, none when it was applied.

    What it changes goes to `say`, line by line, before it is applied. A preview applies nothing. `accepted` are the names of
    broken cases that do not forbid it. `keys` are the master keys; None = those of the environment.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, keys or master_keys())
    try:
        await database.check()
        await _apply(database, directory, is_preview=is_preview, accepted=accepted, say=say)
    except NetworkRefused as error:
        return error.lines
    finally:
        await database.close()
    return []


async def _apply(
    database: Database,
    directory: Path,
    *,
    is_preview: bool = False,
    accepted: Collection[str] = (),
    say: Say = lambda _: None,
) -> None:
    if mistakes := check(directory):
        raise NetworkRefused([str(mistake) for mistake in mistakes])
    documents = read(directory)
    network = load(documents)
    folder = str(directory / CASES)
    if broken := cases_refuse(try_cases(documents.cases, folder, network), folder, accepted):
        raise NetworkRefused([str(mistake) for mistake in broken])
    async with database.write() as connection:
        before = await lock_active(connection)
        if before == documents:
            return
        for line in await announced(connection, before, documents) if before else ():
            say(line)
        if refused := await refusals(connection, directory, network):
            raise NetworkRefused(refused)
        if not is_preview:
            await activate(connection, before, documents)
    await notify(database, WORK)
