"""Waits as a channel asks: counts the points that are left, and how fast they come back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from channels.channel import Allowance, Quota


@dataclass(frozen=True, slots=True)
class _Limits:
    most: float
    per_second: float


class Bucket:
    """What one channel lets us ask for, as this process counts it. Without a quota nothing is limited before an answer says
    so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, quota: Quota | None = None) -> None:
        """`clock` counts seconds; with a `quota` it begins full."""
        self._clock = clock
        self._limits = _Limits(quota.burst, quota.per_second) if quota else None
        self._left = float(quota.burst) if quota else 0.0
        self._since = clock()
        self._under_way = 0.0

    def wait(self, cost: float) -> float:
        """Take points: 0 when enough were left, else the seconds until there are. A request that costs more than there may
        ever be waits until all are there."""
        if self._limits is None:
            return 0.0
        self._refill(self._limits)
        missing = min(cost, self._limits.most) - self._left
        if missing <= 0:
            self._left -= cost
            return 0.0
        return missing / self._limits.per_second

    @contextmanager
    def asking(self, cost: float) -> Iterator[None]:
        """Points that were taken for a request that is under way: an answer to another one may not count them yet."""
        self._under_way += cost
        try:
            yield
        finally:
            self._under_way -= cost

    def said(self, allowance: Allowance) -> None:
        """What an answer says counts, less what other requests that are under way will take; what it does not say stays."""
        if self._limits is not None:
            self._refill(self._limits)
        limits = self._said_limits(allowance)
        if limits is None:
            return
        self._limits = limits
        if allowance.left is not None:
            self._left = allowance.left - self._under_way
        self._since = self._clock()

    def _said_limits(self, allowance: Allowance) -> _Limits | None:
        most, per_second = allowance.most, allowance.per_second
        if self._limits is not None:
            most = self._limits.most if most is None else most
            per_second = self._limits.per_second if per_second is None else per_second
        return None if most is None or per_second is None else _Limits(most, per_second)

    def _refill(self, limits: _Limits) -> None:
        now = self._clock()
        self._left = min(limits.most, self._left + (now - self._since) * limits.per_second)
        self._since = now
