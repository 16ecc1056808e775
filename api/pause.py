"""Routes about nodes: list them, pause one that is in trouble, and resume it."""

from typing import TypeVar

from fastapi import APIRouter, Response

from api.access import Operator, OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import IdempotencyKey, Limit
from api.paths import NodeName
from database.documents import pause as documents
from database.documents.document import Page, page
from database.documents.pause import Node
from database.key import Caller
from domain.pause import Paused, PauseRequest, ResumedNode, ResumeRequest
from jobs.schedule import STOCK
from transactions import pause
from transactions.request import Asked

router = APIRouter(tags=["nodes"])

AnyBody = TypeVar("AnyBody", PauseRequest, ResumeRequest)


@router.get("/nodes", response_model=Page[Node])
async def list_nodes(_: Operator, service: ServiceDep, after: str = "", limit: Limit = 50) -> Response:
    """The nodes of the network by id, each with its pause, the last call to it, and when it was last heard."""
    async with service.database.read() as connection:
        _version, network = await service.networks.active(connection)
        names = sorted(name for name in network.nodes if name > after)[: limit + 1]
        paused = await documents.active(connection)
        contacts = await documents.contacts(connection, names)
    nodes = documents.nodes([network.nodes[name] for name in names], paused, contacts)
    for node in nodes:
        node["last_heard"] = service.transactions.heard.last(node["node"]) or node["last_heard"]
    return shown(page(nodes, limit, "node"))


@router.post("/nodes/{node}/pause", response_model=Paused)
async def pause_node(
    name: NodeName,
    body: PauseRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Paused:
    """Stop sourcing from a node. Its open work stays there (`keep`) or moves to others (`reroute`) soon after the answer."""
    answer = await pause.pause(service.transactions, _asked(name, body, holder, idempotency_key))
    service.driver.run_soon(STOCK)
    return answer


@router.post("/nodes/{node}/resume", response_model=ResumedNode)
async def resume_node(
    name: NodeName,
    body: ResumeRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> ResumedNode:
    """Source from a node again. Orders that wait for stock are served first. 409 when the node is not paused."""
    answer = await pause.resume(service.transactions, _asked(name, body, holder, idempotency_key))
    service.driver.run_soon(STOCK)
    return answer


def _asked(name: str, body: AnyBody, holder: Caller, idempotency_key: str | None) -> Asked[AnyBody]:
    if own_node(holder) not in (None, name):
        raise not_found("node", name)
    return Asked(name, body, holder.actor, idempotency_key)
