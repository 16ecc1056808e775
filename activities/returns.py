"""Authorizes returns, takes in what came back, puts it on the shelf again, and closes the case."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from temporalio import activity

from activities.backorder import tell
from activities.failures import told_to_temporal
from activities.order import Done, RequestInput, answered, stored_request
from activities.transaction import OrderTransactions, Work
from database import exception, inbox, personal, returns, stock, wake
from database.connect import WriteConnection
from database.inbox import Received
from database.order import Event
from domain import identifiers, units
from domain.event import of_return
from domain.order import ReturnRequest
from domain.reasons import ExceptionCode
from domain.returns import (
    COMES_BACK_WITHIN,
    Heard,
    ReturnMessage,
    ReturnMessageKind,
    ReturnState,
    ReturnStatus,
    hear,
    returnable,
)
from domain.stock import Movement, MovementKind, explode
from domain.units import Opened

RETURN_MESSAGE = "return_message"
"""The signal that tells a ReturnWorkflow what was recorded."""


class ReturnInput(BaseModel):
    """The input of `ReturnWorkflow`: the return's row in PostgreSQL exists first."""

    order: str
    return_: str


class ReturnStep(BaseModel):
    """A step of a return at an instant of its workflow's clock."""

    order: str
    return_: str
    at: datetime


class ReturnActivities:
    """Returns, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.request_return, self.look_at_return, self.expire_return, self.close_return]

    @activity.defn
    async def request_return(self, asked: RequestInput) -> Done:
        """Authorize a return of delivered units, never more than were delivered and not in a return already."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                known = await stored_request(work, asked)
                if known.answer is not None:
                    return await answered(work, known, asked.at, refused=None)
                body = ReturnRequest.model_validate(known.facts)
                wished = units.sums(body.lines)
                if refused := await _refusal(work, wished):
                    return await answered(work, known, asked.at, refused=refused)
                name = await returns.authorize(
                    work.connection,
                    asked.order,
                    wished.items(),
                    resolution=body.resolution,
                    at=asked.at,
                    expires_at=asked.at + COMES_BACK_WITHIN,
                )
                return await answered(work, known, asked.at, refused=None, answer={"return": name})

    @activity.defn
    async def look_at_return(self, step: ReturnStep) -> ReturnState:
        """The return's state, read now."""
        async with self._transactions.database.read() as connection:
            return await returns.state(connection, step.return_)

    @activity.defn
    async def expire_return(self, step: ReturnStep) -> ReturnState:
        """Give a return up of which nothing has come back in its time; its units may be returned again."""
        with told_to_temporal():
            async with self._transactions.open(step.order) as work:
                state = await returns.state(work.connection, step.return_)
                if state.status != "authorized" or step.at < state.expires_at:
                    return state
                await returns.mark(work.connection, step.return_, "expired_at", step.at)
                await work.write(Event(f"{step.return_} expired", "workflow", step.at))
                return await returns.next_version(work.connection, step.return_)

    @activity.defn
    async def close_return(self, step: ReturnStep) -> ReturnState:
        """Close the case once it is settled and everything that came back has found its place."""
        with told_to_temporal():
            async with self._transactions.open(step.order) as work:
                state = await returns.state(work.connection, step.return_)
                if state.status != "settled" or any(line.graded < line.received for line in state.lines):
                    return state
                await returns.mark(work.connection, step.return_, "closed_at", step.at)
                await work.write(Event(f"{step.return_} closed", "workflow", step.at))
                return await returns.next_version(work.connection, step.return_)

    async def record(
        self, name: str, message: ReturnMessage, *, sender: str, actor: str
    ) -> tuple[bool, list[wake.Wake]]:
        """Store a message about a return and apply it to its lines and the node's stock, in one transaction.

        Answers whether it is new, and the signals that workflows should hear. Raises `UnknownReturn` and
        `UsedWithAnotherBody`.
        """
        async with self._transactions.database.write() as connection:
            state = await returns.state(connection, name)
            body_digest = await personal.fingerprint(connection, message)
            received = _received(name, message, body_digest, sender, actor)
            if not await inbox.receive(connection, received):
                return False, []
            return True, await self._apply(connection, state.order, name, message, received)

    async def _apply(
        self, connection: WriteConnection, order_name: str, name: str, message: ReturnMessage, received: Received
    ) -> list[wake.Wake]:
        work = await self._transactions.on(connection, order_name)
        state = await returns.state(connection, name)
        heard = hear(state.lines, message)
        is_settled = message.kind is ReturnMessageKind.SETTLED
        cause = f"message {received.sender} {message.message_id}"
        event = Event(cause, received.actor, received.received_at, message.occurred_at)
        await returns.write_lines(connection, name, heard.lines)
        if is_settled:
            await returns.mark(connection, name, "settled_at", message.occurred_at)
        await personal.note(connection, order_name, None, message.reason)
        await self._restock(work, name, state, heard, message, event)
        if heard.misfits:
            detail = f"{message.kind} does not fit {name}: {'; '.join(heard.misfits)}"
            opened = [Opened(ExceptionCode.RETURN_MISFIT, detail, node=message.node)]
            await exception.open_all(connection, opened, order=order_name, cause=event.cause, at=event.occurred_at)
        is_news = is_settled and state.status not in (ReturnStatus.SETTLED, ReturnStatus.CLOSED)
        work.told += of_return(name, state.lines, heard.lines, state.resolution if is_news else None)
        told: dict[str, Any] = {"recorded": (await returns.next_version(connection, name)).model_dump(mode="json")}
        wakes = [await wake.add(connection, identifiers.return_workflow_id(name), order_name, RETURN_MESSAGE, told)]
        state_of_order = await work.write(event)
        return wakes if work.header.is_closed else [*wakes, await tell(work, state_of_order)]

    async def _restock(
        self, work: Work, name: str, state: ReturnState, heard: Heard, message: ReturnMessage, event: Event
    ) -> None:
        skus = {line.line: line.sku for line in state.lines}
        movements: list[Movement] = []
        for line, quantity in heard.restocked.items():
            restocked = Movement(
                MovementKind.RESTOCKED, message.node or "", skus[line], quantity, reference=f"{name}:{line}"
            )
            movements += explode(restocked, work.network.components(skus[line]))
        await stock.record(
            work.connection,
            movements,
            order=state.order,
            cause=event.cause,
            actor=event.actor,
            at=event.occurred_at,
            happened_at=event.happened_at,
        )


async def _refusal(work: Work, wished: dict[str, int]) -> str | None:
    """Why these units cannot be returned, or nothing."""
    delivered = {line.line: line.delivered for line in (await work.state()).lines}
    room = returnable(delivered, await returns.in_returns(work.connection, work.header.order))
    for line, quantity in wished.items():
        if line not in room:
            return f"the order has no line {line}"
        if quantity > room[line]:
            return f"line {line}: {quantity} wished, {room[line]} delivered and not in a return already"
    return None


def _received(name: str, message: ReturnMessage, body_digest: str, sender: str, actor: str) -> Received:
    return Received(
        sender=sender,
        message_id=message.message_id,
        about=name,
        kind=message.kind,
        body_digest=body_digest,
        occurred_at=message.occurred_at,
        received_at=datetime.now(UTC),
        actor=actor,
        facts=message.model_dump(mode="json", exclude={"reason"}, exclude_unset=True),
    )
