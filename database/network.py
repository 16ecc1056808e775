"""Named statements about the network's versions: which one is active, and which nodes still have open work.

`nodes.toml` has the addresses and secrets of nodes that are called, so it is stored sealed; the other files are not.
"""

import base64
import json

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection

SEALED = "nodes"
"""The document that is sealed with the common key."""


async def active_version(connection: ReadConnection) -> int | None:
    """The active version's number; None before one was applied."""
    version: int | None = (
        await connection.execute(text("SELECT version FROM network_version WHERE is_active"))
    ).scalar()
    return version


async def hold_active_version(connection: WriteConnection) -> int | None:
    """The active version's number; None before one was applied. It cannot change before this transaction ends, so a process
    that applies another version sees, and checks, what this transaction stores."""
    statement = text("SELECT version FROM network_version WHERE is_active FOR KEY SHARE")
    while True:
        version: int | None = (await connection.execute(statement)).scalar()
        # After a wait for another transaction the old version is not active any more; only the next statement sees the new one.
        if version is not None or await active_version(connection) is None:
            return version


async def lock_active_version(connection: WriteConnection) -> int | None:
    """The active version's number; None before one was applied. Waits until every order that was accepted under it is
    committed, so that this transaction can read it."""
    await connection.execute(text("LOCK TABLE network_version IN SHARE ROW EXCLUSIVE MODE"))
    statement = text("SELECT version FROM network_version WHERE is_active FOR UPDATE")
    version: int | None = (await connection.execute(statement)).scalar()
    return version


async def documents(connection: ReadConnection, version: int) -> dict[str, str]:
    """The files of a version, by name, as they were applied. Raises `NoCommonKey` and `WrongMasterKey`."""
    key = await personal.common_key(connection)
    found = await connection.execute(DOCUMENTS, {"version": version})
    files: dict[str, str] = json.loads(found.scalar_one())
    opened = personal.unseal(key, "nodes", files[SEALED]) or {}
    return files | {SEALED: opened["text"]}


DOCUMENTS = text("SELECT documents::text FROM network_version WHERE version = :version")


async def activate(connection: WriteConnection, files: dict[str, str], digest: str) -> int:
    """Make these files the active version, unless they already are; answers the active version's number.

    Call it after `lock_active_version`. Raises `NoCommonKey` and `WrongMasterKey`.
    """
    known = await connection.execute(text("SELECT version, digest FROM network_version WHERE is_active"))
    row = known.one_or_none()
    if row is not None and row.digest == digest:
        return int(row.version)
    await connection.execute(text("UPDATE network_version SET is_active = false WHERE is_active"))
    sealed = (await personal.common_key(connection)).seal("nodes", {"text": files[SEALED]})
    kept = files | {SEALED: base64.b64encode(sealed).decode()}
    made = await connection.execute(ACTIVATE, {"digest": digest, "documents": json.dumps(kept)})
    return int(made.scalar_one())


ACTIVATE = text(
    """
    INSERT INTO network_version (digest, documents, is_active)
    VALUES (:digest, CAST(:documents AS jsonb), true) RETURNING version
    """
)


async def nodes_with_open_work(connection: ReadConnection) -> set[str]:
    """Nodes with pinned units or unfinished fulfillment orders: a new version must keep them."""
    return {row.node for row in await connection.execute(NODES_WITH_OPEN_WORK)}


NODES_WITH_OPEN_WORK = text(
    """
    SELECT node FROM reservation
    UNION
    SELECT f.node FROM fulfillment_order f JOIN orders o USING (order_id) WHERE o.closed_at IS NULL
    """
)


async def skus_with_open_demand(connection: ReadConnection) -> set[str]:
    """Items in lines of open orders: a new version must keep them, or their units could not be moved any more."""
    return {row.sku for row in await connection.execute(SKUS_WITH_OPEN_DEMAND)}


SKUS_WITH_OPEN_DEMAND = text("SELECT DISTINCT sku FROM order_line JOIN orders USING (order_id) WHERE closed_at IS NULL")
