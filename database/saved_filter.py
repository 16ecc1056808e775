"""Named statements about the filters of pages that people keep under a name: save, list, find and remove one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection

KEPT_MAX = 100
"""Filters of one person, and filters that are shared: of each as many. A page shows all of them."""


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter of a page."""

    filter_id: str
    page: str
    """The last part of its address."""
    name: str
    owner: str
    """The kind and name of the key that saved it, as `operator:ada`."""
    is_shared: bool
    """Whether all operators see it."""
    query: str
    """As in the address of the page."""
    recorded_at: datetime


async def visible(connection: ReadConnection, owner: str, page: str | None = None) -> list[SavedFilter]:
    """The filters that somebody sees, of one page or of all: their own and those that are shared, by name."""
    rows = await connection.execute(VISIBLE, {"owner": owner, "page": page})
    return [SavedFilter(*row) for row in rows]


VISIBLE = text(
    """
    SELECT filter_id, page, name, owner, is_shared, query, recorded_at FROM saved_filter
    WHERE (is_shared OR owner = :owner) AND (CAST(:page AS text) IS NULL OR page = :page)
    ORDER BY page, lower(name), is_shared
    """
)


async def named(connection: ReadConnection, filter_id: str) -> SavedFilter | None:
    """The filter with this id; None when there is none."""
    row = (await connection.execute(NAMED, {"filter_id": filter_id})).one_or_none()
    return SavedFilter(*row) if row else None


NAMED = text(
    "SELECT filter_id, page, name, owner, is_shared, query, recorded_at FROM saved_filter WHERE filter_id = :filter_id"
)


async def lock(connection: WriteConnection) -> None:
    """Let only one transaction at a time save or remove filters: people do that a few times a week."""
    await connection.execute(text("LOCK TABLE saved_filter IN SHARE ROW EXCLUSIVE MODE"))


async def save(connection: WriteConnection, kept: SavedFilter) -> None:
    """Store a filter, in the place of the one with its id."""
    values = {name: getattr(kept, name) for name in ("filter_id", "page", "name", "owner", "is_shared", "query")}
    await connection.execute(SAVE, values)


SAVE = text(
    """
    INSERT INTO saved_filter (filter_id, page, name, owner, is_shared, query)
    VALUES (:filter_id, :page, :name, :owner, :is_shared, :query)
    ON CONFLICT (filter_id) DO UPDATE SET query = excluded.query, owner = excluded.owner, recorded_at = clock_timestamp()
    """
)


async def remove(connection: WriteConnection, filter_id: str) -> None:
    """Remove a filter; one that is not there is removed already."""
    await connection.execute(text("DELETE FROM saved_filter WHERE filter_id = :filter_id"), {"filter_id": filter_id})
