"""What is asked once is answered once: a request is stored with its answer, and asked again it is answered from there.

Over HTTP the idempotency key says that it is the same request, in Temporal the id of the update.
"""

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from database import address, personal, request
from database.connect import WriteConnection
from database.order import Event
from database.request import Request
from domain.order import OrderState
from domain.request import AddressRequest, CancelAnswer
from domain.units import Impossible
from transactions.sourcing import CLAIM_TRIES_MAX, StockTaken
from transactions.transaction import OrderTransactions, Work

Answer = dict[str, Any]
"""What is stored of what was done: `{"refused": REASON}` when it was not done; a cancel answers with three lists of units."""


class RequestRefused(Exception):
    """What was asked for is not done; this answer is stored as well."""

    def __init__(self, reason: str, units: dict[str, Any] | None = None) -> None:
        """`units` says for each unit why, where units were named."""
        super().__init__(reason)
        self.units = units


class Body(Protocol):
    """The body of a request names who asks, where that is somebody else than the holder of the key, and why."""

    @property
    def actor(self) -> str | None:
        """Who asks; None = the holder of the key."""

    @property
    def reason(self) -> str | None:
        """Why; None = no reason was given."""


AnyBody = TypeVar("AnyBody", bound=Body, covariant=True)


@dataclass(frozen=True, slots=True)
class Asked(Generic[AnyBody]):
    """What somebody asks for over HTTP; with an idempotency key it is the same request each time it comes."""

    about: str
    """The order, return, exception, node, SKU or channel that is to change."""
    body: AnyBody
    actor: str
    """Whose key was shown."""
    idempotency_key: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


async def store(
    connection: WriteConnection,
    asked: Asked[Body],
    kind: str,
    facts: dict[str, Any],
    *,
    order: str | None = None,
    subject: str | None = None,
) -> Request:
    """Store a request, or find it with its answer when it is here already; `facts` is its body without personal data.

    `subject` is what it is about beside the order and the kind: the same key for another one is another request. Raises
    `UsedForAnotherRequest`.
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
    """Store a request and its answer with what is done for it, in the caller's transaction; answered before, nothing is done.

    Read the answer with `granted` after the commit: a refusal is stored, too. Raises `UsedForAnotherRequest`.
    """
    kept = await store(connection, asked, kind, facts, order=order, subject=subject)
    if kept.answer is not None:
        return kept.answer
    answer = await doing(kept)
    await request.answer(connection, kept.request_id, answer)
    return answer


def granted(answer: Answer) -> Answer:
    """The answer to a request that was granted, if only in part. Raises `RequestRefused`."""
    if refusal := refusal_of(answer):
        raise RequestRefused(refusal.reason, refusal.answer.model_dump(mode="json") if refusal.answer else None)
    return answer


def _reasons(body: Body) -> str | None:
    """Everything that was typed as a reason, with the line it was typed for."""
    lines = [line for line in getattr(body, "lines", None) or () if getattr(line, "reason", None)]
    reasons = [body.reason, *(f"line {line.line}: {line.reason}" for line in lines)]
    return "; ".join(filter(None, reasons)) or None


async def keep_for_workflow(
    transactions: OrderTransactions, asked: Asked[Body], kind: str, facts: dict[str, Any]
) -> Request:
    """Store a request that the workflow of an order is to answer; an address is sealed beside it.

    Raises `UsedForAnotherRequest`.
    """
    async with transactions.begin() as transaction:
        kept = await store(transaction.connection, asked, kind, facts, order=asked.about)
        if isinstance(asked.body, AddressRequest):
            await address.keep(transaction.connection, kept.request_id, asked.about, asked.body.ship_to)
        return kept


class RequestInput(BaseModel):
    """What is asked of an order: the id of the request's row, or what came straight from Temporal with its update's id."""

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
    """What became of a request: the order's state, and the answer or the refusal."""

    state: OrderState
    answer: dict[str, Any] = {}
    refused: Refusal | None = None


Doing = Callable[[Work, Request], Awaitable[Answer]]
"""Does what was asked of an order and answers it."""


async def done_once(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """Do what is asked of an order and store the answer with it; asked again, only answer it again."""
    async with transactions.open(asked.order) as work:
        known = await _stored(work, asked)
        if known.answer is not None:
            return _done(await work.current_state(), known.answer)
        answer = await doing(work, known)
        await request.answer(work.connection, known.request_id, answer)
        return _done(await work.write(Event(f"request {known.request_id}", "request", asked.at)), answer)


async def planned_once(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """The same for what needs a plan: it is planned again while others are quicker, and done as a whole or refused.

    `doing` raises `Impossible` and `StockTaken`. The refusal has a transaction of its own: the first one takes back
    whatever was begun.
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


def _done(state: OrderState, answer: Answer) -> Done:
    refusal = refusal_of(answer)
    return Done(state=state, answer={} if refusal else answer, refused=refusal)


def refusal_of(answer: Answer) -> Refusal | None:
    """Why a request was refused as a whole; None = it was granted. A cancel is refused when no unit is cancelled or pending."""
    match answer:
        case {"refused": str(reason)}:
            return Refusal(reason=reason)
        case {"cancelled": [], "pending": [], "refused": [*_]}:
            units = CancelAnswer.model_validate(answer)
            reasons = sorted({unit.reason for unit in units.refused})
            return Refusal(reason="; ".join(reasons) or "nothing is left to cancel", answer=units)
    return None
