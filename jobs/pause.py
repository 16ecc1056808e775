"""Takes the open work of paused nodes elsewhere, where whoever paused them wants that."""

from transactions.pause import Pauses

ORDERS_MAX = 100
"""Orders that lose their work at one paused node before anything else is looked at again."""


async def clear_nodes(pauses: Pauses) -> None:
    """Source the open work of paused nodes again, some orders of each node in one run."""
    await pauses.clear(ORDERS_MAX)
