"""Checks every answer that a test sees against the model of its route: no field more, none missing, each of its type.

Routes answer documents as they were read, without validating them each time. So this is what holds their models true.
"""

from functools import cache
from typing import Any

from fastapi.routing import APIRoute
from httpx2 import ASGITransport, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.routing import Match

from api.app import ROUTERS
from api.paths import matched

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


class WrongAnswer(AssertionError):
    """An answer does not hold what its route declares."""


class CheckedTransport(ASGITransport):
    """Speaks to an application in this process, and checks what it answers."""

    async def handle_async_request(self, request: Request) -> Response:
        """Pass a request on, and check the answer."""
        response = await super().handle_async_request(request)
        if request.url.path != "/openapi.json" and is_answer(response):
            check(self._route(request), response.status_code, await response.aread())
        return response

    def _route(self, request: Request) -> APIRoute:
        path = matched(request.url.raw_path.partition(b"?")[0])
        scope = {"type": "http", "method": request.method, "path": path, "headers": []}
        return next(route for route in ROUTES if route.matches(scope)[0] is Match.FULL)


def is_answer(response: Response) -> bool:
    """Whether it is JSON, and no problem."""
    return 200 <= response.status_code < 300 and response.headers.get("content-type") == "application/json"


def check(route: APIRoute, status: int, content: bytes) -> None:
    """Check the JSON that a route has answered with this status. Raises `WrongAnswer`."""
    model = route.responses.get(status, {}).get("model", route.response_model)
    if model is None:
        raise WrongAnswer(f"{route.path} answers {status} with JSON, and declares no model")
    try:
        adapter_of(model).validate_json(content, strict=True, extra="forbid")
    except ValidationError as error:
        raise WrongAnswer(f"{route.path} answers {status} with something else than {model}: {error}") from error


@cache
def adapter_of(model: Any) -> TypeAdapter[Any]:
    """What reads a model; made once, because that takes longer than reading."""
    return TypeAdapter(model)
