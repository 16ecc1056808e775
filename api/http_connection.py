"""A connection of the HTTP server, with a time limit for each head and a limit of connections.

uvicorn ends a connection that is idle after an answer, and has no limit for a head that never ends. Its own limit of
connections counts those that wait for ever, so a few hundred would shut everybody out; and it answers no problem document.
"""

import secrets
from asyncio import TimerHandle, Transport
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import problems, request_log
from api.problems import NOT_READY, TOO_SLOW, Problem

HEAD_WITHIN = timedelta(seconds=10)
"""How long a connection may be without a request in progress; after an answer uvicorn ends it sooner."""
CONNECTIONS_MAX = 500
"""Connections of one process. One more takes the place of the one that has waited longest for a head."""

log = structlog.get_logger("http")


class Connection(HttpToolsProtocol):
    """One connection: it has the request that is in progress, or a timer that runs until the next head is whole."""

    _timer: TimerHandle | None = None

    # asyncio gives every stream a Transport, and uvicorn narrows the type of its base class in the same way.
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, if there is room for it."""
        super().connection_made(transport)
        self._expect_a_head()
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_the_timer()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """A head is whole: from now on the application looks after the time."""
        self._stop_the_timer()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The request was answered: the next head is expected. What comes of an unread body does not count as one."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._expect_a_head()

    @property
    def waits_since(self) -> float | None:
        """Since when it waits for a head, by the loop's clock; None while a request is in progress."""
        return self._timer.when() if self._timer else None

    def _expect_a_head(self) -> None:
        self._stop_the_timer()
        self._timer = self.loop.call_later(HEAD_WITHIN.total_seconds(), self._is_late)

    def _stop_the_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._refuse(Problem(TOO_SLOW, f"no whole request arrived within {HEAD_WITHIN.seconds} seconds"))

    def _make_room(self) -> None:
        waiting: list[Any] = [other for other in self.connections if getattr(other, "waits_since", None)]
        longest: Connection = min(waiting, key=lambda other: other.waits_since)
        longest._refuse(Problem(NOT_READY, "there are too many connections; try again later"))

    def _refuse(self, problem: Problem) -> None:
        """Answer outside of any request, and close."""
        self._stop_the_timer()
        self.connections.discard(self)
        if self.transport.is_closing():
            return
        answer, request_id = problems.answer(problem), secrets.token_hex(16)
        log.info("connection closed", request_id=request_id, status=answer.status_code)
        headers = [*answer.raw_headers, (request_log.REQUEST_ID.lower().encode(), request_id.encode())]
        lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}".encode()]
        lines += [name + b": " + value for name, value in [*headers, (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()
