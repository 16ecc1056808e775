"""Keeps workflows up to date with PostgreSQL: sends the outbox's signals, and starts workflows that do not run.

A signal is sent right after its transaction; the relay repeats until Temporal accepts it. Every part is safe to run in several
processes at once, and safe to repeat: a workflow that gets the same state twice keeps the newer copy. A message is applied when
it is stored, under its order's lock, so nothing depends on the sequence of signals. The outbox still sends them in the sequence
in which they were stored, with any number of relays, so that a history is easy to read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, NamedTuple

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from database import returns
from database.connect import Database
from database.outbox import signal, unattended
from database.outbox.signal import CHANGED, Signal
from database.outbox.unattended import UnattendedOrder
from domain import identifiers
from domain.order import OrderInput
from workflows import client as temporal

UNSTARTED_AFTER = timedelta(seconds=2)
"""After this time the relay starts what its own process has not started; it waits as long between tries."""
FORGET_AFTER = timedelta(milliseconds=200)
BATCH_MAX = 100
SEND_WITHIN = timedelta(seconds=5)
BATCH_WITHIN = timedelta(seconds=5)
LEASE = SEND_WITHIN + BATCH_WITHIN
"""For this time signals belong to the relay that claimed them; what it has not sent by then is claimed again."""
REFUSED_FOR = timedelta(minutes=1)
"""For this time a signal that Temporal refused is not tried again. It is longer than a lease, so later signals go first."""

log = structlog.get_logger("relay")


class Sent(NamedTuple):
    """Ids of signals: accepted by Temporal, or without a workflow that needs them; refused; not tried."""

    taken: list[int]
    refused: list[int]
    untried: list[int]


class Relay:
    """Sends the outbox. Runs in the HTTP process; several of them share the work."""

    def __init__(self, database: Database, client: Client) -> None:
        """`client` may be lazy: while Temporal is down nothing is lost, and no request waits."""
        self._database = database
        self._client = client
        self._sending: set[asyncio.Task[None]] = set()
        self._taken: list[int] = []
        self._forgetting: asyncio.Task[None] | None = None

    def send_soon(self, signals: Sequence[Signal]) -> None:
        """Send signals after the caller has answered; one that fails is sent by `send_overdue`."""
        if signals:
            task = asyncio.create_task(self._send_now(signals))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def start_soon(self, order: OrderInput) -> None:
        """Start an open order's workflow after the caller has answered, if it is gone; else the sweep does, in its time."""
        task = asyncio.create_task(self._start_now(order))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def send_overdue(self) -> timedelta | None:
        """Send the signals that are overdue, to each workflow in the sequence in which they were written. Answers in what time
        the next one is due, None when all were sent."""
        goes_on = True
        while goes_on:
            async with self._database.at_once() as connection:
                overdue = await signal.claim(connection, BATCH_MAX, LEASE)
                if not overdue:
                    return await signal.due_in(connection)
            sent = await self._send(overdue)
            async with self._database.write() as connection:
                await signal.sent(connection, sent.taken)
                await signal.postpone(connection, sent.refused, REFUSED_FOR)
                await signal.postpone(connection, sent.untried, timedelta())
            goes_on = len(overdue) == BATCH_MAX and not sent.untried
        return timedelta()

    async def start_unstarted(self) -> timedelta | None:
        """Start the workflow of every accepted order on which no workflow has acted.

        Answers in what time it would start the next one, None when there is none.
        """
        while True:
            async with self._database.read_once() as connection:
                found = await unattended.unstarted(connection, UNSTARTED_AFTER, BATCH_MAX)
                if not found:
                    return await unattended.unstarted_in(connection, UNSTARTED_AFTER)
            await _all(self._ensure_running(order.name, self._start(order)) for order in found)
            async with self._database.at_once() as connection:
                await unattended.note_started(connection, found)
            if len(found) < BATCH_MAX:
                return timedelta()

    async def sweep(self) -> None:
        """Start workflows that should run and do not, and signal orders whose deadline has passed without effect."""
        while await self._sweep_orders() == BATCH_MAX:
            pass
        while await self._sweep_returns() == BATCH_MAX:
            pass

    async def _sweep_orders(self) -> int:
        """One batch of orders; answers how many there were."""
        async with self._database.read_once() as connection:
            found = await unattended.orders(connection, BATCH_MAX)
        if found:
            await _all(self._ensure_running(order.name, self._start(order)) for order in found)
            async with self._database.at_once() as connection:
                await unattended.note_checked(connection, found)
        return len(found)

    async def _sweep_returns(self) -> int:
        """One batch of returns; answers how many there were."""
        async with self._database.read_once() as connection:
            found = await unattended.returns(connection, BATCH_MAX)
        await _all(
            self._ensure_running(one.name, temporal.start_return(self._client, one.order, one.name)) for one in found
        )
        for one in found:
            async with self._database.write() as connection:
                await unattended.note_checked_return(connection, await returns.state(connection, one.name))
        return len(found)

    async def _start(self, found: UnattendedOrder) -> None:
        order = OrderInput.model_validate_json(found.input)
        await temporal.start(self._client, order)
        if found.is_overdue:
            workflow_id = identifiers.order_workflow_id(order.order)
            await temporal.signal(self._client, workflow_id, CHANGED, {"look_again": True})

    async def _ensure_running(self, name: str, starting: Awaitable[None]) -> None:
        """Start a workflow; one that Temporal refuses does not stop the others."""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await starting
        except (RPCError, ValueError) as error:
            if _is_away(error):
                raise
            log.error("temporal does not take a workflow", name=name, reason=type(error).__name__)

    async def _start_now(self, order: OrderInput) -> None:
        try:
            await self._ensure_running(order.order, temporal.start(self._client, order))
        except Exception as error:
            log.warning("temporal did not take a workflow", name=order.order, reason=type(error).__name__)

    async def _send_now(self, signals: Sequence[Signal]) -> None:
        self._taken += (await self._send(signals)).taken
        if self._taken and (self._forgetting is None or self._forgetting.done()):
            self._forgetting = asyncio.create_task(self._forget())

    async def _forget(self) -> None:
        """Delete sent signals from the outbox, many at once. After a crash some are sent twice; the second has no effect."""
        while self._taken:
            await asyncio.sleep(FORGET_AFTER.total_seconds())
            taken, self._taken = self._taken, []
            try:
                async with self._database.write() as connection:
                    await signal.sent(connection, taken)
            except Exception as error:
                log.warning("sent signals stay in the outbox and will be sent again", reason=type(error).__name__)

    async def _send(self, signals: Sequence[Signal]) -> Sent:
        """Send until the time is over: to each workflow in sequence, to different workflows side by side. Once Temporal is away
        nothing else is tried; a signal that it refuses does not stop the others.
        """
        sent, ends_at = Sent([], [], []), monotonic() + BATCH_WITHIN.total_seconds()
        to_workflow: defaultdict[str, list[Signal]] = defaultdict(list)
        for owed in signals:
            to_workflow[owed.workflow_id].append(owed)
        is_away = asyncio.Event()
        await _all(self._send_in_sequence(owed, sent, ends_at, is_away) for owed in to_workflow.values())
        return sent

    async def _send_in_sequence(
        self, signals: Sequence[Signal], sent: Sent, ends_at: float, is_away: asyncio.Event
    ) -> None:
        """Send to one workflow, and note in `sent` what became of each signal; one without any answer is not noted."""
        for owed in signals:
            if is_away.is_set() or monotonic() >= ends_at:
                sent.untried.append(owed.wake_id)
                continue
            try:
                await self._send_one(owed)
                sent.taken.append(owed.wake_id)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("temporal did not take a signal", order=owed.order, reason=reason)
                if _is_away(error):
                    is_away.set()
                else:
                    sent.refused.append(owed.wake_id)

    async def _send_one(self, owed: Signal) -> None:
        async with asyncio.timeout(SEND_WITHIN.total_seconds()):
            if not await temporal.signal(self._client, owed.workflow_id, owed.signal, owed.facts):
                await self._start_missing(owed)

    async def _start_missing(self, owed: Signal) -> None:
        """No workflow got the signal: start one for an open order or return; it reads its state from PostgreSQL."""
        name = owed.workflow_id.removeprefix(identifiers.return_workflow_id(""))
        if name != owed.workflow_id:
            async with self._database.read() as connection:
                status = (await returns.state(connection, name)).status
            if not status.is_over:
                await temporal.start_return(self._client, owed.order, name)
        else:
            await temporal.start_again(self._database, self._client, owed.order)


async def _all(doing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; when all have ended, raise what one of them raised."""
    for failure in await asyncio.gather(*doing, return_exceptions=True):
        if failure is not None:
            raise failure


def _is_away(error: Exception) -> bool:
    """Whether Temporal does not answer at all; False when it refuses this one request."""
    away = (
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    )
    return isinstance(error, RuntimeError | TimeoutError) or (isinstance(error, RPCError) and error.status in away)
