"""Takes the open work of paused nodes elsewhere, where whoever paused them wants that."""

from collections.abc import Callable, Sequence

from database.outbox.signal import Wake
from transactions.pause import Pauses

ORDERS_MAX = 100
"""Orders that lose their work at one paused node before anything else is looked at again."""


async def clear_nodes(pauses: Pauses, send_soon: Callable[[Sequence[Wake]], None]) -> None:
    """Source the open work of paused nodes again, some orders of each node in one run."""
    send_soon(await pauses.clear(ORDERS_MAX))
