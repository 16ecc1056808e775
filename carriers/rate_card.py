"""A carrier that is not called: its prices stand in carriers.toml, and its labels are plain ones of our own.

It is for drivers and firms that have no interface, and for a business that prints its carrier's labels elsewhere. Its tracking
number is our reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from carriers.carrier import (
    Address,
    Bought,
    CarrierRefused,
    Key,
    MadeManifest,
    MissingExtra,
    Scan,
    Settings,
    Shipment,
    WantedManifest,
)
from domain.label import LabelFormat
from formats import zpl

_MARGIN = 30


class RateCard:
    """Prices from the file, labels from here; nobody is asked, so nothing can be lost on the way."""

    kind = "rate_card"
    keys: tuple[Key, ...] = ()
    needs_services = True
    tracks = False
    finds = True

    def credentials(self, entry: Mapping[str, Any]) -> Sequence[str]:
        """Nothing is needed."""
        return ()

    def takes_manifests(self, entry: Mapping[str, Any]) -> bool:
        """It has none: nobody is handed a list."""
        return False

    def mistake(self, settings: Settings, shipment: Shipment) -> str | None:
        """Nothing: letters get smaller where a line is long."""
        return None

    def buy(self, settings: Settings, shipment: Shipment) -> Bought:
        """A label that is made here. Raises `MissingExtra` for a PDF without reportlab."""
        write = _as_zpl if shipment.format is LabelFormat.ZPL else _as_pdf
        to = shipment.ship_to
        return Bought(shipment.reference, write(settings.name, shipment), ship_to=(to.country, to.postal_code))

    def find(self, settings: Settings, reference: str) -> Bought | None:
        """None: what was not stored does not exist anywhere."""
        return None

    def void(self, settings: Settings, tracking: str, theirs: str) -> None:
        """Nobody has to be asked."""

    def track(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        """Nothing: scans come by webhook, or not at all."""
        return ()

    def make_manifest(self, settings: Settings, wanted: WantedManifest) -> MadeManifest:
        """There are none."""
        raise CarrierRefused(f"{settings.name} has no manifests")

    def find_manifest(self, settings: Settings, reference: str) -> MadeManifest | None:
        """There are none."""
        return None


def _as_zpl(carrier: str, shipment: Shipment) -> bytes:
    lines, to = [_service(carrier, shipment)], _lines(shipment.ship_to)
    senders = _lines(shipment.ship_from)
    fields = [
        zpl.text(_MARGIN, 30, 44, lines[0], width=zpl.WIDTH - 2 * _MARGIN),
        zpl.line(95),
        *[zpl.text(_MARGIN, 115 + 32 * row, 26, line, width=700) for row, line in enumerate(senders[:7])],
        zpl.line(360),
        *[zpl.text(_MARGIN, 385 + 52 * row, 46, line, width=750) for row, line in enumerate(to[:8])],
        zpl.line(820),
        zpl.text(_MARGIN, 845, 32, _facts(shipment), width=750),
        zpl.code_128(_MARGIN + 40, 910, 200, shipment.reference),
        zpl.text(_MARGIN + 40, 1130, 40, shipment.reference, width=700),
    ]
    return zpl.label(fields).encode()


def _as_pdf(carrier: str, shipment: Shipment) -> bytes:
    try:
        from formats.pdf_label import pdf_label
    except ModuleNotFoundError as error:
        said = (
            f"a label as PDF needs the extra `documents`, and {error.name} is not installed; ask for zpl, or install it"
        )
        raise MissingExtra(said) from None
    return pdf_label(
        _service(carrier, shipment),
        _lines(shipment.ship_from),
        _lines(shipment.ship_to),
        _facts(shipment),
        shipment.reference,
    )


def _service(carrier: str, shipment: Shipment) -> str:
    return f"{carrier.upper()} {shipment.service.upper()}{' RETURN' if shipment.is_return else ''}"


def _facts(shipment: Shipment) -> str:
    return f"{shipment.weight_g / 1000:.3f} kg   {shipment.purchase_order}".strip()


def _lines(address: Address) -> list[str]:
    place = " ".join(filter(None, (address.city, address.region, address.postal_code)))
    found = [address.company, address.name, *address.street, place, address.country]
    return [line for line in found if line]
