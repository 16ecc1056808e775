"""Forgets what is personal of an order; everything else stays, and goes on."""

from database import order, personal
from database.connect import Database
from database.personal import Forgotten
from domain.request import ForgetRequest


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
