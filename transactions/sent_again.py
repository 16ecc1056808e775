"""Makes a new order of what is known of another one, as its channel would send it now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.order import Address, BillTo, NewLine, NewOrder
from transactions.transaction import Work


def sent_again(work: Work, ship_to: Address, lines: Sequence[NewLine], at: datetime, **more: Any) -> NewOrder:
    """The order with other lines, and with `more` fields; its number is not its own yet.

    Its currency may be one that new orders cannot have any more, so it is set when the rest was checked.
    """
    own = work.header.details
    made = NewOrder(
        channel=work.header.channel,
        number="x",
        reference=work.header.reference,
        purchase_order=work.header.purchase_order,
        placed_at=at,
        currency="EUR",
        service=work.header.service,
        ship_to=ship_to,
        bill_to=None if own.bill_to is None else BillTo.model_validate(own.bill_to),
        priority=work.header.priority,
        customer_tier=work.header.customer_tier or None,
        prices_include_tax=work.order.charges.prices_include_tax,
        tags=work.header.tags,
        attributes=dict(own.attributes),
        note=own.note,
        lines=tuple(lines),
        **more,
    )
    return made.model_copy(update={"currency": work.header.currency})
