"""`python -m starter simulate`: what a network directory would have done with past orders, of files or as they were kept."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from runtime.where import database_url, master_keys
from simulation import HistoryOptions, Options, simulate, simulate_history
from simulation.what_changes import Written

LATELY = timedelta(days=28)


def _texts(help_: str, name: str | None = None) -> Parameter:
    return Parameter(name=name, negative="", help=help_)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Past:
    """The options of `--history`."""

    history: Annotated[
        bool, Parameter(negative="", help="Take orders, stock, returns and rejections from what the service kept.")
    ] = False
    since: Annotated[datetime | None, Parameter(help="The day on which the history begins (UTC); 28 days ago.")] = None
    until: Annotated[datetime | None, Parameter(help="The day before which it ends (UTC); now.")] = None
    close: Annotated[list[str] | None, _texts("NODE, or NODE:OTHER where its stock and what comes goes to OTHER.")] = (
        None
    )
    open_node: Annotated[
        list[str] | None, _texts("NODE:LIKE:LATITUDE,LONGITUDE: a new node there, like another one.", "--open")
    ] = None
    move: Annotated[list[str] | None, _texts("NODE:LATITUDE,LONGITUDE: the node lies there.")] = None
    move_stock: Annotated[
        list[str] | None, _texts("SKU:FROM:TO:UNITS: units that lie at another node when the history begins.")
    ] = None
    capacity: Annotated[list[str] | None, _texts("NODE:ORDERS: the node's capacity per day.")] = None
    cutoff: Annotated[list[str] | None, _texts("NODE:HH:MM: the node's cut-off.")] = None
    demand: Annotated[
        float,
        Parameter(validator=Number(gt=0, lte=10), help="How often each order comes: of 1.3, three in ten come twice."),
    ] = 1.0

    frontier: Annotated[
        bool, Parameter(negative="", help="Also plan under several weightings of cost, boxes and days (slow).")
    ] = False

    @property
    def changes(self) -> Written:
        """What is different in the second run."""
        return Written(
            close=self.close or (),
            open=self.open_node or (),
            move=self.move or (),
            stock=self.move_stock or (),
            capacity=self.capacity or (),
            cutoff=self.cutoff or (),
        )


FROM_FILES = Past()


async def command(
    *orders: Path,
    network: Annotated[list[Path] | None, Parameter(negative="")] = None,
    stock: Path | None = None,
    show: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    html: Path | None = None,
    past: Past = FROM_FILES,
) -> int:
    """Try a network directory on past orders, in memory, or compare two. Changes nothing, needs no service.

    With --history: on what the service itself kept, from its database, under the active network (A), and beside it under
    another one or with changes (B).

    Parameters
    ----------
    orders
        Files of orders, as JSON Lines: each line is the body of a POST /orders.
    network
        The network directory; named twice, the second is compared with the first. With --history, the one to compare with.
    stock
        What was on hand before the first order: a CSV file with the header node,sku,on_hand. Without it, every node has
        everything.
    show
        How many of the orders that ship differently are shown one by one.
    html
        A file for the same result as a page, with pictures and a map.
    """
    networks = network or []
    if past.history and (orders or stock or len(networks) > 1):
        return _refuse("--history reads orders and stock from the database, and takes at most one --network", code=1)
    if past.history:
        options = _of_history(past, networks[0] if networks else None, show, html)
        if options.since >= options.until:
            return _refuse("--since must be before --until, which is now unless it is given", code=1)
        return await simulate_history(database_url(), master_keys(), options)
    if past != FROM_FILES:
        return _refuse("changes, --since, --until, --demand and --frontier are for --history: add it", code=1)
    if not networks:
        return _refuse("name a network directory: --network DIR; or --history for what the service itself kept", code=2)
    return simulate(Options(networks, orders, stock, show, html))


def _of_history(past: Past, other: Path | None, show: int, html: Path | None) -> HistoryOptions:
    ends = _utc(past.until) if past.until else datetime.now(UTC)
    begins = _utc(past.since) if past.since else ends - LATELY
    return HistoryOptions(begins, ends, other, past.changes, past.demand, past.frontier, show, html)


def _refuse(words: str, *, code: int) -> int:
    sys.stderr.write(f"{words}\n")
    return code


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
