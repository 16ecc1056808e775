"""Lets an order follow what its channel says of it: places it, or carries the difference out, one step in each transaction.

What was carried out is stored as said in the transaction that did it (`channel_order.said`). So a process may die after any of
them: the next one reads what is said and held, and goes on with what is left. What an order cannot follow opens an exception
and counts as carried out; the rest goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto

from channels.channel import Misfit, Said
from channels.heard import heard
from database import channel_order, exception, exchange, refund
from database.channel_order import ChannelOrder
from database.connect import WriteConnection
from database.exception import ClosingFact
from database.exchange import subject_of
from database.outbox import channel_notice
from domain.channel_difference import (
    UNMAPPED,
    Stated,
    after,
    as_known_before,
    difference,
    differs_by_items_only,
    followed,
    is_followed,
    still_wanted,
)
from domain.network import Network
from domain.order import NewOrder
from domain.reasons import ExceptionCode
from domain.units import Opened
from network.validate_order import WrongField
from transactions import channel_reply, till_sale
from transactions.channel_reply import Reply
from transactions.channel_step import Refused, carry_out, held_unmapped, knowing, refuse, unknown_items, unmapped
from transactions.order import UsedForAnotherOrder, accept
from transactions.sourcing import CLAIM_TRIES_MAX, StockTaken
from transactions.transaction import OrderTransactions, Transaction, Work

FORGOTTEN = "its order was forgotten here"
OLDER = "a newer document of its order was carried out"
REQUEST = "a request of the customer"
"""What an exception is about that a person decides."""


class SaidTwice(Exception):
    """Two documents of the same instant differ: which one counts, only the channel can say."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a channel says of one of its orders, in something that came."""

    channel: str
    said: Said
    exchange: int
    """What it came in."""
    externals: tuple[str, ...]
    """All orders that this is about."""
    finishes: bool = True
    """Whether it is the last of them."""
    was_misfit: bool = False
    """Whether it did not fit when it was tried before."""
    is_read_again: bool = False
    """Whether it was read at the channel for this purpose: it counts, whatever was said before at the same instant."""
    reply: Reply | None = None
    """How it is answered; None = it is not."""


async def follow(transactions: OrderTransactions, document: Document) -> None:
    """Bring the order of a document to what the document says. Safe to repeat at any time.

    Raises `Misfit` when a new order cannot be placed as it is, `SaidTwice`, and `StockTaken` when others keep taking its stock.
    """
    refused: Refused | None = None
    tries = 0
    while True:
        try:
            async with transactions.begin() as transaction:
                if await _go_on(transactions, transaction, document, refused):
                    return
            refused, tries = None, 0
        except Refused as error:
            refused = error
        except StockTaken:
            tries += 1
            if tries == CLAIM_TRIES_MAX:
                raise


async def _go_on(
    transactions: OrderTransactions, transaction: Transaction, document: Document, refused: Refused | None
) -> bool:
    """Carry out the next step that changes something; answers whether nothing is left to do."""
    connection, channel, name = transaction.connection, document.channel, document.said.external
    await channel_order.lock(connection, channel, name)
    known = await channel_order.find(connection, channel, name)
    if known is None or known.order is None:
        return await _begin(transactions, connection, document, known)
    work = await transactions.on(transaction, known.order)
    known = await channel_order.find(connection, channel, name)  # again: now it is as its order's lock keeps it
    assert known is not None, "an order of a channel stays one"
    digest = await _digest(connection, document)
    now = _stated(document.said, work.active, known.said)
    match _judge(known, now, digest, document):
        case Verdict.COUNTS:
            return await _follow(transactions, work, document, known, now, digest, refused)
        case Verdict.UNCLEAR:
            raise SaidTwice(known.order)
        case Verdict.OLDER:
            await _reply(connection, document, known.order)
            return await _pass_over(connection, document, OLDER)
        case Verdict.FORGOTTEN:
            await exchange.erase(connection, document.exchange)
            return await _pass_over(connection, document, FORGOTTEN)


class Verdict(Enum):
    """Whether a document counts."""

    COUNTS = auto()
    OLDER = auto()
    UNCLEAR = auto()
    FORGOTTEN = auto()


def _judge(known: ChannelOrder, now: Stated | None, digest: str, document: Document) -> Verdict:
    """Whether a document counts beside the one that was carried out last."""
    if known.is_forgotten:
        return Verdict.FORGOTTEN
    if document.said.version != known.version:
        return Verdict.COUNTS if document.said.version > known.version else Verdict.OLDER
    if document.is_read_again or digest == known.digest or differs_by_items_only(known.said, now):
        return Verdict.COUNTS
    return Verdict.UNCLEAR


async def _digest(connection: WriteConnection, document: Document) -> str:
    """The fingerprint of what the channel says, whatever the network knows of it."""
    said = document.said
    named = {one.line: one.external for one in said.unmapped}
    stated = None if said.order is None else Stated.of(said.order, named, said.paid_back)
    return await channel_order.fingerprint(connection, stated)


def _stated(said: Said, network: Network, before: Stated | None) -> Stated | None:
    """What a document says, with every item that this version of the network does not know."""
    if said.order is None:
        return None
    named = {one.line: one.external for one in said.unmapped}
    for line in said.order.lines:
        if line.sku not in network.items and line.line not in named and not _was_known(before, line.line, line.sku):
            named[line.line] = line.sku
    return Stated.of(said.order, named, said.paid_back)


def _was_known(before: Stated | None, line: str, sku: str) -> bool:
    """Whether a line had this item when it was placed: what is retired since stays what it was."""
    return before is not None and line in before.lines and before.lines[line].sku == sku and line not in before.unmapped


async def _begin(
    transactions: OrderTransactions, connection: WriteConnection, document: Document, known: ChannelOrder | None
) -> bool:
    """Place an order that was not placed before, if anything of it is wanted."""
    said, digest = document.said, await _digest(connection, document)
    if known is not None:
        match _judge(known, None, digest, document):
            case Verdict.OLDER:
                return await _pass_over(connection, document, OLDER)
            case Verdict.UNCLEAR:
                raise SaidTwice(said.external)
    sold = known.sold_there if known else {}
    if said.order is None:
        if said.sold_there:
            _, network = await transactions.networks.active(connection)
            sold = await till_sale.record(connection, network, document.channel, said, document.exchange, sold)
        await _keep(connection, document, ChannelOrder(None, said.version, digest, None, sold))
        await _reply(connection, document, None)
        return await _pass_over(connection, document, f"nothing of it is wanted: {said.why_not}")
    now = await _place(transactions, connection, document.channel, said, said.order)
    await _keep(connection, document, ChannelOrder(said.order.order, said.version, digest, now, sold))
    _, network = await transactions.networks.active(connection)
    await channel_notice.owe_all(connection, said.order.order, heard(network, document.channel))
    if said.requests:  # of an order that has just come no earlier one is open
        await _name_requests(connection, document, said.order.order, datetime.now(UTC))
    await _reply(connection, document, said.order.order)
    return await _finish(connection, document)


async def _place(
    transactions: OrderTransactions, connection: WriteConnection, channel: str, said: Said, order: NewOrder
) -> Stated:
    """Place an order; on hold, where nobody knows an item of it. Raises `Misfit`."""
    network = await transactions.networks.hold_active(connection)
    now = _stated(said, network, None)
    assert now is not None
    if order.channel != channel:
        raise Misfit(f"it is an order of channel {order.channel}")
    try:
        is_new = await accept(
            connection, order, knowing(network, unknown_items(now)), [held_unmapped()] if now.unmapped else []
        )
    except WrongField as error:
        raise Misfit(f"{order.order} cannot be placed: {_words(error)}") from error
    except UsedForAnotherOrder as error:
        raise Misfit(f"{order.order} was placed with another body, and not by this connection") from error
    if is_new:
        opened = unmapped(now, list(now.lines))
        await exception.open_all(connection, opened, order=order.order, cause=UNMAPPED, at=datetime.now(UTC))
    return now


def _words(error: WrongField) -> str:
    """What is wrong with an order, without anything of a person."""
    is_of_a_person = error.field.startswith(("ship_to", "bill_to"))
    return f"{error.field} cannot be so" if is_of_a_person else f"{error.field}: {error}"


async def _follow(
    transactions: OrderTransactions,
    work: Work,
    document: Document,
    known: ChannelOrder,
    wanted: Stated | None,
    digest: str,
    refused: Refused | None,
) -> bool:
    """Carry out the first step that changes something of the order; answers whether nothing is left."""
    said, at, why_not = known.said, datetime.now(UTC), document.said.why_not
    now, lost = (None, []) if wanted is None else as_known_before(said, wanted)
    for step in difference(said, now, still_wanted(work.order), await _paid_back(work, now)):
        is_refused = refused is not None and refused.step == step
        if refused is not None and is_refused:
            await refuse(work, refused, now, at, why_not)
        elsewhere = document.said.shipped_elsewhere
        has_changed = is_refused or await carry_out(transactions, work, step, now, at, why_not, elsewhere)
        said = after(said, now, step)
        if has_changed:
            break
    is_done = is_followed(said, now)
    known = (
        replace(known, version=document.said.version, digest=digest, said=followed(said, now))
        if is_done
        else replace(known, said=said)
    )
    await _keep(work.connection, document, known)
    if document.reply is not None:
        await channel_reply.note_step(work.connection, document.reply, document.said, work.header.order)
    if is_done:
        await _name_what_is_lost(work, lost, at)
        await _name_what_is_not_followed(work, document, at)
        await _name_requests(work.connection, document, work.header.order, at)
        await _reply(work.connection, document, work.header.order)
        await _finish(work.connection, document)
    return is_done


async def _reply(connection: WriteConnection, document: Document, order: str | None) -> None:
    """Answer a document that asks for an answer, once nothing of it is left to do."""
    if document.reply is not None:
        await channel_reply.answer(connection, document.reply, document.said, order)


async def _paid_back(work: Work, now: Stated | None) -> Mapping[str, int]:
    """By line, the units that are paid back here; read only where the channel has paid some back."""
    return (await refund.account(work.connection, work.header.order)).units if now and now.paid_back else {}


async def _name_what_is_lost(work: Work, lines: list[str], at: datetime) -> None:
    """Open an exception, once, for each line whose item was known and is not known any more."""
    for line in lines:
        detail = f"the item of line {line} is not known any more: what the channel changes of it is not followed"
        opened = [Opened(ExceptionCode.CHANNEL_MISFIT, detail, subject=line)]
        await exception.open_all(work.connection, opened, order=work.header.order, cause=f"lost {line}", at=at)


async def _name_what_is_not_followed(work: Work, document: Document, at: datetime) -> None:
    """Open an exception, once for each document, about what it changes of a placed order that we do not follow."""
    if document.said.not_followed:
        what = ", ".join(document.said.not_followed)
        detail = f"{document.channel} changes {what}: a placed order keeps them; agree with the channel"
        opened = [Opened(ExceptionCode.CHANNEL_MISFIT, detail, subject=subject_of(document.exchange))]
        cause = f"{subject_of(document.exchange)} not followed"
        await exception.open_all(work.connection, opened, order=work.header.order, cause=cause, at=at)


async def _name_requests(connection: WriteConnection, document: Document, order: str, at: datetime) -> None:
    """Open an exception, once, for each request that a person decides; they close when nothing is asked for any more."""
    for one in document.said.requests:
        opened = [Opened(ExceptionCode.CHANNEL_MISFIT, f"{document.channel}: {one}", subject=REQUEST)]
        await exception.open_all(connection, opened, order=order, cause=f"{REQUEST}: {one}", at=at)
    if not document.said.requests:
        fact = ClosingFact(subject_of(document.exchange), f"channel:{document.channel}", at)
        await exception.close_about(connection, order, ExceptionCode.CHANNEL_MISFIT, [REQUEST], fact)


async def _keep(connection: WriteConnection, document: Document, known: ChannelOrder) -> None:
    said = document.said
    await channel_order.keep(connection, document.channel, said.external, known, said.why_not)


async def _pass_over(connection: WriteConnection, document: Document, reason: str) -> bool:
    """Do nothing with a document, for this reason."""
    if document.finishes:
        await exchange.finish(connection, document.exchange, "passed_over", document.externals, reason)
        await _close_misfits(connection, document, [])
    return True


async def _finish(connection: WriteConnection, document: Document) -> bool:
    """A document was carried out; what did not fit of its order before is over."""
    older = await exchange.pass_over_older(connection, document.channel, document.said.external, document.exchange)
    if document.finishes:
        await exchange.finish(connection, document.exchange, "applied", document.externals)
    await _close_misfits(connection, document, older)
    return True


async def _close_misfits(connection: WriteConnection, document: Document, older: list[int]) -> None:
    exchanges = [*older, *([document.exchange] if document.was_misfit else [])]
    if exchanges:
        fact = ClosingFact(subject_of(document.exchange), f"channel:{document.channel}", datetime.now(UTC))
        subjects = [subject_of(exchange) for exchange in exchanges]
        await exception.close_about(connection, None, ExceptionCode.CHANNEL_MISFIT, subjects, fact)
