"""Writes what a buyer gets for a purchase order: 855 (what is accepted), 856 (what has left), 810 (what is owed), 846 (stock).

Every answer repeats the buyer's own numbers: of the order, the line, the item and the store, in the buyer's unit of measure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from channels.parcels import line_there
from domain.money import minor_digits
from formats.sscc import with_identifier
from formats.x12.parts import Segment, Set


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of the buyer's order, and what became of its units; a line of ours that continues it is one of its own here."""

    line: str
    """As we call it."""
    unit: str
    """The buyer's unit of measure, such as `CA`."""
    pack: int
    """How many of our units one of it is."""
    ids: Sequence[tuple[str, str]]
    """The item's ids as the buyer sent them: qualifiers and values. An item that is sent instead has ours."""
    ordered: int
    """Our units, as this and the following."""
    backordered: int
    cancelled: int
    goods: int
    """What all ordered units cost, in minor units."""
    expected: Sequence[tuple[date, int]] = ()
    """Of the units that wait: those that announced goods are promised to, by the day on which they can leave."""
    undecided: int = 0
    """Of `backordered`: units that are about to be sourced, or wait for a person."""

    @property
    def waiting(self) -> list[tuple[int, date | None]]:
        """The units that wait for stock, in parts by the day on which they can leave; None = nobody knows it."""
        parts, left = list[tuple[int, date | None]](), self.backordered
        for day, units in sorted(self.expected):
            parts.append((min(units, left), day))
            left -= parts[-1][0]
        return [(units, day) for units, day in (*parts, (left, None)) if units]

    @property
    def number(self) -> str:
        """The buyer's own number of the line: PO101."""
        return line_there(self.line)

    @property
    def accepted(self) -> int:
        """Units that have a node or have left."""
        return self.ordered - self.backordered - self.cancelled


@dataclass(frozen=True, slots=True)
class Buyer:
    """The buyer's order as far as every answer repeats it."""

    purchase_order: str
    ordered_at: datetime
    currency: str
    store: str
    """The buyer's code of the ship-to; empty where it sent none."""
    lines: Sequence[OrderedLine]

    def line(self, name: str) -> OrderedLine:
        """One line by its id. Raises `KeyError`."""
        return next(line for line in self.lines if line.line == name)


def buyer_of(order: Mapping[str, Any]) -> Buyer:
    """The buyer's order as every answer repeats it, from the document of `GET /orders/{order}`."""
    return Buyer(
        purchase_order=order["purchase_order"] or order["number"],
        ordered_at=datetime.fromisoformat(order["placed_at"]),
        currency=order["currency"],
        store=order["attributes"].get("store", ""),
        lines=_ordered_lines(order["lines"], _expected(order.get("from_supply", ()))),
    )


def _expected(pegged: Iterable[Mapping[str, Any]]) -> Mapping[str, Mapping[date, int]]:
    """By line and day, the units of announced goods that are promised to an order and have a date."""
    found = dict[str, Counter[date]]()
    for one in pegged:
        if one["ship_by"] is not None:
            day = datetime.fromisoformat(one["ship_by"]).date()
            found.setdefault(one["line"], Counter())[day] += one["quantity"]
    return found


def _ordered_lines(lines: Sequence[Mapping[str, Any]], expected: Mapping[str, Mapping[date, int]]) -> list[OrderedLine]:
    sent = {line["line"]: line["attributes"] for line in lines}
    found = [_ordered(line, sent.get(line_there(line["line"]), line["attributes"])) for line in lines]
    return [replace(one, expected=tuple(expected.get(one.line, {}).items())) for one in found]


def _ordered(line: Mapping[str, Any], sent: Mapping[str, str]) -> OrderedLine:
    """A line; `sent` = what the buyer sent with the one that it is or continues."""
    ids = [(name.removeprefix("id_"), value) for name, value in line["attributes"].items() if name.startswith("id_")]
    is_instead = not ids and line_there(line["line"]) != line["line"]
    return OrderedLine(
        line=line["line"],
        unit=sent.get("unit", "EA"),
        pack=int(sent.get("pack", 1)),
        ids=[("VN", line["sku"])] if is_instead else ids,
        ordered=line["ordered"],
        backordered=line["backordered"] + line["open"],
        cancelled=line["cancelled"],
        goods=line["unit_price"] * line["ordered"] - line["discount"],
        undecided=line["open"],
    )


@dataclass(frozen=True, slots=True)
class Carton:
    """A parcel: its SSCC of 18 digits, its carrier and tracking number, and our units of each line in it."""

    sscc: str
    carrier: str
    tracking: str
    units: Mapping[str, int]
    weight_g: int = 0


@dataclass(frozen=True, slots=True)
class Credited:
    """That a document takes an invoice back, wholly or in part."""

    invoice: str
    """Its number; empty = it takes back several."""


@dataclass(frozen=True, slots=True)
class Available:
    """An item with the ids by which the buyer knows it, qualifiers and values, and how many units can be sold."""

    ids: Sequence[tuple[str, str]]
    units: int


@dataclass(frozen=True, slots=True)
class _Answered:
    """A line as the buyer ordered it: with the lines of ours that continue it."""

    line: OrderedLine
    """All of its units, each once."""
    instead: Mapping[tuple[str, str], int]
    """By our id of the item, the accepted units that another item is sent for."""


def _answered(lines: Sequence[OrderedLine]) -> _Answered:
    """Units that another item is sent for are cancelled on their own line: the buyer ordered them once."""
    first = lines[0]
    others = [line for line in lines if line.ids != first.ids]
    own = [line for line in lines if line.ids == first.ids]
    whole = replace(
        first,
        ordered=sum(line.ordered for line in own),
        backordered=sum(line.backordered for line in lines),
        cancelled=sum(line.cancelled for line in lines) - sum(line.ordered for line in others),
        goods=sum(line.goods for line in own),
        expected=[part for line in lines for part in line.expected],
    )
    instead = Counter[tuple[str, str]]()
    for line in others:
        instead[line.ids[0]] += line.accepted
    return _Answered(whole, +instead)


def _by_number(lines: Iterable[OrderedLine]) -> list[list[OrderedLine]]:
    """The lines of ours that are one line of the buyer's, the first one first."""
    found = dict[str, list[OrderedLine]]()
    for line in lines:
        found.setdefault(line.number, []).append(line)
    return list(found.values())


def response(buyer: Buyer, at: datetime, control: str, *, purpose: str = "00") -> Set:
    """The 855: what is accepted of each line, with every unit in exactly one ACK segment. One that replaces an earlier one has
    05 for its `purpose` (BAK01, data element 353)."""
    answered = [_answered(lines) for lines in _by_number(buyer.lines)]
    is_whole = all(one.line.accepted == one.line.ordered and not one.instead for one in answered)
    segments = [Segment.of("BAK", purpose, "AD" if is_whole else "AC", buyer.purchase_order, _date(buyer.ordered_at))]
    segments += ship_to_of(buyer)
    for one in answered:
        segments.append(_po1(one.line, buyer.currency))
        segments += _acknowledged(one, at)
    segments.append(Segment.of("CTT", len(answered)))
    return Set("855", control, tuple(segments))


def _acknowledged(one: _Answered, at: datetime) -> Iterator[Segment]:
    """IA = accepted as ordered, IQ = another quantity is accepted, IS = another item is sent, IB = waits for stock, IR = will
    not come."""
    line = one.line
    own = line.accepted - sum(one.instead.values())
    if own:
        yield acknowledged_part("IA" if own == line.ordered else "IQ", own, line, at)
    for item, units in one.instead.items():
        yield acknowledged_part("IS", units, line, at, item)
    for units, day in line.waiting:
        yield acknowledged_part("IB", units, line, day)
    if line.cancelled:
        yield acknowledged_part("IR", line.cancelled, line, None)


def acknowledged_part(
    code: str, units: int, line: OrderedLine, day: date | None, item: tuple[str, str] | None = None
) -> Segment:
    """The ACK segment for some units of a line: with the day on which they can leave (068), None = nobody knows one."""
    quantity, unit = in_unit(units, line)
    dated = ("068", _date(day)) if day else (None, None)
    return Segment.of("ACK", code, quantity, unit, *dated, None, *(item or ()))


def shipment_notice(
    buyer: Buyer,
    shipment: str,
    cartons: Sequence[Carton],
    at: datetime,
    control: str,
    *,
    purpose: str = "00",
    left_at: datetime | None = None,
) -> Set:
    """The 856 in the structure shipment, order, pack, item (BSN05 0001): each carton with its SSCC and what is in it. One that
    replaces another (`purpose` 05) or takes it back (01, without cartons) has its number; None = the goods left at `at`."""
    levels = _Levels()
    trackings = dict.fromkeys(carton.tracking for carton in cartons if carton.tracking)
    carriers = dict.fromkeys(carton.carrier for carton in cartons if carton.carrier)
    weight = sum(carton.weight_g for carton in cartons)
    segments = [Segment.of("BSN", purpose, shipment, _date(at), _time(at), "0001")]
    top = levels.next("", "S")
    segments += [top.segment, *([_td1(len(cartons), weight)] if cartons else [])]
    segments += [Segment.of("TD5", None, "2", carrier.upper()) for carrier in carriers]
    segments += [Segment.of("REF", "CN", tracking) for tracking in trackings]
    segments += [Segment.of("DTM", "011", _date(left_at or at)), *ship_to_of(buyer)]
    order = levels.next(top.number, "O")
    segments += [order.segment, Segment.of("PRF", buyer.purchase_order, None, None, _date(buyer.ordered_at))]
    for carton in cartons:
        pack = levels.next(order.number, "P")
        segments += [pack.segment, Segment.of("MAN", "GM", with_identifier(carton.sscc))]
        if carton.tracking:
            segments.append(Segment.of("MAN", "CP", carton.tracking))
        for line, units in _items(buyer, carton.units):
            segments += [levels.next(pack.number, "I").segment, _lin(line), _sn1(line, units)]
    segments.append(Segment.of("CTT", levels.count))
    return Set("856", control, tuple(segments))


def _items(buyer: Buyer, units: Mapping[str, int]) -> list[tuple[OrderedLine, int]]:
    """What is in a parcel: each item of a line of the buyer's once, as it is ordered now, with its units."""
    found = list[tuple[OrderedLine, int]]()
    for same in _same_items(buyer.line(name) for name in units):
        first = same[0]
        ordered = sum(one.ordered for one in buyer.lines if (one.number, one.ids) == (first.number, first.ids))
        found.append((replace(first, ordered=ordered), sum(units[line.line] for line in same)))
    return found


def _same_items(lines: Iterable[OrderedLine]) -> list[list[OrderedLine]]:
    """The lines of ours that are one item on one line of the buyer's."""
    found = dict[tuple[str, ...], list[OrderedLine]]()
    for line in lines:
        found.setdefault((line.number, *ids_of(line)), []).append(line)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Level:
    number: str
    segment: Segment


class _Levels:
    """Numbers the HL segments; CTT01 counts them."""

    def __init__(self) -> None:
        self.count = 0

    def next(self, parent: str, code: str) -> _Level:
        self.count += 1
        return _Level(str(self.count), Segment.of("HL", self.count, parent, code))


def invoice(
    buyer: Buyer,
    number: str,
    shipped: Mapping[str, int],
    before: Mapping[str, int],
    at: datetime,
    control: str,
    *,
    charges: int = 0,
    discount: int = 0,
    tax: int = 0,
    credited: Credited | None = None,
) -> Set:
    """The 810 for what has shipped, by line in our units; `before` = what earlier invoices of the order were for, so that all
    of them sum to what was ordered. Charges, discount and tax are of this invoice, in minor units. A credit is the same with
    quantities and amounts below 0, and CR in BIG07: it is arithmetic for who sums all 810s of an order.

    TDS01 is the sum of the lines and charges less the discount; it has two decimals that are not written.
    """
    lines = _owed(buyer, shipped, before)
    sign = -1 if credited else 1
    kind = (None, None, "CR") if credited else ()
    segments = [
        Segment.of("BIG", _date(at), number, _date(buyer.ordered_at), buyer.purchase_order, *kind),
        Segment.of("CUR", "SE", buyer.currency),
        *([Segment.of("REF", "OI", credited.invoice)] if credited and credited.invoice else []),
        *ship_to_of(buyer),
    ]
    for line, units, amount in lines:
        quantity, unit = in_unit(units, line)
        price = _price(amount, quantity, buyer.currency)
        segments.append(Segment.of("IT1", line.number, sign * quantity, unit, price, None, *ids_of(line)))
    hundredths = _hundredths(sign * (sum(amount for _, _, amount in lines) + charges - discount + tax), buyer.currency)
    segments.append(Segment.of("TDS", hundredths))
    if tax:
        segments.append(Segment.of("TXI", "TX", _amount(sign * tax, buyer.currency)))
    for indicator, code, more in (("C", "D240", charges), ("A", "C310", discount)):
        if more:
            segments.append(Segment.of("SAC", indicator, code, None, None, _hundredths(sign * more, buyer.currency)))
    segments.append(Segment.of("CTT", len(lines)))
    return Set("810", control, tuple(segments))


def _owed(buyer: Buyer, shipped: Mapping[str, int], before: Mapping[str, int]) -> list[tuple[OrderedLine, int, int]]:
    """Each item of a line of the buyer's once, with its units and what they cost."""

    def cost(line: OrderedLine) -> int:
        earlier = before.get(line.line, 0)
        return goods_of(line, earlier + shipped[line.line]) - goods_of(line, earlier)

    owed = [buyer.line(name) for name, units in shipped.items() if units]
    return [(same[0], sum(shipped[line.line] for line in same), sum(map(cost, same))) for same in _same_items(owed)]


def adjustment(
    buyer: Buyer,
    number: str,
    invoice_number: str,
    units: Mapping[str, int],
    amounts: Mapping[str, int],
    charges: int,
    at: datetime,
    control: str,
) -> Set:
    """The 812 that credits units which were invoiced and did not leave: an amount for each line and one for the charges of the
    whole order, in minor units. `invoice_number` "" = of several invoices.

    BCD03 L = to be applied on account, CDD01 59 = not received.
    """
    total = _hundredths(sum(amounts.values()) + charges, buyer.currency)
    refers = (None, invoice_number, None, _date(buyer.ordered_at), buyer.purchase_order)
    segments = [
        Segment.of("BCD", _date(at), number, "L", total, "C", *refers),
        Segment.of("CUR", "SE", buyer.currency),
        *(ship_to_of(buyer) or [Segment.of("N1", "BY", None, "92", buyer.purchase_order)]),
    ]
    for name, amount in amounts.items():
        line = buyer.line(name)
        quantity, unit = in_unit(units[name], line)
        cents = _hundredths(amount, buyer.currency)
        segments += [Segment.of("CDD", "59", "C", line.number, cents, None, None, quantity, unit), _lin(line)]
    if charges:
        segments.append(Segment.of("CDD", "59", "C", None, _hundredths(charges, buyer.currency)))
    return Set("812", control, tuple(segments))


def inventory(reference: str, available: Sequence[Available], at: datetime, control: str) -> Set:
    """The 846: how many units of each item can be sold now."""
    segments = [Segment.of("BIA", "00", "SI", reference, _date(at), _time(at))]
    for position, item in enumerate(available, 1):
        ids = [element for pair in item.ids for element in pair]
        segments += [Segment.of("LIN", position, *ids), Segment.of("QTY", "33", item.units, "EA")]
    segments.append(Segment.of("CTT", len(available)))
    return Set("846", control, tuple(segments))


def shipped_units(cartons: Sequence[Carton]) -> Mapping[str, int]:
    """By line, the units of all cartons."""
    counted: Counter[str] = Counter()
    for carton in cartons:
        counted.update(carton.units)
    return counted


def in_unit(units: int, line: OrderedLine) -> tuple[int, str]:
    """Our units in the buyer's unit of measure; in single ones where they are no whole number of packs."""
    return (units, "EA") if line.pack > 1 and units % line.pack else (units // line.pack, line.unit or "EA")


def goods_of(line: OrderedLine, units: int) -> int:
    """What the first units of a line cost; the whole line costs exactly what was ordered."""
    each, odd = divmod(line.goods, line.ordered)
    return each * units + min(units, odd)


def _price(goods: int, quantity: int, currency: str) -> str:
    """The price of one of a quantity, with as many decimals as make the quantity cost what it costs, ten at the most."""
    price = Decimal(goods).scaleb(-minor_digits(currency)) / quantity
    exact = price.quantize(Decimal(1).scaleb(-10)).normalize()
    return f"{exact:f}"


def _amount(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-minor_digits(currency)):f}"


def _hundredths(minor: int, currency: str) -> int:
    """An amount with two decimals that are not written (N2), whatever the decimals of its currency."""
    return int((Decimal(minor) * 100).scaleb(-minor_digits(currency)).to_integral_value())


def price_of(line: OrderedLine, currency: str) -> str:
    """The price of one of the buyer's units."""
    return _price(line.goods, in_unit(line.ordered, line)[0], currency)


def _po1(line: OrderedLine, currency: str) -> Segment:
    quantity, unit = in_unit(line.ordered, line)
    return Segment.of("PO1", line.number, quantity, unit, price_of(line, currency), None, *ids_of(line))


def _lin(line: OrderedLine) -> Segment:
    return Segment.of("LIN", line.number, *ids_of(line))


def _sn1(line: OrderedLine, units: int) -> Segment:
    quantity, unit = in_unit(units, line)
    ordered, ordered_unit = in_unit(line.ordered, line)
    return Segment.of("SN1", None, quantity, unit, None, *((ordered, ordered_unit) if unit == ordered_unit else ()))


def ids_of(line: OrderedLine) -> list[str]:
    """The item's ids as elements: qualifiers and values by turns."""
    return [element for pair in line.ids for element in pair]


def ship_to_of(buyer: Buyer) -> list[Segment]:
    """The ship-to by the buyer's code; nothing where it sent none."""
    return [Segment.of("N1", "ST", None, "92", buyer.store)] if buyer.store else []


def _td1(cartons: int, weight_g: int) -> Segment:
    if not weight_g:
        return Segment.of("TD1", "CTN", cartons)
    return Segment.of("TD1", "CTN", cartons, None, None, None, "G", f"{Decimal(weight_g).scaleb(-3):f}", "KG")


def _date(at: date) -> str:
    return f"{at:%Y%m%d}"


def _time(at: datetime) -> str:
    return f"{at:%H%M}"
