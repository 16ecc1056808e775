"""Stops the sale of a SKU and lifts it again: what is claimed until then stands and is listed, and nothing more is sold."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from database import personal, request, stock, stop_sale
from database.connect import ReadConnection, WriteConnection
from database.request import Request
from database.stop_sale import Sale
from domain.network import Network
from domain.stop_sale import AllocatedUnits, PinnedUnits, Resumed, StandingStop, Stopped, StopRequest, Touched
from transactions.stock import UnknownPlace
from transactions.transaction import OrderTransactions


class UnknownItem(LookupError):
    """The network has no item of this SKU."""


class NotStopped(Exception):
    """There is nothing to lift: the sale is not stopped there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody wants the sale of a SKU stopped or lifted; `actor` is whose key was shown."""

    sku: str
    body: StopRequest
    actor: str
    idempotency_key: str | None

    @property
    def sale(self) -> Sale:
        """What is stopped or lifted."""
        return Sale(self.sku, self.body.node)


async def stop(transactions: OrderTransactions, asked: Asked) -> Stopped:
    """Stop a sale; one that is stopped stays so. When this returns, no claim is granted there any more.

    Raises `UnknownItem`, `UnknownPlace`, and `UsedForAnotherRequest` when the idempotency key was.
    """
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        kept = await _keep(connection, network, "stop", asked)
        if kept.answer is not None:
            return Stopped.model_validate(kept.answer)
        since = await stop_sale.stand(connection, asked.sale, kept.remark)
        await stop_sale.heed(connection, asked.sale)
        touches = await _touches(connection, network, asked.sale)
        answer = Stopped(sku=asked.sku, node=asked.body.node, since=since, touches=touches)
        await request.answer(connection, kept.request_id, answer.model_dump(mode="json"))
        return answer


async def resume(transactions: OrderTransactions, asked: Asked) -> Resumed:
    """Lift a stop; what is sold again is offered to the orders that wait for it. Raises as `stop`, and `NotStopped`."""
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        kept = await _keep(connection, network, "resume", asked)
        answer = kept.answer
        if answer is None:
            answer = await _lift(connection, asked.sale, kept)
            await request.answer(connection, kept.request_id, answer)
    if reason := answer.get("refused"):
        raise NotStopped(reason)
    return Resumed.model_validate(answer)


async def _keep(
    connection: WriteConnection, network: Network, kind: Literal["stop", "resume"], asked: Asked
) -> Request:
    """The request as it is kept, answered or not; without an answer the gate of its SKU is closed to everybody else."""
    _check(asked, network)
    kept = await request.keep(
        connection,
        order=None,
        kind=kind,
        asker=asked.actor,
        idempotency_key=asked.idempotency_key,
        body_digest=f"{asked.sku} {await personal.fingerprint(connection, asked.body)}",
        facts=asked.sale.names,
        actor=asked.body.actor or asked.actor,
        reason=asked.body.reason,
        at=datetime.now(UTC),
    )
    if kept.answer is None:
        await stock.close_gates(connection, {asked.sku}, exclusive=True)
    return kept


def _check(asked: Asked, network: Network) -> None:
    if asked.sku not in network.items:
        raise UnknownItem(asked.sku)
    if network.items[asked.sku].components:
        raise UnknownPlace("sku", f"{asked.sku} is a bundle: name its components, which are on the shelf")
    if asked.body.node is not None and asked.body.node not in network.nodes:
        raise UnknownPlace("node", f"{asked.body.node} is not a node of the network")


async def _lift(connection: WriteConnection, sale: Sale, kept: Request) -> dict[str, Any]:
    lifted = await stop_sale.lift(connection, sale, kept.remark)
    if lifted is None:
        return {"refused": f"the sale of {sale.sku} is not stopped {f'at {sale.node}' if sale.node else 'everywhere'}"}
    await stop_sale.heed(connection, sale)
    standing = [StandingStop(node=node, since=since) for node, since in await stop_sale.standing(connection, sale.sku)]
    since, lifted_at = lifted
    answer = Resumed(sku=sale.sku, node=sale.node, since=since, lifted_at=lifted_at, standing=standing)
    return answer.model_dump(mode="json")


async def _touches(connection: ReadConnection, network: Network, sale: Sale) -> Touched:
    items = _items_with(network, sale.sku)
    pinned = await stop_sale.reserved(connection, sale, items)
    allocated = await stop_sale.allocated(connection, sale, items)
    carts, backordered = await stop_sale.carts_and_backorders(connection, sale)
    return Touched(
        available=await _available(connection, network, sale),
        reserved=[PinnedUnits.model_validate(row) for row in pinned[: stop_sale.LISTED_MAX]],
        allocated=[AllocatedUnits.model_validate(row) for row in allocated[: stop_sale.LISTED_MAX]],
        carts=carts,
        backordered=backordered,
        more=max(len(pinned), len(allocated)) > stop_sale.LISTED_MAX,
    )


def _items_with(network: Network, sku: str) -> list[tuple[str, int]]:
    """The items that take a SKU off the shelf, itself and its bundles, and how many units each of them takes."""
    return [(item, quantity) for item in network.items for part, quantity in network.components(item) if part == sku]


async def _available(connection: ReadConnection, network: Network, sale: Sale) -> int:
    shelves = await stock.shelves(connection, [sale.sku])
    return sum(
        shelf.available(network.safety_stock(node, sale.sku))
        for (node, _), shelf in shelves.items()
        if node in network.nodes and sale.node in (None, node)
    )
