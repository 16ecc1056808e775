"""A small kind of channel for tests of what comes in: its documents are our own order document, with a version, and an HMAC.

`{"external", "version", "order" | null, "why_not"}` says how an order is wanted; `{"external"}` only that something changed.
What the channel has now is in `orders`, where its conversations read it: nothing is called.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import ValidationError

from channels.channel import (
    Answer,
    Catalogue,
    ChannelKind,
    Checked,
    Conversation,
    Done,
    Finding,
    Key,
    Level,
    Message,
    Misfit,
    Notice,
    Outcome,
    Page,
    ReadAgain,
    Request,
    Said,
    Settings,
    Token,
    Unmapped,
)
from database.sealing import WrongMasterKey
from domain.channel_difference import PaidBack
from domain.order import NewOrder
from jobs.conversation import ConversationFailed

Result = TypeVar("Result")
SECRET = "a secret of the plain shop"
SIGNATURE = "x-plain-signature"
EVENT = "x-plain-event"


def signed(body: bytes, event: str, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook."""
    return {SIGNATURE: hmac.new(secret.encode(), body, sha256).hexdigest(), EVENT: event}


@dataclass
class PlainKind:
    """The kind; `orders` is what its channels have, by their id."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)

    kind = "plain"
    uses_mailbox: bool = False
    poll_least: timedelta = timedelta(seconds=1)
    shown_after: timedelta = timedelta(0)
    cancel_codes: Sequence[str] = ()
    credentials: Sequence[str] = ("secret",)
    optional_credentials: Sequence[str] = ()
    keys: Sequence[Key] = ()

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the sender knows the secret."""
        wanted = signed(body, "", settings.credentials["secret"])[SIGNATURE]
        return hmac.compare_digest(wanted, headers.get(SIGNATURE, ""))

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The topic, and the id of a webhook."""
        return "order", headers[EVENT]

    def read(self, settings: Settings, catalogue: Catalogue, message: Message) -> Sequence[Said | ReadAgain]:
        """What a document says; a list of documents says what each of them does."""
        try:
            found = json.loads(message.body)
        except ValueError as error:
            raise Misfit("it is no JSON") from error
        return [self._one(settings, catalogue, one) for one in (found if isinstance(found, list) else [found])]

    def _one(self, settings: Settings, catalogue: Catalogue, one: dict[str, Any]) -> Said | ReadAgain:
        if "version" not in one:
            return ReadAgain(one["external"])
        version = datetime.fromisoformat(one["version"])
        if one["order"] is None:
            elsewhere = one.get("elsewhere", {})
            sold_there = one.get("sold_there", {})
            return Said(
                one["external"],
                version,
                None,
                one.get("why_not"),
                shipped_elsewhere=elsewhere,
                sold_there=sold_there,
            )
        order, unmapped = json.loads(json.dumps(one["order"])), []
        for line in order["lines"]:
            units = catalogue.item("sku", line["sku"])
            if units is None:
                unmapped.append(Unmapped(line["line"], line["sku"], line.get("name")))
            else:
                line |= {"sku": units.sku, "quantity": line["quantity"] * units.units}
                line["unit_price"] //= units.units
        try:
            paid_back = {line: PaidBack.model_validate(paid) for line, paid in one.get("paid_back", {}).items()}
            return Said(
                one["external"],
                version,
                NewOrder.model_validate(order),
                None,
                tuple(unmapped),
                paid_back=paid_back,
                shipped_elsewhere=one.get("elsewhere", {}),
            )
        except ValidationError as error:
            raise Misfit(f"{error.error_count()} fields of it are wrong") from error

    def token(self, settings: Settings, at: datetime) -> Conversation[Token] | None:
        """It needs none."""
        return None

    def authorized(self, settings: Settings, token: Token | None, request: Request) -> Request:
        """The request as it is."""
        return request

    def allowance(self, answer: Answer) -> None:
        """It says nothing of how much it takes."""

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """Everything, each time."""
        yield Request("GET", "/orders")
        return Page([Message("order", json.dumps(order).encode()) for order in self.orders.values()], {}, True)

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """One order, as it is now."""
        yield Request("GET", f"/orders/{external}")
        found = self.orders.get(external)
        return None if found is None else Message("order", json.dumps(found).encode())

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """It hears of nothing."""
        return False

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Nothing is said to it."""
        yield Request("GET", "/")
        return Done()

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: it has one level for each item."""
        return {}

    def stock(self, settings: Settings, key: str, levels: Sequence[Level]) -> Conversation[Mapping[str, int]]:
        """It keeps no stock."""
        yield Request("GET", "/")
        return {}

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """It is always well."""
        yield Request("GET", "/")
        return Checked(list[Finding]())


@dataclass
class PlainConversations:
    """Runs the conversations of `PlainKind`, whose answers say nothing; `is_away` while the channel cannot be reached."""

    kind: PlainKind
    known: Mapping[str, Settings]
    is_away: bool = False
    asked: list[str] = field(default_factory=list)
    """What was requested."""
    sealed_otherwise: set[str] = field(default_factory=set)
    """Channels whose credentials no master key opens."""

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """A connection and its kind."""
        if channel in self.sealed_otherwise:
            raise WrongMasterKey("the key cannot be opened")
        found = self.known.get(channel)
        return None if found is None else (found, self.kind)

    async def run(self, settings: Settings, kind: ChannelKind, conversation: Conversation[Result]) -> Result:
        """Answer every request with nothing."""
        if self.is_away:
            raise ConversationFailed("no answer")
        try:
            request = next(conversation)
            while True:
                self.asked.append(request.path)
                request = conversation.send(Answer(200, {}, b""))
        except StopIteration as end:
            result: Result = end.value
            return result
