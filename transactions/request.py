"""A request is carried out once: it is stored with its answer, and a repeated request gets the stored answer.

Requests over HTTP are recognised by their idempotency key, requests in Temporal by the id of the update.
"""

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from database import address, details, personal, request
from database.connect import WriteConnection
from database.order import Event
from database.request import Request
from domain.order import OrderState
from domain.request import AddressRequest, CancelAnswer, LinesRequest, ReturnRequest
from domain.transfer import POSSIBLE_REQUESTS
from domain.units import Impossible
from transactions.sourcing import CLAIM_TRIES_MAX, StockTaken
from transactions.transaction import OrderTransactions, Work

Answer = dict[str, Any]
"""The stored answer to a request: `{"refused": REASON}` when it was refused; a cancel answers with three lists of units."""


class RequestRefused(Exception):
    """The request was refused; this answer is stored as well."""

    def __init__(self, reason: str, units: dict[str, Any] | None = None) -> None:
        """`units` gives the reason for each unit, where the request named units."""
        super().__init__(reason)
        self.units = units


class Body(Protocol):
    """The body of a request: who makes it, where that is not the holder of the key, and why."""

    @property
    def actor(self) -> str | None:
        """Who makes the request; None = the holder of the key."""

    @property
    def reason(self) -> str | None:
        """The reason; None = no reason was given."""


AnyBody = TypeVar("AnyBody", bound=Body, covariant=True)


@dataclass(frozen=True, slots=True)
class Asked(Generic[AnyBody]):
    """A request over HTTP. Requests with the same idempotency key are one request."""

    about: str
    """The order, return, exception, node, SKU or channel that the request changes."""
    body: AnyBody
    actor: str
    """The holder of the key that was used."""
    idempotency_key: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class NotAllowed(Exception):
    """An operator decided this, and only an operator may undo it; nothing was stored."""


async def store(
    connection: WriteConnection,
    asked: Asked[Body],
    kind: str,
    facts: dict[str, Any],
    *,
    order: str | None = None,
    subject: str | None = None,
) -> Request:
    """Store a request, or find it with its answer when it is stored already; `facts` is its body without personal data.

    `subject` names what the request is about beside the order and the kind. Raises `UsedForAnotherRequest` when the same key
    was used with another body or subject.
    """
    assert isinstance(asked.body, BaseModel), "bodies of requests are models"
    digest = await personal.fingerprint(connection, asked.body)
    return await request.keep(
        connection,
        order=order,
        kind=kind,
        asker=asked.actor,
        idempotency_key=asked.idempotency_key,
        body_digest=digest if subject is None else f"{subject} {digest}",
        facts=facts,
        actor=asked.body.actor or asked.actor,
        reason=_reasons(asked.body),
        at=asked.at,
    )


async def answered_once(
    connection: WriteConnection,
    asked: Asked[Body],
    kind: str,
    facts: dict[str, Any],
    doing: Callable[[Request], Awaitable[Answer]],
    *,
    order: str | None = None,
    subject: str | None = None,
) -> Answer:
    """Store a request, carry it out with `doing` and store the answer, in the caller's transaction. If it has an answer
    already, return that.

    Read the answer with `granted` after the commit: a refusal is stored, too. Raises `UsedForAnotherRequest`.
    """
    kept = await store(connection, asked, kind, facts, order=order, subject=subject)
    if kept.answer is not None:
        return kept.answer
    answer = await doing(kept)
    await request.answer(connection, kept.request_id, answer)
    return answer


def granted(answer: Answer) -> Answer:
    """The answer to a request that was granted, wholly or in part. Raises `RequestRefused`."""
    if refusal := refusal_of(answer):
        raise RequestRefused(refusal.reason, refusal.answer.model_dump(mode="json") if refusal.answer else None)
    return answer


def _reasons(body: Body) -> str | None:
    """All reasons of a body as one text; the reason of a line is preceded by the line."""
    lines = [line for line in getattr(body, "lines", None) or () if getattr(line, "reason", None)]
    reasons = [body.reason, *(f"line {line.line}: {line.reason}" for line in lines)]
    return "; ".join(filter(None, reasons)) or None


async def keep_for_workflow(
    transactions: OrderTransactions, asked: Asked[Body], kind: str, facts: dict[str, Any]
) -> Request:
    """Store a request that the order's workflow will answer; an address is sealed and stored beside it.

    Raises `UsedForAnotherRequest`.
    """
    async with transactions.begin() as transaction:
        return await keep(transaction.connection, asked, kind, facts)


async def keep(connection: WriteConnection, asked: Asked[Body], kind: str, facts: dict[str, Any]) -> Request:
    """Store a request for an order with the address that it names, in the caller's transaction."""
    kept = await store(connection, asked, kind, facts, order=asked.about)
    if isinstance(asked.body, LinesRequest):
        await details.keep(connection, kept.request_id, asked.about, asked.body.lines)
    if isinstance(asked.body, AddressRequest | ReturnRequest) and asked.body.ship_to is not None:
        await address.keep(connection, kept.request_id, asked.about, asked.body.ship_to)
    return kept


class RequestInput(BaseModel):
    """A request for an order: the id of its row, or the facts and the update id when it came directly through Temporal."""

    order: str
    request: int | None
    kind: str
    facts: dict[str, Any]
    key: str
    at: datetime


class Refusal(BaseModel):
    """Why a request was refused."""

    reason: str
    answer: CancelAnswer | None = None


class Done(BaseModel):
    """The result of a request: the order's state, and the answer or the refusal."""

    state: OrderState
    answer: dict[str, Any] = {}
    refused: Refusal | None = None


Doing = Callable[[Work, Request], Awaitable[Answer]]
"""Carries out a request for an order and returns the answer."""


async def done_once(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """Carry out a request for an order and store the answer with it; a repeated request gets the stored answer."""
    async with transactions.open(asked.order) as work:
        known = await _stored(work, asked)
        if known.answer is not None:
            return _done(await work.current_state(), known.answer)
        answer = refused_of_a_transfer(work, asked.kind) or await doing(work, known)
        await request.answer(work.connection, known.request_id, answer)
        return _done(await work.write(Event(f"request {known.request_id}", "request", asked.at)), answer)


def refused_of_a_transfer(work: Work, kind: str) -> Answer | None:
    """The answer to a request that only a customer's order can be asked; None = it is none, or this is no transfer."""
    if work.header.to_node is None or kind in POSSIBLE_REQUESTS:
        return None
    return {
        "refused": f"{work.header.order} is a transfer between nodes: it can be cancelled, held, released and resolved"
    }


async def planned_once(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """As `done_once`, for a request that needs a plan: it is planned again while other orders take its stock, and carried out
    as a whole or refused.

    `doing` raises `Impossible` and `StockTaken`. The refusal is stored in a transaction of its own: the first one is rolled
    back.
    """
    for _ in range(CLAIM_TRIES_MAX):
        with contextlib.suppress(StockTaken):
            try:
                return await done_once(transactions, asked, doing)
            except Impossible as error:
                return await done_once(transactions, asked, _refuse(str(error)))
    raise StockTaken(asked.order)


def _refuse(reason: str) -> Doing:
    async def refuse(_: Work, __: Request) -> Answer:
        return {"refused": reason}

    return refuse


async def _stored(work: Work, asked: RequestInput) -> Request:
    """The request's row; a request that came directly through Temporal is stored now, under its update's id."""
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


def _done(state: OrderState, answer: Answer) -> Done:
    refusal = refusal_of(answer)
    return Done(state=state, answer={} if refusal else answer, refused=refusal)


def refusal_of(answer: Answer) -> Refusal | None:
    """Why a request was refused as a whole; None = it was granted. A cancel is refused if no unit is cancelled or pending."""
    match answer:
        case {"refused": str(reason)}:
            return Refusal(reason=reason)
        case {"cancelled": [], "pending": [], "refused": [*_]}:
            units = CancelAnswer.model_validate(answer)
            reasons = sorted({unit.reason for unit in units.refused})
            return Refusal(reason="; ".join(reasons) or "nothing is left to cancel", answer=units)
    return None
