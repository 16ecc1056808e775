"""Limits requests before the body is read: a token bucket for each valid key, and one for each address without one.

Counted in each process for itself. Nobody's bucket is kept for ever: a full one is like none.
"""

import math
import re
import time
from collections.abc import Callable
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems, request_log
from api.access import shown_key
from api.problems import NO_KEY, TOO_MANY, Problem

NAMES_MAX = 10_000
"""Buckets that are kept, of keys and of addresses. The one that was unused longest is removed first."""
BURST_SECONDS = 2
"""How many seconds' worth of requests may come at once."""
STRANGERS_SHARE = 0.1
"""The part of a key's rate that an address without a valid key gets."""


class Buckets:
    """Token buckets by name."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Each is refilled with `per_second` tokens a second."""
        self._per_second = per_second
        self._size = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> float:
        """Take a token: 0 when there was one, else the seconds until there is."""
        now = self._clock()
        left, since = self._left.pop(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._per_second)
        is_granted = left >= 1
        self._left[name] = (left - is_granted, now)
        if len(self._left) > NAMES_MAX:
            del self._left[next(iter(self._left))]
        return 0.0 if is_granted else (1 - left) / self._per_second


def is_webhook(scope: Scope) -> bool:
    """Whether a request is a webhook of a connected channel or of a carrier, which has no key: its signature is checked when it
    was read."""
    return scope["method"] == "POST" and _WEBHOOK.fullmatch(scope["path"]) is not None


_WEBHOOK = re.compile(r"/(channels|carriers)/[^/]+/webhooks")


class RateLimit:
    """Counts requests by their key, once it has proved to be valid, and until then by the client's address. Webhooks of
    channels and carriers are counted by their sender, where their signature is checked."""

    def __init__(self, app: ASGIApp, per_second: float) -> None:
        """Wraps an application; a key gets `per_second`."""
        self._app = app
        self._keys = Buckets(per_second)
        self._strangers = Buckets(per_second * STRANGERS_SHARE)
        self._valid: dict[str, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer when to send it again."""
        if scope["type"] != "http" or is_webhook(scope):
            await self._app(scope, receive, send)
            return
        shown = sha256((shown_key(scope) or "").encode()).hexdigest()
        wait = self._keys.wait(shown) if shown in self._valid else self._strangers.wait(_stranger(scope))
        if wait:
            problem = Problem(
                TOO_MANY,
                "too many requests; try again after the seconds in Retry-After",
                retry_after_seconds=math.ceil(wait),
            )
            await problems.answer(problem)(scope, receive, send)
            return
        is_refused = False

        async def tell(message: Message) -> None:
            nonlocal is_refused
            is_refused = is_refused or message.get("status") == NO_KEY.status
            await send(message)

        await self._app(scope, receive, tell)
        self._learn(shown, is_valid=request_log.key() is not None, is_refused=is_refused)

    def _learn(self, shown: str, *, is_valid: bool, is_refused: bool) -> None:
        """A key is known until it is refused; a problem with PostgreSQL or with the body does not end that."""
        if is_valid or is_refused:
            self._valid.pop(shown, None)
        if is_valid:
            self._valid[shown] = None
        if len(self._valid) > NAMES_MAX:
            del self._valid[next(iter(self._valid))]


def _stranger(scope: Scope) -> str:
    """The bucket of a request without a valid key. Probes have their own: a client that tries keys does not stop them."""
    path = scope["path"] if scope["path"] in request_log.PROBES else ""
    return f"{subscriber(scope)} {path}"


def subscriber(scope: Scope) -> str:
    """The client's address; of IPv6 the network, of which a subscriber has all 2^64 addresses."""
    host = str(scope["client"][0]) if scope.get("client") else ""
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
