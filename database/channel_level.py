"""Named statements about the stock levels that connected channels were sent, and what stood there afterwards."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.channel_level import Kept

SETTLES_AFTER = timedelta(minutes=1)
"""How much later than the other number was found a poll must have ended well: it began after it, and found the orders."""


async def claim(connection: WriteConnection, lease: timedelta) -> list[str]:
    """The channels whose levels are to be compared now; no other process compares them during `lease`.

    Only channels whose orders were read at least once: before that, nobody knows what they have sold.
    """
    return list((await connection.execute(CLAIM, {"lease": lease})).scalars())


CLAIM = text(
    """
    UPDATE connection SET levels_due_at = clock_timestamp() + CAST(:lease AS interval)
    WHERE channel IN (SELECT channel FROM connection
                      WHERE coalesce(levels_due_at, '-infinity') <= clock_timestamp() AND polled_at IS NOT NULL
                      FOR UPDATE SKIP LOCKED)
    RETURNING channel
    """
)


async def compare_after(connection: WriteConnection, channel: str, wait: timedelta) -> datetime:
    """Let the levels of a channel be compared again after `wait`; answers the time of now."""
    now: datetime = (await connection.execute(COMPARE_AFTER, {"channel": channel, "wait": wait})).scalar_one()
    return now


COMPARE_AFTER = text(
    """
    UPDATE connection SET levels_due_at = clock_timestamp() + CAST(:wait AS interval) WHERE channel = :channel
    RETURNING clock_timestamp()
    """
)


Place = tuple[str, str]
"""A place of the channel, "" where it has one level for each item, and what it calls the item."""


async def known(connection: ReadConnection, channel: str, externals: Collection[str]) -> dict[Place, Kept]:
    """What is known of these items of a channel, and of all items that must be looked at again: another number stood there
    than was sent, or the channel may have changed it."""
    asked = {"channel": channel, "externals": list(externals), "settles_after": SETTLES_AFTER}
    return {
        (row.place, row.external): Kept(
            row.available, row.wanted, row.missing, row.tries, is_settled=row.is_settled, is_doubted=row.is_doubted
        )
        for row in await connection.execute(KNOWN, asked)
    }


KNOWN = text(
    """
    SELECT l.place, l.external, l.available, l.wanted, l.missing, l.tries,
           l.differs_at IS NULL OR (
               c.polled_at > l.differs_at + CAST(:settles_after AS interval)
               AND NOT EXISTS (SELECT FROM exchange e WHERE e.channel = c.channel AND e.due_at IS NOT NULL)) AS is_settled,
           l.available = l.wanted AND l.differs_at IS NOT NULL AS is_doubted
    FROM channel_level l JOIN connection c USING (channel)
    WHERE l.channel = :channel
      AND (l.external = ANY(CAST(:externals AS text[]))
           OR l.external IN (SELECT external FROM channel_level WHERE channel = :channel AND differs_at IS NOT NULL))
    """
)


async def keep(
    connection: WriteConnection, channel: str, place: str, levels: Mapping[str, Kept], asked_at: datetime
) -> None:
    """Store what is known of items at a place of a channel since it answered. What came to be doubted since it was asked stays
    doubted: its answer may be from before."""
    found = [
        {
            "external": external,
            "available": kept.available,
            "wanted": kept.wanted,
            "missing": kept.missing,
            "tries": kept.tries,
            "is_settled": kept.is_settled,
        }
        for external, kept in levels.items()
    ]
    await connection.execute(
        KEEP, {"channel": channel, "place": place, "levels": json.dumps(found), "asked_at": asked_at}
    )


KEEP = text(
    """
    INSERT INTO channel_level AS l (channel, place, external, available, wanted, missing, tries, differs_at, notified_at)
    SELECT :channel, :place, k.external, k.available, k.wanted, k.missing, k.tries,
           CASE WHEN NOT k.is_settled THEN clock_timestamp() END, clock_timestamp()
    FROM jsonb_to_recordset(CAST(:levels AS jsonb))
         AS k(external text, available bigint, wanted bigint, missing bigint, tries int, is_settled boolean)
    ON CONFLICT (channel, place, external) DO UPDATE SET
        available = excluded.available, wanted = excluded.wanted, missing = excluded.missing, tries = excluded.tries,
        differs_at = CASE WHEN l.differs_at > :asked_at THEN l.differs_at ELSE excluded.differs_at END,
        notified_at = excluded.notified_at
    """
)


async def skus_of(connection: ReadConnection, order: str) -> set[str]:
    """The items of an order's lines."""
    return set((await connection.execute(SKUS_OF, {"order": order})).scalars())


SKUS_OF = text("SELECT sku FROM order_line WHERE order_id = :order")


async def doubt(connection: WriteConnection, channel: str, externals: Collection[str]) -> None:
    """Have the levels of these items compared again: the channel itself may have changed them."""
    await connection.execute(DOUBT, {"channel": channel, "externals": list(externals)})


DOUBT = text(
    """
    UPDATE channel_level SET differs_at = clock_timestamp()
    WHERE channel = :channel AND external = ANY(CAST(:externals AS text[])) AND available = wanted
    """
)


async def retry(connection: WriteConnection, channel: str) -> int:
    """Send the levels again that a person must look at, and those of items that the channel did not have; how many."""
    return (await connection.execute(RETRY, {"channel": channel})).rowcount


RETRY = text(
    """
    UPDATE channel_level SET tries = 0, differs_at = coalesce(differs_at, clock_timestamp())
    WHERE channel = :channel AND (available IS NULL OR tries > 0)
    """
)
