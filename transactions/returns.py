"""Authorizes returns, records what came back, restocks it, and closes the return."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from database import returns, stock
from database.connect import WriteConnection
from database.order import Event
from database.outbox.inbox import Received
from database.outbox.signal import RETURN_MESSAGE
from database.request import Request
from domain import identifiers
from domain.clock import happened_at
from domain.event import EventKind, about_return, of_return
from domain.reasons import ExceptionCode
from domain.refund import owed
from domain.request import ReturnFacts
from domain.returns import (
    COMES_BACK_WITHIN,
    Applied,
    DispositionRequest,
    NewDisposition,
    ReturnDecision,
    ReturnLineState,
    ReturnMessage,
    ReturnMessageKind,
    ReturnState,
    ReturnStatus,
    apply_message,
    dispose,
    movements,
)
from domain.stock import Movement, explode
from domain.units import Opened
from transactions.announcement import expect_back
from transactions.message import keep_reason, receive
from transactions.new_return import judged
from transactions.refund import ask_for_refunds, confirm
from transactions.request import Answer, Asked, Done, RequestInput, answered_once, done_once, granted
from transactions.transaction import OrderTransactions, Transaction, Work, open_shortages

NAMES_ADDRESS = "names_address"
"""In the facts of a stored return request: true where it names an address, which is stored sealed and not in the facts."""


class ReturnInput(BaseModel):
    """The input of `ReturnWorkflow`: the return's row in PostgreSQL exists first."""

    order: str
    return_: str


class ReturnStep(BaseModel):
    """A step of a return at an instant of its workflow's clock."""

    order: str
    return_: str
    at: datetime


async def request_return(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Store a return of delivered units, as the policy allows; never of units that are in another return.

    For a closed order, the signal of the new return starts its workflow.
    """

    async def doing(work: Work, known: Request) -> Answer:
        facts = dict(known.facts)
        names_address = bool(facts.pop(NAMES_ADDRESS, False))
        body = ReturnFacts.model_validate(facts)
        made = await judged(work, body, asked.at, is_by_channel=known.is_by_channel)
        if isinstance(made, str):
            return {"refused": made}
        made = replace(made, request=known.request_id if names_address else None)
        name = await returns.add(work.connection, asked.order, made, asked.at)
        await expect_back(work.connection, asked.order, name, asked.at)
        if work.header.is_closed:
            await notify_return(work.transaction, await returns.state(work.connection, name))
        return {"return": name}

    return await done_once(transactions, asked, doing)


async def look_at_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """The return's state, read now."""
    async with transactions.database.read() as connection:
        return await returns.state(connection, step.return_)


async def pay(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Ask the channel to pay what the customer is owed now; apart from the goods, so that each can fail and be retried."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        asked = await ask_for_refunds(work, state, step.at)
        if asked is None:
            return state
        return await _written(work, step.return_, Event(f"{asked} asked for", "workflow", step.at))


async def remind(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Remind the channel that nothing has come back yet; several missed reminders become one."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        due = state.reminders_due(step.at)
        if due == state.reminders or not state.waits_for_its_parcel:
            return state
        await returns.remind(work.connection, step.return_, due)
        expires_at = state.expires_at.astimezone(UTC).isoformat()
        work.channel_events.append(about_return(EventKind.RETURN_REMINDER, step.return_, expires_at=expires_at))
        return await _written(work, step.return_, Event(f"{step.return_} reminder {due}", "workflow", step.at))


async def expire_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Expire a return of which nothing has come back in time; its units may be returned again."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        if not state.waits_for_its_parcel or step.at < state.expires_at:
            return state
        await returns.mark(work.connection, step.return_, "expired_at", step.at)
        if state.status is ReturnStatus.IN_TRANSIT:
            detail = f"the parcel of {step.return_} was sent and has not come"
            work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail, subject=step.return_))
        work.channel_events.append(about_return(EventKind.RETURN_EXPIRED, step.return_))
        return await _written(work, step.return_, Event(f"{step.return_} expired", "workflow", step.at))


async def close_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Close a return when it is settled and everything that came back is graded."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        if state.status is not ReturnStatus.SETTLED or not state.is_graded or owed(state):
            return state
        await returns.mark(work.connection, step.return_, "closed_at", step.at)
        return await _written(work, step.return_, Event(f"{step.return_} closed", "workflow", step.at))


async def cancel(transactions: OrderTransactions, asked: Asked[ReturnDecision]) -> None:
    """Cancel a return of which nothing has come back. Raises `UnknownReturn`, `RequestRefused` and `UsedForAnotherRequest`."""
    await _do(transactions, asked, "cancel", _cancel)


async def approve(transactions: OrderTransactions, asked: Asked[ReturnDecision]) -> None:
    """Authorize a return that the policy left to a person. Raises as `cancel`."""
    await _do(transactions, asked, "approve", _approve)


async def decline(transactions: OrderTransactions, asked: Asked[ReturnDecision]) -> None:
    """Decline a return that the policy left to a person. Raises as `cancel`."""
    await _do(transactions, asked, "decline", _decline)


async def change_dispositions(transactions: OrderTransactions, asked: Asked[DispositionRequest]) -> None:
    """Change the disposition of units that are still at the node. Raises as `cancel`."""

    async def doing(work: Work, state: ReturnState, event: Event) -> str | None:
        return await _change_dispositions(work, state, asked.body.lines, event)

    await _do(transactions, asked, "dispose", doing)


async def _do(
    transactions: OrderTransactions, asked: Asked[ReturnDecision | DispositionRequest], kind: str, doing: "_Doing"
) -> None:
    """Store a request and carry it out, in one transaction."""
    async with transactions.begin() as transaction:
        connection, name = transaction.connection, asked.about
        order_name = (await returns.state(connection, name)).order
        # The request's row refers to the order: two requests that write it before they lock the order would deadlock.
        work = await transactions.on(transaction, order_name)

        async def answer(kept: Request) -> Answer:
            event = Event(f"request {kept.request_id}", asked.actor, datetime.now(UTC))
            if refused := await doing(work, await returns.state(connection, name), event):
                return {"refused": refused}
            await _write(work, name, event)
            return {}

        facts = asked.body.model_dump(mode="json", exclude={"reason", "actor"})
        answered = await answered_once(connection, asked, f"{kind} {name}", facts, answer, order=order_name)
    granted(answered)


async def _approve(work: Work, state: ReturnState, event: Event) -> str | None:
    if refused := _is_decided(state):
        return refused
    at = event.occurred_at
    await returns.authorize(work.connection, state.return_, at, at + COMES_BACK_WITHIN)
    work.channel_events.append(about_return(EventKind.RETURN_AUTHORIZED, state.return_, node=state.node))
    return None


async def _decline(work: Work, state: ReturnState, event: Event) -> str | None:
    if refused := _is_decided(state):
        return refused
    await returns.mark(work.connection, state.return_, "declined_at", event.occurred_at)
    work.channel_events.append(about_return(EventKind.RETURN_DECLINED, state.return_))
    return None


async def _cancel(work: Work, state: ReturnState, event: Event) -> str | None:
    if state.status not in (ReturnStatus.REQUESTED, ReturnStatus.AUTHORIZED, ReturnStatus.IN_TRANSIT):
        return f"{state.return_} is {state.status}"
    if any(line.refunded for line in state.lines):
        return "the customer is being paid for it"
    await returns.mark(work.connection, state.return_, "cancelled_at", event.occurred_at)
    work.channel_events.append(about_return(EventKind.RETURN_CANCELLED, state.return_))
    return None


async def _change_dispositions(
    work: Work, state: ReturnState, requested: Sequence[NewDisposition], event: Event
) -> str | None:
    disposed = dispose(state.lines, requested)
    if disposed.refused:
        return disposed.refused
    moved = _moved(work, state.return_, state.lines, disposed.lines)
    if missing := await _missing(work.connection, moved):
        return missing
    await returns.write_lines(work.connection, state.return_, disposed.lines)
    await _book(work, moved, event)
    return None


async def record(
    transactions: OrderTransactions, name: str, message: ReturnMessage, *, sender: str, actor: str
) -> bool:
    """Store a message about a return and apply it to its lines and the node's stock, in one transaction.

    Returns whether the message is new. Raises `UnknownReturn` and `UsedWithAnotherBody`.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        state = await returns.state(connection, name)
        facts = _without_free_text(state, message)
        received = await receive(
            connection, message, sender=sender, about=name, kind=message.kind, facts=facts, actor=actor
        )
        if received is None:
            return False
        await apply(transactions, transaction, state.order, name, message, received)
        return True


async def apply(
    transactions: OrderTransactions,
    transaction: Transaction,
    order_name: str,
    name: str,
    message: ReturnMessage,
    received: Received,
) -> None:
    """Apply a message that the inbox has stored."""
    connection, work = transaction.connection, await transactions.on(transaction, order_name)
    state = await returns.state(connection, name)
    follows = min(fo.released_at for fo in work.order.fulfillment_orders.values())
    occurred_at = happened_at(message.occurred_at, arrived=received.received_at, follows=follows)
    message = message.model_copy(update={"occurred_at": occurred_at})
    applied = apply_message(state, message, work.network.policy.returns.dispositions)
    cause = f"message {received.sender} {message.message_id}"
    event = Event(cause, received.actor, received.received_at, message.occurred_at)
    await _note(work, state, message, applied)
    await keep_reason(connection, received, order_name, message.reason)
    await _book(work, _moved(work, name, state.lines, applied.lines), event)
    is_first_settlement = message.kind is ReturnMessageKind.SETTLED and state.status not in (
        ReturnStatus.SETTLED,
        ReturnStatus.CLOSED,
    )
    work.channel_events += of_return(
        name, state.lines, applied.lines, state.resolution if is_first_settlement else None
    )
    await _write(work, name, event)


def _without_free_text(state: ReturnState, message: ReturnMessage) -> dict[str, Any]:
    """What the inbox keeps of a message: no reason, and only lines and a refund of this return."""
    facts = message.model_dump(mode="json", exclude={"reason", "lines", "refund"}, exclude_unset=True)
    known = {line.line for line in state.lines}
    if message.lines is not None:
        facts["lines"] = [line.model_dump(mode="json") for line in message.lines if line.line in known]
    if message.refund is not None and message.refund.removeprefix(f"{state.return_}-m").isdigit():
        facts["refund"] = message.refund
    return facts


_Doing = Callable[[Work, ReturnState, Event], Awaitable[str | None]]
"""Carries out a request for a return; returns the reason when it is refused."""


def _is_decided(state: ReturnState) -> str | None:
    """Why a return needs no decision; None = a person must still approve or decline it, even if its goods came already."""
    is_open = not state.is_authorized and not state.is_declined and not state.status.is_over
    return None if is_open else f"{state.return_} is {state.status}"


async def _note(work: Work, state: ReturnState, message: ReturnMessage, applied: Applied) -> None:
    """Write the facts of a message about a return; a mismatch opens an exception."""
    if applied.lines != tuple(state.lines):
        await returns.write_lines(work.connection, state.return_, applied.lines)
    if message.kind is ReturnMessageKind.SETTLED:
        await confirm(work, state, message)
    if message.kind is ReturnMessageKind.IN_TRANSIT:
        expires_at = message.occurred_at + COMES_BACK_WITHIN
        await returns.send(work.connection, state.return_, message.occurred_at, expires_at)
    if applied.mismatches:
        detail = f"{message.kind} does not fit {state.return_}: {'; '.join(applied.mismatches)}"
        work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail, node=message.node))


def _moved(
    work: Work, name: str, before: Sequence[ReturnLineState], after: Sequence[ReturnLineState]
) -> list[Movement]:
    """The stock movements that follow from a change of a return's lots, by stocked SKU."""
    changed = movements(name, before, after)
    return [part for sku, moved in changed for part in explode(moved, work.network.components(sku))]


async def _book(work: Work, moved: Sequence[Movement], event: Event) -> None:
    shortages = await stock.record(
        work.connection,
        moved,
        order=work.header.order,
        cause=event.cause,
        actor=event.actor,
        at=event.occurred_at,
        happened_at=event.happened_at,
    )
    await open_shortages(work.connection, shortages, event)


async def _missing(connection: WriteConnection, moved: Sequence[Movement]) -> str | None:
    """Lock the stock levels and say which units are no longer there to be moved; None = all are there."""
    taken = [movement for movement in moved if movement.on_hand < 0]
    places = {(movement.node, movement.sku) for movement in moved}
    await stock.close_gates(connection, {movement.sku for movement in moved})
    levels = await stock.lock(connection, places)
    aside = await returns.set_aside(connection, places)
    for movement in taken:
        place = (movement.node, movement.sku)
        there = levels[place].available(0) if movement.state is None else aside.get((*place, movement.state), 0)
        if there < -movement.on_hand:
            return f"only {there} of {movement.sku} are left at {movement.node}"
    return None


async def _written(work: Work, name: str, event: Event) -> ReturnState:
    await expect_back(work.connection, work.header.order, name, event.occurred_at)
    await work.write(event)
    return await returns.next_version(work.connection, name)


async def notify_return(transaction: Transaction, state: ReturnState) -> None:
    """Signal the new state to a return's workflow; where it should run and does not, the relay starts it."""
    workflow_id, facts = identifiers.return_workflow_id(state.return_), {"recorded": state.model_dump(mode="json")}
    await transaction.signal(workflow_id, state.order, RETURN_MESSAGE, facts)


async def _write(work: Work, name: str, event: Event) -> None:
    """Write all recorded changes, and signal the new states to the return and its order."""
    await expect_back(work.connection, work.header.order, name, event.occurred_at)
    await notify_return(work.transaction, await returns.next_version(work.connection, name))
    await work.notify(await work.write(event))
