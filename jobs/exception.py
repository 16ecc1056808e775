"""Reports open exceptions again when they are open too long, and opens exceptions for what has waited too long."""

from transactions import exception, marketplace_health, retired, silence
from transactions.transaction import OrderTransactions

ORDERS_MAX = 100
"""Orders that become at risk in one run."""


async def escalate(transactions: OrderTransactions) -> None:
    """Log the exceptions once more that are open for longer than the policy allows."""
    await exception.escalate(transactions)


async def open_at_risk(transactions: OrderTransactions) -> None:
    """Open an exception for each order that was promised to leave soon while units of it wait."""
    await exception.tell_what_waits_too_long(transactions, ORDERS_MAX)


async def tell_of_retired(transactions: OrderTransactions) -> None:
    """Tell people about returns on their way to a node that the network has retired."""
    await retired.tell_who_goes_to_a_retired_node(transactions)


async def look_for_silence(transactions: OrderTransactions) -> None:
    """Open an exception for each return and claim that has waited for somebody too long, and close those that are over."""
    await silence.look(transactions, ORDERS_MAX)


async def measure_channels(transactions: OrderTransactions) -> None:
    """Open an exception for each rate that a marketplace will not be content with, and close those that are over."""
    await marketplace_health.warn(transactions)
