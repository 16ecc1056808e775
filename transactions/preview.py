"""Shows what a request would change of an order's money and promise. It is carried out, and rolled back: nothing is stored."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from database.request import Request
from domain import units
from domain.order import PromiseState
from domain.request import Preview
from domain.units import Impossible
from transactions.address import to_another_address, with_another_service
from transactions.lines import with_more_lines
from transactions.order import cancel_units
from transactions.quantity import to_other_quantities
from transactions.request import Answer, Asked, Body, RequestRefused, keep, refusal_of, refused_of_a_transfer
from transactions.reroute import take_from_its_node
from transactions.sourcing import CLAIM_TRIES_MAX, StockTaken
from transactions.transaction import OrderTransactions, Transaction, Work

Changing = Callable[[Work, Request, datetime], Awaitable[Answer]]
"""Carries out a request for an order at a moment, and returns the answer. Raises `Impossible` and `StockTaken`."""

CHANGES: Mapping[str, Changing] = {
    "cancel": cancel_units,
    "change_quantity": to_other_quantities,
    "change_address": to_another_address,
    "change_service": with_another_service,
    "add_lines": with_more_lines,
    "reroute": take_from_its_node,
}
"""The requests that can be previewed, by the name of their update."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a request would do, and how it would be answered."""

    preview: Preview
    answer: Answer
    """The answer; empty when the request is impossible."""


class _Undone(Exception):
    """Rolls a transaction back."""

    def __init__(self, tried: Tried) -> None:
        super().__init__()
        self.tried = tried


async def preview(transactions: OrderTransactions, asked: Asked[Body], kind: str, facts: dict[str, Any]) -> Preview:
    """What a request of the table `CHANGES` would do to an order now. Raises as `tried`."""
    return (await tried(transactions, asked, kind, facts)).preview


async def tried(transactions: OrderTransactions, asked: Asked[Body], kind: str, facts: dict[str, Any]) -> Tried:
    """What a request of the table `CHANGES` would do to an order now, with its answer. Raises `UnknownOrder`, and
    `RequestRefused` when others keep taking the stock."""
    for _ in range(CLAIM_TRIES_MAX):
        with contextlib.suppress(StockTaken):
            try:
                async with transactions.begin() as transaction:
                    raise _Undone(await _try(transactions, transaction, asked, kind, facts))
            except _Undone as undone:
                return undone.tried
    raise RequestRefused("other orders take its stock at this moment; ask again")


async def _try(
    transactions: OrderTransactions, transaction: Transaction, asked: Asked[Body], kind: str, facts: dict[str, Any]
) -> Tried:
    kept = await keep(transaction.connection, asked, kind, facts)
    work = await transactions.on(transaction, asked.about)
    before, promise = units.prices_after(work.order, work.changes).total, _promise(work)
    try:
        answer = refused_of_a_transfer(work, kind) or await CHANGES[kind](work, kept, asked.at)
    except Impossible as error:
        nothing = Preview(amount_change=0, currency=work.header.currency, promise=promise, refused=str(error))
        return Tried(nothing, {})
    refusal = refusal_of(answer)
    changed = Preview(
        amount_change=units.prices_after(work.order, work.changes).total - before,
        currency=work.header.currency,
        promise=_promise(work),
        refused=refusal.reason if refusal else None,
    )
    return Tried(changed, answer)


def _promise(work: Work) -> PromiseState | None:
    promised = units.promised(work.order)
    return PromiseState(ship_by=promised[0], deliver_by=promised[1]) if promised else None
