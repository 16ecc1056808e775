"""Routes about paper: the slip that goes into a parcel, and the list of what a person fetches."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from api import problems
from api.access import OperatorOrNode, ServiceDep, not_found, own_node
from api.paths import FulfillmentOrderId, NodeName
from api.problems import NOT_INSTALLED, REFUSED, Problem
from database.documents import fulfillment, packing
from database.documents.packing import NothingToPack, Wave
from formats.packing import PackingSlip, PickList
from runtime.where import font_files

router = APIRouter(tags=["nodes"])
PDF = "application/pdf"
PAPER: dict[int | str, dict[str, Any]] = {
    200: {"description": "A PDF of A4 pages", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}},
    **{status: problems.response(status) for status in (409, 501)},
}
Content = TypeVar("Content", PackingSlip, PickList)


def _drawing() -> ModuleType:
    """What draws PDFs; it needs an extra."""
    try:
        from formats import packing_pdf
    except ModuleNotFoundError as error:
        detail = (
            f"{error.name} is not installed: install the extra `documents` of Switchyard, as pyproject.toml pins it"
        )
        raise Problem(NOT_INSTALLED, detail) from error
    return packing_pdf


async def _drawn(draw: Callable[[Content, tuple[str, ...]], bytes], content: Content, name: str) -> Response:
    """The PDF, which takes some time to draw, under a name for who saves it."""
    body = await asyncio.to_thread(draw, content, font_files())
    return Response(body, media_type=PDF, headers={"content-disposition": f'inline; filename="{name}.pdf"'})


@router.get("/fulfillment-orders/{fulfillment_order}/packing-slip", response_class=Response, responses=PAPER)
async def get_packing_slip(name: FulfillmentOrderId, holder: OperatorOrNode, service: ServiceDep) -> Response:
    """The slip that goes into the parcel of a fulfillment order, as a PDF. No price is on that of a gift."""
    drawing = _drawing()
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        shown = await fulfillment.show(connection, network, node=own_node(holder), fulfillment_order=name)
    if shown is None:
        raise not_found("fulfillment order", name)
    try:
        slip = packing.slip_of(shown, network)
    except NothingToPack as why:
        raise Problem(REFUSED, str(why)) from why
    return await _drawn(drawing.packing_slip, slip, f"packing-slip-{name}")


@router.get("/nodes/{node}/pick-list", response_class=Response, responses=PAPER)
async def get_pick_list(
    name: NodeName,
    holder: OperatorOrNode,
    service: ServiceDep,
    order: str | None = None,
    shipping: Annotated[str | None, Query(alias="service")] = None,
    category: str | None = None,
    ship_by_before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """What a person fetches in one walk for the oldest fulfillment orders of a node, as a PDF. It names no customer."""
    drawing = _drawing()
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        node = network.nodes.get(name)
        if node is None or own_node(holder) not in (None, name):
            raise not_found("node", name)
        wave = Wave(order and order.lower(), shipping, category, ship_by_before)
        try:
            picks = await packing.pick_list(connection, network, node, wave, limit=limit, at=datetime.now(UTC))
        except NothingToPack as why:
            raise Problem(REFUSED, str(why)) from why
    return await _drawn(drawing.pick_list, picks, f"pick-list-{name}")
