"""`python -m starter network`: a network directory is checked, or checked and made the active version."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from database.connect import Database
from domain.network import Network
from network.load import check as mistakes_in
from network.load import load, read
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.prepare import apply_network

command = App(name="network", help="Check or apply a network directory: nodes, items, policy.")


@command.command
def check(directory: Path) -> int:
    """Check a network directory without touching anything: one line per mistake, exit 1 if there is any.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and perhaps buffers.csv.
    """
    if mistakes := mistakes_in(directory):
        return _refuse([str(mistake) for mistake in mistakes])
    sys.stderr.write(f"{_summary(load(read(directory)))}; nothing is wrong\n")
    return 0


@command.command
async def apply(directory: Path, *, preview: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Check a network directory, say what it changes, and make it the active version.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and perhaps buffers.csv.
    preview
        Only say what it changes, and whether it would be refused now.
    """
    if mistakes := await apply_network(database_url(), directory, is_preview=preview, say=_say):
        return _refuse(mistakes)
    if preview:
        return 0
    version, network = await _active(database_url())
    sys.stderr.write(f"{_summary(network)}; active as version {version}\n")
    return 0


async def _active(database_url: str) -> tuple[int, Network]:
    database = Database(database_url, master_keys())
    try:
        async with database.read() as connection:
            return await Networks().active(connection)
    finally:
        await database.close()


def _summary(network: Network) -> str:
    return f"network {network.version}: {len(network.nodes)} nodes, {len(network.items)} items"


def _refuse(mistakes: list[str]) -> int:
    for mistake in mistakes:
        _say(mistake)
    return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
