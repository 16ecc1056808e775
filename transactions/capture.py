"""Asks channels to capture what has shipped and is not paid, and to void what nothing will need; each amount once."""

from collections.abc import Sequence
from datetime import datetime

from database import payment
from database.connect import WriteConnection
from database.order import Header
from database.payment import PaymentRequestKind
from domain.event import ChannelEvent, EventKind
from domain.payment import Payments, Shipped


async def ask_for_payments(
    connection: WriteConnection,
    header: Header,
    payments: Payments,
    shipped: Shipped,
    caused: Sequence[ChannelEvent],
    at: datetime,
) -> list[ChannelEvent]:
    """The requests that are due now, stored under the order's lock; `caused` are the events of the same change."""
    asked: list[ChannelEvent] = []
    if amount := payments.to_capture(shipped.cost):
        payments = payments.asked_to_capture(amount)
        kind, in_all = PaymentRequestKind.CAPTURE, payments.capture_asked
        name = await payment.ask(connection, header.order, kind, amount, in_all, at)
        facts = _facts(name, amount, header.currency) | _work_that_left(caused)
        asked.append(ChannelEvent(EventKind.CAPTURE_REQUESTED, facts))
    if shipped.is_all and (amount := payments.to_void()):
        kind, in_all = PaymentRequestKind.VOID, payments.asked_to_void(amount).void_asked
        name = await payment.ask(connection, header.order, kind, amount, in_all, at)
        asked.append(ChannelEvent(EventKind.VOID_REQUESTED, _facts(name, amount, header.currency)))
    return asked


def _facts(request: str, amount: int, currency: str) -> dict[str, str | int]:
    return {"request": request, "amount": amount, "currency": currency}


def _work_that_left(caused: Sequence[ChannelEvent]) -> dict[str, str | int]:
    """The fulfillment order that an event says has shipped; empty where there is none."""
    shipped = (one.data["fulfillment_order"] for one in caused if one.kind is EventKind.SHIPPED)
    return next(({"fulfillment_order": name} for name in shipped), {})
