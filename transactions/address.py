"""Changes where unreleased units go, and how fast: all pinned units are planned for the change, or nothing changes.

What was released keeps the address and the service that its node was given.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from database import address, fulfillment, order, peg
from database.request import Request
from domain import units
from domain.request import ServiceRequest
from domain.sourcing import Plan
from domain.sourcing.supply import Entitlement
from domain.units import Impossible
from network.geography import postal_area
from transactions.quantity import refuse_when_over
from transactions.request import Answer, Done, RequestInput, planned_once
from transactions.sourcing import adopt, decide_for
from transactions.transaction import OrderTransactions, Work


async def change_address(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Change the address of an order's unreleased units to that of the request's row, unless they cannot be filled there."""
    return await planned_once(transactions, asked, lambda work, known: to_another_address(work, known, asked.at))


async def to_another_address(work: Work, known: Request, at: datetime) -> Answer:
    """Plan the unreleased units for another address. Raises `Impossible` and `StockTaken`."""
    _check_that_some_units_wait(work, at)
    ship_to = await address.asked_for(work.connection, work.header.order, known.request_id)
    if ship_to is None:
        raise Impossible("the order was forgotten: it has no address any more")
    work.header = replace(work.header, locality=ship_to.locality)
    await plan_for_new_place(work, at, _pinned(work), "no node can send {units} of it there")
    area = postal_area(ship_to.country, ship_to.postal_code or "")
    await fulfillment.keep_as_given(work.connection, work.header.order)
    await address.change(work.connection, work.header.order, ship_to, area)
    return {}


async def change_service(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Change the service of an order's unreleased units, unless they cannot be filled with it."""
    return await planned_once(transactions, asked, lambda work, known: with_another_service(work, known, asked.at))


async def with_another_service(work: Work, known: Request, at: datetime) -> Answer:
    """Plan the unreleased units with another service; the order gets a new promise, which the customer has chosen. Raises
    `Impossible` and `StockTaken`."""
    _check_that_some_units_wait(work, at)
    service = ServiceRequest.model_validate(known.facts).service
    if service not in work.active.policy.transit:
        raise Impossible(f"service {service} is not offered any more")
    work.header = replace(
        work.header, service=service, promised=(None, None), is_promised=False, is_promise_changed=False
    )
    await fulfillment.keep_as_given(work.connection, work.header.order)
    await order.change_service(work.connection, work.header.order, service)
    await plan_for_new_place(work, at, _pinned(work), f"no node can send {{units}} of it by {service}")
    return {}


def _check_that_some_units_wait(work: Work, at: datetime) -> None:
    refuse_when_over(work, at)
    if not work.order.has_unreleased:
        raise Impossible("no unit of it waits for its release: the nodes have the address and the service already")


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
    if work.order.pegs:  # what it waits for stays, but the days are others
        await peg.mark(work.connection, {one.sku for one in work.order.pegs}, work.header.order)


def _check(plan: Plan, must: Counter[str], refusal: str) -> None:
    filled: Counter[str] = Counter()
    for shipment in plan.shipments:
        for part in shipment.parts:
            filled[part.line] += part.quantity
    missing = sum((must - filled).values())
    if missing or (plan.unfilled and plan.unfilled_action != "backorder"):
        units_ = missing or sum(part.quantity for part in plan.unfilled)
        raise Impossible(refusal.format(units=f"{units_} unit{'s' if units_ != 1 else ''}"))
