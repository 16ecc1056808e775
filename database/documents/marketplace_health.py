"""The document of how marketplaces are content with the channels: each rate with its threshold and its orders."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime

from database.documents.document import Document
from domain.marketplace_health import MarketplaceRate, Measure, RateVerdict

NAMED_MAX = 1000
"""Orders that a list names; its count says how many there are."""


class MeasuredRate(Document):
    """A rate of a channel, as its marketplace counts it."""

    rate: MarketplaceRate
    value: float | None
    """From 0 to 1, with four decimal places; null when nothing is counted yet."""
    counted: int
    """Orders that were late or cancelled; parcels that can be followed or came in time."""
    of: int
    """All orders or parcels that are counted."""
    threshold: float
    """From 0 to 1: the most for late shipments and cancellations, the least for the others."""
    days: int
    """How far it looks back."""
    verdict: RateVerdict
    foreseen: float | None
    """The rate when all of `would_be_faults` have gone wrong, too."""
    faults: list[str]
    """The orders that lower it, the oldest first; 1000 at most."""
    would_be_faults: list[str]
    """The orders that will lower it within a day if nothing happens, the most urgent first; 1000 at most."""


class ChannelHealth(Document):
    """How a marketplace is content with a channel."""

    channel: str
    """The channel of the orders."""
    measured_at: AwareDatetime
    """When it was computed from the facts."""
    rates: list[MeasuredRate]
    """Those that have a threshold in channels.toml."""


class MarketplaceHealth(Document):
    """How marketplaces are content with the channels."""

    items: list[ChannelHealth]
    """The channels with a threshold, by name."""


def shown(measured: Sequence[Measure]) -> list[dict[str, Any]]:
    """The rates of a channel."""
    return [_shown(one) for one in measured]


def _shown(one: Measure) -> dict[str, Any]:
    return {
        "rate": one.rate,
        "value": _rounded(one.value),
        "counted": one.counted,
        "of": one.of,
        "threshold": one.threshold,
        "days": one.rate.period.days,
        "verdict": one.verdict,
        "foreseen": _rounded(one.foreseen),
        "faults": list(one.faults[:NAMED_MAX]),
        "would_be_faults": list(one.would_be_faults[:NAMED_MAX]),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
