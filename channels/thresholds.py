"""The key `health` of channels.toml: up to which rates a marketplace is content with a seller."""

import re
from collections.abc import Mapping
from typing import Any

from channels.channel import Key
from domain.marketplace_health import MarketplaceRate

NAME = "health"
PERCENT = re.compile(r"(100|[0-9]{1,2}(\.[0-9]{1,2})?)%")


def mistake(given: Any) -> str | None:
    """What is wrong with the thresholds of an entry."""
    for name, written in given.items():
        if name not in list(MarketplaceRate):
            return f"{NAME} has no {name!r}; it has {', '.join(MarketplaceRate)}"
        if not PERCENT.fullmatch(written):
            return f'{NAME}: {name} must be a percentage such as "2.5%", not {written!r}'
    return None


def key(**usual: str) -> Key:
    """The key, with the thresholds of the marketplace itself; an entry may have others instead."""
    return Key(NAME, usual, mistake)


def thresholds(entry: Mapping[str, Any]) -> dict[MarketplaceRate, float]:
    """The thresholds of an entry without mistakes, from 0 to 1; a rate without one is not measured."""
    written: Mapping[str, str] = entry.get(NAME, {})
    return {rate: float(written[rate].removesuffix("%")) / 100 for rate in MarketplaceRate if rate in written}
