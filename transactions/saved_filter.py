"""Saves and removes the filters of pages that people keep under a name (docs/decisions/0071)."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from database import saved_filter
from database.connect import Database
from database.key import Caller
from database.saved_filter import KEPT_MAX, SavedFilter
from domain.role import Role


class NotKept(Exception):
    """A filter cannot be saved or removed; the text says why."""


async def save(database: Database, holder: Caller, *, page: str, name: str, is_shared: bool, query: str) -> SavedFilter:
    """Save a filter under a name; one of this name that is the holder's own takes the new query and keeps its link.

    Raises `NotKept` when another person's shared filter has the name, when there are too many, and when the role is too low.
    """
    if is_shared and not holder.role.includes(Role.ACT):
        raise NotKept("the role act is needed to share a filter; save it for yourself")
    async with database.write() as connection:
        await saved_filter.lock(connection)
        known = await saved_filter.visible(connection, holder.actor)
        same = next((one for one in known if (one.page, one.name, one.is_shared) == (page, name, is_shared)), None)
        if same and not may_change(holder, same):
            raise NotKept(f"{same.owner} has shared a filter with this name; choose another name")
        if same is None and sum(one.is_shared is is_shared for one in known) >= KEPT_MAX:
            raise NotKept(f"there are {KEPT_MAX} already; remove one first")
        made = SavedFilter(secrets.token_hex(8), page, name, holder.actor, is_shared, query, datetime.now(UTC))
        kept = replace(same, query=query) if same else made
        await saved_filter.save(connection, kept)
    return kept


async def remove(database: Database, holder: Caller, filter_id: str) -> None:
    """Remove a filter. Raises `NotKept` when it is another person's; an admin may remove what is shared."""
    async with database.write() as connection:
        await saved_filter.lock(connection)
        known = await saved_filter.named(connection, filter_id)
        if known is None:
            return
        if not may_change(holder, known):
            raise NotKept(f"it is of {known.owner}; only they, and for a shared one an admin, can remove it")
        await saved_filter.remove(connection, filter_id)


def may_change(holder: Caller, known: SavedFilter) -> bool:
    """Whether somebody may change or remove a filter: their own, and an admin any that is shared."""
    return known.owner == holder.actor or (known.is_shared and holder.role.includes(Role.ADMIN))
