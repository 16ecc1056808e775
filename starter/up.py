"""`python -m starter up`: the whole service on embedded PostgreSQL and Temporal, in one process group."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from embedded import up


def command(
    *,
    network: Path | None = None,
    data: Path = Path(".data"),
    http_port: int = 8080,
    temporal_port: int = 7233,
    ui_port: int = 8233,
    simulate_nodes: Annotated[bool, Parameter(negative="")] = False,
    simulate_peers: Annotated[bool, Parameter(negative="")] = False,
    shop_port: int = 8090,
) -> int:
    """Run the whole service on embedded PostgreSQL and Temporal until Ctrl-C.

    When everything is ready, one line of JSON on standard output gives the addresses; the rest goes to standard error.

    Parameters
    ----------
    network
        A network directory to check, and to apply where it differs from the active version. Without one, a first start
        takes network/example, and a later one keeps what is active.
    data
        The directory of all data. After a new start on it, open orders go on.
    http_port
        The port of the HTTP interface; 0 picks a free one.
    temporal_port
        The port of the Temporal server; 0 picks a free one.
    ui_port
        The port of the Temporal UI; 0 picks a free one.
    simulate_nodes
        Let simulated nodes accept, pick and ship.
    simulate_peers
        Run a simulated Shopify too, with the items of the network, connected as the channel `shop`.
    shop_port
        The port of the simulated Shopify; 0 picks a free one.
    """
    options = up.Options(network, data, http_port, temporal_port, ui_port, simulate_nodes, simulate_peers, shop_port)
    return up.up(options)
