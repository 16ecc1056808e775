"""Forgets what is personal of an order, and changes the master key; everything else stays, and goes on."""

from database import order, personal
from database.connect import Database
from database.personal import Forgotten
from database.sealing import COMMON
from domain.request import ForgetRequest

BATCH = 500
"""Keys that are sealed again in one transaction."""


class StillOpen(Exception):
    """Units of the order have not shipped: who ships them may still need the address."""

    def __init__(self, name: str, units: int) -> None:
        """How many units."""
        super().__init__(f"{name} has {units} unit{'s' if units != 1 else ''} that neither shipped nor were cancelled")


async def forget(database: Database, name: str, asked: ForgetRequest, *, actor: str) -> Forgotten:
    """Erase what is personal of an order, in one transaction; asked again, it answers the first time.

    `actor` is who asks where the body names nobody. Raises `UnknownOrder` and `StillOpen`.
    """
    async with database.write() as connection:
        await order.lock(connection, name)
        if (known := await personal.forgotten(connection, name)) is not None:
            return known
        unshipped = await order.unshipped(connection, name)
        if unshipped and not asked.even_if_open:
            raise StillOpen(name, unshipped)
        await personal.forget(connection, name, asked.actor or actor, asked.reason)
        made = await personal.forgotten(connection, name)
        assert made is not None, f"{name} was forgotten a moment ago"
        return made


async def seal_again(database: Database) -> int:
    """Seal every key with the first master key, many in a transaction; answers how many were sealed with another one."""
    after, sealed = "", 0
    while after != COMMON:
        async with database.write() as connection:
            after, some = await personal.rewrap(connection, after, BATCH)
        sealed += some
    return sealed
