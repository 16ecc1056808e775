"""Says to open pages that what they show has changed: server-sent events, without what has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from starlette.responses import Response, StreamingResponse

from api.problems import AWAY
from console.visit import Visit, page
from database import change
from database.connect import Database, ReadConnection
from domain.identifiers import in_one_case

LOOKS_EVERY = timedelta(seconds=1)
ENDS_AFTER = timedelta(minutes=5)
"""Then the browser asks again, and its session is checked again."""


class Changes:
    """What open pages show, as fingerprints. However many show the same, it is looked at once a second."""

    def __init__(self, database: Database, is_ending: Callable[[], bool]) -> None:
        """`is_ending` says whether the process is about to end."""
        self._database = database
        self.is_ending = is_ending
        self._known: dict[str, tuple[float, str]] = {}
        self._looking = asyncio.Lock()

    async def fingerprint(self, about: str) -> str:
        """A fingerprint as `now` has it."""
        async with self._looking:
            until, known = self._known.get(about, (0.0, ""))
            if monotonic() < until:
                return known
            self._known = {name: found for name, found in self._known.items() if monotonic() < found[0]}
            known = await self._look(about)
            self._known[about] = (monotonic() + LOOKS_EVERY.total_seconds() / 2, known)
            return known

    async def _look(self, about: str) -> str:
        async with self._database.read_once() as connection:
            return await now(connection, about)

    async def stream(self, about: str, seen: str) -> AsyncIterator[str]:
        """An event each time that the fingerprint is another one than `seen`, or than the last. A lost database is no news."""
        yield "retry: 2000\n\n"
        ends = monotonic() + ENDS_AFTER.total_seconds()
        while monotonic() < ends and not self.is_ending():
            with suppress(*AWAY):
                if (found := await self.fingerprint(about)) != seen:
                    yield f"event: changed\nid: {found}\ndata: \n\n"
                    seen = found
            await asyncio.sleep(LOOKS_EVERY.total_seconds())


OF_NODE = "node/"
"""Begins what is about a node: no order's id has a slash."""


async def now(connection: ReadConnection, about: str = "") -> str:
    """The fingerprint of an order, or of what a node owes (`OF_NODE` and its id); of "" that of the open exceptions."""
    if about.startswith(OF_NODE):
        return await change.of_node(connection, about.removeprefix(OF_NODE))
    return await (change.of_order(connection, about) if about else change.of_exceptions(connection))


async def _stream(visit: Visit) -> Response:
    """The events of a page. A browser that connects again says which one it had last."""
    changes: Changes = visit.request.app.state.changes
    seen = visit.request.headers.get("last-event-id") or visit.query.get("seen")
    is_node = visit.holder.kind == "node"
    about = f"{OF_NODE}{visit.holder.name}" if is_node else in_one_case(visit.query.get("order")).replace("/", "")
    stream = changes.stream(about, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


ROUTES = [page("/changes", _stream, kinds=("operator", "node"))]
