"""UPS, FedEx, USPS and DHL Express through karrio 2026.1.32, against a server that answers as their interfaces do, or badly."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from carriers.by_karrio import library
from carriers.by_karrio.kind import CREDENTIALS, Karrio
from carriers.by_karrio.scans import KINDS, meaning
from carriers.carrier import Address, CarrierRefused, MissingExtra, NoAnswer, Settings, Shipment
from carriers.judge import fault
from domain.label import LabelFormat
from domain.tracking import ScanKind
from tests.carriers.carrier_answers import ANSWERS, ZPL, CarrierServer, served

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""karrio leaves some sockets to the garbage collector."""

CODES = {
    "ups": "ups_ground",
    "fedex": "fedex_ground",
    "usps": "usps_ground_advantage",
    "dhl_express": "dhl_express_worldwide",
}
SLC = Address(
    "US", "84101", "UT", "Salt Lake City", ("12 Dock Street",), "Shipping", "Switchyard SLC", "+1 801 555 0100"
)
DENVER = Address(
    "US", "80202", "CO", "Denver", ("Larimer Street 1",), "Ada Lovelace", "", "+1 303 555 0100", "a@example.org"
)
PARCEL = Shipment("web-1-f1-l1", "standard", SLC, DENVER, 1200, LabelFormat.ZPL, (300, 200, 120))
BOUGHT = {
    "ups": ("1Z999AA10123456784", None, None),  # karrio leaves out what UPS says that it costs
    "fedex": ("794953535000", None, None),
    "usps": ("9205590164917312751089", 625, "USD"),
    "dhl_express": ("JD014600", None, None),  # karrio says a wrong currency for what it costs
}


def settings(connector: str) -> Settings:
    entry = {
        "connector": connector,
        "test_mode": True,
        "account_country": "US",
        "codes": {"standard": CODES[connector]},
    }
    return Settings(connector, entry, dict.fromkeys(CREDENTIALS[connector], "123456789"))


@pytest.fixture(params=sorted(ANSWERS))
def connector(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(connector: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CarrierServer]:
    """The carrier's interface on this machine; karrio has its address in the code."""
    with served(CarrierServer(ANSWERS[connector])) as made:
        library.load(connector)
        module = importlib.import_module(f"karrio.mappers.{connector}.settings")
        monkeypatch.setattr(module.Settings, "server_url", property(lambda _: made.url))
        yield made


def test_a_label_is_bought_and_its_parcel_is_followed_until_it_is_delivered(
    server: CarrierServer, connector: str
) -> None:
    kind, mine = Karrio(), settings(connector)
    assert kind.mistake(mine, PARCEL) is None
    sold = kind.buy(mine, PARCEL)
    assert fault(sold, PARCEL) is None
    assert (sold.tracking, sold.amount, sold.currency) == BOUGHT[connector]
    assert sold.content.decode().strip() == ZPL
    scans = kind.track(mine, [sold.tracking])
    kinds = {scan.kind for scan in scans}
    assert {ScanKind.IN_TRANSIT, ScanKind.DELIVERED} <= kinds, scans
    delivered = next(scan for scan in scans if scan.kind is ScanKind.DELIVERED)
    assert (f"{delivered.at:%Y-%m-%d}", delivered.tracking) == ("2026-11-28", sold.tracking)
    assert delivered.is_day_only, "karrio leaves out the zone"


BAD = {
    "a page of a proxy": (502, b"<html>Bad Gateway</html>"),
    "nothing": (200, b""),
    "an empty object": (200, b"{}"),
    "no JSON": (200, b"<html>login</html>"),
}


@pytest.mark.parametrize("what", BAD)
def test_an_answer_without_a_result_and_without_a_refusal_may_have_sold_the_label(
    server: CarrierServer, connector: str, what: str
) -> None:
    server.instead = BAD[what]
    with pytest.raises(NoAnswer):
        Karrio().buy(settings(connector), PARCEL)
    assert len([one for one in server.asked if "oauth" not in one and "payment" not in one]) == 1, "asked once"


@pytest.mark.parametrize("connector", ["ups"])
def test_a_refusal_is_repeated_in_the_carriers_words(server: CarrierServer, connector: str) -> None:
    said = b'{"response": {"errors": [{"code": "120802", "message": "Address Validation Error on ShipTo address"}]}}'
    server.instead = (400, said)
    with pytest.raises(CarrierRefused, match="120802: Address Validation Error on ShipTo address"):
        Karrio().buy(settings(connector), PARCEL)


@pytest.mark.parametrize("connector", ["ups"])
def test_a_silent_carrier_is_waited_for_a_while_and_asked_once(
    server: CarrierServer, connector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "READ_WITHIN_SECONDS", 0.2)
    server.instead, server.silent_seconds = (200, b"{}"), 0.6
    with pytest.raises(NoAnswer):
        Karrio().buy(settings(connector), PARCEL)
    assert [one for one in server.asked if "/ship" in one] == ["POST /api/shipments/v2409/ship"]


def test_labels_cannot_be_looked_for_by_our_reference(connector: str) -> None:
    with pytest.raises(NoAnswer, match="cannot be asked for a label by our reference"):
        Karrio().find(settings(connector), PARCEL.reference)


LONG = [
    ("ups", replace(DENVER, name="A" * 36), "ship_to.name has 36 letters, and 35 are printed"),
    ("ups", replace(DENVER, street=("B" * 36,)), "ship_to.street has 36 letters in a line, and 35 are printed"),
    ("fedex", replace(DENVER, company="C" * 36), "ship_to.company has 36 letters, and 35 are printed"),
    ("usps", replace(DENVER, street=("1", "2", "3")), "ship_to.street has 3 lines, and 2 are printed"),
    ("usps", replace(DENVER, street=()), "ship_to.street is missing: an order has it in ship_to, a node in nodes.toml"),
    (
        "dhl_express",
        replace(DENVER, city=""),
        "ship_to.city is missing: an order has it in ship_to, a node in nodes.toml",
    ),
]


@pytest.mark.parametrize(("name", "to", "said"), LONG)
def test_what_a_carrier_would_cut_is_said_before_it_is_called(name: str, to: Address, said: str) -> None:
    assert Karrio().mistake(settings(name), replace(PARCEL, ship_to=to)) == said


def test_row_17_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "karrio.sdk", None)
    with pytest.raises(MissingExtra, match=r"ups needs the extra `carriers`.*install switchyard\[carriers\]"):
        Karrio().buy(settings("ups"), PARCEL)


def test_without_credentials_the_carrier_is_not_called() -> None:
    with pytest.raises(CarrierRefused, match="write client_id, client_secret, account_number to"):
        Karrio().buy(replace(settings("ups"), credentials={}), PARCEL)


def test_every_carrier_has_codes_for_a_parcel_that_moves_arrives_and_fails_and_others_change_nothing() -> None:
    for name in CREDENTIALS:
        assert {ScanKind.IN_TRANSIT, ScanKind.OUT_FOR_DELIVERY, ScanKind.DELIVERED, ScanKind.FAILED} <= set(
            KINDS[name].values()
        )
        assert meaning(name, "??") is ScanKind.OTHER
    assert meaning("ups", "OT") is ScanKind.OUT_FOR_DELIVERY, "karrio takes it as in transit"
