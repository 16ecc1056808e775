"""Runs the whole service on the embedded stack, in one directory, until a signal stops it."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType

from embedded.ports import LOOPBACK, claimed_port
from embedded.postgres import EmbeddedPostgres
from embedded.process import Command, Part
from embedded.supervisor import Supervisor
from embedded.temporal import NAMESPACE, EmbeddedTemporal
from runtime.directory_lock import DirectoryLock
from runtime.failure import EmbeddedFailure
from runtime.private_file import write_private
from runtime.where import LOCK, READY, Stack

ROOT = Path(__file__).parent.parent
TASK_QUEUE = (
    "switchyard"  # that of `workflows.queues`, which this process does not import: it needs no client, only 0.5 s
)
PROBE_SECONDS_MAX = 2.0
FOR_TRYING = MappingProxyType({"SWITCHYARD_RATE_PER_SECOND": "0", "SWITCHYARD_PRIVATE_WEBHOOKS": "on"})
"""Settings of the HTTP process that the environment may change: every client is on this machine."""


@dataclass(frozen=True)
class Options:
    """The command's arguments. Port 0 picks a free one."""

    network: Path | None
    """Absent: the example for a first start, and what is active for a later one."""
    data: Path
    http_port: int
    temporal_port: int
    ui_port: int
    simulate_nodes: bool
    simulate_peers: bool = False
    shop_port: int = 0


@dataclass(frozen=True)
class Programs:
    """The project's own programs that `up` runs beside the two servers, as command lines; the simulations may be missing."""

    prepare: tuple[str, ...]
    worker: tuple[str, ...]
    serve: tuple[str, ...]
    simulate: tuple[str, ...] | None
    peers: tuple[str, ...] | None = None
    """Takes the port of the simulated shop as its last argument."""


def our_programs(options: Options, http_port: int) -> Programs:
    """The programs of this tree."""
    starter = (sys.executable, "-m", "starter")
    key = ("--key-file", str(options.data.absolute() / "operator.key"))
    http = ("--http", f"http://{LOOPBACK}:{http_port}")
    simulate = (*starter, "simulate-nodes", *http, *key)
    peers = (*starter, "simulate-peers", *http, "--port")
    return Programs(
        prepare=(*starter, "prepare", *_network(options.network)),
        worker=(sys.executable, "worker.py"),
        serve=(*starter, "serve", "--port", str(http_port)),
        simulate=simulate if options.simulate_nodes else None,
        peers=peers if options.simulate_peers else None,
    )


def _network(wanted: Path | None) -> tuple[str, str]:
    return ("--network", str(wanted.absolute())) if wanted else ("--first-network", str(ROOT / "network" / "example"))


def up(options: Options, programs: Callable[[Options, int], Programs] = our_programs) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP, and return the exit code; a failure while starting is printed and gives 1.

    Whatever ends this process, even SIGKILL, ends everything that it started.
    """
    say = Narrator()
    try:
        lock = _claim(options.data)
        run = _Run(options, programs, say)
    except (EmbeddedFailure, OSError) as failure:
        say(str(failure))
        return 1
    code = asyncio.run(_until_stopped(run, say))
    lock.release()
    return code


class Narrator:
    """Writes progress to standard error, each line with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        # The terminal may be gone, which must not keep anything from being stopped.
        with suppress(OSError):
            sys.stderr.write(f"{time.monotonic() - self._began:7.1f} s  {text}\n")
            sys.stderr.flush()


class _Run:
    """One run of the stack: which ports it has, and the steps of its start."""

    def __init__(self, options: Options, programs: Callable[[Options, int], Programs], say: Narrator) -> None:
        self._data = options.data
        self._say = say
        self._http_port = claimed_port(options.http_port, "--http-port")
        self._postgres = EmbeddedPostgres(self._data / "postgresql")
        temporal_port = claimed_port(options.temporal_port, "--temporal-port")
        self._temporal = EmbeddedTemporal(self._data, temporal_port, claimed_port(options.ui_port, "--ui-port"))
        self._programs = programs(options, self._http_port)
        self._shop_port = claimed_port(options.shop_port, "--shop-port") if self._programs.peers else None
        self._supervisor = Supervisor(self._data / "logs", say)

    async def serve(self) -> None:
        """Start everything, print the addresses, and keep it running until cancelled."""
        key = _kept(self._data / "operator.key", lambda: secrets.token_urlsafe(32))
        await self._supervisor.start(self._postgres.part)
        await self._supervisor.start(self._temporal.part)
        await self._prepare(key)
        await self._supervisor.start(self._worker(), self._http())
        await self._simulate_peers()
        await self._simulate_nodes()
        self._announce(key)
        await self._supervisor.keep()

    async def stop(self) -> None:
        """Delete the file with the addresses and end everything that runs."""
        (self._data / READY).unlink(missing_ok=True)
        await self._supervisor.stop()
        self._say("everything is stopped")

    async def _prepare(self, key: str) -> None:
        settings = {"SWITCHYARD_OPERATOR_KEY": key}
        await self._supervisor.run("prepare", self._command(self._programs.prepare, settings))
        self._say("schema, network and operator key are in place")

    def _worker(self) -> Part:
        started = time.time()

        def command() -> Command:
            nonlocal started
            started = time.time()
            return self._command(self._programs.worker)

        def obstacle() -> str | None:
            has_worker = self._temporal.has_worker(TASK_QUEUE, started)
            return None if has_worker else f"nobody asks for the tasks of {TASK_QUEUE}"

        return Part("worker", command, obstacle)

    def _http(self) -> Part:
        settings = {name: os.environ.get(name, value) for name, value in FOR_TRYING.items()}
        settings["SWITCHYARD_TEMPORAL_UI"] = self._temporal.ui
        return Part(
            "HTTP", lambda: self._command(self._programs.serve, settings), lambda: _not_answering(self._http_port)
        )

    async def _simulate_nodes(self) -> None:
        if (simulate := self._programs.simulate) is not None:
            await self._supervisor.start(Part("simulated nodes", lambda: self._command(simulate), lambda: None))

    async def _simulate_peers(self) -> None:
        peers, port = self._programs.peers, self._shop_port
        if peers is not None and port is not None:
            command = (*peers, str(port))
            await self._supervisor.start(
                Part("simulated shop", lambda: self._command(command), lambda: _not_answering(port))
            )
            self._say(f"a simulated Shopify, connected as the channel `shop`, is at {_at(port)}/shop/orders")

    def _announce(self, key: str) -> None:
        shop = _at(self._shop_port) if self._shop_port is not None else None
        stack = Stack(
            _at(self._http_port), self._temporal.ui, self._temporal.address, NAMESPACE, self._postgres.url, key, shop
        )
        stack.announce(self._data)
        self._say(f"ready; the console is at {stack.http}/console, Temporal UI is at {stack.ui}")
        self._say(f"logs are in {self._data / 'logs'}, Ctrl-C stops everything")
        with suppress(BrokenPipeError):
            sys.stdout.write(stack.as_line() + "\n")
            sys.stdout.flush()

    def _command(self, arguments: tuple[str, ...], settings: Mapping[str, str] = MappingProxyType({})) -> Command:
        """One of our own programs: the user's environment, with our servers and no settings of another Temporal."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        servers = {
            "DATABASE_URL": self._postgres.url,
            "TEMPORAL_ADDRESS": self._temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
        return Command(arguments, {**kept, **servers, "PYTHONUNBUFFERED": "1", **settings}, ROOT)


def _claim(data: Path) -> DirectoryLock:
    """Make the directory and take it. No other user may read it; root's PostgreSQL, which is `nobody`, may pass."""
    if not data.exists():
        data.mkdir(parents=True)
        data.chmod(0o711 if os.geteuid() == 0 else 0o700)
    lock = DirectoryLock(data / LOCK, f"the data directory {data}")
    lock.acquire()
    (data / READY).unlink(missing_ok=True)  # of a run that was killed; it would count as ours from here on
    return lock


async def _until_stopped(run: _Run, say: Narrator) -> int:
    stopping = asyncio.create_task(_stop_requested())
    serving = asyncio.create_task(run.serve())
    try:
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    except (EmbeddedFailure, OSError) as failure:
        say(str(failure))
        return 1
    finally:
        serving.cancel()
        await asyncio.wait({serving})
        await run.stop()
    return 0


async def _stop_requested() -> None:
    """SIGINT counts also where a shell that started this in the background ignores it; SIGHUP does not under nohup."""
    stopping = asyncio.Event()
    numbers = {signal.SIGTERM, signal.SIGINT}
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.add(signal.SIGHUP)
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()


def _kept(file: Path, make: Callable[[], str]) -> str:
    """A secret that is made once for a data directory."""
    if not file.exists():
        write_private(file, make())
    return file.read_text().strip()


def _at(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _not_answering(port: int) -> str | None:
    connection = HTTPConnection(LOOPBACK, port, timeout=PROBE_SECONDS_MAX)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as failure:
        return f"GET /readyz: {failure}"
    finally:
        connection.close()
    return None if status == 200 else f"GET /readyz: {status}"
