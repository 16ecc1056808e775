"""Decides how a buyer learns that a shipment notice or an invoice, once sent, is wrong: by documents, or by a person.

A node says that a package did not leave, or that what left was packed otherwise. What the buyer knows is kept with the order
(`channels/x12/packed.py`), so the difference is computed and never guessed: where it is not clear, a person sees to it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from channels.channel import Done, Notice, Outcome, OutgoingDocument, Refused
from channels.x12.answers import Buyer, Carton, buyer_of, shipment_notice
from channels.x12.invoicing import adjustment_for, credit_for, invoiced_now, left_to_credit
from channels.x12.packed import TAKEN_BACK, Packed, is_loose, name_of, packed, units_of
from channels.x12.profile import BY_A_PERSON, CANCEL, Profile
from domain.event import EventKind
from formats.sscc import own_code, sscc
from formats.x12.partner import ONLY_SET
from formats.x12.parts import Set

CORRECTED, CREDITED = "corrected", "credited"
"""The names of what is kept with an order: that notices, and that an invoice, were corrected because of an event."""
NEW, CANCELLED, REPLACED = "00", "01", "05"
"""BSN01 (data element 353)."""


class Unclear(Exception):
    """What the buyer knows and what the node says do not fit together; the text says why."""


@dataclass(slots=True)
class _Correction:
    """What is sent because of an event, and what only a person can see to."""

    documents: list[OutgoingDocument] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    for_a_person: list[str] = field(default_factory=list)


def outcome(profile: Profile, prefix: str, notice: Notice) -> Outcome:
    """The documents that correct what was sent, each once; what they cannot correct is refused, and becomes an exception."""
    found = _Correction()
    if "856" in profile.documents and f"{CORRECTED} {notice.event}" not in notice.ids:
        _correct_notices(found, profile, prefix, notice)
    if "810" in profile.documents and f"{CREDITED} {notice.event}" not in notice.ids:
        _correct_invoice(found, profile, notice)
    if found.for_a_person:
        return Refused(f"{' and '.join(found.for_a_person)}: agree with the buyer", found.ids, found.documents)
    return Done(found.ids, found.documents)


def _correct_notices(found: _Correction, profile: Profile, prefix: str, notice: Notice) -> None:
    is_void = notice.kind == EventKind.SHIPMENT_VOIDED
    what = (
        "goods of a shipment notice (856) did not leave" if is_void else "a shipment notice (856) names other packages"
    )
    work = notice.data["fulfillment_order"]
    if not (before := packed(notice.ids, work)):
        return
    if profile.wrong_notices == BY_A_PERSON:
        found.for_a_person.append(what)
        return
    try:
        now = _without_voided(before, notice) if is_void else _packed_otherwise(before, notice)
    except Unclear as why:
        found.for_a_person.append(f"{what}, and {why}")
        return
    wrong = {before[name].shipment for name in before if name not in now} if is_void else _shipments(now)
    number = 0
    for shipment in sorted(wrong):
        of_it = {name: one for name, one in now.items() if one.shipment == shipment}
        if profile.wrong_notices == CANCEL and of_it:
            number += 1
            of_it = {name: replace(one, shipment=f"{notice.event}-{number}") for name, one in of_it.items()}
        _send(found, profile, prefix, notice, shipment, of_it)
    found.ids |= {name_of(work, name): TAKEN_BACK for name in before if name not in now}
    found.ids[f"{CORRECTED} {notice.event}"] = "856"


def _shipments(now: Mapping[str, Packed]) -> set[str]:
    """The notices with a package that its node has named: their numbers or contents may be others now."""
    return {one.shipment for name, one in now.items() if not is_loose(name)}


def _send(
    found: _Correction, profile: Profile, prefix: str, notice: Notice, shipment: str, now: Mapping[str, Packed]
) -> None:
    """Take a notice back or replace it; `now` is what of it really left."""
    work, buyer = notice.data["fulfillment_order"], buyer_of(notice.order)
    cartons = _cartons(now, prefix, notice)
    documents: list[tuple[str, str, list[Carton]]] = []
    if profile.wrong_notices == CANCEL or not now:
        documents.append((CANCELLED, shipment, []))
    if now:
        again = next(iter(now.values())).shipment
        documents.append((REPLACED if again == shipment else NEW, again, cartons))
    for purpose, name, content in documents:
        one = _notice(buyer, notice, name, content, purpose)
        found.documents.append(OutgoingDocument(f"856 {notice.event} {shipment} {purpose}", one, work))
    found.ids |= {name_of(work, package): one.kept() for package, one in now.items()}


def _notice(buyer: Buyer, notice: Notice, name: str, cartons: list[Carton], purpose: str) -> Set:
    work = notice.data["fulfillment_order"]
    left = [at for parcel, at in notice.left_at.items() if parcel.startswith(f"{work}/")]
    return shipment_notice(
        buyer, name, cartons, notice.at, ONLY_SET, purpose=purpose, left_at=min(left, default=notice.at)
    )


def _cartons(now: Mapping[str, Packed], prefix: str, notice: Notice) -> list[Carton]:
    listed = {one["package"]: one for one in notice.data["packages"]}
    found = list[Carton]()
    for name, one in now.items():
        package = listed.get(name, {})
        code = one.sscc or own_code(name) or sscc(prefix, notice.serials[name])
        found.append(Carton(code, package.get("carrier") or "", package.get("tracking") or "", one.units or {}))
    return found


def _without_voided(before: Mapping[str, Packed], notice: Notice) -> dict[str, Packed]:
    """What is left of the packages that the buyer knows. Raises `Unclear`."""
    _check(before)
    there = {one["package"] for one in notice.data["packages"]}
    now = {name: one for name, one in before.items() if name in there or is_loose(name)}
    gone = _sum(before) - _sum(now)
    if gone != units_of(notice.data["lines"]):
        raise Unclear("its packages do not hold the units that did not leave")
    return now


def _packed_otherwise(before: Mapping[str, Packed], notice: Notice) -> dict[str, Packed]:
    """The same units in other packages. Raises `Unclear`."""
    _check(before)
    now = dict(before)
    for package in notice.data["packages"]:
        name, units = package["package"], +units_of(package["lines"])
        if name in now and units:
            now[name] = replace(now[name], units=dict(units))
        elif name not in now and name_of(notice.data["fulfillment_order"], name) not in notice.ids:
            _pack(now, name, units)
    if _sum(now) != _sum(before):
        raise Unclear("its packages hold other units than have left")
    return now


def _pack(now: dict[str, Packed], name: str, units: Counter[str]) -> None:
    """Put units into a package that their node has named later; until now they were in none."""
    for loose in [other for other in now if is_loose(other)]:
        held = Counter(now[loose].units or {})
        named = units or held
        if named <= held:
            now[name] = replace(now[loose], units=dict(named), sscc=None)
            if rest := held - named:
                now[loose] = replace(now[loose], units=dict(rest))
            else:
                del now[loose]
            return
    raise Unclear(f"nothing left in no package that package {name} can be")


def _check(before: Mapping[str, Packed]) -> None:
    if any(one.units is None for one in before.values()):
        raise Unclear("it was sent before the contents of packages were kept")


def _sum(packages: Mapping[str, Packed]) -> Counter[str]:
    units = Counter[str]()
    for one in packages.values():
        units.update(one.units or {})
    return +units


def _correct_invoice(found: _Correction, profile: Profile, notice: Notice) -> None:
    if notice.kind != EventKind.SHIPMENT_VOIDED:
        return
    back = left_to_credit(notice, units_of(notice.data["lines"]))
    if not back:
        return
    if profile.wrong_invoices == BY_A_PERSON:
        found.for_a_person.append("an invoice (810) is for goods that did not leave")
        return
    buyer, name = buyer_of(notice.order), _invoice_of(notice)
    made = (adjustment_for if profile.wrong_invoices == "812" else credit_for)(buyer, notice, back, name)
    work = notice.data["fulfillment_order"]
    found.documents.append(OutgoingDocument(f"{made.code} {notice.event}", made, work))
    found.ids |= invoiced_now(notice, {line: -units for line, units in back.items()})
    found.ids[f"{CREDITED} {notice.event}"] = made.code


def _invoice_of(notice: Notice) -> str:
    """BIG02 of the invoice that is wrong, where it is one only."""
    there = {one["package"] for one in notice.data["packages"]}
    known = packed(notice.ids, notice.data["fulfillment_order"])
    found = {one.invoice for name, one in known.items() if name not in there and not is_loose(name)}
    return found.pop() if len(found) == 1 else ""
