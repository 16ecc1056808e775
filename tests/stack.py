"""Switchyard as real processes: started as a person starts it, driven over its public HTTP interface, killed as fate kills."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from demo.hurry import hurried_copy
from demo.service import settings
from embedded.process import Child, Command
from runtime.where import Stack

ROOT = Path(__file__).parents[1]
ANSWERS_WITHIN_SECONDS = 60.0
STARTS_WITHIN_SECONDS = 300.0
"""On a busy machine five processes take long to load; one that has ended is seen at once."""
STOPS_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.1
LIFE = ("accepted", "picked", "shipped", "delivered")
"""What a node that does everything right says."""
PARTS = {
    "PostgreSQL": "bin/postgres -D",
    "Temporal": "temporal server start-dev",
    "worker": "worker.py",
    "HTTP": "-m starter serve",
}
"""The parts of the stack, by words of their command lines."""

Document = dict[str, Any]
_numbers = count(1)


class Service:
    """`python -m starter up` on one folder, with the example network in a hurry; it may be killed and started again."""

    def __init__(self, folder: Path, durations: Mapping[str, str]) -> None:
        """`durations` are lines of the hurried network and what to write in their place."""
        self._folder = folder
        self._up: Child | None = None
        self.stack: Stack
        self.start_seconds = 0.0
        """How long its last start took."""
        self.network = hurried_network(folder / "network", durations)

    def start(self) -> None:
        """Start it and return when it is ready."""
        arguments = ("up", "--network", str(self.network), "--data", str(self._folder / "data"))
        ports = ("--http-port", "0", "--temporal-port", "0", "--ui-port", "0")
        command = Command(
            (sys.executable, "-m", "starter", *arguments, *ports), environment(), ROOT, death_signal=signal.SIGTERM
        )
        began = time.monotonic()
        self._up = Child("the service", command, self._folder / "up.log")
        self.stack = Stack(**json.loads(_said(self._up, "{")))
        self.start_seconds = time.monotonic() - began

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        assert self._up is not None
        self._up.stop(((signal.SIGTERM, STOPS_WITHIN_SECONDS),))
        assert self._up.exit_code() == 0, self._up.log_tail(50)

    def kill(self) -> None:
        """Kill the supervisor with -9; everything that it started ends with it."""
        assert self._up is not None
        os.kill(self._up.pid, signal.SIGKILL)
        self._up.wait(ANSWERS_WITHIN_SECONDS)

    def end(self) -> None:
        """End it and everything that it started, in whatever state it is."""
        if self._up is not None:
            self._up.stop(((signal.SIGTERM, STOPS_WITHIN_SECONDS),))

    def part(self, name: str) -> int:
        """The process id of a part that runs."""
        deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
        while (found := self._child(PARTS[name])) is None:
            assert time.monotonic() < deadline, f"{name} does not run"
            time.sleep(POLL_SECONDS)
        return found

    def kill_part(self, name: str) -> int:
        """Kill a part with -9; answers which process it was."""
        killed = self.part(name)
        os.kill(killed, signal.SIGKILL)
        return killed

    def restarted(self, name: str, killed: int) -> None:
        """Return as soon as a part runs again in another process than the one that was killed."""
        while self.part(name) == killed:
            time.sleep(POLL_SECONDS)

    def audit(self) -> None:
        """`python -m starter audit` ends with 0."""
        audit(settings(self.stack))

    def _child(self, words: str) -> int | None:
        assert self._up is not None
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if parent == self._up.pid and words in command and "tether.py" not in command:
                return int(pid)
        return None


class Shop:
    """Channels, nodes and an operator over HTTP: they send again what was not answered, as every adapter must."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        """`http` knows the address and an operator's key."""
        self.http = http
        self.waits_seconds = ANSWERS_WITHIN_SECONDS
        """How long they wait for anything at all."""
        self.refusals: list[httpx2.Response] = []
        """Every 503 that was met."""
        self.placed: list[str] = []
        """The orders that were acknowledged."""
        self.messages = 0
        """How many nodes' messages were acknowledged."""

    async def send(
        self, method: str, path: str, body: Document | bytes | None = None, **headers: str
    ) -> httpx2.Response:
        """Send the same until it is answered with something else than 503, which asks for just that."""
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        async with asyncio.timeout(self.waits_seconds):
            while True:
                try:
                    answer = await self.http.request(method, path, headers=headers, **sent)
                except httpx2.TransportError:
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                if answer.status_code != 503:
                    return answer
                self.refusals.append(answer)
                await asyncio.sleep(POLL_SECONDS)

    async def place(self, sku: str, quantity: int = 1, *, channel: str = "web", **more: Any) -> str:
        """Place an order for one line; answers its id as soon as it is acknowledged."""
        body = order_body(sku, quantity, channel=channel, **more)
        answer = await self.send("POST", "/orders", body)
        assert answer.status_code in (200, 201, 202), answer.text
        name: str = answer.json()["order"]
        self.placed.append(name)
        return name

    async def receive(self, node: str, sku: str, quantity: int) -> None:
        """Units arrive at a node."""
        body = {"message_id": f"in-{next(_numbers)}", "node": node, "kind": "received", "occurred_at": now()}
        answer = await self.send("POST", "/stock/messages", body | {"lines": [{"sku": sku, "quantity": quantity}]})
        assert answer.status_code in (200, 202), answer.text

    async def stock(self, sku: str) -> tuple[int, int, int]:
        """Units of an item at all nodes together: on hand, reserved, allocated."""
        nodes = (await self.send("GET", f"/stock/{sku}")).json()["nodes"]
        on_hand, reserved, allocated = (
            sum(row[name] for row in nodes) for name in ("on_hand", "reserved", "allocated")
        )
        return on_hand, reserved, allocated

    async def order(self, name: str) -> Document:
        """The document of an order."""
        answer = await self.send("GET", f"/orders/{name}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def until(self, name: str, wanted: str | Callable[[Document], bool]) -> Document:
        """Poll an order until it has a status, or until something is true of it."""
        is_there = (lambda found: found["status"] == wanted) if isinstance(wanted, str) else wanted
        document: Document = {}
        try:
            async with asyncio.timeout(self.waits_seconds):
                while not is_there(document := await self.order(name)):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{name} has not become what was waited for ({wanted}): {document}") from None
        return document

    async def work(self, name: str, number: int = 1) -> str:
        """The id of an order's `number`-th fulfillment order, as soon as it exists."""
        document = await self.until(name, lambda found: len(found["fulfillment_orders"]) >= number)
        work: str = document["fulfillment_orders"][number - 1]["fulfillment_order"]
        return work

    async def tell(
        self, fulfillment_order: str, kind: str, lines: Mapping[str, int] | None = None, **more: Any
    ) -> httpx2.Response:
        """A node's message, without lines about all that is due; sent again, it has the same id."""
        body = message_body(fulfillment_order, kind) | more
        if lines is not None:
            body["lines"] = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
        answer = await self.send("POST", f"/fulfillment-orders/{fulfillment_order}/messages", body)
        assert answer.status_code in (200, 202), answer.text
        self.messages += 1
        return answer

    async def fulfill(self, name: str, kinds: tuple[str, ...] = LIFE, *, number: int = 1) -> None:
        """A node does its work on an order."""
        work = await self.work(name, number)
        for kind in kinds:
            await self.tell(work, kind)

    async def cancel(self, name: str) -> Document:
        """Cancel all of an order; asked again, it is the same request."""
        body = {"lines": None, "reason": "not wanted", "actor": "a customer"}
        answer = await self.send("POST", f"/orders/{name}/cancel", body, **{"Idempotency-Key": f"cancel {name}"})
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def live(self, name: str) -> Document:
        """A node does everything right, and the order's return window passes."""
        await self.fulfill(name)
        return await self.until(name, "completed")


def hurried_network(folder: Path, durations: Mapping[str, str]) -> Path:
    """The example network in the demo's time, with some lines of its files replaced."""
    hurried_copy(ROOT / "network" / "example", folder)
    for file in (folder / "nodes.toml", folder / "policy.toml"):
        text = file.read_text()
        for line, better in durations.items():
            text = text.replace(line, better)
        file.write_text(text)
    return folder


def audit(servers: Mapping[str, str]) -> None:
    """`python -m starter audit` ends with 0 on these servers."""
    arguments = (sys.executable, "-m", "starter", "audit")
    ended = subprocess.run(arguments, env={**environment(), **servers}, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def environment() -> dict[str, str]:
    """An environment that names no servers."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and "TEMPORAL" not in name}
    return {**kept, "PYTHONPATH": str(ROOT)}


def order_body(sku: str, quantity: int = 1, *, channel: str = "web", **more: Any) -> Document:
    """An order for one line as a channel hands it in, with a number that no other has."""
    return {
        "channel": channel,
        "number": f"t{next(_numbers)}",
        "placed_at": now(),
        "currency": "USD",
        "ship_to": {"postal_code": "80202", "country": "US"},
        "lines": [{"line": "1", "sku": sku, "quantity": quantity, "unit_price": 1000}],
    } | more


def message_body(fulfillment_order: str, kind: str) -> Document:
    """A node's message about all that is due, with an id that is the same for the same kind."""
    return {"message_id": f"{fulfillment_order}-{kind}", "kind": kind, "occurred_at": now()}


def now() -> str:
    """This moment as messages carry it."""
    return datetime.now(UTC).isoformat()


def _said(child: Child, beginning: str) -> str:
    """The first line that begins so, as soon as the child has written it."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        lines = [line.strip() for line in child.log_tail(1000).splitlines()]
        if found := [line for line in lines if line.startswith(beginning) and line.endswith("}")]:
            return found[0]
        assert child.exit_code() is None, child.log_tail(50)
        assert time.monotonic() < deadline, child.log_tail(50)
        time.sleep(POLL_SECONDS)
