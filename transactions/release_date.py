"""Lets open orders follow the release dates of their items, which a new version of the network may have changed."""

from dataclasses import replace
from datetime import UTC, datetime

from database import sell_ahead
from database.order import Event
from domain import units
from domain.sourcing import Situation, Wanted, plan
from transactions.supply import order_facts
from transactions.transaction import OrderTransactions, Work


async def to_follow(transactions: OrderTransactions) -> list[str]:
    """The open orders whose items have other release dates now."""
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
        dates = {
            sku: at for sku, item in network.items.items() if item.release_date and (at := network.release_at([sku]))
        }
        return await sell_ahead.released_otherwise(connection, dates)


async def follow(transactions: OrderTransactions, order: str) -> None:
    """Give an order the day from which its items may leave a node now, and where its promise changes by that, a new one."""
    async with transactions.open(order) as work:
        if work.header.is_closed or not work.is_released_otherwise:
            return
        at = datetime.now(UTC)
        _date_its_pins(work, at)
        if work.order.reservations:
            work.renew_promise()
        event = Event(f"release dates, version {work.header.version + 1}", "clock", at)
        await work.notify(await work.write(event))


def _date_its_pins(work: Work, at: datetime) -> None:
    """Give the pins the days of a shipment from where they are, once they may leave; as they were where none is possible."""
    pinned = units.pinned(work.order)
    wanted = [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in pinned]
    if not wanted:
        return
    facts = replace(order_facts(work.header, work.network, work.order.lines, wanted), deliver_by=None)
    own, leaves_at = units.held(work.order, work.network), max(at, work.release_at)
    decided = plan(facts, wanted, Situation(network=work.network, supply=own, now=leaves_at))
    days = {one.node: (one.ship_by, one.deliver_by) for one in decided.shipments}
    work.order.reservations = [
        replace(pin, ship_by=days[pin.node][0], deliver_by=days[pin.node][1]) if pin.node in days else pin
        for pin in work.order.reservations
    ]
