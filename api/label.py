"""Routes about the labels of parcels: ask a carrier for one, read it, and give it back."""

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Response

from api.access import OperatorOrChannel, OperatorOrNode, ServiceDep, not_found, own_channel, own_node
from api.answer import shown
from api.common import IdempotencyKey
from api.paths import FulfillmentOrderId, LabelId, ReturnId
from api.service import Service
from database import order as orders
from database import returns
from database.documents import label as documents
from database.documents.label import Label
from database.key import Caller
from domain.label import LabelRequest, LabelState, VoidLabelRequest
from transactions import label as labels
from transactions.request import Asked

router = APIRouter(tags=["carriers"])

ANSWERED_WITHIN_SECONDS = 8.0
"""How long a caller waits for the carrier; then the answer is 202, and the label comes later."""
LOOKS_EVERY_SECONDS = 0.1
LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": Label, "description": "The carrier has not answered yet: read the label later"}
}


@router.post("/fulfillment-orders/{fulfillment_order}/labels", status_code=201, response_model=Label, responses=LATER)
async def buy_label(
    name: FulfillmentOrderId,
    body: LabelRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Buy the label of a parcel. 201 with what became of it: `bought`, `refused`, or `unknown` where the carrier did not answer
    and may have sold it. 202 when the carrier has not answered yet."""
    asked = Asked(name, body, holder.actor, idempotency_key)
    label = await labels.ask(service.transactions, asked, node=own_node(holder))
    return await _settled(service, label, LabelState.ASKED)


@router.post("/returns/{return}/labels", status_code=201, response_model=Label, responses=LATER)
async def buy_return_label(
    name: ReturnId,
    body: LabelRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Buy the label with which a customer sends a return to its node. The answer is that of a fulfillment order's label."""
    await _own_return(service, name, holder)
    label = await labels.ask_for_return(service.transactions, Asked(name, body, holder.actor, idempotency_key))
    return await _settled(service, label, LabelState.ASKED)


@router.get("/labels/{label}", response_model=Label)
async def get_label(name: LabelId, holder: OperatorOrNode, service: ServiceDep) -> Response:
    """A label: how far it is, and what is to be printed."""
    async with service.database.read() as connection:
        await labels.seen(connection, name, own_node(holder))
        document = await documents.show(connection, name)
    assert document is not None
    return shown(document)


@router.post("/labels/{label}/void", response_model=Label)
async def void_label(
    name: LabelId,
    body: VoidLabelRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give a label back to its carrier. One that the carrier may have sold is given back when it turns up. The answer shows
    what became of it; while the carrier has not answered, its status stays."""
    asked = Asked(name, body, holder.actor, idempotency_key)
    await labels.want_void(service.transactions, asked, node=own_node(holder))
    return await _settled(service, name, LabelState.BOUGHT, status_code=200)


async def _settled(service: Service, label: str, while_: LabelState, status_code: int = 201) -> Response:
    """The label as soon as it has left a state; after a while, as it is."""
    service.labels_are_due()
    until = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while True:
        async with service.database.read_once() as connection:
            document = await documents.show(connection, label)
        assert document is not None
        if document["status"] != while_ or time.monotonic() > until:
            break
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
    answer = shown(document)
    answer.status_code = 202 if document["status"] == LabelState.ASKED else status_code
    return answer


async def _own_return(service: Service, name: str, holder: Caller) -> None:
    async with service.database.read() as connection:
        state = await returns.state(connection, name)
        if own_channel(holder) not in (None, await orders.channel(connection, state.order)):
            raise not_found("return", name)
