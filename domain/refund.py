"""Decides what a customer is paid back for units: the price paid after discount, less fees, never above what was captured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.money import cost_of_first
from domain.returns import RefundOn, ReturnLineState, ReturnState, ReturnStatus, SoldLine


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
    shipping: int
    refunded: int = 0
    """By all returns of the order."""
    shipping_refunded: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    """Units of each line that were paid back."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What is deducted, in minor units."""

    by_line: Mapping[str, int] = field(default_factory=dict)
    """For each unit of a line."""
    once: int = 0


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
    worth: Mapping[str, int]
    """What these units cost, before fees."""
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


def payment(
    units: Mapping[str, int], sold: Mapping[str, SoldLine], account: Account, fees: Fees, *, with_shipping: bool
) -> Payment:
    """What the customer is paid back for these units now.

    The odd minor units of a line go to its first units, so all refunds of a line sum to what was paid. No unit is paid back
    twice, in whichever return it is. Where the policy says so, shipping is paid back with the last unit.
    """
    paid = {line: min(n, sold[line].ordered - account.units.get(line, 0)) for line, n in units.items()}
    worth = {line: _worth(sold[line], account.units.get(line, 0), n) for line, n in paid.items()}
    kept = sum(fees.by_line.get(line, 0) * n for line, n in paid.items()) + fees.once
    everything = all(account.units.get(name, 0) + paid.get(name, 0) >= line.ordered for name, line in sold.items())
    shipping = account.shipping - account.shipping_refunded if with_shipping and everything else 0
    due = max(0, sum(worth.values()) + shipping - kept)
    amount = min(due, max(0, account.captured - account.refunded))
    return Payment(amount, min(shipping, amount), units, paid, worth, due - amount)


def _worth(line: SoldLine, before: int, units: int) -> int:
    until = cost_of_first(before + units, line.ordered, line.paid)
    return until - cost_of_first(before, line.ordered, line.paid)


@dataclass(frozen=True, slots=True)
class Promised:
    """Units of a line that an order was placed for, in place of a refund."""

    sku: str
    """The SKU that the customer had bought."""
    units: int
    """Units that the refund still stands for."""
    price: int
    """Of one unit of the replacement, in minor units."""
    left: int
    """Units of the replacement that are not cancelled."""

    @property
    def lost(self) -> int:
        """Units that will not be sent."""
        return max(0, self.units - self.left)


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


def owed_again(exchanged: Exchanged) -> Payment | None:
    """What is owed in money, because units of the replacement will not be sent; None when all of them will, or have been.

    A part of the units gets its part of the amount, by their prices. The last ones get all that is left, so the parts sum to
    the whole.
    """
    lost = {line: one.lost for line, one in exchanged.lines.items() if one.lost}
    if not lost:
        return None
    whole = sum(one.units * one.price for one in exchanged.lines.values())
    part = sum(one.lost * one.price for one in exchanged.lines.values())
    amount, shipping = (
        of_whole if all(one.lost == one.units for one in exchanged.lines.values()) else of_whole * part // (whole or 1)
        for of_whole in (exchanged.amount, exchanged.shipping)
    )
    return Payment(amount, min(shipping, amount), lost, lost, {})
