"""Promises announced goods to the orders that wait for them."""

from transactions import peg
from transactions.transaction import OrderTransactions


async def give_pegs(transactions: OrderTransactions) -> None:
    """Give the orders that wait what is announced, in sequence, with their promises."""
    await peg.work_off(transactions)
