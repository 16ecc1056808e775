"""Keeps what comes from connected channels before anything else happens to it, and what became of it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from channels.channel import Message
from database import channel_level, exception, exchange, x12_document
from database.connect import WriteConnection
from database.exception import ClosingFact
from database.exchange import Exchange, subject_of
from database.outbox import channel_notice
from database.request import Request
from domain.reasons import ExceptionCode
from domain.units import Opened
from nodes.kinds import KINDS
from transactions.request import Answer, Asked, Body, answered_once
from transactions.transaction import OrderTransactions

ERASED_AT_ONCE = 1_000
KEPT = timedelta(days=30)
"""How long the bytes of what a warehouse sent are kept after they were carried out."""


async def keep(connection: WriteConnection, channel: str, messages: Sequence[tuple[str, Message]]) -> int:
    """Keep messages of a channel, each under the id that its repeats have in common, in the caller's transaction. They are
    carried out soon, whatever the network or Temporal does meanwhile.

    Answers how many are new.
    """
    return await exchange.keep(connection, channel, messages) if messages else 0


async def does_not_fit(
    transactions: OrderTransactions, known: Exchange, externals: Collection[str], reason: str
) -> None:
    """Note that something cannot be understood or placed, for a reason without anything of a person. Its bytes stay, an
    exception is open about it, and `retry` tries it again."""
    async with transactions.begin() as transaction:
        connection, subject = transaction.connection, subject_of(known.exchange)
        await exchange.finish(connection, known.exchange, "misfit", externals, reason)
        if await exception.is_open_about(connection, ExceptionCode.CHANNEL_MISFIT, subject):
            return
        at = datetime.now(UTC)
        detail = f"what {known.channel} sent ({known.topic or 'a document'}) does not fit: {reason}"
        opened = [Opened(ExceptionCode.CHANNEL_MISFIT, detail, subject=subject)]
        cause = f"{subject} {at.isoformat()}"
        await exception.open_all(connection, opened, order=None, cause=cause, at=at, about=known.channel)


async def applied(transactions: OrderTransactions, known: Exchange) -> None:
    """Note that something about no order was carried out; what was open about it closes."""
    async with transactions.begin() as transaction:
        await applied_in(transaction.connection, known, f"channel:{known.channel}")


async def applied_in(connection: WriteConnection, known: Exchange, actor: str) -> None:
    """As `applied`, inside a transaction that is open already."""
    subject = subject_of(known.exchange)
    await exchange.finish(connection, known.exchange, "applied", known.externals)
    fact = ClosingFact(subject, actor, datetime.now(UTC))
    await exception.close_about(connection, None, ExceptionCode.CHANNEL_MISFIT, [subject], fact)


async def pass_over(transactions: OrderTransactions, known: Exchange, reason: str) -> None:
    """Note that something is about no order that we have or want."""
    async with transactions.begin() as transaction:
        await exchange.finish(transaction.connection, known.exchange, "passed_over", known.externals, reason)


async def postpone(transactions: OrderTransactions, known: Exchange, reason: str, wait: timedelta) -> None:
    """Try something again after a while."""
    async with transactions.database.at_once() as connection:
        await exchange.postpone(connection, known.exchange, reason, wait)


async def retry(transactions: OrderTransactions, asked: Asked[Body]) -> Answer:
    """Try everything again that did not fit of a connection, and send it everything again that it has not taken.

    Answers the number of `documents` that came, of `notices` and of stock `levels`.

    Raises `UsedForAnotherRequest`.
    """
    channel = asked.about
    async with transactions.begin() as transaction:

        async def doing(_: Request) -> Answer:
            return {
                "connection": channel,
                "documents": await exchange.retry(transaction.connection, channel),
                "notices": await channel_notice.retry(transaction.connection, channel)
                + await x12_document.retry(transaction.connection, channel),
                "levels": await channel_level.retry(transaction.connection, channel),
            }

        facts = {"connection": channel}
        return await answered_once(transaction.connection, asked, "retry_connection", facts, doing, subject=channel)


async def erase_old(transactions: OrderTransactions) -> None:
    """Erase the bytes of what was carried out or passed over, once the connection keeps them no longer."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
    kept = {name: known.keep for name, known in network.connections.items()}
    kept |= dict.fromkeys((node.id for node in network.nodes.values() if KINDS[node.dispatch.kind].uses_mailbox), KEPT)
    for name, keep_for in kept.items():
        erased = ERASED_AT_ONCE
        while erased == ERASED_AT_ONCE:
            async with transactions.database.at_once() as writing:
                erased = await exchange.erase_old(writing, name, keep_for, ERASED_AT_ONCE)
