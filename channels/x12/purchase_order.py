"""Reads a purchase order (X12 850): one order for each ship-to, so several where SDQ divides its lines among stores.

Segments and elements are those of 004010; what partners do differently is in their profile.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from channels.attributes import attributes
from channels.channel import Catalogue, Misfit, Said, Unmapped
from channels.given import free_text, on_one_line
from channels.x12 import kept
from channels.x12.prices import allowances, minor, taxes, unit_price
from channels.x12.profile import EACH, MEASURED, Profile
from domain.account import Cost
from domain.identifiers import NUMBER_MAX
from domain.money import spread
from domain.order import Address, NewLine, NewOrder
from formats.x12.elements import ElementError, address, day, decimal, divided, loop_of, moments, note, pairs
from formats.x12.parts import Segment, Set

CANCEL = "01"
"""BEG01: the order is taken back as a whole. 00 and 05 are an order, and 07 is one that was sent before."""
LINE = "PO1"
BILL_TO = ("BT", "BS", "BY")
"""N101 of who pays, the first that is there."""
IDS_MOST = 10
"""How many ids of an item are repeated in answers."""
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


def check_division(one: Set, channel: str, profile: Profile, catalogue: Catalogue, version: datetime) -> None:
    """Raises `Misfit` where SDQ divides another quantity of a line among stores than the line orders."""
    order = _Order(channel, profile, catalogue, version, _the(one, "BEG"), *divided(one.segments, LINE))
    try:
        for line in order.lines:
            line.check()
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
    _seen: dict[Any, Any] = field(default_factory=dict, repr=False)

    def stores(self) -> list[str | None]:
        """The stores that SDQ names, in their sequence; `[None]` = the whole order goes to one place."""
        found = dict.fromkeys(store for line in self.details for store in _stores_of(line))
        return list(found) or [None]

    def said(self, store: str | None) -> Said:
        external = external_of(self.beg[3], store)
        if self.beg[1] == CANCEL:
            return Said(external, self.version, None, "cancelled")
        wanted = [line for line in self.lines if line.ordered(store)]
        if not wanted:
            return Said(external, self.version, None, "it orders nothing")
        try:
            order = NewOrder.model_validate(self._document(store, [line.document(store) for line in wanted]))
        except ValidationError as error:
            first = error.errors()[0]
            raise Misfit(f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}") from error
        unmapped = tuple(line.unmapped() for line in wanted if line.item is None)
        return Said(external, self.version, order, unmapped=unmapped)

    @property
    def lines(self) -> "list[_Line]":
        """The lines; they are made once, since the orders of all stores read them."""
        if "lines" not in self._seen:
            self._seen["lines"] = [_Line(self, index, segments) for index, segments in enumerate(self.details, 1)]
        found: list[_Line] = self._seen["lines"]
        return found

    def _document(self, store: str | None, lines: list[NewLine]) -> dict[str, Any]:
        dates = self._dates()
        promised = {name: dates[name] for name in ("ship_by", "deliver_by") if name in dates}
        bill_to, charges = self._bill_to(), self._share(store, self._charges())
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
            "discount": max(0, -charges),
            "shipping_price": max(0, charges),
            "shipping_tax": self._share(store, taxes(self.header, self.currency, "the order")),
            "attributes": self._attributes(store, bill_to),
            "note": free_text(note(self.header) or "") or None,
            "lines": lines,
        }

    @property
    def currency(self) -> str:
        named = next((segment[2] for segment in self.header if segment.name == "CUR"), "")
        return named.strip().upper() or self.profile.currency

    def _placed_at(self) -> datetime:
        """The day of the order at noon UTC, or when the interchange was made, if it was made on that day."""
        ordered_on = day(self.beg[5], "BEG05") if self.beg[5] else self.version.date()
        return self.version if ordered_on == self.version.date() else datetime.combine(ordered_on, time(12), UTC)

    def _dates(self) -> dict[str, datetime]:
        """By meaning, the dates of the header. A day that ends something counts until its end."""
        found: dict[str, datetime] = {}
        for segment in self.header:
            meaning = self.profile.dates.get(segment[1]) if segment.name == "DTM" else None
            if meaning and (days := moments(segment)):
                begins = meaning.startswith("not_before")
                named, at = (days[0], time(0)) if begins else (days[-1], time(23, 59, 59))
                found.setdefault(meaning, datetime.combine(named, at, UTC))
        return found

    def _service(self) -> str:
        routing = [
            element for segment in self.header if segment.name == "TD5" for element in segment.elements if element
        ]
        named = [self.profile.services[text] for text in routing if text in self.profile.services]
        return named[0] if named else self.profile.service

    def _ship_to(self, store: str | None) -> Address | dict[str, Any]:
        loop = self._ship_to_loop()
        code = store or (loop[0][4] if loop else "")
        if store is None and loop and any(segment.name == "N4" for segment in loop):
            return address(loop)
        if code in self.profile.stores:
            return self.profile.stores[code]
        what = f"store {code}" if code else "the ship-to (N1*ST)"
        raise Misfit(f"{what} has no address here: add it to [stores] in the partner's file")

    def _ship_to_loop(self) -> list[Segment]:
        """The N1 loop of where it goes: of the header, or the one that every line has. Raises `Misfit`."""
        found = _first_loop(self.header, kept.SHIP_TO)
        for segments in self.details:
            own = _first_loop(segments, kept.SHIP_TO)
            if not own:
                continue
            found = found or own
            if _place(own) != _place(found):
                raise Misfit(
                    f"line {segments[0][1]} goes to a place of its own (N1*ST): ask the buyer for an order for each place, "
                    "or for SDQ"
                )
        return found

    def _bill_to(self) -> list[Segment]:
        return _first_loop(self.header, BILL_TO)

    def _charges(self) -> int:
        """The charges of the whole order less its allowances."""
        goods = sum(self._goods(store) for store in self.stores())
        ordered = sum((line.quantity for line in self.lines), Decimal(0))
        return allowances(self.header, goods, ordered, self.currency, "the order")

    def _goods(self, store: str | None) -> int:
        """What the goods of a store cost."""
        if (store, "goods") not in self._seen:
            goods = sum(line.document(store).goods for line in self.lines if line.ordered(store))
            self._seen[(store, "goods")] = goods
        found: int = self._seen[(store, "goods")]
        return found

    def _share(self, store: str | None, amount: int) -> int:
        """What of an amount of the whole order falls on a store, by what its goods cost."""
        stores = self.stores()
        if not amount or len(stores) == 1:
            return amount
        weights = [self._goods(one) for one in stores]
        weights = weights if any(weights) else [1] * len(stores)
        part = spread(abs(amount), weights)[stores.index(store)]
        return part if amount > 0 else -part

    def _attributes(self, store: str | None, bill_to: Sequence[Segment]) -> dict[str, str]:
        mark_for = loop_of(self.header, "Z7") or loop_of(self.header, "MA")
        ship_to = self._ship_to_loop()
        own = [
            ("po_type", self.beg[2]),
            ("release", self.beg[4]),
            ("store", store or (ship_to[0][4] if ship_to else "")),
            ("mark_for", mark_for[0][4] or mark_for[0][2] if mark_for else ""),
        ]
        read_dates = [name for name, meaning in self.profile.dates.items() if meaning != "not_before_delivery"]
        return attributes(kept.of_order(self.header, read_dates, bill_to), own)


@dataclass(frozen=True, slots=True)
class _Line:
    order: _Order
    position: int
    segments: Sequence[Segment]
    _seen: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """PO101, or where it is missing the line's place in the order."""
        return self.segments[0][1].strip() or str(self.position)

    @property
    def named(self) -> list[tuple[str, str]]:
        """The item's ids as they were sent: qualifiers and values."""
        return list(pairs(self.segments[0].elements[5:]))

    def _once(self, name: str, find: Callable[[], Any]) -> Any:
        """What was found under this name before: an order of a hundred lines asks for it a thousand times."""
        if name not in self._seen:
            self._seen[name] = find()
        return self._seen[name]

    @property
    def ids(self) -> list[tuple[str, str]]:
        """The kinds and values of the item's ids, those that the profile names first."""
        found: list[tuple[str, str]] = self._once("ids", self._ids)
        return found

    def _ids(self) -> list[tuple[str, str]]:
        kinds = list(self.order.profile.item_ids)
        known = [(qualifier.upper(), value) for qualifier, value in self.named if qualifier.upper() in kinds]
        known.sort(key=lambda pair: kinds.index(pair[0]))
        return [(self.order.profile.item_ids[qualifier], value) for qualifier, value in known]

    @property
    def item(self) -> tuple[str, int] | None:
        """The SKU, and how many of it one of the ordered is by the alias; None = nobody knows the item."""
        found: tuple[str, int] | None = self._once("item", self._item)
        return found

    def _item(self) -> tuple[str, int] | None:
        for kind, value in self.ids:
            found = self.order.catalogue.item(kind, value)
            if found is not None:
                return found.sku, found.units
        return None

    def unmapped(self) -> Unmapped:
        return Unmapped(self.name, self._called(), self._text())

    def _called(self) -> str:
        """What the partner calls the item: a SKU cannot have a blank at an end, nor more than 64 characters."""
        ids = self.ids or self.named
        kind, value = ids[0] if ids else ("line", self.name)
        return (value if kind == "sku" else f"{kind}:{value}")[:64].strip()

    @property
    def quantity(self) -> Decimal:
        """PO102, in the unit of measure."""
        return decimal(self.segments[0][2], f"PO102 of line {self.name}")

    def ordered(self, store: str | None) -> int:
        """Our units for a store, or of the whole line."""
        if store is None:
            return self._whole(self.quantity) * self.pack
        return self._divided().get(store, 0)

    def _divided(self) -> dict[str, int]:
        """By store, our units. SDQ has a unit of measure of its own."""
        if "divided" not in self._seen:
            found: dict[str, int] = {}
            for segment in self.segments:
                if segment.name == "SDQ":
                    each = self._pack_of(segment[1].upper()) if segment[1] else self.pack
                    for store, quantity in pairs(segment.elements[2:]):
                        units = self._whole(decimal(quantity, f"SDQ of line {self.name}")) * each
                        found[store] = found.get(store, 0) + units
            self._seen["divided"] = found
        divided: dict[str, int] = self._seen["divided"]
        return divided

    def check(self) -> None:
        """Raises `Misfit` where SDQ divides another quantity than the line orders."""
        divided = sum(self._divided().values())
        if self._divided() and divided != self.ordered(None):
            raise Misfit(
                f"line {self.name} orders {self.ordered(None)} units, and SDQ divides {divided}: ask the buyer which is right"
            )

    def _whole(self, quantity: Decimal) -> int:
        if quantity != quantity.to_integral_value() or quantity < 0:
            raise Misfit(f"line {self.name} orders {quantity}: only whole quantities are possible")
        return int(quantity)

    @property
    def pack(self) -> int:
        """How many of our units one of the ordered is: by the alias, by the profile, or by PO4."""
        found: int = self._once("pack", self._pack)
        return found

    def _pack(self) -> int:
        return self._pack_of(self.segments[0][3].upper())

    def _pack_of(self, unit: str) -> int:
        if self.item is not None and self.item[1] > 1 and unit == self.segments[0][3].upper():
            return self.item[1]
        if unit in self.order.profile.units:
            return self.order.profile.units[unit]
        if unit in EACH:
            return EACH[unit]
        packed = next((segment for segment in self.segments if segment.name == "PO4"), None)
        if unit not in MEASURED and packed is not None and packed[1]:
            return self._packed(packed)
        raise Misfit(
            f"line {self.name} orders in {unit}: nothing says how many units that is; name it in [units] or as an alias"
        )

    def _packed(self, packed: Segment) -> int:
        """What is in one by PO4: inner packs and how many units each holds, or units."""
        outer = self._whole(decimal(packed[1], f"PO401 of line {self.name}")) or 1
        inner = decimal(packed[14], f"PO414 of line {self.name}") if packed[14].strip() else Decimal(1)
        return outer * (self._whole(inner) or 1)

    def document(self, store: str | None) -> NewLine:
        if store not in self._seen:
            self._seen[store] = self._document(store)
        found: NewLine = self._seen[store]
        return found

    def _document(self, store: str | None) -> NewLine:
        units, currency = self.ordered(store), self.order.currency
        price, counted_in = unit_price(self.segments, self.name)
        goods = minor(price * units / (counted_in or self.pack), currency)
        of = f"line {self.name}"
        charges = allowances(self.segments, self._of_all(price, counted_in), self.quantity, currency, of)
        goods += self._share(store, charges)
        if goods < 0:
            raise Misfit(f"the allowances of {of} (SAC) are more than it costs")
        tax = self._share(store, taxes(self.segments, currency, of))
        line = NewLine.that_costs(Cost(goods, tax), self.name, self.item[0] if self.item else self._called(), units)
        return line.model_copy(update={"name": self._text(), "attributes": self._attributes()})

    def _of_all(self, price: Decimal, counted_in: int | None) -> int:
        return minor(price * self.ordered(None) / (counted_in or self.pack), self.order.currency)

    def _share(self, store: str | None, amount: int) -> int:
        """What of an amount of the whole line falls on a store, by its units."""
        if not amount or store is None:
            return amount
        divided = self._divided()
        part = spread(abs(amount), list(divided.values()))[list(divided).index(store)]
        return part if amount > 0 else -part

    def _text(self) -> str | None:
        described = [segment[5] for segment in self.segments if segment.name == "PID" and segment[5]]
        return on_one_line(" ".join(described), 500) or None

    def _attributes(self) -> dict[str, str]:
        """The partner's own ids of the item and its unit, which every answer repeats, and what has no field of its own."""
        own = [("unit", self.segments[0][3]), ("pack", str(self.pack))]
        own += [(f"id_{name}", value) for name, value in list(dict(self.named).items())[:IDS_MOST]]
        return attributes(kept.of_line(self.segments), own)


def _first_loop(segments: Sequence[Segment], entities: Sequence[str]) -> list[Segment]:
    return next((loop for entity in entities if (loop := loop_of(segments, entity))), [])


def _place(loop: Sequence[Segment]) -> object:
    """What tells one place from another: its code, or else its address."""
    return loop[0][4] or [segment.elements for segment in loop if segment.name in ("N3", "N4")]


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
