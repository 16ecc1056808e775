"""Locks the row of an order, or those of several: who moves units holds it until its transaction ends."""

import re
from collections.abc import Collection

from sqlalchemy import text

from database.connect import WriteConnection
from database.order.read import UnknownOrder


async def lock(connection: WriteConnection, order: str) -> None:
    """Lock the order's row: no other transaction moves its units until this one ends. Raises `UnknownOrder`.

    Read the order in a separate statement afterwards: sub-selects of the locking statement would still see the state from
    before the wait.
    """
    if (await connection.execute(LOCK, {"order": order})).scalar() is None:
        raise UnknownOrder(order)


LOCK = text("SELECT order_id FROM orders WHERE order_id = :order FOR UPDATE")


async def lock_version(connection: WriteConnection, order: str) -> int:
    """As `lock`; answers the order's version."""
    version = (await connection.execute(LOCK_VERSION, {"order": order})).scalar()
    if version is None:
        raise UnknownOrder(order)
    return int(version)


LOCK_VERSION = text("SELECT version FROM orders WHERE order_id = :order FOR UPDATE")
"""A row that was waited for is read as it is after the wait."""


async def lock_all(connection: WriteConnection, names: Collection[str]) -> None:
    """As `lock`, for several orders: by id, as every transaction locks them that locks more than one."""
    await connection.execute(LOCK_ALL, {"orders": sorted(names)})


LOCK_ALL = text("SELECT FROM orders WHERE order_id = ANY(CAST(:orders AS text[])) ORDER BY order_id FOR UPDATE")


async def lock_free(connection: WriteConnection, names: Collection[str]) -> set[str]:
    """As `lock_all`, for those that no other transaction has locked; answers which these are. It waits for nobody."""
    return set((await connection.execute(LOCK_FREE, {"orders": sorted(names)})).scalars())


LOCK_FREE = text(
    """
    SELECT order_id FROM orders WHERE order_id = ANY(CAST(:orders AS text[])) ORDER BY order_id FOR UPDATE SKIP LOCKED
    """
)


def lock_with_begin(order: str) -> str:
    """As `lock`, as a statement to send with the BEGIN of a transaction; then read the order, which says whether there is one.

    Raises `UnknownOrder` for what cannot be the id of an order.
    """
    if not IS_AN_ID.fullmatch(order):
        raise UnknownOrder(order)
    return f"SELECT FROM orders WHERE order_id = '{order}' FOR UPDATE"


IS_AN_ID = re.compile("[a-z0-9.-]+")
"""Nothing in it could end a text in SQL."""
