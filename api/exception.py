"""Routes about exceptions: the queue, the owner of each, and the closing of those that belong to no order."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.access import Operator, ServiceDep, not_found
from api.action import with_requests
from api.answer import shown
from api.common import AskedOrder, IdempotencyKey, Limit
from api.paths import ExceptionId
from api.service import Service
from database.connect import ReadConnection
from database.documents import exception
from database.documents.document import Page, page
from database.documents.exception import ExceptionCase
from domain.network import ExceptionRules
from domain.reasons import ExceptionCode
from domain.request import AssignRequest, Seen
from domain.text import Span, span
from transactions import exception as exceptions
from transactions.pickup import alternatives
from transactions.request import Asked

router = APIRouter(tags=["exceptions"])


class Resolved(BaseModel):
    """The exception is closed."""

    exception: str


class Assigned(BaseModel):
    """The exception has another owner."""

    exception: str
    owner: str


@router.get("/exceptions", response_model=Page[ExceptionCase])
async def list_exceptions(
    _: Operator,
    service: ServiceDep,
    code: ExceptionCode | None = None,
    owner: str | None = None,
    node: str | None = None,
    order: AskedOrder = None,
    older_than: Span | None = None,
    is_open: Annotated[bool, Query(alias="open")] = True,
    after: str | None = None,
    limit: Limit = 50,
) -> Response:
    """Open exceptions, oldest first, each with the actions that can resolve it; `open=false`: resolved ones."""
    async with service.database.read() as connection:
        items = await exception.queue(
            connection,
            rules=await _rules(service, connection),
            code=code,
            owner=owner,
            node=node,
            order=order,
            older_than=span(older_than) if older_than else None,
            is_open=is_open,
            after=after,
            limit=limit + 1,
        )
    return shown(page([with_requests(item) for item in items], limit, "exception"))


@router.get("/exceptions/{exception}", response_model=ExceptionCase)
async def get_exception(name: ExceptionId, _: Operator, service: ServiceDep) -> Response:
    """One exception. One about a pickup names the alternatives that are available now; none is reserved."""
    async with service.database.read() as connection:
        document = await exception.show(connection, name, await _rules(service, connection))
        if document is None:
            raise not_found("exception", name)
        if document["code"] == ExceptionCode.PICKUP and document["resolved_at"] is None:
            offered = await alternatives(connection, service.networks, document["order"], datetime.now(UTC))
            document["alternatives"] = asdict(offered)
    return shown(with_requests(document))


@router.post("/exceptions/{exception}/resolve", response_model=Resolved)
async def resolve_exception(
    name: ExceptionId, body: Seen, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Resolved:
    """Close an exception that belongs to a node and to no order. 409 for an order's exception: resolve that at its order."""
    asked = Asked(name, body, holder.actor, idempotency_key)
    await exceptions.resolve_of_no_order(service.transactions, asked)
    return Resolved(exception=name)


@router.post("/exceptions/{exception}/assign", response_model=Assigned)
async def assign_exception(
    name: ExceptionId,
    body: AssignRequest,
    holder: Operator,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Assigned:
    """Give an open exception to another owner. 409 when it is resolved."""
    await exceptions.assign(service.transactions, Asked(name, body, holder.actor, idempotency_key))
    return Assigned(exception=name, owner=body.owner)


async def _rules(service: Service, connection: ReadConnection) -> ExceptionRules:
    _, network = await service.networks.active(connection)
    return network.policy.exceptions
