"""The SCAN forms of USPS through karrio 2026.1.32, in every way in which an answer can come; the other carriers have none."""

import importlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from carriers.by_karrio import library
from carriers.by_karrio.kind import CREDENTIALS, Karrio
from carriers.carrier import CarrierRefused, NoAnswer, WantedManifest
from carriers.judge import manifest_fault
from carriers.rate_card import RateCard
from tests.carriers.carrier_answers import ANSWERS, FORM, PDF, CarrierServer
from tests.carriers.test_karrio import SLC, settings
from tests.carriers.test_karrio_oddities import reached

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SENDER = replace(SLC, postal_code="84101-1234", name="Switchyard Salt Lake City", company="Switchyard Salt Lake City")
WANTED = WantedManifest("slc-usps-m1", date(2026, 11, 30), SENDER, ("9205590164917312751089",))
NUMBER = "92750903824321000000000111"


def test_of_the_carriers_of_karrio_those_make_manifests_whose_proxy_does() -> None:
    """`karrio/mappers/CONNECTOR/proxy.py`."""
    kind = Karrio()
    for connector in CREDENTIALS:
        library.load(connector)
        proxy = importlib.import_module(f"karrio.mappers.{connector}.proxy").Proxy
        assert kind.takes_manifests(settings(connector).entry) == ("create_manifest" in vars(proxy)), connector
    assert not RateCard().takes_manifests({})


def test_a_scan_form_that_usps_answers_in_several_parts_is_read_which_karrio_does_not() -> None:
    with reached("usps", CarrierServer(ANSWERS["usps"])) as server:
        made = Karrio().make_manifest(settings("usps"), WANTED)
    assert (made.content.decode(), made.theirs, made.trackings) == (PDF, NUMBER, WANTED.trackings)
    assert manifest_fault(made, WANTED) is None
    assert [one for one in server.asked if "scan-form" in one] == ["POST /scan-forms/v3/scan-form"]


def test_a_scan_form_is_asked_for_on_the_nodes_day_for_labels_of_any_day_under_its_whole_name() -> None:
    bodies: list[bytes] = []

    class Listening(CarrierServer):
        def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
            bodies.append(body)
            return super().answer(method, path, body)

    with reached("usps", Listening(ANSWERS["usps"])):
        Karrio().make_manifest(settings("usps"), WANTED)
    asked = json.loads(bodies[-1])
    assert (asked["mailingDate"], asked["overwriteMailingDate"]) == ("2026-11-30", True)
    assert asked["shipment"] == {"trackingNumbers": list(WANTED.trackings)}
    sender = asked["fromAddress"]
    assert (sender["firm"], sender["ZIPCode"], asked["entryFacilityZIPCode"]) == (SENDER.company, "84101", "84101")


BAD = {
    "a page of a proxy": (502, b"<html>Bad Gateway</html>"),
    "nothing": (200, b""),
    "an empty object": (200, b"{}"),
    "no JSON": (200, b"<html>login</html>"),
    "no document": (200, b'{"SCANFormMetadata": {"manifestNumber": "1"}}'),
    "an empty document": (200, b'{"SCANFormImage": "", "SCANFormMetadata": {"manifestNumber": "1"}}'),
}


@pytest.mark.parametrize("what", BAD)
def test_an_answer_without_a_document_and_without_a_refusal_may_have_made_it(what: str) -> None:
    with reached("usps", CarrierServer(ANSWERS["usps"], instead=BAD[what])) as server, pytest.raises(NoAnswer):
        Karrio().make_manifest(settings("usps"), WANTED)
    assert len([one for one in server.asked if "scan-form" in one]) == 1, "asked once"


def test_a_refusal_is_repeated_in_the_carriers_words() -> None:
    error = {"error": {"code": "400", "message": "Label 9205 is on another form"}}
    server = CarrierServer(ANSWERS["usps"], instead=(400, json.dumps(error).encode()))
    with reached("usps", server), pytest.raises(CarrierRefused, match="400: Label 9205 is on another form"):
        Karrio().make_manifest(settings("usps"), WANTED)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "one that is no base64": ({"SCANFormImage": "%PDF"}, "it gave an empty document"),
    "one that is no PDF": ({"SCANFormImage": FORM[4:]}, "its document is no PDF"),
    "one of other parcels": ({"SCANFormMetadata": {"trackingNumbers": ["1"]}}, "it lists none of the parcels"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_document_that_cannot_be_used_is_named(what: str) -> None:
    instead, said = FAULTS[what]
    answer: dict[str, Any] = {"SCANFormImage": FORM, "SCANFormMetadata": {"manifestNumber": "1"}} | instead
    with reached("usps", CarrierServer({**ANSWERS["usps"], "/scan-form": answer})):
        made = Karrio().make_manifest(settings("usps"), WANTED)
    assert manifest_fault(made, WANTED) == said
