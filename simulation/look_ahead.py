"""Learns look-ahead prices from the orders of a simulation as it goes, as the service does from its own."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.network import Network
from domain.sourcing.facts import LookedUp
from domain.sourcing.look_ahead import SeenOrder
from domain.sourcing.rounds import RoundInput
from domain.sourcing.seen_orders import LEARNED_FROM, ORDERS_MAX, prices_of, seen_order
from domain.stock import StockLevel

EACH = timedelta(days=1)
"""How often prices are made, in simulated time; the service makes them each hour, which would take a simulation too long."""


@dataclass(slots=True)
class Learning:
    """The prices in one run. Orders must come in their sequence; before the first day is over, there are none."""

    network: Network
    _seen: deque[tuple[datetime, SeenOrder]] = field(default_factory=lambda: deque(maxlen=ORDERS_MAX))
    _came: deque[datetime] = field(default_factory=deque)
    _next_at: datetime | None = None
    _prices: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def see(self, at: datetime, asked: RoundInput) -> None:
        """Learn from an order that was just planned."""
        if seen := seen_order(replace(asked, looked_up=LookedUp()), self.network):
            self._seen.append((at, seen))
            self._came.append(at)

    def prices(self, at: datetime, levels: Iterable[StockLevel]) -> Mapping[tuple[str, str], int]:
        """The prices of a moment; they are made again when a day is over."""
        self._next_at = self._next_at or at + EACH
        if at >= self._next_at:
            self._next_at = at + EACH
            self._prices = self._made(at, levels)
        return self._prices

    def _made(self, at: datetime, levels: Iterable[StockLevel]) -> Mapping[tuple[str, str], int]:
        while self._came and self._came[0] < at - LEARNED_FROM:
            self._came.popleft()
        if not self._came:
            return {}
        seen = [order for when, order in self._seen if when >= at - LEARNED_FROM]
        days = max(1.0, (at - self._came[0]) / timedelta(days=1))
        return prices_of(seen, len(self._came) / days, levels, self.network, seed=at.toordinal())
