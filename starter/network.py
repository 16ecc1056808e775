"""`python -m starter network`: a network directory is checked, or checked and made the active version."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from database import channel
from database.connect import Database
from domain.network import Network
from network.closed_days import next_closed
from network.load import Mistake, examine
from network.warnings import warnings_of_channels
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.prepare import apply_network

command = App(name="network", help="Check or apply a network directory: nodes, items, policy.")


@command.command
def check(directory: Path) -> int:
    """Check a network directory without touching anything: one line per mistake or warning, exit 1 if there is a mistake.
    Standard error says on which days each node is closed next.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv perhaps buffers.csv and rates.csv.
    """
    now = datetime.now(UTC)
    found = examine(directory, now)
    if found.network is None:
        return _refuse([str(mistake) for mistake in found.mistakes])
    _show(found.warnings)
    sys.stderr.write("".join(f"{line}\n" for line in next_closed(list(found.network.nodes.values()), now)))
    sys.stderr.write(f"{_summary(found.network)}; {_verdict(found.warnings)}\n")
    return 0


@command.command
async def apply(directory: Path, *, preview: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Check a network directory, say what it changes, and make it the active version; it prints mistakes and warnings as
    `check` does.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv perhaps buffers.csv and rates.csv.
    preview
        Only say what it changes, and whether it would be refused now.
    """
    found = examine(directory, datetime.now(UTC))
    if mistakes := await apply_network(database_url(), directory, is_preview=preview, say=_say):
        return _refuse(mistakes)
    if preview:
        return 0
    version, network, channels = await _active(database_url())
    _show([*found.warnings, *warnings_of_channels(found.channels, channels)])
    sys.stderr.write(f"{_summary(network)}; active as version {version}\n")
    return 0


async def _active(database_url: str) -> tuple[int, Network, set[str]]:
    """The active version, its network, and the channels that the database knows."""
    database = Database(database_url, master_keys())
    try:
        async with database.read() as connection:
            return *await Networks().active(connection), await channel.known(connection)
    finally:
        await database.close()


def _summary(network: Network) -> str:
    return f"network {network.version}: {len(network.nodes)} nodes, {len(network.items)} items"


def _verdict(warnings: Sequence[Mistake]) -> str:
    if not warnings:
        return "nothing is wrong"
    return (
        "it can be applied, with 1 warning"
        if len(warnings) == 1
        else f"it can be applied, with {len(warnings)} warnings"
    )


def _show(warnings: Sequence[Mistake]) -> None:
    sys.stdout.write("".join(f"{warning}\n" for warning in warnings))


def _refuse(mistakes: list[str]) -> int:
    for mistake in mistakes:
        _say(mistake)
    return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
