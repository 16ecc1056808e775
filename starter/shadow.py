"""`python -m starter shadow`: a network that is not applied plans every new order beside the active one."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from database.connect import Database
from database.documents import shadow as documents
from domain.explanation import cost, short_plan
from runtime.where import database_url, master_keys
from transactions import shadow as shadows
from transactions.network_version import NetworkRefused, OtherVersion
from transactions.shadow import NoShadow

Document = dict[str, Any]

command = App(name="shadow", help="Let a network directory plan every new order beside the active one, and promote it.")


@asynccontextmanager
async def _opened() -> AsyncIterator[Database]:
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        yield database
    finally:
        await database.close()


@command.command
async def begin(directory: Path) -> int:
    """Let a network directory plan every sourcing round from now on beside the active version. It touches no order.

    A shadow that runs is replaced. Cases are not planned before it is promoted.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and what else `network apply` reads.
    """
    async with _opened() as database:
        try:
            begun = await shadows.begin(database, directory)
        except NetworkRefused as error:
            return _refuse(error.lines)
    sys.stderr.write(f"shadow {begun.shadow} {'begins' if begun.is_new else 'runs already'}\n")
    return 0


@command.command
async def report(*, console: Annotated[Console | None, Parameter(parse=False)] = None) -> int:
    """Print how the shadow would have decided since it began; exit 1 when there was none."""
    async with _opened() as database, database.read() as connection:
        found = (await documents.report(connection))["shadow"]
    if found is None:
        return _refuse(["there was no shadow yet: `python -m starter shadow begin DIR` begins one"])
    show(found, console or Console(emoji=False))
    return 0


@command.command
async def promote(
    *, accept: Annotated[list[str] | None, Parameter(negative="")] = None, over: int | None = None
) -> int:
    """Make the shadow the active version, with the checks of `network apply`, and end it.

    Parameters
    ----------
    accept
        The name of a case that it may break; repeat it for several.
    over
        The active version that it may replace, where another was applied since it began.
    """
    async with _opened() as database:
        try:
            version = await shadows.promote(database, over=over, accepted=accept or [], say=_say)
        except (NoShadow, OtherVersion, NetworkRefused) as error:
            return _refuse([_why(error)])
    sys.stderr.write(f"active as version {version}\n")
    return 0


@command.command
async def stop() -> int:
    """End the shadow. Its report stays."""
    async with _opened() as database:
        try:
            number = await shadows.stop(database)
        except NoShadow as error:
            return _refuse([str(error)])
    sys.stderr.write(f"shadow {number} has ended\n")
    return 0


def _why(error: Exception) -> str:
    if isinstance(error, OtherVersion):
        return "another version was applied since the shadow began, and promoting it would undo that: --over VERSION names it"
    return str(error)


def show(found: Document, console: Console) -> None:
    """Print a report."""
    ended = f", {found['outcome']} {found['ended_at']:%Y-%m-%d %H:%M}" if found["outcome"] else ""
    console.print(
        f"shadow {found['number']}: policy {escape(found['policy_version'])} beside version {found['network_version']},"
        f" since {found['began_at']:%Y-%m-%d %H:%M} UTC{ended}",
        soft_wrap=True,
    )
    rounds, counted = found["rounds"], sum(found["rounds"].values())
    console.print(
        f"{counted:,} round{'' if counted == 1 else 's'}: {rounds['same']:,} the same,"
        f" {rounds['other_figures']:,} from the same nodes at another cost or on another day,"
        f" {rounds['different']:,} different, {rounds['impossible']:,} that it cannot plan",
        soft_wrap=True,
    )
    console.print(_figures(found))
    if found["nodes"]:
        console.print(_nodes(found))
    for one in found["latest"]:
        console.print(escape(_sentence(one)), soft_wrap=True)


def _figures(found: Document) -> Table:
    decided, beside = found["decided"], found["beside"]
    table = Table("", "decided", "shadow", box=None, pad_edge=False, header_style="dim")
    for name in ("shipments", "unfilled"):
        table.add_row(name, f"{decided[name]:,}", f"{beside[name]:,}")
    table.add_row("cost", cost(decided["cost"]), cost(beside["cost"]))
    table.add_row("days", *("–" if side["days"] is None else f"{side['days']:.2f}" for side in (decided, beside)))
    return table


def _nodes(found: Document) -> Table:
    table = Table("units by node", "decided", "shadow", box=None, pad_edge=False, header_style="dim")
    for row in found["nodes"]:
        table.add_row(row["node"], f"{row['decided']:,}", f"{row['beside']:,}")
    return table


def _sentence(one: Document) -> str:
    beside = one["cause"] if one["beside"] is None else short_plan(one["beside"])
    return f"{one['order']}, round {one['round']}: {short_plan(one['decided'])}; shadow: {beside}"


def _refuse(lines: list[str]) -> int:
    for line in lines:
        _say(line)
    return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
