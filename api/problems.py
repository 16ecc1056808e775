"""What can go wrong over HTTP, from one list: RFC 9457 problem documents with a stable `type`, naming the field."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException

from api import request_log
from database.claim import UnknownClaim
from database.connect import DatabaseUnreachable
from database.order import UnknownOrder
from database.outbox.inbox import UsedWithAnotherBody
from database.request import UsedForAnotherRequest
from database.returns import UnknownReturn
from domain.mistake import Mistake, mistakes
from network.geography import ImpossiblePlace
from network.validate_order import WrongField
from transactions.cart import BecameAnOrder, NotAvailable
from transactions.exception import UnknownException
from transactions.fulfillment import UnknownFulfillmentOrder
from transactions.key import UnknownKey, UsedForAnotherKey
from transactions.label import UnknownLabel
from transactions.manifest import UnknownManifest
from transactions.network import NoNetwork
from transactions.order import UsedForAnotherOrder
from transactions.pause import UnknownNode
from transactions.personal import StillOpen
from transactions.request import NotAllowed, RequestRefused
from transactions.stock import UnknownPlace
from transactions.stop_sale import UnknownItem
from transactions.webhook import NoWebhook
from transactions.what_if import NotToBeAsked
from workflows.client import NoAnswer, WorkflowGone

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
SPELT_OUT_MAX = 5
ERRORS_MAX = 50
"""A body of a megabyte may have a hundred thousand wrong fields; a longer answer has no reader."""

log = structlog.get_logger("http")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its stable type, its status and its title."""

    type: str
    status: int
    title: str


def _kind(name: str, status: int, title: str) -> Kind:
    return Kind(f"urn:switchyard:problem:{name}", status, title)


UNREADABLE = _kind("unreadable", 400, "The body is not JSON")
NO_KEY = _kind("no-key", 401, "This request needs a valid key")
NOT_ALLOWED = _kind("not-allowed", 403, "This key is not allowed to do this")
NOT_FOUND = _kind("not-found", 404, "Not found")
NO_METHOD = _kind("no-method", 405, "This address does not have this method")
REFUSED = _kind("refused", 409, "The request was refused")
NOT_AVAILABLE = _kind("not-available", 409, "Not all units are available now")
OTHER_BODY = _kind("other-body", 409, "This id or idempotency key was used with another body")
TOO_SLOW = _kind("too-slow", 408, "The request took too long to arrive")
TOO_LARGE = _kind("too-large", 413, "The body is too large")
INVALID = _kind("invalid", 422, "A field or parameter is invalid")
TOO_MANY = _kind("too-many", 429, "Too many requests")
NOT_INSTALLED = _kind("not-installed", 501, "A part of Switchyard is not installed")
NO_ANSWER = _kind("no-answer", 503, "The order's workflow has not answered yet")
NOT_READY = _kind("not-ready", 503, "Switchyard is not ready")
DEFECT = _kind("defect", 500, "Internal error")

KINDS = (
    UNREADABLE,
    NO_KEY,
    NOT_ALLOWED,
    NOT_FOUND,
    NO_METHOD,
    REFUSED,
    NOT_AVAILABLE,
    OTHER_BODY,
    TOO_SLOW,
    TOO_LARGE,
    INVALID,
    TOO_MANY,
    NOT_INSTALLED,
    NO_ANSWER,
    NOT_READY,
    DEFECT,
)
"""The one list."""

_BY_STATUS = {401: NO_KEY, 403: NOT_ALLOWED, 404: NOT_FOUND, 405: NO_METHOD, 413: TOO_LARGE}


class FieldError(BaseModel):
    """A field of the body and what is wrong with it."""

    field: str
    detail: str


class Document(BaseModel):
    """A problem document as clients see it (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Problem(Exception):
    """Raised anywhere in a route; answered as a problem document."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        field: str | None = None,
        more: Mapping[str, Any] | None = None,
        retry_after_seconds: int = RETRY_AFTER_SECONDS,
    ) -> None:
        """`field` is the wrong field of the body; `more` are members that this kind adds to its document."""
        super().__init__(detail)
        self.kind = kind
        self.errors = [FieldError(field=field, detail=detail)] if field else []
        self.detail = str(Mistake(field, detail)) if field else detail
        self.more = dict(more or {})
        self.retry_after_seconds = retry_after_seconds


def _schemas() -> dict[str, Any]:
    schema = Document.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs")
    return parts | {"Problem": schema | {"title": "Problem"}}


SCHEMAS = _schemas()
"""The schemas of a problem document, once in the OpenAPI document."""


def response(status: int) -> dict[str, Any]:
    """The OpenAPI document's response for the problems with a status."""
    titles = "; or ".join(kind.title for kind in KINDS if kind.status == status)
    return {"description": titles, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def answer(problem: Problem) -> JSONResponse:
    """The response for a problem."""
    kind = problem.kind
    document = Document(
        type=kind.type, title=kind.title, status=kind.status, detail=problem.detail, errors=problem.errors
    )
    headers = {"Retry-After": str(problem.retry_after_seconds)} if kind.status in (429, 503) else None
    if kind is NO_KEY:
        headers = {"WWW-Authenticate": "Bearer"}
    if kind is TOO_SLOW:
        headers = {"Connection": "close"}  # what is still to come belongs to no request
    content = document.model_dump(mode="json") | problem.more
    return JSONResponse(content, kind.status, headers=headers, media_type=MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """How an exception of our own is answered. In both texts `{error}` is the text of the exception."""

    kind: Kind
    detail: str = "{error}"
    field: str | None = None
    more: Callable[[Any], Mapping[str, Any] | None] = lambda error: None
    """The members that it adds to the document."""

    def problem(self, error: Exception) -> Problem:
        """The problem of an exception."""
        field = self.field.format(error=error) if self.field else None
        return Problem(self.kind, self.detail.format(error=error), field=field, more=self.more(error))


AWAY = (DBAPIError, NoConnectionFree, DatabaseUnreachable, OSError)
"""What is raised when PostgreSQL does not answer; a `DBAPIError` also has other causes."""
REPEAT_LATER = "PostgreSQL does not answer; repeat the request later"

NOT_THERE: Mapping[type[Exception], str] = {
    UnknownOrder: "order",
    UnknownFulfillmentOrder: "fulfillment order",
    UnknownReturn: "return",
    UnknownClaim: "claim",
    UnknownException: "exception",
    UnknownNode: "node",
    UnknownItem: "item",
    UnknownKey: "key",
    UnknownLabel: "label",
    UnknownManifest: "manifest",
    NoWebhook: "webhook of channel",
}

MEANINGS: Mapping[type[Exception], Meaning] = {
    **{raised: Meaning(NOT_FOUND, f"there is no {what} {{error}}") for raised, what in NOT_THERE.items()},
    NotAllowed: Meaning(NOT_ALLOWED),
    RequestRefused: Meaning(REFUSED, more=lambda error: error.units),
    BecameAnOrder: Meaning(REFUSED),
    NotToBeAsked: Meaning(REFUSED),
    StillOpen: Meaning(REFUSED, "{error}: cancel them first, or forget it with even_if_open"),
    WorkflowGone: Meaning(REFUSED, "order {error} is closed"),
    NotAvailable: Meaning(NOT_AVAILABLE, more=lambda error: {"unfilled": error.unfilled}),
    UsedForAnotherOrder: Meaning(OTHER_BODY, "order {error} exists with another body"),
    UsedForAnotherRequest: Meaning(OTHER_BODY, "this Idempotency-Key was used for another request"),
    UsedForAnotherKey: Meaning(
        OTHER_BODY, "this Idempotency-Key was used for another key, or for one that was revoked"
    ),
    UsedWithAnotherBody: Meaning(OTHER_BODY, "message {error} was sent before with another body"),
    WrongField: Meaning(INVALID, field="{error.field}"),
    UnknownPlace: Meaning(INVALID, field="{error.field}"),
    ImpossiblePlace: Meaning(INVALID, field="ship_to.{error.field}"),
    NoAnswer: Meaning(
        NO_ANSWER,
        "order {error} has not answered yet; repeat the request with the same Idempotency-Key to get the outcome",
    ),
    NoNetwork: Meaning(NOT_READY),
}
"""The exceptions of transactions and workflows, each with its problem over HTTP."""


def meant(raised: Exception) -> Problem:
    """The problem of an exception of the table `MEANINGS`."""
    return MEANINGS[type(raised)].problem(raised)


def away(raised: Exception) -> Problem:
    """The problem of an exception of `AWAY`; one with another cause is raised again.

    Nothing is acknowledged, and the client may repeat the request.
    """
    if isinstance(raised, DBAPIError) and not _is_away(raised):
        raise raised
    cause = raised.orig if isinstance(raised, DBAPIError) else raised  # its own text may quote what a customer typed
    log.warning("postgresql does not answer", reason=type(cause).__name__)
    return Problem(NOT_READY, REPEAT_LATER)


async def _meant(_: Request, raised: Exception) -> JSONResponse:
    return answer(meant(raised))


def install(app: FastAPI) -> None:
    """Answer every failure of an application as a problem document."""
    handlers: dict[Any, Callable[[Request, Any], Awaitable[JSONResponse]]] = {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _plain,
        **dict.fromkeys(MEANINGS, _meant),
        **dict.fromkeys(AWAY, _away),
        Exception: _defect,
    }
    for raised, handler in handlers.items():
        app.add_exception_handler(raised, handler)


async def _problem(_: Request, problem: Problem) -> JSONResponse:
    return answer(problem)


async def _plain(_: Request, raised: HTTPException) -> JSONResponse:
    kind = _BY_STATUS.get(raised.status_code, UNREADABLE if raised.status_code == 400 else DEFECT)
    response = answer(Problem(kind, str(raised.detail)))
    response.headers.update(raised.headers or {})
    return response


async def _away(_: Request, raised: Exception) -> JSONResponse:
    return answer(away(raised))


def _is_away(raised: DBAPIError) -> bool:
    """Whether the connection failed, and not the statement: a server that starts or stops refuses by these SQLSTATEs."""
    state = getattr(raised.orig, "sqlstate", None) or ""
    is_state = state.startswith(("08", "53", "57P"))
    return is_state or raised.connection_invalidated or isinstance(raised, InterfaceError | OperationalError)


async def _defect(_: Request, __: Exception) -> JSONResponse:
    """An unexpected failure is a problem document too; its cause is in the log, and only there."""
    response = answer(
        Problem(DEFECT, "the request failed; repeat it, or report its X-Request-Id to the operator of this Switchyard")
    )
    response.headers[request_log.REQUEST_ID] = request_log.request_id()
    return response


async def _invalid(request: Request, raised: RequestValidationError) -> JSONResponse:
    errors = raised.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return answer(Problem(UNREADABLE, "the body is not JSON"))
    if isinstance(raised.body, bytes) and raised.body:
        return answer(Problem(INVALID, "must be sent with `Content-Type: application/json`", field="body"))
    return answer(wrong_fields(mistakes([_without_source(error) for error in errors], _body_model(request))))


def wrong_fields(wrong: Sequence[Mistake]) -> Problem:
    """The problem of a body or a query with mistakes."""
    problem = Problem(INVALID, "; ".join(str(mistake) for mistake in wrong[:SPELT_OUT_MAX]))
    problem.errors = [FieldError(field=mistake.field, detail=mistake.detail) for mistake in wrong[:ERRORS_MAX]]
    return problem


def _without_source(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error as pydantic would give it: FastAPI begins its place with `body` or `query`."""
    return {**error, "loc": tuple(error["loc"][1:])}


def _body_model(request: Request) -> object:
    """The model of a body; None where the route has none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return field.field_info.annotation if field is not None else None
