"""Changes the address of an unreleased order: all pinned units are planned for the new address, or nothing changes."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from database import address
from database.request import Request
from domain import units
from domain.sourcing import Plan
from domain.sourcing.supply import Entitlement
from domain.units import Impossible
from network.geography import postal_area
from transactions.request import Done, RequestInput, planned_once
from transactions.sourcing import adopt, decide_for
from transactions.transaction import OrderTransactions, Work


async def change_address(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Change the order's address to that of the request's row, unless it was released or cannot be filled there."""
    return await planned_once(transactions, asked, lambda work, known: _change(work, known, asked.at))


async def _change(work: Work, known: Request, at: datetime) -> dict[str, Any]:
    if work.order.fulfillment_orders:
        raise Impossible("it was released to its nodes: they have the address already")
    ship_to = await address.asked_for(work.connection, work.header.order, known.request_id)
    if ship_to is None:
        raise Impossible("the order was forgotten: it has no address any more")
    work.header = replace(work.header, locality=ship_to.locality)
    await plan_for_new_place(work, at, _pinned(work), "no node can send {units} of it there")
    area = postal_area(ship_to.country, ship_to.postal_code or "")
    await address.change(work.connection, work.header.order, ship_to, area)
    return {}


def _pinned(work: Work) -> Counter[str]:
    pinned = Counter[str]()
    for reservation in work.order.reservations:
        pinned[reservation.line] += reservation.quantity
    return pinned


async def plan_for_new_place(work: Work, at: datetime, must: Counter[str], refusal: str) -> None:
    """Plan all pinned and waiting units for the order's new place. `must` = by line, the units that must get a node.
    While a hold forbids reservations, nothing is planned.

    Raises `StockTaken`, and `Impossible` with the text `refusal`, where `{units}` becomes the units without a node.
    """
    if work.header.waits_for_hold:
        return
    entitlement = Entitlement(own=units.held(work.order, work.network), pinned_for=work.pinned_for)
    units.unpin_everything(work.order, work.changes)
    asked = units.wanted(work.order)
    if not asked:
        return
    decided = await decide_for(work, [line for _, line in asked], at, entitlement)
    _check(decided.plan, must, refusal)
    await adopt(work, [waiting for waiting, _ in asked], decided, at, entitlement)


def _check(plan: Plan, must: Counter[str], refusal: str) -> None:
    filled: Counter[str] = Counter()
    for shipment in plan.shipments:
        for part in shipment.parts:
            filled[part.line] += part.quantity
    missing = sum((must - filled).values())
    if missing or (plan.unfilled and plan.unfilled_action != "backorder"):
        units_ = missing or sum(part.quantity for part in plan.unfilled)
        raise Impossible(refusal.format(units=f"{units_} unit{'s' if units_ != 1 else ''}"))
