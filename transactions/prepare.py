"""Prepares a database: migrations, the network, the operator's key, and the key for personal data. Safe to repeat."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from database import backorder, key, personal
from database import network as statements
from database.connect import Database, WriteConnection
from database.schema import migrate
from database.sealing import MasterKeys
from network.load import NetworkDocuments, check, load, read
from network.retired import NOTHING, retire
from runtime.where import master_keys
from transactions.network_change import announced, refusals

Say = Callable[[str], None]
"""Shows a line to the person who applies a network."""


class NetworkRefused(Exception):
    """The network directory was not applied: `lines` name every mistake. The active version stays active."""

    def __init__(self, lines: list[str]) -> None:
        """`lines` has one line per mistake."""
        super().__init__("\n".join(lines))
        self.lines = lines


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
                await _lock_active(connection)
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
    say: Say = lambda _: None,
) -> list[str]:
    """Check a network directory and make it the active version; answers the mistakes, none when it was applied.

    What it changes goes to `say`, line by line, before it is applied. A preview applies nothing. `keys` are the master keys;
    None = those of the environment. Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, keys or master_keys())
    try:
        await database.check()
        await _apply(database, directory, is_preview=is_preview, say=say)
    except NetworkRefused as error:
        return error.lines
    finally:
        await database.close()
    return []


async def _apply(database: Database, directory: Path, *, is_preview: bool = False, say: Say = lambda _: None) -> None:
    if mistakes := [str(mistake) for mistake in check(directory)]:
        raise NetworkRefused(mistakes)
    documents = read(directory)
    async with database.write() as connection:
        before = await _lock_active(connection)
        if before == documents:
            return
        for line in await announced(connection, before, documents) if before else ():
            say(line)
        if refused := await refusals(connection, directory, load(documents)):
            raise NetworkRefused(refused)
        if not is_preview:
            kept = replace(documents, retired=_retired(before, documents) if before else NOTHING)
            await statements.activate(connection, asdict(kept), documents.digest)
            await backorder.reset_candidate_nodes(connection)


async def _lock_active(connection: WriteConnection) -> NetworkDocuments | None:
    """The documents of the active version, which nobody else replaces before this transaction ends; None = there is none.

    To a version from before retired things were kept it adds what all the versions before it had and it has not.
    """
    version = await statements.lock_active_version(connection)
    if version is None:
        return None
    documents = NetworkDocuments(**await statements.documents(connection, version))
    if documents.retired:
        return documents
    retired = NOTHING
    for earlier in await statements.earlier(connection, version):
        retired = retire(retired, earlier.nodes, earlier.items, documents.nodes, documents.items)
    await statements.keep_retired(connection, version, retired)
    return replace(documents, retired=retired)


def _retired(before: NetworkDocuments, documents: NetworkDocuments) -> str:
    return retire(before.retired, before.nodes, before.items, documents.nodes, documents.items)
