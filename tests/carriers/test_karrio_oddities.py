"""What karrio 2026.1.32 and the carriers behind it do that nobody would guess, each with what becomes of it here.

Where a test compares with karrio, its source stands under `karrio/providers/CONNECTOR/`.
"""

import importlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from carriers.by_karrio import library
from carriers.by_karrio.addresses import names, phone
from carriers.by_karrio.kind import CREDENTIALS, Karrio
from carriers.by_karrio.limits import LIMITS
from carriers.by_karrio.scans import KINDS
from carriers.carrier import CarrierRefused, NoAnswer
from carriers.judge import fault
from domain.tracking import ScanKind
from tests.carriers.carrier_answers import ANSWERS, DHL_TRACK, CarrierServer, served
from tests.carriers.test_karrio import DENVER, PARCEL, settings

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""karrio leaves some sockets to the garbage collector."""

OTHERWISE: Mapping[str, Mapping[str, tuple[ScanKind, str]]] = {
    "ups": {
        "MV": (ScanKind.OTHER, "its data was taken back"),
        "XD": (ScanKind.OTHER, "it says that a signature is needed"),
        "D": (ScanKind.OTHER, "a type, not a code: it also stands beside an estimated delivery"),
        "CC": (ScanKind.OTHER, "somebody was called"),
    },
    "fedex": {
        "DE": (ScanKind.OTHER, "an attempt that found nobody: it comes again"),
        "RT": (ScanKind.OTHER, "its return was asked for, and it has not turned round"),
    },
    "dhl_express": {
        "CC": (ScanKind.OTHER, "it waits for the customer"),
        "CD": (ScanKind.OTHER, "it waits for the customs"),
        "DM": (ScanKind.OTHER, "damaged, and delivered all the same"),
        "DP": (ScanKind.OTHER, "it waits for papers"),
        "NH": (ScanKind.OTHER, "an attempt that found nobody: it comes again"),
        "SS": (ScanKind.OTHER, "it was stopped, and goes on"),
        "ST": (ScanKind.OTHER, "it was stopped, and goes on"),
        "RT": (ScanKind.RETURNED, "karrio takes it as a failure"),
    },
}
"""Codes that we take otherwise than karrio does, and why."""
MEANS = {
    "pending": ScanKind.LABEL,
    "picked_up": ScanKind.IN_TRANSIT,
    "in_transit": ScanKind.IN_TRANSIT,
    "out_for_delivery": ScanKind.OUT_FOR_DELIVERY,
    "delivered": ScanKind.DELIVERED,
    "delivery_failed": ScanKind.FAILED,
    "return_to_sender": ScanKind.RETURNED,
}


def test_the_tables_are_compared_with_this_version_of_karrio() -> None:
    packages = ["karrio", *(f"karrio_{connector}" for connector in CREDENTIALS)]
    assert {version(package) for package in packages} == {"2026.1.32"}, "compare again, then write the version here"


@pytest.mark.parametrize("connector", ["ups", "fedex", "dhl_express"])
def test_codes_mean_what_they_mean_in_karrios_own_table_or_it_is_said_why_not(connector: str) -> None:
    """`units.py: TrackingStatus`. That of USPS has no codes, only words."""
    library.load(connector)
    table = importlib.import_module(f"karrio.providers.{connector}.units").TrackingStatus
    theirs = {code: MEANS[one.name] for one in table if one.name in MEANS for code in one.value}
    ours = {code: KINDS[connector].get(code, ScanKind.OTHER) for code in theirs}
    differences = {code: kind for code, kind in ours.items() if kind is not theirs[code]}
    assert differences == {code: kind for code, (kind, _) in OTHERWISE[connector].items()}


@pytest.mark.parametrize("connector", CREDENTIALS)
def test_what_is_not_refused_is_sent_whole(connector: str) -> None:
    most, kind = LIMITS[connector], Karrio()
    street = tuple(letter * most.street for letter in "ST"[: most.street_lines])
    company, city, name = "C" * most.company, "Y" * most.city, f"{'N' * 17} {'M' * 17}"
    to = replace(DENVER, company=company, street=street, city=city, name=name)
    assert kind.mistake(settings(connector), replace(PARCEL, ship_to=to)) is None
    sent = _sent(connector, to)
    for written in (company, city, *street, *name.split()):
        assert written in sent
    for field, letters in (("company", most.company), ("city", most.city)):
        long = "C" * (letters + 1)
        longer = replace(to, company=long) if field == "company" else replace(to, city=long)
        said = kind.mistake(settings(connector), replace(PARCEL, ship_to=longer))
        assert said == f"ship_to.{field} has {letters + 1} letters, and {letters} are printed"


def _sent(connector: str, to: Any) -> str:
    """What a carrier would be sent; the answer is none of a carrier."""
    bodies: list[str] = []

    class Listening(CarrierServer):
        def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
            bodies.append(body.decode())
            return super().answer(method, path, body)

    with reached(connector, Listening(ANSWERS[connector])):
        Karrio().buy(settings(connector), replace(PARCEL, ship_to=to))
    return " ".join(bodies)


class reached:
    """A server that karrio takes for the carrier, while the block lasts."""

    def __init__(self, connector: str, server: CarrierServer) -> None:
        library.load(connector)
        self._settings = importlib.import_module(f"karrio.mappers.{connector}.settings").Settings
        self._served, self._patch = served(server), pytest.MonkeyPatch()

    def __enter__(self) -> CarrierServer:
        server = self._served.__enter__()
        self._patch.setattr(self._settings, "server_url", property(lambda _: server.url))
        return server

    def __exit__(self, *error: Any) -> None:
        self._patch.undo()
        self._served.__exit__(*error)


@pytest.mark.parametrize("connector", ["ups", "fedex", "usps"])
def test_a_phone_number_is_not_cut_where_karrio_would_cut_it(connector: str) -> None:
    """karrio cuts at 15 letters for UPS and FedEx, blanks counted, and takes the last 10 for USPS, brackets counted."""
    assert "2079460958" in _sent(connector, replace(DENVER, phone="+44 (0)20 7946 0958 x12"))
    assert "3035550100" in _sent(connector, replace(DENVER, phone="(303) 555-0100"))


PHONES = [
    ("+44 (0)20 7946 0958 x12", "+442079460958"),
    ("(303) 555-0100", "3035550100"),
    ("+1 303-555-0100 ext. 7", "+13035550100"),
    ("+123 456 789 012 345", "123456789012345"),
    ("none", ""),
]


@pytest.mark.parametrize(("given", "sent"), PHONES)
def test_a_phone_number_is_sent_as_digits(given: str, sent: str) -> None:
    assert phone(given) == sent


NAMES = [
    ("Ada Byron Lovelace", "", ("", "Ada Byron Lovelace")),
    ("Plato", "", ("", "Plato")),
    ("Switchyard Salt Lake City", "Switchyard Salt Lake City", ("", "Switchyard Salt Lake City")),
    ("Ada Lovelace", "Engines Ltd", ("Ada Lovelace", "Engines Ltd")),
    ("Ada Byron Lovelace", "Engines Ltd", ("", "Engines Ltd, Ada Byron Lovelace")),
    ("Plato", "Engines Ltd", ("", "Engines Ltd, Plato")),
]


@pytest.mark.parametrize(("name", "company", "sent"), NAMES)
def test_usps_prints_the_whole_name_of_which_karrio_sends_the_first_and_the_last_word(
    name: str, company: str, sent: tuple[str, str]
) -> None:
    to = replace(DENVER, name=name, company=company)
    assert names("usps", to) == sent
    assert sent[1] in _sent("usps", to)


def test_a_name_and_a_company_that_do_not_fit_in_one_line_of_usps_are_refused() -> None:
    to = replace(DENVER, name="Augusta Ada Byron Lovelace", company="Engines Limited")
    said = Karrio().mistake(settings("usps"), replace(PARCEL, ship_to=to))
    assert said == "ship_to.company with name has 43 letters, and 38 are printed"


def _changed(connector: str, path: str, change: Callable[[Any], None]) -> CarrierServer:
    answers = deepcopy(dict(ANSWERS[connector]))
    change(answers[path])
    return CarrierServer(answers)


def test_what_dhl_asks_in_another_currency_is_not_taken_for_dollars() -> None:
    """The answer says EUR 21.50; karrio writes the currency of the account's country beside it."""
    with reached("dhl_express", CarrierServer(ANSWERS["dhl_express"])):
        sold = Karrio().buy(settings("dhl_express"), PARCEL)
    assert (sold.tracking, sold.amount, sold.currency) == ("JD014600", None, None), "the label shows the rate card's"


def test_labels_for_two_parcels_are_no_label_for_the_one_that_was_asked_for() -> None:
    def second(answer: Any) -> None:
        parcels = answer["ShipmentResponse"]["ShipmentResults"]["PackageResults"]
        parcels.append(parcels[0] | {"TrackingNumber": "1Z999AA10123456795"})

    with reached("ups", _changed("ups", "/ship", second)):
        sold = Karrio().buy(settings("ups"), PARCEL)
    assert fault(sold, PARCEL) == "it sold labels for 2 parcels, and one was asked for"


def test_a_parcel_among_those_of_one_shipment_that_was_refused_leaves_an_empty_label() -> None:
    def refused(answer: Any) -> None:
        answer["output"]["transactionShipments"][0]["pieceResponses"][0]["packageDocuments"] = []

    with reached("fedex", _changed("fedex", "/ship/v1/shipments", refused)):
        sold = Karrio().buy(settings("fedex"), PARCEL)
    assert fault(sold, PARCEL) == "it gave an empty label"


def test_one_fedex_parcel_that_karrio_cannot_read_does_not_hide_the_scans_of_others() -> None:
    """An empty list of scan events makes karrio read nothing of the whole answer."""

    class EachAlone(CarrierServer):
        def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
            if "/track/" not in path:
                return super().answer(method, path, body)
            asked = [one["trackingNumberInfo"]["trackingNumber"] for one in json.loads(body)["trackingInfo"]]
            tracked: Any = ANSWERS["fedex"]["/track/"]
            good = tracked["output"]["completeTrackResults"][0]
            empty = {"trackingNumber": "2", "trackResults": [{"scanEvents": []}]}
            found = [empty if name == "2" else good for name in asked]
            return 200, json.dumps({"output": {"completeTrackResults": found}}).encode()

    with reached("fedex", EachAlone(ANSWERS["fedex"])):
        scans = Karrio().track(settings("fedex"), ["794953535000", "2"])
        assert {scan.tracking for scan in scans} == {"794953535000"}
        with pytest.raises(NoAnswer):
            Karrio().track(settings("fedex"), ["2"])


def test_a_carrier_that_is_away_is_not_asked_about_each_parcel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carriers.by_karrio.kind.SOON_SECONDS", 0.0)
    with reached("fedex", CarrierServer(ANSWERS["fedex"], instead=(502, b""))) as server, pytest.raises(NoAnswer):
        Karrio().track(settings("fedex"), ["1", "2", "3"])
    assert len([one for one in server.asked if "/track/" in one]) == 1


def _events(connector: str, *codes: str) -> CarrierServer:
    """A carrier whose parcel has these scans, the first of them the earliest."""
    answers: dict[str, Any] = deepcopy(dict(ANSWERS[connector]))
    times = [f"2026-11-2{day}" for day in range(1, 1 + len(codes))]
    newest_first = list(zip(times, codes, strict=True))[::-1]
    if connector == "ups":
        activity = [{"date": at.replace("-", ""), "time": "101500", "status": {"code": c}} for at, c in newest_first]
        answers["/track/"]["trackResponse"]["shipment"][0]["package"][0]["activity"] = activity
    elif connector == "fedex":
        events = [{"date": f"{at}T10:15:00", "eventType": code} for at, code in newest_first]
        result = answers["/track/"]["output"]["completeTrackResults"][0]["trackResults"][0]
        result["scanEvents"] = events
    elif connector == "usps":
        answers["/tracking/"]["trackingEvents"] = [
            {"eventTimestamp": f"{at}T10:15:00", "eventCode": code, "eventType": "?"} for at, code in newest_first
        ]
    else:
        head, _, rest = DHL_TRACK.partition("<ShipmentEvent>")
        tail = rest.rpartition("</ShipmentEvent>")[2]
        event = (
            "<ShipmentEvent><Date>{}</Date><Time>10:15:00</Time><ServiceEvent><EventCode>{}</EventCode></ServiceEvent>"
            "<ServiceArea><Description>X</Description></ServiceArea></ShipmentEvent>"
        )
        made = "".join(event.format(at, code) for at, code in newest_first[::-1])
        answers["KnownTrackingRequest"] = f"{head}{made}{tail}"
    return CarrierServer(answers)


LIVES = {
    "ups": ("MP", "OR", "OT", "FS", "X1", "RS"),
    "fedex": ("OC", "PU", "OD", "DL", "X1", "RS"),
    "usps": ("GX", "03", "OF", "01", "X1", "09"),
    "dhl_express": ("SA", "PU", "WC", "OK", "X1", "RT"),
}


@pytest.mark.parametrize("connector", LIVES)
def test_a_parcel_that_is_delivered_and_then_has_an_unknown_exception_and_returns_keeps_the_meaning_of_each_scan(
    connector: str,
) -> None:
    with reached(connector, _events(connector, *LIVES[connector])):
        scans = Karrio().track(settings(connector), [BOUGHT_AS[connector]])
    meant = [scan.kind for scan in sorted(scans, key=lambda scan: scan.at)]
    assert meant == [
        ScanKind.LABEL,
        ScanKind.IN_TRANSIT,
        ScanKind.OUT_FOR_DELIVERY,
        ScanKind.DELIVERED,
        ScanKind.OTHER,
        ScanKind.RETURNED,
    ]
    assert all(scan.is_day_only for scan in scans), "karrio leaves out the zone, also where the carrier gave none"


BOUGHT_AS = {
    "ups": "1Z999AA10123456784",
    "fedex": "794953535000",
    "usps": "9205590164917312751089",
    "dhl_express": "JD014600",
}


def test_an_error_of_one_carrier_inside_a_success_is_a_refusal_in_its_words() -> None:
    error = {
        "transactionId": "1",
        "errors": [{"code": "SHIPMENT.USER.UNAUTHORIZED", "message": "Unauthorized shipper"}],
    }
    server = CarrierServer(ANSWERS["fedex"], instead=(200, json.dumps(error).encode()))
    with reached("fedex", server), pytest.raises(CarrierRefused, match="Unauthorized shipper"):
        Karrio().buy(settings("fedex"), PARCEL)
