"""Records what a connected channel has paid back: what it was asked for, and what it paid by itself for units that had left.

Units that it paid for by itself are a return that is paid. Whether they come back is another fact. It is counted when a node
reports them, in this return, and nothing is paid a second time.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from channels.channel import Paid
from database import returns
from database.outbox.channel_notice import Owed
from database.outbox.inbox import UsedWithAnotherBody
from domain.claim import ClaimMessage
from domain.event import EventKind, about_return
from domain.refund import RefundKind
from domain.returns import ReturnMessage, ReturnMessageKind, ReturnState, ReturnStatus
from domain.units import Impossible
from transactions import claim
from transactions.announcement import expect_back
from transactions.new_return import new_return
from transactions.refund import record_payment
from transactions.returns import notify_return
from transactions.returns import record as record_message
from transactions.transaction import OrderTransactions, Work


async def record(work: Work, units: Mapping[str, int], amount: int, at: datetime) -> str:
    """Record, under the order's lock, that the customer got `amount` (minor units) for units by line; answers the return.

    It is the return that waits for exactly these units, or a new one. Raises `Impossible` where neither can be.
    """
    state = await _waiting(work, units) or await returns.state(work.connection, await _add(work, units, at))
    if not state.is_authorized:
        await returns.authorize(work.connection, state.return_, at, state.expires_at)
    await record_payment(work, state, dict(units), amount, at)
    await expect_back(work.connection, work.header.order, state.return_, at)
    work.channel_events.append(about_return(EventKind.SETTLED, state.return_, resolution=state.resolution))
    await notify_return(work.transaction, await returns.next_version(work.connection, state.return_))
    return state.return_


async def settle(transactions: OrderTransactions, owed: Owed, paid: Paid) -> None:
    """Record that a channel has paid a refund that it was asked for. A repeat changes nothing."""
    sender, message_id, at = f"channel:{owed.channel}", paid.refund, datetime.fromisoformat(paid.at)
    with suppress(UsedWithAnotherBody):  # a try before this one has recorded it
        if name := owed.data.get("claim"):
            settled = ClaimMessage(message_id=message_id, kind="settled", occurred_at=at, amount=paid.amount)
            await claim.record(transactions, name, settled, actor=sender)
        else:
            kind, about = ReturnMessageKind.SETTLED, {"refund": paid.refund, "amount": paid.amount}
            message = ReturnMessage.model_validate({"message_id": message_id, "kind": kind, "occurred_at": at} | about)
            await record_message(transactions, owed.data["return"], message, sender=sender, actor=sender)


async def _waiting(work: Work, units: Mapping[str, int]) -> ReturnState | None:
    """The return under way of which just these units are not paid back."""
    for name in await returns.under_way(work.connection, work.header.order):
        state = await returns.state(work.connection, name)
        unpaid = {line.line: left for line in state.lines if (left := line.quantity - line.refunded) > 0}
        is_money = state.resolution == RefundKind.REFUND and state.status is not ReturnStatus.SETTLED
        if unpaid == units and is_money and not state.is_declined:
            return state
    return None


async def _add(work: Work, units: Mapping[str, int], at: datetime) -> str:
    sold = await returns.sold(work.connection, work.header.order)
    for line, quantity in units.items():
        ordered = work.order.lines.get(line)
        room = min(ordered.shipped - sold[line].in_returns, sold[line].unpaid) if ordered else 0
        if quantity > room:
            raise Impossible(f"line {line}: only {max(0, room)} have shipped, are in no return and are not paid back")
    made = new_return(work, sold, units, resolution=RefundKind.REFUND, node=None, at=at)
    return await returns.add(work.connection, work.header.order, replace(made, is_authorized=True), at)
