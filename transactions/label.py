"""Asks for the labels of parcels and keeps what carriers answer.

No carrier is called here: `jobs/label.py` calls, outside of any transaction, and brings the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from carriers.carrier import Address, Bought, Settings, Shipment
from carriers.judge import is_name
from carriers.kinds import KINDS
from database import address, exception, label, order, personal, returns
from database import connection as connections
from database import tracking as tracking_statements
from database.connect import ReadConnection, WriteConnection
from database.documents import fulfillment
from database.exception import ClosingFact
from database.label import Change, NewLabel, StoredLabel
from database.request import Request
from domain import identifiers
from domain.fulfillment import FulfillmentOrderStatus
from domain.label import LabelFormat, LabelRequest, LabelState, VoidLabelRequest, when_missing
from domain.network import Carrier, Locality, Network, Node, distance_km
from domain.rate_card import Destination, Offer, cheapest, route
from domain.reasons import ExceptionCode
from domain.units import Opened
from network.geography import locate
from transactions.fulfillment import UnknownFulfillmentOrder
from transactions.request import Answer, Asked, answered_once, granted
from transactions.transaction import FORGOTTEN_DETAIL, OrderTransactions, Transaction

FAILED = ExceptionCode.CARRIER_FAILED
SAID_MAX = 500
"""Characters of a carrier's text that are kept."""
OVER = frozenset({FulfillmentOrderStatus.CANCELLED, FulfillmentOrderStatus.CLOSED_SHORT})
USED_MEANWHILE = "has taken it back, and its parcel left meanwhile: tell the carrier, or give the parcel another label"
CREDENTIALS = "carrier:{}"
"""Under which name the credentials of a carrier are stored: no channel has a colon in its name."""
WEBHOOK_SECRET = "webhook_secret"
"""The credential with which a carrier's webhooks are signed."""


class UnknownLabel(LookupError):
    """There is no such label, or it is another node's."""


async def ask(transactions: OrderTransactions, asked: Asked[LabelRequest], *, node: str | None) -> str:
    """Store a label to be bought for a parcel of a fulfillment order; answers its id.

    `node` is the node whose key was used. Raises `UnknownFulfillmentOrder`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    name = identifiers.order_of_fulfillment_order(asked.about)

    async def doing(transaction: Transaction, network: Network, kept: Request) -> Answer:
        shown = await fulfillment.show(transaction.connection, network, node=node, fulfillment_order=asked.about)
        if shown is None:
            raise UnknownFulfillmentOrder(asked.about)
        if why := _why_no_label(shown):
            return {"refused": why}
        weight = asked.body.weight_g or sum((line["weight_g"] or 0) * _due(line) for line in shown["lines"])
        sent_by, goes_to = network.node(shown["node"]), address_of(shown["ship_to"])
        parcel = _Parcel(name, asked.about, shown["service"], sent_by, goes_to, weight, is_return=False)
        return await _add(transaction.connection, network, parcel, asked)

    try:
        return await _ask(transactions, asked, name, doing)
    except order.UnknownOrder:
        raise UnknownFulfillmentOrder(asked.about) from None


async def ask_for_return(transactions: OrderTransactions, asked: Asked[LabelRequest]) -> str:
    """Store a label to be bought for the parcel of a return, from the customer to the return's node; answers its id.

    Raises `UnknownReturn`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    async with transactions.database.read() as connection:
        name = (await returns.state(connection, asked.about)).order

    async def doing(transaction: Transaction, network: Network, kept: Request) -> Answer:
        connection = transaction.connection
        state = await returns.state(connection, asked.about)
        sender = await address.of(connection, state.order)
        if sender is None:
            return {"refused": f"the address of {state.order} was erased"}
        if state.node is None or not state.waits_for_its_parcel:
            said = "it names no node to send it to" if state.node is None else f"it is {state.status}"
            return {"refused": f"{asked.about} gets no label: {said}"}
        service, grams = await label.of_return(connection, asked.about)
        goes_from, to = address_of(sender.model_dump(mode="json")), network.node(state.node)
        weight = asked.body.weight_g or grams
        parcel = _Parcel(state.order, asked.about, service, to, goes_from, weight, is_return=True)
        return await _add(connection, network, parcel, asked)

    return await _ask(transactions, asked, name, doing)


Doing = Callable[[Transaction, Network, Request], Awaitable[Answer]]


async def _ask(transactions: OrderTransactions, asked: Asked[LabelRequest], name: str, doing: Doing) -> str:
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await order.lock(connection, name)
        _, network = await transactions.networks.active(connection)

        async def once(kept: Request) -> Answer:
            return await doing(transaction, network, kept)

        answer = await answered_once(connection, asked, "label", {}, once, order=name, subject=asked.about)
    return str(granted(answer)["label"])


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A parcel that wants a label."""

    order: str
    about: str
    service: str
    node: Node
    """Where it leaves, or for a return where it goes."""
    customer: Address
    weight_g: int
    is_return: bool


def _why_no_label(shown: Mapping[str, Any]) -> str | None:
    name = shown["fulfillment_order"]
    if shown["forgotten"]:
        return f"the address of {shown['order']} was erased"
    if shown["pickup"]:
        return f"the customer collects {name}"
    if shown["status"] in OVER:
        return f"{name} is {shown['status']}"
    return None


def _due(line: Mapping[str, Any]) -> int:
    return max(0, int(line["quantity"]) - int(line["short"]) - int(line["shipped"])) or int(line["quantity"])


async def _add(connection: WriteConnection, network: Network, parcel: _Parcel, asked: Asked[LabelRequest]) -> Answer:
    body = asked.body
    known = await label.open_one(connection, parcel.about, body.package)
    if known is not None:
        return {"refused": _why_no_second(known)}
    chosen = _chosen(network, parcel, body.carrier)
    if isinstance(chosen, str):
        return {"refused": chosen}
    carrier, offer = chosen
    details = {
        "service": parcel.service,
        "format": body.format,
        "weight_g": max(parcel.weight_g, 1),
        "sides": [body.sides.length_mm, body.sides.width_mm, body.sides.height_mm] if body.sides else None,
        "amount": offer.amount if offer else None,
        "currency": network.policy.currency if offer else None,
        "is_return": parcel.is_return,
    }
    shipment = _shipment("", details, parcel.node, parcel.customer, "")
    settings = Settings(carrier.name, carrier.settings)
    if mistake := KINDS[carrier.kind].mistake(settings, shipment):
        return {"refused": f"{carrier.name} cannot print this label: {mistake}"}
    new = NewLabel(parcel.order, parcel.about, body.package, carrier.name, details, asked.actor)
    return {"label": await label.add(connection, new)}


def _why_no_second(known: StoredLabel) -> str:
    said = f"this package has the label {known.label}, which is {known.state}"
    if known.state is LabelState.UNKNOWN:
        return f"{said}: its carrier may have sold it; look there for {known.label}, and void it before you ask again"
    return f"{said}: void it before you ask for another"


def _chosen(network: Network, parcel: _Parcel, wanted: str | None) -> tuple[Carrier, Offer | None] | str:
    """The carrier that was named, or the cheapest by its rate card; or why there is none."""
    if wanted is not None and wanted not in network.carriers:
        return f"carriers.toml has no carrier of this name; it has {', '.join(sorted(network.carriers)) or 'none'}"
    offers = {name: _offer(one, parcel) for name, one in network.carriers.items() if wanted in (None, name)}
    if wanted is not None:
        return network.carriers[wanted], offers[wanted]
    best = cheapest(offer for offer in offers.values() if offer)
    if best is None:
        return f"no carrier of carriers.toml takes {parcel.service} to this place by its rate card; name one"
    return network.carriers[best.carrier], best


def _offer(carrier: Carrier, parcel: _Parcel) -> Offer | None:
    """What a carrier asks for the parcel by its rate card, if it has one."""
    to = parcel.customer
    place = locate(Locality(to.country, to.postal_code, to.city, to.region))
    node = parcel.node
    away = None if place.far else distance_km(node.latitude, node.longitude, place.latitude, place.longitude)
    found = route(carrier, parcel.service, node.country, Destination(to.country, to.region, to.postal_code, away))
    return found.offer_by_weight(parcel.weight_g) if found else None


async def want_void(transactions: OrderTransactions, asked: Asked[VoidLabelRequest], *, node: str | None) -> None:
    """Have a label given back. Nobody is asked twice, and one that was not sold has nothing to give back.

    Raises `UnknownLabel`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        known = await seen(connection, asked.about, node)
        await order.lock(connection, known.order)

        async def doing(kept: Request) -> Answer:
            found = await label.find(connection, asked.about)
            assert found is not None
            if found.state is LabelState.REFUSED:
                return {"refused": f"{found.label} was not sold: there is nothing to give back"}
            if await _is_decided_by_a_person(transactions, connection, found):
                await label.change(connection, found, Change(LabelState.VOIDED))
                await _close(transaction, found)
            elif found.state is not LabelState.VOIDED:
                await label.want_void(connection, found.label)
            return {"label": found.label}

        answer = await answered_once(
            connection, asked, "void_label", {"label": asked.about}, doing, order=known.order, subject=asked.about
        )
    granted(answer)


async def _is_decided_by_a_person(
    transactions: OrderTransactions, connection: ReadConnection, stored: StoredLabel
) -> bool:
    """Whether nobody but a person can say what became of a label: its carrier cannot be asked by our reference, or what the
    carrier calls it was erased with its order."""
    if stored.state is LabelState.BOUGHT:
        return stored.tracking is None
    _, network = await transactions.networks.active(connection)
    carrier = network.carriers.get(stored.carrier)
    finds = carrier is not None and KINDS[carrier.kind].finds
    return stored.state is LabelState.UNKNOWN and stored.tracking is None and not finds


async def seen(connection: ReadConnection, name: str, node: str | None) -> StoredLabel:
    """A label that a node may see; None = an operator. Raises `UnknownLabel`."""
    known = await label.find(connection, name)
    if known is None or (node is not None and await label.node_of(connection, name) != node):
        raise UnknownLabel(name)
    return known


async def settings_of(transactions: OrderTransactions, carrier: str) -> tuple[str, Settings] | None:
    """The kind of a carrier and what its kind needs to call it; None = the active network does not have it."""
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
        access = await connections.access(connection, CREDENTIALS.format(carrier))
    entry = network.carriers.get(carrier)
    if entry is None:
        return None
    return entry.kind, Settings(carrier, entry.settings, access.credentials if access else {})


async def is_wanted(transactions: OrderTransactions, stored: StoredLabel) -> bool:
    """Whether the parcel of a label is still to leave: its work is not over, its return still waits, its order was not
    forgotten."""
    async with transactions.database.read() as connection:
        return await _is_wanted(transactions, connection, stored)


async def _is_wanted(transactions: OrderTransactions, connection: ReadConnection, stored: StoredLabel) -> bool:
    if stored.asked["is_return"]:
        return (await returns.state(connection, stored.about)).waits_for_its_parcel
    _, network = await transactions.networks.active(connection)
    shown = await fulfillment.show(connection, network, node=None, fulfillment_order=stored.about)
    return shown is not None and shown["status"] not in OVER


async def shipment_of(transactions: OrderTransactions, stored: StoredLabel) -> Shipment | None:
    """What the carrier is asked for; None = the order was forgotten."""
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
        if not stored.asked["is_return"]:
            shown = await fulfillment.show(connection, network, node=None, fulfillment_order=stored.about)
            if shown is None or shown["forgotten"]:
                return None
            node, to = network.node(shown["node"]), address_of(shown["ship_to"])
            called = shown["purchase_order"] or shown["reference"] or shown["order"]
            return _shipment(stored.label, stored.asked, node, to, called)
        sender = await address.of(connection, stored.order)
        state = await returns.state(connection, stored.about)
        if sender is None or state.node is None:
            return None
        customer = address_of(sender.model_dump(mode="json"))
        return _shipment(stored.label, stored.asked, network.node(state.node), customer, stored.about)


def _shipment(reference: str, asked: Mapping[str, Any], node: Node, customer: Address, called: str) -> Shipment:
    ours = address_of_node(node)
    sides = asked["sides"]
    return Shipment(
        reference=reference,
        service=asked["service"],
        ship_from=customer if asked["is_return"] else ours,
        ship_to=ours if asked["is_return"] else customer,
        weight_g=asked["weight_g"],
        format=LabelFormat(asked["format"]),
        sides_mm=(sides[0], sides[1], sides[2]) if sides else None,
        is_return=asked["is_return"],
        purchase_order=called,
    )


def address_of(ship_to: Mapping[str, Any]) -> Address:
    """An address of an order as carriers are given it."""
    known = {name: ship_to.get(name) or "" for name in ("postal_code", "region", "city", "name", "company", "phone")}
    return Address(
        country=ship_to["country"], street=tuple(ship_to.get("street") or ()), email=ship_to.get("email") or "", **known
    )


def address_of_node(node: Node) -> Address:
    """Where a node sends from."""
    return Address(
        country=node.country,
        postal_code=node.postal_code or "",
        region=node.state,
        city=node.city,
        street=node.street,
        name=node.name,
        company=node.name,
        phone=node.phone,
    )


async def bought(transactions: OrderTransactions, stored: StoredLabel, sold: Bought) -> None:
    """Keep a label that a carrier sold. One that nobody wants any more, or whose work is over, is given back."""
    amount, currency = (sold.amount, sold.currency) if sold.amount is not None else _by_rate_card(stored)
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state is LabelState.BOUGHT:
            return
        known = Change(now.state, timedelta(), sold.tracking, sold.theirs, amount, currency, sold.content)
        is_wanted = now.void_wanted_at is None and await _is_wanted(transactions, transaction.connection, now)
        if now.state in (LabelState.ASKED, LabelState.UNKNOWN) and is_wanted:
            known = replace(known, state=LabelState.BOUGHT, due_in=None, is_bought=True)
            await _close(transaction, now)
            await _follow(transactions, transaction, now, sold.tracking)
        elif now.state is LabelState.ASKED:
            known = replace(known, state=LabelState.UNKNOWN)
        await label.change(transaction.connection, now, known)


async def _follow(
    transactions: OrderTransactions, transaction: Transaction, stored: StoredLabel, tracking: str
) -> None:
    """Follow the parcel of a label, unless it belongs to a return or its order was forgotten."""
    if stored.asked["is_return"] or await personal.forgotten(transaction.connection, stored.order) is not None:
        return
    _, network = await transactions.networks.active(transaction.connection)
    carrier = network.carriers.get(stored.carrier)
    await tracking_statements.follow(
        transaction.connection,
        stored.carrier,
        [(tracking, stored.package)],
        order=stored.order,
        fulfillment_order=stored.about,
        is_asked=carrier is not None and KINDS[carrier.kind].tracks,
    )


def _by_rate_card(stored: StoredLabel) -> tuple[int | None, str | None]:
    return stored.asked["amount"], stored.asked["currency"]


async def refused(transactions: OrderTransactions, stored: StoredLabel, why: str) -> None:
    """The carrier did not sell a label: a person learns what it said, and the parcel may get another one."""
    await _settle(transactions, stored, Change(LabelState.REFUSED, said=why[:SAID_MAX]), f"did not sell: {why}")


async def unusable(transactions: OrderTransactions, stored: StoredLabel, sold: Bought, why: str) -> None:
    """The carrier sold something that cannot be used: it is given back, if the carrier says what it calls it."""
    can_void = is_name(sold.tracking) and (not sold.theirs or is_name(sold.theirs))
    state = LabelState.REFUSED if can_void else LabelState.UNKNOWN
    tracking, theirs = (sold.tracking, sold.theirs) if can_void else (None, None)
    again = timedelta() if can_void else timedelta(minutes=1)
    new = Change(state, again, tracking, theirs, said=why)
    if not await _settle(transactions, stored, new, f"gave no label that can be used: {why}") and can_void:
        async with transactions.begin() as transaction:
            now = await _locked(transaction, stored)
            if now.state in (LabelState.REFUSED, LabelState.VOIDED):
                await label.change(transaction.connection, now, replace(new, state=now.state))


async def unknown(transactions: OrderTransactions, stored: StoredLabel, why: str, again: timedelta | None) -> None:
    """The carrier did not answer: it may have sold the label, and is asked for it `again` (None = it cannot be asked, and a
    person decides)."""
    said = f"did not answer, and may have sold it: {why}"
    if again is None:
        said += f"; look there for {stored.label}, and void it here before you ask for another"
    await _settle(transactions, stored, Change(LabelState.UNKNOWN, again, said=why[:SAID_MAX]), said)


async def missing(transactions: OrderTransactions, stored: StoredLabel) -> None:
    """The carrier says that it did not sell a label."""
    wanted = stored.void_wanted_at is not None
    asked_at = stored.called_at or datetime.now(UTC)
    found = when_missing(asked_at, datetime.now(UTC), void_wanted=wanted)
    is_open = stored.state in (LabelState.ASKED, LabelState.UNKNOWN)
    new = Change(
        found.state if is_open else stored.state, found.look_again_in, said="it has no label with our reference"
    )
    if new.state is LabelState.REFUSED and is_open:
        await _settle(transactions, stored, new, "has not sold it after all; ask for another")
        return
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state is stored.state:
            await label.change(transaction.connection, now, new)
            if new.state is LabelState.VOIDED:
                await _close(transaction, now)


async def voided(transactions: OrderTransactions, stored: StoredLabel) -> None:
    """The carrier took a label back, or nobody was asked to sell it. One that could not be used stays refused: its parcel still
    wants another."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state is LabelState.REFUSED:
            await label.change(transaction.connection, now, Change(LabelState.REFUSED))
            return
        await label.change(transaction.connection, now, Change(LabelState.VOIDED))
        await _close(transaction, now)
        if now.is_unused and (await label.use_of(transaction.connection, now)).has_left:
            await open_exception(transaction, now, USED_MEANWHILE)


async def not_voided(transactions: OrderTransactions, stored: StoredLabel, why: str) -> None:
    """The carrier does not take a label back: it stays bought, and a person learns why."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        new = Change(now.state, said=why[:SAID_MAX])
        if now.state is LabelState.UNKNOWN and now.tracking:
            new = replace(new, state=LabelState.BOUGHT, is_bought=True)
            await _follow(transactions, transaction, now, now.tracking)
        await label.change(transaction.connection, now, new)
        await open_exception(transaction, now, f"does not take it back: {why}")


async def unanswered(transactions: OrderTransactions, stored: StoredLabel, why: str) -> None:
    """A person learns that a carrier has not answered again and again; it is asked further on."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        await open_exception(transaction, now, f"has not answered {stored.tries} times: {why}")


async def _settle(transactions: OrderTransactions, stored: StoredLabel, new: Change, said: str) -> bool:
    """Write what became of a label and open the exception about it; false = somebody has settled it meanwhile."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state not in (LabelState.ASKED, LabelState.UNKNOWN):
            return False
        await label.change(transaction.connection, now, new)
        if now.state is not new.state:
            await open_exception(transaction, now, said)
        return True


async def _locked(transaction: Transaction, stored: StoredLabel) -> StoredLabel:
    await order.lock(transaction.connection, stored.order)
    found = await label.find(transaction.connection, stored.label)
    assert found is not None
    return found


async def open_exception(transaction: Transaction, stored: StoredLabel, said: str) -> None:
    """Open the exception of a label, instead of an earlier one of its parcel."""
    connection, at = transaction.connection, datetime.now(UTC)
    await _close(transaction, stored)
    is_forgotten = await personal.forgotten(connection, stored.order) is not None
    detail = f"{stored.carrier}, label {stored.label}: {said[:SAID_MAX]}"
    if is_forgotten:
        detail = FORGOTTEN_DETAIL.format(code=FAILED)
    of = None if stored.asked["is_return"] else stored.about
    opened = [Opened(FAILED, detail, fulfillment_order=of, subject=stored.label)]
    cause = f"label {stored.label} {at.isoformat()}"
    await exception.open_all(connection, opened, order=stored.order, cause=cause, at=at)
    await transaction.changed(stored.order)


async def _close(transaction: Transaction, stored: StoredLabel) -> None:
    """Close what is open about the labels of a parcel."""
    labels = await label.of_package(transaction.connection, stored.about, stored.package)
    fact = ClosingFact(f"label {stored.label}", f"carrier:{stored.carrier}", datetime.now(UTC))
    if await exception.close_about(transaction.connection, stored.order, FAILED, labels, fact):
        await transaction.changed(stored.order)
