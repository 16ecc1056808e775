"""Places a replacement order: what a customer gets in exchange for returned or claimed units, paid for by their value."""

from collections.abc import Mapping
from datetime import datetime

from database import address, order, personal, refund
from domain.hold import by_policy
from domain.identifiers import replacement_number
from domain.order import NewLine, NewOrder
from domain.refund import Payment
from domain.sourcing.new_order import facts_of_new, return_terms
from network.geography import locate, postal_area
from transactions.transaction import Work


async def replace(work: Work, suffix: str, skus: Mapping[str, str], due: Payment, at: datetime) -> str | None:
    """Store a replacement order and return its name; None when no line is paid for. The relay starts its workflow. The policy
    may place holds on it. Do not call it for a forgotten order, which has no address, or for an item that is retired.

    Its number is made from the order's number and the suffix, so that it is placed only once.
    """
    lines = tuple(
        NewLine(line=line, sku=skus[line], quantity=units, unit_price=price, discount=price * units - due.worth[line])
        for line, units in due.paid.items()
        if units
        for price in (-(-due.worth[line] // units),)
    )
    if not lines:
        return None
    replaced = NewOrder.model_validate(
        {
            "currency": await refund.currency(work.connection, work.header.order),
            "ship_to": await address.of(work.connection, work.header.order),
            "channel": work.header.channel,
            "number": replacement_number(work.header.order, suffix),
            "placed_at": at,
            "service": work.header.service,
            "priority": work.header.priority,
            "customer_tier": work.header.customer_tier or None,
            "paid": due.amount,
            "lines": lines,
        }
    )
    await order.take(
        work.connection,
        replaced,
        body_digest=await personal.fingerprint(work.connection, replaced),
        postal_area=postal_area(replaced.ship_to.country, replaced.ship_to.postal_code),
        received_at=at,
        grace=work.network.policy.orders.grace,
        items=work.active.items,
        terms=return_terms(replaced, work.active, locate),
        holds=by_policy(facts_of_new(replaced, work.active, locate), work.active.policy),
    )
    return replaced.order
