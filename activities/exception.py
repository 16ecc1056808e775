"""Resolves exceptions: a person has seen to what could not go on by itself, and what waited for him goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.failures import told_to_temporal
from activities.order import Done, RequestInput, answered, stored_request
from activities.transaction import OrderTransactions, Work
from database import exception, personal, request
from database.connect import WriteConnection
from database.exception import Known
from database.request import Request
from domain import units
from domain.order import ResolveRequest
from domain.patience import after_the_call
from domain.reasons import ExceptionCode


class UnknownException(LookupError):
    """No exception has this id."""


class NotToBeResolved(Exception):
    """The exception is resolved already, or is its order's to resolve."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody has seen to an exception of no order; `asker` is the id of the key, `actor` who is meant by it."""

    body: ResolveRequest
    asker: str
    actor: str
    idempotency_key: str | None


class ExceptionActivities:
    """The resolving of exceptions, with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.resolve]

    @activity.defn
    async def resolve(self, asked: RequestInput) -> Done:
        """Close an exception of an order, open or closed, and let what waited for a person go on."""
        with told_to_temporal():
            async with self._transactions.open(asked.order) as work:
                known = await stored_request(work, asked)
                refused = await _resolve(work, known, asked.at) if known.answer is None else None
                return await answered(work, known, asked.at, refused=refused)

    async def resolve_of_no_order(self, asked: Asked) -> None:
        """Close an exception that belongs to a node and to no order.

        Raises `UnknownException`, `NotToBeResolved`, and `UsedForAnotherRequest` when the idempotency key was.
        """
        async with self._transactions.database.write() as connection:
            found = await exception.find(connection, asked.body.exception)
            if found is None:
                raise UnknownException(asked.body.exception)
            kept = await _keep(connection, asked)
            answer = kept.answer
            if answer is None:
                refused = await _close(connection, found, kept)
                answer = {"refused": refused} if refused else {}
                await request.answer(connection, kept.request_id, answer)
        if reason := answer.get("refused"):
            raise NotToBeResolved(reason)


async def _keep(connection: WriteConnection, asked: Asked) -> Request:
    return await request.keep(
        connection,
        order=None,
        kind="resolve",
        asker=asked.asker,
        idempotency_key=asked.idempotency_key,
        body_digest=await personal.fingerprint(connection, asked.body),
        facts={"exception": asked.body.exception},
        actor=asked.body.actor or asked.actor,
        reason=asked.body.reason,
        at=datetime.now(UTC),
    )


async def _close(connection: WriteConnection, found: Known, kept: Request) -> str | None:
    """Close an exception of no order; or the reason why it is not closed here."""
    if found.order is not None:
        return f"{found.exception} belongs to order {found.order}: resolve it there"
    is_closed_now = await exception.resolve(connection, found.exception, kept.remark, datetime.now(UTC))
    return None if is_closed_now else f"{found.exception} was resolved before"


async def _resolve(work: Work, known: Request, at: datetime) -> str | None:
    """Close an exception of the order and note what follows; or the reason why it cannot be closed."""
    name = ResolveRequest.model_validate(known.facts).exception
    found = await exception.find(work.connection, name)
    if found is None or found.order != work.header.order:
        return f"the order has no exception {name}"
    if not found.is_open:
        return f"{name} was resolved before"
    await exception.resolve(work.connection, name, known.remark, at)
    if found.code is ExceptionCode.UNFILLED:
        units.source_again(work.order)
    elif found.fulfillment_order and found.is_latest:
        _end_the_silence(work, found, found.fulfillment_order, at)
    return None


def _end_the_silence(work: Work, found: Known, fulfillment_order: str, at: datetime) -> None:
    before = work.order.fulfillment_orders[fulfillment_order]
    after = after_the_call(before, found.code, at)
    if after is not before:
        units.change_fulfillment_order(work.order, work.changes, after)
