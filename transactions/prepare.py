"""Prepares a database: migrations, the network, the operator's key, and the key for personal data. Safe to repeat."""

from dataclasses import asdict
from pathlib import Path

from database import backorder, key, personal
from database import network as statements
from database.connect import Database, WriteConnection
from database.schema import migrate
from database.sealing import MasterKeys
from domain.network import Network
from network.load import NetworkDocuments, check, load, load_applied, read
from runtime.where import master_keys


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


async def apply_network(database_url: str, directory: Path) -> list[str]:
    """Check a network directory and make it the active version; answers the mistakes, none when it was applied.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys())
    try:
        await database.check()
        await _apply(database, directory)
    except NetworkRefused as error:
        return error.lines
    finally:
        await database.close()
    return []


async def _apply(database: Database, directory: Path) -> None:
    if mistakes := [str(mistake) for mistake in check(directory)]:
        raise NetworkRefused(mistakes)
    documents = read(directory)
    async with database.write() as connection:
        active = await statements.lock_active_version(connection)
        before = NetworkDocuments(**await statements.documents(connection, active)) if active else None
        if before == documents:
            return
        if refused := await _refusals(connection, directory, before, documents):
            raise NetworkRefused(refused)
        await statements.activate(connection, asdict(documents), documents.digest)
        await backorder.reset_candidate_nodes(connection)


async def _refusals(
    connection: WriteConnection, directory: Path, before: NetworkDocuments | None, documents: NetworkDocuments
) -> list[str]:
    """Why files without mistakes cannot be applied now: they conflict with the active version or with open orders."""
    loaded = load(documents)
    busy = await statements.nodes_with_open_work(connection)
    demanded = await statements.skus_with_open_demand(connection)
    refused = _dropped(directory, loaded, busy, demanded)
    return refused + (_changed(directory, load_applied(before), loaded, demanded) if before else [])


def _changed(directory: Path, before: Network, loaded: Network, skus: set[str]) -> list[str]:
    """A bundle in open orders keeps its components: its units are pinned and shipped as units of these components."""
    both = [sku for sku in sorted(skus) if sku in before.items and sku in loaded.items]
    return [
        f"{directory / 'items.csv'}:1: {sku} is in open orders; its components can only change when they are done"
        for sku in both
        if before.components(sku) != loaded.components(sku)
    ]


def _dropped(directory: Path, loaded: Network, nodes: set[str], skus: set[str]) -> list[str]:
    """Nodes with open work and items in open orders cannot be dropped."""
    return [
        f"{directory / 'nodes.toml'}:1: node {node} has open work; it can only be dropped when that is done"
        for node in sorted(nodes - set(loaded.nodes))
    ] + [
        f"{directory / 'items.csv'}:1: {sku} is in open orders; it can only be dropped when they are done"
        for sku in sorted(skus - set(loaded.items))
    ]
