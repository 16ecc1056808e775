"""Asks channels to pay customers back for what they return, each amount once, and takes in what they say of it."""

from collections.abc import Sequence
from datetime import datetime

from database import refund, returns
from database.refund import Unsettled
from domain.event import ChannelEvent, EventKind, about_return
from domain.reasons import ExceptionCode
from domain.refund import Payment, RefundKind, owed, payment
from domain.returns import ReturnMessage, ReturnState
from domain.units import Opened
from transactions.replacement import replace
from transactions.transaction import Work


async def ask_for_refunds(work: Work, state: ReturnState, at: datetime) -> bool:
    """Ask the channel for what is owed for a return, under its order's lock; false when nothing is.

    The refund's id is made from how many there were, and what it is about is not owed any more: so asking twice is asking
    once. Where nothing is to be paid, it is settled at once.
    """
    if not (units := owed(state)):
        return False
    due = await _due(work, state, units)
    kind = _kind(work, state)
    name = await refund.ask(work.connection, state.order, state.return_, kind, due, at)
    if kind is RefundKind.EXCHANGE:
        await _exchange(work, state, name, due, at)
    elif due.amount:
        work.told.append(await _asking(work, state, name, kind, due))
    else:
        await _settle_at_once(work, state, name, 0, at)
    return True


def _kind(work: Work, state: ReturnState) -> RefundKind:
    """What the customer gets. Nothing can be sent in exchange for an order that was forgotten: then it is his money."""
    wished = RefundKind(state.resolution)
    return RefundKind.REFUND if wished is RefundKind.EXCHANGE and work.header.is_forgotten else wished


async def _settle_at_once(work: Work, state: ReturnState, name: str, amount: int, at: datetime) -> None:
    await refund.mark_settled(work.connection, name, amount, at)
    await returns.mark(work.connection, state.return_, "settled_at", at)


async def _exchange(work: Work, state: ReturnState, name: str, due: Payment, at: datetime) -> None:
    """What is owed pays for another order, and nobody has to be asked."""
    suffix = name.removeprefix(f"{state.order}-").replace("-m", "-x")
    skus = {line.line: line.exchange_for or line.sku for line in state.lines}
    placed = await replace(work, suffix, skus, due, at)
    if placed is not None:
        await refund.replaced_by(work.connection, name, placed)
        work.told.append(about_return(EventKind.EXCHANGED, state.return_, order=placed))
    await _settle_at_once(work, state, name, due.amount, at)


async def confirm(work: Work, state: ReturnState, message: ReturnMessage) -> None:
    """Take in that the customer was paid.

    What names neither a refund nor an amount is about the return as a whole. Of a return of which nothing was asked for, all
    of it was paid. Where only a part was, what else is owed counts as paid too, so that nobody pays it twice; but the channel
    may have meant only what it was asked for, so a person is told.
    """
    asked = await refund.unsettled(work.connection, state.order, state.return_)
    is_unasked = not asked and not any(line.refunded for line in state.lines)
    if is_unasked and message.refund is None:
        asked = await _paid_unasked(work, state, {line.line: line.quantity for line in state.lines}, message)
    elif _is_about_all(work, state, message) and (units := owed(state)):
        before = sum(known.amount for known in asked)
        asked = await _paid_unasked(work, state, units, message)
        more = sum(known.amount for known in asked) - before
        _misfit(work, state.return_, f"{more} was not asked for yet, and is taken for paid")
    meant = [known for known in asked if message.refund in (None, known.refund)]
    if message.refund and not meant:
        _misfit(work, state.return_, f"{message.refund} is no refund of it that is still to be settled")
        return
    await settle(work, state.return_, meant, message.amount, message.occurred_at)
    await returns.mark(work.connection, state.return_, "settled_at", message.occurred_at)


def _is_about_all(work: Work, state: ReturnState, message: ReturnMessage) -> bool:
    """An exchange is not paid by the channel, so nothing that it says is about goods that are still to be sent."""
    is_money = _kind(work, state) is not RefundKind.EXCHANGE
    return is_money and message.refund is None and message.amount is None


async def _paid_unasked(
    work: Work, state: ReturnState, units: dict[str, int], message: ReturnMessage
) -> list[Unsettled]:
    """Store a refund that nobody has asked for; answers all that are to be settled now."""
    due = await _due(work, state, units)
    await refund.ask(
        work.connection, state.order, state.return_, RefundKind(state.resolution), due, message.occurred_at
    )
    return await refund.unsettled(work.connection, state.order, state.return_)


async def settle(work: Work, name: str, meant: Sequence[Unsettled], paid: int | None, at: datetime) -> None:
    """What was paid for a return or a claim fills its refunds one after the other; None = what was asked for.

    Another amount is a fact, and a person is told.
    """
    asked = sum(known.amount for known in meant)
    left = asked if paid is None else paid
    if left != asked:
        _misfit(work, name, f"{left} was paid where {asked} was asked")
    for position, known in enumerate(meant):
        got = left if position == len(meant) - 1 else min(left, known.amount)
        await refund.mark_settled(work.connection, known.refund, got, at)
        left -= got


async def _due(work: Work, state: ReturnState, units: dict[str, int]) -> Payment:
    return payment(
        units,
        await returns.sold(work.connection, state.order),
        await refund.account(work.connection, state.order),
        await refund.fees(work.connection, state.return_),
        with_shipping=work.network.policy.returns.refund_shipping,
    )


async def _asking(work: Work, state: ReturnState, name: str, kind: RefundKind, due: Payment) -> ChannelEvent:
    skus = {line.line: line.sku for line in state.lines}
    return about_return(
        EventKind.REFUND_REQUESTED,
        state.return_,
        refund=name,
        amount=due.amount,
        currency=await refund.currency(work.connection, state.order),
        resolution=kind,
        lines=[{"line": line, "sku": skus[line], "quantity": quantity} for line, quantity in due.units.items()],
    )


def _misfit(work: Work, name: str, what: str) -> None:
    work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, f"settled does not fit {name}: {what}"))
