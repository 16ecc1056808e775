"""What becomes of stock levels that connected channels were sent: what stood there afterwards, and what needs a person."""

from collections.abc import Mapping
from datetime import UTC, datetime

from database import channel_level, exception
from database.exception import ClosingFact
from domain.channel_level import TRIES_MAX, Kept
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

REFUSED = ExceptionCode.CHANNEL_REFUSED
WHY_LENGTH_MAX = 500


async def keep(
    transactions: OrderTransactions, channel: str, now: Mapping[str, Kept], refused: str | None = None
) -> None:
    """Store what is known of items since the channel answered, or `refused` them, which is its text.

    An item that the channel refuses, or of which it goes on having another number, opens an exception; the exception closes
    when the number that is wanted stands there.
    """
    failing = [external for external, kept in now.items() if kept.tries >= TRIES_MAX]
    agreed = [external for external, kept in now.items() if kept.available == kept.wanted]
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await channel_level.keep(connection, channel, now)
        fact = ClosingFact(f"stock levels of {channel}", f"channel:{channel}", datetime.now(UTC))
        subjects = [_subject(channel, external) for external in agreed + failing]
        await exception.close_about(connection, None, REFUSED, subjects, fact)
        opened = [_opened(channel, external, refused or _differs(external, now[external])) for external in failing]
        cause = f"{fact.cause} {fact.at.isoformat()}"
        await exception.open_all(connection, opened, order=None, cause=cause, at=fact.at, about=channel)


async def retry(transactions: OrderTransactions, channel: str) -> int:
    """Send the levels again that a person must look at, and those of items that the channel did not have; how many."""
    async with transactions.database.at_once() as connection:
        return await channel_level.retry(connection, channel)


def _differs(external: str, kept: Kept) -> str:
    return (
        f"{kept.wanted} of {external} were sent {TRIES_MAX} times, and {kept.available} stand there: somebody or something "
        "else changes them"
    )


def _opened(channel: str, external: str, why: str) -> Opened:
    detail = f"{channel} does not take the stock level of {external}: {why[:WHY_LENGTH_MAX]}"
    return Opened(REFUSED, detail, subject=_subject(channel, external))


def _subject(channel: str, external: str) -> str:
    return f"{channel} {external}"
