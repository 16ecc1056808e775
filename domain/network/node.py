"""What a node is, when it works, and how it gets its work."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo


class NodeKind(StrEnum):
    """What a node is; policies select by it."""

    DC = "dc"
    STORE = "store"
    THIRD_PARTY = "3pl"
    VENDOR = "vendor"


class OnSilence(StrEnum):
    """What happens when a node does not accept within `accept_within`."""

    REROUTE = "reroute"
    ASK_CANCEL = "ask_cancel"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """How a node gets its work, as far as decisions depend on it; `nodes/` has the kinds.

    Raises ValueError for a kind that is called and need not be asked before a cancel: a node that was called may have begun.
    """

    kind: str
    is_called: bool
    """Whether we call the node with its work; otherwise the node polls, and can read the work from its release on."""
    asks_before_cancel: bool
    """Whether the node must always be asked before its work is cancelled; otherwise only after it accepted the work."""

    def __post_init__(self) -> None:
        if self.is_called and not self.asks_before_cancel:
            raise ValueError(f"{self.kind}: a node that is called must be asked before its work is cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place that ships: its position, its calendar, how long it may take to answer, and how it gets its work."""

    id: str
    name: str
    kind: NodeKind
    country: str
    postal_code: str | None = None
    latitude: float
    longitude: float
    time_zone: ZoneInfo
    cutoff: time = time(17)
    working_days: frozenset[int] = frozenset(range(5))
    """Days of the week, Monday = 0."""
    holidays: Container[date] = frozenset()
    closed_days: frozenset[date] = frozenset()
    """Single days on which it does not work."""
    open_days: frozenset[date] = frozenset()
    """Single days on which it works, although its week or its holidays say that it does not."""
    handling_days: int = 0
    capacity_per_day: int | None = None
    """Fulfillment orders planned for one local day; None = no limit."""
    priority: int = 10
    safety_stock: int = 0
    hours: tuple[time, time] | None = None
    """Local opening and closing time on working days, a closing time of 00:00 being the midnight that ends the day;
    None = always open."""
    accept_within: timedelta = timedelta(days=1)
    ship_within: timedelta = timedelta(days=2)
    on_silence: OnSilence = OnSilence.ESCALATE
    dispatch: Dispatch
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its kind of dispatch needs to call it, such as a `secret`."""
    pickup: bool = False
    tags: tuple[str, ...] = ()
    """Words of the business, for rules."""
    street: tuple[str, ...] = ()
    """Lines of its address, which carriers ask for; empty = not known."""
    city: str = ""
    state: str = ""
    """Of its address, as carriers write it, such as `UT`."""
    phone: str = ""
    region: str = ""
    """What the business calls the part of the world that it is in, for rules; "" = nothing."""

    def works_on(self, day: date) -> bool:
        """Whether this is a working day of the node: a day of its week and no holiday, or a day of its own."""
        return day in self.open_days or (day not in self.closed_days and self.usually_works_on(day))

    def usually_works_on(self, day: date) -> bool:
        """Whether it works on this day by its week and its holidays alone."""
        return day.weekday() in self.working_days and day not in self.holidays
