"""Routes about exceptions: the queue of what needs a person, who sees to it, and the closing of what belongs to no order."""

from collections.abc import Awaitable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.access import Operator, Wired, nothing
from api.action import with_requests
from api.order import IdempotencyKey, Limit, page
from api.paths import ExceptionId
from api.problems import NOT_READY, OTHER_BODY, REFUSED, Problem
from api.service import Service
from database import exception
from database.connect import ReadConnection
from database.key import Holder
from database.request import UsedForAnotherRequest
from domain.network import ExceptionRules
from domain.reasons import ExceptionCode
from domain.request import AssignRequest, Seen
from domain.text import Span, span
from transactions import exception as exceptions
from transactions.exception import Asked, NotToBeDone, UnknownException
from transactions.network import NoNetwork
from transactions.pickup import alternatives

router = APIRouter(tags=["exceptions"])


class Resolved(BaseModel):
    """The exception is closed."""

    exception: str


class Assigned(BaseModel):
    """The exception has another owner."""

    exception: str
    owner: str


@router.get("/exceptions")
async def list_exceptions(
    _: Operator,
    service: Wired,
    code: ExceptionCode | None = None,
    owner: str | None = None,
    node: str | None = None,
    older_than: Span | None = None,
    is_open: Annotated[bool, Query(alias="open")] = True,
    after: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Open exceptions, oldest first, each with the actions that can resolve it; `open=false`: resolved ones."""
    async with service.database.read() as connection:
        items = await exception.queue(
            connection,
            rules=await _rules(service, connection),
            code=code,
            owner=owner,
            node=node,
            older_than=span(older_than) if older_than else None,
            is_open=is_open,
            after=after,
            limit=limit + 1,
        )
    return page([with_requests(item) for item in items], limit, "exception")


@router.get("/exceptions/{exception}")
async def get_exception(name: ExceptionId, _: Operator, service: Wired) -> dict[str, Any]:
    """One exception. One about a pickup names the alternatives that are available now; none is reserved."""
    async with service.database.read() as connection:
        shown = await exception.show(connection, name, await _rules(service, connection))
        if shown is None:
            raise nothing("exception", name)
        if shown["code"] == ExceptionCode.PICKUP and shown["resolved_at"] is None:
            offered = await alternatives(connection, service.networks, shown["order"], datetime.now(UTC))
            shown["alternatives"] = asdict(offered)
    return with_requests(shown)


@router.post("/exceptions/{exception}/resolve", response_model=Resolved)
async def resolve_exception(
    name: ExceptionId, body: Seen, holder: Operator, service: Wired, idempotency_key: IdempotencyKey = None
) -> Resolved:
    """Close an exception that belongs to a node and to no order. 409 for an order's exception: resolve that at its order."""
    await _answer(
        name, exceptions.resolve_of_no_order(service.transactions, _asked(name, body, holder, idempotency_key))
    )
    return Resolved(exception=name)


@router.post("/exceptions/{exception}/assign", response_model=Assigned)
async def assign_exception(
    name: ExceptionId, body: AssignRequest, holder: Operator, service: Wired, idempotency_key: IdempotencyKey = None
) -> Assigned:
    """Give an open exception to another owner. 409 when it is resolved."""
    await _answer(
        name, exceptions.assign(service.transactions, _asked(name, body, holder, idempotency_key), body.owner)
    )
    return Assigned(exception=name, owner=body.owner)


def _asked(name: str, body: Seen | AssignRequest, holder: Holder, idempotency_key: str | None) -> Asked:
    return Asked(name, body, holder.actor, idempotency_key)


async def _answer(name: str, asked: Awaitable[None]) -> None:
    """Wait until it is done; a refusal as the problem that it is."""
    try:
        await asked
    except UnknownException as error:
        raise nothing("exception", name) from error
    except NotToBeDone as error:
        raise Problem(REFUSED, str(error)) from error
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error


async def _rules(service: Service, connection: ReadConnection) -> ExceptionRules:
    try:
        _, network = await service.networks.active(connection)
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    return network.policy.exceptions
