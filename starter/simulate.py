"""`python -m starter simulate`: what a network directory would have done with past orders."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from simulation import Options, simulate


def command(
    *orders: Path,
    network: Annotated[list[Path], Parameter(negative="")],
    stock: Path | None = None,
    show: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    html: Path | None = None,
) -> int:
    """Try a network directory on past orders, in memory, or compare two. Changes nothing, needs no service.

    Parameters
    ----------
    orders
        Files of orders, as JSON Lines: each line is the body of a POST /orders.
    network
        The network directory; named twice, the second is compared with the first.
    stock
        What was on hand before the first order: a CSV file with the header node,sku,on_hand. Without it, every node has
        everything.
    show
        How many of the orders that ship differently are shown one by one.
    html
        A file for the same result as a page, with pictures and a map.
    """
    return simulate(Options(network, orders, stock, show, html))
