"""Erases the personal data of an order, and changes the master key. All other data stays."""

from datetime import timedelta

import structlog

from channels.channel import FORGET_AFTER
from database import order, personal, tracking, unknown_scan
from database.connect import Database
from database.personal import Forgotten
from database.sealing import COMMON
from domain.request import ForgetRequest
from transactions.transaction import OrderTransactions

BATCH = 500
"""Keys to seal again in one transaction, and orders to forget in one run."""

log = structlog.get_logger("personal")


class StillOpen(Exception):
    """Units of the order have not shipped, so a node may still need the address."""

    def __init__(self, name: str, units: int) -> None:
        """`units` is how many have neither shipped nor been cancelled."""
        super().__init__(f"{name} has {units} unit{'s' if units != 1 else ''} that neither shipped nor were cancelled")


async def forget(database: Database, name: str, asked: ForgetRequest, *, actor: str) -> Forgotten:
    """Erase the personal data of an order, in one transaction. A repeated request gets the first answer.

    `actor` is recorded where the body names no actor. Raises `UnknownOrder` and `StillOpen`.
    """
    async with database.write() as connection:
        await order.lock(connection, name)
        if (known := await personal.forgotten(connection, name)) is not None:
            return known
        unshipped = await order.unshipped(connection, name)
        if unshipped and not asked.even_if_open:
            raise StillOpen(name, unshipped)
        await unknown_scan.erase_of(connection, await tracking.of_order(connection, name))
        await personal.forget(connection, name, asked.actor or actor, asked.reason)
        made = await personal.forgotten(connection, name)
        assert made is not None, f"{name} was forgotten a moment ago"
        return made


async def forget_old(transactions: OrderTransactions) -> None:
    """Erase the personal data of orders whose channel lets it be kept for some days after the delivery only."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
    for name, known in network.connections.items():
        if days := known.entry.get(FORGET_AFTER):
            await _forget_old(transactions.database, name, timedelta(days=int(days.removesuffix("d"))))


async def _forget_old(database: Database, channel: str, keep_for: timedelta) -> None:
    async with database.read_once() as connection:
        found = await personal.to_forget(connection, channel, keep_for, BATCH)
    asked = ForgetRequest(reason=f"{FORGET_AFTER} of {channel}: {keep_for.days} days", actor="retention")
    for name in found:
        try:
            await forget(database, name, asked, actor="retention")
        except Exception as error:  # one order must not keep the others; it is tried again in an hour
            log.exception("an order could not be forgotten", order=name, reason=type(error).__name__)


async def seal_again(database: Database) -> int:
    """Seal every key with the first master key, in batches; return how many were sealed with another one."""
    after, sealed = "", 0
    while after != COMMON:
        async with database.write() as connection:
            after, some = await personal.rewrap(connection, after, BATCH)
        sealed += some
    return sealed
