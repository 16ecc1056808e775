"""Records payments that channels report: each fact once, in any order; asks for refunds that they cover."""

from database import payment, refund
from database.order import Event
from domain.payment import PaymentKind, PaymentMessage, about, grown, in_words
from domain.reasons import ExceptionCode
from domain.units import Opened, prices_after
from transactions.message import receive
from transactions.refund import pay_what_was_cut
from transactions.transaction import OrderTransactions, Work


async def record(
    transactions: OrderTransactions, name: str, message: PaymentMessage, *, sender: str, actor: str
) -> bool:
    """Store a payment of an order and act on it, in one transaction; returns whether the message is new.

    No state of the order refuses it. Raises `UnknownOrder` and `UsedWithAnotherBody`.
    """
    async with transactions.begin() as transaction:
        facts = message.model_dump(mode="json")
        received = await receive(
            transaction.connection, message, sender=sender, about=name, kind=message.kind, facts=facts, actor=actor
        )
        if received is None:
            return False
        work = await transactions.on(transaction, name)
        await payment.keep(work.connection, name, message, received.received_at)
        cause = f"message {received.sender} {message.message_id}"
        event = Event(cause, received.actor, received.received_at, message.occurred_at)
        await _apply(work, message, event)
        await work.notify(await work.write(event))
        return True


async def _apply(work: Work, message: PaymentMessage, event: Event) -> None:
    total = prices_after(work.order, work.changes).total
    refunded = (await refund.paid_back(work.connection, work.header.order)).amount
    before, work.payments = work.payments, work.payments.after(message.kind, message.amount)
    misfits = grown(before.misfits(total, refunded), work.payments.misfits(total, refunded))
    if misfits:
        detail = f"{message.kind} {message.amount} does not fit: {in_words(misfits)}"
        work.changes.opened.append(Opened(ExceptionCode.PAYMENT_MISFIT, detail, subject=about(misfits)))
    if message.kind is PaymentKind.CAPTURED:
        await pay_what_was_cut(work, work.payments.captured_of(total) - refunded, event)
