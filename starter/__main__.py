"""The command line: `python -m starter COMMAND`. A command is a file beside this one, imported when it is asked for."""

import contextlib
import os
import sys
import traceback
from typing import NoReturn

from cyclopts import App

from runtime import time_zones

# command          its text in the list of commands: the first sentence of the command's own help
COMMANDS = {
    "audit": "Recompute every invariant from the facts: a line for each, exit 1 if one is violated.",
    "connect": "Connect a shop of channels.toml: store its credentials from standard input, and print what is missing.",
    "demo": "Run the story of examples/ on a service of its own in .demo/, then stop; exit 1 if any result differs.",
    "explain": "Explain why an order ships from where it does: each sourcing round with its nodes, reasons and alternatives.",
    "export": "Write orders or stock to standard output, for `simulate`, `order` and spreadsheets.",
    "files": "Take the files of an ERP: orders*.csv, stock*.csv, snapshot*.csv and items*.csv.",
    "forget": "Erase the personal data of orders: the keys to addresses and remarks, and tracking numbers. This is final.",
    "items": "Put the items of a CSV file into items.csv of a network directory, and apply it.",
    "labels": "Write the labels of a fulfillment order's cartons to standard output, in ZPL for a label printer.",
    "network": "Check or apply a network directory: nodes, items, policy.",
    "order": "Start orders from JSON files; a file may hold several orders (JSON Lines).",
    "policy": "Test a policy: plan the cases of a network directory, or make cases of what was decided.",
    "prepare": "Bring a database and a Temporal namespace up to date, once for each release.",
    "replay": "Plan stored sourcing rounds again from what they were decided from; exit 1 if one comes out differently.",
    "resource": "Plan waiting orders again, and move their pinned units where the new plan is better.",
    "rewrap": "Seal every order's key with the first master key, so that the others can be removed. Safe to repeat.",
    "serve": "Answer HTTP until SIGTERM or SIGINT.",
    "shadow": "Let a network directory plan every new order beside the active one, and promote it.",
    "simulate": "Try a network directory on past orders, in memory, or compare two. Changes nothing, needs no service.",
    "simulate-nodes": "Play every node through the public HTTP interface: accept, pick, ship, and sometimes fail.",
    "simulate-peers": "Play a shop on Shopify, with the items of the active network, and connect it as the channel `shop`.",
    "stock": "Report a node's stock from a CSV file with the header sku,quantity. Wrong rows are named and left out.",
    "up": "Run the whole service on embedded PostgreSQL and Temporal until Ctrl-C.",
}


def joined(asked: str | None) -> App:
    """All commands. Only the one that is asked for is imported; the others are known by their name and first sentence."""
    app = App(
        name="python -m starter",
        version_flags=[],
        help="Switchyard: decides where every order ships from, and runs the order until it is complete.\n\n"
        "Commands find PostgreSQL by DATABASE_URL and Temporal by its TEMPORAL_* settings; with none of them set, "
        "they use the embedded stack that runs on .data/.",
    )
    for name, sentence in COMMANDS.items():
        path = f"starter.{name.replace('-', '_')}:command"
        app.command(path, name=name, help=None if name == asked else sentence)
    return app


def main() -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 not done, 2 not understood, 130 interrupted."""
    time_zones.pin()
    try:
        code = joined(next(iter(sys.argv[1:]), None))(result_action="return_value")
    except SystemExit as wanted:
        code = wanted.code
    except Exception as error:
        code = _explain(error)
    _leave(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    """Print in one line what a person can correct; everything else is a defect and shows its traceback."""
    from database.connect import DatabaseUnreachable
    from database.personal import NoCommonKey
    from database.sealing import WrongMasterKey
    from runtime.failure import EmbeddedFailure
    from runtime.temporal import TemporalUnreachable
    from runtime.where import NotConfigured
    from transactions.network import NoNetwork
    from transactions.network_version import NetworkRefused

    mendable = (
        DatabaseUnreachable,
        EmbeddedFailure,
        NoCommonKey,
        NoNetwork,
        NotConfigured,
        NetworkRefused,
        TemporalUnreachable,
        WrongMasterKey,
    )
    if isinstance(error, mendable):
        sys.stderr.write(f"{error}\n")
    else:
        traceback.print_exception(error)
    return 1


def _leave(code: int) -> NoReturn:
    """End without unwinding Python: after the Temporal client was used, unwinding aborts about every second time (rc 134)."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the reader of our output may be gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
