"""Reads a purchase order (X12 850): one order for each ship-to, so several where SDQ divides its lines among stores.

Segments and elements are those of 004010; what partners do differently is in their profile.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from channels.channel import Catalogue, Misfit, Said, Unmapped
from channels.x12.profile import CASES, SINGLES, Profile
from domain.account import Cost
from domain.identifiers import NUMBER_MAX
from domain.money import minor_digits
from domain.order import Address, NewLine, NewOrder
from formats.x12.elements import ElementError, address, day, decimal, divided, loop_of, note, pairs
from formats.x12.parts import Segment, Set

CANCEL = "01"
"""BEG01: the order is taken back as a whole. 00 and 05 are an order, and 07 is one that was sent before."""
LINE = "PO1"
UNDERSTOOD = ("00", "01", "05", "06", "07")
PLAIN_NUMBER = re.compile(r"[A-Za-z0-9-]+")


def read(
    one: Set, channel: str, profile: Profile, catalogue: Catalogue, version: datetime, store: str | None = None
) -> list[Said]:
    """The orders of an 850, or only that of one store. `version` is the instant of its interchange. Raises `Misfit`."""
    beg = _the(one, "BEG")
    if beg[1] not in UNDERSTOOD:
        raise Misfit(f"BEG01 {beg[1]!r} is no purpose that is understood: 00, 01, 05, 06 and 07 are")
    number_of(one)
    order = _Order(channel, profile, catalogue, version, beg, *divided(one.segments, LINE))
    try:
        return [order.said(name) for name in (order.stores() if store is None else [store])]
    except ElementError as error:
        raise Misfit(str(error)) from error


def external_of(number: str, store: str | None) -> str:
    """What an order is called that is a whole purchase order, or the part of one store."""
    return number if store is None else f"{number}/{store}"


def stores_of(one: Set) -> list[str]:
    """The stores that SDQ names anywhere in a set, in their sequence."""
    return list(dict.fromkeys(_stores_of(one.segments)))


def number_of(one: Set) -> str:
    """BEG03: the number of the purchase order. Raises `Misfit`."""
    number = _the(one, "BEG")[3]
    if not number:
        raise Misfit("BEG03, the number of the purchase order, is empty")
    return number


def _the(one: Set, name: str) -> Segment:
    found = next((segment for segment in one.segments if segment.name == name), None)
    if found is None:
        raise Misfit(f"segment {name} is missing")
    return found


@dataclass(frozen=True, slots=True)
class _Order:
    channel: str
    profile: Profile
    catalogue: Catalogue
    version: datetime
    beg: Segment
    header: Sequence[Segment]
    details: Sequence[Sequence[Segment]]

    def stores(self) -> list[str | None]:
        """The stores that SDQ names, in their sequence; `[None]` = the whole order goes to one place."""
        found = dict.fromkeys(store for line in self.details for store in _stores_of(line))
        return list(found) or [None]

    def said(self, store: str | None) -> Said:
        external = external_of(self.beg[3], store)
        if self.beg[1] == CANCEL:
            return Said(external, self.version, None, "cancelled")
        lines = [_Line(self, index, segments) for index, segments in enumerate(self.details, 1)]
        wanted = [line for line in lines if line.ordered(store)]
        if not wanted:
            return Said(external, self.version, None, "it orders nothing")
        try:
            order = NewOrder.model_validate(self._document(store, [line.document(store) for line in wanted]))
        except ValidationError as error:
            first = error.errors()[0]
            raise Misfit(f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}") from error
        unmapped = tuple(line.unmapped() for line in wanted if line.item is None)
        return Said(external, self.version, order, unmapped=unmapped)

    def _document(self, store: str | None, lines: list[NewLine]) -> dict[str, Any]:
        dates = self._dates()
        promised = {name: dates[name] for name in ("ship_by", "deliver_by") if name in dates}
        bill_to = loop_of(self.header, "BT") or loop_of(self.header, "BY")
        return {
            "channel": self.channel,
            "number": order_number(self.beg[3], store),
            "reference": self.beg[3],
            "purchase_order": self.beg[3],
            "placed_at": self._placed_at(),
            "currency": self.currency,
            "service": self._service(),
            "ship_to": self._ship_to(store),
            "bill_to": address(bill_to) if bill_to else None,
            "not_before": dates.get("not_before"),
            "not_after": dates.get("not_after"),
            "promised": promised or None,
            "ship_complete": self.profile.ship_complete,
            "customer_tier": self.profile.customer_tier,
            "prices_include_tax": False,
            "discount": max(0, -self._allowances()),
            "shipping_price": max(0, self._allowances()),
            "attributes": self._attributes(store),
            "note": note(self.header),
            "lines": lines,
        }

    @property
    def currency(self) -> str:
        return next((segment[2] for segment in self.header if segment.name == "CUR"), "") or self.profile.currency

    def _placed_at(self) -> datetime:
        """The day of the order at noon UTC, or when the interchange was made, if it was made on that day."""
        ordered_on = day(self.beg[5], "BEG05") if self.beg[5] else self.version.date()
        return self.version if ordered_on == self.version.date() else datetime.combine(ordered_on, time(12), UTC)

    def _dates(self) -> dict[str, datetime]:
        """By meaning, the dates of the header. A day that ends something counts until its end."""
        found: dict[str, datetime] = {}
        for segment in self.header:
            meaning = self.profile.dates.get(segment[1]) if segment.name == "DTM" else None
            if meaning and segment[2]:
                named = day(segment[2], f"DTM*{segment[1]}")
                begins = meaning.startswith("not_before")
                found.setdefault(meaning, datetime.combine(named, time(0) if begins else time(23, 59, 59), UTC))
        return found

    def _service(self) -> str:
        routing = [
            element for segment in self.header if segment.name == "TD5" for element in segment.elements if element
        ]
        named = [self.profile.services[text] for text in routing if text in self.profile.services]
        return named[0] if named else self.profile.service

    def _ship_to(self, store: str | None) -> Address | dict[str, Any]:
        loop = loop_of(self.header, "ST")
        code = store or (loop[0][4] if loop else "")
        if store is None and loop and any(segment.name == "N4" for segment in loop):
            return address(loop)
        if code in self.profile.stores:
            return self.profile.stores[code]
        what = f"store {code}" if code else "the ship-to (N1*ST)"
        raise Misfit(f"{what} has no address here: add it to [stores] in the partner's file")

    def _allowances(self) -> int:
        """The charges of the whole order less its allowances, in minor units. SAC05 has two decimals that are not written."""
        total = 0
        for segment in self.header:
            if segment.name == "SAC" and segment[5]:
                amount = int(decimal(segment[5], "SAC05"))
                total += amount if segment[1] == "C" else -amount
        return _minor(total, self.currency)

    def _attributes(self, store: str | None) -> dict[str, str]:
        mark_for = loop_of(self.header, "Z7") or loop_of(self.header, "MA")
        ship_to = loop_of(self.header, "ST")
        found = {
            "po_type": self.beg[2],
            "release": self.beg[4],
            "store": store or (ship_to[0][4] if ship_to else ""),
            "mark_for": mark_for[0][4] or mark_for[0][2] if mark_for else "",
        }
        found |= {f"ref_{segment[1]}": segment[2] or segment[3] for segment in self.header if segment.name == "REF"}
        return {name: text for name, text in list(found.items())[:20] if text}


@dataclass(frozen=True, slots=True)
class _Line:
    order: _Order
    position: int
    segments: Sequence[Segment]
    _seen: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """PO101, or where it is missing the line's place in the order."""
        return self.segments[0][1] or str(self.position)

    @property
    def ids(self) -> list[tuple[str, str]]:
        """The kinds and values of the item's ids, those that the profile names first."""
        named = list(pairs(self.segments[0].elements[5:]))
        kinds = list(self.order.profile.item_ids)
        known = [(qualifier, value) for qualifier, value in named if qualifier in kinds]
        known.sort(key=lambda pair: kinds.index(pair[0]))
        return [(self.order.profile.item_ids[qualifier], value) for qualifier, value in known]

    @property
    def item(self) -> tuple[str, int] | None:
        """The SKU, and how many of it one of the ordered is by the alias; None = nobody knows the item."""
        for kind, value in self.ids:
            found = self.order.catalogue.item(kind, value)
            if found is not None:
                return found.sku, found.units
        return None

    def unmapped(self) -> Unmapped:
        return Unmapped(self.name, self._called(), self._text())

    def _called(self) -> str:
        """What the partner calls the item: a SKU cannot have a blank at an end, nor more than 64 characters."""
        ids = self.ids
        kind, value = ids[0] if ids else ("line", self.name)
        return (value if kind == "sku" else f"{kind}:{value}")[:64].strip()

    def ordered(self, store: str | None) -> int:
        """Our units for a store, or of the whole line."""
        if store is None:
            return self._whole(decimal(self.segments[0][2], f"PO102 of line {self.name}")) * self.pack
        of_store = sum(
            (
                decimal(quantity, f"SDQ of line {self.name}")
                for segment in self.segments
                if segment.name == "SDQ"
                for named, quantity in pairs(segment.elements[2:])
                if named == store
            ),
            Decimal(0),
        )
        return self._whole(of_store) * self.pack

    def _whole(self, quantity: Decimal) -> int:
        if quantity != quantity.to_integral_value() or quantity < 0:
            raise Misfit(f"line {self.name} orders {quantity}: only whole quantities are possible")
        return int(quantity)

    @property
    def pack(self) -> int:
        """How many of our units one of the ordered is: by the alias, by the profile, or by PO4."""
        unit = self.segments[0][3].upper()
        if self.item is not None and self.item[1] > 1:
            return self.item[1]
        if unit in self.order.profile.units:
            return self.order.profile.units[unit]
        if unit in SINGLES:
            return 1
        packed = next((segment for segment in self.segments if segment.name == "PO4"), None)
        if unit in CASES and packed is not None and packed[1]:
            return self._whole(decimal(packed[1], f"PO401 of line {self.name}")) or 1
        raise Misfit(
            f"line {self.name} orders in {unit}: nothing says how many units that is; name it in [units] or as an alias"
        )

    def document(self, store: str | None) -> NewLine:
        units = self.ordered(store)
        digits = minor_digits(self.order.currency)
        price = decimal(self.segments[0][4] or "0", f"PO104 of line {self.name}")
        amount = (price * 10**digits * units / self.pack).to_integral_value("ROUND_HALF_EVEN")
        allowed = _minor(self._allowances(), self.order.currency)
        sku = self.item[0] if self.item else self._called()
        line = NewLine.that_costs(Cost(max(0, int(amount) + allowed)), self.name, sku, units)
        return line.model_copy(update={"name": self._text(), "attributes": self._attributes()})

    def _allowances(self) -> int:
        amounts = [
            (1 if segment[1] == "C" else -1) * int(decimal(segment[5], f"SAC05 of line {self.name}"))
            for segment in self.segments
            if segment.name == "SAC" and segment[5]
        ]
        return sum(amounts)

    def _text(self) -> str | None:
        described = [segment[5] for segment in self.segments if segment.name == "PID" and segment[5]]
        return " ".join(described)[:500] or None

    def _attributes(self) -> dict[str, str]:
        """The partner's own ids of the item and its unit, which every answer repeats."""
        first = self.segments[0]
        ids = dict(pairs(first.elements[5:]))
        return {"unit": first[3], "pack": str(self.pack)} | {
            f"id_{name}": value for name, value in list(ids.items())[:10]
        }


def order_number(purchase_order: str, store: str | None) -> str:
    """Our number for a purchase order: its own, where that can be one; else its letters and digits, with a checksum of the
    whole, so that two different orders never get one number."""
    named = purchase_order if store is None else f"{purchase_order}-{store}"
    if PLAIN_NUMBER.fullmatch(named) and len(named) <= NUMBER_MAX:
        return named
    plain = re.sub(r"[^A-Za-z0-9]+", "-", named).strip("-")
    return f"{plain[: NUMBER_MAX - 9]}-{zlib.crc32(named.encode()):08x}".lstrip("-")


def _stores_of(line: Sequence[Segment]) -> Iterator[str]:
    for segment in line:
        if segment.name == "SDQ":
            yield from (store for store, _ in pairs(segment.elements[2:]))


def _minor(hundredths: int, currency: str) -> int:
    """An amount with two decimals that are not written, in minor units of the currency."""
    return int(hundredths * 10 ** minor_digits(currency) // 100)
