"""`python -m starter resource --waiting`: plans again what is pinned and not released, and takes the better plan."""

import sys
from typing import Annotated

from cyclopts import Parameter
from rich.progress import Progress

from database import personal
from database.connect import Database
from database.sealing import MasterKeys
from domain.sourcing import Plan
from runtime.where import database_url, master_keys
from transactions import replan
from transactions.network import Networks
from transactions.replan import Replanned
from transactions.transaction import OrderTransactions

LONG = 20
"""From this many orders on, a terminal gets a progress bar."""


async def command(*, waiting: Annotated[bool, Parameter(negative="")]) -> int:
    """Plan waiting orders again, and move their pinned units where the new plan is better.

    Parameters
    ----------
    waiting
        Every order that has pinned units and is not released: because of its grace period, a hold, or its date.
    """
    return await resource(database_url(), master_keys())


async def resource(database_url: str, master_keys: MasterKeys) -> int:
    """Plan every order with pins again, a transaction each, and print a line for each swap and the sum; 0.

    Raises `DatabaseUnreachable` and `NoNetwork`. The relay signals the orders.
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
    return [*(f"{order}: {_text(before)} -> {_text(after)}" for order, before, after in swapped), total]


def _text(plan: Plan) -> str:
    nodes = " + ".join(shipment.node for shipment in plan.shipments) or "nowhere any more"
    return f"{nodes} at {plan.cost / 100:,.2f}"
