"""Routes about stock: facts about it come in, its sale is stopped and lifted, and what is available goes out."""

from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from api import stock_levels
from api.access import Anyone, OperatorOrNode, Wired, nothing, own_node
from api.fulfillment import REPEATED, Kept
from api.order import IdempotencyKey, Limit
from api.paths import ItemSku
from api.problems import INVALID, NOT_ALLOWED, NOT_READY, OTHER_BODY, REFUSED, Problem
from database.key import Holder
from database.outbox.inbox import UsedWithAnotherBody
from database.request import UsedForAnotherRequest
from domain.stock import StockMessage
from domain.stop_sale import Resumed, Stopped, StopRequest
from jobs.schedule import STOCK
from transactions import stock as stocks
from transactions import stop_sale
from transactions.network import NoNetwork
from transactions.stock import UnknownPlace
from transactions.stop_sale import Asked, NotStopped, UnknownItem

router = APIRouter(tags=["stock"])

AFTER = r"^[A-Za-z0-9._:/-]{1,64}@[a-z0-9-]{1,32}$"
"""A row of stock as `next` names it: `SKU@node`, neither of which can contain an `@`."""

Answer = TypeVar("Answer", Stopped, Resumed)


@router.post("/stock/messages", status_code=202, response_model=Kept, responses=REPEATED)
async def send_stock_message(body: StockMessage, holder: OperatorOrNode, service: Wired, response: Response) -> Kept:
    """Report a fact about stock. It is applied before the answer. 202 when it is new, 200 when it was sent before."""
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    try:
        is_new = await stocks.record(service.transactions, body, actor=holder.actor)
    except UnknownPlace as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except UsedWithAnotherBody as error:
        raise Problem(OTHER_BODY, f"message {body.message_id} was sent before with another body") from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    if not is_new:
        response.status_code = 200
    service.driver.run_soon(STOCK)
    return Kept(message_id=body.message_id)


@router.post("/stock/{sku}/stop", response_model=Stopped)
async def stop_selling(
    sku: ItemSku, body: StopRequest, holder: OperatorOrNode, service: Wired, idempotency_key: IdempotencyKey = None
) -> Stopped:
    """Stop the sale of an item, everywhere or at one node. The answer says which orders it affects."""
    return await _answer(stop_sale.stop(service.transactions, _asked(sku, body, holder, idempotency_key)))


@router.post("/stock/{sku}/resume", response_model=Resumed)
async def resume_selling(
    sku: ItemSku, body: StopRequest, holder: OperatorOrNode, service: Wired, idempotency_key: IdempotencyKey = None
) -> Resumed:
    """Resume the sale of an item. Orders that wait for it are served first. 409 when its sale is not stopped."""
    answer = await _answer(stop_sale.resume(service.transactions, _asked(sku, body, holder, idempotency_key)))
    service.driver.run_soon(STOCK)
    return answer


def _asked(sku: str, body: StopRequest, holder: Holder, idempotency_key: str | None) -> Asked:
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    return Asked(sku, body, holder.actor, idempotency_key)


async def _answer(asked: Awaitable[Answer]) -> Answer:
    """What was answered; a refusal as the problem that it is."""
    try:
        return await asked
    except UnknownItem as error:
        raise nothing("item", str(error)) from error
    except UnknownPlace as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except NotStopped as error:
        raise Problem(REFUSED, str(error)) from error
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error


@router.get("/stock/{sku}")
async def get_stock(sku: ItemSku, holder: Anyone, service: Wired) -> dict[str, Any]:
    """The stock of an item: per node, or the total for a channel's key. A bundle has as many as its scarcest component."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        if sku not in network.items:
            raise nothing("item", sku)
        return await stock_levels.of_item(connection, network, sku, holder)


@router.get("/stock")
async def list_stock(
    holder: OperatorOrNode,
    service: Wired,
    node: Annotated[str | None, Query(max_length=32)] = None,
    below: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None,
    after: Annotated[str | None, Query(pattern=AFTER)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Stock by SKU and node. A node's key sees its own. `below`: only rows with fewer units available."""
    sku, _, at = (after or "@").partition("@")
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        wanted = stock_levels.Wanted(own_node(holder) or node, below, (sku, at), limit + 1)
        items = await stock_levels.page(connection, network, wanted)
    last = items[limit - 1] if len(items) > limit else None
    return {"items": items[:limit], "next": f"{last['sku']}@{last['node']}" if last else None}
