"""Tells people what is wrong with a connection: exceptions that begin with what does not work, and end when it does."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from channels.channel import Checked
from database import connection as statements
from database import exception
from database.connect import ReadConnection, WriteConnection
from database.exception import ClosingFact, OpenOne
from database.outbox.channel_notice import silence_of
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

REFUSED, FAULT = ExceptionCode.CHANNEL_REFUSED, ExceptionCode.CONNECTION_FAULT
CHECK_EVERY = timedelta(days=1)


async def keep_check(transactions: OrderTransactions, channel: str, checked: Checked) -> None:
    """Store a check of a channel. What it finds for a person opens an exception, unless the check before found the same: a
    person may have resolved it. What it does not find any more ends."""
    at, about = datetime.now(UTC), _check_of(channel)
    async with transactions.begin() as transaction:
        connection = transaction.connection
        before = await statements.found_before(connection, channel)
        await statements.keep_check(connection, channel, checked.settings, checked.findings, CHECK_EVERY)
        found = [one.text for one in checked.findings if one.is_for_a_person]
        known = {one.text for one in before if one.is_for_a_person}
        gone = [
            one for one in await exception.open_about(connection, about) if one.detail not in _details(channel, found)
        ]
        await _close(connection, channel, gone)
        new = [
            Opened(FAULT, detail, subject=about) for detail in _details(channel, [t for t in found if t not in known])
        ]
        await exception.open_all(connection, new, order=None, cause=f"{about} {at.isoformat()}", at=at, about=channel)


def _check_of(channel: str) -> str:
    """What the exceptions are about that a check opens."""
    return f"{channel} check"


def _details(channel: str, found: Sequence[str]) -> list[str]:
    return [f"{channel}: {text}" for text in found]


async def keep_out(transactions: OrderTransactions, channel: str, why: str) -> None:
    """The channel refuses our credentials: open an exception that says what to do, unless one is open."""
    detail = f"{channel} does not let us in: {why}; give it credentials that are valid with `starter connect {channel}`"
    await _open(transactions, channel, Opened(REFUSED, detail, subject=channel), [channel])


async def fails(transactions: OrderTransactions, channel: str, since: timedelta, what: str, why: str) -> None:
    """No poll has ended well for so long: open an exception, unless one says already that the channel cannot be reached.

    `what` says in words what does not work.
    """
    at = datetime.now(UTC)
    detail = (
        f"{what} since {at - since:%Y-%m-%d %H:%M} UTC: {why}. It is tried again and again; nothing is lost meanwhile"
    )
    await _open(transactions, channel, Opened(FAULT, detail, subject=channel), [channel, silence_of(channel)])


async def _open(transactions: OrderTransactions, channel: str, opened: Opened, about: Collection[str]) -> None:
    """Open an exception about a channel, unless one is open about any of these subjects."""
    at = datetime.now(UTC)
    async with transactions.begin() as transaction:
        for subject in about:
            if await _open_about(transaction.connection, subject):
                return
        cause = f"access to {channel} {at.isoformat()}"
        await exception.open_all(transaction.connection, [opened], order=None, cause=cause, at=at, about=channel)


async def works(transactions: OrderTransactions, channel: str) -> None:
    """The channel answers: what `keep_out` and `fails` opened is over."""
    async with transactions.database.read() as connection:
        found = await _open_about(connection, channel)
    if found:
        async with transactions.begin() as transaction:
            await _close(transaction.connection, channel, found)


async def _open_about(connection: ReadConnection | WriteConnection, subject: str) -> list[OpenOne]:
    return [one for one in await exception.open_about(connection, subject) if one.code in (REFUSED, FAULT)]


async def _close(connection: WriteConnection, channel: str, found: Sequence[OpenOne]) -> None:
    if found:
        fact = ClosingFact(f"access to {channel}", f"channel:{channel}", datetime.now(UTC))
        await exception.close(connection, [one.exception for one in found], fact)
