"""The way in for channels that call us as they do all others: no key, but a signature over the bytes of each webhook."""

import math
import time
from collections.abc import Awaitable, Callable

from channels.channel import ChannelKind, Settings

KNOWN_SECONDS = 1.0
"""How long a process uses what it has read of a connection: a sale's webhooks would all read the same, and so would those of a
stranger who tries names."""
NAMES_MAX = 1_000

Read = Callable[[str], Awaitable[tuple[Settings, ChannelKind] | None]]


class Door:
    """What a process knows of the channels that send webhooks."""

    def __init__(self, read: Read, clock: Callable[[], float] = time.monotonic) -> None:
        """`read` reads a connection."""
        self._read = read
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[Settings, ChannelKind] | None]] = {}

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """A connection and its kind, at most a second old; None = the channel is not connected."""
        now = self._clock()
        since, known = self._known.get(channel, (-math.inf, None))
        if now - since < KNOWN_SECONDS:
            return known
        found = await self._read(channel)
        if len(self._known) >= NAMES_MAX:
            self._known.clear()
        self._known[channel] = now, found
        return found
