"""Does what was asked of an order (cancel, hold, release), gives up waiting for it, and closes it; each answer is stored with
the deed."""

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel
from temporalio import activity

from activities.failures import told_to_temporal
from activities.hold import place
from activities.transaction import OrderTransactions, Work
from database import cart, order, request
from database.order import Event
from domain import units
from domain.hold import by_request
from domain.order import CancelAnswer, CancelRequest, HoldRequest, OrderState


class RequestInput(BaseModel):
    """What is asked of an order: the id of the request's row, or what came straight from Temporal with its update's id."""

    order: str
    request: int | None
    kind: str
    facts: dict[str, Any]
    key: str
    at: datetime


class Moment(BaseModel):
    """Which order is meant, at which instant of its workflow's clock."""

    order: str
    at: datetime


class Refusal(BaseModel):
    """Why a request was refused."""

    reason: str
    answer: CancelAnswer | None = None


class Done(BaseModel):
    """What became of a request: the order's state, and the answer or the refusal."""

    state: OrderState
    answer: dict[str, Any] = {}
    refused: Refusal | None = None


async def stored_request(work: Work, asked: RequestInput) -> request.Request:
    """The request's row; one that came straight from Temporal is stored now, under its update's id."""
    if asked.request is not None:
        return await request.read(work.connection, asked.order, asked.kind, asked.request)
    content = json.dumps(asked.facts, sort_keys=True)
    return await request.keep(
        work.connection,
        order=asked.order,
        kind=asked.kind,
        asker="temporal",
        idempotency_key=f"{asked.order}:{asked.key}",
        body_digest=sha256(content.encode()).hexdigest(),
        facts=asked.facts,
        at=asked.at,
    )


class OrderActivities:
    """Requests on orders, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.cancel, self.hold, self.release_hold, self.look, self.give_up, self.close]

    @activity.defn
    async def cancel(self, asked: RequestInput) -> Done:
        """Cancel what can be cancelled, ask nodes for the rest, refuse what has shipped; asked twice, done once."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                known = await stored_request(work, asked)
                if known.answer is not None:
                    return _cancel_done(await work.news(), CancelAnswer.model_validate(known.answer))
                body = CancelRequest.model_validate(known.facts)
                wished = units.everything(work.order) if body.lines is None else units.sums(body.lines)
                answer = units.cancel(work.order, work.changes, wished, asked.at)
                if work.header.own and not work.order.waiting:  # it will not be sourced any more
                    await cart.hand_over(work.connection, asked.order, asked.at)
                await request.answer(work.connection, known.request_id, answer.model_dump(mode="json"))
                state = await work.write(Event(f"request {known.request_id}", "request", asked.at))
                return _cancel_done(state, answer)

    @activity.defn
    async def hold(self, asked: RequestInput) -> Done:
        """Place a named hold: what is not released yet stays here, pinned or back on its shelf, until it is off."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                known = await stored_request(work, asked)
                if known.answer is None:
                    body = HoldRequest.model_validate(known.facts)
                    await place(work, by_request(body.hold, work.network.policy), known.remark, asked.at)
                return await answered(work, known, asked.at, refused=None)

    @activity.defn
    async def release_hold(self, asked: RequestInput) -> Done:
        """Take a named hold off; the order goes on when it was the last one."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                known = await stored_request(work, asked)
                body = HoldRequest.model_validate(known.facts)
                refused = None
                if known.answer is None and not await order.release_hold(
                    work.connection, asked.order, body.hold, known.remark, asked.at
                ):
                    refused = f"no hold named {body.hold} stands"
                return await answered(work, known, asked.at, refused=refused)

    @activity.defn
    async def look(self, asked: Moment) -> OrderState:
        """The order's state, read now."""
        with told_to_temporal():
            async with self._transactions.database.read() as connection:
                return await order.state(connection, asked.order)

    @activity.defn
    async def give_up(self, asked: Moment) -> OrderState:
        """Cancel what was not released in time: all of it once `not_after` has come, before that what has waited for stock as
        long as its strategy lets it. A person is told."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                if not _give_up(work, asked.at):
                    return await work.news()
                cause = f"gave up waiting, version {work.header.version + 1}"
                return await work.write(Event(cause, "workflow", asked.at))

    @activity.defn
    async def close(self, asked: Moment) -> OrderState:
        """Close the order if nothing is left to be done and its return window is over; otherwise only tell its state."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                state = await work.news()
                if state.closed or state.closes_at is None or asked.at < state.closes_at:
                    return state
                await order.close(work.connection, asked.order, asked.at)
                return await work.write(Event("close", "workflow", asked.at))


def _give_up(work: Work, at: datetime) -> int:
    """How many units were given up."""
    if work.header.window_has_ended(at):
        return units.end_window(work.order, work.changes)
    return units.give_up_waiting(work.order, work.changes, at)


async def answered(
    work: Work, known: request.Request, at: datetime, *, refused: str | None, answer: dict[str, Any] | None = None
) -> Done:
    """Write what was done with its answer, once; a request that was answered before gets the same answer again."""
    if known.answer is None:
        stored = {"refused": refused} if refused else answer or {}
        await request.answer(work.connection, known.request_id, stored)
        state = await work.write(Event(f"request {known.request_id}", "request", at))
    else:
        stored, state = known.answer, await work.news()
    reason = stored.get("refused")
    return Done(state=state, answer={} if reason else stored, refused=Refusal(reason=reason) if reason else None)


def _cancel_done(state: OrderState, answer: CancelAnswer) -> Done:
    """Refused as a whole only when not one unit is cancelled or pending (CONTRACT §3)."""
    if answer.cancelled or answer.pending:
        return Done(state=state, answer=answer.model_dump(mode="json"))
    reason = "; ".join(sorted({units_.reason for units_ in answer.refused})) or "nothing is left to cancel"
    return Done(state=state, refused=Refusal(reason=reason, answer=answer))
