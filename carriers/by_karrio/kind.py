"""UPS, FedEx, USPS and DHL Express through karrio: labels, voids and tracking, each as one call that waits for its answer.

karrio never raises: a failure comes as a message, and so does a refusal; an empty answer gives neither a result nor a message
(karrio 2026.1.32). So whatever is no refusal in the carrier's own words may have been done.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from carriers.by_karrio import addresses, limits, manifests
from carriers.by_karrio.library import load, read_content
from carriers.by_karrio.scans import meaning
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
from domain.money import MINOR_DIGITS

CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "ups": ("client_id", "client_secret", "account_number"),
    "fedex": ("api_key", "secret_key", "account_number", "track_api_key", "track_secret_key"),
    "usps": ("client_id", "client_secret", "account_number", "CRID", "MID"),
    "dhl_express": ("site_id", "password", "account_number"),
}
"""By connector, what karrio calls that which authorizes us."""
OWN_FAULT = "SHIPPING_SDK_"
"""What stands in the codes of messages that karrio wrote and not the carrier; such a code may even be an object."""
NOTHING = "its answer has neither a result nor a reason"
WRONG_CURRENCY = frozenset({"dhl_express"})
"""Connectors whose prices are said in the currency of the account's country, whatever the answer says (karrio 2026.1.32,
`providers/dhl_express/shipment.py`)."""
SOON_SECONDS = 5.0
"""An answer that failed later than this is one of a carrier that is slow, and it is not asked again at once."""


class Karrio:
    """The carriers that karrio connects."""

    kind = "karrio"
    keys: tuple[Key, ...] = (
        Key("connector", None, tuple(CREDENTIALS)),
        Key("test_mode", default=False),
        Key("account_country", ""),
        Key("codes", {}),
    )
    needs_services = False
    tracks = True
    finds = False

    def __init__(self) -> None:
        """One per process: it keeps the tokens of its gateways."""
        self._gateways: dict[tuple[str, str], Any] = {}

    def credentials(self, entry: Mapping[str, Any]) -> Sequence[str]:
        """What authorizes us at the carrier of an entry."""
        return CREDENTIALS.get(entry["connector"], ())

    def takes_manifests(self, entry: Mapping[str, Any]) -> bool:
        """USPS does."""
        return entry["connector"] in manifests.CONNECTORS

    def mistake(self, settings: Settings, shipment: Shipment) -> str | None:
        """What the carrier would cut or refuse."""
        if shipment.service not in settings.entry["codes"]:
            return f"codes in carriers.toml has no code of {settings.entry['connector']} for {shipment.service}"
        return limits.mistake(settings.entry["connector"], shipment)

    def buy(self, settings: Settings, shipment: Shipment) -> Bought:
        """Buy a label."""
        sdk, gateway = self._gateway(settings)
        asked = sdk.Shipment.create(_request(settings, shipment)).from_(gateway)
        result, messages = _parsed(asked)
        if result is None:
            raise _failure(messages)
        return _bought(settings.entry["connector"], result)

    def find(self, settings: Settings, reference: str) -> Bought | None:
        """No carrier of karrio can be asked for labels by reference; that it has none is not said either."""
        raise NoAnswer(f"{settings.entry['connector']} cannot be asked for a label by our reference")

    def void(self, settings: Settings, tracking: str, theirs: str) -> None:
        """Give a label back."""
        sdk, gateway = self._gateway(settings)
        result, messages = _parsed(sdk.Shipment.cancel({"shipment_identifier": theirs or tracking}).from_(gateway))
        if result is None or not result.success:
            raise _failure(messages)

    def track(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        """What the carrier knows of these parcels; a parcel that it does not know has no scans.

        karrio reads the answer about all of them or none, so each is asked about alone where one cannot be read (2026.1.32:
        a FedEx parcel without scan events is enough).
        """
        began = time.monotonic()
        try:
            return self._track(settings, tracking)
        except NoAnswer:
            if len(tracking) == 1 or time.monotonic() - began > SOON_SECONDS:
                raise
        return self._track_each(settings, tracking)

    def _track_each(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        """What the carrier knows of each parcel alone. Raises what was said of the first one, if it knows nothing of any."""
        scans, failures = list[Scan](), list[CarrierRefused | NoAnswer]()
        for one in tracking:
            try:
                scans += self._track(settings, [one])
            except (CarrierRefused, NoAnswer) as why:
                failures.append(why)
        if len(failures) == len(tracking):
            raise failures[0]
        return scans

    def _track(self, settings: Settings, tracking: Sequence[str]) -> Sequence[Scan]:
        sdk, gateway = self._gateway(settings)
        results, messages = _parsed(sdk.Tracking.fetch({"tracking_numbers": list(tracking)}).from_(gateway))
        if not results:
            raise _failure(messages)
        connector = settings.entry["connector"]
        return [scan for found in results for scan in _scans(connector, found)]

    def make_manifest(self, settings: Settings, wanted: WantedManifest) -> MadeManifest:
        """Make a manifest."""
        _, gateway = self._gateway(settings)
        try:
            result, messages = manifests.ask(gateway, wanted)
        except Exception as error:  # what a carrier answered, read by a package: it may be anything
            raise NoAnswer(f"its answer cannot be read ({type(error).__name__})") from error
        if result is None:
            raise _failure(messages or [])
        return manifests.made(result)

    def find_manifest(self, settings: Settings, reference: str) -> MadeManifest | None:
        """No carrier of karrio can be asked for manifests by reference."""
        raise NoAnswer(f"{settings.entry['connector']} cannot be asked for a manifest by our reference")

    def _gateway(self, settings: Settings) -> tuple[Any, Any]:
        connector = settings.entry["connector"]
        sdk = load(connector)
        missing = [name for name in CREDENTIALS[connector] if not settings.credentials.get(name)]
        if missing:
            said = f"it has no credentials: write {', '.join(missing)} to `python -m starter connect {settings.name}`"
            raise CarrierRefused(said)
        known = settings.name, repr(sorted(settings.credentials.items()))
        if known not in self._gateways:
            given = {"carrier_id": settings.name, "test_mode": settings.entry["test_mode"], **settings.credentials}
            if settings.entry["account_country"]:
                given["account_country_code"] = settings.entry["account_country"]
            self._gateways[known] = sdk.gateway[connector].create(given)
        return sdk, self._gateways[known]


def _request(settings: Settings, shipment: Shipment) -> dict[str, Any]:
    """A request for a label in the words of karrio: kilograms and centimetres, paid by the sender."""
    sides = shipment.sides_mm or (200, 150, 100)
    parcel = {
        "weight": shipment.weight_g / 1000,
        "weight_unit": "KG",
        **dict(zip(("length", "width", "height"), (side / 10 for side in sides), strict=True)),
        "dimension_unit": "CM",
        "packaging_type": "your_packaging",
        "reference_number": shipment.reference,
    }
    connector, spare_phone = settings.entry["connector"], shipment.ship_from.phone or shipment.ship_to.phone
    return {
        "service": settings.entry["codes"][shipment.service],
        "shipper": addresses.written(connector, shipment.ship_from, spare_phone),
        "recipient": addresses.written(connector, shipment.ship_to, spare_phone),
        "parcels": [parcel],
        "payment": {"paid_by": "sender"},
        "reference": shipment.reference,
        "label_type": shipment.format.upper(),
        "is_return": shipment.is_return,
    }


def _parsed(asked: Any) -> tuple[Any, Sequence[Any]]:
    try:
        result, messages = asked.parse()
    except Exception as error:  # what a carrier answered, read by a package: it may be anything
        raise NoAnswer(f"its answer cannot be read ({type(error).__name__})") from error
    return result, messages or []


def _failure(messages: Sequence[Any]) -> CarrierRefused | NoAnswer:
    """Why there is no result: a refusal in the carrier's words, or no answer that says that nothing was done."""
    own = [one for one in messages if OWN_FAULT in str(one.code or OWN_FAULT)]
    if not messages:
        return NoAnswer(NOTHING)
    if own:
        return NoAnswer(f"no answer that can be read ({own[0].message or own[0].code})")
    return CarrierRefused("; ".join(map(_said, messages)))


def _said(message: Any) -> str:
    """A refusal in the carrier's words. That of USPS without a list of errors stands in its code as a whole (2026.1.32)."""
    if isinstance(message.code, Mapping):
        return f"{message.code.get('code')}: {message.code.get('message')}"
    return f"{message.code}: {message.message}"


def _bought(connector: str, result: Any) -> Bought:
    rate = None if connector in WRONG_CURRENCY else result.selected_rate
    currency = getattr(rate, "currency", None)
    return Bought(
        tracking=str(result.tracking_number or ""),
        content=read_content(getattr(result.docs, "label", None)),
        theirs=str(result.shipment_identifier or ""),
        amount=_minor_units(getattr(rate, "total_charge", None), currency),
        currency=currency if currency in MINOR_DIGITS else None,
        parcels=len((result.meta or {}).get("tracking_numbers") or [1]),
    )


def _minor_units(amount: Any, currency: Any) -> int | None:
    """A price; None where it is none, as in an answer that has a text for a number."""
    if amount is None or currency not in MINOR_DIGITS:
        return None
    try:
        return int((Decimal(str(amount)) * 10 ** MINOR_DIGITS[currency]).to_integral_value())
    except (InvalidOperation, ValueError):
        return None


def _scans(connector: str, found: Any) -> list[Scan]:
    scans = []
    for event in found.events or []:
        at = _moment(event)
        if at is not None:
            code = str(event.code or "")
            scans.append(Scan(found.tracking_number, meaning(connector, code), code, at, is_day_only=True))
    return scans


def _moment(event: Any) -> datetime | None:
    """When an event was, as the carrier's clock on the spot says. karrio leaves out its zone, so only the day is certain.

    It writes the afternoon twice, as 18:30 PM (karrio 2026.1.32).
    """
    written = f"{event.date or ''} {event.time or '12:00 PM'}"
    for form in ("%Y-%m-%d %H:%M %p", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(written, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
