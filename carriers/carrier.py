"""The interface of a kind of carriers: how labels are bought, found and voided, how manifests are made, and what its scans
mean. `carriers/kinds.py` is the table.

A kind knows no database and no clock. Its methods may wait for an answer of the carrier, so they are called in threads, outside
of any transaction, with a deadline (`jobs/carrier.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from domain.label import LabelFormat
from domain.tracking import ScanKind


class CarrierRefused(Exception):
    """The carrier did not do what it was asked for, and nothing is to be paid; the text is what it said."""


class NoAnswer(Exception):
    """No answer came, or none that can be read: the carrier may have done what it was asked for."""


class MissingExtra(Exception):
    """A package is not installed; the text names the extra that brings it."""


class Key(NamedTuple):
    """A key that entries of a kind have in carriers.toml beside those of all."""

    name: str
    default: bool | str | Mapping[str, str] | None
    """None = it must be there, as a text; {} = a table of texts."""
    allowed: tuple[str, ...] = ()
    """The texts that it may have; empty = any."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A carrier of the network, and what authorizes us there."""

    name: str
    entry: Mapping[str, Any]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Who sends a parcel, or who gets it; "" = not known."""

    country: str
    postal_code: str = ""
    region: str = ""
    city: str = ""
    street: tuple[str, ...] = ()
    name: str = field(default="", repr=False)
    company: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel for which a label is wanted."""

    reference: str
    """Ours, unique for each label: by it a label is found whose answer did not come."""
    service: str
    """Of policy.toml."""
    ship_from: Address
    ship_to: Address
    weight_g: int
    format: LabelFormat
    sides_mm: tuple[int, int, int] | None = None
    """Length, width and height; None = not known."""
    is_return: bool = False
    """Whether the customer sends it to us."""
    purchase_order: str = ""
    """What people call the order."""


@dataclass(frozen=True, slots=True)
class Bought:
    """A label as a carrier gave it; what is in it was not judged yet."""

    tracking: str
    content: bytes = field(repr=False)
    theirs: str = ""
    """What the carrier calls the shipment, where that is not its tracking number."""
    amount: int | None = None
    """Minor units; None = the carrier did not say."""
    currency: str | None = None
    ship_to: tuple[str, str] | None = None
    """Country and postal code that the carrier says it is for; None = it does not say."""
    parcels: int = 1
    """How many parcels the carrier says it has sold labels for; one was asked for."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Something that a carrier says about a parcel."""

    tracking: str
    kind: ScanKind
    code: str
    """The carrier's own."""
    at: datetime
    """By the carrier's clock, with its zone."""
    is_day_only: bool = False
    """Whether the carrier gave no zone, so that only the day is certain."""


@dataclass(frozen=True, slots=True)
class WantedManifest:
    """Parcels of a node that are to stand on one manifest."""

    reference: str
    """Ours, unique for each manifest."""
    day: date
    """On which they are handed over, by the node's calendar."""
    ship_from: Address
    trackings: tuple[str, ...]
    """Of the labels that the carrier has sold."""


@dataclass(frozen=True, slots=True)
class MadeManifest:
    """A manifest as a carrier gave it; what is in it was not judged yet."""

    content: bytes = field(repr=False)
    """A PDF."""
    theirs: str = ""
    """What the carrier calls it."""
    trackings: tuple[str, ...] | None = None
    """The parcels that it says are on it; None = it does not say."""


class CarrierKind(Protocol):
    """A kind of carriers."""

    @property
    def kind(self) -> str:
        """Its value of `kind` in carriers.toml."""

    @property
    def keys(self) -> Sequence[Key]:
        """The keys that its entries have beside those of all."""

    def credentials(self, entry: Mapping[str, Any]) -> Sequence[str]:
        """What authorizes us at the carrier of an entry; none = nothing is needed."""

    @property
    def needs_services(self) -> bool:
        """Whether an entry needs zones with prices: nobody else knows them."""

    @property
    def tracks(self) -> bool:
        """Whether the carrier can be asked where parcels are."""

    @property
    def finds(self) -> bool:
        """Whether the carrier can be asked for a label by our reference; otherwise `find` is never called."""

    def takes_manifests(self, entry: Mapping[str, Any]) -> bool:
        """Whether the carrier of an entry makes manifests; otherwise `make_manifest` is never called."""

    def mistake(self, settings: Settings, shipment: Shipment) -> str | None:
        """Why the carrier could not print this label as it is, such as a street that it would cut; None = it could."""

    def buy(self, settings: Settings, shipment: Shipment) -> Bought:
        """Buy a label. Raises `CarrierRefused`, `NoAnswer` and `MissingExtra`."""

    def find(self, settings: Settings, reference: str) -> Bought | None:
        """The label that was bought with a reference; None = there is none. Raises `NoAnswer`."""

    def void(self, settings: Settings, tracking: str, theirs: str) -> None:
        """Give a label back, also one that was given back before. Raises `CarrierRefused` and `NoAnswer`."""

    def track(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        """What the carrier knows of these parcels. Raises `CarrierRefused` and `NoAnswer`."""

    def make_manifest(self, settings: Settings, wanted: WantedManifest) -> MadeManifest:
        """Make a manifest. Raises `CarrierRefused`, `NoAnswer` and `MissingExtra`."""

    def find_manifest(self, settings: Settings, reference: str) -> MadeManifest | None:
        """The manifest that was made with a reference; None = there is none. It is called where the kind `finds`. Raises
        `NoAnswer`."""
