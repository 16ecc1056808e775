"""Brings units to the nodes where orders are collected that do not have them."""

from transactions import ship_to_store
from transactions.ship_to_store import Known
from transactions.transaction import OrderTransactions


async def make_transfers(transactions: OrderTransactions, known: Known) -> None:
    """Make the transfers that orders need where they are collected, and cancel those that they do not need any more. `known` is
    kept from run to run."""
    await ship_to_store.work_off(transactions, known)
