"""What a checkout asks for before there is an order: a promise, or units that are pinned for a while."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.order import Demand, NewLine
from domain.text import Money, Span, Word, span

EXPIRES_IN_LEAST = timedelta(seconds=1)
EXPIRES_IN_MAX = timedelta(days=7)


class PromiseLine(NewLine):
    """A line of a cart; its id and price may be absent."""

    line: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{0,64}$")] = ""
    unit_price: Money = 0


class PromiseRequest(Demand):
    """An order's body without its number; only the destination's country and postal code are needed."""

    lines: tuple[PromiseLine, ...] = Field(min_length=1, max_length=2000)

    @property
    def value(self) -> int:
        """What the goods cost after discounts, in minor units; 0 where their prices are absent."""
        return max(0, sum(line.goods for line in self.lines) - self.discount)


def _of_a_cart(text: str) -> str:
    if not EXPIRES_IN_LEAST <= span(text) <= EXPIRES_IN_MAX:
        raise ValueError("must be between 1s and 7d")
    return text


class ReservationRequest(PromiseRequest):
    """The fields of a promise request, and how long the units stay pinned."""

    service: Word = "standard"
    expires_in: Annotated[
        Span, AfterValidator(_of_a_cart), Field(description="such as 30s, 15m or 2h; 1 second to 7 days")
    ]

    @property
    def lives_for(self) -> timedelta:
        """How long the units stay pinned when no order follows."""
        return span(self.expires_in)
