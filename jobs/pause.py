"""Moves the open work of paused nodes to other nodes, where the pause asks for that."""

from transactions.pause import Pauses

ORDERS_MAX = 100
"""Orders that one run moves from one paused node."""


async def clear_nodes(pauses: Pauses) -> None:
    """Source the open work of paused nodes again, some orders of each node in one run."""
    await pauses.clear(ORDERS_MAX)
