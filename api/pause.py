"""Routes about nodes: which there are, and the pausing and resuming of one that is in trouble."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import APIRouter

from api.access import Operator, OperatorOrNode, Wired, nothing, own_node
from api.order import IdempotencyKey, Limit, page
from api.paths import NodeName
from api.problems import NOT_READY, OTHER_BODY, REFUSED, Problem
from database import pause as pauses
from database.key import Holder
from database.request import UsedForAnotherRequest
from domain.pause import Paused, PauseRequest, ResumedNode, ResumeRequest
from jobs.schedule import STOCK
from transactions.network import NoNetwork
from transactions.pause import Asked, NotPaused, UnknownNode

router = APIRouter(tags=["nodes"])

Answer = TypeVar("Answer", Paused, ResumedNode)


@router.get("/nodes")
async def list_nodes(_: Operator, service: Wired, after: str = "", limit: Limit = 50) -> dict[str, Any]:
    """The nodes of the network by id, each with its pause: since when, by whom and why; null when it is not paused."""
    async with service.database.read() as connection:
        try:
            _version, network = await service.networks.active(connection)
        except NoNetwork as error:
            raise Problem(NOT_READY, str(error)) from error
        paused = await pauses.standing(connection)
    names = sorted(name for name in network.nodes if name > after)[: limit + 1]
    nodes = [network.nodes[name] for name in names]
    items = [
        {"node": node.id, "name": node.name, "kind": node.kind, "country": node.country, "paused": paused.get(node.id)}
        for node in nodes
    ]
    return page(items, limit, "node")


@router.post("/nodes/{node}/pause", response_model=Paused)
async def pause_node(
    name: NodeName, body: PauseRequest, holder: OperatorOrNode, service: Wired, idempotency_key: IdempotencyKey = None
) -> Paused:
    """Stop sourcing from a node. Its open work stays there (`keep`) or moves to others (`reroute`) soon after the answer."""
    answer = await _answer(name, service.pauses.pause(_asked(name, body, holder, idempotency_key), body))
    service.driver.run_soon(STOCK)
    return answer


@router.post("/nodes/{node}/resume", response_model=ResumedNode)
async def resume_node(
    name: NodeName, body: ResumeRequest, holder: OperatorOrNode, service: Wired, idempotency_key: IdempotencyKey = None
) -> ResumedNode:
    """Source from a node again. Orders that wait for stock are served first. 409 when the node is not paused."""
    answer = await _answer(name, service.pauses.resume(_asked(name, body, holder, idempotency_key)))
    service.driver.run_soon(STOCK)
    return answer


def _asked(name: str, body: PauseRequest | ResumeRequest, holder: Holder, idempotency_key: str | None) -> Asked:
    if own_node(holder) not in (None, name):
        raise nothing("node", name)
    return Asked(name, body, holder.actor, idempotency_key)


async def _answer(name: str, asked: Awaitable[Answer]) -> Answer:
    """What was answered; a refusal as the problem that it is."""
    try:
        return await asked
    except UnknownNode as error:
        raise nothing("node", name) from error
    except NotPaused as error:
        raise Problem(REFUSED, str(error)) from error
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
