"""Sources pinned units again that are not at their node after all."""

from transactions import shortage
from transactions.transaction import OrderTransactions


async def source_again(transactions: OrderTransactions) -> None:
    """Take the youngest pins off stock that is less than what is promised of it."""
    await shortage.settle(transactions)
