"""Pauses and resumes a node: while it is paused, nothing new is sourced from it, and its open work stays or goes elsewhere.

A pause is a row that every sourcing round reads with the stock levels. Open work is taken from the node in the background,
order by order, each in its own transaction. This may stop at any moment and continue later, here or in another process.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from database import pause as statements
from database import stock
from database.connect import WriteConnection
from database.order import Event
from database.request import Request
from domain import units
from domain.pause import Paused, PauseRequest, ResumedNode, ResumeRequest
from transactions.request import Answer, Asked, NotAllowed, answered_once, granted
from transactions.transaction import OrderTransactions

log = structlog.get_logger("pause")


class UnknownNode(LookupError):
    """The network has no node of this name."""


async def pause(transactions: OrderTransactions, asked: Asked[PauseRequest]) -> Paused:
    """Pause a node; a paused one stays paused, and the last request decides about its open work.

    Raises `UnknownNode` and `UsedForAnotherRequest`, and `NotAllowed` when a node asks and an operator paused it.
    """

    async def doing(connection: WriteConnection, kept: Request) -> Answer:
        await _check_not_an_operators(connection, asked.about, kept)
        since = await statements.place(
            connection, asked.about, asked.body.open_work, kept.remark, is_by_node=kept.is_by_node
        )
        return Paused(node=asked.about, since=since, open_work=asked.body.open_work).model_dump(mode="json")

    return Paused.model_validate(await _answered_once(transactions, asked, "pause", doing))


async def resume(transactions: OrderTransactions, asked: Asked[ResumeRequest]) -> ResumedNode:
    """Resume a node; its stock is offered to the orders that wait for it.

    Raises as `pause`, and `RequestRefused` when the node is not paused.
    """

    async def doing(connection: WriteConnection, kept: Request) -> Answer:
        return await _lift(connection, asked.about, kept)

    return ResumedNode.model_validate(granted(await _answered_once(transactions, asked, "resume_node", doing)))


async def _answered_once(
    transactions: OrderTransactions,
    asked: Asked[ResumeRequest],
    kind: str,
    doing: Callable[[WriteConnection, Request], Awaitable[Answer]],
) -> Answer:
    async with transactions.begin() as transaction:
        connection = transaction.connection
        _, network = await transactions.networks.active(connection)
        if not network.knows_node(asked.about):
            raise UnknownNode(asked.about)
        facts = {"node": asked.about}
        return await answered_once(connection, asked, kind, facts, partial(doing, connection), subject=asked.about)


class Pauses:
    """Takes open work from nodes that are paused."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions
        self._stuck: dict[str, set[str]] = {}
        """By node, the orders that could not be taken from it in this pass; they are tried again after all others."""

    async def clear(self, orders_max: int) -> None:
        """Take open work from the paused nodes that must lose it, at most `orders_max` orders a node."""
        async with self._transactions.database.read_once() as connection:
            nodes = await statements.to_clear(connection)
        for node in nodes:
            await self._clear(node, orders_max)

    async def _clear(self, node: str, orders_max: int) -> None:
        stuck = self._stuck.setdefault(node, set())
        async with self._transactions.database.write() as connection:
            orders = await statements.open_work(connection, node, orders_max, except_for=stuck)
            if not orders and not stuck:
                await statements.cleared(connection, node)
        if not orders:
            stuck.clear()
        for order in orders:
            await self._take_or_pass(order, node)

    async def _take_or_pass(self, order: str, node: str) -> None:
        """Log a failure and continue: one order must not keep the others at the node. It is tried again after all others."""
        try:
            await self._take(order, node)
        except Exception as error:
            log.exception("an order stays at a paused node", order=order, node=node, reason=type(error).__name__)
            self._stuck[node].add(order)

    async def _take(self, order: str, node: str) -> None:
        async with self._transactions.open(order) as work:
            at = datetime.now(UTC)
            is_still_to_clear = node in await statements.to_clear(work.connection) and not work.header.is_closed
            if not is_still_to_clear or not units.take_off_node(work.order, work.changes, node, at):
                return
            cause = f"{node} is paused, version {work.header.version + 1}"
            await work.notify(await work.write(Event(cause, "clock", at)))


async def _check_not_an_operators(connection: WriteConnection, node: str, kept: Request) -> None:
    if kept.is_by_node and await statements.is_by_operator(connection, node):
        raise NotAllowed(f"an operator paused {node}; only an operator can change or end that")


async def _lift(connection: WriteConnection, node: str, kept: Request) -> Answer:
    """Resume a node with the gates of its SKUs closed: an order that begins to wait sees the node, or gets its offer."""
    await stock.close_gates(connection, await statements.on_hand(connection, node), exclusive=True)
    await _check_not_an_operators(connection, node, kept)
    lifted = await statements.lift(connection, node, kept.remark)
    if lifted is None:
        return {"refused": f"{node} is not paused"}
    await statements.offer(connection, node)
    since, lifted_at = lifted
    return {"node": node, "since": since.isoformat(), "lifted_at": lifted_at.isoformat()}
