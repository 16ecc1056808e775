"""Decides which documents a buyer gets for what happened to an order: 855 once it is planned, 856 and 810 for what has left.

Where other units are coming, or wait for stock, than the buyer knows, it gets another 855 or an 865.
"""

from collections.abc import Mapping

from channels.channel import Done, Notice, Outcome, OutgoingDocument, Settings
from channels.x12 import correction
from channels.x12.answers import Carton, buyer_of, response, shipment_notice, shipped_units
from channels.x12.change_answer import as_decided, fewer_than_known, known_to_the_buyer, own_change, wait_otherwise
from channels.x12.invoicing import invoice_for, invoiced_now
from channels.x12.packed import Packed, is_loose, name_of, new_packages
from channels.x12.profile import NOTHING, Profile
from domain.event import EventKind
from formats.sscc import INTERNAL_PREFIX, own_code, sscc
from formats.x12.partner import ONLY_SET

PLANNED = (EventKind.PROMISED, EventKind.BACKORDERED, EventKind.CANCELLED)
"""The first of these says that it was decided what of the order will come, and when."""
WRONG = (EventKind.SHIPMENT_VOIDED, EventKind.SHIPMENT_CORRECTED)
"""What was sent of a shipment is wrong."""
HEARD = (*PLANNED, EventKind.BACKORDER_FILLED, EventKind.PROMISE_CHANGED, EventKind.SHIPPED, *WRONG)
CONFIRMED = "855"
"""The name of what is kept with the order: that its 855 was written."""
REPLACED = "05"
"""BAK01 (data element 353) of an 855 that takes the place of the earlier one."""


def outcome(settings: Settings, notice: Notice) -> Outcome:
    """The documents that a buyer gets because of an event, and what is to be remembered of them."""
    profile: Profile = settings.entry["profile"]
    if notice.kind in WRONG:
        return correction.outcome(profile, _prefix(settings), notice)
    if notice.kind == EventKind.SHIPPED:
        return _ship(settings, profile, notice)
    return _confirm(profile, notice) or _change(profile, notice)


def _confirm(profile: Profile, notice: Notice) -> Outcome | None:
    """The 855, once; None = the buyer has it, or wants none."""
    if CONFIRMED in notice.ids or "855" not in profile.documents:
        return None
    buyer = buyer_of(notice.order)
    known = {CONFIRMED: notice.event, **known_to_the_buyer(buyer)}
    return Done(known, [OutgoingDocument(f"855 {notice.external}", response(buyer, notice.at, ONLY_SET))])


def _change(profile: Profile, notice: Notice) -> Done:
    """How the order is now, where that is not as the buyer knows it: in an 855 that replaces the earlier one, where that is
    agreed, or in an 865 about the lines."""
    buyer = as_decided(buyer_of(notice.order), notice.ids)
    lines_of_event = () if notice.kind == EventKind.SHIPPED else notice.data.get("lines", ())
    about = {line["line"]: line["quantity"] for line in lines_of_event}
    fewer = fewer_than_known(buyer, about if notice.kind == EventKind.CANCELLED else {}, notice.ids)
    waits = [] if profile.waiting_units == NOTHING else wait_otherwise(buyer, about, notice.ids)
    lines = list(dict.fromkeys([*fewer, *waits]))
    if not lines or not {profile.waiting_units, "865"} & profile.documents:
        return Done()
    if profile.waiting_units == "855":
        one = response(buyer, notice.at, ONLY_SET, purpose=REPLACED)
        return Done(known_to_the_buyer(buyer), [OutgoingDocument(f"855 {notice.event}", one)])
    one = own_change(buyer, lines, notice.at)
    return Done(known_to_the_buyer(buyer, lines), [OutgoingDocument(f"865 {notice.event}", one)])


def _ship(settings: Settings, profile: Profile, notice: Notice) -> Outcome:
    buyer, work, prefix = buyer_of(notice.order), notice.data["fulfillment_order"], _prefix(settings)
    contents = dict(new_packages(notice))
    cartons = [_carton(notice, prefix, name, units) for name, units in contents.items()]
    shipped = shipped_units(cartons)
    news = _change(profile, notice) if profile.waiting_units != NOTHING else Done()
    documents = list(news.documents)
    if "856" in profile.documents:
        one = shipment_notice(buyer, notice.event, cartons, notice.at, ONLY_SET)
        documents.append(OutgoingDocument(f"856 {notice.event}", one, work))
    if "810" in profile.documents:
        documents.append(OutgoingDocument(f"810 {notice.event}", invoice_for(buyer, notice, shipped), work))
    codes = {name: carton.sscc for name, carton in zip(contents, cartons, strict=True)}
    return Done({**news.ids, **invoiced_now(notice, shipped), **_sent(notice, contents, codes)}, documents)


def _prefix(settings: Settings) -> str:
    return settings.entry["gs1_prefix"] or INTERNAL_PREFIX


def _carton(notice: Notice, prefix: str, name: str, units: Mapping[str, int]) -> Carton:
    """A package with its own id for its number, where its node has put an SSCC on it; else one of ours."""
    listed = {one["package"]: one for one in notice.data["packages"]}
    package: Mapping[str, str | None] = listed.get(name, {})
    code = own_code(name) or sscc(prefix, notice.serials[name])
    return Carton(code, package.get("carrier") or "", package.get("tracking") or "", units)


def _sent(notice: Notice, contents: Mapping[str, Mapping[str, int]], codes: Mapping[str, str]) -> Mapping[str, str]:
    """What is kept of each package: in which notice and invoice it is, and what is in it."""
    work, found = notice.data["fulfillment_order"], dict[str, str]()
    for name in [*contents, *(one["package"] for one in notice.data["packages"])]:
        if name_of(work, name) not in notice.ids:
            code = codes[name] if is_loose(name) else None
            one = Packed(notice.event, notice.event, contents.get(name, {}), code)
            found[name_of(work, name)] = one.kept()
    return found
