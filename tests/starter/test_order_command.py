"""`python -m starter order`: each order of a file is taken once, with a line that says what was promised."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.house import House

ROOT = Path(__file__).parents[2]


async def test_an_order_from_a_file_is_answered_with_what_is_promised(
    house: House, temporal_address: str, tmp_path: Path
) -> None:
    await house.stock("slc", SERUM_30=2)
    body = house.body(("SERUM-30", 2))
    file = tmp_path / "order.json"
    file.write_text(json.dumps(body))
    name = f"web-{body['number']}"
    settings = {"DATABASE_URL": house.database_url, "TEMPORAL_ADDRESS": temporal_address, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "starter", "order", str(file)]

    # In a thread: the worker that answers runs in this process.
    ended = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | settings, cwd=tmp_path, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(rf"{name}: in_fulfillment, promised by \d{{4}}-\d\d-\d\d\n", ended.stdout), ended.stdout
    assert (await house.order(name))["lines"][0]["ordered"] == 2
