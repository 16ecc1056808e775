"""Writes a warehouse shipping order (X12 940) from a fulfillment order as its node sees it: new, changed or cancelled.

Segments and lengths are those of 004010, which later versions kept.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any, Literal, NamedTuple

from formats.x12.parts import Segment, Set
from formats.x12.write import clean
from nodes.x12.profile import Routing, WarehouseProfile

Purpose = Literal["N", "R", "F"]
"""W0501 (data element 473): new, replaced by another content, cancelled."""
NUMBER_MAX = 22
"""The characters of a depositor's order number (data element 285)."""
PREFIX_LENGTH = NUMBER_MAX - 11
"""How many characters a shortened number has from its beginning; a hyphen and ten digits of a checksum follow."""
NAME_MAX = 60
STREET_MAX = 55
STREETS_MAX = 4
"""Two N3 segments of two elements each."""
REFERENCE_MAX = 30
NOTE_MAX = 80
TEXT_MAX = 45


class Row(NamedTuple):
    """Units of one SKU that a warehouse is asked to ship: a line, or one component of a bundle."""

    line: str
    sku: str
    name: str
    barcode: str | None
    each: int
    """How many of the SKU one unit of the line is: more than one only in a bundle."""


def order_number(fulfillment_order: str) -> str:
    """The depositor's order number of a fulfillment order: its id, or where that is longer than 22 characters its beginning
    with a checksum. Who looks one up compares checksums of the fulfillment orders that begin so."""
    if len(fulfillment_order) <= NUMBER_MAX:
        return fulfillment_order
    digest = hashlib.sha256(fulfillment_order.encode()).hexdigest()[:10]
    return f"{fulfillment_order[:PREFIX_LENGTH]}-{digest}"


def rows(document: Mapping[str, Any]) -> list[Row]:
    """What a fulfillment order asks for in items that a warehouse has; a bundle is its components."""
    found: list[Row] = []
    for line in document["lines"]:
        parts = line["components"]
        if not parts:
            found.append(Row(line["line"], line["sku"], line["name"], line["barcode"], 1))
        for part in parts:
            found.append(Row(line["line"], part["sku"], part["name"], part["barcode"], part["quantity"]))
    return found


def still_asked(line: Mapping[str, Any]) -> int:
    """Units of a line that the warehouse should ship or has shipped, without those that it is asked to cancel."""
    return max(0, int(line["quantity"] - line["short"] - line["cancel_requested"]))


def purpose(document: Mapping[str, Any]) -> Purpose:
    """What a 940 about the fulfillment order says now. Work that was given up, or whose due units are all to be cancelled, is
    cancelled; a part of it makes a changed order."""
    if document["request"] == "unsent":
        return "N"
    remains = any(still_asked(line) > line["shipped"] for line in document["lines"])
    return "R" if document["request"] == "cancel_requested" and remains else "F"


def shipping_order(document: Mapping[str, Any], profile: WarehouseProfile, control: str) -> Set:
    """The 940 about a fulfillment order, for what its `request` asks."""
    why = purpose(document)
    number, purchase_order = order_number(document["fulfillment_order"]), text(document["purchase_order"])
    fits = len(purchase_order) <= NUMBER_MAX
    segments = [Segment.of("W05", why, number, purchase_order if fits else None)]
    segments += _ship_to(document)
    segments.append(Segment.of("N9", "CO", text(document["order"])[:REFERENCE_MAX]))
    if not fits:
        segments.append(Segment.of("N9", "PO", purchase_order[:REFERENCE_MAX]))
    segments.append(Segment.of("G62", "10", _date(document["ship_by"], profile)))
    segments += _notes(_instructions(document, why))
    if why != "F":
        segments += _carrier(document, profile)
        segments += _details(document)
    segments.append(_totals(document, why))
    return Set("940", control, tuple(segments))


def _ship_to(document: Mapping[str, Any]) -> Iterator[Segment]:
    """The address. What has no room in it is a note, and never cut off."""
    to = document["ship_to"]
    names = [text(to.get(key)) for key in ("company", "name") if text(to.get(key))]
    first = names[0] if names else f"Order {document['order']}"
    yield Segment.of("N1", "ST", first[:NAME_MAX])
    for name in [*names[1:], *filter(None, [first[NAME_MAX:].strip()])][:2]:
        yield Segment.of("N2", name[:NAME_MAX])
    streets = _streets(to)[:STREETS_MAX]
    for begin in range(0, len(streets), 2):
        yield Segment.of("N3", *streets[begin : begin + 2])
    yield Segment.of("N4", *(text(to.get(key)) for key in ("city", "region", "postal_code", "country")))
    if contact := [pair for kind, key in (("TE", "phone"), ("EM", "email")) if to.get(key) for pair in (kind, to[key])]:
        yield Segment.of("PER", "IC", None, *contact)


def _streets(to: Mapping[str, Any]) -> list[str]:
    return [part for street in to.get("street") or () for part in wrap(text(street), STREET_MAX)]


def _instructions(document: Mapping[str, Any], why: Purpose) -> Iterator[str]:
    if why == "F":
        yield "CANCELLED - DO NOT SHIP"
        return
    if document["pickup"]:
        yield "THE CUSTOMER COLLECTS IT"
    if rest := _streets(document["ship_to"])[STREETS_MAX:]:
        yield f"ADDRESS CONTINUES: {', '.join(rest)}"


def _notes(texts: Iterator[str]) -> Iterator[Segment]:
    for written in texts:
        for part in wrap(text(written), NOTE_MAX):
            yield Segment.of("NTE", "WHI", part)


def _carrier(document: Mapping[str, Any], profile: WarehouseProfile) -> Iterator[Segment]:
    routing = profile.routing.get(document["service"], Routing())
    service = text(document["service"])[:35]
    yield Segment.of(
        "W66", routing.payment, routing.method, None, None, service, None, None, None, None, routing.carrier
    )


def _details(document: Mapping[str, Any]) -> Iterator[Segment]:
    asked = {line["line"]: line for line in document["lines"]}
    number = 0
    for row in rows(document):
        line = asked[row.line]
        quantity = still_asked(line) * row.each
        if not quantity:
            continue
        number += 1
        yield Segment.of("LX", number)
        yield Segment.of("W01", quantity, "EA", None, "VN", text(row.sku), *barcode_pair(row.barcode))
        if name := text(row.name)[:TEXT_MAX].strip():
            yield Segment.of("G69", name)
        yield Segment.of("N9", "LI", row.line[:REFERENCE_MAX])
        yield from _notes(_personal(line))


def barcode_pair(barcode: str | None) -> Sequence[str]:
    """A GTIN with its qualifier; none where the barcode is no GTIN of 12 to 14 digits."""
    code = barcode or ""
    qualifier = {12: "UP", 13: "EN", 14: "UK"}.get(len(code)) if code.isascii() and code.isdigit() else None
    return (qualifier, code) if qualifier else ()


def _personal(line: Mapping[str, Any]) -> Iterator[str]:
    """What is to be written or engraved."""
    if line["gift_message"]:
        yield f"GIFT MESSAGE: {line['gift_message']}"
    for name, value in (line["attributes"] or {}).items():
        yield f"{name}: {value}"


def _totals(document: Mapping[str, Any], why: Purpose) -> Segment:
    """W76: units, and their weight where that of each is known."""
    lines = [] if why == "F" else document["lines"]
    asked = {line["line"]: still_asked(line) for line in lines}
    count = sum(asked[row.line] * row.each for row in rows(document) if row.line in asked)
    weights = [line["weight_g"] for line in lines if asked[line["line"]]]
    if not weights or None in weights:
        return Segment.of("W76", count)
    grams = sum(line["weight_g"] * asked[line["line"]] for line in lines if asked[line["line"]])
    return (
        Segment.of("W76", count, f"{Decimal(grams).scaleb(-3).normalize():f}", "KG")
        if grams
        else Segment.of("W76", count)
    )


def _date(moment: str | datetime, profile: WarehouseProfile) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.astimezone(profile.zone):%Y%m%d}"


def text(value: str | None) -> str:
    """A text as X12 can spell it, so that what is counted is what is written."""
    return clean(value or "").strip()
