"""Resolves exceptions, assigns them to owners, and escalates those that stay open too long.

When a person resolves an exception, the units that waited for it continue.
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
from domain.deadlines import after_the_call, utc_text
from domain.reasons import ExceptionCode
from domain.request import AssignRequest, ResolveRequest, Seen
from domain.units import Opened
from transactions.request import Answer, Asked, Body, Done, RequestInput, answered_once, done_once, granted
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("exception")


class UnknownException(LookupError):
    """No exception has this id."""


_Doing = Callable[[WriteConnection, Known, Request], Awaitable[str | None]]
"""Carries out a request for an exception; returns the reason when it is refused."""


async def resolve(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Resolve an exception of an open or closed order; the units that waited for it continue."""

    async def doing(work: Work, known: Request) -> Answer:
        return _answer(await _resolve(work, known, asked.at))

    return await done_once(transactions, asked, doing)


async def resolve_of_no_order(transactions: OrderTransactions, asked: Asked[Seen]) -> None:
    """Resolve an exception that belongs to a node and to no order.

    Raises `UnknownException`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    await _do(transactions, asked, "resolve", {}, _close)


async def assign(transactions: OrderTransactions, asked: Asked[AssignRequest]) -> None:
    """Assign an exception, of an order or of none, to another owner. Raises as `resolve_of_no_order`."""

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
    """Escalate, in the log and in the queue, the exceptions that are open longer than the policy allows."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
    after, found = network.policy.exceptions.escalate_after, []
    if after is not None:
        async with transactions.database.write() as connection:
            found = await exception.escalate(connection, after)
    for one in found:
        log.warning("an exception still needs a person", **one)


async def tell_what_waits_too_long(transactions: OrderTransactions, orders_max: int) -> None:
    """Open an exception for each order with waiting units whose promised ship date is near."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
        before = network.policy.orders.at_risk_before
        found = [] if before is None else await exception.orders_waiting_too_long(connection, before, orders_max)
    for order, ship_by in found:
        await _report_or_log(transactions, order, ship_by)


async def _report_or_log(transactions: OrderTransactions, order: str, ship_by: datetime) -> None:
    """Log a failure and continue: one order must not block the others. It is tried again later."""
    try:
        await _report_at_risk(transactions, order, ship_by)
    except Exception as error:
        log.exception("an order at risk could not be reported", order=order, reason=type(error).__name__)


async def _report_at_risk(transactions: OrderTransactions, order: str, ship_by: datetime) -> None:
    async with transactions.open(order) as work:
        if work.header.is_closed or not work.order.has_unreleased:
            return
        detail = f"units of it wait, and it must ship by {utc_text(ship_by)}"
        work.changes.opened.append(Opened(ExceptionCode.AT_RISK, detail))
        await work.notify(await work.write(Event("waits too long", "clock", datetime.now(UTC))))


async def _close(connection: WriteConnection, found: Known, kept: Request) -> str | None:
    """Close an exception of no order; returns the reason when it is refused."""
    if found.order is not None:
        return f"{found.exception} belongs to order {found.order}: resolve it there"
    is_closed_now = await exception.resolve(connection, found.exception, kept.remark, datetime.now(UTC))
    return None if is_closed_now else f"{found.exception} was resolved before"


async def _resolve(work: Work, known: Request, at: datetime) -> str | None:
    """Close an exception of the order and let its units continue; returns the reason when it is refused."""
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
