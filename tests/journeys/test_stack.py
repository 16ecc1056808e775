"""The whole service, started the way a person starts it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
FREE_PORTS = ("--http-port", "0", "--temporal-port", "0", "--ui-port", "0")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL can enter also when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="switchyard-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def command(*arguments: str) -> list[str]:
    """A command line of ours."""
    return [sys.executable, "-m", "starter", *arguments]


def environment() -> dict[str, str]:
    """An environment that names no servers."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and "TEMPORAL" not in name}
    return {**kept, "PYTHONPATH": str(ROOT)}


def status(address: str, path: str) -> int:
    """The HTTP status of a page."""
    connection = HTTPConnection(address.removeprefix("http://"))
    connection.request("GET", path)
    answer = connection.getresponse().status
    connection.close()
    return answer


def test_up_serves_until_a_signal_and_other_commands_find_it(folder: Path) -> None:
    arguments = command("up", "--network", str(ROOT / "network" / "example"), *FREE_PORTS)
    with (
        (folder / "said.txt").open("w") as said,
        subprocess.Popen(
            arguments, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=said, text=True
        ) as up,
    ):
        try:
            assert up.stdout is not None
            line = up.stdout.readline()
            assert line, (folder / "said.txt").read_text()
            ready: dict[str, Any] = json.loads(line)
            assert [status(ready["http"], path) for path in ("/healthz", "/readyz")] == [200, 200]
            assert status(ready["ui"], "/") == 200
            with urlopen(ready["http"] + "/", timeout=10) as front:
                assert json.load(front)["temporal_ui"] == ready["ui"]
            audit = subprocess.run(command("audit"), cwd=folder, env=environment(), capture_output=True, text=True)
            assert (audit.returncode, audit.stderr) == (0, "")
        finally:
            up.send_signal(signal.SIGTERM)
        assert up.stdout.read() == ""
    assert up.returncode == 0, (folder / "said.txt").read_text()
