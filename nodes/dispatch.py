"""What a way to reach nodes is: the interface of its kinds. `nodes/kinds.py` is the table of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.network import Dispatch


@dataclass(frozen=True, slots=True)
class Call:
    """A POST as plain data; `activities/dispatch.py` sends it, with the guards of all calls out."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def anything(_: str) -> str | None:
    """Of any text nothing is wrong."""
    return None


@dataclass(frozen=True, slots=True)
class Key:
    """A text that each node of a kind must have in nodes.toml; no node of another kind may have it."""

    name: str
    mistake: Callable[[str], str | None] = anything
    """What is wrong with a value, in words for whoever wrote it; None = nothing."""


class DispatchKind(Protocol):
    """One way to reach nodes. It has no state and does no I/O."""

    @property
    def dispatch(self) -> Dispatch:
        """Its name, and what decisions see of it."""

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of its nodes in nodes.toml."""

    def call(
        self, settings: Mapping[str, str], message_id: str, fulfillment_order: Mapping[str, Any], at: datetime
    ) -> Call | None:
        """The call about a fulfillment order: of its work, of a request to cancel, or that it was given up (`request`).

        `settings` are the node's values of `keys`, and the document is the one that polling would show. `message_id` is the
        same for every repetition, so the node can tell a repeated call from a new one. None = the node polls.
        """


def mistake_of_url(url: str) -> str | None:
    """What is wrong with an address that is to be called."""
    is_callable = re.fullmatch(r"https?://[^\s/]+\S*", url)
    return None if is_callable else f"url must begin with https:// or http://, not {url!r}"
