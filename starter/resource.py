"""`python -m starter resource --waiting`: plans what is pinned and not released again, and swaps pins for better ones."""

import sys

from rich.progress import Progress

from database import personal
from database.connect import Database
from database.sealing import MasterKeys
from domain.sourcing import Plan
from transactions import replan
from transactions.network import Networks
from transactions.replan import Replanned
from transactions.transaction import OrderTransactions

LONG = 20
"""From this many orders on, a terminal gets a progress bar."""


async def resource(database_url: str, master_keys: MasterKeys) -> int:
    """Look at every order with pins, a transaction each, and print a line for each swap and the sum; 0.

    Raises `DatabaseUnreachable` and `NoNetwork`. The orders hear of it from the relay.
    """
    database = Database(database_url, master_keys)
    try:
        await database.check()
        await personal.check(database)
        transactions = OrderTransactions(database, Networks())
        orders = await replan.orders(transactions)
        with Progress(disable=len(orders) < LONG or not sys.stderr.isatty(), transient=True) as progress:
            task = progress.add_task("planning again", total=len(orders))
            found = []
            async for replanned in replan.again(transactions, orders):
                found.append(replanned)
                progress.advance(task)
    finally:
        await database.close()
    sys.stdout.write("".join(f"{line}\n" for line in _lines(found)))
    return 0


def _lines(found: list[Replanned | None]) -> list[str]:
    swapped = [(one.order, one.before, one.after) for one in found if one is not None and one.after is not None]
    cost = sum(after.cost - before.cost for _, before, after in swapped)
    shipments = sum(len(after.shipments) - len(before.shipments) for _, before, after in swapped)
    total = f"{len(found)} orders looked at, {len(swapped)} swapped: cost {cost / 100:+,.2f}, shipments {shipments:+d}"
    return [*(f"{order}: {_told(before)} -> {_told(after)}" for order, before, after in swapped), total]


def _told(plan: Plan) -> str:
    nodes = " + ".join(shipment.node for shipment in plan.shipments) or "nowhere any more"
    return f"{nodes} at {plan.cost / 100:,.2f}"
