"""Tells people about returns on their way to a node that is retired: nothing else would ever end that wait."""

from datetime import UTC, datetime

import structlog

from database import returns
from database.order import Event
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

log = structlog.get_logger("retired")


async def tell_who_goes_to_a_retired_node(transactions: OrderTransactions) -> None:
    """Open an exception for each return on its way to a retired node; a return that is received there after all is a fact as
    ever. Safe to repeat: one order that fails keeps the news from no other, and is tried again in the next run."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
        going = await returns.on_their_way_to(connection, list(network.retired_nodes)) if network.retired_nodes else []
    for name, order in going:
        try:
            await _tell_of_its_node(transactions, name, order)
        except Exception as error:
            log.exception("nobody could be told of a retired node", about=name, reason=type(error).__name__)


async def _tell_of_its_node(transactions: OrderTransactions, name: str, order: str) -> None:
    async with transactions.open(order) as work:
        node = (await returns.state(work.connection, name)).node
        if node is None or node in work.network.nodes:
            return
        detail = f"{name} goes to {node}, which is closed: a person must meet the parcel, or tell the customer where to send it"
        work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail, node=node))
        event = Event(returns.meets_nobody(name, node), "clock", datetime.now(UTC))
        await work.notify(await work.write(event))
