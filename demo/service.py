"""Runs a service of its own for the demo: a fresh directory, a hurried network, `up` as a child process, the audit."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from demo import simulated_carrier
from demo.edi_scenario import CHANNEL, add_retailer
from demo.hurry import hurried_copy
from embedded.ports import LOOPBACK
from embedded.process import Child, Command
from runtime.directory_lock import is_locked
from runtime.failure import EmbeddedFailure
from runtime.where import LOCK, Stack, running_stack

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
USUAL_PORTS = {"--http-port": 8080, "--temporal-port": 7233, "--ui-port": 8233, "--shop-port": 8090}
POLL_SECONDS = 0.1
LOG_LINES_MAX = 30
STOP_SECONDS_MAX = 20.0


@contextlib.asynccontextmanager
async def fresh_service(directory: Path, say: Callable[[str], None]) -> AsyncIterator[Stack]:
    """Run a service with new data in `directory` while the context lasts; `say` gets its progress.

    Raises `EmbeddedFailure` when it does not start. It ends with this process, however that ends.
    """
    _make_fresh(directory)
    hurried_copy(ROOT / "network/example", directory / "network")
    add_retailer(directory / "network", mailbox(directory))
    simulated_carrier.add_to_network(directory / "network")
    up = Child("the service", _up(directory), directory / "up.log")
    try:
        stack = await _until_ready(up, directory / "data", say)
        await _connect(stack, directory)
        yield stack
    finally:
        up.stop(((signal.SIGTERM, STOP_SECONDS_MAX),))


def mailbox(directory: Path) -> Path:
    """Where the files of the retailer lie."""
    return directory / "retailer"


async def _connect(stack: Stack, directory: Path) -> None:
    """Connect the retailer; what lies in a directory needs no credentials. Raises `EmbeddedFailure`."""
    child = _child("connecting the retailer", ("connect", CHANNEL), stack, directory / "connect.log")
    try:
        if await child.exited():
            raise EmbeddedFailure("the retailer could not be connected", child.log_tail(LOG_LINES_MAX))
    finally:
        child.stop(())


def _child(name: str, command: tuple[str, ...], stack: Stack, log: Path) -> Child:
    """A command of this program on the service."""
    return Child(name, Command((sys.executable, "-m", "starter", *command), os.environ | settings(stack), ROOT), log)


async def audit(stack: Stack, directory: Path) -> tuple[int, list[str]]:
    """The exit code and the lines of `python -m starter audit` on the service."""
    child = _child("the audit", ("audit",), stack, directory / "audit.log")
    try:
        return await child.exited(), child.log_lines()
    finally:
        child.stop(())


def settings(stack: Stack) -> dict[str, str]:
    """The environment by which every other command finds the service."""
    return {
        "DATABASE_URL": stack.database,
        "TEMPORAL_ADDRESS": stack.temporal,
        "TEMPORAL_NAMESPACE": stack.namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


def _make_fresh(directory: Path) -> None:
    """Take away what an earlier demo left; nothing else that may be in the directory."""
    if is_locked(directory / "data" / LOCK):
        raise EmbeddedFailure(f"a demo runs in {directory} already: end it with Ctrl-C in its terminal first")
    for name in ("data", "network", "retailer"):
        shutil.rmtree(directory / name, ignore_errors=True)
    for name in ("up.log", "connect.log", "audit.log"):
        (directory / name).unlink(missing_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    # Root's PostgreSQL is another user, who must be able to pass; nobody else needs to look in.
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _up(directory: Path) -> Command:
    places = ("--data", str(directory.absolute() / "data"), "--network", str(directory.absolute() / "network"))
    ports = [text for option, port in USUAL_PORTS.items() for text in (option, str(port if _is_free(port) else 0))]
    arguments = (sys.executable, "-m", "starter", "up", "--simulate-peers", *places, *ports)
    return Command(arguments, os.environ, ROOT, death_signal=signal.SIGTERM)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0


async def _until_ready(up: Child, data: Path, say: Callable[[str], None]) -> Stack:
    while (stack := running_stack(data)) is None:
        if up.exit_code() is not None:
            raise EmbeddedFailure(f"the service did not start ({up.end_in_words()})", up.log_tail(LOG_LINES_MAX))
        say(up.log_tail(1).rpartition(" s  ")[2])
        await asyncio.sleep(POLL_SECONDS)
    return stack
