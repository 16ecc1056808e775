"""Pauses a node in trouble and resumes it: nothing new is sourced from it, and its open work stays or goes elsewhere.

A pause is a row that every sourcing round reads with its shelves. What is to be taken from the node is taken in the background,
order by order, each in a transaction of its own; it may stop at any moment and begin again, here or in another process.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from database import pause, personal, request, stock
from database.connect import WriteConnection
from database.order import Event
from database.request import Request
from domain import units
from domain.pause import Paused, PauseRequest, ResumedNode, ResumeRequest
from transactions.transaction import OrderTransactions

log = structlog.get_logger("pause")


class UnknownNode(LookupError):
    """The network has no node of this name."""


class NotPaused(Exception):
    """There is nothing to resume: the node is not paused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody wants a node paused or resumed; `actor` is whose key was shown."""

    node: str
    body: PauseRequest | ResumeRequest
    actor: str
    idempotency_key: str | None


class Pauses:
    """Pauses of nodes, with their collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions
        self._stuck: dict[str, set[str]] = {}
        """By node, the orders that could not be taken from it when all others were tried."""

    async def pause(self, asked: Asked, body: PauseRequest) -> Paused:
        """Pause a node; one that is paused stays so, and does what was said last with its open work.

        Raises `UnknownNode`, and `UsedForAnotherRequest` when the idempotency key was.
        """
        async with self._transactions.database.write() as connection:
            kept = await self._keep(connection, "pause", asked)
            if kept.answer is not None:
                return Paused.model_validate(kept.answer)
            since = await pause.stand(connection, asked.node, body.open_work, kept.remark)
            answer = Paused(node=asked.node, since=since, open_work=body.open_work)
            await request.answer(connection, kept.request_id, answer.model_dump(mode="json"))
            return answer

    async def resume(self, asked: Asked) -> ResumedNode:
        """Resume a node; what it has is offered to the orders that wait. Raises as `pause`, and `NotPaused`."""
        async with self._transactions.database.write() as connection:
            kept = await self._keep(connection, "resume_node", asked)
            answer = kept.answer
            if answer is None:
                answer = await _lift(connection, asked.node, kept)
                await request.answer(connection, kept.request_id, answer)
        if reason := answer.get("refused"):
            raise NotPaused(reason)
        return ResumedNode.model_validate(answer)

    async def _keep(self, connection: WriteConnection, kind: Literal["pause", "resume_node"], asked: Asked) -> Request:
        _, network = await self._transactions.networks.active(connection)
        if asked.node not in network.nodes:
            raise UnknownNode(asked.node)
        return await request.keep(
            connection,
            order=None,
            kind=kind,
            asker=asked.actor,
            idempotency_key=asked.idempotency_key,
            body_digest=f"{asked.node} {await personal.fingerprint(connection, asked.body)}",
            facts={"node": asked.node},
            actor=asked.body.actor or asked.actor,
            reason=asked.body.reason,
            at=datetime.now(UTC),
        )

    async def clear(self, orders_max: int) -> None:
        """Take open work from the paused nodes that are to lose it, so many orders a node."""
        async with self._transactions.database.read() as connection:
            nodes = await pause.to_clear(connection)
        for node in nodes:
            await self._clear(node, orders_max)

    async def _clear(self, node: str, orders_max: int) -> None:
        stuck = self._stuck.setdefault(node, set())
        async with self._transactions.database.write() as connection:
            orders = await pause.open_work(connection, node, orders_max, except_for=stuck)
            if not orders and not stuck:
                await pause.cleared(connection, node)
        if not orders:
            stuck.clear()
        for order in orders:
            await self._take_or_pass(order, node)

    async def _take_or_pass(self, order: str, node: str) -> None:
        """One order that cannot be taken from the node must not keep the others there; it is tried again after all of them."""
        try:
            await self._take(order, node)
        except Exception as error:
            log.exception("an order stays at a paused node", order=order, node=node, reason=type(error).__name__)
            self._stuck[node].add(order)

    async def _take(self, order: str, node: str) -> None:
        async with self._transactions.open(order) as work:
            at = datetime.now(UTC)
            is_still_to_clear = node in await pause.to_clear(work.connection) and not work.header.is_closed
            if not is_still_to_clear or not units.leave(work.order, work.changes, node, at):
                return
            cause = f"{node} is paused, version {work.header.version + 1}"
            await work.notify(await work.write(Event(cause, "clock", at)))


async def _lift(connection: WriteConnection, node: str, kept: Request) -> dict[str, str]:
    """With the gates of its SKUs closed, who begins to wait sees that the node is back, or is seen and offered its units."""
    await stock.close_gates(connection, await pause.on_hand(connection, node), exclusive=True)
    lifted = await pause.lift(connection, node, kept.remark)
    if lifted is None:
        return {"refused": f"{node} is not paused"}
    await pause.offer(connection, node)
    since, lifted_at = lifted
    return {"node": node, "since": since.isoformat(), "lifted_at": lifted_at.isoformat()}
