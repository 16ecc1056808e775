"""Decides which documents a buyer gets for what happened to an order: 855 once it is planned, 856 and 810 for what has left."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels.channel import Done, Notice, Outcome, OutgoingDocument, Refused, Settings, loose_package
from channels.x12.answers import Buyer, Carton, buyer_of, invoice, response, shipment_notice, shipped_units
from channels.x12.change_answer import known_to_the_buyer, own_change
from channels.x12.profile import Profile
from domain.event import EventKind
from domain.money import cost_of_first
from formats.sscc import INTERNAL_PREFIX, own_code, sscc
from formats.x12.partner import ONLY_SET
from formats.x12.parts import Set

PLANNED = (EventKind.PROMISED, EventKind.BACKORDERED, EventKind.CANCELLED)
"""The first of these says that it was decided what of the order will come, and when."""
HEARD = (*PLANNED, EventKind.SHIPPED, EventKind.SHIPMENT_VOIDED)
CONFIRMED, PACKED, INVOICED = "855", "package", "invoiced"
"""The names of what is kept with the order: that its 855 was written, which packages an 856 had, and units invoiced."""


def outcome(settings: Settings, notice: Notice) -> Outcome:
    """The documents that a buyer gets because of an event, and what is to be remembered of them."""
    profile: Profile = settings.entry["profile"]
    if notice.kind == EventKind.SHIPMENT_VOIDED:
        return Refused("goods of a shipment notice (856) and an invoice (810) did not leave: agree with the buyer")
    if notice.kind in PLANNED:
        return _confirm(profile, notice) or _change(profile, notice)
    return _ship(settings, profile, notice)


def _confirm(profile: Profile, notice: Notice) -> Outcome | None:
    """The 855, once; None = the buyer has it, or wants none."""
    if CONFIRMED in notice.ids or "855" not in profile.documents:
        return None
    buyer = buyer_of(notice.order)
    known = {CONFIRMED: notice.event, **known_to_the_buyer(buyer)}
    return Done(known, [OutgoingDocument(f"855 {notice.external}", response(buyer, notice.at, ONLY_SET))])


def _change(profile: Profile, notice: Notice) -> Outcome:
    """The 865 about units that were cancelled since the buyer learned of the order, unless it has asked for that."""
    if notice.kind != EventKind.CANCELLED or "865" not in profile.documents:
        return Done()
    buyer, cancelled = buyer_of(notice.order), {line["line"]: line["quantity"] for line in notice.data["lines"]}
    one = own_change(buyer, cancelled, notice.ids, notice.at)
    return Done(known_to_the_buyer(buyer), [OutgoingDocument(f"865 {notice.event}", one)] if one else [])


def _ship(settings: Settings, profile: Profile, notice: Notice) -> Outcome:
    buyer, work = buyer_of(notice.order), notice.data["fulfillment_order"]
    cartons = list(_cartons(notice, settings.entry["gs1_prefix"] or INTERNAL_PREFIX))
    documents: list[OutgoingDocument] = []
    if "856" in profile.documents:
        one = shipment_notice(buyer, notice.event, cartons, notice.at, ONLY_SET)
        documents.append(OutgoingDocument(f"856 {notice.event}", one, work))
    if "810" in profile.documents:
        one = _invoice(buyer, notice, shipped_units(cartons))
        documents.append(OutgoingDocument(f"810 {notice.event}", one, work))
    return Done(_remembered(notice, shipped_units(cartons)), documents)


def _cartons(notice: Notice, prefix: str) -> Iterator[Carton]:
    """The packages of a shipment that no 856 had before, with no more units in them than have left by it; units without a
    package are in one of their own."""
    left = Counter({line["line"]: line["quantity"] for line in notice.data["lines"]})
    new = [one for one in notice.data["packages"] if _packed(notice, one["package"]) not in notice.ids]
    for package in sorted(new, key=lambda one: not one["lines"]):
        named = _units(package["lines"]) if package["lines"] else left
        units = {line: taken for line, quantity in named.items() if (taken := min(quantity, left[line])) > 0}
        left.subtract(units)
        if units:
            code = _sscc(package["package"], prefix, notice.serials)
            yield Carton(code, package["carrier"] or "", package["tracking"] or "", units)
    if rest := dict(+left):
        yield Carton(_sscc(loose_package(notice.event), prefix, notice.serials), "", "", rest)


def _units(lines: Sequence[Mapping[str, Any]]) -> Counter[str]:
    units = Counter[str]()
    for line in lines:
        units[line["line"]] += line["quantity"]
    return units


def _sscc(package: str, prefix: str, serials: Mapping[str, int]) -> str:
    """The package's own id, where its node has put an SSCC on it; else one of ours."""
    return own_code(package) or sscc(prefix, serials[package])


def _invoice(buyer: Buyer, notice: Notice, shipped: Mapping[str, int]) -> Set:
    lines = {line["line"]: line for line in notice.order["lines"]}
    before = {name: _invoiced(notice, name) for name in shipped}

    def share(amount: str) -> int:
        """What of an amount of whole lines falls on these units."""
        return sum(
            cost_of_first(before[name] + units, lines[name]["ordered"], lines[name][amount])
            - cost_of_first(before[name], lines[name]["ordered"], lines[name][amount])
            for name, units in shipped.items()
        )

    is_first = not any(name.startswith(f"{INVOICED} ") for name in notice.ids)
    return invoice(
        buyer,
        notice.event,
        shipped,
        before,
        notice.at,
        ONLY_SET,
        charges=notice.order["shipping_price"] if is_first else 0,
        discount=share("order_discount"),
        tax=share("tax") + (notice.order["shipping_tax"] if is_first else 0),
    )


def _remembered(notice: Notice, shipped: Mapping[str, int]) -> Mapping[str, str]:
    invoiced = {f"{INVOICED} {line}": str(_invoiced(notice, line) + units) for line, units in shipped.items()}
    return invoiced | {_packed(notice, one["package"]): notice.event for one in notice.data["packages"]}


def _invoiced(notice: Notice, line: str) -> int:
    return int(notice.ids.get(f"{INVOICED} {line}", 0))


def _packed(notice: Notice, package: str) -> str:
    return f"{PACKED} {notice.data['fulfillment_order']}/{package}"
