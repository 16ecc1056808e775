"""Gives a claim or an exchange back when units of the order that was placed for it will not be sent: money is owed for them.

A replacement stands for a refund of the first order. The transaction that cancels units of the replacement also takes them
out of this refund and asks for money, under the locks of both orders: the newer one is always locked first. What stands is
computed from the units that are not cancelled, so a repeat finds nothing to do, and a unit that has shipped is never owed.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from database import exception, order, refund, returns
from database.connect import WriteConnection
from database.order import Event, Replaces
from database.outbox.signal import CHANGED, RETURN_MESSAGE
from domain import identifiers
from domain.account import Prices
from domain.event import ChannelEvent, EventKind
from domain.reasons import ExceptionCode
from domain.refund import Exchanged, Payment, RefundKind, owed_again
from domain.units import Opened

Signal = tuple[str, str, str, dict[str, Any]]
"""A workflow, its order, the signal's name, and its facts."""


@dataclass(slots=True)
class _GivenBack:
    events: list[ChannelEvent] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)


async def give_back(
    connection: WriteConnection,
    replacement: str,
    prices: Prices,
    stands_for: Replaces,
    event: Event,
    heard: Collection[EventKind],
) -> list[Signal]:
    """Ask for the money of units of a replacement that were cancelled; answers the signals to send after the commit.

    `prices` are the replacement's, without these units; `heard` is as `order.next_version` takes it.

    Where they were worth no money, a person is notified: they may be claimed again. Call it under the locks of both orders.
    """
    exchanged = await refund.exchanged(connection, stands_for.refund, prices)
    due = owed_again(exchanged) if exchanged else None
    if exchanged is None or due is None:
        return []
    await refund.take_back(connection, stands_for.refund, due)
    given = await _ask(connection, stands_for.order, exchanged, due, event) if due.amount else _tell(replacement, due)
    cause = f"{replacement} {event.cause}"
    await exception.open_all(connection, given.opened, order=stands_for.order, cause=cause, at=event.occurred_at)
    return await _news(connection, stands_for.order, exchanged, given, event, heard)


async def _ask(connection: WriteConnection, name: str, exchanged: Exchanged, due: Payment, event: Event) -> _GivenBack:
    kind = RefundKind.REFUND
    made = await refund.ask(connection, name, exchanged.name, kind, due, event.occurred_at, is_claim=exchanged.is_claim)
    facts = {
        "claim" if exchanged.is_claim else "return": exchanged.name,
        "refund": made,
        "amount": due.amount,
        "currency": await refund.currency(connection, name),
        "resolution": kind,
        "lines": [
            {"line": line, "sku": exchanged.lines[line].sku, "quantity": units} for line, units in due.units.items()
        ],
    }
    return _GivenBack(events=[ChannelEvent(EventKind.REFUND_REQUESTED, facts)])


def _tell(replacement: str, due: Payment) -> _GivenBack:
    lines = ", ".join(f"{units} of line {line}" for line, units in due.units.items())
    detail = f"{replacement} will not send {lines}, and no money is owed for them"
    return _GivenBack(opened=[Opened(ExceptionCode.REPLACEMENT_LOST, detail)])


async def _news(
    connection: WriteConnection,
    name: str,
    exchanged: Exchanged,
    given: _GivenBack,
    event: Event,
    heard: Collection[EventKind],
) -> list[Signal]:
    """Count the change of the first order, and of its return."""
    state = await order.next_version(connection, name, given.events, event.occurred_at, heard)
    signals: list[Signal] = []
    if not state.closed:
        signals.append((identifiers.order_workflow_id(name), name, CHANGED, {"recorded": state.news()}))
    if not exchanged.is_claim:
        of_return = await returns.next_version(connection, exchanged.name)
        workflow_id = identifiers.return_workflow_id(exchanged.name)
        signals.append((workflow_id, name, RETURN_MESSAGE, {"recorded": of_return.model_dump(mode="json")}))
    return signals
