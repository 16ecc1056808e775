"""Tells people about what waits for an item or a node that is retired: nothing else would ever end that wait."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from database import backorder, returns
from database.order import Event
from domain import units
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

log = structlog.get_logger("retired")


async def tell_who_waits_for_what_is_retired(transactions: OrderTransactions) -> None:
    """Give units that wait for stock of a retired item to a person, and open an exception for each return on its way to a
    retired node; a return that is received there after all is a fact as ever. Safe to repeat."""
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
        orders = await backorder.of_retired(connection, list(network.retired_items)) if network.retired_items else []
        going = await returns.on_their_way_to(connection, list(network.retired_nodes)) if network.retired_nodes else []
    for order in orders:
        await _or_pass(order, partial(_give_up_waiting, transactions, order))
    for name, order in going:
        await _or_pass(name, partial(_tell_of_its_node, transactions, name, order))


async def _or_pass(name: str, telling: Callable[[], Awaitable[None]]) -> None:
    """Log a failure and go on: one order must not keep the news from all others. It is tried again in the next run."""
    try:
        await telling()
    except Exception as error:
        log.exception("nobody could be told of what is retired", about=name, reason=type(error).__name__)


async def _give_up_waiting(transactions: OrderTransactions, order: str) -> None:
    async with transactions.open(order) as work:
        units.give_up_retired(work.order, work.changes)
        if work.changes.opened and not work.header.is_closed:
            cause = f"what it waits for is retired, version {work.header.version + 1}"
            await work.notify(await work.write(Event(cause, "clock", datetime.now(UTC))))


async def _tell_of_its_node(transactions: OrderTransactions, name: str, order: str) -> None:
    async with transactions.open(order) as work:
        node = (await returns.state(work.connection, name)).node
        if node is None or node in work.network.nodes:
            return
        detail = f"{name} goes to {node}, which is closed: a person must meet the parcel, or tell the customer where to send it"
        work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail, node=node))
        event = Event(returns.meets_nobody(name, node), "clock", datetime.now(UTC))
        await work.notify(await work.write(event))
