"""Accepts orders, cancels and holds them on request, cancels units that waited too long, and closes orders.

The answer to a request is stored in the transaction that carries it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel

from channels.cancelling import cancel_codes
from database import cart, order, personal
from database import hold as holds
from database import order as statements
from database.connect import WriteConnection
from database.order import Event
from database.request import Request
from domain import units
from domain.hold import Placement, by_policy, by_request
from domain.network import Network, ReturnTerms
from domain.order import LineDemand, NewOrder, OrderInput, OrderState
from domain.request import CancelRequest, HoldRequest
from domain.sourcing.new_order import facts_of_new, return_terms
from network.geography import locate, postal_area
from network.validate_order import WrongField, check
from transactions.hold import place
from transactions.request import Answer, Done, RequestInput, done_once
from transactions.transaction import OrderTransactions, Work


class UsedForAnotherOrder(Exception):
    """The channel has already used this number for an order with another body."""


@dataclass(frozen=True, slots=True)
class AcceptedOrder:
    """A stored order: whether it is new, its state, and the input of its workflow."""

    is_new: bool
    state: OrderState
    input: OrderInput


async def take(transactions: OrderTransactions, order: NewOrder) -> AcceptedOrder:
    """Store an order in one transaction. Raises `WrongField`, `UsedForAnotherOrder` and `NoNetwork`."""
    async with transactions.database.write() as connection:
        is_new = await accept(connection, order, await transactions.networks.hold_active(connection))
        state = await statements.news(connection, order.order)
    return AcceptedOrder(is_new, state, workflow_input(order))


async def accept(
    connection: WriteConnection, order: NewOrder, network: Network, more_holds: Sequence[Placement] = ()
) -> bool:
    """Check an order and store it, with its own holds, those of the policy and `more_holds`; false when it is known.

    Raises `WrongField` and `UsedForAnotherOrder`.
    """
    check(order, network)
    is_new = await store(connection, order, network, [*_holds(order, network), *more_holds])
    if is_new:
        await _take_over_its_cart(connection, order)
    return is_new


async def store(connection: WriteConnection, order: NewOrder, network: Network, holds: Sequence[Placement]) -> bool:
    """Store a checked order with all its units `open`; false when it is known. Raises `UsedForAnotherOrder`."""
    terms = return_terms(order, network, locate)
    return await store_as(connection, order, network, sent=order, area=area_of(order), terms=terms, holds=holds)


def area_of(order: NewOrder) -> str:
    """What of the postal code may travel through Temporal."""
    return postal_area(order.ship_to.country, order.ship_to.postal_code or "")


async def store_as(
    connection: WriteConnection,
    order: NewOrder,
    network: Network,
    *,
    sent: BaseModel,
    area: str,
    terms: Mapping[str, ReturnTerms],
    holds: Sequence[Placement] = (),
    to_node: str | None = None,
    for_order: str | None = None,
) -> bool:
    """As `store`, for an order that was made of what was `sent`, by which it is known; `area` is that of the postal code,
    `terms` are those of return by line."""
    body_digest = await personal.fingerprint(connection, sent)
    taken = await statements.take(
        connection,
        order,
        body_digest=body_digest,
        postal_area=area,
        received_at=datetime.now(UTC),
        grace=network.policy.orders.grace,
        items=network.items,
        terms=terms,
        holds=holds,
        to_node=to_node,
        for_order=for_order,
        items_release_at=None if to_node else network.release_at(line.sku for line in order.lines),
    )
    if not personal.is_same_body(taken.body_digest, body_digest):
        raise UsedForAnotherOrder(order.order)
    return taken.is_new


def _holds(order: NewOrder, network: Network) -> list[Placement]:
    """The holds of the policy and of the channel; a hold that both place belongs to the policy."""
    may_be_held = network.policy.holds or network.policy.currency not in (None, order.currency)
    placed = by_policy(facts_of_new(order, network, locate), network.policy) if may_be_held else []
    names = {placement.hold for placement in placed}
    return placed + [asked for asked in holds_of_channel(order, network) if asked.hold not in names]


def holds_of_channel(order: NewOrder, network: Network) -> list[Placement]:
    """The holds that the order names itself."""
    return [by_request(asked.hold, network.policy, asked.reason, is_by_channel=True) for asked in order.holds]


async def _take_over_its_cart(connection: WriteConnection, order: NewOrder) -> None:
    """Hand the units of the named cart over to the order. Raises `WrongField`."""
    if order.reservation is None:
        return
    try:
        await cart.become(connection, order.reservation, order.channel, order.order)
    except cart.CartUnavailable as error:
        raise WrongField("reservation", str(error)) from error


def workflow_input(order: NewOrder, area: str | None = None) -> OrderInput:
    """The part of an order that may travel through Temporal: ids, SKUs, quantities, a country and a postal area; `area` is that
    of an address without a postal code."""
    return OrderInput(
        order=order.order,
        channel=order.channel,
        service=order.service,
        country=order.ship_to.country,
        postal_area=area_of(order) if area is None else area,
        lines=[LineDemand(line=line.line, sku=line.sku, quantity=line.quantity) for line in order.lines],
    )


class Moment(BaseModel):
    """An order, and an instant of its workflow's clock."""

    order: str
    at: datetime


async def cancel(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Cancel the units that can be cancelled, ask nodes to cancel the rest, refuse shipped units.

    A repeated request gets the stored answer.
    """

    return await done_once(transactions, asked, lambda work, known: cancel_units(work, known, asked.at))


async def cancel_units(work: Work, known: Request, at: datetime) -> Answer:
    """Cancel the units that a request names; the answer says of each what became of it."""
    body = CancelRequest.model_validate(known.facts)
    if body.code is None and known.is_by_a_person and (codes := cancel_codes(work.active, work.header.channel)):
        return {"refused": f"code: {work.header.channel} must be given a reason that it knows: {', '.join(codes)}"}
    requested = units.all_uncancelled(work.order) if body.lines is None else units.sums(body.lines)
    answer = units.cancel(work.order, work.changes, requested, at)
    if work.header.own and not work.order.waiting:  # it will not be sourced any more
        await cart.hand_over(work.connection, work.header.order, at)
    return answer.model_dump(mode="json")


async def hold(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Place a named hold: no unit is released until it is taken off. The policy says whether the units stay reserved."""

    return await done_once(transactions, asked, lambda work, known: place_hold(work, known, asked.at))


async def place_hold(work: Work, known: Request, at: datetime) -> Answer:
    """Place the hold that a request names."""
    body = HoldRequest.model_validate(known.facts)
    placement = by_request(body.hold, work.network.policy, is_by_channel=known.is_by_channel)
    await place(work, placement, known.remark, at)
    return {}


async def release_hold(transactions: OrderTransactions, asked: RequestInput) -> Done:
    """Take a named hold off; the order continues when it was the last one. A channel takes off its own holds only."""

    return await done_once(transactions, asked, lambda work, known: take_off_hold(work, known, asked.at))


async def take_off_hold(work: Work, known: Request, at: datetime) -> Answer:
    """Take off the hold that a request names."""
    order, name = work.header.order, HoldRequest.model_validate(known.facts).hold
    if known.is_by_channel and await holds.is_not_the_channels(work.connection, order, name):
        return {"refused": f"only an operator can remove hold {name}"}
    is_off = await holds.take_off(work.connection, order, name, known.remark, at)
    return {} if is_off else {"refused": f"no hold named {name} is active"}


async def look(transactions: OrderTransactions, asked: Moment) -> OrderState:
    """The order's state, read now."""
    async with transactions.database.read() as connection:
        return await order.state(connection, asked.order)


async def give_up(transactions: OrderTransactions, asked: Moment) -> OrderState:
    """Cancel units that were not released in time, and open an exception.

    After `not_after` these are all unreleased units; before, the units that have waited for stock as long as their strategy
    allows.
    """
    async with transactions.open(asked.order) as work:
        if not _give_up(work, asked.at):
            return await work.current_state()
        cause = f"gave up waiting, version {work.header.version + 1}"
        return await work.write(Event(cause, "workflow", asked.at))


async def close(transactions: OrderTransactions, asked: Moment) -> OrderState:
    """Close the order if no work is left and its return window is over; otherwise only return its state."""
    async with transactions.open(asked.order) as work:
        state = await work.current_state()
        if state.closed or state.closes_at is None or asked.at < state.closes_at:
            return state
        await order.close(work.connection, asked.order, asked.at)
        return await work.write(Event("close", "workflow", asked.at))


def _give_up(work: Work, at: datetime) -> int:
    """Cancel the units that waited too long; return how many."""
    if work.header.window_has_ended(at):
        return units.end_window(work.order, work.changes)
    return units.give_up_waiting(work.order, work.changes, at)
