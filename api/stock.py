"""Routes about stock: accept messages about it, stop and resume its sale, and show what is available."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from api.access import Anyone, OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import AskedOrder, IdempotencyKey, Kept, Limit, kept
from api.paths import ItemSku
from api.problems import NOT_ALLOWED, Problem, wrong_fields
from api.service import Service
from database.documents import available, movement
from database.documents import stock as documents
from database.documents.available import AvailablePage, AvailableQuery, read_as_of
from database.documents.document import Page, page
from database.documents.movement import BookedMovement
from database.documents.stock import StockOfItem, StockQuery, StockRow
from database.key import Caller
from domain.mistake import Mistake
from domain.stock import StockMessage
from domain.stock_rows import RowNotApplied
from domain.stop_sale import Resumed, Stopped, StopRequest
from jobs.schedule import STOCK, SUPPLY
from network.channel_nodes import nodes_of_channel
from transactions import stock as stocks
from transactions import stop_sale
from transactions import transfer as transfers
from transactions.request import Asked

router = APIRouter(tags=["stock"])

AFTER = r"^(.{1,64}@[a-z0-9-]{1,32}|[0-9]{1,18}-[0-9]{1,18}@.{1,64})$"
"""A row of stock as `next` names it: `SKU@node`, where a node has no `@`, so the last one ends the SKU; and for a channel
`as_of@SKU`, where the first one ends `as_of`."""


class StockKept(Kept):
    """The message was stored and applied, but for the rows that the answer names."""

    not_applied: list[RowNotApplied]


STOCK_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": StockKept, "description": "The same message came before; the answer is the first one"}
}


@router.post("/stock/messages", status_code=202, response_model=StockKept, responses=STOCK_REPEATED)
async def send_stock_message(
    body: StockMessage, holder: OperatorOrNode, service: ServiceDep, response: Response
) -> StockKept:
    """Report a fact about stock. It is applied before the answer. 202 when it is new, 200 when it was sent before. A row that
    does not fit never keeps the others from being applied: the answer names it."""
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    record = stocks.apply if body.transfer is None else transfers.record
    recorded = await record(service.transactions, body, actor=holder.actor)
    service.driver.run_soon(SUPPLY if body.kind.is_about_the_future else STOCK)
    kept(body.message_id, response, is_new=recorded.change is not None)
    return StockKept(message_id=body.message_id, not_applied=list(recorded.not_applied))


@router.post("/stock/{sku}/stop", response_model=Stopped)
async def stop_selling(
    sku: ItemSku, body: StopRequest, holder: OperatorOrNode, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Stopped:
    """Stop the sale of an item, everywhere or at one node. The answer says which orders it affects."""
    return await stop_sale.stop(service.transactions, _asked(sku, body, holder, idempotency_key))


@router.post("/stock/{sku}/resume", response_model=Resumed)
async def resume_selling(
    sku: ItemSku, body: StopRequest, holder: OperatorOrNode, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Resumed:
    """Resume the sale of an item. Orders that wait for it are served first. 409 when its sale is not stopped."""
    answer = await stop_sale.resume(service.transactions, _asked(sku, body, holder, idempotency_key))
    service.driver.run_soon(STOCK)
    return answer


def _asked(sku: str, body: StopRequest, holder: Caller, idempotency_key: str | None) -> Asked[StopRequest]:
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    return Asked(sku, body, holder.actor, idempotency_key)


@router.get("/stock/{sku}", response_model=StockOfItem)
async def get_stock(sku: ItemSku, holder: Anyone, service: ServiceDep) -> Response:
    """The stock of an item: per node, or the total for a channel's key. A bundle has as many as its scarcest component."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        if not network.knows_item(sku):
            raise not_found("item", sku)
        usable = nodes_of_channel(network, holder.name) if holder.kind == "channel" else None
        return shown(await documents.of_item(connection, network, sku, holder, usable))


@router.get("/stock/{sku}/movements", response_model=Page[BookedMovement])
async def list_movements(
    sku: ItemSku,
    holder: OperatorOrNode,
    service: ServiceDep,
    node: Annotated[str | None, Query(max_length=32)] = None,
    order: AskedOrder = None,
    after: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
) -> Response:
    """The ledger of an item, newest first: what moved, by whom and why. A node's key sees its own rows."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        items = await movement.of_item(
            connection, sku, node=own_node(holder) or node, order=order, after=after, limit=limit + 1
        )
    if not items and not network.knows_item(sku):
        raise not_found("item", sku)
    return shown(page(items, limit, "movement"))


@router.get("/stock", response_model=Page[StockRow] | AvailablePage)
async def list_stock(
    holder: Anyone,
    service: ServiceDep,
    node: Annotated[str | None, Query(max_length=32)] = None,
    below: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None,
    updated_since: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str | None, Query(pattern=AFTER)] = None,
    limit: Limit = 100,
) -> Response:
    """Stock by SKU and node. A node's key sees its own. `below`: only rows with fewer units available. A channel's key sees by
    SKU how many units it may take; `updated_since`: only items of which this may have changed since a time, or since the
    `as_of` of an earlier answer."""
    _check_filters(holder, {"node": node, "below": below}, {"updated_since": updated_since})
    if holder.kind == "channel":
        return await _list_available(holder.name, service, updated_since, after, limit)
    sku, _, at = (after or "@").rpartition("@")
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        wanted = StockQuery(own_node(holder) or node, below, (sku, at), limit + 1)
        items = await documents.page(connection, network, wanted)
    last = items[limit - 1] if len(items) > limit else None
    return shown({"items": items[:limit], "next": f"{last['sku']}@{last['node']}" if last else None})


def _check_filters(holder: Caller, of_rows: Mapping[str, object], of_channels: Mapping[str, object]) -> None:
    """Refuse a filter that this kind of key has not: it must not return everything."""
    others, have = (of_rows, "operators and nodes") if holder.kind == "channel" else (of_channels, "channels")
    wrong = [Mistake(name, f"only {have} have this filter") for name, value in others.items() if value is not None]
    if wrong:
        raise wrong_fields(wrong)


async def _list_available(
    channel: str, service: Service, updated_since: str | None, after: str | None, limit: int
) -> Response:
    first, _, sku = (after or "@").partition("@")
    as_of = read_as_of(first)
    if after and as_of is None:
        raise wrong_fields([Mistake("after", "must be `next` of the page before")])
    since = None if updated_since is None else read_as_of(updated_since) or _moment(updated_since)
    async with service.database.read() as connection:
        version, network = await service.networks.active(connection)
        query = AvailableQuery(channel, nodes_of_channel(network, channel), since, sku, as_of, limit)
        return shown(await available.page(connection, version, network, query))


def _moment(written: str) -> datetime:
    try:
        return TypeAdapter(AwareDatetime).validate_python(written)
    except ValidationError:
        said = "must be a time such as 2026-11-21T15:04:05Z, or the `as_of` of an earlier answer"
        raise wrong_fields([Mistake("updated_since", said)]) from None
