"""Tells a person of returns and claims that have waited for somebody too long, and closes that when the wait is over."""

from datetime import UTC, datetime, timedelta

import structlog

from database import exception, silence
from database.order import Event
from database.silence import Silence
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

log = structlog.get_logger("silence")

SILENT_AFTER = timedelta(days=14)
"""How long a decision, a grading or the confirmation of a payment may take before a person is notified."""


async def look(transactions: OrderTransactions, orders_max: int) -> None:
    """Open an exception for each wait that has become too long, and close those of waits that are over."""
    async with transactions.database.read_once() as connection:
        found = await silence.begun(connection, SILENT_AFTER, orders_max)
        found += await silence.ended(connection, SILENT_AFTER, orders_max)
    for one in found:
        try:
            await _note(transactions, one)
        except Exception as error:
            log.exception("a silence could not be noted", about=one.about, reason=type(error).__name__)


async def _note(transactions: OrderTransactions, one: Silence) -> None:
    at = datetime.now(UTC)
    async with transactions.open(one.order) as work:
        cause = one.about
        if one.is_new:
            detail = f"{one.about}, for more than {SILENT_AFTER.days} days"
            work.changes.opened.append(Opened(ExceptionCode.RETURN_MISFIT, detail))
        else:
            begins = f"{one.order}|{one.about}|"
            await exception.close_caused_by(work.connection, one.order, ExceptionCode.RETURN_MISFIT, begins, at)
            cause = f"{one.about} no more"
        await work.notify(await work.write(Event(cause, "clock", at)))
