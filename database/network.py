"""Named statements about the network's versions: which one is active, and what a new one touches.

The texts about nodes have the addresses and secrets of nodes that are called, so they are stored sealed; so are
cases, which may be orders of customers. The others are not.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.sealing import Key

SEALED = ("nodes", "retired", "cases")
"""The documents that are sealed with the common key."""


async def active_version(connection: ReadConnection) -> int | None:
    """The active version's number; None before one was applied."""
    version: int | None = (
        await connection.execute(text("SELECT version FROM network_version WHERE is_active"))
    ).scalar()
    return version


async def hold_active_version(connection: WriteConnection) -> int | None:
    """The active version's number; None before one was applied. It cannot change before this transaction ends, so a process
    that applies another version sees, and checks, what this transaction stores."""
    version: int | None = (await connection.execute(HOLD_ACTIVE)).scalar()
    return version


HOLD_ACTIVE = text(
    """
    WITH held AS (UPDATE network_version SET is_active = is_active WHERE version < 0)
    SELECT version FROM network_version WHERE is_active
    """
)
"""The update changes no row. It is there for its lock on the table, which many share, which is taken in the memory of one
session, and which `lock_active_version` waits for: to lock the row, as every order did, is a write to one place by all of them.
PostgreSQL takes the locks of a statement before it takes the snapshot, so after a wait the version is the new one."""


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
    return opened(key, files)


def opened(key: Key, files: dict[str, str]) -> dict[str, str]:
    """Stored files as they were given; `key` is the common one."""
    return files | {name: _unsealed(key, files[name]) for name in SEALED if name in files}


def closed(key: Key, files: dict[str, str]) -> dict[str, str]:
    """Files as they are stored, those with addresses and secrets sealed; `key` is the common one."""
    return files | {name: _sealed(key, files[name]) for name in SEALED if name in files}


def _sealed(key: Key, text_: str) -> str:
    return base64.b64encode(key.seal("nodes", {"text": text_})).decode()


def _unsealed(key: Key, sealed: str) -> str:
    opened = personal.unseal(key, "nodes", sealed)
    return str(opened["text"]) if opened else ""


DOCUMENTS = text("SELECT documents::text FROM network_version WHERE version = :version")


async def activate(connection: WriteConnection, files: dict[str, str], digest: str, actor: str | None = None) -> int:
    """Make these files the active version, unless they already are; answers the active version's number.

    `actor` is who applies it in the console.

    Call it after `lock_active_version`. Raises `NoCommonKey` and `WrongMasterKey`.
    """
    known = await connection.execute(text("SELECT version, digest FROM network_version WHERE is_active"))
    row = known.one_or_none()
    if row is not None and row.digest == digest:
        return int(row.version)
    await connection.execute(text("UPDATE network_version SET is_active = false WHERE is_active"))
    key = await personal.common_key(connection)
    kept = closed(key, files)
    made = await connection.execute(ACTIVATE, {"digest": digest, "documents": json.dumps(kept), "actor": actor})
    return int(made.scalar_one())


ACTIVATE = text(
    """
    INSERT INTO network_version (digest, documents, is_active, actor)
    VALUES (:digest, CAST(:documents AS jsonb), true, :actor) RETURNING version
    """
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The nodes and items of a version, as the texts that were applied."""

    nodes: str
    items: str


async def earlier(connection: ReadConnection, version: int) -> list[Earlier]:
    """The versions before one, the oldest first."""
    key = await personal.common_key(connection)
    found = await connection.execute(EARLIER, {"version": version})
    return [Earlier(_unsealed(key, row.nodes), row.items) for row in found]


EARLIER = text(
    """
    SELECT documents ->> 'nodes' AS nodes, documents ->> 'items' AS items FROM network_version
    WHERE version < :version ORDER BY version
    """
)


async def keep_retired(connection: WriteConnection, version: int, retired: str) -> None:
    """Add the text about what was retired to a version that was applied before such texts were kept."""
    sealed = _sealed(await personal.common_key(connection), retired)
    await connection.execute(KEEP_RETIRED, {"version": version, "retired": sealed})


KEEP_RETIRED = text(
    """
    UPDATE network_version SET documents = documents || jsonb_build_object('retired', CAST(:retired AS text))
    WHERE version = :version
    """
)

_UNDER_WAY = "(l.quantity > l.shipped + l.short OR l.in_doubt > 0 OR l.shipped > l.delivered)"
"""Whether units of a line of work are owed, in doubt, or shipped and not delivered."""


async def nodes_with_work(connection: ReadConnection) -> set[str]:
    """Nodes with pinned units, with work that is not delivered, or that a transfer goes to: a new version must keep them."""
    return {row.node for row in await connection.execute(NODES_WITH_WORK)}


NODES_WITH_WORK = text(
    f"""
    SELECT node FROM reservation
    UNION
    SELECT f.node FROM orders o JOIN fulfillment_order f USING (order_id)
    JOIN fulfillment_order_line l USING (fulfillment_order_id)
    WHERE o.closed_at IS NULL AND (f.waiting_for IS NOT NULL OR {_UNDER_WAY})
    UNION
    SELECT to_node FROM orders WHERE closed_at IS NULL AND to_node IS NOT NULL
    """
)


async def skus_under_way(connection: ReadConnection) -> set[str]:
    """Items, and components of bundles as they were ordered, with units that are pinned or not yet delivered."""
    return {row.sku for row in await connection.execute(SKUS_UNDER_WAY)}


SKUS_UNDER_WAY = text(
    f"""
    WITH under_way AS (
        SELECT d.sku, d.components FROM reservation JOIN order_line d USING (order_id, line)
        UNION
        SELECT d.sku, d.components FROM orders o JOIN fulfillment_order f USING (order_id)
        JOIN fulfillment_order_line l USING (fulfillment_order_id)
        JOIN order_line d ON (d.order_id, d.line) = (o.order_id, l.line)
        WHERE o.closed_at IS NULL AND {_UNDER_WAY}
    )
    SELECT sku FROM under_way UNION SELECT jsonb_object_keys(components) FROM under_way
    """
)


@dataclass(frozen=True, slots=True)
class Touched:
    """What is open about an item, node, service or strategy: orders, returns, and units that wait for stock or a person."""

    name: str
    orders: int
    returns: int
    waiting: int


async def touched(connection: ReadConnection, kind: str, names: Sequence[str]) -> list[Touched]:
    """Of these items, nodes, services, strategies or channels (`kind`) those about which something is open, most orders
    first."""
    if not names:
        return []
    rows = await connection.execute(_TOUCHED[kind], {"names": list(names)})
    return [Touched(row.name, row.orders, row.returns, row.waiting) for row in rows]


_OPEN_RETURN = """
    SELECT r.return_id, r.order_id, r.node, r.resolution FROM return r JOIN return_status s USING (return_id)
    WHERE s.status NOT IN ('closed', 'cancelled', 'declined', 'expired')
"""


def _touched(orders: str, returns: str, waiting: str) -> TextClause:
    """A statement that counts, by name, what these statements find: (name, order_id), (name, return_id), (name, quantity)."""
    return text(
        f"""
        SELECT n.name, coalesce(o.orders, 0) AS orders, coalesce(r.returns, 0) AS returns, coalesce(w.units, 0) AS waiting
        FROM unnest(CAST(:names AS text[])) AS n(name)
        LEFT JOIN (SELECT name, count(DISTINCT order_id) AS orders FROM ({orders}) f GROUP BY name) o USING (name)
        LEFT JOIN (SELECT name, count(DISTINCT return_id) AS returns FROM ({returns}) f GROUP BY name) r USING (name)
        LEFT JOIN (SELECT name, sum(quantity)::bigint AS units FROM ({waiting}) f GROUP BY name) w USING (name)
        WHERE coalesce(o.orders, r.returns, w.units) IS NOT NULL
        ORDER BY orders DESC, returns DESC, waiting DESC, name
        """
    )


_SKUS = """
    CROSS JOIN LATERAL (SELECT l.sku AS name UNION SELECT jsonb_object_keys(l.components)) n
"""
"""The item of an order line `l`, and what it was made of when it was ordered."""

_LAST_PLAN = """
    SELECT DISTINCT ON (p.order_id) p.order_id, p.strategy FROM orders o JOIN plan p USING (order_id)
    WHERE o.closed_at IS NULL ORDER BY p.order_id, p.round DESC
"""

_TOUCHED = {
    "item": _touched(
        f"SELECT n.name, o.order_id FROM orders o JOIN order_line l USING (order_id) {_SKUS} WHERE o.closed_at IS NULL",
        f"""
        SELECT n.name, r.return_id FROM ({_OPEN_RETURN}) r JOIN return_line rl USING (return_id)
        JOIN order_line l ON (l.order_id, l.line) = (r.order_id, rl.line) {_SKUS}
        UNION ALL
        SELECT rl.exchange_for, r.return_id FROM ({_OPEN_RETURN}) r JOIN return_line rl USING (return_id)
        """,
        f"SELECT n.name, w.quantity FROM waiting w JOIN order_line l USING (order_id, line) {_SKUS}",
    ),
    "node": _touched(
        """
        SELECT f.node AS name, o.order_id FROM orders o JOIN fulfillment_order f USING (order_id) WHERE o.closed_at IS NULL
        UNION ALL
        SELECT r.node, r.order_id FROM reservation r
        UNION ALL
        SELECT o.pickup_node, o.order_id FROM orders o WHERE o.closed_at IS NULL
        UNION ALL
        SELECT o.from_node, o.order_id FROM orders o WHERE o.closed_at IS NULL
        UNION ALL
        SELECT o.to_node, o.order_id FROM orders o WHERE o.closed_at IS NULL
        """,
        f"SELECT r.node AS name, r.return_id FROM ({_OPEN_RETURN}) r",
        """
        SELECT coalesce(o.pickup_node, o.from_node) AS name, w.quantity FROM waiting w JOIN orders o USING (order_id)
        """,
    ),
    "service": _touched(
        "SELECT o.service AS name, o.order_id FROM orders o WHERE o.closed_at IS NULL",
        f"""
        SELECT o.service AS name, r.return_id FROM ({_OPEN_RETURN}) r JOIN orders o USING (order_id)
        WHERE r.resolution = 'exchange'
        """,
        "SELECT o.service AS name, w.quantity FROM waiting w JOIN orders o USING (order_id)",
    ),
    "channel": _touched(
        "SELECT o.channel AS name, o.order_id FROM orders o WHERE o.closed_at IS NULL",
        f"SELECT o.channel AS name, r.return_id FROM ({_OPEN_RETURN}) r JOIN orders o USING (order_id)",
        "SELECT o.channel AS name, w.quantity FROM waiting w JOIN orders o USING (order_id)",
    ),
    "strategy": _touched(
        f"SELECT p.strategy AS name, p.order_id FROM ({_LAST_PLAN}) p",
        "SELECT NULL AS name, NULL AS return_id",
        f"SELECT p.strategy AS name, w.quantity FROM ({_LAST_PLAN}) p JOIN waiting w USING (order_id)",
    ),
}
