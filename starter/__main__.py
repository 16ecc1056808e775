"""The command line: `python -m starter COMMAND`. Each command imports what it needs when it runs, and only then."""

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter
from cyclopts.validators import Number

app = App(
    name="python -m starter",
    version_flags=[],
    help="Switchyard: decides where every order ships from and sees it through.\n\n"
    "Commands find PostgreSQL by DATABASE_URL and Temporal by its TEMPORAL_* settings; with none of them set, "
    "they use the embedded stack that runs on .data/.",
)
network = App(name="network", help="Check or apply a network directory: nodes, items, policy.")
app.command(network)
stock = App(
    name="stock", help="Tell a node's stock from a CSV file with the header sku,quantity: all of it or nothing."
)
app.command(stock)
OfNode = Annotated[str, Parameter(help="The node whose stock it is.")]
Csv = Annotated[Path, Parameter(help="The CSV file.")]
OccurredAt = Annotated[
    str | None,
    Parameter(help="When it was so, as 2026-11-22T15:04:05Z. Without it, when the file was last changed."),
]
GivenId = Annotated[
    str | None,
    Parameter(help="The id of what is told. Without it, the same file of the same moment, told twice, is taken once."),
]


@app.command
def up(
    *,
    network: Path | None = None,
    data: Path = Path(".data"),
    http_port: int = 8080,
    temporal_port: int = 7233,
    ui_port: int = 8233,
    simulate_nodes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run the whole service on embedded PostgreSQL and Temporal until Ctrl-C.

    When everything is ready, one line of JSON on standard output says where; the rest goes to standard error.

    Parameters
    ----------
    network
        A network directory to check, and to apply where it differs from the active version. Without one, a first start
        takes network/example, and a later one keeps what is active.
    data
        Where everything is kept. Started again on it, open orders go on.
    http_port
        The port of the HTTP interface; 0 picks a free one.
    temporal_port
        The port of the Temporal server; 0 picks a free one.
    ui_port
        The port of the Temporal UI; 0 picks a free one.
    simulate_nodes
        Let simulated nodes accept, pick and ship.
    """
    from embedded import up

    return up.up(up.Options(network, data, http_port, temporal_port, ui_port, simulate_nodes))


@app.command
def serve(*, host: str = "127.0.0.1", port: int = 8080) -> int:
    """Answer HTTP until told to stop.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on.
    """
    import uvloop

    from starter.serve import serve

    # uvicorn obeys these signals, then raises them once more for whoever was there before; by default that would kill us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(port, host))
    return 0


@app.command
async def prepare(*, network: Path | None = None, first_network: Path | None = None) -> int:
    """Bring a database and a Temporal namespace up to date, once for each release.

    Runs the migrations, stores the hash of SWITCHYARD_OPERATOR_KEY, registers missing search attributes.

    Parameters
    ----------
    network
        A network directory to check, and to apply where it differs from the active version.
    first_network
        A network directory to check, and to apply when none was applied before.
    """
    from runtime.search_attributes import register_search_attributes
    from runtime.temporal import connect
    from runtime.where import database_url, master_keys
    from transactions.prepare import prepare
    from workflows.visibility import SEARCH_ATTRIBUTES

    key = os.environ.get("SWITCHYARD_OPERATOR_KEY")
    await prepare(database_url(), network, key, master_keys=master_keys(), first_network=first_network)
    await register_search_attributes(await connect(), SEARCH_ATTRIBUTES)
    return 0


@app.command
async def order(*files: Path) -> int:
    """Start orders from JSON files, several orders a file allowed (JSON Lines).

    Parameters
    ----------
    files
        The files; without any, standard input.
    """
    from starter.order import order_files

    return await order_files(list(files))


@network.command
def check(directory: Path) -> int:
    """Check a network directory without touching anything: one line per mistake, exit 1 if there is any.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and perhaps buffers.csv.
    """
    from network.load import check

    return _mistakes([str(mistake) for mistake in check(directory)])


@network.command
async def apply(directory: Path) -> int:
    """Check a network directory and make it the active version.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and perhaps buffers.csv.
    """
    from runtime.where import database_url
    from transactions.prepare import apply_network

    return _mistakes(await apply_network(database_url(), directory))


@stock.command
async def snapshot(node: OfNode, file: Csv, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """Everything that the node has: an item that the file does not name is counted as 0."""
    return await _tell_stock("snapshot", node, file, occurred_at, message_id)


@stock.command
async def counted(node: OfNode, file: Csv, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units there are of the items in the file; others are left alone."""
    return await _tell_stock("counted", node, file, occurred_at, message_id)


@stock.command
async def received(node: OfNode, file: Csv, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units came in."""
    return await _tell_stock("received", node, file, occurred_at, message_id)


@stock.command
async def adjusted(node: OfNode, file: Csv, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units more or fewer there are."""
    return await _tell_stock("adjusted", node, file, occurred_at, message_id)


async def _tell_stock(kind: str, node: str, file: Path, occurred_at: str | None, message_id: str | None) -> int:
    from domain.stock import StockMessageKind
    from starter.stock import Told, stock_file

    return _mistakes(await stock_file(Told(StockMessageKind(kind), node, file, occurred_at, message_id)))


@app.command
async def explain(order: str) -> int:
    """Say why an order ships from where it does: each sourcing round with its nodes, its reasons, and what else it could be.

    Parameters
    ----------
    order
        The order's id, such as web-1001.
    """
    from runtime.where import database_url
    from starter.explain import explain

    return await explain(database_url(), order)


@app.command
async def resource(*, waiting: Annotated[bool, Parameter(negative="")]) -> int:
    """Plan orders again that have units pinned and nothing released yet, and swap their pins where that is better.

    Parameters
    ----------
    waiting
        All that wait: for the end of their grace period, for a hold, for a day to come.
    """
    from runtime.where import database_url, master_keys
    from starter.resource import resource

    return await resource(database_url(), master_keys())


@app.command
async def forget(
    *orders: str,
    even_if_open: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    actor: str = "command line",
) -> int:
    """Erase what is personal of orders: the keys to their addresses and remarks, and tracking numbers. It cannot be undone.

    Everything else stays, and goes on. Asked again it says since when, for whom and why. Exit 1 if an order was not forgotten.

    Parameters
    ----------
    orders
        The orders' ids, such as web-1001.
    even_if_open
        Also where units have not shipped yet: a node that has not fetched the address will not get it any more.
    reason
        Why, without naming the customer.
    actor
        Who asks for it.
    """
    from runtime.where import database_url, master_keys
    from starter.forget import forget_orders

    asked = {"even_if_open": even_if_open, "reason": reason, "actor": actor}
    return await forget_orders(database_url(), master_keys(), orders, asked)


@app.command
async def rewrap() -> int:
    """Seal every order's key with the first master key, so that the others can be taken away. Safe to repeat."""
    from runtime.where import database_url, master_keys
    from starter.forget import rewrap

    return await rewrap(database_url(), master_keys())


@app.command
async def audit(
    *,
    repair: Annotated[bool, Parameter(negative="")] = False,
    confirm: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Recompute every invariant from the facts: a line for each, exit 1 if one is violated.

    Parameters
    ----------
    repair
        Show which counters of stock are to be corrected instead, and by how much; exit 1 if there is anything.
    confirm
        With --repair: correct them, by movements that say so.
    """
    from runtime.where import database_url
    from starter import audit

    if confirm and not repair:
        sys.stderr.write("--confirm confirms a repair: audit --repair --confirm\n")
        return 2
    return await (audit.repair(database_url(), confirm=confirm) if repair else audit.audit(database_url()))


@app.command
def simulate(
    *orders: Path,
    network: Annotated[list[Path], Parameter(negative="")],
    stock: Path | None = None,
    show: Annotated[int, Parameter(validator=Number(gte=0))] = 20,
    html: Path | None = None,
) -> int:
    """Try a network directory on past orders, in memory: two are compared. Touches nothing, needs no service.

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
        A file to which the same is written as a page, with pictures and a map.
    """
    from simulation import Options, simulate

    return simulate(Options(network, orders, stock, show, html))


@app.command
def demo(*, keep: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Tell the story of examples/ on a service of its own in .demo/, and end; exit 1 if anything came otherwise.

    Parameters
    ----------
    keep
        Leave everything running for a look, until Ctrl-C.
    """
    from demo import demo

    return demo(keep=keep)


@app.command
def simulate_nodes(*, http: str, key_file: Path, seed: int = 1) -> int:
    """Play every node through the public HTTP interface: accept, pick, ship, and now and then fail.

    Parameters
    ----------
    http
        The address of the HTTP interface.
    key_file
        A file with an operator's key.
    seed
        The same seed behaves the same way.
    """
    from demo.sandbox_nodes import simulate

    asyncio.run(simulate(http, key_file.read_text().strip(), seed))
    return 0


def main() -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 not done, 2 not understood, 130 interrupted."""
    try:
        code = app(result_action="return_value")
    except SystemExit as wanted:
        code = wanted.code
    except Exception as error:
        code = _explain(error)
    _leave(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    """Say in one line what a person can mend; everything else is a defect and shows where it happened."""
    from database.connect import DatabaseUnreachable
    from database.personal import NoCommonKey
    from database.sealing import WrongMasterKey
    from runtime.failure import EmbeddedFailure
    from runtime.temporal import TemporalUnreachable
    from runtime.where import NotConfigured
    from transactions.network import NoNetwork
    from transactions.prepare import Refused

    told = (
        DatabaseUnreachable,
        EmbeddedFailure,
        NoCommonKey,
        NoNetwork,
        NotConfigured,
        Refused,
        TemporalUnreachable,
        WrongMasterKey,
    )
    if isinstance(error, told):
        sys.stderr.write(f"{error}\n")
    else:
        traceback.print_exception(error)
    return 1


def _mistakes(mistakes: list[str]) -> int:
    sys.stdout.write("".join(f"{mistake}\n" for mistake in mistakes))
    return 1 if mistakes else 0


def _leave(code: int) -> NoReturn:
    """End without unwinding Python: after the Temporal client was used that aborts about every second time (rc 134)."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read our output may have gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
