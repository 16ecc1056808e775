"""Settles customers' claims for units that need not come back, by a refund or a replacement order; records the payment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from database import claim, refund
from database.documents import claim as documents
from database.order import Event
from database.request import Request
from domain import units
from domain.claim import ClaimMessage, ClaimRequest, ClaimResolution, refusal
from domain.clock import happened_at
from domain.event import ChannelEvent, EventKind
from domain.pickup import Destination
from domain.refund import Fees, Payment, RefundKind, payment
from transactions.message import keep_reason, receive
from transactions.refund import report_cut, settle
from transactions.replacement import replace
from transactions.request import Answer, Asked, answered_once, granted
from transactions.transaction import OrderTransactions, Work


async def take(transactions: OrderTransactions, asked: Asked[ClaimRequest]) -> Answer:
    """Store a claim and ask for its refund or place its replacement, in one transaction; for open and closed orders.

    Raises `UnknownOrder`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    async with transactions.open(asked.about) as work:

        async def doing(kept: Request) -> Answer:
            answer = await _give(work, asked.body, asked.at)
            if "refused" not in answer:
                await work.notify(await work.write(Event(f"request {kept.request_id}", asked.actor, asked.at)))
            return answer

        facts = asked.body.model_dump(mode="json", include={"lines", "kind", "resolution", "pickup_node"})
        # Lock the order first: the request's row refers to it, and two requests that write theirs first would deadlock.
        answer = await answered_once(work.connection, asked, "claim", facts, doing, order=asked.about)
    return granted(answer)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a claim would do now."""

    amount: int
    """What the customer would be paid, in minor units; of a replacement what its units are worth."""
    currency: str
    refused: str | None
    """Why it would be refused; None = it would be granted."""


async def foresee(transactions: OrderTransactions, order: str, body: ClaimRequest) -> Foreseen:
    """What a claim of an order would do now. It stores nothing. Raises `UnknownOrder`."""
    async with transactions.open(order) as work:
        due = await _due(work, body)
        currency = work.header.currency
        return Foreseen(0, currency, due) if isinstance(due, str) else Foreseen(due.amount, currency, None)


async def record(transactions: OrderTransactions, name: str, message: ClaimMessage, *, actor: str) -> bool:
    """Record that the customer was paid, in one transaction; returns whether the message is new.

    Raises `UnknownClaim` and `UsedWithAnotherBody`.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        shown = await documents.show(connection, name)
        facts = message.model_dump(mode="json", exclude={"reason"}, exclude_unset=True)
        received = await receive(
            connection, message, sender=actor, about=name, kind=message.kind, facts=facts, actor=actor
        )
        if received is None:
            return False
        work = await transactions.on(transaction, shown["order"])
        await keep_reason(connection, received, work.header.order, message.reason)
        if asked := await refund.unsettled(connection, work.header.order, name):
            work.channel_events.append(
                ChannelEvent(EventKind.SETTLED, {"claim": name, "resolution": shown["resolution"]})
            )
        claimed_at = datetime.fromisoformat(shown["claimed_at"])
        paid_at = happened_at(message.occurred_at, arrived=received.received_at, follows=claimed_at)
        await settle(work, name, asked, message.amount, paid_at)
        cause = f"message {received.sender} {message.message_id}"
        await work.notify(await work.write(Event(cause, actor, received.received_at, message.occurred_at)))
        return True


async def _due(work: Work, body: ClaimRequest) -> Payment | str:
    """What the customer gets for the claimed units, or why the claim is refused."""
    if work.header.is_forgotten and body.resolution is ClaimResolution.REPLACEMENT:
        return "the order was forgotten: it has no address for a replacement"
    requested = units.sums(body.lines)
    if body.resolution is ClaimResolution.REPLACEMENT and (retired := _retired(work, requested)):
        return f"{retired} is retired: it cannot be sent again, but its price can be paid back"
    account = await refund.account(work.connection, work.header.order)
    shipped = {name: line.shipped for name, line in work.order.lines.items()}
    if refused := refusal(requested, shipped, account.units):
        return refused
    with_shipping = work.network.policy.returns.refund_shipping
    return payment(requested, work.order.prices, account, Fees(), with_shipping=with_shipping)


async def _give(work: Work, body: ClaimRequest, at: datetime) -> Answer:
    due = await _due(work, body)
    if isinstance(due, str):
        return {"refused": due}
    requested = units.sums(body.lines)
    name = await claim.add(work.connection, work.header.order, body, requested, at)
    replaces = body.resolution is ClaimResolution.REPLACEMENT
    kind = RefundKind.EXCHANGE if replaces else RefundKind.REFUND
    report_cut(work, name, due)
    paid = await refund.ask(work.connection, work.header.order, name, kind, due, at, is_claim=True)
    goes_to = Destination(body.pickup_node, body.ship_to)
    replacement = await _replace(work, name, paid, due, at, goes_to) if replaces else None
    if due.amount and not replaces:
        work.channel_events.append(await _asking(work, name, paid, due))
    elif not replaces:
        await refund.mark_settled(work.connection, paid, 0, at)
    return {"claim": name, "refund": None if replaces else paid, "replacement": replacement}


def _retired(work: Work, lines: Iterable[str]) -> str | None:
    """The first item of these lines that is not sold any more; None = all are."""
    known = [work.order.lines[line].sku for line in lines if line in work.order.lines]
    return next((sku for sku in known if sku not in work.active.items), None)


async def _replace(work: Work, name: str, paid: str, due: Payment, at: datetime, goes_to: Destination) -> str | None:
    about = name.removeprefix(f"{work.header.order}-")
    skus = {line: ordered.sku for line, ordered in work.order.lines.items()}
    placed = await replace(work, about, 1, skus, due, at, goes_to)
    await refund.mark_settled(work.connection, paid, due.amount, at)
    if placed is not None:
        await refund.replaced_by(work.connection, paid, placed)
        work.channel_events.append(ChannelEvent(EventKind.EXCHANGED, {"claim": name, "order": placed}))
    return placed


async def _asking(work: Work, name: str, paid: str, due: Payment) -> ChannelEvent:
    skus = {line: ordered.sku for line, ordered in work.order.lines.items()}
    currency = await refund.currency(work.connection, work.header.order)
    lines = [{"line": line, "sku": skus[line], "quantity": quantity} for line, quantity in due.units.items()]
    facts = {"claim": name, "refund": paid, "amount": due.amount, "currency": currency, "resolution": "refund"}
    return ChannelEvent(EventKind.REFUND_REQUESTED, facts | {"lines": lines})
