"""Routes about transfers: move goods from one node to another, list and show transfers, cancel what has not left."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.access import Operator, ServiceDep, not_found
from api.answer import shown
from api.common import IdempotencyKey, Limit
from api.paths import TransferId
from api.service import Service
from database.documents import transfer as documents
from database.documents.document import Page, page
from database.documents.transfer import Transfer
from domain.identifiers import transfer_order_id
from domain.order import OrderStatus
from domain.request import CancelAnswer, CancelRequest
from domain.transfer import TransferRequest
from transactions import transfer as transfers
from transactions.request import Asked
from workflows import client as temporal

router = APIRouter(tags=["transfers"])

AGAIN: dict[int | str, dict[str, Any]] = {200: {"model": Transfer, "description": "The same transfer came before"}}


@router.post("/transfers", status_code=201, response_model=Transfer, responses=AGAIN)
async def make_transfer(body: TransferRequest, _: Operator, service: ServiceDep) -> Response:
    """Move goods from one node to another. 201 with the transfer; 200 when the same one came before, as it is now."""
    taken = await transfers.take(service.transactions, body)
    if taken.is_new:
        await temporal.place(service.client, service.breaker, taken.input)
    elif not taken.state.closed:
        service.relay.start_soon(taken.input)
    answer = shown(await _document(service, body.transfer))
    answer.status_code = 201 if taken.is_new else 200
    return answer


@router.get("/transfers", response_model=Page[Transfer])
async def list_transfers(
    _: Operator,
    service: ServiceDep,
    status: OrderStatus | None = None,
    source: Annotated[str | None, Query(alias="from", max_length=32)] = None,
    destination: Annotated[str | None, Query(alias="to", max_length=32)] = None,
    needs_attention: bool | None = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 50,
) -> Response:
    """Transfers, newest first."""
    async with service.database.read() as connection:
        items = await documents.listed(
            connection,
            status=status,
            source=source,
            destination=destination,
            needs_attention=needs_attention,
            after=after and transfer_order_id(after),
            limit=limit + 1,
        )
    return shown(page(items, limit, "transfer"))


@router.get("/transfers/{transfer}", response_model=Transfer)
async def get_transfer(name: TransferId, _: Operator, service: ServiceDep) -> Response:
    """One transfer: where its units are, the work of its source, and what needs a person."""
    return shown(await _document(service, name))


@router.post("/transfers/{transfer}/cancel", response_model=CancelAnswer)
async def cancel_transfer(
    name: TransferId,
    body: CancelRequest,
    holder: Operator,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> CancelAnswer:
    """Cancel units that have not left the source. The answer says per unit: cancelled, pending at its source, or refused. 409
    when every unit is refused."""
    await _document(service, name)
    facts = body.model_dump(mode="json", include={"lines", "code"}, exclude_none=True)
    asked = Asked(transfer_order_id(name), body, holder.actor, idempotency_key)
    answer = await temporal.answered(service.transactions, service.client, service.breaker, asked, "cancel", facts)
    return CancelAnswer.model_validate(answer)


async def _document(service: Service, name: str) -> dict[str, Any]:
    async with service.database.read() as connection:
        found = await documents.show(connection, transfer_order_id(name))
    if found is None:
        raise not_found("transfer", name)
    return found
