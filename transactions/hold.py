"""Places holds on an order under its lock; a hold that forbids reservations frees the order's unreleased units."""

from dataclasses import replace
from datetime import datetime

from database import cart
from database import hold as statements
from domain import units
from domain.hold import POLICY, Placement, by_policy
from domain.network import HoldStock
from domain.sourcing import OrderFacts
from transactions.transaction import Work


async def place(work: Work, placement: Placement, remark_id: int | None, at: datetime) -> None:
    """Place a hold, with the remark that says who placed it and why. The caller writes the order afterwards."""
    if await statements.place(work.connection, work.header.order, placement, remark_id, at):
        await _reserve_nothing_for(work, placement, at)


async def place_by_policy(work: Work, facts: OrderFacts, at: datetime) -> None:
    """Place the holds of the policy for an order with these facts. The caller writes the order afterwards."""
    for placement in by_policy(facts, work.network.policy):
        if await statements.place_with_reason(work.connection, work.header.order, placement, POLICY, at):
            await _reserve_nothing_for(work, placement, at)


async def _reserve_nothing_for(work: Work, placed: Placement, at: datetime) -> None:
    """Free the unreleased units, if this hold forbids reservations."""
    if placed.stock is not HoldStock.WAIT:
        return
    work.header = replace(work.header, waits_for_hold=True)
    units.give_back(work.order, work.changes)
    if work.header.own:
        await cart.hand_over(work.connection, work.header.order, at)
