"""Makes Amazon equal to the facts of an order: each parcel confirmed once, and a person for what its interface cannot take.

The conversation reads first which packages stand there, and confirms what lacks. What was asked without an answer is so found
by the next try; and a parcel that is confirmed again has the same number, which changes the same package.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from channels.amazon.amazon_order import AmazonOrder, Package
from channels.amazon.call import CONFIRM, Denied, data
from channels.amazon.order import CANCELLED, LABELS_OF_AMAZON
from channels.amazon.parcels import confirmation, is_ours, numbers, standing
from channels.amazon.poll import read_order
from channels.channel import Conversation, Done, NoAccess, Notice, Outcome, Refused, Request, Settings
from channels.parcels import Parcel, parcels
from domain.event import EventKind
from domain.request import CancelCode

HEARD = frozenset({EventKind.SHIPPED, EventKind.SHIPMENT_VOIDED, EventKind.CANCELLED, EventKind.REFUND_REQUESTED})
"""The events that Amazon is notified of, or that a person must enter there."""

TO_SHIP = ("open", "backordered", "reserved", "allocated")
"""The buckets of units that may still leave."""

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

    @property
    def packages(self) -> Sequence[Package]:
        return self.order.packages or ()


def notify(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    """Notify Amazon of an event."""
    if notice.kind == EventKind.REFUND_REQUESTED:
        return Refused(_refund(notice))
    try:
        return (yield from _notify(settings, notice))
    except NoAccess:
        raise
    except Denied as denied:
        return Refused(str(denied))


def _notify(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    order = yield from read_order(notice.external)
    if order is None:
        return Refused("Amazon has no such order any more")
    ours = parcels(notice.order)
    ours = _known_there(ours, order)
    talk = _Talk(settings, notice, order, ours, numbers(parcel.key for parcel in ours))
    if notice.kind == EventKind.CANCELLED:
        return _cancelled(talk)
    if LABELS_OF_AMAZON.intersection(order.programs):
        return Done()
    misfits = _voided(talk)
    for parcel in ours:
        if why := _why_not(talk, parcel):
            misfits.append(why)
        elif _lacks(talk, parcel):
            yield from _confirm(talk, parcel)
    return Refused("; ".join(misfits)) if misfits else Done(talk.numbers)


def _known_there(ours: Iterable[Parcel], order: AmazonOrder) -> list[Parcel]:
    """The parcels with the units of Amazon's items only: lines that an operator added here are not there."""
    items = {item.orderItemId for item in order.orderItems}
    found = [
        replace(parcel, units={line: units for line, units in parcel.units.items() if line in items}) for parcel in ours
    ]
    return [parcel for parcel in found if parcel.units]


def _lacks(talk: _Talk, parcel: Parcel) -> bool:
    """Whether Amazon does not know a parcel, or has another tracking number of it."""
    there = standing(parcel, talk.numbers[parcel.key], talk.packages)
    if there is None:
        return parcel.key not in talk.notice.ids
    return bool(there.trackingNumber and parcel.tracking and there.trackingNumber != parcel.tracking)


def _why_not(talk: _Talk, parcel: Parcel) -> str | None:
    """Why a parcel cannot be confirmed, for a person; None = it can, or stands there."""
    if parcel.key in talk.notice.ids or standing(parcel, talk.numbers[parcel.key], talk.packages) is not None:
        return None
    if not parcel.tracking or not (parcel.carrier or "").strip():
        return (
            f"{parcel.key} has no tracking number or no carrier, and Amazon takes no parcel without: confirm it in Seller "
            "Central in time"
        )
    beyond = _beyond(talk, parcel)
    if beyond:
        return f"{beyond} of {parcel.key} are more than Amazon waits for: they were confirmed or cancelled there before"
    return None


def _beyond(talk: _Talk, parcel: Parcel) -> str:
    """The units of a parcel that Amazon does not wait for."""
    left = {item.orderItemId: item.fulfillment.quantityUnfulfilled for item in talk.order.orderItems}
    found = Counter[str]()
    for line, units in parcel.units.items():
        waits_for = left.get(line, 0)
        if waits_for is not None and units > waits_for:
            found[line] = units - waits_for
    return ", ".join(f"{units} of line {line}" for line, units in sorted(found.items()))


def _confirm(talk: _Talk, parcel: Parcel) -> Conversation[None]:
    marketplace = talk.order.salesChannel.marketplaceId
    body = confirmation(
        parcel, talk.numbers[parcel.key], marketplace, talk.notice.at, talk.settings.entry.get("carriers", {})
    )
    path = f"/orders/v0/orders/{quote(talk.notice.external, safe='')}/shipmentConfirmation"
    headers = {"content-type": "application/json", "accept": "application/json"}
    data((yield Request("POST", path, headers, json.dumps(body).encode(), quota=CONFIRM)))
    _take(talk, parcel)


def _take(talk: _Talk, parcel: Parcel) -> None:
    """Note that Amazon does not wait for these units any more."""
    items = [
        item.model_copy(
            update={
                "fulfillment": item.fulfillment.model_copy(
                    update={
                        "quantityUnfulfilled": item.fulfillment.quantityUnfulfilled - parcel.units[item.orderItemId]
                    }
                )
            }
        )
        if item.orderItemId in parcel.units and item.fulfillment.quantityUnfulfilled is not None
        else item
        for item in talk.order.orderItems
    ]
    talk.order = talk.order.model_copy(update={"orderItems": items})


def _voided(talk: _Talk) -> list[str]:
    """Packages of ours at Amazon that did not leave: it has no request that takes one back."""
    kept = set(talk.numbers.values())
    tracked = {parcel.tracking for parcel in talk.ours}
    gone = [
        package.trackingNumber
        for package in talk.packages
        if is_ours(package.packageReferenceId)
        and package.packageReferenceId not in kept
        and package.trackingNumber not in tracked
    ]
    return [
        f"the parcel {tracking} was confirmed and did not leave: Amazon takes no confirmation back; when its units leave, edit "
        "the shipment in Seller Central"
        for tracking in gone
    ]


def _cancelled(talk: _Talk) -> Outcome:
    """Units were cancelled here. Nothing is to be done where Amazon has cancelled them, too."""
    if talk.order.status == CANCELLED:
        return Done()
    ours = {line["line"]: sum(line[bucket] for bucket in TO_SHIP) for line in talk.notice.order["lines"]}
    waits_for = {
        item.orderItemId: item.fulfillment.quantityUnfulfilled
        if item.fulfillment.quantityUnfulfilled is not None
        else item.quantityOrdered
        for item in talk.order.orderItems
    }
    cancelled = {line["line"] for line in talk.notice.order["lines"] if line["cancelled"]}
    left = [line for line, units in waits_for.items() if line in cancelled and units and not ours.get(line)]
    if not left:
        return Done()
    named = ", ".join(f"{waits_for[line]} of line {line}" for line in left)
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
