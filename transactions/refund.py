"""Asks channels to refund customers for returned units, each amount once, and records the payments that they report."""

from collections.abc import Container, Sequence
from dataclasses import replace as replace_fields
from datetime import datetime

from database import address, refund, returns
from database.order import Event
from database.outbox.signal import RETURN_MESSAGE
from database.refund import Cut, Unsettled
from domain import identifiers
from domain.event import ChannelEvent, EventKind, about_return
from domain.pickup import Destination
from domain.reasons import ExceptionCode
from domain.refund import Payment, RefundKind, owed, payment
from domain.returns import ReturnMessage, ReturnState
from domain.units import Opened
from transactions.replacement import replace
from transactions.transaction import Work


async def ask_for_refunds(work: Work, state: ReturnState, at: datetime) -> str | None:
    """Ask the channel for the refund that is owed for a return, under its order's lock; None when nothing is owed.

    Answers the refund's id, which is made from the number of earlier refunds. Its units are no longer owed: so a repeated call
    asks for nothing more. A refund of 0 is settled at once.
    """
    if not (units := owed(state)):
        return None
    due = await _due(work, state, units)
    report_cut(work, state.return_, due)
    kind = _kind(work, state, units)
    if kind is not RefundKind(state.resolution) and not work.header.is_forgotten:
        _tell_that_nothing_is_sent(work, state, _gone(work, state, units), due)
    name = await refund.ask(work.connection, state.order, state.return_, kind, due, at)
    if kind is RefundKind.EXCHANGE:
        await _exchange(work, state, name, due, at)
    elif due.amount:
        work.channel_events.append(await _asking(work, state, name, kind, due))
    else:
        await _settle_at_once(work, state, name, 0, at)
    return name


def report_cut(work: Work, name: str, due: Payment, *, is_asked: bool = True) -> None:
    """Open an exception when less was captured than the customer should get for a return or a claim. Only what was asked for
    is paid later, when more is captured."""
    if due.cut:
        owed_in_all = due.amount + due.cut
        detail = f"{name}: {owed_in_all} is owed, and {due.amount} is paid back, because no more was captured"
        work.changes.opened.append(Opened(ExceptionCode.REFUND_SHORT, detail, subject=name if is_asked else None))


async def pay_what_was_cut(work: Work, room: int, event: Event) -> None:
    """Ask for what earlier refunds were cut by, the oldest first, as far as the captured amount has room for it.

    An exchange stays with a person: its order was placed for the whole worth.
    """
    for cut in await refund.cuts(work.connection, work.header.order):
        amount = min(cut.amount, room)
        if amount > 0:
            room -= amount
            await refund.cover(work.connection, cut.refund, amount)
            await _ask_for_the_rest(work, cut, Payment(amount, 0, {}, {}), event)


async def _ask_for_the_rest(work: Work, cut: Cut, due: Payment, event: Event) -> None:
    """Ask for a part of what a refund was cut by. It is for no units: those of the first refund count already."""
    order = work.header.order
    name = await refund.ask(work.connection, order, cut.name, cut.kind, due, event.occurred_at, is_claim=cut.is_claim)
    facts = {
        "refund": name,
        "amount": due.amount,
        "currency": work.header.currency,
        "resolution": cut.kind,
        "lines": [],
    }
    about = {"claim" if cut.is_claim else "return": cut.name}
    work.channel_events.append(ChannelEvent(EventKind.REFUND_REQUESTED, about | facts))
    if not cut.is_claim:
        state = await returns.next_version(work.connection, cut.name)
        workflow_id, recorded = identifiers.return_workflow_id(cut.name), {"recorded": state.model_dump(mode="json")}
        await work.transaction.signal(workflow_id, order, RETURN_MESSAGE, recorded)


def _kind(work: Work, state: ReturnState, units: Container[str]) -> RefundKind:
    """What the customer gets for units of these lines. An exchange that cannot be sent becomes money: a forgotten order has no
    address, and what is retired is not sold any more."""
    requested = RefundKind(state.resolution)
    if requested is RefundKind.EXCHANGE and (work.header.is_forgotten or _gone(work, state, units)):
        return RefundKind.REFUND
    return requested


def _gone(work: Work, state: ReturnState, units: Container[str]) -> list[str]:
    """What should be sent in exchange for units of these lines, and is retired."""
    wanted = {line.exchange_for or line.sku for line in state.lines if line.line in units}
    return sorted(wanted - work.active.items.keys())


def _tell_that_nothing_is_sent(work: Work, state: ReturnState, retired: Sequence[str], due: Payment) -> None:
    """Tell a person that the customer gets money instead of goods, or neither of them."""
    code = ExceptionCode.RETURN_MISFIT if due.amount else ExceptionCode.REPLACEMENT_LOST
    instead = "it is paid back instead" if due.amount else "no money is owed instead"
    detail = f"{', '.join(retired)} is retired, and cannot be sent for {state.return_}: {instead}"
    work.changes.opened.append(Opened(code, detail))


async def _settle_at_once(work: Work, state: ReturnState, name: str, amount: int, at: datetime) -> None:
    await refund.mark_settled(work.connection, name, amount, at)
    await returns.mark(work.connection, state.return_, "settled_at", at)


async def _exchange(work: Work, state: ReturnState, name: str, due: Payment, at: datetime) -> None:
    """Place the replacement order, which the owed amount pays for; the channel has nothing to pay."""
    about, _, number = name.removeprefix(f"{state.order}-").partition("-m")
    skus = {line.line: line.exchange_for or line.sku for line in state.lines}
    pickup_node, request = await returns.exchange_goes_to(work.connection, state.return_)
    ship_to = await address.asked_for(work.connection, state.order, request) if request else None
    placed = await replace(work, about, int(number), skus, due, at, Destination(pickup_node, ship_to))
    if placed is not None:
        await refund.replaced_by(work.connection, name, placed)
        work.channel_events.append(about_return(EventKind.EXCHANGED, state.return_, order=placed))
    await _settle_at_once(work, state, name, due.amount, at)


async def record_payment(work: Work, state: ReturnState, units: dict[str, int], amount: int, at: datetime) -> None:
    """Record that the channel has paid the customer back by itself for units of a return, with whatever amount it chose.

    What we would have asked for is stored beside it.
    """
    due = replace_fields(await _due(work, state, units), cut=0)
    name = await refund.ask(work.connection, state.order, state.return_, RefundKind.REFUND, due, at)
    await _settle_at_once(work, state, name, amount, at)


async def confirm(work: Work, state: ReturnState, message: ReturnMessage) -> None:
    """Record that the customer was paid.

    A message without a refund and an amount settles the return as a whole. If no refund was asked for, the whole return
    counts as paid. If refunds were asked for only a part, the rest that is owed counts as paid too, so that it is not paid
    twice. The channel may have meant only the part, so this opens an exception.
    """
    asked = await refund.unsettled(work.connection, state.order, state.return_)
    is_unasked = not asked and not any(line.refunded for line in state.lines)
    if is_unasked and message.refund is None:
        asked = await _paid_unasked(work, state, {line.line: line.quantity for line in state.lines}, message)
    elif _is_about_all(work, state, message) and (units := owed(state)):
        before = sum(known.amount for known in asked)
        asked = await _paid_unasked(work, state, units, message)
        more = sum(known.amount for known in asked) - before
        _misfit(work, state.return_, f"{more} was not requested yet, and counts as paid")
    meant = [known for known in asked if message.refund in (None, known.refund)]
    if message.refund and not meant:
        _misfit(work, state.return_, f"{message.refund} is not one of its unsettled refunds")
        return
    await settle(work, state.return_, meant, message.amount, message.occurred_at)
    await returns.mark(work.connection, state.return_, "settled_at", message.occurred_at)


def _is_about_all(work: Work, state: ReturnState, message: ReturnMessage) -> bool:
    """Whether a message settles the whole return; never for an exchange, which the channel does not pay."""
    is_money = _kind(work, state, owed(state)) is not RefundKind.EXCHANGE
    return is_money and message.refund is None and message.amount is None


async def _paid_unasked(
    work: Work, state: ReturnState, units: dict[str, int], message: ReturnMessage
) -> list[Unsettled]:
    """Store a refund that was not asked for; return all unsettled refunds of the return."""
    due = await _due(work, state, units)
    if message.amount is None:
        report_cut(work, state.return_, due, is_asked=False)
    await refund.ask(
        work.connection,
        state.order,
        state.return_,
        RefundKind(state.resolution),
        replace_fields(due, cut=0),
        message.occurred_at,
    )
    return await refund.unsettled(work.connection, state.order, state.return_)


async def settle(work: Work, name: str, meant: Sequence[Unsettled], paid: int | None, at: datetime) -> None:
    """Settle the refunds of a return or a claim one after the other from the amount `paid`; None = the requested amount.

    Another amount is recorded as it is, and opens an exception.
    """
    asked = sum(known.amount for known in meant)
    left = asked if paid is None else paid
    if left != asked:
        _misfit(work, name, f"{left} was paid where {asked} was requested")
    for position, known in enumerate(meant):
        got = left if position == len(meant) - 1 else min(left, known.amount)
        await refund.mark_settled(work.connection, known.refund, got, at)
        left -= got


async def _due(work: Work, state: ReturnState, units: dict[str, int]) -> Payment:
    return payment(
        units,
        work.order.prices,
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
