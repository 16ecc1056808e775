"""Decides what becomes of a parcel's label: when it is bought, looked for, given up and given back.

A carrier that did not answer may have sold the label. So it is first asked for the label by our reference, and the label is
never bought a second time before that is known. A label that turns up later than it was of use is given back.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from domain.fulfillment.messages import PackageName
from domain.text import FreeText, Label, Strict, Word

LATE_AFTER = timedelta(minutes=5)
"""A label that the carrier does not have so long after it was asked for one was not sold."""
LOOKED_FOR_AGAIN = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""When a label is looked for after that, in case that it turns up all the same."""

Grams = Annotated[int, Field(ge=1, le=100_000_000, strict=True)]
Millimetres = Annotated[int, Field(ge=1, le=100_000, strict=True)]


class LabelFormat(StrEnum):
    """How a label is written."""

    ZPL = "zpl"
    """For label printers."""
    PDF = "pdf"


class LabelState(StrEnum):
    """How far a label is."""

    ASKED = "asked"
    """The carrier is asked for it now."""
    BOUGHT = "bought"
    UNKNOWN = "unknown"
    """The carrier did not answer well: it may have sold the label."""
    REFUSED = "refused"
    """The carrier did not sell it."""
    VOIDED = "voided"
    """It was given back."""


OPEN = frozenset({LabelState.ASKED, LabelState.BOUGHT, LabelState.UNKNOWN})
"""The states in which a parcel gets no second label."""


class Sides(Strict):
    """How large a parcel is."""

    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


class LabelRequest(Strict):
    """A request for the label of a parcel."""

    package: PackageName = "1"
    """What the node calls the parcel."""
    carrier: Word | None = None
    """None = the cheapest by its rate card."""
    format: LabelFormat = LabelFormat.ZPL
    weight_g: Grams | None = None
    """None = that of all units that are due."""
    sides: Sides | None = None
    reason: FreeText | None = None
    actor: Label | None = None


class VoidLabelRequest(Strict):
    """A request to give a label back."""

    reason: FreeText | None = None
    actor: Label | None = None


class Step(StrEnum):
    """What the carrier is asked next."""

    BUY = "buy"
    FIND = "find"
    VOID = "void"
    VOID_AGAIN = "void_again"
    """It was asked to take the label back, and its answer is missing: it is first asked whether it still has it."""


class Asking(NamedTuple):
    """The facts about a label that decide the next step."""

    state: LabelState
    was_called: bool
    """Whether the carrier was asked to sell it, whatever came of that."""
    void_wanted: bool
    has_shipment: bool
    """Whether it is known what the carrier calls it."""
    void_was_called: bool = False
    """Whether the carrier was asked to take it back and has not answered."""


def next_step(asking: Asking) -> Step | None:
    """What the carrier is asked next; None = nothing."""
    match asking.state:
        case LabelState.ASKED if asking.was_called:
            return Step.FIND
        case LabelState.ASKED:
            return None if asking.void_wanted else Step.BUY
        case LabelState.BOUGHT:
            return _void(asking) if asking.void_wanted else None
        case LabelState.UNKNOWN | LabelState.REFUSED | LabelState.VOIDED:
            return _void(asking) if asking.has_shipment else Step.FIND


def _void(asking: Asking) -> Step:
    return Step.VOID_AGAIN if asking.void_was_called else Step.VOID


class Use(NamedTuple):
    """The facts that decide whether a label of ended work is given back."""

    has_ended: bool
    """Whether nothing of its work left its node, and nothing may still leave."""
    has_left: bool
    """Whether a parcel with its tracking number was reported as shipped."""
    is_scanned: bool
    """Whether its carrier had a parcel with it."""


KEEPS_ITS_PARCEL = (
    "its work ended without a shipment, but the carrier has scanned a parcel with it: it is not given back"
)


def is_unused(use: Use) -> bool:
    """Whether no parcel has left with a label, and none will."""
    return use.has_ended and not use.has_left and not use.is_scanned


def why_kept(use: Use) -> str | None:
    """Why a person must look at a label of ended work that is not given back; None = its work goes on, or its parcel left."""
    return KEEPS_ITS_PARCEL if use.is_scanned and use.has_ended and not use.has_left else None


class Missing(NamedTuple):
    """What follows when the carrier does not have a label that we look for."""

    state: LabelState
    look_again_in: timedelta | None
    """None = never."""


def when_missing(asked_at: datetime, now: datetime, *, void_wanted: bool) -> Missing:
    """The state of a label that the carrier says it did not sell: unknown as long as its sale may be under way."""
    since = now - asked_at
    if since < LATE_AFTER:
        return Missing(LabelState.UNKNOWN, min(LATE_AFTER - since, timedelta(minutes=1)))
    state = LabelState.VOIDED if void_wanted else LabelState.REFUSED
    return Missing(state, next((after - since for after in LOOKED_FOR_AGAIN if after > since), None))
