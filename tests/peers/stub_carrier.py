"""A carrier that misbehaves in every way that carriers do; it keeps account of what it has sold and taken back."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from carriers.carrier import (
    Bought,
    CarrierRefused,
    Key,
    MadeManifest,
    NoAnswer,
    Scan,
    Settings,
    Shipment,
    WantedManifest,
)

ZPL = b"^XA^FO30,30^A0N,40,40^FDTO YOU^FS^XZ"
REASON = "the street is not deliverable"
SOLD_ALL_THE_SAME = ("empty label", "wrong price", "another address", "no tracking", "silence, sold", "not JSON, sold")
NOT_SOLD = ("error", "silence", "not JSON")
WAYS = (*SOLD_ALL_THE_SAME, *NOT_SOLD)
PDF = b"%PDF-1.4 a manifest"
MADE_ALL_THE_SAME = ("empty document", "other parcels", "no text", "silence, made", "not JSON, made")
NOT_MADE = ("error", "silence", "not JSON")
"""The ways in which a carrier answers a request for a manifest."""


@dataclass
class StubCarrier:
    """Sells labels in memory, each time in the next way of `ways`; "" and no more ways = as it should be."""

    ways: list[str] = field(default_factory=list)
    finds: bool = True
    silence_seconds: float = 0.6
    sold: dict[str, Bought] = field(default_factory=dict)
    """By our reference: what is to be paid."""
    taken_back: list[str] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None
    """Called when a label was sold, before it is answered."""
    refuses_voids: str = ""
    """Why no label is taken back."""
    is_silent: bool = False
    """Whether no void is answered."""

    manifest_ways: list[str] = field(default_factory=list)
    """As `ways`, for manifests."""
    manifests: dict[str, WantedManifest] = field(default_factory=dict)
    """By our reference: what was made."""
    leaves_out: str = ""
    """A tracking number that it leaves out of its manifests."""

    kind = "stub"
    keys: tuple[Key, ...] = ()
    needs_services = False
    tracks = True

    def credentials(self, entry: Mapping[str, Any]) -> Sequence[str]:
        """Nothing."""
        return ()

    def takes_manifests(self, entry: Mapping[str, Any]) -> bool:
        """It does."""
        return True

    def mistake(self, settings: Settings, shipment: Shipment) -> str | None:
        """A name of more than 35 letters would be cut."""
        return "the name has more than 35 letters" if len(shipment.ship_to.name) > 35 else None

    def buy(self, settings: Settings, shipment: Shipment) -> Bought:
        """Sell a label, or something else."""
        self.asked.append(f"buy {shipment.reference}")
        way = self.ways.pop(0) if self.ways else ""
        if way == "error":
            raise CarrierRefused(REASON)
        if way in NOT_SOLD:
            return self._answer(way)
        to = shipment.ship_to
        good = Bought(f"T{len(self.asked)}{shipment.reference}".upper(), ZPL, amount=777, currency="USD")
        good = replace(good, ship_to=(to.country, to.postal_code))
        assert shipment.reference not in self.sold, "sold twice by one reference"
        self.sold[shipment.reference] = good
        self.before_answer()
        match way:
            case "empty label":
                return replace(good, content=b"")
            case "wrong price":
                wrong: Any = "7.77"
                return replace(good, amount=wrong)
            case "another address":
                return replace(good, ship_to=("US", "10001"))
            case "no tracking":
                return replace(good, tracking="")
            case "":
                return good
        return self._answer(way, good)

    def make_manifest(self, settings: Settings, wanted: WantedManifest) -> MadeManifest:
        """Make a manifest, or something else."""
        self.asked.append(f"make {wanted.reference}")
        way = self.manifest_ways.pop(0) if self.manifest_ways else ""
        if way == "error":
            raise CarrierRefused(REASON)
        if way in NOT_MADE:
            self._fail(way)
        assert wanted.reference not in self.manifests, "made twice by one reference"
        on = [name for one in self.manifests.values() for name in one.trackings]
        assert not set(on) & set(wanted.trackings), "a parcel is on two manifests"
        self.manifests[wanted.reference] = wanted
        self.before_answer()
        good = self._manifest(wanted)
        match way:
            case "empty document":
                return replace(good, content=b"")
            case "other parcels":
                return replace(good, trackings=("T-OTHER",))
            case "no text":
                return replace(good, theirs="\x00")
            case "silence, made":
                time.sleep(self.silence_seconds)
            case "not JSON, made":
                self._fail(way)
        return good

    def find_manifest(self, settings: Settings, reference: str) -> MadeManifest | None:
        """What was made by a reference, as it should have been answered."""
        self.asked.append(f"find {reference}")
        assert self.finds
        found = self.manifests.get(reference)
        return self._manifest(found) if found else None

    def _manifest(self, wanted: WantedManifest) -> MadeManifest:
        on = tuple(name for name in wanted.trackings if name != self.leaves_out)
        return MadeManifest(PDF, f"M-{wanted.reference}".upper(), on)

    def _fail(self, way: str) -> None:
        """Answer nothing, or nothing that can be read."""
        if way.startswith("silence"):
            time.sleep(self.silence_seconds)
            raise NoAnswer("the connection was closed")
        json.loads("<html>504</html>")

    def _answer(self, way: str, good: Bought | None = None) -> Bought:
        if way.startswith("silence"):
            time.sleep(self.silence_seconds)
            if good is None:
                raise NoAnswer("the connection was closed")
            return good
        json.loads("<html>504</html>")
        raise AssertionError

    def find(self, settings: Settings, reference: str) -> Bought | None:
        """What was sold by a reference, as it should have been answered."""
        self.asked.append(f"find {reference}")
        assert self.finds
        return self.sold.get(reference)

    def void(self, settings: Settings, tracking: str, theirs: str) -> None:
        """Take a label back; a second time changes nothing."""
        self.asked.append(f"void {tracking}")
        if self.is_silent:
            raise NoAnswer("the connection was closed")
        if self.refuses_voids:
            raise CarrierRefused(self.refuses_voids)
        for reference, one in list(self.sold.items()):
            if one.tracking == tracking:
                self.taken_back.append(reference)
                del self.sold[reference]

    def track(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        """The scans of these parcels."""
        self.asked += [f"track {one}" for one in tracking]
        return [scan for scan in self.scans if scan.tracking in tracking]
