"""Promises announced goods to the orders that wait for them."""

from datetime import datetime

from transactions import peg
from transactions.transaction import OrderTransactions


async def give_pegs(transactions: OrderTransactions, failing: dict[str, datetime]) -> None:
    """Give the orders that wait what is announced, in sequence, with their promises. `failing` is kept from run to run."""
    await peg.work_off(transactions, failing)
