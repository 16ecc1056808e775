"""Named statements about channels: which there are, as far as the database can know, and in which currencies they sell."""

from sqlalchemy import text

from database.connect import ReadConnection


async def known(connection: ReadConnection) -> set[str]:
    """Every channel that has placed an order or has a valid key."""
    return {row.channel for row in await connection.execute(KNOWN)}


# PostgreSQL does not skip equal values of an index by itself, so the query asks for the next channel, again and again.
KNOWN = text(
    """
    WITH RECURSIVE found (channel) AS (
        (SELECT channel FROM orders ORDER BY channel LIMIT 1)
        UNION ALL
        SELECT (SELECT o.channel FROM orders o WHERE o.channel > found.channel ORDER BY o.channel LIMIT 1)
        FROM found WHERE found.channel IS NOT NULL
    )
    SELECT channel FROM found WHERE channel IS NOT NULL
    UNION
    SELECT name FROM key WHERE kind = 'channel' AND revoked_at IS NULL
    """
)


async def open_currencies(connection: ReadConnection) -> dict[str, int]:
    """How many open orders there are in each currency."""
    return {row.currency: row.orders for row in await connection.execute(OPEN_CURRENCIES)}


OPEN_CURRENCIES = text(
    "SELECT currency, count(*) AS orders FROM orders WHERE closed_at IS NULL AND to_node IS NULL GROUP BY currency"
)
