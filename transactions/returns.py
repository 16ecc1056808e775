"""Authorizes returns, takes in what came back, puts it on the shelf again, and closes the case."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel

from database import personal, request, returns, stock
from database.connect import WriteConnection
from database.order import Event
from database.outbox import inbox
from database.outbox.inbox import Received
from domain import identifiers, units
from domain.claim import ClaimMessage
from domain.event import EventKind, about_return, of_return
from domain.money import cost_of_first
from domain.network import NEAREST, FeePer, Network, ReturnRules, ReturnTerms, distance_km
from domain.reasons import ExceptionCode
from domain.refund import owed
from domain.request import ReturnRequest
from domain.returns import (
    COMES_BACK_WITHIN,
    DispositionRequest,
    Heard,
    ReturnDecision,
    ReturnLineState,
    ReturnMessage,
    ReturnMessageKind,
    ReturnState,
    ReturnStatus,
    SoldLine,
    dispose,
    hear,
    movements,
    refusal,
)
from domain.sourcing import OrderFacts, Wanted, item_facts
from domain.sourcing import order_facts as rule_facts
from domain.stock import Movement, explode
from domain.units import Opened
from transactions.order import Done, RequestInput, answered, stored_request
from transactions.refund import ask_for_refunds, confirm
from transactions.situation import order_facts
from transactions.transaction import OrderTransactions, Transaction, Work, open_shortages

RETURN_MESSAGE = "return_message"
"""The signal that tells a ReturnWorkflow what was recorded."""


class ReturnInput(BaseModel):
    """The input of `ReturnWorkflow`: the return's row in PostgreSQL exists first."""

    order: str
    return_: str


class ReturnStep(BaseModel):
    """A step of a return at an instant of its workflow's clock."""

    order: str
    return_: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that a person asks of a return; `actor` is whose key was shown."""

    name: str
    body: ReturnDecision | DispositionRequest
    actor: str
    idempotency_key: str | None


async def request_return(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Take a return of delivered units in, as the policy allows; never more than are not in a return already.

    Where the order has closed, the return's workflow is owed its start.
    """
    async with transactions.open(asked.order) as work:
        known = await stored_request(work, asked)
        if known.answer is not None:
            return await answered(work, known, asked.at, refused=None)
        judged = await _judge(work, ReturnRequest.model_validate(known.facts), asked.at)
        if isinstance(judged, str):
            return await answered(work, known, asked.at, refused=judged)
        name = await returns.add(work.connection, asked.order, judged, asked.at)
        if work.header.is_closed:
            state = await returns.state(work.connection, name)
            await _owe(work.transaction, state)
        return await answered(work, known, asked.at, refused=None, answer={"return": name})


async def look_at_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """The return's state, read now."""
    async with transactions.database.read() as connection:
        return await returns.state(connection, step.return_)


async def pay(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Ask the channel for what the customer is owed now; apart from the goods, so that either can fail and be repeated."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        if not await ask_for_refunds(work, state, step.at):
            return state
        return await _written(work, step.return_, Event(f"{step.return_} paid", "workflow", step.at))


async def remind(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Tell the channel that nothing has come back yet; late, it is told once, not once for each time it was missed."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        due = state.reminders_due(step.at)
        if due == state.reminders or not state.waits_for_its_parcel:
            return state
        await returns.remind(work.connection, step.return_, due)
        expires_at = state.expires_at.astimezone(UTC).isoformat()
        work.told.append(about_return(EventKind.RETURN_REMINDER, step.return_, expires_at=expires_at))
        return await _written(work, step.return_, Event(f"{step.return_} reminder {due}", "workflow", step.at))


async def expire_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Give a return up of which nothing has come back in its time; its units may be returned again."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        if not state.waits_for_its_parcel or step.at < state.expires_at:
            return state
        await returns.mark(work.connection, step.return_, "expired_at", step.at)
        if state.status is ReturnStatus.IN_TRANSIT:
            detail = f"the parcel of {step.return_} was sent and has not come"
            work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail))
        work.told.append(about_return(EventKind.RETURN_EXPIRED, step.return_))
        return await _written(work, step.return_, Event(f"{step.return_} expired", "workflow", step.at))


async def close_return(transactions: OrderTransactions, step: ReturnStep) -> ReturnState:
    """Close the case once it is settled and everything that came back has found its place."""
    async with transactions.open(step.order) as work:
        state = await returns.state(work.connection, step.return_)
        if state.status is not ReturnStatus.SETTLED or not state.is_graded or owed(state):
            return state
        await returns.mark(work.connection, step.return_, "closed_at", step.at)
        return await _written(work, step.return_, Event(f"{step.return_} closed", "workflow", step.at))


async def cancel(transactions: OrderTransactions, asked: Asked) -> str | None:
    """End a return of which nothing has come back. Raises `UnknownReturn` and `UsedForAnotherRequest`."""
    return await _do(transactions, asked, "cancel", _cancel)


async def approve(transactions: OrderTransactions, asked: Asked) -> str | None:
    """Let the customer send it. Raises `UnknownReturn` and `UsedForAnotherRequest`."""
    return await _do(transactions, asked, "approve", _approve)


async def decline(transactions: OrderTransactions, asked: Asked) -> str | None:
    """Refuse what the policy left to a person. Raises `UnknownReturn` and `UsedForAnotherRequest`."""
    return await _do(transactions, asked, "decline", _decline)


async def change_dispositions(transactions: OrderTransactions, asked: Asked) -> str | None:
    """Change what becomes of units that are still there. Raises `UnknownReturn` and `UsedForAnotherRequest`."""
    return await _do(transactions, asked, "dispose", _change_dispositions)


async def _do(transactions: OrderTransactions, asked: Asked, kind: str, doing: "_Doing") -> str | None:
    """Store what is asked and do it, in one transaction; asked again with its key, it is answered the same.

    Answers why it was refused, if it was.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        name = (await returns.state(connection, asked.name)).order
        # The request's row refers to the order: written before its lock, two of them would wait in a circle.
        work = await transactions.on(transaction, name)
        kept = await request.keep(
            connection,
            order=name,
            kind=f"{kind} {asked.name}",
            asker=asked.actor,
            idempotency_key=asked.idempotency_key,
            body_digest=await personal.fingerprint(connection, asked.body),
            facts=asked.body.model_dump(mode="json", exclude={"reason", "actor"}),
            actor=asked.body.actor or asked.actor,
            reason=asked.body.reason,
            at=datetime.now(UTC),
        )
        if kept.answer is not None:
            return kept.answer.get("refused")
        event = Event(f"request {kept.request_id}", asked.actor, datetime.now(UTC))
        refused = await doing(work, await returns.state(connection, asked.name), asked, event)
        await request.answer(connection, kept.request_id, {"refused": refused} if refused else {})
        if not refused:
            await _write(work, asked.name, event)
        return refused


async def _approve(work: Work, state: ReturnState, asked: Asked, event: Event) -> str | None:
    if refused := _is_decided(state):
        return refused
    at = event.occurred_at
    await returns.authorize(work.connection, asked.name, at, at + COMES_BACK_WITHIN)
    work.told.append(about_return(EventKind.RETURN_AUTHORIZED, asked.name, node=state.node))
    return None


async def _decline(work: Work, state: ReturnState, asked: Asked, event: Event) -> str | None:
    if refused := _is_decided(state):
        return refused
    await returns.mark(work.connection, asked.name, "declined_at", event.occurred_at)
    work.told.append(about_return(EventKind.RETURN_DECLINED, asked.name))
    return None


async def _cancel(work: Work, state: ReturnState, asked: Asked, event: Event) -> str | None:
    if state.status not in (ReturnStatus.REQUESTED, ReturnStatus.AUTHORIZED, ReturnStatus.IN_TRANSIT):
        return f"{asked.name} is {state.status}"
    if any(line.refunded for line in state.lines):
        return "the customer is being paid for it"
    await returns.mark(work.connection, asked.name, "cancelled_at", event.occurred_at)
    work.told.append(about_return(EventKind.RETURN_CANCELLED, asked.name))
    return None


async def _change_dispositions(work: Work, state: ReturnState, asked: Asked, event: Event) -> str | None:
    assert isinstance(asked.body, DispositionRequest), "a change of dispositions says which"
    disposed = dispose(state.lines, asked.body.lines)
    if disposed.refused:
        return disposed.refused
    moved = _moved(work, asked.name, state.lines, disposed.lines)
    if missing := await _missing(work.connection, moved):
        return missing
    await returns.write_lines(work.connection, asked.name, disposed.lines)
    await _book(work, moved, event)
    return None


async def record(
    transactions: OrderTransactions, name: str, message: ReturnMessage, *, sender: str, actor: str
) -> bool:
    """Store a message about a return and apply it to its lines and the node's stock, in one transaction.

    Answers whether it is new. Raises `UnknownReturn` and `UsedWithAnotherBody`.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        state = await returns.state(connection, name)
        body_digest = await personal.fingerprint(connection, message)
        received = received_of(name, message, body_digest, sender, actor)
        if not await inbox.receive(connection, received):
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
    """Take in a message that the inbox has already."""
    connection, work = transaction.connection, await transactions.on(transaction, order_name)
    state = await returns.state(connection, name)
    heard = hear(state, message, work.network.policy.returns.dispositions)
    cause = f"message {received.sender} {message.message_id}"
    event = Event(cause, received.actor, received.received_at, message.occurred_at)
    await _note(work, state, message, heard)
    await personal.note(connection, order_name, None, message.reason)
    await _book(work, _moved(work, name, state.lines, heard.lines), event)
    is_news = message.kind is ReturnMessageKind.SETTLED and state.status not in (
        ReturnStatus.SETTLED,
        ReturnStatus.CLOSED,
    )
    work.told += of_return(name, state.lines, heard.lines, state.resolution if is_news else None)
    await _write(work, name, event)


_Doing = Callable[[Work, ReturnState, Asked, Event], Awaitable[str | None]]
"""Does what was asked of a return, or answers why not."""


def _is_decided(state: ReturnState) -> str | None:
    """Why nobody has to approve a return any more; None = somebody has to, also where its goods came before it was asked."""
    is_open = not state.is_authorized and not state.is_declined and not state.status.is_over
    return None if is_open else f"{state.return_} is {state.status}"


async def _note(work: Work, state: ReturnState, message: ReturnMessage, heard: Heard) -> None:
    """Write what a message says of its return; what does not fit needs a person."""
    if heard.lines != tuple(state.lines):
        await returns.write_lines(work.connection, state.return_, heard.lines)
    if message.kind is ReturnMessageKind.SETTLED:
        await confirm(work, state, message)
    if message.kind is ReturnMessageKind.IN_TRANSIT:
        expires_at = message.occurred_at + COMES_BACK_WITHIN
        await returns.send(work.connection, state.return_, message.occurred_at, expires_at)
    if heard.misfits:
        detail = f"{message.kind} does not fit {state.return_}: {'; '.join(heard.misfits)}"
        work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail, node=message.node))


def _moved(
    work: Work, name: str, before: Sequence[ReturnLineState], after: Sequence[ReturnLineState]
) -> list[Movement]:
    """What a change of a return's lots does to the shelves of stocked SKUs."""
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
    """Which units are not there any more to be taken from their shelves, which are locked; None = all are there."""
    taken = [movement for movement in moved if movement.on_hand < 0]
    places = {(movement.node, movement.sku) for movement in moved}
    await stock.close_gates(connection, {movement.sku for movement in moved})
    shelves = await stock.lock(connection, places)
    aside = await returns.set_aside(connection, places)
    for movement in taken:
        place = (movement.node, movement.sku)
        there = shelves[place].available(0) if movement.state is None else aside.get((*place, movement.state), 0)
        if there < -movement.on_hand:
            return f"only {there} of {movement.sku} are left at {movement.node}"
    return None


async def _written(work: Work, name: str, event: Event) -> ReturnState:
    await work.write(event)
    return await returns.next_version(work.connection, name)


async def _owe(transaction: Transaction, state: ReturnState) -> None:
    """Owe a return's workflow its new state; where none runs and one should, the relay starts it."""
    workflow_id, facts = identifiers.return_workflow_id(state.return_), {"recorded": state.model_dump(mode="json")}
    await transaction.signal(workflow_id, state.order, RETURN_MESSAGE, facts)


async def _write(work: Work, name: str, event: Event) -> None:
    """Write everything that was noted, and owe the return and its order the news."""
    await _owe(work.transaction, await returns.next_version(work.connection, name))
    await work.notify(await work.write(event))


async def _judge(work: Work, body: ReturnRequest, at: datetime) -> returns.NewReturn | str:
    """The return that these units become, or why they cannot be returned."""
    rules = work.network.policy.returns
    wished = units.sums(body.lines)
    sold = await returns.sold(work.connection, work.header.order)
    refused = (
        refusal(sold, wished, at)
        or _wrong_reason(body, rules)
        or _wrong_node(body, work.network)
        or _wrong_wish(body, work.network)
    )
    if refused:
        return refused
    reasons = {line.line: line.reason for line in body.lines} if rules.reasons else {}
    instead = {line.line: line.exchange_for for line in body.lines}
    return new_return(
        work, sold, wished, resolution=body.resolution, node=body.node, at=at, reasons=reasons, instead=instead
    )


def _wrong_wish(body: ReturnRequest, network: Network) -> str | None:
    """What is wanted in exchange is sold here."""
    for line in body.lines:
        if line.exchange_for is not None and line.exchange_for not in network.items:
            return f"line {line.line}: {line.exchange_for} is not an item of the network"
    return None


def new_return(
    work: Work,
    sold: Mapping[str, SoldLine],
    units: Mapping[str, int],
    *,
    resolution: str,
    node: str | None,
    at: datetime,
    reasons: Mapping[str, str | None] | None = None,
    instead: Mapping[str, str | None] | None = None,
    is_allowed: bool = True,
) -> returns.NewReturn:
    """The return that these units become on the terms of today; one that is not allowed waits for a person."""
    rules = work.network.policy.returns
    goods = sum(cost_of_first(quantity, sold[line].ordered, sold[line].paid) for line, quantity in units.items())
    terms = _terms(work, {line: sold[line].sku for line in units})
    return returns.NewReturn(
        resolution=resolution,
        node=node or _receiving_node(work, {found.receive_at for found in terms.values()}),
        is_authorized=is_allowed and (rules.approve_below is None or goods < rules.approve_below),
        expires_at=at + COMES_BACK_WITHIN,
        fee=max((found.fee for found in terms.values() if found.fee_per is FeePer.RETURN), default=0),
        lines=[
            returns.NewLine(
                line=line,
                quantity=quantity,
                reason=(reasons or {}).get(line),
                exchange_for=(instead or {}).get(line),
                unit_fee=terms[line].fee if terms[line].fee_per is FeePer.UNIT else 0,
                refund_on=terms[line].refund_on,
            )
            for line, quantity in units.items()
        ],
    )


def _terms(work: Work, lines: Mapping[str, str]) -> dict[str, ReturnTerms]:
    """On which terms the SKUs of some lines may be returned now."""
    network = work.network
    seen = rule_facts(_order_facts(work))
    return {line: network.policy.returns.terms_of(seen | item_facts(network.items[sku])) for line, sku in lines.items()}


def _order_facts(work: Work) -> OrderFacts:
    wanted = [Wanted(name, line.sku, line.ordered) for name, line in work.order.lines.items()]
    return order_facts(work.header, work.network, wanted)


def _wrong_reason(body: ReturnRequest, rules: ReturnRules) -> str | None:
    for line in body.lines:
        if rules.reasons is not None and line.reason not in rules.reasons:
            return f"line {line.line}: the reason must be one of {', '.join(rules.reasons)}"
    return None


def _wrong_node(body: ReturnRequest, network: Network) -> str | None:
    known = body.node is None or (body.node in network.nodes and network.policy.returns.accepts(body.node))
    return None if known else f"{body.node} does not take returns in"


def _receiving_node(work: Work, named: set[str]) -> str | None:
    """The node that the terms name, if they agree; else the accepting one that is nearest to the customer."""
    network, rules = work.network, work.network.policy.returns
    if len(named) == 1 and NEAREST not in named:
        return named.pop()
    accepting = [node for node in network.nodes.values() if rules.accepts(node.id)]
    place = _order_facts(work).place
    near = {node.id: distance_km(place.latitude, place.longitude, node.latitude, node.longitude) for node in accepting}
    return min(sorted(near), key=near.__getitem__, default=None)


def received_of(
    name: str, message: ReturnMessage | ClaimMessage, body_digest: str, sender: str, actor: str
) -> Received:
    """A message about a return or a claim as the inbox keeps it."""
    return Received(
        sender=sender,
        message_id=message.message_id,
        about=name,
        kind=message.kind,
        body_digest=body_digest,
        occurred_at=message.occurred_at,
        received_at=datetime.now(UTC),
        actor=actor,
        facts=message.model_dump(mode="json", exclude={"reason"}, exclude_unset=True),
    )
