"""The HTTP interface as an application: routes, problem documents and limits."""

import functools
from urllib.parse import unquote_to_bytes

from fastapi import FastAPI
from fastapi.routing import APIRoute
from opentelemetry.trace import Tracer
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    cart,
    claim,
    connection,
    event,
    exception,
    exchange,
    front,
    fulfillment,
    health,
    job,
    key,
    label,
    manifest,
    marketplace,
    metrics,
    need,
    openapi,
    order,
    packing,
    pages,
    pause,
    payment,
    problems,
    promise,
    report,
    returns,
    shadow,
    stock,
    supply,
    tracking,
    transfer,
    webhook,
)
from api.body import BodyGuard
from api.limits import Buckets, RateLimit
from api.paths import WholeNames
from api.problems import INVALID, NOT_FOUND, Problem
from api.request_log import Recorded
from api.service import Service
from api.tracing import Traced

ROUTERS = tuple(
    subject.router
    for subject in (
        promise,
        order,
        cart,
        fulfillment,
        label,
        manifest,
        tracking,
        packing,
        pause,
        stock,
        supply,
        transfer,
        need,
        returns,
        claim,
        payment,
        exception,
        event,
        webhook,
        exchange,
        connection,
        report,
        marketplace,
        shadow,
        key,
        job,
        metrics,
        front,
        health,
    )
)
"""Every subject's routes, in the order of the OpenAPI document and in that in which a request's route is looked for: shops ask
for a promise on every page, and the more than twenty routes of orders before it took 0.1 ms."""

DESCRIPTION = """
Channels place orders and ask for changes. Nodes get fulfillment orders and report what they did. Operators may do everything.
Errors are RFC 9457 problem documents; their `type` is stable. Every list is a page: send its `next` as `after`.
""".strip()


def application(
    service: Service, *, rate_per_second: float = 0.0, temporal_ui: str | None = None, tracer: Tracer | None = None
) -> FastAPI:
    """An application over a service, whose jobs run beside it (`Service.running`). Its pages load nothing from elsewhere.

    A key, a connected channel and a carrier may each send `rate_per_second` requests a second; 0 means no limit.
    `temporal_ui` is the address that `GET /` names. With a `tracer` each request is a span.
    """
    app = FastAPI(
        title="Switchyard",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses={422: problems.response(422)},
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.service = service
    app.state.webhook_rates = Buckets(rate_per_second) if rate_per_second else None
    app.state.temporal_ui = temporal_ui
    for router in ROUTERS:
        app.include_router(router)
    _describe(app)
    problems.install(app)
    app.add_middleware(WholeNames)
    app.add_middleware(BodyGuard)
    app.add_middleware(ReadableAddress)
    if rate_per_second:
        app.add_middleware(RateLimit, per_second=rate_per_second)
    app.add_middleware(Recorded)
    if tracer is not None:
        app.add_middleware(Traced, tracer=tracer)
    return app


def _describe(app: FastAPI) -> None:
    """Let the application answer our OpenAPI document, made once, at the first request for it."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    # FastAPI is extended by replacing this method of the instance; mypy knows no assignment to a method.
    app.openapi = functools.cache(functools.partial(openapi.document, app, routes))  # type: ignore[method-assign]
    app.state.docs = functools.cache(lambda: pages.interface(app.openapi()))


class ReadableAddress:
    """Refuses addresses with a NUL, which PostgreSQL cannot read: no name and no filter contains one."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the path and the query before a route does."""
        if scope["type"] == "http" and "\0" in scope["path"]:
            await problems.answer(Problem(NOT_FOUND, "an address cannot contain a NUL character"))(scope, receive, send)
        elif scope["type"] == "http" and b"\0" in unquote_to_bytes(scope["query_string"]):
            await problems.answer(Problem(INVALID, "must not contain a NUL character", field="query"))(
                scope, receive, send
            )
        else:
            await self._app(scope, receive, send)
