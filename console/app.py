"""The console as an application, and how it stands beside the HTTP interface in one process."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.app import ReadableAddress
from api.limits import Buckets
from api.paths import WholeNames
from api.problems import AWAY, DEFECT, MEANINGS, NO_METHOD, NOT_FOUND, UNREADABLE, Problem, away, meant
from api.request_log import Recorded
from console import (
    connection,
    count,
    exception,
    files,
    live,
    need,
    node,
    order,
    order_export,
    order_list,
    policy,
    report,
    returns,
    saved_filter,
    shadow,
    sign_in,
    stock,
    store,
    transfer,
    waiting,
    why_not,
)
from console.render import failure

ROUTES = [
    route
    for subject in (
        sign_in,
        files,
        live,
        exception,
        order_list,
        order_export,
        saved_filter,
        order,
        why_not,
        node,
        stock,
        waiting,
        returns,
        shadow,
        policy,
        connection,
        report,
        transfer,
        need,
        count,
        store,
    )
    for route in subject.ROUTES
]
SIGN_INS_PER_SECOND = 1.0
"""What one address may try. A key is 256 random bits: this spares the log and PostgreSQL, not the key."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with `no-referrer` a browser sends `Origin: null` with our own forms
}


def with_console(interface: FastAPI, is_ending: Callable[[], bool] = lambda: False) -> ASGIApp:
    """The HTTP interface with the console beside it: `/console` and all below it are pages for operators and nodes.

    `is_ending` says whether the process is about to end: pages that wait for news are answered then.
    """
    app = Starlette(routes=ROUTES, exception_handlers=_handlers())
    app.state.service = interface.state.service
    app.state.temporal_ui = interface.state.temporal_ui
    app.state.sign_ins = Buckets(SIGN_INS_PER_SECOND)
    app.state.changes = live.Changes(interface.state.service.database, is_ending)
    console: ASGIApp = Recorded(ReadableAddress(WholeNames(Protected(app))))

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (console if _is_of_the_console(scope) else interface)(scope, receive, send)

    return both


def _is_of_the_console(scope: Scope) -> bool:
    path = scope["path"] if scope["type"] == "http" else ""
    return path == "/console" or path.startswith("/console/")


class Protected:
    """Sends the headers that let a page load from here only, be framed by nobody, and be kept by no cache."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with these headers."""

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, protected)


Handler = Callable[[Request, Any], Awaitable[Response]]


def _handlers() -> Mapping[Any, Handler]:
    return {
        Problem: _problem,
        HTTPException: _plain,
        **dict.fromkeys(MEANINGS, _meant),
        **dict.fromkeys(AWAY, _away),
        Exception: _defect,
    }


async def _problem(_: Request, problem: Problem) -> Response:
    return failure(problem)


async def _meant(_: Request, raised: Exception) -> Response:
    return failure(meant(raised))


async def _away(_: Request, raised: Exception) -> Response:
    return failure(away(raised))


async def _plain(_: Request, raised: HTTPException) -> Response:
    kind = {404: NOT_FOUND, 405: NO_METHOD}.get(raised.status_code, UNREADABLE)
    return failure(Problem(kind, str(raised.detail)))


async def _defect(request: Request, _: Exception) -> Response:
    return failure(Problem(DEFECT, "the page failed; the log has the cause"))
