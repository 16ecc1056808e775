"""The real worker and the real HTTP process, each of which kills itself with -9 at one chosen commit.

    python mortal.py worker ACTIVITY:MOMENT …      python mortal.py serve PORT ROUTE:MOMENT …

One after the other dies, as its rule says, and writes what it was doing; after the last rule a healthy one works on until
SIGTERM. MOMENT is `before` a commit, or `after` it and before any signal or answer; of the HTTP process also `before2`:
before the second commit of one request. ACTIVITY is a worker's activity, or what it does now and then, such as
`contact.failed`. ROUTE is one of the HTTP process as OpenAPI names it: `POST /orders/{order}/hold`, or what it does beside,
such as `Pauses.clear`. Only what was written is a commit.
"""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType

import uvicorn
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio import activity

import worker
from api.app import application
from api.service import assemble
from database.connect import Database, WriteConnection
from domain.network import Locality
from embedded.ports import LOOPBACK
from embedded.tether import die_with
from jobs.relay import Relay
from network.geography import locate
from runtime.temporal import connect
from runtime.where import database_url, master_keys
from transactions import cart, contact, exception, shortage, stock, transaction
from transactions.backorder import Backorders
from transactions.pause import Pauses


@dataclass
class Doing:
    """What a process does at the moment: its name, what it is about, and how often it has committed for it."""

    name: str
    about: str
    commits: int = 0


_request: ContextVar[tuple[Scope, Doing]] = ContextVar("request")
_beside: ContextVar[Doing | None] = ContextVar("beside", default=None)
BESIDE: dict[type | ModuleType, tuple[str, ...]] = {
    Backorders: ("offer_under_new_rules", "work_off"),
    cart: ("sweep",),
    exception: ("escalate",),
    Pauses: ("clear",),
    Relay: ("send_overdue",),
    shortage: ("settle",),
    stock: ("apply_kept",),
}
"""What the HTTP process does beside answering, for facts that are in PostgreSQL already."""
NOW_AND_THEN = {contact: ("failed", "report"), transaction: ("give_back",)}
"""What an activity does now and then: by modules, the functions by whose names it is called there."""
UNREACHABLE_AFTER = timedelta(seconds=2)
"""Instead of minutes, so that nobody waits."""


class MortalDatabase(Database):
    """The facts, in a process that dies at a commit of what its rule names."""

    def __init__(self, rule: str, doing: Callable[[], Doing | None]) -> None:
        """`doing` answers what the process does at the moment, None when that is none of the test's business."""
        super().__init__(database_url(), master_keys())
        self._name, _, self._moment = rule.rpartition(":")
        self._doing = doing

    @asynccontextmanager
    async def write(self, first: str = "") -> AsyncIterator[WriteConnection]:
        """One transaction, which may be the last."""
        async with super().write(first) as connection:
            yield connection
            doing = self._doing()
            if doing and not (await connection.execute(HAS_WRITTEN)).scalar_one():
                doing = None
            self._die_if_it_is_time(doing, "before2" if doing and doing.commits else "before")
        self._die_if_it_is_time(doing, "after")
        if doing:
            doing.commits += 1

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[WriteConnection]:
        """One statement that commits itself, which may be the last."""
        doing = self._doing()
        self._die_if_it_is_time(doing, "before")
        async with super().at_once() as connection:
            yield connection
        self._die_if_it_is_time(doing, "after")

    def _die_if_it_is_time(self, doing: Doing | None, moment: str) -> None:
        if doing and (doing.name, moment) == (self._name, self._moment):
            print(f"died: {doing.name}:{moment} — {doing.about}", flush=True)  # noqa: T201 - the test reads it
            os.kill(os.getpid(), signal.SIGKILL)


HAS_WRITTEN = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


def _activity() -> Doing:
    info = activity.info()
    return _beside.get() or Doing(info.activity_type, str(info.workflow_id).removeprefix("order-"))


class Remembering:
    """Remembers which request a task works on; also in what it starts and does not wait for."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remember what is asked; its route is not known yet."""
        if scope["type"] == "http" and scope["method"] != "GET":
            _request.set((scope, Doing("", scope["path"])))
        await self._app(scope, receive, send)


def _answering() -> Doing | None:
    scope, doing = _request.get((None, _beside.get()))
    if scope is not None and "route" not in scope:
        return None  # its key is looked up, which stores nothing
    if scope is not None and doing is not None:
        doing.name = f"{scope['method']} {scope['route'].path}"
    return doing


def remembered(step: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """A step of a loop that remembers what is done."""
    subject = step.__module__.rpartition(".")[2]
    name = step.__qualname__ if "." in step.__qualname__ else f"{subject}.{step.__qualname__}"

    @functools.wraps(step)
    async def remember(*given: object) -> object:
        before = _beside.set(Doing(name, "beside"))
        try:
            return await step(*given)
        finally:
            _beside.reset(before)

    return remember


def named_after(step: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """A step of an activity after which all of that activity is named: it is committed together with the rest."""
    name = f"{step.__module__.rpartition('.')[2]}.{step.__qualname__}"

    @functools.wraps(step)
    async def remember(*given: object) -> object:
        _beside.set(Doing(name, "now and then"))
        return await step(*given)

    return remember


async def work(rule: str) -> None:
    """A worker until it dies."""
    for owner, names in NOW_AND_THEN.items():
        for name in names:
            setattr(owner, name, named_after(getattr(owner, name)))
    contact.UNREACHABLE_AFTER = UNREACHABLE_AFTER
    async with worker.build(await connect(), MortalDatabase(rule, _activity)):
        await asyncio.Event().wait()


async def serve(rule: str, port: int) -> None:
    """The HTTP process until it dies, or until SIGTERM."""
    for owner, names in BESIDE.items():
        for name in names:
            setattr(owner, name, remembered(getattr(owner, name)))
    database = MortalDatabase(rule, _answering)
    service = assemble(database, await connect(lazy=True))
    app = Remembering(application(service))
    async with service.running():
        await uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_level="warning")).serve()


def die_one_by_one(rules: Sequence[str], live: Callable[[str], None]) -> None:
    """Live by each rule in a process of its own."""
    parent = os.getpid()
    for rule in rules:
        if (child := os.fork()) == 0:
            die_with(parent, signal.SIGKILL)
            live(rule)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"{rule} did not die of itself: {status}"


def main(kind: str, *arguments: str) -> None:
    """Run the mortal ones, then a healthy one."""
    locate(Locality("US", "10001"))  # the first look-up reads a large table; once is enough for all of them
    if kind == "worker":
        die_one_by_one(arguments, lambda rule: asyncio.run(work(rule)))
        asyncio.run(worker.main())
    else:
        port, *rules = arguments
        die_one_by_one(rules, lambda rule: asyncio.run(serve(rule, int(port))))
        asyncio.run(serve("", int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
