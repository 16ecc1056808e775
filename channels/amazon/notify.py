"""Makes Amazon equal to the facts of an order: each parcel confirmed once, and a person for what its interface cannot take.

The conversation reads first which packages stand there, and confirms what lacks. What was asked without an answer is so found
by the next try; and a parcel that is confirmed again has the same number, which changes the same package.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from channels.amazon.amazon_order import AmazonOrder
from channels.amazon.call import CONFIRM, Denied, data
from channels.amazon.order import CANCELLED, LABELS_OF_AMAZON
from channels.amazon.parcels import (
    Matched,
    can_be_confirmed,
    confirmation,
    is_ours,
    kept,
    matched,
    numbers,
    says,
)
from channels.amazon.poll import read_order
from channels.amazon.units import Counted, counted
from channels.channel import Conversation, Done, Notice, Outcome, Refused, Request, Settings
from channels.parcels import UNITS_OF_ONE, Parcel, line_there, parcels, there
from domain.event import EventKind
from domain.request import CancelCode

HEARD = frozenset(
    {
        EventKind.SHIPPED,
        EventKind.SHIPMENT_VOIDED,
        EventKind.SHIPMENT_CORRECTED,
        EventKind.CANCELLED,
        EventKind.REFUND_REQUESTED,
    }
)
"""The events that Amazon is notified of, or that a person must enter there."""

STAYS = ("open", "backordered", "reserved", "allocated", "shipped")
"""The buckets of units that leave or have left."""

REASONS: Mapping[str, str] = {
    CancelCode.NO_INVENTORY: "No inventory",
    CancelCode.CUSTOMER_REQUEST: "Buyer cancelled",
    CancelCode.UNDELIVERABLE_ADDRESS: "Shipping address undeliverable",
    CancelCode.CUSTOMER_EXCHANGE: "Customer exchange",
    CancelCode.PRICING_ERROR: "Pricing error",
}
"""The reasons to cancel that Amazon knows, by our words."""


@dataclass(slots=True)
class _Talk:
    settings: Settings
    notice: Notice
    order: AmazonOrder
    ours: Sequence[Parcel]
    numbers: Mapping[str, str]
    made: Matched
    units: Counted
    ids: dict[str, str]
    """What is kept of each parcel that Amazon knows, by the parcel's key."""
    misfits: list[str] = field(default_factory=list)


def notify(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    """Notify Amazon of an event."""
    if notice.kind == EventKind.REFUND_REQUESTED:
        return Refused(_refund(notice))
    try:
        order = yield from read_order(notice.external)
    except Denied as denied:
        return Refused(str(denied))
    if order is None:
        return Refused("Amazon has no such order any more")
    talk = _talk(settings, notice, order)
    if notice.kind == EventKind.CANCELLED:
        return _cancelled(talk)
    if LABELS_OF_AMAZON.intersection(order.programs):
        return Done()
    talk.misfits += _voided(talk)
    for parcel in talk.ours:
        yield from _make_known(talk, parcel)
    return Refused("; ".join(talk.misfits), talk.ids) if talk.misfits else Done(talk.ids)


def _talk(settings: Settings, notice: Notice, order: AmazonOrder) -> _Talk:
    ours = _known_there(parcels(notice.order, notice.left_at), order)
    numbered = numbers((parcel.key for parcel in ours), notice.ids)
    made = matched(ours, numbered, order.packages or ())
    ids = {parcel.key: notice.ids[parcel.key] for parcel in ours if parcel.key in notice.ids}
    return _Talk(settings, notice, order, ours, numbered, made, counted(order, ours, made.standing, ids), ids)


def _known_there(ours: Iterable[Parcel], order: AmazonOrder) -> list[Parcel]:
    """The parcels with the units of Amazon's items only: lines that an operator added here are not there."""
    items = {item.orderItemId for item in order.orderItems}
    found = [
        replace(parcel, units={line: units for line, units in parcel.units.items() if line in items}) for parcel in ours
    ]
    return [parcel for parcel in found if parcel.units]


def _make_known(talk: _Talk, parcel: Parcel) -> Conversation[None]:
    """Confirm a parcel, unless it stands there as it is: whatever becomes of it, others are confirmed."""
    package = talk.made.standing.get(parcel.key)
    if package is not None and package.packageReferenceId != talk.numbers[parcel.key]:
        return  # a person has confirmed it
    if not can_be_confirmed(parcel):
        if package is None and parcel.key not in talk.ids:
            talk.misfits.append(
                f"{parcel.key} has no tracking number or no carrier, and Amazon takes no parcel without: confirm it in "
                "Seller Central in time"
            )
        return
    taken = _taken(talk, parcel)
    if taken is None or talk.ids.get(parcel.key) == kept(body := _body(talk, taken)):
        return
    if package is None or not says(package, body):
        try:
            yield from _confirm(talk, body)
        except Denied as denied:
            talk.misfits.append(f"{parcel.key}: {denied}")
            return
    talk.units.confirm(taken)
    talk.ids[parcel.key] = kept(body)


def _taken(talk: _Talk, parcel: Parcel) -> Parcel | None:
    """A parcel with those of its units that Amazon takes; None = it takes none, or nobody can tell which."""
    room = talk.units.room(parcel)
    beyond = Counter(parcel.units) - room
    if beyond:
        named = ", ".join(f"{units} of line {line}" for line, units in sorted(beyond.items()))
        talk.misfits.append(
            f"{named} of {parcel.key} are more than Amazon waits for: they were confirmed or cancelled there before"
        )
    units = dict(Counter(parcel.units) & room)
    is_unclear = any(talk.units.by_others[line] for line in beyond)
    return None if is_unclear or not units else replace(parcel, units=units)


def _body(talk: _Talk, parcel: Parcel) -> Mapping[str, Any]:
    marketplace, own_codes = talk.order.salesChannel.marketplaceId, talk.settings.entry.get("carriers", {})
    at = parcel.left_at or talk.notice.at
    return confirmation(parcel, talk.numbers[parcel.key], marketplace, at, own_codes)


def _confirm(talk: _Talk, body: Mapping[str, Any]) -> Conversation[None]:
    path = f"/orders/v0/orders/{quote(talk.notice.external, safe='')}/shipmentConfirmation"
    headers = {"content-type": "application/json", "accept": "application/json"}
    data((yield Request("POST", path, headers, json.dumps(body).encode(), quota=CONFIRM)))


def _voided(talk: _Talk) -> list[str]:
    """Packages of ours at Amazon that did not leave: it has no request that takes one back."""
    return [
        f"the parcel {package.trackingNumber} was confirmed and did not leave: Amazon takes no confirmation back; when its "
        "units leave, edit the shipment in Seller Central"
        for package in talk.made.left_over
        if is_ours(package.packageReferenceId)
    ]


def _cancelled(talk: _Talk) -> Outcome:
    """Units were cancelled here. Nothing is to be done where Amazon has cancelled them, too."""
    lines = talk.notice.order["lines"]
    cancelled = {line_there(line["line"]) for line in lines if line["cancelled"]}
    ours = there({line["line"]: sum(line[bucket] for bucket in STAYS) for line in lines})
    ratio = {line["line"]: int(line["attributes"].get(UNITS_OF_ONE, 1)) for line in lines}
    beyond = {
        line: item.quantityOrdered - talk.units.by_others[line] - ours[line] // ratio.get(line, 1)
        for item in talk.order.orderItems
        if (line := item.orderItemId) in cancelled
    }
    named = ", ".join(f"{units} of line {line}" for line, units in beyond.items() if units > 0)
    if talk.order.status == CANCELLED or not named:
        return Done()
    reason = REASONS.get(talk.notice.cancel_code or "", REASONS[CancelCode.NO_INVENTORY])
    ship_by = talk.order.fulfillment.shipByWindow.latestDateTime
    until = f" before {ship_by:%Y-%m-%d %H:%M} UTC" if ship_by else ""
    return Refused(
        f"Amazon still waits for {named}: cancel it in Seller Central{until}, with the reason “{reason}”; Switchyard sends no "
        "cancels to Amazon"
    )


def _refund(notice: Notice) -> str:
    amount: Any = notice.data.get("amount")
    money = f" {amount} minor units of {notice.data.get('currency')}" if amount is not None else ""
    return (
        f"the customer is to be paid back{money}: refund it in Seller Central, then report it as settled; Switchyard sends no "
        "refunds to Amazon"
    )
