"""Guards against slow neighbours: a breaker that stops calling whom the last calls did not reach, and a limit of calls at once.

Both are kept in the memory of one process: another process finds out for itself.
"""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(slots=True)
class _Failing:
    """Failures since the last success, each by what it was about, and when the next trial may be made."""

    about: set[Hashable] = field(default_factory=set)
    trial_at: float = 0.0


class Breaker:
    """Refuses calls to a name whose last calls all failed, except for one trial after each rest; a success ends it."""

    def __init__(self, failures_max: int, rest: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        """It opens after `failures_max` failures without a success. `rest` is at least as long as one call may take."""
        self._failures_max = failures_max
        self._rest = rest.total_seconds()
        self._clock = clock
        self._failing: dict[str, _Failing] = {}

    def admits(self, name: str) -> bool:
        """Whether a call may be made now. While the breaker is open, the one who is admitted makes the trial.

        A trial that ends without a result, because it was cancelled, is followed by another one after the next rest.
        """
        if self.is_closed(name):
            return True
        failing, now = self._failing[name], self._clock()
        if now < failing.trial_at:
            return False
        failing.trial_at = now + self._rest
        return True

    def is_closed(self, name: str) -> bool:
        """Whether calls are made as usual, and not only as trials."""
        failing = self._failing.get(name)
        return failing is None or len(failing.about) < self._failures_max

    def succeeded(self, name: str) -> None:
        """A call was answered: calls are made as usual again."""
        self._failing.pop(name, None)

    def failed(self, name: str, about: Hashable = None) -> None:
        """A call failed. Failures `about` the same thing count once; None = each counts."""
        failing = self._failing.setdefault(name, _Failing())
        if len(failing.about) < self._failures_max:
            failing.about.add(object() if about is None else about)
        failing.trial_at = self._clock() + self._rest


class AtOnce:
    """Counts what is under way for each name, and refuses what would be one too many."""

    def __init__(self, most: int) -> None:
        """At most `most` may be under way for a name."""
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one_more(self, name: str) -> Iterator[bool]:
        """Whether there is a place for one more; it is taken while the block lasts."""
        if self._under_way[name] >= self._most:
            yield False
            return
        self._under_way[name] += 1
        try:
            yield True
        finally:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]
