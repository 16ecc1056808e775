"""Sources pinned units again that are not at their node after all."""

from collections.abc import Callable, Sequence

from database.outbox.signal import Wake
from transactions import shortage
from transactions.transaction import OrderTransactions


async def source_again(transactions: OrderTransactions, send_soon: Callable[[Sequence[Wake]], None]) -> None:
    """Take the youngest pins off stock that is less than what is promised of it."""
    send_soon(await shortage.settle(transactions))
