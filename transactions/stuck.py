"""Opens an exception for a step that fails again and again, and closes it when the step works again.

The failed step was rolled back, so this is a transaction of its own. It needs nothing that the step needs but the order's row.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from database import exception, order
from domain.order import OrderState
from domain.reasons import WHAT_TO_DO, ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

ERROR_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Step:
    """Something that an order or one of its returns does; steps with the same subject never run at the same time."""

    order: str
    subject: str
    """The return, the fulfillment order, or the order."""
    fulfillment_order: str | None
    name: str
    """Of the activity or the job."""


async def report(transactions: OrderTransactions, step: Step, tries: int, error: BaseException, attempt: str) -> None:
    """Open `stuck` for a step that has failed this often; not while one is open. `attempt` names this very attempt.

    An order or a fulfillment order has one at a time.
    """
    detail = f"{step.name} of {step.subject} has failed {_often(tries)}: {_in_words(error)}. {_WHAT_TO_DO}"
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await order.lock(connection, step.order)
        if await exception.is_open(connection, step.order, ExceptionCode.STUCK, step.fulfillment_order):
            return
        opened = Opened(ExceptionCode.STUCK, detail, step.fulfillment_order)
        await exception.open_all(
            connection, [opened], order=step.order, cause=f"{_cause(step)} {attempt}", at=datetime.now(UTC)
        )
        await transaction.changed(step.order)


async def close(transactions: OrderTransactions, step: Step) -> OrderState | None:
    """Close the exceptions of a step's subject: it works again. Answers the order's new state; None when none was open."""
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await order.lock(connection, step.order)
        begins = f"{step.order}|{_cause(step)} "
        at = datetime.now(UTC)
        is_closed = await exception.close_caused_by(connection, step.order, ExceptionCode.STUCK, begins, at)
        return await transaction.changed(step.order) if is_closed else None


def _often(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"


def _cause(step: Step) -> str:
    return f"stuck {step.subject}"


def _in_words(error: BaseException) -> str:
    """The kind of error and the first line of its text; the other lines may hold values that are personal."""
    first = next(iter(str(error).splitlines()), "").strip()
    return f"{type(error).__name__}: {first}"[:ERROR_LENGTH_MAX].removesuffix(": ")


_WHAT_TO_DO = WHAT_TO_DO[ExceptionCode.STUCK]
