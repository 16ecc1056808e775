"""`python -m starter simulate`: what a network directory would have done with past orders, of files or as they were kept."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from runtime.where import database_url, master_keys
from simulation import HistoryOptions, Options, simulate, simulate_history
from simulation.what_changes import Written

Texts = Annotated[list[str] | None, Parameter(negative="")]

LATELY = timedelta(days=28)


async def command(
    *orders: Path,
    network: Annotated[list[Path] | None, Parameter(negative="")] = None,
    stock: Path | None = None,
    show: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    html: Path | None = None,
    history: Annotated[bool, Parameter(negative="")] = False,
    since: datetime | None = None,
    until: datetime | None = None,
    close: Texts = None,
    open_node: Annotated[list[str] | None, Parameter(name="--open", negative="")] = None,
    move: Texts = None,
    move_stock: Texts = None,
    capacity: Texts = None,
    cutoff: Texts = None,
    demand: Annotated[float, Parameter(validator=Number(gt=0, lte=10))] = 1.0,
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
    history
        Take orders, stock, goods that came, returns and rejections from what the service kept.
    since
        The day on which the history begins (UTC); 28 days ago.
    until
        The day before which it ends (UTC); now.
    close
        NODE or NODE:OTHER: the node is closed, and what is there or comes goes to the other one.
    open_node
        NODE:LIKE:LATITUDE,LONGITUDE: a new node there, like another one.
    move
        NODE:LATITUDE,LONGITUDE: the node lies there.
    move_stock
        SKU:FROM:TO:UNITS: units that lie at another node when the history begins.
    capacity
        NODE:ORDERS: the node's capacity per day.
    cutoff
        NODE:HH:MM: the node's cut-off.
    demand
        How often each order comes, in both runs: 1.3 is three in ten twice.
    """
    written = Written(
        close=close or (),
        open=open_node or (),
        move=move or (),
        stock=move_stock or (),
        capacity=capacity or (),
        cutoff=cutoff or (),
    )
    networks = network or []
    if not history:
        if written != Written() or since or until or demand != 1:
            sys.stderr.write("changes, --since, --until and --demand are for --history\n")
            return 1
        return simulate(Options(networks, orders, stock, show, html))
    if orders or stock or len(networks) > 1:
        sys.stderr.write(
            "--history takes orders and stock from the database, and at most one --network to compare with\n"
        )
        return 1
    ends = _utc(until) if until else datetime.now(UTC)
    begins = _utc(since) if since else ends - LATELY
    options = HistoryOptions(begins, ends, next(iter(networks), None), written, demand, show, html)
    return await simulate_history(database_url(), master_keys(), options)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
