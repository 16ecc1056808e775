"""Sources pinned units again that are not on the shelf after all: a count below what is promised is a fact.

The youngest pins that no longer fit go first: carts before orders, since nobody has ordered them yet. Released work is left to
its node; the exception that the fact has opened tells of it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from activities.backorder import tell
from activities.transaction import OrderTransactions
from database import cart, shortage, wake
from database.order import Event
from domain import units
from domain.network import Network


class Shortages:
    """Short shelves, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    async def settle(self) -> list[wake.Wake]:
        """Unpin what no longer fits, at every short shelf; answers whom to wake. Safe to repeat."""
        async with self._transactions.database.read() as connection:
            found = await shortage.short(connection)
        wakes: list[wake.Wake] = []
        for node, sku in found:
            wakes += await self._settle(node, sku)
        return wakes

    async def _settle(self, node: str, sku: str) -> list[wake.Wake]:
        wakes: list[wake.Wake] = []
        while await self._drop_a_cart(node, sku):
            pass
        while (order := await self._youngest(node, sku)) is not None:
            wakes += await self._unpin(order, node, sku)
        return wakes

    async def _drop_a_cart(self, node: str, sku: str) -> bool:
        """Give back what the youngest cart holds of the shelf; false when the shelf is whole or no cart holds any of it."""
        async with self._transactions.database.write() as connection:
            return await cart.drop_youngest(connection, node, sku, datetime.now(UTC))

    async def _youngest(self, node: str, sku: str) -> str | None:
        """The order to unpin next; None when the shelf is whole or only released work is left."""
        async with self._transactions.database.write() as connection:
            _, network = await self._transactions.networks.active(connection)
            order = await shortage.youngest(connection, node, _made_of(network, sku))
            if order is not None and await shortage.missing(connection, node, sku):
                return order
            await shortage.settled(connection, node, sku)
            return None

    async def _unpin(self, order: str, node: str, sku: str) -> Sequence[wake.Wake]:
        async with self._transactions.open(order) as work:
            at = datetime.now(UTC)
            missing = await shortage.missing(work.connection, node, sku)
            if not units.unpin(work.order, work.changes, node, sku, missing):
                return []
            cause = f"{node} has fewer of {sku} than it promised, version {work.header.version + 1}"
            state = await work.write(Event(cause, "clock", at))
            return [] if work.header.is_closed else [await tell(work, state)]


def _made_of(network: Network, sku: str) -> list[str]:
    """The items that need a stocked SKU."""
    return [item for item in network.items if any(part == sku for part, _ in network.components(item))]
