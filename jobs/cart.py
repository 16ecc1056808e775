"""Frees what carts hold whose time is over, so that others may have it."""

from transactions.cart import Carts


async def free_lapsed(carts: Carts) -> None:
    """Give back what lapsed carts hold; the orders that wait are asked before anybody else."""
    await carts.sweep()
