"""Buyers who order by X12: the kind of channels `x12`. Documents come and go as files in a mailbox; nothing is asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from channels.channel import (
    Acknowledged,
    Allowance,
    Amends,
    Answer,
    Catalogue,
    Checked,
    Conversation,
    Key,
    Later,
    Level,
    Message,
    Misfit,
    Notice,
    Outcome,
    Page,
    ReadAgain,
    Refused,
    Request,
    Result,
    Said,
    Settings,
    Token,
)
from channels.x12 import notify, purchase_change, purchase_order
from channels.x12.change_answer import ChangeAnswer
from channels.x12.purchase_change import Dated
from formats.x12.acknowledgment import ACKNOWLEDGES_NOTHING, Acknowledgment, acknowledged
from formats.x12.elements import ElementError, version_of
from formats.x12.parts import Group, Interchange, Set
from formats.x12.read import NO_TRAILER_OF_SET, NotX12, read

TAKES: Mapping[str, Collection[str]] = {"850": ("BEG", "PO1"), "860": ("BCH",)}
"""The sets that a buyer sends, each with the segments that it cannot be without."""
NOT_ASKED = "a buyer's documents come by the mailbox; none can be asked for"


class X12:
    """A buyer who orders by X12."""

    kind: str = "x12"
    uses_mailbox: bool = True
    poll_least: timedelta = timedelta(seconds=1)
    shown_after: timedelta = timedelta(0)
    cancel_codes: Sequence[str] = ()
    credentials: Sequence[str] = ()
    optional_credentials: Sequence[str] = ()
    keys: Sequence[Key] = (Key("us"), Key("partner"), Key("drop"), Key("sftp"), Key("gs1_prefix"))

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """No webhook is a buyer's."""
        return False

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """Nothing comes as a webhook."""
        return "", ""

    def read(
        self, settings: Settings, catalogue: Catalogue, message: Message
    ) -> Sequence[Said | ReadAgain | Amends | Acknowledged]:
        """What one set says, which is alone in its interchange."""
        interchange = _interchange(message.body)
        if interchange.acknowledgments:
            return [_of_interchange(segment.elements) for segment in interchange.acknowledgments]
        group, one = _the_set(interchange)
        match one.code:
            case "997" | "999":
                return _settled(one)
            case "850":
                return self._placed(settings, catalogue, _Read(message.body, _version(interchange), one))
            case "860":
                return [self._change(settings, catalogue, _Read(message.body, _version(interchange), one))]
        raise Misfit(
            f"a set {one.code} of group {group.function} is none that a buyer sends here: 850, 860 and 997 are"
        )

    def _placed(self, settings: Settings, catalogue: Catalogue, own: "_Read") -> list[Amends]:
        """An 850: one order, or one of each store. Where one of them cannot be read, none is carried out."""
        number, stores = purchase_order.number_of(own.one), purchase_order.stores_of(own.one)
        if stores:
            profile = settings.entry["profile"]
            purchase_order.check_division(own.one, settings.name, profile, catalogue, own.at)
            _ordered(settings, catalogue, own.one, own.at)
        return [_amends(settings, catalogue, number, own, store) for store in (stores or (None,))]

    def _change(self, settings: Settings, catalogue: Catalogue, own: "_Read") -> Amends:
        """An 860: of the whole order, or of the store that it names."""
        number, stores = purchase_change.purchase_order_of(own.one), purchase_order.stores_of(own.one)
        answered = ChangeAnswer(own.one) if "865" in settings.entry["profile"].documents else None
        if len(stores) > 1:
            raise Misfit(
                f"it changes the orders of {len(stores)} stores at once: ask the buyer for one of each, or change them here"
            )

        def of(store: str | None) -> Amends:
            return replace(_amends(settings, catalogue, number, own, store), is_change=True, answered=answered)

        if stores:
            return of(stores[0])
        named = purchase_change.named_store(own.one)
        return replace(of(None), of_store=of(named) if named else None)

    def token(self, settings: Settings, at: datetime) -> None:
        """Nothing is asked for, so nothing authorizes it."""
        return

    def authorized(self, settings: Settings, token: Token | None, request: Request) -> Request:
        """The request as it is."""
        return request

    def allowance(self, answer: Answer) -> Allowance | None:
        """Nothing is limited."""
        return None

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """Raises `Misfit`: the mailbox is looked into instead."""
        raise Misfit(NOT_ASKED)

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """Raises `Misfit`: of two documents of one instant that differ, a person must ask which one counts."""
        raise Misfit(NOT_ASKED)

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Whether a document is about it."""
        return kind in notify.HEARD

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Write the documents about it."""
        return _at_once(notify.outcome(settings, notice))

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: stock goes as a whole document."""
        return {}

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Raises `Misfit`: stock goes as a whole document, not by changes."""
        raise Misfit(NOT_ASKED)

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Nothing is set up at a buyer."""
        return _at_once(Checked([]))


class _Read(NamedTuple):
    """A set as it was read from these bytes, and the instant of its interchange."""

    body: bytes
    at: datetime
    one: Set


def _ordered(
    settings: Settings, catalogue: Catalogue, one: Set, version: datetime, store: str | None = None
) -> list[Said]:
    return purchase_order.read(one, settings.name, settings.entry["profile"], catalogue, version, store)


def _amends(settings: Settings, catalogue: Catalogue, number: str, own: _Read, store: str | None = None) -> Amends:
    external = purchase_order.external_of(number, store)
    return Amends(external, own.at, partial(_together, settings, catalogue, external, store, own))


def _together(
    settings: Settings,
    catalogue: Catalogue,
    external: str,
    store: str | None,
    own: _Read,
    messages: Sequence[Message],
) -> Said:
    """What all 850s and 860s of an order say, or of a store's part of one; one of them was read before."""
    documents = [Dated(own.at, own.one) if message.body == own.body else _dated(message.body) for message in messages]
    version = max(document.at for document in documents)
    found = purchase_change.amended(documents, store)
    if found.one is None:
        return Said(external, version, None, "cancelled")
    said = _ordered(settings, catalogue, found.one, version, store)
    if len(said) != 1:
        raise Misfit("SDQ divides the order among stores now, and did not before: agree with the buyer")
    return replace(said[0], not_followed=tuple(found.not_followed))


def _dated(body: bytes) -> Dated:
    interchange = _interchange(body)
    return Dated(_version(interchange), _the_set(interchange)[1])


def _at_once(result: Result) -> Conversation[Result]:
    """A conversation that asks for nothing."""
    yield from ()
    return result


def _interchange(body: bytes) -> Interchange:
    try:
        (interchange,) = read(body)
    except (NotX12, ValueError) as error:
        raise Misfit(f"it is no single interchange of X12: {error}") from error
    return interchange


def _the_set(interchange: Interchange) -> tuple[Group, Set]:
    sets = [(group, one) for group in interchange.groups for one in group.sets]
    if len(sets) != 1:
        raise Misfit(f"it holds {len(sets)} sets, and is kept with one")
    group, one = sets[0]
    if NO_TRAILER_OF_SET in one.faults:
        raise Misfit(f"set {one.code} {one.control} was cut off: it ends without SE. Ask for the whole file")
    there = {segment.name for segment in one.segments}
    if missing := [name for name in TAKES.get(one.code, ()) if name not in there]:
        raise Misfit(f"set {one.code} {one.control} has no segment {missing[0]}")
    return group, one


def _version(interchange: Interchange) -> datetime:
    try:
        return version_of(interchange.date, interchange.time, interchange.control)
    except ElementError as error:
        raise Misfit(str(error)) from error


def _of_interchange(elements: Sequence[str]) -> Acknowledged:
    """A TA1: control number, date, time, A E or R, and a code of why."""
    control, _, _, verdict, *why = (*elements, "", "", "", "")
    return Acknowledged(None, control, verdict if verdict in ("A", "E") else "R", tuple(filter(None, why)))


def _settled(one: Set) -> list[Acknowledged]:
    found = [_of_group(about) for about in acknowledged(one)]
    if not found:
        raise Misfit(ACKNOWLEDGES_NOTHING)
    return found


def _of_group(found: Acknowledgment) -> Acknowledged:
    codes = dict.fromkeys(code for one in found.sets for code in one.faults)
    return Acknowledged(found.function, found.control, found.verdict, tuple(codes))
