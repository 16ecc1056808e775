"""Routes about returns: list and show them, and accept messages about them."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.access import (
    Anyone,
    Operator,
    OperatorOrChannel,
    OperatorOrNode,
    ServiceDep,
    not_found,
    own_channel,
    own_node,
)
from api.answer import shown
from api.common import REPEATED, AskedOrder, IdempotencyKey, Kept, Limit, kept
from api.paths import ReturnId
from api.problems import INVALID, NOT_ALLOWED, Problem
from api.service import Service
from database import order as orders
from database import returns
from database.documents import returns as documents
from database.documents.document import Page, page
from database.documents.returns import ListedReturn, Return
from database.key import Caller
from domain.parcel import Parcel
from domain.returns import (
    DispositionRequest,
    ReturnDecision,
    ReturnMessage,
    ReturnMessageKind,
    ReturnState,
    ReturnStatus,
)
from domain.text import Moment
from transactions import parcel
from transactions import returns as returns_
from transactions.request import AnyBody, Asked
from transactions.transaction import OrderTransactions

router = APIRouter(tags=["returns"])


class ParcelKept(BaseModel):
    """The parcel was recorded; `return` is the return that it belongs to, null when a person has to find it."""

    message_id: str
    return_: str | None

    model_config = {"alias_generator": lambda name: name.rstrip("_"), "populate_by_name": True}


PARCEL_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": ParcelKept, "description": "The same parcel came before"}
}


class Decided(BaseModel):
    """The return's id and its status now."""

    return_: str
    status: ReturnStatus

    model_config = {"alias_generator": lambda name: name.rstrip("_"), "populate_by_name": True}


@router.get("/returns", response_model=Page[ListedReturn])
async def list_returns(
    holder: Anyone,
    service: ServiceDep,
    status: ReturnStatus | None = None,
    channel: str | None = None,
    node: str | None = None,
    order: AskedOrder = None,
    updated_since: Moment | None = None,
    after: str | None = None,
    limit: Limit = 50,
) -> Response:
    """Returns, oldest first. A channel's key sees those of its orders, a node's key those that go to it."""
    async with service.database.read() as connection:
        items = await documents.listed(
            connection,
            status=status,
            channel=own_channel(holder) or channel,
            node=own_node(holder) or node,
            order=order,
            updated_since=updated_since,
            after=after,
            limit=limit + 1,
        )
    return shown(page(items, limit, "return"))


@router.get("/returns/{return}", response_model=Return)
async def get_return(name: ReturnId, holder: Anyone, service: ServiceDep) -> Response:
    """One return: its lines, what came back, and what was done with it."""
    state = await _own(service, name, holder)
    async with service.database.read() as connection:
        return shown(await documents.show(connection, state))


@router.post("/returns/blind", status_code=202, response_model=ParcelKept, responses=PARCEL_REPEATED)
async def send_blind_return(
    body: Parcel, holder: OperatorOrNode, service: ServiceDep, response: Response
) -> ParcelKept:
    """Report a parcel that came back without a return. When its order is not known, an exception is opened."""
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    taken = await parcel.take(service.transactions, body, actor=holder.actor)
    if not taken.is_new:
        response.status_code = 200
    return ParcelKept(message_id=body.message_id, return_=taken.return_)


@router.post("/returns/{return}/messages", status_code=202, response_model=Kept, responses=REPEATED)
async def send_return_message(
    name: ReturnId, body: ReturnMessage, holder: Anyone, service: ServiceDep, response: Response
) -> Kept:
    """Report a fact about a return. Nodes report `received` and `graded`, channels `in_transit` and `settled`."""
    _check_kind(body, holder)
    await _own(service, name, holder)
    await _check_nodes(service, {"node": body.node} if body.node else {})
    sender = body.node or holder.actor
    is_new = await returns_.record(service.transactions, name, body, sender=sender, actor=holder.actor)
    return kept(body.message_id, response, is_new=is_new)


@router.post("/returns/{return}/approve", response_model=Decided)
async def approve_return(
    name: ReturnId, body: ReturnDecision, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Decided:
    """Authorize a return that the policy leaves to a person. 409 when it was decided before."""
    return await _ask(returns_.approve, service, Asked(name, body, holder.actor, idempotency_key), holder)


@router.post("/returns/{return}/decline", response_model=Decided)
async def decline_return(
    name: ReturnId, body: ReturnDecision, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Decided:
    """Decline a return. Its units can be returned by another request. 409 when it was decided before."""
    return await _ask(returns_.decline, service, Asked(name, body, holder.actor, idempotency_key), holder)


@router.post("/returns/{return}/cancel", response_model=Decided)
async def cancel_return(
    name: ReturnId,
    body: ReturnDecision,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """Cancel a return before anything has come back. 409 after that."""
    return await _ask(returns_.cancel, service, Asked(name, body, holder.actor, idempotency_key), holder)


@router.post("/returns/{return}/dispositions", response_model=Decided)
async def change_return_dispositions(
    name: ReturnId,
    body: DispositionRequest,
    holder: Operator,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """Change what is done with graded units. 409 when the units are no longer there."""
    await _check_nodes(service, {f"lines.{n}.node": line.node for n, line in enumerate(body.lines) if line.node})
    return await _ask(returns_.change_dispositions, service, Asked(name, body, holder.actor, idempotency_key), holder)


async def _ask(
    doing: Callable[[OrderTransactions, Asked[AnyBody]], Awaitable[None]],
    service: Service,
    asked: Asked[AnyBody],
    holder: Caller,
) -> Decided:
    await _own(service, asked.about, holder)
    await doing(service.transactions, asked)
    return Decided(return_=asked.about, status=(await _own(service, asked.about, holder)).status)


def _check_kind(body: ReturnMessage, holder: Caller) -> None:
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    if body.kind not in _KINDS_FOR.get(holder.kind, tuple(ReturnMessageKind)):
        raise Problem(NOT_ALLOWED, f"keys of kind {holder.kind} may not send {body.kind}", field="kind")


_KINDS_FOR: Mapping[str, Collection[ReturnMessageKind]] = {
    "node": (ReturnMessageKind.RECEIVED, ReturnMessageKind.GRADED),
    "channel": (ReturnMessageKind.IN_TRANSIT, ReturnMessageKind.SETTLED),
}
"""The kinds of messages that nodes and channels may send; operators may send all."""


async def _check_nodes(service: Service, named: Mapping[str, str]) -> None:
    """Restocked units are stock of a node, so the node in each field must exist."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    for field, node in named.items():
        if not network.knows_node(node):
            raise Problem(INVALID, f"{node} is not a node of the network", field=field)


async def _own(service: Service, name: str, holder: Caller) -> ReturnState:
    """The return, if the holder may see it: a node may see any, because a parcel can come to any node."""
    async with service.database.read() as connection:
        state = await returns.state(connection, name)
        if own_channel(holder) not in (None, await orders.channel(connection, state.order)):
            raise not_found("return", name)
    return state
