"""What the paper of a packer shows, from fulfillment orders as their node sees them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from database.connect import ReadConnection
from database.documents import fulfillment
from database.documents.fulfillment import Filters
from domain.fulfillment import FulfillmentOrderStatus
from domain.money import written
from domain.network import Network, Node
from formats.packing import PackingSlip, Pick, PickList, SlipLine

Document = Mapping[str, Any]
TO_PICK = (FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.IN_PROGRESS)


class NothingToPack(Exception):
    """There is nothing to print; the text says why."""


def slip_of(shown: Document, network: Network) -> PackingSlip:
    """The slip for the parcel of a fulfillment order. A gift shows no price: one line with a gift message makes all of it one.

    Raises `NothingToPack`.
    """
    name = shown["fulfillment_order"]
    if shown["forgotten"]:
        raise NothingToPack(f"the address of {name} was erased")
    lines = [(line, units) for line in shown["lines"] if (units := _to_pack(line)) > 0]
    if not lines or shown["status"] == FulfillmentOrderStatus.CANCELLED:
        raise NothingToPack(f"nothing of {name} is to be packed: it was cancelled, or given to another node")
    is_gift = any(line["gift_message"] for line, _ in lines)
    return PackingSlip(
        sender=network.policy.name_of(shown["channel"]),
        fulfillment_order=name,
        called=shown["reference"] or shown["order"],
        purchase_order=shown["purchase_order"] or "",
        service=shown["service"],
        is_collected=shown["pickup"],
        ship_from=_place_of(network.node(shown["node"])),
        ship_to=lines_of(shown["ship_to"]),
        country=shown["ship_to"]["country"],
        lines=[_slip_line(line, units, None if is_gift else shown["currency"]) for line, units in lines],
    )


def _to_pack(line: Document) -> int:
    return int(line["quantity"] - line["short"] - line["cancel_requested"] - line["in_doubt"])


def _slip_line(line: Document, units: int, currency: str | None) -> SlipLine:
    return SlipLine(
        sku=line["sku"],
        name=line["name"],
        quantity=units,
        barcode=line["barcode"] or "",
        price="" if currency is None else f"{written(line['unit_price'], currency)} {currency}",
        contents=[f"{one['quantity']} × {one['sku']} {one['name']}" for one in line["components"]],
        remarks=[f"{name}: {text}" for name, text in line["attributes"].items()],
        gift_message=line["gift_message"] or "",
    )


def _place_of(node: Node) -> list[str]:
    return [node.name, " ".join(filter(None, (node.postal_code, node.country)))]


def lines_of(ship_to: Document) -> list[str]:
    """An address, line by line."""
    place = " ".join(filter(None, (ship_to.get("city"), ship_to.get("region"), ship_to.get("postal_code"))))
    lines = [ship_to.get("company"), ship_to.get("name"), *(ship_to.get("street") or ()), place, ship_to["country"]]
    return [line for line in lines if line]


class Wave(NamedTuple):
    """Which fulfillment orders of a node are picked in one walk; None = whatever it is."""

    order: str | None = None
    service: str | None = None
    category: str | None = None
    """Of the items: a zone of the warehouse."""
    ship_by_before: datetime | None = None


async def pick_list(
    connection: ReadConnection, network: Network, node: Node, wave: Wave, *, limit: int, at: datetime
) -> PickList:
    """What is to be fetched for the oldest fulfillment orders of a node, `limit` at most. Raises `NothingToPack`."""
    found = list[dict[str, Any]]()
    for status in TO_PICK:
        filters = Filters(
            node=node.id, status=status, order=wave.order, service=wave.service, ship_by_before=wave.ship_by_before
        )
        found += await fulfillment.listed(connection, network, filters, after=None, limit=limit + 1)
    found.sort(key=lambda one: (one["released_at"], one["fulfillment_order"]))
    picks = picks_of(found[:limit], network, wave.category)
    if not picks:
        raise NothingToPack(f"nothing is to be picked at {node.id}")
    boxes = list(dict.fromkeys(name for name, _ in picks))
    return PickList(
        node=node.name,
        on=at.astimezone(node.time_zone).date(),
        boxes=boxes,
        picks=_sorted(picks, boxes),
        is_cut=len(found) > limit,
    )


class _Fetched(NamedTuple):
    sku: str
    name: str
    barcode: str
    zone: str
    marks: tuple[str, ...]


def picks_of(
    shown: Sequence[Document], network: Network, category: str | None
) -> list[tuple[str, tuple[_Fetched, int]]]:
    """By fulfillment order, each item that is to be fetched, and how many units of it. A bundle is fetched in its parts."""
    return [
        (one["fulfillment_order"], (fetched, units))
        for one in shown
        for line in one["lines"]
        for fetched, units in _fetched(line, network)
        if units > 0 and category in (None, fetched.zone)
    ]


def _fetched(line: Document, network: Network) -> Iterator[tuple[_Fetched, int]]:
    units = _to_pack(line) - line["picked"]
    parts = line["components"] or [
        {"sku": line["sku"], "quantity": 1, "name": line["name"], "barcode": line["barcode"]}
    ]
    for part in parts:
        item = network.item(part["sku"]) if network.knows_item(part["sku"]) else None
        flags = {"dangerous goods": line["hazmat"], "each unit is a parcel of its own": line["ships_alone"]}
        yield (
            _Fetched(
                part["sku"],
                item.name if item else part["name"],
                part["barcode"] or "",
                item.category if item else "",
                tuple(mark for mark, is_set in flags.items() if is_set),
            ),
            units * part["quantity"],
        )


def _sorted(picks: Sequence[tuple[str, tuple[_Fetched, int]]], boxes: Sequence[str]) -> list[Pick]:
    """One pick for each item, by zone and SKU."""
    number = {name: position for position, name in enumerate(boxes, 1)}
    into: dict[_Fetched, dict[int, int]] = {}
    for name, (fetched, units) in picks:
        by_box = into.setdefault(fetched, {})
        by_box[number[name]] = by_box.get(number[name], 0) + units
    return [
        Pick(fetched.sku, fetched.name, fetched.barcode, fetched.zone, fetched.marks, sorted(into[fetched].items()))
        for fetched in sorted(into, key=lambda one: (one.zone, one.sku))
    ]
