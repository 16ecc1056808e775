"""Plays every node through the public HTTP interface: a sandbox for integrators, in which nodes also fail sometimes.

`behave` decides which messages a node sends next, from the fulfillment order and a seed; the rest sends them. Ids of
messages are derived from the fulfillment order, so a restarted sandbox goes on where it was and repeats nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from hashlib import sha256
from typing import Any

import httpx2
import structlog

log = structlog.get_logger("simulated nodes")

Document = dict[str, Any]
"""A JSON object of the public interface."""

LIVE_WORK: tuple[Mapping[str, str], ...] = (
    {"request": "sent"},
    {"request": "cancel_requested"},
    {"request": "timed_out"},
    {"status": "in_progress"},
    {"status": "shipped"},
)
"""The lists of fulfillment orders for which a node may still send messages."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take in the sandbox, in seconds."""

    poll_seconds: float = 0.5
    answer_seconds: float = 0.3
    work_seconds: float = 1.0
    """Picking, and then packing."""
    travel_seconds: float = 2.0

    def before(self, kind: str) -> float:
        """The time that passes before a node sends this message."""
        return {"picked": self.work_seconds, "shipped": self.work_seconds, "delivered": self.travel_seconds}.get(
            kind, self.answer_seconds
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a node about a fulfillment order; `quantities` by line, None = all units that are due."""

    kind: str
    quantities: Mapping[str, int] | None = None
    final: bool = False
    reason: str | None = None
    parcel: Mapping[str, str] | None = None
    """Carrier and tracking number of what ships; None = invented ones."""


class Temper(Enum):
    """How a node behaves for one fulfillment order."""

    RELIABLE = auto()
    SHORT = auto()
    REFUSING = auto()
    SILENT = auto()


SILENT_PERCENT = 5
REFUSING_PERCENT = 5
SHORT_PERCENT = 15


def temper(seed: int, fulfillment_order: str) -> Temper:
    """How the node behaves for this fulfillment order: always the same for the same seed and id."""
    percent = _number(seed, fulfillment_order) % 100
    if percent < SILENT_PERCENT:
        return Temper.SILENT
    if percent < SILENT_PERCENT + REFUSING_PERCENT:
        return Temper.REFUSING
    return Temper.SHORT if percent < SILENT_PERCENT + REFUSING_PERCENT + SHORT_PERCENT else Temper.RELIABLE


def behave(seed: int, fulfillment_order: Document) -> list[Step]:
    """The messages that a node sends next about a fulfillment order; none when all are sent, or when the node is silent.

    Every node, a silent one too, accepts a cancel request unless something has left; so the units in doubt become available.
    """
    if fulfillment_order["request"] in ("cancel_requested", "timed_out"):
        has_shipped = any(line["shipped"] for line in fulfillment_order["lines"])
        return [Step("cancel_rejected", reason="it has left already") if has_shipped else Step("cancel_accepted")]
    if fulfillment_order["request"] == "sent":
        match temper(seed, fulfillment_order["fulfillment_order"]):
            case Temper.SILENT:
                return []
            case Temper.REFUSING:
                return [Step("rejected", reason="no hands free today")]
            case _:
                return [Step("accepted"), *_work(seed, fulfillment_order)]
    return _work(seed, fulfillment_order)


def message(step: Step, fulfillment_order: Document, occurred_at: datetime) -> Document:
    """The message for a step. Everything that ships is in one package with a tracking number."""
    content: Document = {
        "message_id": f"{fulfillment_order['fulfillment_order']}-{step.kind}",
        "kind": step.kind,
        "occurred_at": occurred_at.isoformat(),
    }
    if step.kind == "shipped":
        package = _package(fulfillment_order["fulfillment_order"], step.quantities or {})
        content["packages"] = [package | dict(step.parcel or {})]
    elif step.quantities is not None:
        content["lines"] = _lines(step.quantities)
    if step.final:
        content["final"] = True
    return content | ({"reason": step.reason} if step.reason else {})


def ready_to_ship(fulfillment_order: Document) -> dict[str, int]:
    """Units by line that are picked and have not left."""
    return _positive({line["line"]: line["picked"] - line["shipped"] for line in fulfillment_order["lines"]})


class AnsweredOtherwise(Exception):
    """An answer that is no success; the message names the request, the status and the detail of the problem document."""

    def __init__(self, status: int, text: str) -> None:
        """`status` is the HTTP status."""
        super().__init__(text)
        self.status = status


class Party:
    """One who has a key and talks to Switchyard: a node, a channel or an operator."""

    def __init__(self, client: httpx2.AsyncClient, key: str) -> None:
        """`client` knows the address, and may be shared by parties."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    async def get(self, path: str, **parameters: str) -> Document:
        """The document at a path. Raises `AnsweredOtherwise`, and what httpx2 raises when nobody answers."""
        return _answer(await self._client.get(path, params=parameters, headers=self._headers))

    async def post(self, path: str, body: Document) -> Document:
        """The answer to a document. Raises like `get`."""
        return _answer(await self._client.post(path, json=body, headers=self._headers))

    async def items(self, path: str, **parameters: str) -> AsyncIterator[Document]:
        """All items of a list, page by page."""
        after: dict[str, str] = {}
        while True:
            page = await self.get(path, **parameters, **after)
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    async def say(self, fulfillment_order: Document, step: Step) -> None:
        """Send a step as a message about a fulfillment order."""
        path = f"/fulfillment-orders/{fulfillment_order['fulfillment_order']}/messages"
        await self.post(path, message(step, fulfillment_order, datetime.now(UTC)))


async def simulate(http: str, key: str, seed: int, pace: Pace | None = None) -> None:
    """Play every node whose work the key can see, until cancelled; who does not answer is asked again.

    `http` is the address of the HTTP interface; the same seed behaves the same way.
    """
    async with httpx2.AsyncClient(base_url=http, timeout=10.0) as client:
        await _Nodes(Party(client, key), seed, pace or Pace()).play()


class _Nodes:
    """All nodes of the sandbox: what they are busy with, and what they have said."""

    def __init__(self, party: Party, seed: int, pace: Pace) -> None:
        self._party = party
        self._seed = seed
        self._pace = pace
        self._busy_with: set[str] = set()
        self._said: set[tuple[str, str]] = set()

    async def play(self) -> None:
        async with asyncio.TaskGroup() as hands:
            while True:
                try:
                    for filters in LIVE_WORK:
                        await self._take_up(filters, hands)
                except (AnsweredOtherwise, httpx2.HTTPError) as trouble:
                    log.warning("the work cannot be seen", trouble=repr(trouble))
                await asyncio.sleep(self._pace.poll_seconds)

    async def _take_up(self, filters: Mapping[str, str], hands: asyncio.TaskGroup) -> None:
        async for work in self._party.items("/fulfillment-orders", limit="500", **filters):
            name = work["fulfillment_order"]
            if name not in self._busy_with and self._next_step(work):
                self._busy_with.add(name)
                hands.create_task(self._see_through(work))

    async def _see_through(self, work: Document) -> None:
        """Say one thing after the other, looking again before each: it may have been asked to cancel meanwhile."""
        name = work["fulfillment_order"]
        try:
            while step := self._next_step(work):
                await asyncio.sleep(self._pace.before(step.kind))
                work = await self._party.get(f"/fulfillment-orders/{name}")
                if self._next_step(work) == step:
                    await self._say_once(work, step)
                    work = await self._party.get(f"/fulfillment-orders/{name}")
        except (AnsweredOtherwise, httpx2.HTTPError) as trouble:
            log.warning("a node was not heard, and will try again", fulfillment_order=name, trouble=repr(trouble))
        finally:
            self._busy_with.discard(name)

    def _next_step(self, work: Document) -> Step | None:
        steps = behave(self._seed, work)
        return steps[0] if steps and (work["fulfillment_order"], steps[0].kind) not in self._said else None

    async def _say_once(self, work: Document, step: Step) -> None:
        """A conflict means that it was said before a restart: the same message, with another moment in it."""
        try:
            await self._party.say(work, step)
        except AnsweredOtherwise as answer:
            if answer.status != 409:
                raise
        self._said.add((work["fulfillment_order"], step.kind))
        log.info("said", fulfillment_order=work["fulfillment_order"], node=work["node"], kind=step.kind)


def _work(seed: int, fulfillment_order: Document) -> list[Step]:
    """Pick what is not picked, ship what is and has not left, deliver what left."""
    unpicked = _positive(
        {line["line"]: line["quantity"] - line["short"] - line["picked"] for line in fulfillment_order["lines"]}
    )
    found = _found(seed, fulfillment_order["fulfillment_order"], unpicked)
    ready = ready_to_ship(fulfillment_order)
    leaving = {line: ready.get(line, 0) + found.get(line, 0) for line in ready | found}
    steps = []
    if unpicked:
        is_short = found != unpicked
        steps.append(Step("picked", found, final=is_short, reason="fewer units were there" if is_short else None))
    if leaving:
        steps.append(Step("shipped", leaving))
    if leaving or fulfillment_order["status"] == "shipped":
        steps.append(Step("delivered"))
    return steps


def _found(seed: int, fulfillment_order: str, unpicked: Mapping[str, int]) -> dict[str, int]:
    """The units that the node finds: all, or one unit less of one line where it is short."""
    if not unpicked or temper(seed, fulfillment_order) is not Temper.SHORT:
        return dict(unpicked)
    lines = sorted(unpicked)
    missing = lines[_number(seed, f"{fulfillment_order} line") % len(lines)]
    return _positive({line: quantity - (line == missing) for line, quantity in unpicked.items()})


def _number(seed: int, text: str) -> int:
    return int.from_bytes(sha256(f"{seed} {text}".encode()).digest()[:8])


def _positive(quantities: Mapping[str, int]) -> dict[str, int]:
    return {line: quantity for line, quantity in quantities.items() if quantity > 0}


def _lines(quantities: Mapping[str, int]) -> list[Document]:
    return [{"line": line, "quantity": quantity} for line, quantity in quantities.items()]


def _package(fulfillment_order: str, quantities: Mapping[str, int]) -> Document:
    tracking = f"SIM{_number(0, fulfillment_order) % 10**12:012}"
    return {"package": "1", "carrier": "simulated", "tracking": tracking, "lines": _lines(quantities)}


def _answer(response: httpx2.Response) -> Document:
    if response.is_success:
        document: Document = response.json()
        return document
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    detail = response.json()["detail"] if is_problem else response.text[:200]
    request = f"{response.request.method} {response.request.url.path}"
    raise AnsweredOtherwise(response.status_code, f"{request} answered {response.status_code}: {detail}")
