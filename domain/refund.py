"""Decides what a customer is paid back for units: the price paid after discount, less fees, never above what was captured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.account import Charges, Cost, Layer, Prices, cost_between, left
from domain.money import spread
from domain.returns import RefundOn, ReturnLineState, ReturnState, ReturnStatus


class RefundKind(StrEnum):
    """How the customer is paid back."""

    REFUND = "refund"
    STORE_CREDIT = "store_credit"
    EXCHANGE = "exchange"
    """As another order, which the refund pays for."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was paid for an order and what its customer was paid back so far, in minor units."""

    captured: int
    refunded: int = 0
    """By all returns and claims of the order."""
    shipping_refunded: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    """Units of each line that were paid back."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What is deducted, in minor units."""

    by_line: Mapping[str, int] = field(default_factory=dict)
    """For each unit of a line."""
    owed: int = 0
    """Once for the whole return, and for its earlier units, less what was kept back from them."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What the customer gets now."""

    amount: int
    shipping: int
    """The part of the amount that pays shipping back."""
    units: Mapping[str, int]
    """Units of each line that it is for."""
    paid: Mapping[str, int]
    """Of these, the units that were not paid back before."""
    worth: Mapping[str, Cost] = field(default_factory=dict)
    """What these units cost, before fees."""
    fee: int = 0
    """What is kept back from it."""
    cut: int = 0
    """What the customer would get beyond the amount, had more been captured; minor units."""


def owed(state: ReturnState) -> dict[str, int]:
    """Units per line that must be paid back now, and were not before."""
    if not state.is_authorized or state.status in (ReturnStatus.CANCELLED, ReturnStatus.DECLINED):
        return {}
    units = {line.line: _earned(line, state.is_sent) - line.refunded for line in state.lines}
    return {line: n for line, n in units.items() if n > 0}


def is_to_be_closed(state: ReturnState) -> bool:
    """Whether nothing is left to do about a return: it is settled, and what came back was graded."""
    return state.status is ReturnStatus.SETTLED and state.is_graded


def has_something_to_do(state: ReturnState) -> bool:
    """Whether its workflow has to act now: to have the customer paid, or to close it."""
    return bool(owed(state)) or is_to_be_closed(state)


def _earned(line: ReturnLineState, is_sent: bool) -> int:
    if line.refund_on is RefundOn.NONE_NEEDED or (line.refund_on is RefundOn.SHIPPING and is_sent):
        return line.quantity
    if line.refund_on is RefundOn.GRADING:
        return min(line.graded - line.wrong, line.quantity)
    return line.returned


def payment(units: Mapping[str, int], prices: Prices, account: Account, fees: Fees, *, with_shipping: bool) -> Payment:
    """What the customer is paid back for these units now.

    Each unit is worth what the prices say of the next one of its line, so all refunds of a line sum to what it costs. No unit
    is paid back twice, in whichever return it is. Where the policy says so, shipping is paid back with the last unit of the
    order that was not cancelled. What a fee is more than the units cost is kept back from the next part of the return.
    """
    before = {line: account.units.get(line, 0) for line in prices.lines}
    paid = {line: max(0, min(n, left(prices.lines[line]) - before[line])) for line, n in units.items()}
    worth = {line: cost_between(prices.lines[line], before[line], before[line] + n) for line, n in paid.items()}
    everything = all(before[line] + paid.get(line, 0) >= left(layers) for line, layers in prices.lines.items())
    shipping = prices.charges.shipping - account.shipping_refunded if with_shipping and everything else 0
    whole = sum(prices.charges.due(cost) for cost in worth.values()) + shipping
    fee = min(whole, fees.owed + sum(fees.by_line.get(line, 0) * n for line, n in paid.items()))
    amount = min(whole - fee, max(0, account.captured - account.refunded))
    return Payment(amount, min(shipping, amount), units, paid, worth, fee, whole - fee - amount)


@dataclass(frozen=True, slots=True)
class Instead:
    """What a replacement order costs: what its refund stands for."""

    lines: Mapping[str, Cost]
    shipping: Cost


def instead(due: Payment, charges: Charges) -> Instead:
    """What the order costs that a payment is given as: what its units are worth, less the fee in proportion.

    What is cut stays in the prices: the replacement is worth it, but was not paid for.
    """
    goods = [charges.due(cost) for cost in due.worth.values()]
    shipping = due.amount + due.cut + due.fee - sum(goods)
    *kept, kept_of_shipping = spread(due.fee, [*goods, shipping])
    lines = {
        line: charges.part(cost, whole - fee)
        for (line, cost), whole, fee in zip(due.worth.items(), goods, kept, strict=True)
    }
    of_shipping = Cost(charges.shipping_price, charges.shipping_tax)
    return Instead(lines, charges.part(of_shipping, shipping - kept_of_shipping))


@dataclass(frozen=True, slots=True)
class Promised:
    """Units of a line that an order was placed for, in place of a refund."""

    sku: str
    """The SKU that the customer had bought."""
    units: int
    """Units that the refund still stands for."""
    layer: Layer
    """The first layer of the replacement's line: these are its first units."""

    @property
    def lost(self) -> int:
        """Units that will not be sent."""
        return max(0, self.units - self.layer.left)

    @property
    def cost(self) -> Cost:
        """What the units cost that the refund still stands for."""
        return self.layer.cost_of_first(self.units)

    @property
    def cost_of_lost(self) -> Cost:
        """What the units cost that will not be sent."""
        return self.cost - self.layer.cost_of_first(self.units - self.lost)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A refund that was given as another order."""

    name: str
    """Its return or claim."""
    is_claim: bool
    amount: int
    """Minor units that it still stands for."""
    shipping: int
    """The part of the amount that pays shipping back."""
    lines: Mapping[str, Promised]
    charges: Charges
    """Of the replacement."""


def owed_again(exchanged: Exchanged) -> Payment | None:
    """What is owed in money, because units of the replacement will not be sent; None when all of them will, or have been.

    A part of the units gets its part of the amount, by what they cost. The last ones get all that is left, with the shipping,
    so the parts sum to the whole.
    """
    lost = {line: one.lost for line, one in exchanged.lines.items() if one.lost}
    if not lost:
        return None
    if all(one.lost == one.units for one in exchanged.lines.values()):
        return Payment(exchanged.amount, exchanged.shipping, lost, lost)
    whole = sum(exchanged.charges.due(one.cost) for one in exchanged.lines.values())
    part = sum(exchanged.charges.due(one.cost_of_lost) for one in exchanged.lines.values())
    return Payment((exchanged.amount - exchanged.shipping) * part // (whole or 1), 0, lost, lost)
