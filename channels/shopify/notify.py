"""Makes the shop equal to the facts of an order: its requests answered, a fulfillment for each parcel, and nothing twice.

Whatever the event, the conversation reads first what the shop has, and changes what differs. So it may stop anywhere and begin
again: `fulfillmentCreate` has no key that makes a repeat harmless, the units that are left to fulfill do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.channel import Conversation, Done, Later, Misfit, Notice, Outcome, Refused, Settings
from channels.parcels import Parcel, parcels, there
from channels.shopify import documents, reading, refund
from channels.shopify.call import Denied, NotNow, change, gid
from channels.shopify.carriers import spelled
from channels.shopify.check import need
from channels.shopify.given import id_of
from channels.shopify.location import is_one, locations, node_of
from channels.shopify.parcels import Fulfillment, Matched, fulfillments, matched
from channels.shopify.work import Held, Work, held, is_given_up, is_wanted, next_move, picked, planned_at, take, works
from domain.event import EventKind

HEARD = frozenset(
    {
        EventKind.ACCEPTED,
        EventKind.ADDED,
        EventKind.READY_FOR_PICKUP,
        EventKind.SHIPPED,
        EventKind.SHIPMENT_VOIDED,
        EventKind.SHIPMENT_CORRECTED,
        EventKind.DELIVERED,
        EventKind.CANCELLED,
        EventKind.CANCEL_REFUSED,
        EventKind.REFUND_REQUESTED,
    }
)
"""The events that a shop is notified of."""

HEARD_OF_PLANS = frozenset({EventKind.PROMISED, EventKind.PROMISE_CHANGED})
"""The events that it is notified of as well where its locations are nodes: nodes were chosen."""

STEPS_MOST = 30
"""How often fulfillment orders are read and one of them is brought forward, for one event."""

CANCELLED_HERE = "It was cancelled in Switchyard."
TOO_LATE = "It was picked or has left."
HOW_TO_MOVE = (
    "In the shop's admin, let this location stock the items (Products, the item, Inventory), or open the order and change the "
    "location of its fulfillment yourself; then retry the connection"
)


@dataclass(slots=True)
class _Talk:
    """A conversation about one order."""

    settings: Settings
    notice: Notice
    order: str
    work: list[Work]
    theirs: list[Fulfillment]
    ours: Held
    made: Matched
    ids: dict[str, str] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)
    has_moved: bool = False

    @property
    def is_one(self) -> bool:
        """Whether all goes through one location of ours."""
        return is_one(self.settings.entry)


def notify(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    """Notify the shop of an event."""
    try:
        if notice.kind == EventKind.REFUND_REQUESTED:
            return (yield from refund.pay(settings, notice))
        return (yield from _notify(settings, notice))
    except NotNow as busy:
        return Later(str(busy), busy.wait)
    except Misfit as denied:
        return Refused(str(denied))


def _notify(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    need(settings)
    order = gid("Order", notice.external)
    work = works((yield from reading.work(settings, order)))
    theirs = fulfillments((yield from reading.fulfillments(settings, order)))
    ours, made = held(notice.order), matched(parcels(notice.order, notice.left_at), theirs, notice.ids)
    talk = _Talk(settings, notice, order, work, theirs, ours, made, dict(notice.ids))
    try:
        yield from _make_equal(talk)
    except Denied as denied:
        talk.misfits.append(str(denied))
    return Refused("; ".join(talk.misfits), talk.ids) if talk.misfits else Done(talk.ids, has_moved=talk.has_moved)


def _make_equal(talk: _Talk) -> Conversation[None]:
    """Bring the shop to the facts, step by step. Raises `Denied`; what was done before stays done."""
    yield from _void(talk)
    if talk.is_one:
        yield from _take_over(talk)
    elif talk.notice.kind in HEARD_OF_PLANS:
        yield from _bring(talk, _planned(talk))
    yield from _fulfill(talk)
    yield from _correct(talk)
    if talk.is_one:
        yield from _answer(talk)
    yield from _deliver(talk)
    yield from _make_ready(talk)


def _read_work(talk: _Talk) -> Conversation[None]:
    talk.work = works((yield from reading.work(talk.settings, talk.order)))


def _void(talk: _Talk) -> Conversation[None]:
    """Take back fulfillments of parcels that did not leave."""
    gone = [one for one in talk.made.left_over if _is_voided(talk, one)]
    for one in gone:
        yield from change(talk.settings, documents.CANCEL_FULFILLMENT, id=one.id)
        talk.ids = {key: id for key, id in talk.ids.items() if id != one.id}
    if gone:
        yield from _read_work(talk)


def _is_voided(talk: _Talk, one: Fulfillment) -> bool:
    """Whether it was ours: its name was kept, or the event names just its units."""
    if one.id in talk.ids.values():
        return True
    if talk.notice.kind != EventKind.SHIPMENT_VOIDED or id_of(one.location or "") not in _locations(talk).values():
        return False
    units = {line["line"]: line["quantity"] for line in talk.notice.data["lines"]}
    return dict(one.units) == there(units)


def _locations(talk: _Talk) -> dict[str, str]:
    """The shop's location of each node; in mode `one` of every node ("")."""
    if talk.is_one:
        return {"": id_of(talk.settings.kept.get("location") or "")}
    return locations(talk.settings)


def _location(talk: _Talk, node: str) -> str:
    found = _locations(talk).get("" if talk.is_one else node)
    if not found:
        raise Denied(f"node {node} is no location of the shop: name it under `locations` in channels.toml")
    return found


def _leaving(talk: _Talk) -> Counter[str]:
    units = Counter[str]()
    for parcel in talk.made.unknown:
        units.update(parcel.units)
    return units


def _take_over(talk: _Talk) -> Conversation[None]:
    """Bring what we ship to our location, have it asked of us, and accept it: one step at a time, since each makes new ids.

    The shop may change between our reading and our step, by an edit or a person: only what it denies again after it was read
    again is denied. While nothing has left, that may still come right by itself, as when the items are not stocked at our
    location yet: then it is tried later.
    """
    leaving = _leaving(talk)
    denied: _Step | None = None
    for _ in range(STEPS_MOST):
        wanted = [work for work in talk.work if is_wanted(work, talk.ours, leaving)]
        step = next((step for work in wanted if (step := _step(talk, work))), None)
        if step is None:
            return
        try:
            yield from change(talk.settings, step[0], **step[1])
        except Denied as error:
            if step == denied:
                raise error if leaving else NotNow(str(error)) from error
            denied = step
        yield from _read_work(talk)
    raise Denied(f"the shop's fulfillment orders are not ready after {STEPS_MOST} steps")


_Step = tuple[str, dict[str, Any]]
"""A mutation and its variables."""


def _step(talk: _Talk, work: Work) -> _Step | None:
    """What brings a fulfillment order forward."""
    own = _location(talk, "")
    if work.request == "SUBMITTED" and work.location == own:
        return documents.ACCEPT_REQUEST, {"id": work.id}
    if work.status != "OPEN":
        return None
    if work.location != own and not work.is_of_a_service and not work.is_collected and "MOVE" in work.actions:
        return documents.MOVE_WORK, {"id": work.id, "location": gid("Location", own)}
    if work.location == own and work.request == "UNSUBMITTED" and "REQUEST_FULFILLMENT" in work.actions:
        return documents.SUBMIT_REQUEST, {"id": work.id}
    return None


def _fulfill(talk: _Talk) -> Conversation[None]:
    """A fulfillment for each parcel that the shop does not know. One that it denies stops no other."""
    known = {line.line for work in talk.work for line in work.lines}
    denied: dict[str, list[str]] = {}
    for parcel in talk.made.unknown:
        units = {line: quantity for line, quantity in parcel.units.items() if line in known}
        try:
            if units:
                yield from _fulfill_parcel(talk, parcel, units)
        except Denied as error:
            denied.setdefault(str(error), []).append(parcel.key)
    talk.misfits += [f"{why} ({', '.join(keys)})" for why, keys in denied.items()]


def _fulfill_parcel(talk: _Talk, parcel: Parcel, units: Mapping[str, int]) -> Conversation[None]:
    """A fulfillment: of one order, of one location, always by line. Raises `Denied`."""
    location = _location(talk, parcel.node)
    if not talk.is_one:
        yield from _bring(talk, {location: units})
    found = picked(units, (work for work in talk.work if work.location == location))
    for line, quantity in found.lacking.items():
        talk.misfits.append(
            f"{quantity} units of line {line} left in {parcel.key}, and the shop has none left to fulfill"
        )
    if found.lines:
        made = yield from change(
            talk.settings, documents.CREATE_FULFILLMENT, fulfillment=_fulfillment(talk, parcel, found.by_work)
        )
        talk.ids[parcel.key] = made["fulfillment"]["id"]
        take(found)


def _fulfillment(talk: _Talk, parcel: Parcel, by_work: list[dict[str, Any]]) -> dict[str, Any]:
    tracking = _tracking(talk, parcel)
    return {
        "lineItemsByFulfillmentOrder": by_work,
        "notifyCustomer": bool(talk.settings.entry.get("notify_customer", True)),
    } | ({"trackingInfo": tracking} if tracking else {})


def _tracking(talk: _Talk, parcel: Parcel) -> dict[str, str]:
    company = spelled(parcel.carrier, talk.settings.entry.get("carriers", {}))
    return {name: value for name, value in (("company", company), ("number", parcel.tracking)) if value}


def _planned(talk: _Talk) -> dict[str, Mapping[str, int]]:
    """By location, the units that its node is to ship; `connect` names the nodes that are no location."""
    known = _locations(talk)
    planned = planned_at(talk.notice.order, talk.notice.pinned)
    return {known[node]: units for node, units in planned.items() if node in known}


def _bring(talk: _Talk, planned: Mapping[str, Mapping[str, int]]) -> Conversation[None]:
    """Move to these locations the units that they are to have and Shopify has assigned to others; one fulfillment order at a
    time, since a move may close others and make new ones. Raises `Denied`."""
    for _ in range(STEPS_MOST):
        move = next_move(talk.work, planned)
        if move is None:
            return
        to = gid("Location", move.location)
        try:
            yield from change(talk.settings, documents.MOVE_WORK, id=move.work, location=to, lines=move.lines)
        except Denied as error:
            node = node_of(talk.settings, move.location)
            raise Denied(
                f"the shop does not move units to the location of node {node}: {error}. {HOW_TO_MOVE}"
            ) from error
        talk.has_moved = True
        yield from _read_work(talk)
    raise Denied(f"units are not at the location that ships them after {STEPS_MOST} moves. {HOW_TO_MOVE}")


def _correct(talk: _Talk) -> Conversation[None]:
    """Give fulfillments the tracking number that their parcel has now."""
    ours = {parcel.key: parcel for parcel in parcels(talk.notice.order, talk.notice.left_at)}
    for key, one in talk.made.known.items():
        talk.ids[key] = one.id
        parcel = ours.get(key) or ours.get(key.rpartition(".")[0])
        if parcel and parcel.tracking and [parcel.tracking] != list(one.numbers):
            notify_customer = bool(talk.settings.entry.get("notify_customer", True))
            yield from change(
                talk.settings,
                documents.UPDATE_TRACKING,
                id=one.id,
                tracking=_tracking(talk, parcel),
                notify=notify_customer,
            )


def _answer(talk: _Talk) -> Conversation[None]:
    """Answer requests to cancel, and give back what was cancelled here."""
    own = _location(talk, "")
    for work in (work for work in talk.work if work.location == own):
        if work.request == "CANCELLATION_REQUESTED" and work.status not in ("CLOSED", "CANCELLED"):
            yield from _answer_cancellation(talk, work)
        elif talk.notice.kind == EventKind.CANCELLED and is_given_up(work, talk.ours):
            yield from _give_up(talk, work)


def _answer_cancellation(talk: _Talk, work: Work) -> Conversation[None]:
    remaining = [line for line in work.lines if line.remaining]
    is_held = any(talk.ours.to_ship.get(line.line) for line in remaining)
    if remaining and not is_held:
        yield from change(talk.settings, documents.ACCEPT_CANCELLATION, id=work.id)
    elif not remaining or talk.notice.kind == EventKind.CANCEL_REFUSED:
        yield from change(talk.settings, documents.REJECT_CANCELLATION, id=work.id, message=TOO_LATE)


def _give_up(talk: _Talk, work: Work) -> Conversation[None]:
    """Reject what was asked and not accepted; close what was accepted."""
    if work.request == "SUBMITTED":
        about = {"reason": "OTHER", "message": CANCELLED_HERE}
        yield from change(talk.settings, documents.REJECT_REQUEST, id=work.id, **about)
    elif work.request in ("ACCEPTED", "CANCELLATION_REJECTED") and work.status == "IN_PROGRESS":
        yield from change(talk.settings, documents.CLOSE_WORK, id=work.id, message=CANCELLED_HERE)


def _deliver(talk: _Talk) -> Conversation[None]:
    """Report a delivery that a carrier or a person reported, and that all parcels of the fulfillment order share."""
    if talk.notice.kind != EventKind.DELIVERED or talk.notice.data.get("assumed"):
        return
    name = talk.notice.data["fulfillment_order"]
    [fo] = [fo for fo in talk.notice.order["fulfillment_orders"] if fo["fulfillment_order"] == name]
    if any(line["delivered"] < line["shipped"] for line in fo["lines"]):
        return
    known = {one.id: one for one in talk.theirs}
    for id in (id for key, id in talk.ids.items() if key.startswith(f"{name}/")):
        if id not in known or not known[id].is_delivered:
            event = {"fulfillmentId": id, "status": "DELIVERED"}
            yield from change(talk.settings, documents.CREATE_EVENT, event=event)


def _make_ready(talk: _Talk) -> Conversation[None]:
    """Say that goods lie ready for the customer; once, since Shopify writes to the customer each time."""
    if talk.notice.kind != EventKind.READY_FOR_PICKUP or talk.is_one:
        return
    name = talk.notice.data["fulfillment_order"]
    location = _location(talk, talk.notice.data["node"])
    ready = [work for work in talk.work if work.location == location and work.is_collected and work.is_open]
    if ready and f"ready/{name}" not in talk.ids:
        work = [{"fulfillmentOrderId": one.id} for one in ready]
        yield from change(talk.settings, documents.READY_FOR_PICKUP, work=work)
        talk.ids[f"ready/{name}"] = "sent"
