"""The pinned time zone data decides in every process, also where the system's is another."""

import json
import re
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import pytest

from embedded.process import Child, Command
from runtime import time_zones
from tests.journeys.test_stack import FREE_PORTS, ROOT, command, environment
from tests.stack import STOPS_WITHIN_SECONDS

NETWORK = {
    "nodes.toml": """
[[node]]
id = "nwk"
kind = "dc"
country = "US"
postal_code = "07114"
time_zone = "America/New_York"
""",
    "policy.toml": """
version = "1"
[sets]
all = 'true'
[[strategy]]
id = "everything"
when = 'true'
[[strategy.tier]]
from = ["all"]
""",
    "items.csv": "sku,name,weight_g,safety_stock,components\nLAMP,Lamp,900,0,\n",
}
A_DAY_ENDS_IN_NEW_YORK = r"\d{4}-\d\d-\d\dT0[34]:59:59Z"
ORDER = {
    "channel": "web",
    "placed_at": "2026-11-21T15:04:05Z",
    "currency": "USD",
    "service": "standard",
    "ship_to": {"name": "Jo", "street": ["1 Main St"], "city": "Newark", "postal_code": "07114", "country": "US"},
    "lines": [{"line": "1", "sku": "LAMP", "quantity": 1, "unit_price": 4900}],
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a network, and with a time zone database in which New York is where Tokyo is."""
    with TemporaryDirectory(prefix="switchyard-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        for file, text in NETWORK.items():
            (folder / "network").mkdir(exist_ok=True)
            (folder / "network" / file).write_text(text)
        (folder / "zones" / "America").mkdir(parents=True)
        tokyo = (files("tzdata") / "zoneinfo" / "Asia" / "Tokyo").read_bytes()
        for zone in ("New_York", "Nowhere"):
            (folder / "zones" / "America" / zone).write_bytes(tokyo)
        yield folder


def misled(folder: Path) -> dict[str, str]:
    """The environment of a machine with that database."""
    return environment() | {"PYTHONTZPATH": str(folder / "zones")}


def test_python_itself_would_take_the_systems_zones(folder: Path) -> None:
    asked = (
        "from datetime import *; from zoneinfo import *; print(datetime.now(ZoneInfo('America/New_York')).utcoffset())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", asked], env=misled(folder), capture_output=True, text=True, check=True
    )
    assert ended.stdout == "9:00:00\n"


def test_a_command_knows_only_the_pinned_zones(folder: Path) -> None:
    nodes = folder / "network" / "nodes.toml"
    nodes.write_text(NETWORK["nodes.toml"].replace("New_York", "Nowhere"))
    check = command("network", "check", str(folder / "network"))
    ended = subprocess.run(check, env=misled(folder), cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "unknown time zone 'America/Nowhere'" in ended.stdout


def test_the_service_and_its_worker_end_the_day_by_the_pinned_zones(folder: Path) -> None:
    arguments = command("up", "--network", str(folder / "network"), "--data", str(folder / "data"), *FREE_PORTS)
    up = Child("the service", Command(tuple(arguments), misled(folder), ROOT), folder / "up.log")
    try:
        stack = json.loads(ready(up, folder / "up.log"))

        def ask(path: str, body: object = None) -> Any:
            headers = {"Authorization": f"Bearer {stack['operator_key']}", "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body).encode()
            with urlopen(Request(stack["http"] + path, data, headers), timeout=30) as answer:
                return json.load(answer)

        message = {"message_id": "1", "node": "nwk", "kind": "received", "occurred_at": "2026-11-21T15:04:05Z"}
        ask("/stock/messages", message | {"lines": [{"sku": "LAMP", "quantity": 5}]})
        ask("/orders", ORDER | {"number": "1"})
        by_the_service, by_the_worker = ask("/promises", ORDER), None
        while by_the_worker is None:
            by_the_worker = ask("/orders/web-1")["promise"]
        assert re.fullmatch(A_DAY_ENDS_IN_NEW_YORK, by_the_service["ship_by"])
        assert re.fullmatch(A_DAY_ENDS_IN_NEW_YORK, by_the_worker["ship_by"])
        assert ask("/healthz") == {"status": "ok", "time_zones": time_zones.VERSION}
    finally:
        up.stop(((SIGTERM, STOPS_WITHIN_SECONDS),))


def ready(up: Child, log: Path) -> str:
    """The line that says where everything is."""
    while up.exit_code() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{"):
                return line
    raise AssertionError(log.read_text())


def test_these_tests_run_by_the_pinned_zones_too() -> None:
    assert zoneinfo.TZPATH == ()


PROGRAMS = [ROOT / "starter/__main__.py", ROOT / "worker.py", ROOT / "benchmarks/__main__.py"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.parent.name)
def test_every_program_pins_its_zones(program: Path) -> None:
    assert "    time_zones.pin()\n" in program.read_text()


def test_no_statement_asks_postgresql_for_a_zone_other_than_utc() -> None:
    """PostgreSQL has zone data of its own, which nobody pins."""
    texts = [file.read_text() for room in ("database", "transactions", "jobs") for file in (ROOT / room).rglob("*.py")]
    asked = [
        found for text in texts for found in re.findall(r"(?i)\bAT\s+TIME\s+ZONE\s+(\S+)|\bSET\s+TIME\s*ZONE\b", text)
    ]
    assert set(asked) == {"'UTC',"}
