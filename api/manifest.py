"""Routes about manifests: ask for one at the end of a node's day, read it, and see which parcels wait for one."""

import asyncio
import time
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.access import OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import IdempotencyKey, Limit
from api.label import ANSWERED_WITHIN_SECONDS, LOOKS_EVERY_SECONDS
from api.paths import ManifestId, NodeName
from api.service import Service
from database.connect import ReadConnection
from database.documents import manifest as documents
from database.documents.document import Page, page
from database.documents.manifest import Manifest, ShortManifest, WaitingParcel
from database.key import Caller
from domain.manifest import ManifestRequest, ManifestState, SettleManifestRequest
from domain.network import Network
from transactions import manifest as manifests
from transactions.request import Asked

router = APIRouter(tags=["carriers"])

LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": Manifest, "description": "The carrier has not answered yet: read the manifest later"}
}
OfCarrier = Annotated[str | None, Query(max_length=32)]
After = Annotated[str | None, Query(max_length=128)]


@router.post("/nodes/{node}/manifests", status_code=201, response_model=Manifest, responses=LATER)
async def make_manifest(
    name: NodeName,
    body: ManifestRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask a carrier for the manifest of the parcels that wait for one. 201 with what became of it: `made`, `refused`, or
    `unknown` where the carrier did not answer well and may have made it. 202 when the carrier has not answered yet. 409 when
    no parcel waits, or the carrier has no manifests."""
    _check_own(name, holder)
    made = await manifests.ask(service.transactions, Asked(name, body, holder.actor, idempotency_key))
    return await _settled(service, made)


@router.get("/nodes/{node}/manifests", response_model=Page[ShortManifest])
async def list_manifests(
    name: NodeName,
    holder: OperatorOrNode,
    service: ServiceDep,
    carrier: OfCarrier = None,
    day: date | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """The manifests of a node, newest first."""
    _check_own(name, holder)
    async with service.database.read() as connection:
        await _network_of(service, connection, name)
        items = await documents.listed(connection, name, carrier, day, after, limit + 1)
    return shown(page(items, limit, "manifest"))


@router.get("/nodes/{node}/manifests/waiting", response_model=Page[WaitingParcel])
async def list_waiting_parcels(
    name: NodeName,
    holder: OperatorOrNode,
    service: ServiceDep,
    carrier: OfCarrier = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """The parcels of a node whose carrier makes manifests and that are on none, by label: those of the last seven days that
    their carrier has not scanned."""
    _check_own(name, holder)
    async with service.database.read() as connection:
        network = await _network_of(service, connection, name)
        carriers = [one for one in manifests.with_manifests(network) if carrier in (None, one)]
        items = await documents.waiting(connection, name, carriers, after, limit + 1)
    return shown(page(items, limit, "label"))


@router.get("/manifests/{manifest}", response_model=Manifest)
async def get_manifest(name: ManifestId, holder: OperatorOrNode, service: ServiceDep) -> Response:
    """A manifest: how far it is, its parcels, and what is to be printed."""
    async with service.database.read() as connection:
        await manifests.seen(connection, name, own_node(holder))
        document = await documents.show(connection, name)
    assert document is not None
    return shown(document)


@router.post("/manifests/{manifest}/settle", response_model=Manifest)
async def settle_manifest(
    name: ManifestId,
    body: SettleManifestRequest,
    holder: OperatorOrNode,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write what a person found at the carrier about a manifest that is unknown: `made`, or `not_made`, after which its parcels
    wait for another one."""
    asked = Asked(name, body, holder.actor, idempotency_key)
    await manifests.settle(service.transactions, asked, node=own_node(holder))
    async with service.database.read() as connection:
        document = await documents.show(connection, name)
    assert document is not None
    return shown(document)


async def _settled(service: Service, manifest: str) -> Response:
    """The manifest as soon as its carrier has answered; after a while, as it is."""
    service.manifests_are_due()
    until = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while True:
        async with service.database.read_once() as connection:
            document = await documents.show(connection, manifest)
        assert document is not None
        if document["status"] != ManifestState.ASKED or time.monotonic() > until:
            break
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
    answer = shown(document)
    answer.status_code = 202 if document["status"] == ManifestState.ASKED else 201
    return answer


def _check_own(node: str, holder: Caller) -> None:
    if own_node(holder) not in (None, node):
        raise not_found("node", node)


async def _network_of(service: Service, connection: ReadConnection, node: str) -> Network:
    """The active network. Raises the problem of a node that it does not have."""
    _, network = await service.networks.active(connection)
    if not network.knows_node(node):
        raise not_found("node", node)
    return network
