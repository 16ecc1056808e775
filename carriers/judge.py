"""Decides whether what a carrier gave can be used as a label or a manifest: some answer with success and send nothing, or
something else."""

from carriers.carrier import Bought, MadeManifest, Shipment, WantedManifest
from domain.label import LabelFormat
from domain.money import MINOR_DIGITS

BYTES_MAX = 5 * 1024 * 1024
TEXT_MAX = 128
AMOUNT_MAX = 10**12


def fault(bought: Bought, shipment: Shipment) -> str | None:
    """What is wrong with a label; None = it can be printed. It repeats nothing that the carrier sent."""
    if not is_name(bought.tracking):
        return "it gave no tracking number"
    if bought.theirs and not is_name(bought.theirs):
        return "its own name of the shipment is no text"
    if bought.parcels > 1:
        return f"it sold labels for {bought.parcels} parcels, and one was asked for"
    if not isinstance(bought.content, bytes) or not bought.content.strip():
        return "it gave an empty label"
    if len(bought.content) > BYTES_MAX:
        return f"its label has more than {BYTES_MAX} bytes"
    if not _is(bought.content, shipment.format):
        return f"its label is no {shipment.format.upper()}"
    if bought.amount is not None and not _is_price(bought.amount):
        return "its price is no number"
    if bought.currency is not None and not _is_currency(bought.currency):
        return "its currency is none"
    if bought.ship_to is not None and not _is_for(bought.ship_to, shipment):
        return "its label is for another address"
    return None


def manifest_fault(made: MadeManifest, wanted: WantedManifest) -> str | None:
    """What is wrong with a manifest; None = it can be used. It repeats nothing that the carrier sent."""
    if made.theirs and not is_name(made.theirs):
        return "its own name of the manifest is no text"
    if not isinstance(made.content, bytes) or not made.content.strip():
        return "it gave an empty document"
    if len(made.content) > BYTES_MAX:
        return f"its document has more than {BYTES_MAX} bytes"
    if not _is(made.content, LabelFormat.PDF):
        return "its document is no PDF"
    if made.trackings is not None and not set(made.trackings) & set(wanted.trackings):
        return "it lists none of the parcels"
    return None


def is_name(given: object) -> bool:
    """Whether something can be what a carrier calls a parcel: a text that can be stored, and is not too long."""
    return isinstance(given, str) and 0 < len(given.strip()) <= len(given) <= TEXT_MAX and given.isprintable()


def _is_price(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < AMOUNT_MAX


def _is_currency(given: object) -> bool:
    return isinstance(given, str) and given in MINOR_DIGITS


def _is(content: bytes, wanted: LabelFormat) -> bool:
    if wanted is LabelFormat.PDF:
        return content.lstrip()[:5] == b"%PDF-"
    return b"^XA" in content and b"^XZ" in content


def _is_for(ship_to: tuple[str, str], shipment: Shipment) -> bool:
    """Whether a country and a postal code are those of the shipment; carriers add and leave out blanks, hyphens and a ZIP+4."""
    country, code = ship_to
    if not isinstance(country, str) or not isinstance(code, str) or country.upper() != shipment.ship_to.country:
        return False
    theirs, ours = _plain(code), _plain(shipment.ship_to.postal_code)
    return theirs.startswith(ours) or ours.startswith(theirs) if theirs else not ours


def _plain(code: str) -> str:
    return code.replace(" ", "").replace("-", "").upper()
