"""What becomes of the notices for connected channels.

A notice that a channel will not take, or has not taken for long, opens an exception of its order, with the channel's own text.
It closes when the channel takes the notice later, or when a person decides to leave it. While a channel does not answer at all,
all its notices wait for the same reason: that is one exception, of the channel.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from channels.channel import OutgoingDocument
from database import channel_order, exception, order, personal
from database.connect import WriteConnection
from database.exception import ClosingFact
from database.outbox import channel_notice
from database.outbox.channel_notice import Owed, silence_of
from domain.reasons import ExceptionCode
from domain.units import Opened
from formats.x12.partner import Partner
from transactions import x12_document
from transactions.transaction import FORGOTTEN_DETAIL, OrderTransactions, Transaction

REFUSED = ExceptionCode.CHANNEL_REFUSED
WHY_LENGTH_MAX = 500


class Outdated(Exception):
    """The order has changed since the documents about it were computed."""


async def took(
    transactions: OrderTransactions,
    owed: Owed,
    ids: Mapping[str, str],
    documents: Sequence[OutgoingDocument] = (),
    partner: Partner | None = None,
    version: int | None = None,
) -> None:
    """Note that the channel took a notice, and close the exception about it; keep the documents by which its `partner` learns
    of it, which were computed from this `version` of the order. A notice that another process took meanwhile gives no document.

    Raises `Outdated`: what was answered to the partner meanwhile is newer than these documents.
    """
    if not owed.has_exception and not documents:
        async with transactions.database.at_once() as connection:
            await channel_notice.took(connection, owed, ids)
        return
    async with transactions.begin() as transaction:
        connection = transaction.connection
        if await order.lock_version(connection, owed.order) != version and documents:
            raise Outdated(owed.order)
        if not await channel_notice.took(connection, owed, ids):
            return
        await _write(connection, owed, documents, partner)
        if await exception.close_about(connection, owed.order, REFUSED, [owed.name], _fact(owed)):
            await transaction.changed(owed.order)


async def _write(
    connection: WriteConnection, owed: Owed, documents: Sequence[OutgoingDocument], partner: Partner | None
) -> None:
    """Keep the documents by which a partner learns of a notice; its order is locked."""
    for one in documents:
        assert partner is not None, "only kinds with a mailbox write documents"
        at = datetime.now(UTC)
        await x12_document.write(connection, partner, one.one, one.key, at, order=owed.order, about=one.about)


async def refused(
    transactions: OrderTransactions,
    owed: Owed,
    why: str,
    ids: Mapping[str, str] | None = None,
    documents: Sequence[OutgoingDocument] = (),
    partner: Partner | None = None,
    version: int | None = None,
) -> None:
    """Open the exception that a channel will not take a notice, instead of an earlier one about the same notice; keep the names
    of what it took all the same, and the documents that it gets of it, as `took` does.

    Nothing happens when somebody has asked meanwhile to have it sent again. Raises `Outdated`, as `took` does.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        if await order.lock_version(connection, owed.order) != version and documents:
            raise Outdated(owed.order)
        is_forgotten = await personal.forgotten(connection, owed.order) is not None
        text = FORGOTTEN_DETAIL.format(code=REFUSED) if is_forgotten else why[:WHY_LENGTH_MAX]
        if not await channel_notice.refused(connection, owed, text, ids or {}):
            return
        await _write(connection, owed, documents, partner)
        fact = _fact(owed)
        await exception.close_about(connection, owed.order, REFUSED, [owed.name], fact)
        detail = text if is_forgotten else f"{owed.channel} does not take the notice “{owed.kind}”: {text}"
        await _open(transaction, owed, detail, f"{fact.cause} {fact.at.isoformat()}", fact.at)


async def waits(transactions: OrderTransactions, owed: Owed, why: str) -> None:
    """Open the exception that a channel has not taken a notice for long, once for each time that it is asked for."""
    cause = f"notice {owed.name} since {owed.since.isoformat()}"
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await order.lock(connection, owed.order)
        if await exception.was_opened(connection, REFUSED, owed.order, cause):
            return  # a person has resolved it
        if await personal.forgotten(connection, owed.order) is not None:
            detail = FORGOTTEN_DETAIL.format(code=REFUSED)
        else:
            begun = f"{owed.since:%Y-%m-%d %H:%M} UTC"
            detail = (
                f"{owed.channel} has not taken the notice “{owed.kind}” since {begun}; it is sent again and again: "
            )
            detail += why[:WHY_LENGTH_MAX]
        await _open(transaction, owed, detail, cause, datetime.now(UTC))


async def is_silent(transactions: OrderTransactions, owed: Owed, why: str) -> None:
    """Open the exception that a channel does not answer, unless one is open about that, or about access to it."""
    about = silence_of(owed.channel)
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await channel_order.lock(
            connection, owed.channel, about
        )  # other notices of the channel fail in the same moment
        for subject in (about, owed.channel):
            if await exception.is_open_about(connection, REFUSED, subject):
                return
        at = datetime.now(UTC)
        detail = (
            f"{owed.channel} does not take what it is to be notified of: {why[:WHY_LENGTH_MAX]}; the oldest notice is of "
            f"{owed.since:%Y-%m-%d %H:%M} UTC, and all are sent again and again"
        )
        opened, cause = [Opened(REFUSED, detail, subject=about)], f"{about} {at.isoformat()}"
        await exception.open_all(connection, opened, order=None, cause=cause, at=at, about=owed.channel)


async def answers_again(transactions: OrderTransactions, owed: Owed) -> None:
    """Close the exception that a channel does not answer."""
    async with transactions.begin() as transaction:
        await exception.close_about(transaction.connection, None, REFUSED, [silence_of(owed.channel)], _fact(owed))


async def retry(transactions: OrderTransactions, channel: str) -> int:
    """Send all notices now that a channel has not taken, also those that it refused; answers how many were not due before."""
    async with transactions.database.at_once() as connection:
        return await channel_notice.retry(connection, channel)


async def _open(transaction: Transaction, owed: Owed, detail: str, cause: str, at: datetime) -> None:
    opened = Opened(REFUSED, detail, owed.data.get("fulfillment_order"), subject=owed.name)
    await exception.open_all(transaction.connection, [opened], order=owed.order, cause=cause, at=at)
    await transaction.changed(owed.order)


def _fact(owed: Owed) -> ClosingFact:
    return ClosingFact(f"notice {owed.name}", f"channel:{owed.channel}", datetime.now(UTC))
