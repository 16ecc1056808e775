"""What a chapter of the story is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from demo.scenario import Scenario

Played = TypeVar("Played", bound=Scenario)


@dataclass(frozen=True, slots=True)
class Chapter(Generic[Played]):
    """One order: its file, what happens to it, and how it ends."""

    file: str
    title: str
    play: Callable[[Played], Awaitable[None]]
    ships: Mapping[str, int] = field(default_factory=dict)
    """Units that leave each node."""
    ends: str = "completed"
