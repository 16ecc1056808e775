"""Named statements about stock: claim it, book movements with their counters, read what is available.

The counters of `stock` are always the sum of the ledger's rows, because both are written by the same statement. Rows are locked
in the order of SKU and node everywhere, so that opposite orders of lines cannot deadlock.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.stock import Movement


@dataclass(frozen=True, slots=True)
class Shortage:
    """At this node less is on hand than is promised, since a movement that could not be refused."""

    node: str
    sku: str
    missing: int


async def claim(
    connection: WriteConnection,
    wanted: Sequence[Movement],
    safety_stock: Mapping[tuple[str, str], int],
    *,
    order: str,
    cause: str,
    actor: str,
    at: datetime,
) -> bool:
    """Reserve all of the wanted units or none: false when any of them is not available any more.

    `wanted` names each (node, SKU) once. The guard and the claim are one statement under row locks (DESIGN §6).
    """
    if not wanted:
        return True
    parameters = _arrays(wanted, order, cause) | {
        "safety": [safety_stock.get((movement.node, movement.sku), 0) for movement in wanted],
        "actor": actor,
        "at": at,
        "order": order,
        "cause": cause,
    }
    granted = (await connection.execute(CLAIM, parameters)).scalar_one()
    return bool(granted == len(wanted))


CLAIM = text(
    """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:nodes AS text[]), CAST(:skus AS text[]),
                             CAST(:reserved AS bigint[]), CAST(:safety AS bigint[]))
                      AS w(key, node, sku, quantity, safety)
    ), locked AS MATERIALIZED (
        SELECT s.node, s.sku FROM stock s JOIN wanted w USING (node, sku)
        WHERE s.on_hand - s.reserved - s.allocated - w.safety >= w.quantity
        ORDER BY s.sku, s.node
        FOR UPDATE OF s
    ), claimed AS (
        UPDATE stock s SET reserved = s.reserved + w.quantity
        FROM wanted w
        WHERE s.node = w.node AND s.sku = w.sku
          AND s.on_hand - s.reserved - s.allocated - w.safety >= w.quantity
          AND (SELECT count(*) FROM locked) = (SELECT count(*) FROM wanted)
        RETURNING w.key, w.node, w.sku, w.quantity
    ), booked AS (
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
        SELECT key, node, sku, 'reserved', 0, quantity, 0, :order, :cause, :actor, :at FROM claimed
        RETURNING 1
    )
    SELECT count(*) FROM booked
    """
)
"""`locked` waits for other claims on the same rows and then looks again, so its guard is true for as long as the lock is held;
all or nothing, because one row too few claims nothing at all."""


async def record(
    connection: WriteConnection,
    movements: Iterable[Movement],
    *,
    order: str | None,
    cause: str,
    actor: str,
    at: datetime,
) -> list[Shortage]:
    """Book movements that are facts already: no guard. Booking the same cause again changes nothing.

    Answers where less is on hand than is promised because of them.
    """
    summed = _sum(movements)
    if not summed:
        return []
    parameters = _arrays(summed, order, cause) | {
        "kinds": [str(movement.kind) for movement in summed],
        "on_hand": [movement.on_hand for movement in summed],
        "allocated": [movement.allocated for movement in summed],
        "order": order,
        "cause": cause,
        "actor": actor,
        "at": at,
    }
    await connection.execute(LOCK, {"nodes": parameters["nodes"], "skus": parameters["skus"]})
    rows = await connection.execute(RECORD, parameters)
    return [Shortage(row.node, row.sku, -row.uncovered) for row in rows if row.uncovered < 0 <= row.uncovered_before]


LOCK = text(
    """
    WITH named AS (
        SELECT DISTINCT node, sku FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)
    ), made AS (
        INSERT INTO stock (node, sku) SELECT node, sku FROM named ORDER BY sku, node ON CONFLICT DO NOTHING
    )
    SELECT s.node, s.sku FROM stock s JOIN named USING (node, sku) ORDER BY s.sku, s.node FOR UPDATE OF s
    """
)
"""Every (node, SKU) that is named has a row afterwards, and the rows are locked in the one order."""

RECORD = text(
    """
    WITH booked AS (
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
        SELECT key, node, sku, kind, on_hand, reserved, allocated, :order, :cause, :actor, :at
        FROM unnest(CAST(:keys AS text[]), CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:kinds AS text[]),
                    CAST(:on_hand AS bigint[]), CAST(:reserved AS bigint[]), CAST(:allocated AS bigint[]))
             AS m(key, node, sku, kind, on_hand, reserved, allocated)
        ON CONFLICT (key) DO NOTHING
        RETURNING node, sku, on_hand, reserved, allocated
    ), moved AS (
        SELECT node, sku, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(allocated) AS allocated
        FROM booked GROUP BY node, sku
    )
    UPDATE stock s
    SET on_hand = s.on_hand + m.on_hand, reserved = s.reserved + m.reserved, allocated = s.allocated + m.allocated
    FROM moved m
    WHERE s.node = m.node AND s.sku = m.sku
    RETURNING s.node, s.sku, s.on_hand - s.reserved - s.allocated AS uncovered,
              s.on_hand - s.reserved - s.allocated - (m.on_hand - m.reserved - m.allocated) AS uncovered_before
    """
)


def _sum(movements: Iterable[Movement]) -> list[Movement]:
    """One movement per (reference, node, SKU, kind): an event may book the same units in several steps."""
    on_hand: Counter[Movement] = Counter()
    reserved: Counter[Movement] = Counter()
    allocated: Counter[Movement] = Counter()
    names: dict[Movement, None] = {}
    for movement in movements:
        name = replace(movement, on_hand=0, reserved=0, allocated=0)
        names[name] = None
        on_hand[name] += movement.on_hand
        reserved[name] += movement.reserved
        allocated[name] += movement.allocated
    summed = [
        replace(name, on_hand=on_hand[name], reserved=reserved[name], allocated=allocated[name]) for name in names
    ]
    return [movement for movement in summed if not movement.changes_nothing]


def _arrays(movements: Sequence[Movement], order: str | None, cause: str) -> dict[str, Any]:
    return {
        "keys": [key(movement, order, cause) for movement in movements],
        "nodes": [movement.node for movement in movements],
        "skus": [movement.sku for movement in movements],
        "reserved": [movement.reserved for movement in movements],
    }


def key(movement: Movement, order: str | None, cause: str) -> str:
    """A movement's business key: what caused it, for which order, of what, where."""
    return "|".join((order or "", cause, movement.reference, movement.node, movement.sku, str(movement.kind)))


async def lock_on_hand(connection: WriteConnection, node: str, skus: Sequence[str]) -> dict[tuple[str, str], int]:
    """What we believe is on hand at a node, by (node, SKU), locked until the transaction ends."""
    names = {"nodes": [node] * len(skus), "skus": list(skus)}
    await connection.execute(LOCK, names)
    rows = await connection.execute(ON_HAND, {"node": node, "skus": list(skus)})
    return {(node, row.sku): row.on_hand for row in rows}


ON_HAND = text("SELECT sku, on_hand FROM stock WHERE node = :node AND sku = ANY(CAST(:skus AS text[]))")


async def counters(connection: ReadConnection, skus: Collection[str]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """On hand, reserved and allocated by (node, SKU), of every node that has ever had one of the SKUs."""
    rows = await connection.execute(COUNTERS, {"skus": list(skus)})
    return {(row.node, row.sku): (row.on_hand, row.reserved, row.allocated) for row in rows}


COUNTERS = text(
    "SELECT node, sku, on_hand, reserved, allocated FROM stock WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY node, sku"
)
