"""`python -m starter prepare`: what a database and a Temporal namespace need before this release runs on them."""

import os
from pathlib import Path

from runtime.search_attributes import register_search_attributes
from runtime.temporal import connect
from runtime.where import database_url, master_keys
from transactions.prepare import prepare
from workflows.visibility import SEARCH_ATTRIBUTES


async def command(*, network: Path | None = None, first_network: Path | None = None) -> int:
    """Bring a database and a Temporal namespace up to date, once for each release.

    Runs the migrations, stores the hash of SWITCHYARD_OPERATOR_KEY, registers missing search attributes.

    Parameters
    ----------
    network
        A network directory to check, and to apply where it differs from the active version.
    first_network
        A network directory to check, and to apply when none was applied before.
    """
    key = os.environ.get("SWITCHYARD_OPERATOR_KEY")
    await prepare(database_url(), network, key, master_keys=master_keys(), first_network=first_network)
    await register_search_attributes(await connect(), SEARCH_ATTRIBUTES)
    return 0
