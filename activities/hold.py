"""Places holds on an order under its lock; one that lets nothing be reserved takes the order's units off their shelves."""

from datetime import datetime

from activities.transaction import Work
from database import cart, order
from domain import units
from domain.hold import Placement
from domain.network import HoldStock


async def place(work: Work, placement: Placement, remark_id: int | None, at: datetime) -> None:
    """Place a hold, with the remark of who placed it and why; write the order afterwards."""
    if await order.place_hold(work.connection, work.header.order, placement, remark_id, at):
        await reserve_nothing_for(work, [placement], at)


async def reserve_nothing_for(work: Work, placed: list[Placement], at: datetime) -> None:
    """Give back what is not released, if one of these holds lets nothing be reserved."""
    if any(placement.stock is HoldStock.WAIT for placement in placed):
        units.give_back(work.order, work.changes)
        if work.header.own:
            await cart.hand_over(work.connection, work.header.order, at)
