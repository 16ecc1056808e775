"""Calls nodes that do not poll: about new work, each cancel request, and work that timed out.

A node that is slow or gone holds up nobody else: a call has one deadline, a host gets so many at once, and a node that took
none of its last calls gets one trial call now and then. What is refused here counts as a failed try of its activity.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from temporalio import activity

from activities.errors import as_application_errors
from database.documents import fulfillment
from domain.fulfillment import RequestStatus
from domain.order import OrderState
from nodes.dispatch import Call, Document
from nodes.kinds import KINDS
from runtime.breaker import AtOnce, Breaker
from runtime.outbound import CallFailed, Outbound
from transactions import contact
from transactions.contact import CallInput
from transactions.transaction import OrderTransactions

ANSWER_WITHIN = timedelta(seconds=10)
FAILURES_MAX = 5
"""After so many failures in a row a node rests."""
REST = ANSWER_WITHIN
"""How long a node rests before the next trial call, so that a silent node has one call at a time."""
CALLS_TO_A_HOST_MAX = 10
"""Calls under way to one host, whatever number of nodes it serves."""
DATABASE_TURNS_MAX = 5
"""Connections to PostgreSQL that calls use at once; the others of the process are for transactions."""

REASONS = {
    "TimeoutError": f"no answer within {ANSWER_WITHIN.seconds} seconds",
    "ConnectError": "no connection",
    "gaierror": "its name leads to no address",
}
"""What is said of the failures that a person often meets."""


class NodeDidNotTakeIt(Exception):
    """The node's interface did not answer, did not accept the call, or is not called for a moment."""


class DispatchActivities:
    """Calls to nodes, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock.

        Nodes may have private addresses: the business names them itself, in its network directory.
        """
        self._transactions = transactions
        self._outbound = Outbound(allows_private_addresses=True)
        self._breaker = Breaker(FAILURES_MAX, REST)
        self._at_once = AtOnce(CALLS_TO_A_HOST_MAX)
        self._turns = asyncio.Semaphore(DATABASE_TURNS_MAX)

    def activities(self) -> list[Callable[..., Any]]:
        """The activities that a worker registers."""
        return [self.call_node]

    def close(self) -> None:
        """Forget the look-ups that have not begun."""
        self._outbound.close()

    @activity.defn
    async def call_node(self, asked: CallInput) -> OrderState:
        """Call the node, then record that it was called. A call that is repeated after a crash has the same message id."""
        with as_application_errors():
            try:
                return await self._call(asked)
            except NodeDidNotTakeIt as error:
                about = activity.info()
                if about.current_attempt_scheduled_time - about.scheduled_time >= contact.UNREACHABLE_AFTER:
                    async with self._turns:
                        await contact.report(self._transactions, asked, str(error))
                raise

    async def _call(self, asked: CallInput) -> OrderState:
        if asked.node:
            self._refuse_while_it_rests(asked.node)  # before anything is read: many orders may wait for this node
        async with self._turns:
            made = await self._make(asked)
            if made is None:
                return await contact.not_needed(self._transactions, asked)
            node, call = made
            if isinstance(call, Document):
                return await contact.write_for_mailbox(self._transactions, asked)
        if not asked.node:
            self._refuse_while_it_rests(node)
        with self._place_at(call):
            answer = await self._send(node, call)
        async with self._turns:
            return await contact.taken(self._transactions, asked, node, answer)

    async def _make(self, asked: CallInput) -> tuple[str, Call | Document] | None:
        """The node and the call, or None when the request status has changed meanwhile or the node polls."""
        async with self._transactions.database.read() as connection:
            _, network = await self._transactions.networks.active(connection)
            document = await fulfillment.show(connection, network, node=None, fulfillment_order=asked.fulfillment_order)
        if document is None or document["request"] != asked.request or _has_answered(document):
            return None
        node = network.node(document["node"])
        kind = KINDS[node.dispatch.kind]
        call = kind.call(node.settings, asked.message_id, document, datetime.now(UTC))
        return None if call is None else (node.id, call)

    def _refuse_while_it_rests(self, node: str) -> None:
        if not self._breaker.admits(node):
            raise NodeDidNotTakeIt("it took none of the last calls, and is called again in a moment")

    @contextmanager
    def _place_at(self, call: Call) -> Iterator[None]:
        with self._at_once.one_more(urlsplit(call.url).netloc) as has_place:
            if not has_place:
                raise NodeDidNotTakeIt(f"{CALLS_TO_A_HOST_MAX} calls to its host are under way")
            yield

    async def _send(self, node: str, call: Call) -> str:
        """Send a call, and return the answer in words."""
        try:
            answer = await self._outbound.send("POST", call.url, call.headers, call.body, within=ANSWER_WITHIN)
        except CallFailed as error:
            why = REASONS.get(str(error), str(error))
        else:
            why = f"status {answer.status}"
            if answer.is_success:
                self._breaker.succeeded(node)
                return why
        self._breaker.failed(node)
        async with self._turns:
            await contact.failed(self._transactions, node, why)
        raise NodeDidNotTakeIt(why)


def _has_answered(document: dict[str, Any]) -> bool:
    """Whether work that timed out has no unit in doubt any more."""
    is_in_doubt = any(line["in_doubt"] for line in document["lines"])
    return document["request"] == RequestStatus.TIMED_OUT and not is_in_doubt
