"""Sources pinned units again where a count found fewer units than are promised.

The youngest pins go first, and carts before orders, since their units are not ordered yet. Released work stays at its node;
the exception that the count has opened shows it.
"""

from datetime import UTC, datetime

from database import cart, exception, shortage
from database.exception import ClosingFact
from database.order import Event
from domain import units
from transactions.transaction import OrderTransactions


async def settle(transactions: OrderTransactions) -> None:
    """Unpin the units that no longer fit, at every stock level that is short. Safe to repeat."""
    async with transactions.database.read_once() as connection:
        found = await shortage.short(connection)
    for node, sku in found:
        await _settle(transactions, node, sku)


async def _settle(transactions: OrderTransactions, node: str, sku: str) -> None:
    while await _drop_a_cart(transactions, node, sku):
        pass
    while (order := await _youngest(transactions, node, sku)) is not None:
        await _unpin(transactions, order, node, sku)


async def _drop_a_cart(transactions: OrderTransactions, node: str, sku: str) -> bool:
    """Free what the youngest cart holds there; false when nothing is short any more or no cart holds any of it."""
    async with transactions.database.write() as connection:
        return await cart.drop_youngest(connection, node, sku, datetime.now(UTC))


async def _youngest(transactions: OrderTransactions, node: str, sku: str) -> str | None:
    """The order to unpin next; None when nothing is short any more or only released work is left."""
    async with transactions.database.write() as connection:
        order = await shortage.youngest(connection, node, sku)
        if order is not None and await shortage.missing(connection, node, sku):
            return order
        await shortage.clear(connection, node, sku)
        fact = ClosingFact(f"{node} has as many of {sku} as it promised", "clock", datetime.now(UTC))
        await exception.close_shortages(connection, [(node, sku)], fact)
        return None


async def _unpin(transactions: OrderTransactions, order: str, node: str, sku: str) -> None:
    async with transactions.open(order) as work:
        at = datetime.now(UTC)
        missing = await shortage.missing(work.connection, node, sku)
        if not units.unpin(work.order, work.changes, node, sku, missing):
            return
        cause = f"{node} has fewer of {sku} than it promised, version {work.header.version + 1}"
        await work.notify(await work.write(Event(cause, "clock", at)))
