"""Runs programs of the tests whose processes die at chosen moments."""

import asyncio
import os
import sys

_DIED = " died"


async def died_at(program: str, database_url: str, *arguments: str) -> list[str]:
    """Run a module that prints each moment at which a process of it died, until nothing is due; answers these moments."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program, *arguments),
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return [line.removesuffix(_DIED) for line in said.decode().splitlines() if line.endswith(_DIED)]
