"""Runs what is measured: the servers as `up` runs them, and each worker and the HTTP interface as a process of its own."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Self

from benchmarks.shape import SHAPE_FILE, Shape
from database.sealing import new_master_key
from embedded.ports import LOOPBACK, free_port
from embedded.postgres import EmbeddedPostgres
from embedded.process import Child, Command, Part, stop_part, wait_until_ready
from embedded.temporal import NAMESPACE, EmbeddedTemporal

ROOT = Path(__file__).parent.parent
COUNTING = MappingProxyType({"shared_preload_libraries": "pg_stat_statements"})
"""Counts statements on the server from every client; everything else is as in `up`, `fsync` included."""

WITH_BYTECODE = MappingProxyType({"PYTHONDONTWRITEBYTECODE": ""})
"""A worker imports its workflow's module for every workflow; without bytecode files it would compile it every time."""

UNLIMITED = MappingProxyType({"SWITCHYARD_RATE_PER_SECOND": "0"})

RETURN_WINDOW_SECONDS = 0.5
CAPACITY = 1_000_000
"""A node that is full for the day would make the next order a different one."""


class Stack:
    """The two servers, and the processes that work with them."""

    def __init__(self, directory: Path) -> None:
        """`directory` gets everything that is written."""
        self.directory = directory
        self.postgres = EmbeddedPostgres(directory / "postgresql", COUNTING)
        self.temporal = EmbeddedTemporal(directory / "temporal")
        self.http_port = free_port()
        self.master_key = new_master_key()
        self._children: dict[str, tuple[Child, Part]] = {}

    def __enter__(self) -> Self:
        self.postgres.start()
        self.temporal.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child, part in reversed(self._children.values()):
            stop_part(child, part)
        self.temporal.stop()
        self.postgres.discard()

    @property
    def settings(self) -> dict[str, str]:
        """The environment that tells the project's own programs where the servers are."""
        return {
            "DATABASE_URL": self.postgres.url,
            "SWITCHYARD_MASTER_KEYS": self.master_key,
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }

    def start_worker(self) -> None:
        """The product's worker."""
        self._start("worker", ("worker.py",), self._polled("switchyard"))

    def replace_worker(self) -> None:
        """Another worker in the place of the one that runs: it has no order in its cache."""
        stop_part(*self._children.pop("worker"))
        self.start_worker()

    def start_http(self) -> None:
        """The product's HTTP interface."""
        self._start("HTTP", ("-m", "starter", "serve", "--port", str(self.http_port)), self._answers, UNLIMITED)

    def start_skeleton(self, shape: Shape) -> None:
        """The skeleton's worker; it imitates `shape`."""
        file = self.directory / "shape.json"
        file.write_text(shape.model_dump_json(indent=1))
        arguments = ("-m", "benchmarks.skeleton_worker")
        self._start("skeleton worker", arguments, self._polled("skeleton"), {SHAPE_FILE: str(file)})

    def processes(self) -> dict[str, int]:
        """The process of each part, by its name; PostgreSQL's is the parent of many."""
        pid_file = (self.directory / "postgresql").resolve() / "data" / "postmaster.pid"
        servers = {"PostgreSQL": int(pid_file.read_text().split()[0]), "Temporal": self.temporal.process_id or 0}
        return {"driver": os.getpid(), **servers} | {name: child.pid for name, (child, _) in self._children.items()}

    def _start(
        self,
        name: str,
        arguments: tuple[str, ...],
        obstacle: Callable[[], str | None],
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        kept = {variable: value for variable, value in os.environ.items() if not variable.startswith("TEMPORAL_")}
        command = Command((sys.executable, *arguments), {**kept, **WITH_BYTECODE, **self.settings, **settings}, ROOT)
        part = Part(name, lambda: command, obstacle)
        child = Child(name, command, self.directory / f"{name}.log")
        self._children[name] = (child, part)
        wait_until_ready(child, part)

    def _polled(self, task_queue: str) -> Callable[[], str | None]:
        began = time.time()
        return lambda: None if self.temporal.has_worker(task_queue, began) else f"no worker polls {task_queue}"

    def _answers(self) -> str | None:
        connection = HTTPConnection(LOOPBACK, self.http_port, timeout=2.0)
        with suppress(OSError, HTTPException):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return None
        return "GET /readyz does not answer"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder beside the data of `up`, so on the same disk; it is gone afterwards."""
    parent = ROOT / ".data"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def network_with_a_short_window(folder: Path, example: Path = ROOT / "network" / "example") -> Path:
    """The example's network, but the return window passes at once and no node is ever full."""
    copy = folder / "network"
    shutil.copytree(example, copy)
    _rewrite(copy / "policy.toml", r'^window = "[^"]*"', f'window = "{RETURN_WINDOW_SECONDS * 1000:.0f}ms"')
    _rewrite(copy / "nodes.toml", r"^capacity_per_day = \d+", f"capacity_per_day = {CAPACITY}")
    return copy


def _rewrite(file: Path, pattern: str, line: str) -> None:
    text, changed = re.subn(pattern, line, file.read_text(), flags=re.MULTILINE)
    assert changed, f"{file} has no line like {pattern}"
    file.write_text(text)
