"""The interface of a kind of channels: how a shop or marketplace is understood and notified. `channels/kinds.py` is the table.

A kind does no I/O. What needs answers is a conversation: a generator that yields requests as data, gets each one's answer, and
returns its result. Who runs it may stop at any request and begin again later: a conversation that changes something at the
channel therefore reads first what stands there, and repeats nothing that is done.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from domain.channel_difference import PaidBack
from domain.order import NewOrder
from formats.x12.parts import Set


@dataclass(frozen=True, slots=True)
class Quota:
    """How often the channel lets us ask for something, where it says that beforehand."""

    name: str
    """Requests of the same name count together."""
    per_second: float
    """How many requests come back each second; more than 0."""
    burst: int
    """How many there are at the most."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the channel as data. Who sends it adds what authorizes it."""

    method: str
    path: str
    """After the `api` address of the connection, with its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cost: float = 1.0
    """Points of an `Allowance` that it may take."""
    quota: Quota | None = None
    """What it counts against; None = against what answers say, with all requests that name no quota."""
    api: str = ""
    """The base address that `path` is after, where it is not that of the connection, as for tokens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the channel answered to a request: never a redirect, a 401, a 429 or a failure of its own (5xx), which the runner
    sees to."""

    status: int
    headers: Mapping[str, str]
    """Their names are lower-case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the channel lets us ask for, in points of its own, as an answer says it. None = it does not say this; then what is
    known and counted of the request's `Quota` stays."""

    left: float | None
    most: float | None
    per_second: float | None
    """How many come back each second; more than 0."""
    was_exceeded: bool = False
    """Whether the request was not done, because too few were left. It is asked again, and the conversation does not see it."""


class NoAnswer(Exception):
    """Thrown into a conversation at its request: no answer came, and the channel may have done what was asked."""


Result = TypeVar("Result")
Conversation = Generator[Request, Answer, Result]


class Misfit(Exception):
    """What came cannot be understood; the text says why, in words without personal data."""


class NoAccess(Misfit):
    """The channel does not let us do this: a person must give what it lacks, which the text names."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came from the channel, byte for byte."""

    topic: str
    """What it is about, in the channel's own word, such as `orders/updated`; `""` = the kind has one sort of document."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A line whose item nobody knows."""

    line: str
    external: str
    """What the channel calls the item: its SKU, or `variant:123` where it has none."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What the channel says about one of its orders now."""

    external: str
    """The channel's own id of the order; never shown to people."""
    version: datetime
    """When the channel changed it last, by its own clock: of two documents the later one counts."""
    order: NewOrder | None
    """The order as it is wanted today: lines that were removed are absent, quantities are today's, and the holds are
    those that the channel has now. None = nothing of it is wanted."""
    why_not: str | None = None
    """Why nothing is wanted: `cancelled`, or why such an order is none of ours (a test, sold at the till)."""
    unmapped: tuple[Unmapped, ...] = ()
    """Lines of `order` whose SKU is only what the channel calls the item."""
    not_followed: tuple[str, ...] = ()
    """What it changes that an order, once placed, does not follow: each is named to a person."""
    paid_back: Mapping[str, PaidBack] = field(default_factory=dict)
    """By line of `order`, in units of its SKU: what the customer was paid back for units that had left."""
    shipped_elsewhere: Mapping[str, int] = field(default_factory=dict)
    """By line, in units of its SKU: units that `order` has no more, since it was entered at the channel by hand that they left.
    Those that left here may be among them."""
    sold_there: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By node of which it says so, units by SKU that were sold and handed over there, less those that came back: they are in no
    order here, and off the node's stock."""
    requests: tuple[str, ...] = ()
    """What the customer asks for through the channel and a person decides, each as a sentence without anything of the person.
    It opens an exception, which closes when nothing is asked for any more."""


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Something about an order came that is not the order: it has to be read at the channel."""

    external: str
    """The order; or a part of it, such as a fulfillment order, where only the channel knows whose part it is."""


class Answered(Protocol):
    """How a change of an order is answered by a document, once it was carried out."""

    def known(self, order: Mapping[str, Any]) -> Mapping[str, str]:
        """Names that later notices need, of what the answer says of the order's document as it is now."""

    def document(
        self, order: Mapping[str, Any] | None, wanted: NewOrder | None, not_followed: Collection[str], at: datetime
    ) -> Set:
        """The answer about an order as it is now, None = none of it was placed; `wanted` is how the channel wants it, and
        `not_followed` what else it asks for that is not done."""


@dataclass(frozen=True, slots=True)
class Amends:
    """A document that says what an order is only together with others of the same order."""

    external: str
    version: datetime
    """When the channel wrote it."""
    together: Callable[[Sequence[Message]], Said]
    """What it says with all documents of the order, itself among them, in any sequence. Raises `Misfit`."""
    is_change: bool = False
    """Whether it says nothing without an earlier one."""
    of_store: "Amends | None" = None
    """What it is where its order was divided among stores: a change of the order of the store that it names."""
    answered: Answered | None = None
    """How it is answered; None = it is not."""


DIVIDED = (
    "it changes an order that SDQ divides among stores, and names no store: ask the buyer for a change that names it (N1*ST or "
    "SDQ), or change each store's order"
)
"""Why a change of an order that was divided among stores does not fit, when it does not say of which store."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The channel says of a document of ours whether it has taken it."""

    function: str | None
    """GS01 of the group; None = it speaks of the interchange as a whole."""
    control: str
    """Of the group, or of the interchange."""
    verdict: str
    """A, E (accepted with errors noted), P or R."""
    codes: tuple[str, ...] = ()
    """Why not, in codes of X12."""

    @property
    def is_accepted(self) -> bool:
        """Whether the document was taken."""
        return self.verdict in ("A", "E")


@dataclass(frozen=True, slots=True)
class Units:
    """What an item of the channel is here: so many units of a SKU for each one there."""

    sku: str
    units: int = 1


class Catalogue(Protocol):
    """The items of the active network, and the aliases of one channel."""

    def nodes(self) -> Collection[str]:
        """The nodes that may ship the channel's orders."""

    def item(self, kind: str, external: str) -> Units | None:
        """What aliases.csv says of it (`kind`: sku, variant, gtin, buyer_part); an own SKU (kind `sku`) needs no
        alias. None = nobody knows it."""


@dataclass(frozen=True, slots=True)
class Token:
    """What authorizes requests for some time; `secret` is shown to nobody."""

    secret: str
    until: datetime | None
    """None = it does not end."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a poll read."""

    messages: Sequence[Message]
    cursor: Mapping[str, Any]
    """Where the next page or the next poll begins; kept with the messages."""
    is_last: bool


@dataclass(frozen=True, slots=True)
class OutgoingDocument:
    """A document that the channel is to get by its mailbox."""

    key: str
    """What makes it one document, however often it is written."""
    one: Set
    about: str | None = None
    """The fulfillment order that it is about."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The customer got what the channel was asked to pay back."""

    refund: str
    """The id of the refund here."""
    amount: int
    """Minor units."""
    at: str
    """When, by the channel's clock; the same however often it is asked."""


@dataclass(frozen=True, slots=True)
class Done:
    """The channel knows it now, or knew it before; or it will know it by documents, which are kept in the same transaction."""

    ids: Mapping[str, str] = field(default_factory=dict)
    """Names that the channel gave and that later requests need, to be kept with the order."""
    documents: Sequence[OutgoingDocument] = ()
    paid: Paid | None = None
    """The refund that was asked for, where the event asks for one."""
    has_moved: bool = False
    """Whether units of the order were moved to another place of the channel, which changes what can be sold at both."""


@dataclass(frozen=True, slots=True)
class Later:
    """The channel could not take it now: `why` in our words; `wait` is what it asked for, None = it did not say."""

    why: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel will not take it; `why` is its own text. It becomes an exception."""

    why: str
    ids: Mapping[str, str] = field(default_factory=dict)
    """As in `Done`: names of what it has taken all the same."""
    documents: Sequence[OutgoingDocument] = ()
    """As in `Done`: what it is to get all the same."""


Outcome = Done | Later | Refused


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that the channel is to be notified of, with the facts as they are when it is sent."""

    event: str
    """The event's id: the key that makes repeats harmless."""
    kind: str
    """As `domain.event.EventKind` names it."""
    data: Mapping[str, Any]
    external: str
    """The channel's own id of the order."""
    order: Mapping[str, Any]
    """The document of `GET /orders/{order}`, with its fulfillment orders and their packages."""
    ids: Mapping[str, str]
    """What earlier conversations about this order have returned in `Done.ids`."""
    at: datetime
    """When it happened."""
    serials: Mapping[str, int] = field(default_factory=dict)
    """By package of a shipment, the serial number for its SSCC; only for kinds with a mailbox."""
    paid_back: Mapping[str, int] = field(default_factory=dict)
    """By line, the units that count as paid back here; only where the event asks for a refund."""
    cancel_code: str | None = None
    """The code of the last request to cancel; only where units were cancelled, and None where it had no code."""
    left_at: Mapping[str, datetime] = field(default_factory=dict)
    """When each parcel left, by its key (`channels.parcels.Parcel`)."""
    pinned: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By node, the units of each line that are reserved there; only where a promise was made, of channels with places."""


def loose_package(event: str) -> str:
    """What the package of units is called that left by an event in none that their node named."""
    return f"loose {event}"


@dataclass(frozen=True, slots=True)
class Level:
    """How many units of an item the channel may sell."""

    external: str
    """What the channel calls it, by its alias; the SKU where there is none."""
    available: int
    before: int | None
    """The last level that was sent; None = none was."""
    place: str = ""
    """Which of the channel's places it is for (`ChannelKind.places`)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check of a connection found."""

    is_fault: bool
    """Whether orders cannot flow as it is."""
    text: str
    """In the words of the shop's owner, with the place to click."""
    needs_person: bool = False
    """Whether orders flow, and a person must see to it all the same."""

    @property
    def is_for_a_person(self) -> bool:
        """Whether it becomes an exception."""
        return self.is_fault or self.needs_person


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: what was found, and the settings that it made at the channel, to be kept."""

    findings: Sequence[Finding]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """A connection as its kind sees it: its entry in channels.toml, its credentials, and what `check` has set up."""

    name: str
    """The channel of its orders."""
    entry: Mapping[str, Any]
    """The keys of channels.toml, with their defaults; `poll` is a timedelta."""
    credentials: Mapping[str, str]
    kept: Mapping[str, Any] = field(default_factory=dict)
    """`Checked.settings` of the last check."""


def anything(_: Any) -> str | None:
    """Accept any value."""
    return None


@dataclass(frozen=True, slots=True)
class Key:
    """A key that entries of a kind have in channels.toml beside the common ones; entries of other kinds must not have it."""

    name: str
    default: Any = None
    """Its type is that of the values: a text, true or false, or a table of texts. None = a text that must be there."""
    mistake: Callable[[Any], str | None] = anything
    """Answers what is wrong with a value, for the author of the file; None = nothing."""
    names_nodes: bool = False
    """Whether the texts of the table are nodes of the network."""


FORGET_AFTER = "forget_after"
"""The key of kinds whose channel lets personal data be kept for some days after the delivery only: `30d`."""


class ChannelKind(Protocol):
    """One kind of channel. It has no state and does no I/O."""

    @property
    def kind(self) -> str:
        """Its name in channels.toml."""

    @property
    def uses_mailbox(self) -> bool:
        """Whether documents come and go as files in a mailbox: then no conversation asks for anything."""

    @property
    def cancel_codes(self) -> Sequence[str]:
        """The reasons to cancel units that it knows, of those of `domain.request.CancelCode`; none = it needs no reason."""

    @property
    def poll_least(self) -> timedelta:
        """How much time there must be between two polls."""

    @property
    def shown_after(self) -> timedelta:
        """How long it may take to show what was done there: a conversation that broke off begins again no sooner."""

    @property
    def optional_credentials(self) -> Sequence[str]:
        """The names that `connect` takes beside them, such as a secret that is being replaced."""

    @property
    def credentials(self) -> Sequence[str]:
        """The names that `connect` reads from standard input."""

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of its entries in channels.toml beside name, kind, api, services, test_orders, poll and keep."""

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a webhook comes from this very channel; `body` is as it came."""

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The topic of a webhook, and the id that its repeats have in common."""

    def read(
        self, settings: Settings, catalogue: Catalogue, message: Message
    ) -> Sequence[Said | ReadAgain | Amends | Acknowledged]:
        """What a message says. Raises `Misfit`."""

    def token(self, settings: Settings, at: datetime) -> Conversation[Token] | None:
        """Get a new token; None = the credentials authorize by themselves. Its requests are sent as they are. Raises `Misfit`,
        with a text for people, when the channel gives none."""

    def authorized(self, settings: Settings, token: Token | None, request: Request) -> Request:
        """The request with what authorizes it."""

    def allowance(self, answer: Answer) -> Allowance | None:
        """What an answer says of how much may be asked; None = nothing. Retry-After is looked at without it."""

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """Read what has changed since the cursor, with an overlap; `{}` = from the beginning."""

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """Read one order, by its id or by what a `ReadAgain` named; None = the channel has none of this id."""

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Whether a channel with this entry in channels.toml is notified of events of this kind."""

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Notify the channel of an event. It reads first what stands there wherever a repeat would do harm."""

    def places(self, settings: Settings) -> Mapping[str, str]:
        """By node, the channel's own name of the place whose levels are the node's; none = it has one level for each item."""

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Send the channel new levels, all of one place; answers by item what stands there now, also where that is another
        number."""

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Look whether orders can flow, and set up what the channel needs for it."""
