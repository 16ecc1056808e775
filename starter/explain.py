"""`python -m starter explain ORDER`: why an order ships from where it does, round by round, for a person to read."""

import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from database import order as orders
from database.connect import Database
from database.documents import sourcing
from database.order import UnknownOrder
from database.sealing import MasterKeys
from domain.explanation import bare_km, cost, outcome
from domain.identifiers import in_one_case
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.pause import UnknownNode
from transactions.what_if import NotToBeAsked
from transactions.what_if import why_not as why_not_

Document = dict[str, Any]


async def command(
    order: str, *, why_not: str | None = None, round_: Annotated[int | None, Parameter(name="--round")] = None
) -> int:
    """Explain why an order ships from where it does: each sourcing round with its nodes, reasons and alternatives.

    Parameters
    ----------
    order
        The order's id, such as web-1001.
    why_not
        A node that does not ship: what would have had to be different for it to ship.
    round_
        With --why-not: of which sourcing round, from 1; otherwise of the last.
    """
    if why_not is None:
        return await explain(database_url(), in_one_case(order))
    return await explain_why_not(database_url(), master_keys(), (in_one_case(order), why_not, round_))


async def explain_why_not(
    database_url: str, master_keys: MasterKeys, asked: tuple[str, str, int | None], console: Console | None = None
) -> int:
    """Print why a node does not ship an order in a round; 1 when it cannot be said.

    Raises `DatabaseUnreachable` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    try:
        await database.check()
        found = await why_not_(database, Networks(), *asked)
    except UnknownOrder as error:
        sys.stderr.write(f"there is no order {error}\n")
        return 1
    except UnknownNode as error:
        sys.stderr.write(f"there is no node {error} in the network of this round\n")
        return 1
    except NotToBeAsked as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        await database.close()
    show_why_not(found, console or Console(emoji=False))
    return 0


def show_why_not(found: Document, console: Console) -> None:
    """Print why a node does not ship, and each change under which it would."""
    node = found["node"]
    console.print(f"\n[bold]{found['order']}, round {found['round']}[/bold]: {_plan(found['plan'])}")
    if found["ships"]:
        console.print(f"{node} ships. Without it: {_plan(found['without'])}")
        return
    console.print(escape(f"{node} does not ship: {found['excluded'] or 'others were better'}"))
    for line in found["lines"]:
        kept = f" (kept back by {line['kept_back_by']})" if line["kept_back_by"] else ""
        if line["why"]:
            console.print(escape(f"  line {line['line']}, {line['quantity']} {line['sku']}: {line['why']}{kept}"))
    if not found["changes"]:
        console.print("No single change would have been enough.")
        return
    console.print("It would have shipped with one of these, each the smallest of its kind:")
    for change in found["changes"]:
        console.print(escape(f"  {change['words']}: {_plan(change['plan'])}"))


def _plan(plan: Document) -> str:
    """A plan in a line: who would ship what, at what cost."""
    shipped = [f"{one['node']} {_units(one['lines'])}" for one in plan["shipments"]]
    unfilled = [f"nobody {_units(plan['unfilled'])}"] if plan["unfilled"] else []
    return f"{'; '.join([*shipped, *unfilled])}, cost {cost(plan['cost'])}"


def _units(lines: list[Document]) -> str:
    return ", ".join(f"{line['quantity']} {line['sku']}" for line in lines)


async def explain(database_url: str, name: str, console: Console | None = None) -> int:
    """Print every sourcing round; 1 when there is no such order. Raises `DatabaseUnreachable`."""
    database = Database(database_url)
    try:
        await database.check()
        async with database.read() as connection:
            await orders.news(connection, name)
            rounds = await sourcing.rounds(connection, name)
    except UnknownOrder:
        sys.stderr.write(f"there is no order {name}\n")
        return 1
    finally:
        await database.close()
    show(name, rounds, console or Console(emoji=False))
    return 0


def show(name: str, rounds: list[Document], console: Console) -> None:
    """Print the rounds of an order."""
    if not rounds:
        console.print(f"{name} has not been sourced yet.")
    for found in rounds:
        _show_round(name, found, console)


def _show_round(name: str, found: Document, console: Console) -> None:
    tier = f", tier {found['tier']}" if found["tier"] else ""
    console.print(
        f"\n[bold]{name}, round {found['round']}[/bold], decided {found['decided_at']:%Y-%m-%d %H:%M} UTC"
        f" by policy {found['policy_version']}: strategy {found['strategy']}{tier}"
    )
    for line in outcome(found):
        console.print(f"  {escape(line)}")
    if found["nodes"]:
        console.print(_nodes(found))
    if any(node["lines"] for node in found["nodes"]):
        console.print(_lines(found))
    if found["runners_up"]:
        console.print(_runners_up(found))


def _nodes(found: Document) -> Table:
    """Every node as it stood; `cost` is one shipment with all that it could supply alone."""
    chosen = {shipment["node"] for shipment in found["shipments"]}
    table = Table(
        "node", "km", "days", "cost alone", "why not, or chosen", box=None, pad_edge=False, header_style="dim"
    )
    for node in found["nodes"]:
        verdict = "chosen" if node["node"] in chosen else node["excluded"] or "others were better"
        table.add_row(
            node["node"],
            bare_km(node),
            "" if node["days"] is None else str(node["days"]),
            _cost(node["cost"]),
            escape(verdict),
        )
    return table


def _lines(found: Document) -> Table:
    """What each node had of each line; lines that a node had nothing of are left out."""
    title = "line by line, where there was any"
    table = Table(
        "node", "line", "SKU", "wanted", "on hand", "free", "why not, or chosen", title=title, box=None, pad_edge=False
    )
    table.title_justify, table.title_style, table.header_style = "left", "", "dim"
    for node in found["nodes"]:
        for line in node["lines"]:
            if line["on_hand"] or line["planned"]:
                chosen = f"{line['planned']} chosen" if line["planned"] else ""
                verdict = "; ".join(filter(None, (chosen, line["why"])))
                numbers = (line["quantity"], line["on_hand"], line["available"])
                table.add_row(node["node"], line["line"], escape(line["sku"]), *map(str, numbers), escape(verdict))
    return table


def _cost(minor_units: int | None) -> str:
    return "" if minor_units is None else cost(minor_units)


def _runners_up(found: Document) -> Table:
    title = "what else it could have been"
    table = Table("nodes", "units", "shipments", "km", "days", "cost", title=title, box=None, pad_edge=False)
    table.title_justify, table.title_style, table.header_style = "left", "", "dim"
    for plan in found["runners_up"]:
        numbers = (plan["units"], plan["shipments"], bare_km(plan), plan["days"] or "", _cost(plan["cost"]))
        table.add_row(" + ".join(plan["nodes"]), *map(str, numbers))
    return table
