"""Places a replacement order: what a customer gets in exchange for returned or claimed units, paid for by their value."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from database import address, order, personal
from domain.account import Cost
from domain.hold import by_policy
from domain.identifiers import replacement_number
from domain.order import NewLine, NewOrder
from domain.pickup import Destination, collected_at, replacement_place
from domain.refund import Payment, instead
from domain.sourcing.new_order import facts_of_new, return_terms
from network.geography import locate, postal_area
from transactions.sent_again import sent_again
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
    if not any(due.paid.values()):
        return None
    number, unnumbered = first, await _without_number(work, skus, due, at, goes_to)
    while True:
        name = replacement_number(work.header.order, f"{about}-x{number}")
        replaced = unnumbered.model_copy(update={"number": name})
        if await _is_placed(work, replaced, at):
            return replaced.order
        number += 1


async def _without_number(
    work: Work, skus: Mapping[str, str], due: Payment, at: datetime, goes_to: Destination
) -> NewOrder:
    """A replacement order; its number is not its own yet."""
    ship_to = goes_to.ship_to or await address.of(work.connection, work.header.order)
    assert ship_to is not None, f"{work.header.order} was forgotten"
    prices = instead(due, work.order.charges)
    collected = collected_at(work.order.fulfillment_orders.values(), due.units)
    lines = [_line(work, line, skus[line], units, prices.lines[line]) for line, units in due.paid.items() if units]
    return sent_again(
        work,
        ship_to,
        lines,
        at,
        pickup_node=replacement_place(goes_to, collected, ship_to, work.network),
        paid=due.amount,
        shipping_price=prices.shipping.goods,
        shipping_tax=prices.shipping.tax,
    )


def _line(work: Work, line: str, sku: str, units: int, cost: Cost) -> NewLine:
    return NewLine.that_costs(cost, line, sku, units).model_copy(update=_as_ordered(work, line, sku))


def _as_ordered(work: Work, line: str, sku: str) -> dict[str, Any]:
    """What the channel said of the units of a line, for those that replace them; of another item it says nothing."""
    ordered, own = work.order.lines[line], work.header.details.line(line)
    if sku != ordered.sku:
        return {}
    return {"name": ordered.name, "gift_message": own.gift_message, "attributes": own.attributes}


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
        items_release_at=work.active.release_at(line.sku for line in replaced.lines),
    )
    return taken.is_new
