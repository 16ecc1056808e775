"""Stops and resumes the sale of a SKU. After a stop no more units are claimed; the units claimed before stay and are listed."""

from collections.abc import Awaitable, Callable

from database import stock, stop_sale
from database.connect import ReadConnection, WriteConnection
from database.request import Request
from database.stop_sale import Sale
from domain.availability import knows
from domain.network import Network
from domain.stop_sale import AllocatedUnits, PinnedUnits, Resumed, StandingStop, Stopped, StopRequest, Touched
from transactions.request import Answer, Asked, NotAllowed, answered_once, granted
from transactions.stock import UnknownPlace
from transactions.transaction import OrderTransactions

_Doing = Callable[[WriteConnection, Network, Sale, Request], Awaitable[Answer]]


class UnknownItem(LookupError):
    """The network has no item of this SKU."""


async def stop(transactions: OrderTransactions, asked: Asked[StopRequest]) -> Stopped:
    """Stop a sale; a stopped one stays stopped. After this returns, no claim is granted there.

    Raises `UnknownItem`, `UnknownPlace` and `UsedForAnotherRequest`.
    """
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        answer = await _answered_once(connection, network, "stop", asked, _stop)
    return Stopped.model_validate(answer)


async def resume(transactions: OrderTransactions, asked: Asked[StopRequest]) -> Resumed:
    """Lift a stop; the units that can be sold again are offered to the orders that wait for them.

    Raises as `stop`, `RequestRefused` when the sale is not stopped, and `NotAllowed` when a node asks and an operator stopped
    it.
    """
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        answer = await _answered_once(connection, network, "resume", asked, _lift)
    return Resumed.model_validate(granted(answer))


async def _answered_once(
    connection: WriteConnection, network: Network, kind: str, asked: Asked[StopRequest], doing: _Doing
) -> Answer:
    """Carry out a request while the gate of its SKU is closed to all other transactions."""
    sale = Sale(asked.about, asked.body.node)
    _check(sale, network)

    async def alone(kept: Request) -> Answer:
        await stock.close_gates(connection, {sale.sku}, exclusive=True)
        return await doing(connection, network, sale, kept)

    return await answered_once(connection, asked, kind, sale.names, alone, subject=sale.sku)


def _check(sale: Sale, network: Network) -> None:
    if not network.knows_item(sale.sku):
        raise UnknownItem(sale.sku)
    if network.item(sale.sku).components:
        raise UnknownPlace("sku", f"{sale.sku} is a bundle: name its components, which have stock")
    if sale.node is not None and not network.knows_node(sale.node):
        raise UnknownPlace("node", f"{sale.node} is not a node of the network")


async def _stop(connection: WriteConnection, network: Network, sale: Sale, kept: Request) -> Answer:
    since = await stop_sale.place(connection, sale, kept.remark, is_by_node=kept.is_by_node)
    await stop_sale.apply_to_stock(connection, sale)
    touches = await _touches(connection, network, sale)
    return Stopped(sku=sale.sku, node=sale.node, since=since, touches=touches).model_dump(mode="json")


async def _lift(connection: WriteConnection, _: Network, sale: Sale, kept: Request) -> Answer:
    if kept.is_by_node and await stop_sale.is_by_operator(connection, sale):
        raise NotAllowed(f"an operator stopped the sale of {sale.sku} at {sale.node}; only an operator can resume it")
    lifted = await stop_sale.lift(connection, sale, kept.remark)
    if lifted is None:
        return {"refused": f"the sale of {sale.sku} is not stopped {f'at {sale.node}' if sale.node else 'everywhere'}"}
    await stop_sale.apply_to_stock(connection, sale)
    active = [StandingStop(node=node, since=since) for node, since in await stop_sale.active(connection, sale.sku)]
    since, lifted_at = lifted
    answer = Resumed(sku=sale.sku, node=sale.node, since=since, lifted_at=lifted_at, standing=active)
    return answer.model_dump(mode="json")


async def _touches(connection: ReadConnection, network: Network, sale: Sale) -> Touched:
    pinned = await stop_sale.reserved(connection, sale)
    allocated = await stop_sale.allocated(connection, sale)
    carts, backordered = await stop_sale.carts_and_backorders(connection, sale)
    return Touched(
        available=await _available(connection, network, sale),
        reserved=[PinnedUnits.model_validate(row) for row in pinned[: stop_sale.LISTED_MAX]],
        allocated=[AllocatedUnits.model_validate(row) for row in allocated[: stop_sale.LISTED_MAX]],
        carts=carts,
        backordered=backordered,
        more=max(len(pinned), len(allocated)) > stop_sale.LISTED_MAX,
    )


async def _available(connection: ReadConnection, network: Network, sale: Sale) -> int:
    levels = await stock.levels(connection, [sale.sku])
    return sum(
        level.available(network.safety_stock(node, sale.sku))
        for (node, _), level in levels.items()
        if knows(network, level) and sale.node in (None, node)
    )
