"""Calls nodes that do not poll: about new work, each cancel request, and work that timed out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity

from activities.errors import as_application_errors
from database.documents import fulfillment
from database.order import Event
from domain import units
from domain.fulfillment import RequestStatus
from domain.order import OrderState
from nodes.dispatch import Call
from nodes.kinds import KINDS
from runtime.outbound import CallFailed, Outbound
from transactions.transaction import OrderTransactions, Work

ANSWER_WITHIN = timedelta(seconds=10)


class CallInput(BaseModel):
    """The fulfillment order of a call to its node, and the reason for the call."""

    order: str
    fulfillment_order: str
    request: RequestStatus
    cancel_asked_at: datetime | None = None
    """The time of the cancel request that the call is about; None = the call is about no cancel request."""
    at: datetime

    @property
    def message_id(self) -> str:
        """The same id for repeated calls: a crash or a new run of the workflow repeats a call."""
        which = f"-{self.cancel_asked_at:%Y%m%dT%H%M%S%f}" if self.cancel_asked_at else ""
        return f"{self.fulfillment_order}-{self.request}{which}"


class NodeDidNotTakeIt(Exception):
    """The node's interface did not answer, or did not accept the call."""


class DispatchActivities:
    """Calls to nodes, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock.

        Nodes may have private addresses: the business names them itself, in its network directory.
        """
        self._transactions = transactions
        self._outbound = Outbound(allows_private_addresses=True)

    def activities(self) -> list[Callable[..., Any]]:
        """The activities that a worker registers."""
        return [self.call_node]

    @activity.defn
    async def call_node(self, asked: CallInput) -> OrderState:
        """Call the node, then record that it was called. A call that is repeated after a crash has the same message id."""
        with as_application_errors():
            made = await self._make(asked)
            if made is not None:
                await self._send(made)
            async with self._transactions.open(asked.order) as work:
                return await _note_sent(work, asked)

    async def _make(self, asked: CallInput) -> Call | None:
        """The call, or None when the request status has changed meanwhile."""
        async with self._transactions.database.read() as connection:
            document = await fulfillment.show(connection, node=None, fulfillment_order=asked.fulfillment_order)
            _, network = await self._transactions.networks.active(connection)
        if document is None or document["request"] != asked.request or _has_answered(document):
            return None
        node = network.node(document["node"])
        kind = KINDS[node.dispatch.kind]
        return kind.call(node.settings, asked.message_id, document, datetime.now(UTC))

    async def _send(self, made: Call) -> None:
        try:
            answer = await self._outbound.post(made.url, made.headers, made.body, within=ANSWER_WITHIN)
        except CallFailed as error:
            raise NodeDidNotTakeIt(str(error)) from None
        if not answer.is_success:
            raise NodeDidNotTakeIt(f"status {answer.status}")


def _has_answered(document: dict[str, Any]) -> bool:
    """Whether work that timed out has no unit in doubt any more."""
    is_in_doubt = any(line["in_doubt"] for line in document["lines"])
    return document["request"] == RequestStatus.TIMED_OUT and not is_in_doubt


async def _note_sent(work: Work, asked: CallInput) -> OrderState:
    fo = work.order.fulfillment_orders[asked.fulfillment_order]
    if fo.request is not RequestStatus.UNSENT:
        return await work.current_state()
    units.change_fulfillment_order(work.order, work.changes, replace(fo, request=RequestStatus.SENT))
    return await work.write(Event(f"call {asked.fulfillment_order}", "workflow", asked.at))
