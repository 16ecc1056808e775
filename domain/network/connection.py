"""The channels that are connected: shops and marketplaces whose orders come by themselves, and what they call our items."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class AliasKind(StrEnum):
    """What the name of an item is that a channel uses."""

    SKU = "sku"
    VARIANT = "variant"
    """The channel's own number of the item."""
    GTIN = "gtin"
    BUYER_PART = "buyer_part"
    """The number that the buyer has for it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connected channel, as channels.toml describes it. It holds no secret."""

    name: str
    """The channel of its orders."""
    kind: str
    api: str
    """The base address of its interface, without a slash at its end."""
    entry: Mapping[str, Any] = field(default_factory=dict)
    """All keys of its entry, with their defaults: the common ones and those of its kind."""

    @property
    def poll(self) -> timedelta:
        """How often it is asked for what has changed."""
        every: timedelta = self.entry["poll"]
        return every

    @property
    def keep(self) -> timedelta:
        """How long the bytes of what it sent are kept, once they were carried out."""
        kept: timedelta = self.entry["keep"]
        return kept


@dataclass(frozen=True, slots=True)
class Alias:
    """What one unit of a channel's item is here: so many units of a SKU."""

    sku: str
    units: int = 1
