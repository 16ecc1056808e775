"""The interface of a dispatch kind: a way to reach nodes. `nodes/kinds.py` is the table of all kinds."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.network import Dispatch
from formats.x12.parts import Set


@dataclass(frozen=True, slots=True)
class Call:
    """A POST as plain data; `activities/dispatch.py` sends it, with the guards of all outgoing calls."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A document of X12 as plain data; it gets its control number and its envelope in the transaction that notes that it was
    sent, and lies in the node's mailbox soon after."""

    one: Set


def anything(_: str) -> str | None:
    """Accept any text."""
    return None


@dataclass(frozen=True, slots=True)
class Key:
    """A key that each node of a kind must have in nodes.toml; nodes of other kinds must not have it."""

    name: str
    mistake: Callable[[str], str | None] = anything
    """Answers what is wrong with a value, for the author of the file; None = nothing."""


class DispatchKind(Protocol):
    """One way to reach nodes. It has no state and does no I/O."""

    @property
    def dispatch(self) -> Dispatch:
        """Its name, and its properties that decisions use."""

    @property
    def uses_mailbox(self) -> bool:
        """Whether documents go and come as files in a mailbox; its nodes then have the keys of a trading partner."""

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of its nodes in nodes.toml."""

    def call(
        self, settings: Mapping[str, Any], message_id: str, fulfillment_order: Mapping[str, Any], at: datetime
    ) -> Call | Document | None:
        """The call about a fulfillment order: new work, a request to cancel, or that it was given up (see its `request`).

        `settings` are the node's values of `keys`. The document is the one that a node gets by polling. `message_id` is the
        same for every repetition, so the node recognizes a repeated call. None = the node polls.
        """


def mistake_of_url(url: str) -> str | None:
    """What is wrong with the URL of a node; None = nothing."""
    is_callable = re.fullmatch(r"https?://[^\s/]+\S*", url)
    return None if is_callable else f"url must begin with https:// or http://, not {url!r}"
