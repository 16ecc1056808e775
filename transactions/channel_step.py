"""Carries out one step of what a channel changes of an order, under its lock: a request of the channel, with its answer.

What cannot be done opens one exception that says which units or what else it is about; the step counts as carried out.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from channels.parcels import line_there
from database import address, details, exception, hold, personal, request, unknown_item
from database.exception import ClosingFact
from database.order import Event
from database.request import Request
from domain import units
from domain.account import Cost
from domain.channel_difference import (
    UNMAPPED,
    Add,
    Cancel,
    CancelAll,
    ChangeAddress,
    ChangePickup,
    ChangeService,
    Identify,
    PlaceHold,
    Raise,
    RecordRefund,
    Stated,
    Step,
    Swap,
    TakeOffHold,
)
from domain.hold import Placement
from domain.network import HoldStock, Item, Network
from domain.new_lines import successor
from domain.order import NewLine
from domain.quantity import counted, is_released
from domain.reasons import ExceptionCode
from domain.request import (
    AddressRequest,
    CancelRequest,
    HoldRequest,
    LinesRequest,
    PickupRequest,
    QuantityRequest,
    ReturnFacts,
    ServiceRequest,
)
from domain.request import Swap as SwapRequest
from domain.sourcing.new_order import return_terms
from domain.units import Impossible, Opened
from network.geography import ImpossiblePlace, check_locality, locate
from transactions import channel_refund
from transactions.address import to_another_address, with_another_service
from transactions.hold import place
from transactions.lines import with_more_lines
from transactions.order import cancel_units, place_hold, take_off_hold
from transactions.pickup import to_another_pickup
from transactions.quantity import ask_the_policy_again, to_other_quantities
from transactions.request import Answer, Asked, Body, keep
from transactions.sent_again import sent_again
from transactions.transaction import OrderTransactions, Work

PERSONAL_OF_LINES = {"lines": {"__all__": {"gift_message", "attributes"}}}


class Refused(Exception):
    """An order cannot follow a step, for this reason; nothing was changed."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Asking:
    """A step as a request."""

    kind: str
    body: Body
    facts: Mapping[str, Any]
    doing: Callable[[Work, Request, datetime], Awaitable[Answer]]


def unknown_items(now: Stated) -> dict[str, Item]:
    """The items that nobody knows, as if they were ours: until somebody knows them, nothing of them is reserved."""
    lines = [now.lines[line] for line in now.unmapped]
    return {line.sku: Item(sku=line.sku, name=line.name or line.sku, weight_g=0) for line in lines}


def knowing(network: Network, items: Mapping[str, Item]) -> Network:
    """A network with more items."""
    return replace(network, items={**items, **network.items}) if items else network


def unmapped(now: Stated, lines: Sequence[str]) -> list[Opened]:
    """The exceptions of those of these lines whose item nobody knows."""
    return [
        Opened(ExceptionCode.UNMAPPED, f"nobody knows the item {now.unmapped[line]} of line {line}", subject=line)
        for line in lines
        if line in now.unmapped
    ]


async def carry_out(
    transactions: OrderTransactions,
    work: Work,
    step: Step,
    now: Stated | None,
    at: datetime,
    why_not: str | None,
    shipped_elsewhere: Mapping[str, int],
) -> bool:
    """Carry out a step and write the order; false when it changes nothing. Units that have shipped here and are entered at the
    channel by hand (`shipped_elsewhere`) need no person. Raises `Refused` and `StockTaken`."""
    if isinstance(step, Identify):
        assert now is not None
        await _identify(transactions, work, now.lines[step.line], step.quantity, at)
        return True
    if isinstance(step, PlaceHold | TakeOffHold) and step.hold == UNMAPPED:
        await (_hold_unmapped if isinstance(step, PlaceHold) else _free_mapped)(work, at)
        return True
    asking = _asking(work, step, now, why_not)
    if asking is None:
        return False
    _check_place(step, now)
    _know_items_of(work, now)
    kept = await keep(work.connection, _asked(work, asking, at), asking.kind, dict(asking.facts))
    try:
        answer = await asking.doing(work, kept, at)
    except Impossible as error:
        raise Refused(step, str(error)) from error
    await request.answer(work.connection, kept.request_id, answer)
    _open_what_is_left(work, step, now, answer, shipped_elsewhere)
    await _write(work, f"request {kept.request_id}", at)
    return True


async def refuse(work: Work, refused: Refused, now: Stated | None, at: datetime, why_not: str | None) -> None:
    """Note that a step was refused, in an exception of the order, and write the order."""
    asking = _asking(work, refused.step, now, why_not)
    assert asking is not None, "what changes nothing is not refused"
    kept = await keep(work.connection, _asked(work, asking, at), asking.kind, dict(asking.facts))
    await request.answer(work.connection, kept.request_id, {"refused": refused.reason})
    _misfits(work, f"{in_words(refused.step)} is wanted, and cannot be: {refused.reason}")
    await _write(work, f"request {kept.request_id}", at)


def _asked(work: Work, asking: Asking, at: datetime) -> Asked[Body]:
    return Asked(work.header.order, asking.body, f"channel:{work.header.channel}", at=at)


async def _write(work: Work, cause: str, at: datetime) -> None:
    await work.notify(await work.write(Event(cause, f"channel:{work.header.channel}", at)))


def _check_place(step: Step, now: Stated | None) -> None:
    if isinstance(step, ChangeAddress) and now is not None:
        try:
            check_locality(now.ship_to.locality)
        except ImpossiblePlace as error:
            raise Refused(step, f"there is no such {error.field} in its country") from error


def _know_items_of(work: Work, now: Stated | None) -> None:
    items = unknown_items(now) if now else {}
    work.network = work.changes.network = knowing(work.network, items)


def _misfits(work: Work, what: str) -> None:
    work.changes.opened.append(
        Opened(ExceptionCode.CHANNEL_MISFIT, f"{work.header.channel} has changed its order: {what}")
    )


def _open_what_is_left(
    work: Work, step: Step, now: Stated | None, answer: Answer, shipped_elsewhere: Mapping[str, int]
) -> None:
    """Open the exceptions of a step that was carried out: units that cannot follow it, items that nobody knows."""
    if isinstance(step, Add) and now is not None:
        work.changes.opened += unmapped(now, step.lines)
    if isinstance(step, Cancel | CancelAll):
        refused = Counter({unit["line"]: unit["quantity"] for unit in answer["refused"]})
        for line in list(refused):
            refused[line] -= min(shipped_elsewhere.get(line_there(line), 0), work.order.lines[line].shipped)
        if left := [f"{quantity} of line {line}" for line, quantity in (+refused).items()]:
            _misfits(work, f"{', '.join(left)} cannot be cancelled any more: shipped, or being cancelled already")
    if isinstance(step, ChangeAddress | ChangePickup | ChangeService):
        nodes = work.order.living()
        kept = [f"{due} of line {line}" for fo in nodes for line in fo.lines if (due := fo.counts(line).due)]
        if kept:
            _misfits(work, f"{in_words(step)} is wanted, and {', '.join(kept)} keep what their node was given")


def in_words(step: Step) -> str:
    """What a channel wants, for an exception's detail."""
    match step:
        case Raise(line, quantity):
            return f"{quantity} more of line {line}"
        case Add(lines):
            return f"a new line {', '.join(lines)}"
        case Swap(line):
            return f"another item on line {line}"
        case ChangeAddress():
            return "another address"
        case ChangePickup():
            return "another place to collect it"
        case ChangeService():
            return "another service"
        case RecordRefund(units):
            named = ", ".join(f"{quantity} of line {line}" for line, quantity in units.items())
            return f"a return of {named}, which it has paid back,"
        case _:
            return "what stands in its timeline"


def _asking(work: Work, step: Step, now: Stated | None, why_not: str | None) -> Asking | None:
    """A step as a request; None = there is nothing to do."""
    match step:
        case CancelAll():
            return _cancel(None, why_not) if units.all_uncancelled(work.order) else None
        case Cancel(_, wanted):
            return _cancel(wanted, None) if wanted else None
        case PlaceHold(name) | TakeOffHold(name):
            return _hold(step, name)
    assert now is not None, "only lines of an order that is wanted change"
    match step:
        case Raise(line, quantity, cost):
            return _raise(work, now.lines[line], quantity, cost) if quantity else None
        case Add(lines):
            return _lines(LinesRequest(lines=tuple(now.lines[line] for line in lines)))
        case Swap(line, quantity):
            swap = SwapRequest(line=line, sku=now.lines[line].sku, quantity=quantity) if quantity else None
            return None if swap is None else _lines(LinesRequest(swap=(swap,)))
        case ChangeAddress():
            return Asking("change_address", AddressRequest(ship_to=now.ship_to), {}, to_another_address)
        case ChangePickup():
            facts = {"pickup_node": now.pickup_node}
            return Asking("change_pickup", PickupRequest.model_validate(facts), facts, to_another_pickup)
        case ChangeService():
            facts = {"service": now.service}
            return Asking("change_service", ServiceRequest(service=now.service), facts, with_another_service)
        case RecordRefund(paid, amount):
            return _refund(paid, amount) if paid else None
    raise AssertionError(f"{step} is carried out elsewhere")


def _cancel(wanted: Mapping[str, int] | None, why: str | None) -> Asking:
    lines = None if wanted is None else [{"line": line, "quantity": quantity} for line, quantity in wanted.items()]
    facts = {} if lines is None else {"lines": lines}
    return Asking("cancel", CancelRequest.model_validate({**facts, "reason": why}), facts, cancel_units)


def _refund(units: Mapping[str, int], amount: int) -> Asking:
    lines = [{"line": line, "quantity": quantity} for line, quantity in units.items()]
    facts = {"lines": lines, "resolution": "refund"}

    async def doing(work: Work, _: Request, at: datetime) -> Answer:
        return {"return": await channel_refund.record(work, units, amount, at), "amount": amount}

    return Asking("return", ReturnFacts.model_validate(facts), facts, doing)


def _hold(step: PlaceHold | TakeOffHold, name: str) -> Asking:
    kind, doing = ("hold", place_hold) if isinstance(step, PlaceHold) else ("release", take_off_hold)
    return Asking(kind, HoldRequest(hold=name), {"hold": name}, doing)


def _raise(work: Work, line: NewLine, quantity: int, cost: Cost) -> Asking:
    """More units of a line, which together cost this. Where it was released, is another item by now, or the units cost more
    than its price, they are a line that continues it."""
    name = line.line
    known = work.order.lines[name]
    is_of_its_price = cost.goods <= known.layers[0].unit_price * quantity
    if known.sku != line.sku or is_released(work.order, name) or not is_of_its_price:
        more = line.more(successor(set(work.order.lines), name), quantity, cost)
        return _lines(LinesRequest(lines=(more,)))
    facts = {"lines": [{"line": name, "quantity": counted(work.order, name) + quantity}]}

    async def doing(work: Work, kept: Request, at: datetime) -> Answer:
        return await to_other_quantities(work, kept, at, {name: cost})

    return Asking("change_quantity", QuantityRequest.model_validate(facts), facts, doing)


def _lines(body: LinesRequest) -> Asking:
    facts = body.model_dump(mode="json", include={"lines", "swap"}, exclude=PERSONAL_OF_LINES)
    return Asking("add_lines", body, facts, with_more_lines)


async def _hold_unmapped(work: Work, at: datetime) -> None:
    await place(work, held_unmapped(), await personal.note(work.connection, work.header.order, UNMAPPED, None), at)
    await _write(work, f"unmapped, version {work.header.version + 1}", at)


def held_unmapped() -> Placement:
    """The hold of an order with an item that nobody knows: nothing of it is reserved."""
    return Placement(UNMAPPED, stock=HoldStock.WAIT, reason="an item of it is not known")


async def _free_mapped(work: Work, at: datetime) -> None:
    await hold.take_off(work.connection, work.header.order, UNMAPPED, None, at)
    await _write(work, f"mapped, version {work.header.version + 1}", at)


async def _identify(transactions: OrderTransactions, work: Work, line: NewLine, left: int, at: datetime) -> None:
    """Give a line its item, and ask the policy about the order as it is now."""
    connection, name = work.connection, work.header.order
    item, ship_to = work.active.items[line.sku], await address.of(connection, name)
    assert ship_to is not None, "what a channel says of a forgotten order is passed over"
    terms = return_terms(sent_again(work, ship_to, [line], at), work.active, locate)
    await unknown_item.identify(connection, name, line, item, terms[line.line], left)
    await details.add(connection, name, work.header.details, [line])
    work = await transactions.on(work.transaction, name)
    prices = units.prices_after(work.order, work.changes)
    await unknown_item.keep_worth(connection, name, prices.value, prices.total)
    await ask_the_policy_again(work, at)
    cause = f"identified, version {work.header.version + 1}"
    fact = ClosingFact(cause, f"channel:{work.header.channel}", at)
    await exception.close_about(connection, name, ExceptionCode.UNMAPPED, [line.line], fact)
    await _write(work, cause, at)
