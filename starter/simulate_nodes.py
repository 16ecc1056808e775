"""`python -m starter simulate-nodes`: every node played by one process, as a client of the public HTTP interface."""

import asyncio
from pathlib import Path

from demo.sandbox_nodes import simulate


def command(*, http: str, key_file: Path, seed: int = 1) -> int:
    """Play every node through the public HTTP interface: accept, pick, ship, and sometimes fail.

    Parameters
    ----------
    http
        The address of the HTTP interface.
    key_file
        A file with an operator's key.
    seed
        The same seed behaves the same way.
    """
    asyncio.run(simulate(http, key_file.read_text().strip(), seed))
    return 0
