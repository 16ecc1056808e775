"""`python -m starter explain ORDER`: why an order ships from where it does, round by round, for a person to read."""

import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from database import order as orders
from database.connect import Database
from database.documents import sourcing
from database.order import UnknownOrder
from domain.identifiers import in_one_case
from runtime.where import database_url

Document = dict[str, Any]

PRECISION = {
    "point": "by its coordinates",
    "postal_code": "by its postal code",
    "city": "by its city",
    "region": "only by its region, or by the beginning of its postal code",
    "country": "only by its country",
}


async def command(order: str) -> int:
    """Explain why an order ships from where it does: each sourcing round with its nodes, reasons and alternatives.

    Parameters
    ----------
    order
        The order's id, such as web-1001.
    """
    return await explain(database_url(), in_one_case(order))


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
    for line in _outcome(found):
        console.print(f"  {escape(line)}")
    if found["nodes"]:
        console.print(_nodes(found))
    if any(node["lines"] for node in found["nodes"]):
        console.print(_lines(found))
    if found["runners_up"]:
        console.print(_runners_up(found))


def _outcome(found: Document) -> list[str]:
    shipped = [
        f"{shipment['node']} ships {_units(shipment['lines'])}: {_km(shipment['distance_km']) or 'no distance'}, cost"
        f" {_money(shipment['cost'])}, {_arrives(shipment)}"
        for shipment in found["shipments"]
    ]
    unfilled = [f"nobody fills {_units(found['unfilled'])}: {found['unfilled_action']}"] if found["unfilled"] else []
    where = f"the destination is known {PRECISION[found['destination_precision']]}"
    return [*shipped, *unfilled, where, *_unproven(found)]


def _km(distance_km: float | None) -> str:
    return "" if distance_km is None else f"{distance_km:,.0f} km"


def _bare_km(found: Document) -> str:
    return _km(found["distance_km"]).removesuffix(" km")


def _arrives(shipment: Document) -> str:
    if shipment["deliver_by"] is None:
        return f"leaves by {shipment['ship_by'][:10]}; nobody knows how long it is on the way"
    return f"there in {_days(shipment['days'])}, by {shipment['deliver_by'][:10]}"


def _unproven(found: Document) -> list[str]:
    """What a search that was cut short leaves open."""
    if found["exact"]:
        return []
    least = f", by {found['gap']:.1%} at most" if found["gap"] is not None else ""
    return [f"the search was cut short: a better plan may exist{least}"]


def _units(lines: list[Document]) -> str:
    return ", ".join(f"{line['quantity']} of {line['sku']} (line {line['line']})" for line in lines)


def _money(minor_units: int) -> str:
    return f"{minor_units / 100:,.2f}"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


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
            _bare_km(node),
            "" if node["days"] is None else str(node["days"]),
            "" if node["cost"] is None else _money(node["cost"]),
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


def _runners_up(found: Document) -> Table:
    title = "what else it could have been"
    table = Table("nodes", "units", "shipments", "km", "days", "cost", title=title, box=None, pad_edge=False)
    table.title_justify, table.title_style, table.header_style = "left", "", "dim"
    for plan in found["runners_up"]:
        numbers = (plan["units"], plan["shipments"], _bare_km(plan), plan["days"] or "", _money(plan["cost"]))
        table.add_row(" + ".join(plan["nodes"]), *map(str, numbers))
    return table
