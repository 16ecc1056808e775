"""Decides what becomes of a manifest: the list with which a node hands a day's parcels to a carrier that asks for one.

A carrier that did not answer may have made it. So it is first asked for the manifest by our reference, or a person looks there;
the same parcels are never put on a second one before that is known. A manifest cannot be taken back.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.label import LATE_AFTER
from domain.network import Node
from domain.promise import cutoff_has_passed
from domain.text import FreeText, Label, Strict, Word

PARCELS_MAX = 500
"""On one manifest; those beyond wait for the next one."""
LABELLED_WITHIN = timedelta(days=7)
"""A parcel that was labelled longer ago waits for no manifest any more: it did not leave, or left without one."""


class ManifestState(StrEnum):
    """How far a manifest is."""

    ASKED = "asked"
    """The carrier is asked for it now."""
    MADE = "made"
    UNKNOWN = "unknown"
    """The carrier did not answer well: it may have made the manifest."""
    REFUSED = "refused"
    """The carrier did not make it: its parcels wait for another one."""


class ManifestRequest(Strict):
    """A request for the manifest of the parcels that wait for one."""

    carrier: Word
    reason: FreeText | None = None
    actor: Label | None = None


class ManifestOutcome(StrEnum):
    """What a person found at the carrier."""

    MADE = "made"
    NOT_MADE = "not_made"


class SettleManifestRequest(Strict):
    """What a person found at the carrier about a manifest that is unknown."""

    outcome: ManifestOutcome
    reason: FreeText | None = None
    actor: Label | None = None


class ManifestStep(StrEnum):
    """What the carrier is asked next."""

    MAKE = "make"
    FIND = "find"


def next_step(state: ManifestState, *, was_called: bool) -> ManifestStep | None:
    """What the carrier is asked next; None = nothing. `was_called` = it was asked to make it, whatever came of that."""
    if state is ManifestState.ASKED and not was_called:
        return ManifestStep.MAKE
    return ManifestStep.FIND if state in (ManifestState.ASKED, ManifestState.UNKNOWN) else None


class Missing(NamedTuple):
    """What follows when the carrier does not have a manifest that we look for."""

    state: ManifestState
    look_again_in: timedelta | None
    """None = never."""


def when_missing(called_at: datetime, now: datetime) -> Missing:
    """The state of a manifest that the carrier says it did not make: unknown as long as it may be under way."""
    since = now - called_at
    if since < LATE_AFTER:
        return Missing(ManifestState.UNKNOWN, min(LATE_AFTER - since, timedelta(minutes=1)))
    return Missing(ManifestState.REFUSED, None)


class Cutoff(NamedTuple):
    """The end of a node's working day."""

    day: date
    at: datetime


def cutoff_of(node: Node, now: datetime) -> Cutoff | None:
    """The cut-off of the node's present day; None = it has not passed, or the node does not work today."""
    local = now.astimezone(node.time_zone)
    if not node.works_on(local.date()) or not cutoff_has_passed(node, local):
        return None
    return Cutoff(local.date(), datetime.combine(local.date(), node.cutoff, node.time_zone))
