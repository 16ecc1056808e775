"""Forgets what is personal of an order; everything else stays, and goes on."""

from dataclasses import dataclass
from datetime import datetime

from database import order, personal
from database.connect import Database
from domain.order import ForgetRequest


@dataclass(frozen=True, slots=True)
class Forgotten:
    """When an order was forgotten, and whether that was now."""

    at: datetime
    is_new: bool


class StillOpen(Exception):
    """Units of the order have not shipped: who ships them may still need the address."""

    def __init__(self, name: str, units: int) -> None:
        """How many units."""
        super().__init__(f"{name} has {units} unit{'s' if units != 1 else ''} that neither shipped nor were cancelled")


async def forget(database: Database, name: str, asked: ForgetRequest, *, actor: str) -> Forgotten:
    """Erase what is personal of an order, in one transaction; asked again, it answers since when it is forgotten.

    `actor` is who asks where the body names nobody. Raises `UnknownOrder` and `StillOpen`.
    """
    async with database.write() as connection:
        await order.lock(connection, name)
        known = await personal.forgotten_at(connection, name)
        if known is not None:
            return Forgotten(known, is_new=False)
        unshipped = await order.unshipped(connection, name)
        if unshipped and not asked.even_if_open:
            raise StillOpen(name, unshipped)
        remark = await personal.note(connection, None, asked.actor or actor, asked.reason)
        return Forgotten(await personal.forget(connection, name, remark), is_new=True)
