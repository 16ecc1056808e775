"""Resolves exceptions, gives them to their owners, and tells again what nobody has seen to.

Resolved, a person has seen to what could not go on by itself, and what waited for him goes on.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from database import exception
from database.connect import WriteConnection
from database.exception import Known
from database.order import Event
from database.request import Request
from domain import units
from domain.deadlines import after_the_call, told
from domain.reasons import ExceptionCode
from domain.request import AssignRequest, ResolveRequest, Seen
from domain.units import Opened
from transactions.request import Answer, Asked, Body, Done, RequestInput, answered_once, done_once, granted
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("exception")


class UnknownException(LookupError):
    """No exception has this id."""


_Doing = Callable[[WriteConnection, Known, Request], Awaitable[str | None]]
"""Does what was asked of an exception; or the reason why it is not done."""


async def resolve(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Close an exception of an order, open or closed, and let what waited for a person go on."""

    async def doing(work: Work, known: Request) -> Answer:
        return _answer(await _resolve(work, known, asked.at))

    return await done_once(transactions, asked, doing)


async def resolve_of_no_order(transactions: OrderTransactions, asked: Asked[Seen]) -> None:
    """Close an exception that belongs to a node and to no order.

    Raises `UnknownException`, `RequestRefused`, and `UsedForAnotherRequest` when the idempotency key was.
    """
    await _do(transactions, asked, "resolve", {}, _close)


async def assign(transactions: OrderTransactions, asked: Asked[AssignRequest]) -> None:
    """Give an exception, whether or not it belongs to an order, to another owner. Raises as `resolve_of_no_order`."""

    async def give(connection: WriteConnection, found: Known, kept: Request) -> str | None:
        is_open = await exception.assign(connection, found.exception, asked.body.owner, kept.remark)
        return None if is_open else f"{found.exception} was resolved before"

    await _do(transactions, asked, "assign", {"owner": asked.body.owner}, give)


async def _do(
    transactions: OrderTransactions, asked: Asked[Body], kind: str, facts: dict[str, Any], doing: _Doing
) -> None:
    async with transactions.begin() as transaction:
        connection = transaction.connection
        found = await exception.find(connection, asked.about)
        if found is None:
            raise UnknownException(asked.about)

        async def answer(kept: Request) -> Answer:
            return _answer(await doing(connection, found, kept))

        facts = {"exception": asked.about} | facts
        answered = await answered_once(connection, asked, kind, facts, answer, order=found.order, subject=asked.about)
    granted(answered)


def _answer(refused: str | None) -> Answer:
    return {"refused": refused} if refused else {}


async def escalate(transactions: OrderTransactions) -> None:
    """Tell once more, in the log and in the queue, what nobody has resolved for as long as the policy bears."""
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        after = network.policy.exceptions.escalate_after
        found = [] if after is None else await exception.escalate(connection, after)
    for one in found:
        log.warning("an exception still needs a person", **one)


async def tell_what_waits_too_long(transactions: OrderTransactions, orders_max: int) -> None:
    """Open an exception for each order that was promised to leave soon and of which units wait."""
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
        before = network.policy.orders.at_risk_before
        found = [] if before is None else await exception.orders_waiting_too_long(connection, before, orders_max)
    for order, ship_by in found:
        await _tell_or_pass(transactions, order, ship_by)


async def _tell_or_pass(transactions: OrderTransactions, order: str, ship_by: datetime) -> None:
    """One order that cannot be told of must not keep all others from it; it is tried again."""
    try:
        await _tell_what_waits(transactions, order, ship_by)
    except Exception as error:
        log.exception("an order at risk could not be told of", order=order, reason=type(error).__name__)


async def _tell_what_waits(transactions: OrderTransactions, order: str, ship_by: datetime) -> None:
    async with transactions.open(order) as work:
        if work.header.is_closed or not work.order.has_unreleased:
            return
        detail = f"units of it wait, and it was promised to leave by {told(ship_by)}"
        work.changes.opened.append(Opened(ExceptionCode.AT_RISK, detail))
        await work.notify(await work.write(Event("waits too long", "clock", datetime.now(UTC))))


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
    waits_for_this = found.code is ExceptionCode.PICKUP and found.fulfillment_order is None
    if found.code is ExceptionCode.UNFILLED or waits_for_this:
        units.source_again(work.order)
    elif found.fulfillment_order and found.is_latest:
        _end_the_silence(work, found, found.fulfillment_order, at)
    return None


def _end_the_silence(work: Work, found: Known, fulfillment_order: str, at: datetime) -> None:
    before = work.order.fulfillment_orders[fulfillment_order]
    after = after_the_call(before, found.code, at)
    if after is not before:
        units.change_fulfillment_order(work.order, work.changes, after)
