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
from network.load import FILES, Mistake, examine
from network.sample import understood
from network.warnings import warnings_of_channels, warnings_of_currencies
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.prepare import apply_network

command = App(name="network", help="Check or apply a network directory: nodes, items, policy.")


@command.command
def check(directory: Path, *, sample: Path | None = None) -> int:
    """Check a network directory without touching anything: one line per mistake or warning, exit 1 if there is a mistake.
    Standard error says on which days each node is closed next.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv, perhaps buffers.csv, rates.csv, carriers.toml,
        channels.toml, aliases.csv and replenishment.csv.
    sample
        A file of a trading partner (X12): also say what each set of it would become.
    """
    now = datetime.now(UTC)
    found = examine(directory, now)
    if found.network is None:
        return _refuse([str(mistake) for mistake in found.mistakes])
    _show(found.warnings)
    if sample is not None:
        return _show_sample(found.network, sample)
    sys.stderr.write("".join(f"{line}\n" for line in next_closed(list(found.network.nodes.values()), now)))
    sys.stderr.write(f"{_summary(found.network)}; {_verdict(found.warnings)}\n")
    return 0


def _show_sample(network: Network, sample: Path) -> int:
    """Say what would be understood of a file of a trading partner; 1 when something would not."""
    try:
        found = understood(network, sample.read_bytes())
    except OSError as error:
        return _refuse([f"{sample}: it cannot be read: {error.strerror}"])
    for one in found:
        _say(str(one))
    return 1 if any(one.is_fault for one in found) else 0


@command.command
async def apply(
    directory: Path,
    *,
    preview: Annotated[bool, Parameter(negative="")] = False,
    accept: Annotated[list[str] | None, Parameter(negative="")] = None,
) -> int:
    """Check a network directory, say what it changes, and make it the active version; it prints mistakes and warnings as
    `check` does.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv, perhaps buffers.csv, rates.csv, carriers.toml,
        channels.toml, aliases.csv and replenishment.csv.
    preview
        Only say what it changes, and whether it would be refused now.
    accept
        The name of a case that it may break; repeat it for several.
    """
    now, accepted = datetime.now(UTC), accept or []
    found = examine(directory, now, accepted)
    if mistakes := await apply_network(database_url(), directory, is_preview=preview, accepted=accepted, say=_say):
        return _refuse(mistakes)
    if preview:
        return 0
    version, network, channels, currencies = await _active(database_url())
    _show([*found.warnings, *warnings_of_channels(found.channels, channels | network.connections.keys())])
    _show(warnings_of_currencies(str(directory / FILES["rates"]), network, found.amounts, currencies, now))
    sys.stderr.write(f"{_summary(network)}; active as version {version}\n")
    return 0


async def _active(database_url: str) -> tuple[int, Network, set[str], dict[str, int]]:
    """The active version, its network, the channels that the database knows, and its open orders by currency."""
    database = Database(database_url, master_keys())
    try:
        async with database.read() as connection:
            version, network = await Networks().active(connection)
            return version, network, await channel.known(connection), await channel.open_currencies(connection)
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
