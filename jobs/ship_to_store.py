"""Brings units to the nodes where orders are collected that do not have them."""

from datetime import datetime

from transactions import ship_to_store
from transactions.transaction import OrderTransactions


async def make_transfers(transactions: OrderTransactions, resting: dict[str, datetime]) -> None:
    """Make the transfers that orders need where they are collected, and cancel those that they do not need any more. `resting`
    is kept from run to run."""
    await ship_to_store.work_off(transactions, resting)
