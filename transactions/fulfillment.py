"""Releases work to nodes, records their messages, and acts when a node does not answer in time."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from database import address, claim, cooldown, fulfillment, order, personal, returns
from database.connect import WriteConnection
from database.order import Event, MessageName
from database.outbox import channel_notice, inbox
from database.outbox.inbox import Received
from database.outbox.signal import NODE_MESSAGE
from domain import identifiers, units
from domain.capacity import days
from domain.clock import happened_at
from domain.cooldown import failed
from domain.deadlines import TimedOut, delay_reason, on_timeout, send_reminders_due, waits_for
from domain.event import shipment_corrected
from domain.fulfillment import (
    Applied,
    FulfillmentOrder,
    MessageKind,
    NodeMessage,
    Package,
    Placed,
    Quantity,
    StoredPackage,
    WaitingFor,
    apply_message,
    brings_units,
    contents,
    place,
)
from domain.identifiers import REPLENISHMENT
from domain.network import Node, Uncollected
from domain.order import OrderState
from domain.reasons import ExceptionCode
from domain.sourcing.supply import Entitlement, parts
from domain.transfer import missing
from domain.units import Opened
from transactions.follow import follow_packages
from transactions.message import compose
from transactions.replan import STALE_AFTER, plan_again
from transactions.sourcing import StockTaken, may_be_released, source_round, splits_ship_complete
from transactions.transaction import OrderTransactions, Transaction, Work
from transactions.warehouse_notice import announce_transfer

Notify = Callable[[OrderState], Awaitable[None]]

RELEASE_TRIES = 5
"""How often a stale plan is made again because others took its stock, before the order is released with the old plan."""


class ReleaseInput(BaseModel):
    """An order to release, and the time by its workflow's clock."""

    order: str
    at: datetime


class SilenceInput(BaseModel):
    """A wait of a fulfillment order that has passed its deadline, by the workflow's clock."""

    order: str
    fulfillment_order: str
    waiting_for: WaitingFor
    at: datetime


class SignalInput(BaseModel):
    """A node's message that came as a bare Temporal signal, as parsed JSON; or why it is unreadable."""

    order: str
    message: dict[str, Any] | None
    unreadable: str | None = None
    key: str
    """Stays the same for every attempt to record the message."""
    at: datetime


class UnknownFulfillmentOrder(LookupError):
    """The fulfillment order does not exist, or it belongs to another node."""


async def release(transactions: OrderTransactions, request: ReleaseInput) -> OrderState:
    """Turn pinned units into fulfillment orders and show each to its node; without pinned units, do nothing.

    An order that must ship complete is sourced as a whole instead if units of it have no node. An order whose plan is older
    than `STALE_AFTER`, or that claimed capacity for another day, is planned again first. Pins without a better plan are
    released beyond the day's capacity, because they were promised.
    """
    for _ in range(RELEASE_TRIES):
        with suppress(StockTaken):
            return await _release(transactions, request, plans_again=True)
    return await _release(transactions, request, plans_again=False)


async def _release(transactions: OrderTransactions, request: ReleaseInput, *, plans_again: bool) -> OrderState:
    async with transactions.open(request.order) as work:
        if not may_be_released(work, request.at):
            return await work.current_state()
        if splits_ship_complete(work):
            entitlement = Entitlement(own=work.header.own, pinned_for=work.pinned_for)
            return await source_round(work, request.at, entitlement)
        if plans_again and _is_stale(work, request.at):
            await plan_again(work, request.at)
        units.release(work.order, work.changes, request.at)
        first = len(work.order.fulfillment_orders) - len(work.changes.touched) + 1
        return await work.write(Event(f"release {first}", "workflow", request.at))


async def act_on_silence(transactions: OrderTransactions, request: SilenceInput) -> OrderState:
    """Act on a deadline that has passed, unless the facts say otherwise: the node may have answered meanwhile."""
    async with transactions.open(request.order) as work:
        wait, node = work.wait(request.fulfillment_order), work.node(request.fulfillment_order)
        if not wait or wait.waiting_for is not request.waiting_for or request.at < wait.deadline:
            # The workflow waited for something that is no longer due; the new version tells it what to wait for.
            work.changes.touched.add(request.fulfillment_order)
            return await work.write(Event(f"look at {request.fulfillment_order}", "workflow", request.at))
        await _act(work, request.fulfillment_order, node, request.at)
        cause = f"silence {request.fulfillment_order} {wait.waiting_for} {wait.deadline.isoformat()}"
        return await work.write(Event(cause, "workflow", request.at))


async def record_signal(transactions: OrderTransactions, request: SignalInput) -> OrderState:
    """Record a message that came as a bare Temporal signal, as one over HTTP; an unreadable one opens an exception."""
    content = dict(request.message or {})
    content.pop("recorded", None)
    fulfillment_order = identifiers.in_one_case(str(content.pop("fulfillment_order", None)))
    try:
        message = NodeMessage.model_validate(content)
        if identifiers.order_of_fulfillment_order(fulfillment_order) != request.order:
            raise UnknownFulfillmentOrder(fulfillment_order)
        await record(transactions, fulfillment_order, message, node=None, actor="temporal", notifies=False)
    except (ValueError, UnknownFulfillmentOrder, inbox.UsedWithAnotherBody) as error:
        return await _keep_unreadable(transactions, request, type(error).__name__)
    async with transactions.database.read() as connection:
        return await order.news(connection, request.order)


async def _keep_unreadable(transactions: OrderTransactions, request: SignalInput, why: str) -> OrderState:
    async with transactions.open(request.order) as work:
        detail = f"a signal could not be read as a node's message ({request.unreadable or why})"
        work.changes.opened.append(Opened(ExceptionCode.MESSAGE_MISFIT, detail))
        return await work.write(Event(f"signal {request.key}", "temporal", request.at))


async def record(
    transactions: OrderTransactions,
    fulfillment_order: str,
    message: NodeMessage,
    *,
    node: str | None,
    actor: str,
    notifies: bool = True,
) -> bool:
    """Store a node's message and apply it to fulfillment order, buckets and ledger, in one transaction. Returns whether the
    message is new.

    `node` is the node whose key was used; None may report for every node. `notifies` = the workflow gets a signal where the
    message concerns it. Raises
    `UnknownFulfillmentOrder`, and `UsedWithAnotherBody` when the message id was used for another message.
    """
    recording = partial(_record, transactions, fulfillment_order, message, node, actor, notifies=notifies)
    try:
        return await recording()
    except IntegrityError as error:
        if not inbox.is_used_meanwhile(error):
            raise
        return await recording()


async def _record(
    transactions: OrderTransactions,
    fulfillment_order: str,
    message: NodeMessage,
    node: str | None,
    actor: str,
    *,
    notifies: bool,
) -> bool:
    """As `record`; raises `IntegrityError` when the node uses the message's id for another order at this moment."""
    try:
        async with transactions.begin(locks=identifiers.order_of_fulfillment_order(fulfillment_order)) as transaction:
            return await record_in(
                transactions, transaction, fulfillment_order, message, node=node, actor=actor, notifies=notifies
            )
    except order.UnknownOrder:
        raise UnknownFulfillmentOrder(fulfillment_order) from None


async def record_in(
    transactions: OrderTransactions,
    transaction: Transaction,
    fulfillment_order: str,
    message: NodeMessage,
    *,
    node: str | None,
    actor: str,
    notifies: bool = True,
) -> bool:
    """As `record`, inside a transaction that is open already. Raises `IntegrityError` when the node uses the message's id for
    another order at this moment: the transaction must be rolled back and may be tried again."""
    work = await _order_of(transactions, transaction, MessageName(fulfillment_order, message.message_id), node)
    owner = work.order.fulfillment_orders[fulfillment_order].node
    received = await compose(
        work.connection,
        message,
        sender=owner,
        about=fulfillment_order,
        kind=message.kind,
        facts=_without_free_text(message, work.order.fulfillment_orders[fulfillment_order].lines),
        actor=actor,
    )
    transactions.heard.note(owner)
    if inbox.is_repeated(received, work.header.known):
        return False
    await _apply(work, fulfillment_order, message, received, notifies=notifies)
    return True


async def _order_of(
    transactions: OrderTransactions, transaction: Transaction, message: MessageName, node: str | None
) -> Work:
    """The order of a message's fulfillment order, under its lock. Raises `UnknownFulfillmentOrder`, also when it is another
    node's."""
    try:
        name = identifiers.order_of_fulfillment_order(message.about)
        work = await transactions.on(transaction, name, message)
    except order.UnknownOrder:
        raise UnknownFulfillmentOrder(message.about) from None
    known = work.order.fulfillment_orders.get(message.about)
    if known is None or node not in (None, known.node):
        raise UnknownFulfillmentOrder(message.about)
    return work


async def _apply(
    work: Work, fulfillment_order: str, message: NodeMessage, received: Received, *, notifies: bool
) -> None:
    connection, before = work.connection, work.order.fulfillment_orders[fulfillment_order]
    if work.header.is_forgotten:
        hidden = await fulfillment.hide_packages(connection, before, message.packages)
        message = message.model_copy(update={"packages": hidden})
    occurred_at = happened_at(message.occurred_at, arrived=received.received_at, follows=before.released_at)
    message = message.model_copy(update={"occurred_at": occurred_at})
    notify = partial(_notify_workflow, work, received) if notifies else None
    if message.kind is MessageKind.VOID:
        await _void(work, before, message, received, notify)
        return
    placed, is_corrected = await _keep_packages(connection, before, message)
    if work.active.carriers and not work.header.is_forgotten:
        await follow_packages(connection, work.active, work.header.order, fulfillment_order, message.packages)
    if message.kind is MessageKind.DELIVERED:
        contents = tuple(Package(package=parcel.package, lines=parcel.lines) for parcel in placed.packages)
        message = message.model_copy(update={"packages": contents})
    applied = apply_message(before, message, received.received_at)
    units.change_fulfillment_order(work.order, work.changes, applied.fulfillment_order)
    differences = (*applied.mismatches, *placed.mismatches)
    if is_corrected and _shipped(applied.fulfillment_order) == _shipped(before):
        work.channel_events.append(shipment_corrected(before))
        await channel_notice.retry_about(connection, work.header.order, fulfillment_order)
    work.changes.opened += _openings(replace(applied, mismatches=differences), message, received.received_at)
    await _keep(work, received, message.reason)
    cause = f"message {received.sender} {message.message_id}"
    event = Event(cause, received.actor, received.received_at, occurred_at)
    await work.write(event, notify)
    await _begin_cool_down(work, before.node, failed(before, applied.fulfillment_order, message.kind), event)
    if before.to_node is not None:
        after = work.order.fulfillment_orders[fulfillment_order]
        await announce_transfer(connection, work.active, before, after, received.received_at)


async def _keep(work: Work, received: Received, reason: str | None) -> None:
    """Store a message with the order's rows; its reason, sealed, before."""
    remark = await personal.note(work.connection, work.header.order, None, reason)
    if remark is not None:
        await fulfillment.keep_reason(work.connection, received.about, remark)
    inbox.store(work.writes, replace(received, remark=remark))


async def _void(
    work: Work, before: FulfillmentOrder, message: NodeMessage, received: Received, notify: Notify | None
) -> None:
    """Take back a parcel that did not leave: its units are due again at its node, as if it had never been reported."""
    name, parcel = before.fulfillment_order, message.package or ""
    if work.header.is_forgotten:
        parcel = personal.hidden_name(await personal.common_key(work.connection), name, parcel)
    known = {one.package: one for one in await fulfillment.packages(work.connection, name)}
    voided = await _taken_back(work, before, known.get(parcel), list(known.values()), message, received.received_at)
    units.change_fulfillment_order(work.order, work.changes, voided.fulfillment_order)
    work.changes.opened += _openings(voided, message, received.received_at)
    as_of = None
    if not voided.mismatches:
        as_of = known[parcel].shipped_at
        await fulfillment.void_package(work.connection, name, parcel, received.received_at)
    await _keep(work, received, message.reason)
    cause = f"message {received.sender} {message.message_id}"
    await work.write(Event(cause, received.actor, received.received_at, message.occurred_at, as_of), notify)


async def _taken_back(
    work: Work,
    before: FulfillmentOrder,
    parcel: StoredPackage | None,
    known: Sequence[StoredPackage],
    message: NodeMessage,
    at: datetime,
) -> Applied:
    """The fulfillment order without a parcel; unchanged, with the reason, where the parcel cannot be taken back."""
    if work.header.is_closed:
        return Applied(before, ("the order is closed",))
    if parcel is None or not parcel.has_shipped or parcel.is_voided:
        return Applied(before, ("no such package has shipped",))
    held = contents(parcel, known, before.lines)
    if held is None:
        return Applied(before, ("it was not reported what is in the package",))
    lines = tuple(Quantity(line=line, quantity=quantity) for line, quantity in held.items())
    voided = apply_message(before, message.model_copy(update={"lines": lines}), at)
    spoken_for = await _spoken_for(work, before, voided.fulfillment_order)
    return Applied(before, spoken_for) if spoken_for else voided


async def _spoken_for(work: Work, before: FulfillmentOrder, after: FulfillmentOrder) -> tuple[str, ...]:
    """Lines of which a return, a claim or a refund needs units that would not have shipped any more."""
    sold = await returns.sold(work.connection, work.header.order)
    claimed = Counter[str]()
    for one in await claim.claimed(work.connection, work.header.order):
        claimed[one.line] += one.quantity
    found = []
    for line in after.lines:
        back = before.counts(line).shipped - after.counts(line).shipped
        kept = work.order.lines[line].shipped - max(sold[line].in_returns, claimed[line])
        if back > min(kept, sold[line].unpaid):
            found.append(f"line {line}: units of it were returned, claimed or paid back")
    return tuple(found)


def _shipped(fo: FulfillmentOrder) -> int:
    return sum(fo.counts(line).shipped for line in fo.lines)


async def _keep_packages(
    connection: WriteConnection, fo: FulfillmentOrder, message: NodeMessage
) -> tuple[Placed, bool]:
    """Store the parcels of a message; answers with them whether a parcel that has left is another one than before. What is
    known of the others is only read where a name comes again."""
    name, parcels, known = fo.fulfillment_order, message.packages, list[StoredPackage]()
    ships = message.kind in (MessageKind.SHIPPED, MessageKind.COLLECTED)
    shipped_at = message.occurred_at if ships else None
    added: set[str] = set()
    if parcels and message.kind is not MessageKind.DELIVERED:
        added = await fulfillment.add_packages(connection, name, parcels, shipped_at)
    if len(added) < len(parcels):
        known = [parcel for parcel in await fulfillment.packages(connection, name) if parcel.package not in added]
    placed = place(message, known, brings_units=brings_units(fo, message))
    changed = [parcel for parcel in placed.packages if len(added) < len(parcels) and parcel not in known]
    if changed:
        await fulfillment.write_packages(connection, name, changed, shipped_at)
    return placed, ships and bool(changed or added)


def _is_stale(work: Work, at: datetime) -> bool:
    is_old = work.header.planned_at is not None and at - work.header.planned_at >= STALE_AFTER
    return is_old or days(work.network, {pin.node for pin in work.order.reservations}, at) != work.pinned_for


async def _begin_cool_down(work: Work, node: str, skus: Collection[str], event: Event) -> None:
    """Plan nothing new with these SKUs at the node until the policy's cool-down ends, or the node reports its stock. Of what
    replenishment asked for it is always kept: it has a cool-down of its own."""
    if skus and (work.network.policy.orders.reject_cooldown or work.header.channel == REPLENISHMENT):
        await cooldown.begin(work.connection, node, parts(work.network, skus), event.happened_at)


async def _act(work: Work, name: str, node: Node, at: datetime) -> None:
    """Send the reminder or at-risk notice that is due; if the deadline has passed, time the node out."""
    before, rules = work.order.fulfillment_orders[name], work.network.policy.orders
    reminded = send_reminders_due(before, rules, at)
    wait = waits_for(reminded, node, rules)
    timed_out = TimedOut(reminded)
    if wait and at >= wait.deadline:
        timed_out = await _time_out(work, reminded, wait.waiting_for, node, at)
    units.change_fulfillment_order(work.order, work.changes, timed_out.fulfillment_order)
    if reminded.at_risk_at != before.at_risk_at and timed_out.fulfillment_order.is_owed:
        detail = f"{name}: {delay_reason(reminded, rules)}"
        work.changes.opened.append(Opened(ExceptionCode.AT_RISK, detail, name, node.id))
    if wait and timed_out.exception:
        place = timed_out.fulfillment_order.to_node if wait.waiting_for is WaitingFor.DELIVERY else node.id
        detail = _late(timed_out.fulfillment_order, wait.waiting_for)
        work.changes.opened.append(Opened(timed_out.exception, detail, name, place))


def _late(fo: FulfillmentOrder, waiting_for: WaitingFor) -> str:
    match waiting_for:
        case WaitingFor.COLLECTION:
            return f"{fo.fulfillment_order} was not collected at {fo.node}"
        case WaitingFor.DELIVERY:
            return missing(fo)
        case _:
            return f"{fo.node} owes {fo.fulfillment_order} an answer ({waiting_for})"


async def _time_out(work: Work, fo: FulfillmentOrder, waiting_for: WaitingFor, node: Node, at: datetime) -> TimedOut:
    if waiting_for is not WaitingFor.COLLECTION:
        return on_timeout(fo, waiting_for, node, at)
    uncollected = await _uncollected_rule(work)
    timed_out = on_timeout(fo, waiting_for, node, at, uncollected)
    if uncollected is Uncollected.SHIP and timed_out.exception is None:
        work.order.pickup_node = None
    return timed_out


async def _uncollected_rule(work: Work) -> Uncollected | None:
    """The policy's rule for uncollected goods; None when the rule is to ship them and the order has no address for a parcel."""
    uncollected = work.network.policy.orders.uncollected
    if uncollected is Uncollected.SHIP and not await address.takes_a_parcel(work.connection, work.header.order):
        return None
    return uncollected


def _without_free_text(message: NodeMessage, known: Collection[str]) -> dict[str, Any]:
    """The part of a message that may travel through Temporal: no reason, no parcel or what a carrier calls it, and only `known`
    lines.

    As another line, a node may have typed anything, and a history cannot be erased.
    """
    facts = message.model_dump(mode="json", exclude={"reason", "packages", "package"}, exclude_unset=True)
    lines = message.lines
    if lines is None and message.packages:
        quantities: Sequence[Any] = [line for parcel in message.packages for line in parcel.lines]
        facts["lines"] = [line.model_dump() for line in quantities]
    if "lines" in facts and facts["lines"] is not None:
        facts["lines"] = [line for line in facts["lines"] if line["line"] in known]
    return facts


async def _notify_workflow(work: Work, received: Received, state: OrderState) -> None:
    """Signal the message to the order's workflow, if what it changed concerns it."""
    if work.wakes(state):
        facts = received.facts | {"fulfillment_order": received.about, "recorded": state.news()}
        await work.transaction.signal(identifiers.order_workflow_id(state.order), state.order, NODE_MESSAGE, facts)


def _openings(applied: Applied, message: NodeMessage, at: datetime) -> list[Opened]:
    """The exceptions that a message opens: exactly one for a message that does not fit, however many mismatches it has."""
    fo = applied.fulfillment_order
    if applied.mismatches:
        detail = f"{message.kind} does not fit {fo.fulfillment_order}: {'; '.join(applied.mismatches)}"
        return [Opened(ExceptionCode.MESSAGE_MISFIT, detail, fo.fulfillment_order, fo.node)]
    if message.kind is MessageKind.DELIVERY_FAILED and fo.delivery_failed_at == at:
        detail = f"{fo.fulfillment_order} could not be delivered"
        return [Opened(ExceptionCode.DELIVERY_FAILED, detail, fo.fulfillment_order, fo.node)]
    return []
