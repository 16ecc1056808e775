"""Sees to it that workflows hear what PostgreSQL knows: sends the outbox's signals, and starts what does not run.

A signal is sent right after its transaction; the relay repeats until Temporal took it. Every part is safe to run in several
processes at once, and safe to repeat: a workflow that hears the same news twice keeps the newer copy. What a message does was
done when it was stored, under its order's lock, so nothing depends on the order of signals; from the outbox they leave in the
order of their storing all the same, however many relays run, so that a history reads as it was.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from time import monotonic
from typing import NamedTuple

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from database import returns
from database.connect import Database
from database.outbox import signal, unattended
from database.outbox.signal import Signal
from database.outbox.unattended import UnattendedOrder, UnattendedReturn
from domain import identifiers
from domain.order import OrderInput
from workflows import client as temporal

UNSTARTED_AFTER = timedelta(seconds=2)
"""What its own process has not started by then is the relay's; it waits as long before it tries again."""
FORGET_AFTER = timedelta(milliseconds=200)
BATCH_MAX = 100
SEND_WITHIN = timedelta(seconds=5)
BATCH_WITHIN = timedelta(seconds=5)
LEASE = SEND_WITHIN + BATCH_WITHIN
"""Until then what one relay has taken is no other one's; what it could not send, or died with, is tried again afterwards."""
REFUSED_FOR = timedelta(minutes=1)
"""So long what Temporal refused is not tried again; longer than a lease, it lets what was owed later pass."""

log = structlog.get_logger("relay")


class Sent(NamedTuple):
    """Ids of signals: those that Temporal took, or that nobody is left to hear; those that it refused; those not tried."""

    taken: list[int]
    refused: list[int]
    untried: list[int]


class Relay:
    """The outbox's messenger. Runs in the HTTP process; several of them share the work."""

    def __init__(self, database: Database, client: Client) -> None:
        """`client` may be lazy: while Temporal is down nothing is lost, and nobody waits."""
        self._database = database
        self._client = client
        self._sending: set[asyncio.Task[None]] = set()
        self._taken: list[int] = []
        self._forgetting: asyncio.Task[None] | None = None

    def send_soon(self, wakes: Sequence[Signal]) -> None:
        """Send signals after the caller has answered; one that fails is sent by `send_overdue`."""
        if wakes:
            task = asyncio.create_task(self._send_now(wakes))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def send_overdue(self) -> None:
        """Send what nobody has sent in its time, to each workflow in the order in which it was written."""
        goes_on = True
        while goes_on:
            async with self._database.at_once() as connection:
                overdue = await signal.claim(connection, BATCH_MAX, LEASE)
            sent = await self._send(overdue)
            async with self._database.write() as connection:
                await signal.sent(connection, sent.taken)
                await signal.postpone(connection, sent.refused, REFUSED_FOR)
                await signal.postpone(connection, sent.untried, timedelta())
            goes_on = len(overdue) == BATCH_MAX and not sent.untried

    async def start_unstarted(self) -> None:
        """Start the workflow of every order that was taken in and that no workflow has acted on."""
        async with self._database.read() as connection:
            found = await unattended.unstarted(connection, UNSTARTED_AFTER, BATCH_MAX)
        for order in found:
            await self._look_after(order, self._start(order))

    async def sweep(self) -> None:
        """Start again what should run and does not, and wake orders whose deadline has passed without anything happening."""
        async with self._database.read() as connection:
            orders = await unattended.orders(connection, BATCH_MAX)
            returned = await unattended.returns(connection, BATCH_MAX)
        for order in orders:
            await self._look_after(order, self._start(order))
        for one in returned:
            await self._look_after(one, temporal.start_return(self._client, one.order, one.name))

    async def _start(self, found: UnattendedOrder) -> None:
        order = OrderInput.model_validate_json(found.input)
        await temporal.start(self._client, order)
        if found.is_overdue:
            workflow_id = identifiers.order_workflow_id(order.order)
            await temporal.signal(self._client, workflow_id, "changed", {"look_again": True})

    async def _look_after(self, found: UnattendedOrder | UnattendedReturn, starting: Awaitable[None]) -> None:
        """See to it that a workflow runs; one that Temporal refuses must not keep it from all others."""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await starting
        except (RPCError, ValueError) as error:
            if _is_away(error):
                raise
            log.error("temporal does not take a workflow", name=found.name, reason=type(error).__name__)
        async with self._database.at_once() as connection:
            await unattended.note_checked(connection, found)

    async def _send_now(self, wakes: Sequence[Signal]) -> None:
        self._taken += (await self._send(wakes)).taken
        if self._taken and (self._forgetting is None or self._forgetting.done()):
            self._forgetting = asyncio.create_task(self._forget())

    async def _forget(self) -> None:
        """Take what was sent off the outbox, many at once; what a crash keeps from it is sent twice, which is heard once."""
        while self._taken:
            await asyncio.sleep(FORGET_AFTER.total_seconds())
            taken, self._taken = self._taken, []
            try:
                async with self._database.write() as connection:
                    await signal.sent(connection, taken)
            except Exception as error:
                log.warning("sent signals stay in the outbox and will be sent again", reason=type(error).__name__)

    async def _send(self, wakes: Sequence[Signal]) -> Sent:
        """Send in order, as many as there is time for. While Temporal is away nothing else is tried; a signal that it refuses
        holds up no other.
        """
        ends_at = monotonic() + BATCH_WITHIN.total_seconds()
        sent = Sent([], [], [])
        for tried, owed in enumerate(wakes):
            if monotonic() >= ends_at:
                return sent._replace(untried=[left.wake_id for left in wakes[tried:]])
            try:
                await self._send_one(owed)
                sent.taken.append(owed.wake_id)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("temporal did not take a signal", order=owed.order, reason=reason)
                if _is_away(error):
                    return sent._replace(untried=[left.wake_id for left in wakes[tried + 1 :]])
                sent.refused.append(owed.wake_id)
        return sent

    async def _send_one(self, owed: Signal) -> None:
        async with asyncio.timeout(SEND_WITHIN.total_seconds()):
            if not await temporal.signal(self._client, owed.workflow_id, owed.signal, owed.facts):
                await self._start_what_should_hear(owed)

    async def _start_what_should_hear(self, owed: Signal) -> None:
        """Nobody heard it: what is open and has lost its workflow goes on from PostgreSQL, where the news is already."""
        name = owed.workflow_id.removeprefix(identifiers.return_workflow_id(""))
        if name != owed.workflow_id:
            async with self._database.read() as connection:
                status = (await returns.state(connection, name)).status
            if not status.is_over:
                await temporal.start_return(self._client, owed.order, name)
        else:
            await temporal.start_again(self._database, self._client, owed.order)


def _is_away(error: Exception) -> bool:
    """Whether nobody answers; and not that somebody does not want this very thing."""
    away = (
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    )
    return isinstance(error, RuntimeError | TimeoutError) or (isinstance(error, RPCError) and error.status in away)
