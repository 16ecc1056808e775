"""Adds lines to a living order, or swaps units of it for another item: the whole request, or nothing."""

from datetime import datetime

from database import address, details, order
from database.request import Request
from domain import new_lines
from domain.event import added
from domain.order import NewLine
from domain.quantity import line_after
from domain.request import LinesRequest
from domain.sourcing.new_order import return_terms
from domain.units import Impossible
from network.geography import locate
from transactions.quantity import plan_again, refuse_when_over
from transactions.request import Answer, Done, RequestInput, planned_once
from transactions.sent_again import sent_again
from transactions.transaction import OrderTransactions, Work


async def add_lines(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Add lines to an order and swap units of it, before it has shipped as a whole; what is added is sourced at once."""
    return await planned_once(transactions, asked, lambda work, known: with_more_lines(work, known, asked.at))


async def with_more_lines(work: Work, known: Request, at: datetime) -> Answer:
    """Add the lines that a request names. Raises `Impossible` and `StockTaken`."""
    refuse_when_over(work, at)
    own = await details.asked_for(work.connection, work.header.order, known.request_id)
    body = details.completed(LinesRequest.model_validate(known.facts), own)
    if body.swap and work.header.replaces is not None:  # its cancelled units are owed in money
        raise Impossible("it replaces units of another order: cancel them, and ask for another exchange there")
    lines = new_lines.asked_for(work.order, work.changes, body, at)
    await _store(work, lines, at)
    new_lines.add(work.order, work.network, lines)
    work.channel_events.append(added(lines))
    await plan_again(work, at, has_grown=True)
    changed = dict.fromkeys([*(swap.line for swap in body.swap), *(line.line for line in lines)])
    return {"lines": [line_after(work.order, work.changes, line).model_dump() for line in changed]}


async def _store(work: Work, lines: list[NewLine], at: datetime) -> None:
    ship_to = await address.of(work.connection, work.header.order)
    if ship_to is None:
        raise Impossible("the order was forgotten")
    demand = sent_again(work, ship_to, lines, at)
    terms = return_terms(demand, work.network, locate)
    await order.add_lines(work.connection, work.header.order, demand, work.network.items, terms, len(work.order.lines))
    await details.add(work.connection, work.header.order, work.header.details, demand.lines)
