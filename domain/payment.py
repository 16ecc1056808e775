"""Decides what payments mean for an order: what was captured, what is to be captured or voided, and what does not fit.

All amounts are minor units of the order's currency. Facts about payments come in any order, so only their sums count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.account import Prices, cost_between, left
from domain.text import MessageId, Moment, Strict
from domain.units import Changes, Order, prices_after


class PaymentKind(StrEnum):
    """What happened to money that a customer pays for an order."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"


class PaymentMessage(Strict):
    """A fact about the payment of an order (`POST /orders/{order}/payments`)."""

    message_id: MessageId
    kind: PaymentKind
    amount: Annotated[int, Field(ge=1, le=1_000_000_000_000, strict=True)]
    """Minor units of the order's currency: what was authorized, captured or voided this time, and no total."""
    occurred_at: Moment


class Misfit(StrEnum):
    """How payments do not fit their order."""

    ABOVE_AUTHORIZED = "above_authorized"
    ABOVE_COST = "above_cost"
    VOIDED_TOO_MUCH = "voided_too_much"
    BELOW_REFUNDED = "below_refunded"


@dataclass(frozen=True, slots=True)
class Payments:
    """What is known of the payment of an order."""

    paid: int | None = None
    """What was captured before it was placed; None = its channel did not say."""
    captured: int | None = None
    """The sum of what was captured since; None = no fact about a payment came."""
    authorized: int = 0
    voided: int = 0
    capture_asked: int = 0
    """How much is captured when all that the channel was asked to capture is captured; 0 = it was never asked."""
    void_asked: int = 0
    """How much is voided when all that the channel was asked to void is voided; 0 = it was never asked."""

    def captured_of(self, total: int) -> int:
        """What was captured of an order that costs `total`: as long as nobody has said anything, all of it."""
        if self.paid is None and self.captured is None:
            return total
        return (self.paid or 0) + (self.captured or 0)

    def after(self, kind: PaymentKind, amount: int) -> "Payments":
        """The same with one more fact. The first one ends the assumption that everything was captured."""
        known = replace(self, captured=self.captured or 0)
        match kind:
            case PaymentKind.AUTHORIZED:
                return replace(known, authorized=self.authorized + amount)
            case PaymentKind.CAPTURED:
                return replace(known, captured=(self.captured or 0) + amount)
            case PaymentKind.VOIDED:
                return replace(known, voided=self.voided + amount)

    def to_capture(self, shipped: int) -> int:
        """What the channel is asked to capture now, when units have shipped that cost this, with shipping.

        Never more than is authorized, less what was captured or asked for before.
        """
        return max(0, min(shipped - self._covered, self._unused))

    def to_void(self) -> int:
        """What the channel is asked to void now, when nothing more will ship."""
        return max(0, self._unused)

    def asked_to_capture(self, amount: int) -> "Payments":
        """The same after the channel was asked to capture this."""
        return replace(self, capture_asked=self._covered + amount)

    def asked_to_void(self, amount: int) -> "Payments":
        """The same after the channel was asked to void this."""
        return replace(self, void_asked=max(self.voided, self.void_asked) + amount)

    @property
    def _covered(self) -> int:
        """What was captured, or is asked for."""
        return max((self.paid or 0) + (self.captured or 0), self.capture_asked)

    @property
    def _unused(self) -> int:
        """What is authorized, and neither captured nor voided, nor asked for."""
        return self.authorized - max(self.voided, self.void_asked) - (self._covered - (self.paid or 0))

    def misfits(self, total: int, refunded: int) -> Mapping[Misfit, int]:
        """How the payments do not fit an order that costs `total` and of which this was paid back, each with the excess."""
        if self.captured is None:
            return {}
        found = {
            Misfit.ABOVE_AUTHORIZED: self.captured - self.authorized if self.authorized else 0,
            Misfit.ABOVE_COST: self.captured_of(total) - total if self.captured else 0,
            Misfit.VOIDED_TOO_MUCH: self.voided - max(0, self.authorized - self.captured) if self.voided else 0,
            Misfit.BELOW_REFUNDED: refunded - self.captured_of(total),
        }
        return {misfit: excess for misfit, excess in found.items() if excess > 0}


_IN_WORDS = {
    Misfit.ABOVE_AUTHORIZED: "{} more was captured than was authorized",
    Misfit.ABOVE_COST: "{} more was captured than the order costs",
    Misfit.VOIDED_TOO_MUCH: "{} more was voided than was authorized and not captured",
    Misfit.BELOW_REFUNDED: "{} more was paid back than was captured",
}


def grown(before: Mapping[Misfit, int], after: Mapping[Misfit, int]) -> Mapping[Misfit, int]:
    """The misfits that a fact has made, or made larger."""
    return {misfit: excess for misfit, excess in after.items() if excess > before.get(misfit, 0)}


def in_words(misfits: Mapping[Misfit, int]) -> str:
    """Misfits as a person reads them."""
    return "; ".join(_IN_WORDS[misfit].format(excess) for misfit, excess in misfits.items())


def about(misfits: Iterable[Misfit]) -> str:
    """The subject of an exception about these misfits."""
    return " ".join(misfits)


def is_about(subject: str, misfits: Iterable[Misfit]) -> bool:
    """Whether the subject of an exception names one of these misfits."""
    return not set(misfits).isdisjoint(subject.split())


@dataclass(frozen=True, slots=True)
class Shipped:
    """What has shipped of an order after a change: what it costs, with shipping, and whether nothing more will ship."""

    cost: int
    is_all: bool


def shipped_after(order: Order, changes: Changes) -> Shipped:
    """What has shipped of an order when these changes are written. Its shipping counts with the first unit."""
    prices = prices_after(order, changes)
    moved = {name: units["shipped"] for name, units in changes.buckets.items()}
    units = {name: line.shipped + moved.get(name, 0) for name, line in order.lines.items()}
    cost = sum(prices.charges.due(cost_between(prices.lines[name], 0, n)) for name, n in units.items())
    shipping = prices.charges.shipping if any(units.values()) else 0
    return Shipped(cost + shipping, _is_all(prices, units))


def _is_all(prices: Prices, shipped: Mapping[str, int]) -> bool:
    return all(left(layers) <= shipped[name] for name, layers in prices.lines.items())
