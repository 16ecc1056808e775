"""Records calls to nodes: those that were taken or failed, and an exception for work about which none is taken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from database import contact, exception
from database.documents import fulfillment
from database.exception import ClosingFact
from database.order import Event
from domain import units
from domain.fulfillment import RequestStatus
from domain.order import OrderState
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions import warehouse_notice
from transactions.transaction import OrderTransactions, Work

UNREACHABLE_AFTER = timedelta(minutes=2)
"""A call that failed for this long opens the exception `node_unreachable`, at its next failed try. Between two tries lie five
minutes at most, and two and a half at this age, so a person knows within five minutes."""


class CallInput(BaseModel):
    """The fulfillment order of a call to its node, and the reason for the call."""

    order: str
    fulfillment_order: str
    request: RequestStatus
    cancel_asked_at: datetime | None = None
    """The time of the cancel request that the call is about; None = the call is about no cancel request."""
    node: str | None = None
    """The node that is called; None in calls of older histories, whose node is in the fulfillment order."""
    at: datetime

    @property
    def message_id(self) -> str:
        """The same id for repeated calls: a crash or a new run of the workflow repeats a call."""
        which = f"-{self.cancel_asked_at:%Y%m%dT%H%M%S%f}" if self.cancel_asked_at else ""
        return f"{self.fulfillment_order}-{self.request}{which}"


async def not_needed(transactions: OrderTransactions, asked: CallInput) -> OrderState:
    """Record that a call was not made, because it is about nothing any more or its node polls from now on."""
    async with transactions.open(asked.order) as work:
        return await _settle(work, asked)


async def taken(transactions: OrderTransactions, asked: CallInput, node: str, answer: str) -> OrderState:
    """Record that the node took a call."""
    async with transactions.open(asked.order) as work:
        state = await _settle(work, asked)
        await contact.called(work.connection, node, answer, is_taken=True)
        return state


async def write_for_mailbox(transactions: OrderTransactions, asked: CallInput) -> OrderState:
    """Write the document about work for its node's mailbox, and record in the same transaction that it was sent. What is asked
    for no more is not written."""
    async with transactions.open(asked.order) as work:
        fo = work.order.fulfillment_orders[asked.fulfillment_order]
        if fo.request is asked.request and fo.needs_a_call:
            node, at = work.node(fo.fulfillment_order), datetime.now(UTC)
            document = await fulfillment.show(
                work.connection, work.active, node=node.id, fulfillment_order=fo.fulfillment_order
            )
            assert document is not None, "it is locked"
            written = await warehouse_notice.ask(work.connection, node, asked.message_id, document, at)
            await contact.called(work.connection, node.id, written, is_taken=True)
        return await _settle(work, asked)


async def failed(transactions: OrderTransactions, node: str, why: str) -> None:
    """Record that a call to a node failed."""
    async with transactions.database.at_once() as connection:
        await contact.called(connection, node, why, is_taken=False)


async def report(transactions: OrderTransactions, asked: CallInput, why: str) -> None:
    """Open the exception `node_unreachable` about a call that fails again and again: once for each call."""
    cause = f"unreachable {asked.message_id}"
    async with transactions.database.read() as connection:
        if await exception.was_opened(connection, ExceptionCode.NODE_UNREACHABLE, asked.order, cause):
            return
    async with transactions.open(asked.order) as work:
        fo = work.order.fulfillment_orders[asked.fulfillment_order]
        if fo.request is not asked.request or not fo.needs_a_call:
            return
        detail = f"{fo.node} does not take our call about {fo.fulfillment_order}: {why}"
        work.changes.opened.append(Opened(ExceptionCode.NODE_UNREACHABLE, detail, fo.fulfillment_order, fo.node))
        await work.notify(await work.write(Event(cause, "workflow", datetime.now(UTC))))


async def _settle(work: Work, asked: CallInput) -> OrderState:
    """New work is sent now; an exception about the call is over."""
    fo = work.order.fulfillment_orders[asked.fulfillment_order]
    if fo.request is RequestStatus.UNSENT:
        units.change_fulfillment_order(work.order, work.changes, replace(fo, request=RequestStatus.SENT))
        return await work.write(Event(f"call {fo.fulfillment_order}", "workflow", asked.at))
    about = (ExceptionCode.NODE_UNREACHABLE, fo.fulfillment_order)
    known = [one.exception for one in work.header.open_exceptions if (one.code, one.fulfillment_order) == about]
    if not known:
        return await work.current_state()
    event = Event(f"call {asked.message_id}", "workflow", datetime.now(UTC))
    await exception.close(work.connection, known, ClosingFact(event.cause, event.actor, event.occurred_at))
    return await work.write(event)
