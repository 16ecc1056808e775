"""Gives every request an id and a line in the log: the request, the key's holder, the status and the duration.

Never what was said: no query, no body, no address of a route with somebody's name in it.
"""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

REQUEST_ID = "X-Request-Id"
PROBES = frozenset({"/healthz", "/readyz"})
"""Monitoring asks these without a key."""
ASKED_ALWAYS = PROBES | {"/metrics"}
"""Monitoring asks these every few seconds; they are logged only when they fail."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,64}")

log = structlog.get_logger("http")


def request_id() -> str:
    """The id of the request that is being answered."""
    return str(get_contextvars()["request_id"])


def key() -> str | None:
    """The holder of the request's valid key, as in `node:slc`; None without one."""
    return get_contextvars().get("key")


def show_key(actor: str) -> None:
    """The request has a valid key: from now on the log names its holder."""
    bind_contextvars(key=actor)


class Recorded:
    """Uses the id that the client gave its request, or makes one; sends it with the answer and logs it in every line."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        clear_contextvars()
        bind_contextvars(request_id=given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16))
        began, status = time.perf_counter(), 500

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id()
            await send(message)

        try:
            await self._app(scope, receive, tell)
        finally:
            _count_and_log(scope, status, time.perf_counter() - began)


def _count_and_log(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None)
    if (app := scope.get("app")) is not None:  # a request that a middleware refused may have reached no application
        app.state.service.requests.count(scope["method"], route, status, seconds)
    if status >= 400 or route not in ASKED_ALWAYS:
        milliseconds = round(seconds * 1000, 1)
        log.info("request", method=scope["method"], route=route, status=status, milliseconds=milliseconds)
