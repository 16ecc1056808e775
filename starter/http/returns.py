"""Routes about returns: show one, and take in what became of it."""

from typing import Any

from fastapi import APIRouter, Response

from database import order, returns
from database.inbox import UsedWithAnotherBody
from database.key import Holder
from database.returns import UnknownReturn
from domain.returns import ReturnMessage, ReturnMessageKind, ReturnState
from starter.http.access import Anyone, Wired, nothing, own_channel, own_node
from starter.http.fulfillment_orders import REPEATED, Kept
from starter.http.problems import INVALID, NOT_ALLOWED, OTHER_BODY, Problem
from starter.http.service import Service

router = APIRouter(tags=["returns"])


@router.get("/returns/{name}")
async def show_return(name: str, holder: Anyone, service: Wired) -> dict[str, Any]:
    """A return with what came back and what became of it."""
    state = await _own(service, name, holder)
    lines = [
        {
            "line": line.line,
            "sku": line.sku,
            "quantity": line.quantity,
            "received": line.received,
            "condition": line.condition,
            "disposition": line.disposition,
        }
        for line in state.lines
    ]
    return {
        "return": name,
        "order": state.order,
        "status": state.status,
        "resolution": state.resolution,
        "lines": lines,
    }


@router.post("/returns/{name}/messages", status_code=202, response_model=Kept, responses=REPEATED)
async def take_return_message(
    name: str, body: ReturnMessage, holder: Anyone, service: Wired, response: Response
) -> Kept:
    """Take a fact about a return: nodes receive and grade, channels and operators settle."""
    _check_kind(body, holder)
    await _own(service, name, holder)
    await _check_node(service, body)
    try:
        sender = body.node or holder.actor
        is_new, wakes = await service.returns.record(name, body, sender=sender, actor=holder.actor)
    except UsedWithAnotherBody as error:
        raise Problem(OTHER_BODY, f"message {body.message_id} was sent before with another body") from error
    if not is_new:
        response.status_code = 200
    service.relay.send_soon(wakes)
    return Kept(message_id=body.message_id)


def _check_kind(body: ReturnMessage, holder: Holder) -> None:
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    settles = body.kind is ReturnMessageKind.SETTLED
    if (holder.kind == "node" and settles) or (holder.kind == "channel" and not settles):
        raise Problem(NOT_ALLOWED, f"{body.kind} is not for {holder.kind} keys", field="kind")


async def _check_node(service: Service, body: ReturnMessage) -> None:
    """What is restocked stands on a shelf, so the shelf must exist."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    if body.node is not None and body.node not in network.nodes:
        raise Problem(INVALID, f"{body.node} is not a node of the network", field="node")


async def _own(service: Service, name: str, holder: Holder) -> ReturnState:
    """The return, if the holder may know of it: a node may of any, because a parcel can come to any node."""
    async with service.database.read() as connection:
        try:
            state = await returns.state(connection, name)
        except UnknownReturn as error:
            raise nothing("return", name) from error
        if own_channel(holder) not in (None, (await order.state(connection, state.order)).channel):
            raise nothing("return", name)
    return state
