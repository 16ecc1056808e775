"""Takes the needs of replenishment whose rules say so."""

from jobs.relay import Relay
from transactions import need
from transactions.transaction import OrderTransactions


async def take_needs(transactions: OrderTransactions, relay: Relay) -> None:
    """Take the needs of automatic rules as transfers, some hundreds in one run, and start their workflows."""
    for order in await need.take_automatic(transactions):
        relay.start_soon(order)
