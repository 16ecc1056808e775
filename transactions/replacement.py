"""Places a replacement order: what a customer gets in exchange for returned or claimed units, paid for by their value."""

from collections.abc import Mapping
from datetime import datetime

from database import address, order, personal, refund
from domain.hold import by_policy
from domain.identifiers import replacement_number
from domain.order import NewLine, NewOrder
from domain.pickup import Destination, collected_at, replacement_place
from domain.refund import Payment
from domain.sourcing.new_order import facts_of_new, return_terms
from network.geography import locate, postal_area
from transactions.transaction import Work


async def replace(
    work: Work, about: str, first: int, skus: Mapping[str, str], due: Payment, at: datetime, goes_to: Destination
) -> str | None:
    """Store a replacement order and return its name; None when no line is paid for. The relay starts its workflow. The policy
    may place holds on it. Do not call it for a forgotten order, which has no address, or for an item that is retired.

    Its number is made from the order's number, the return or claim that it is `about`, such as `r1`, and the first number from
    `first` on that is not taken: channels choose the numbers of their orders, and one may look like that of a replacement. Call
    it in the transaction that stores the refund, so that it is placed only once.
    """
    lines = tuple(
        NewLine(line=line, sku=skus[line], quantity=units, unit_price=price, discount=price * units - due.worth[line])
        for line, units in due.paid.items()
        if units
        for price in (-(-due.worth[line] // units),)
    )
    if not lines:
        return None
    number, unnumbered = first, await _without_number(work, lines, due, at, goes_to)
    while True:
        name = replacement_number(work.header.order, f"{about}-x{number}")
        replaced = unnumbered.model_copy(update={"number": name})
        if await _is_placed(work, replaced, at):
            return replaced.order
        number += 1


async def _without_number(
    work: Work, lines: tuple[NewLine, ...], due: Payment, at: datetime, goes_to: Destination
) -> NewOrder:
    """A replacement order; its number is not its own yet."""
    ship_to = goes_to.ship_to or await address.of(work.connection, work.header.order)
    assert ship_to is not None, f"{work.header.order} was forgotten"
    collected = collected_at(work.order.fulfillment_orders.values(), due.units)
    return NewOrder(
        currency=await refund.currency(work.connection, work.header.order),
        ship_to=ship_to,
        pickup_node=replacement_place(goes_to, collected, ship_to, work.network),
        channel=work.header.channel,
        number="x",
        placed_at=at,
        service=work.header.service,
        priority=work.header.priority,
        customer_tier=work.header.customer_tier or None,
        paid=due.amount,
        lines=lines,
    )


async def _is_placed(work: Work, replaced: NewOrder, at: datetime) -> bool:
    """Store a replacement order; false when its number is taken."""
    taken = await order.take(
        work.connection,
        replaced,
        body_digest=await personal.fingerprint(work.connection, replaced),
        postal_area=postal_area(replaced.ship_to.country, replaced.ship_to.postal_code or ""),
        received_at=at,
        grace=work.network.policy.orders.grace,
        items=work.active.items,
        terms=return_terms(replaced, work.active, locate),
        holds=by_policy(facts_of_new(replaced, work.active, locate), work.active.policy),
    )
    return taken.is_new
