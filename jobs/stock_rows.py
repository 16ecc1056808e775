"""Applies rows of stock messages that were kept until the network has their SKU."""

from transactions import stock
from transactions.transaction import OrderTransactions


async def apply_kept(transactions: OrderTransactions) -> None:
    """Apply what waits for a SKU that the network has now."""
    await stock.apply_kept(transactions)
