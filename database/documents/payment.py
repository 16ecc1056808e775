"""The documents of payments: what a channel has reported of an order's money, and what it was asked to do with it."""

from pydantic import AwareDatetime

from database.documents.document import Document
from database.order.parts import CAPTURED
from database.payment import PaymentRequestKind
from domain.payment import PaymentKind


class PaymentFact(Document):
    """A payment that the channel has reported."""

    message_id: str
    kind: PaymentKind
    amount: int
    """Minor units of the order's currency."""
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    """When it was stored."""


class PaymentRequest(Document):
    """What the channel was asked to capture or to void."""

    request: str
    """Its id, by which the channel recognizes a repeat: that of the order with `-p1`, `-p2` and so on."""
    kind: PaymentRequestKind
    """What it was asked to do."""
    amount: int
    """Minor units of the order's currency."""
    asked_at: AwareDatetime
    """When the channel was asked."""


class OrderPayments(Document):
    """What is known of an order's payment, in minor units of `currency`."""

    currency: str
    """Three letters, ISO 4217."""
    paid: int | None
    """What was captured before the order was placed; null when its channel did not say."""
    assumed: bool
    """Whether `captured` is only assumed to be all that the order costs, because nothing was reported of a payment."""
    authorized: int
    """All that was authorized, also what was captured or voided since."""
    captured: int
    """All that was captured, with `paid`."""
    voided: int
    """All that was voided."""
    refunded: int
    """What the customer was paid back, or is to be, also as another order."""
    facts: list[PaymentFact]
    """The payments that were reported, in the order of their arrival."""
    requests: list[PaymentRequest]
    """What the channel was asked to do, the oldest first."""


SHOWN = f"""
    jsonb_build_object(
        'currency', o.currency, 'paid', o.paid, 'assumed', o.paid IS NULL AND o.captured IS NULL,
        'authorized', o.authorized, 'captured', {CAPTURED}, 'voided', o.voided,
        'refunded', (SELECT coalesce(sum(coalesce(f.settled_amount, f.amount)), 0) FROM refund f
                     WHERE f.order_id = o.order_id),
        'facts', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                             'message_id', p.message_id, 'kind', p.kind, 'amount', p.amount,
                             'occurred_at', p.occurred_at, 'received_at', p.received_at)
                             ORDER BY p.received_at, p.message_id), '[]')
                  FROM payment p WHERE p.order_id = o.order_id),
        'requests', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'request', q.request_id, 'kind', q.kind, 'amount', q.amount, 'asked_at', q.asked_at)
                                ORDER BY length(q.request_id), q.request_id), '[]')
                     FROM payment_request q WHERE q.order_id = o.order_id))
"""
"""`OrderPayments` of an order `o`, in SQL."""
