"""Makes a span of each request, in the trace of the caller where the request names one."""

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.request_metrics import METHODS

OTHER = "_OTHER"
"""How OpenTelemetry calls a method that is none of HTTP's."""

_propagator = TraceContextTextMapPropagator()


class Traced:
    """Wraps each request in a span. Of what the caller sends about its trace only `traceparent` is read: `tracestate` and
    `baggage` hold any text, and would travel on into Temporal."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        """Wraps an application."""
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer inside a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = _propagator.extract({"traceparent": Headers(scope=scope).get("traceparent", "")})
        method = scope["method"] if scope["method"] in METHODS else OTHER
        span = self._tracer.start_span(method, context, SpanKind.SERVER, {"http.request.method": method})
        status = 500

        async def tell(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await self._app(scope, receive, tell)
            finally:
                _describe(span, method, scope, status)


def _describe(span: Span, method: str, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
