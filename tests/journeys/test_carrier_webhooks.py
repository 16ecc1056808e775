"""What carriers report over HTTP: signed, without a key, and of what cannot be read or is forged nothing is kept."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import text

from api.app import application
from database.connection import keep_credentials
from formats.standard_webhooks import signed_headers
from tests.house import House, now
from tests.journeys.carrier_house import has_carriers

SECRET = "whsec_" + "QUJD" * 8
SELDOM = 0.001
_numbers = count(1)


@dataclass
class Van:
    """A carrier that reports to a house, and a parcel that it has."""

    house: House
    order: str
    tracking: str

    def scan(self, kind: str = "delivered", **more: Any) -> dict[str, Any]:
        """Something that it says about its parcel."""
        return {"tracking": self.tracking, "kind": kind, "code": kind.upper(), "at": now()} | more

    async def send(
        self, body: object, *, secret: str = SECRET, to: str = "van", at: datetime | None = None, **more: str
    ) -> Response:
        """Report, as somebody without a key does."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = signed_headers([secret], f"w-{next(_numbers)}", at or datetime.now(UTC), content)
        headers |= {"authorization": ""} | more
        return await self.house.http.post(f"/carriers/{to}/webhooks", content=content, headers=headers)

    async def scans(self) -> int:
        """How many scans are kept."""
        async with self.house.service.database.read() as connection:
            found: int = (await connection.execute(text("SELECT count(*) FROM parcel_scan"))).scalar_one()
            return found


@pytest_asyncio.fixture
async def van(house: House, tmp_path: Path) -> AsyncIterator[Van]:
    """A carrier with the only parcel of an order, which has left."""
    await has_carriers(house, tmp_path / "network")
    async with house.service.database.write() as connection:
        await keep_credentials(connection, "carrier:van", {"webhook_secret": SECRET})
    await house.stock("reroutes", SERUM_30=5)
    order = await house.place(("SERUM-30", 2))
    work = (await house.work(order))["fulfillment_order"]
    for kind in ("accepted", "picked"):
        await house.tell(work, kind)
    await house.tell(work, "shipped", packages=[{"package": "1", "carrier": "van", "tracking": f"V-{order}"}])
    yield Van(house, order, f"V-{order}")


async def test_a_carrier_without_a_key_reports_that_a_parcel_was_delivered_and_may_report_it_again(van: Van) -> None:
    scans = {"scans": [van.scan("in_transit"), van.scan(), van.scan(tracking="V-NOBODY")]}
    answer = await van.send(scans)
    assert (answer.status_code, answer.json()) == (
        200,
        {"carrier": "van", "new": 2, "known": 0, "unknown": 1, "ahead": 0},
    )
    assert (await van.house.order(van.order))["status"] == "delivered"
    again = await van.send(scans)
    assert (again.status_code, again.json()) == (
        200,
        {"carrier": "van", "new": 0, "known": 2, "unknown": 1, "ahead": 0},
    )
    assert await van.scans() == 2


async def test_a_report_that_its_carrier_did_not_sign_is_refused_and_nothing_of_it_is_kept(van: Van) -> None:
    body, to, nobody = {"scans": [van.scan()]}, "/carriers/van/webhooks", {"authorization": ""}
    for_another_body = signed_headers([SECRET], "w", datetime.now(UTC), b"{}") | nobody
    answers = {
        "a wrong signature": await van.send(body, secret="a guess"),
        "no signature": await van.house.http.post(to, json=body, headers=nobody),
        "no signature, but a key": await van.house.http.post(to, json=body),
        "a body that was changed": await van.house.http.post(to, json=body, headers=for_another_body),
        "an old one": await van.send(body, at=datetime.now(UTC) - timedelta(minutes=6)),
        "a carrier without a secret": await van.send(body, to="bike"),
        "an unknown carrier": await van.send(body, to="nobody"),
    }
    refused = (401, "urn:switchyard:problem:no-key")
    assert {how: (one.status_code, one.json()["type"]) for how, one in answers.items()} == dict.fromkeys(
        answers, refused
    )
    assert await van.scans() == 0


async def test_a_secret_that_cannot_be_read_refuses_and_does_not_fail(van: Van) -> None:
    async with van.house.service.database.write() as connection:
        await keep_credentials(connection, "carrier:van", {"webhook_secret": "whsec_no base64"})
    assert (await van.send({"scans": [van.scan()]})).status_code == 401


SCAN = {"tracking": "T", "kind": "lost", "code": "D", "at": "2026-11-28T17:15:00Z"}
# fmt: off
UNREADABLE = [
    (b"",                                         400, "the body is not JSON"),
    (b"{",                                        400, "the body is not JSON"),
    (b"\xff\x00",                                 400, "the body is not JSON"),
    (b"[" * 200_000,                              400, "the body is not JSON"),
    (b"[]",                                       422, "must be an object"),
    (b"null",                                     422, "must be an object"),
    ({},                                          422, "scans"),
    ({"scans": []},                               422, "scans"),
    ({"scans": [SCAN, {"tracking": "T"}]},        422, "scans.1.kind"),
    ({"scans": [SCAN | {"kind": "eaten"}]},       422, "scans.0.kind"),
    ({"scans": [SCAN | {"tracking": 7}]},         422, "scans.0.tracking"),
    ({"scans": [SCAN | {"tracking": "T\x00"}]},   422, "scans.0.tracking"),
    ({"scans": [SCAN | {"at": "2026-11-28T17:15:00"}]}, 422, "scans.0.at"),
    ({"scans": [SCAN | {"colour": "red"}]},       422, "scans.0.colour"),
]
# fmt: on


async def test_of_a_report_that_cannot_be_read_nothing_is_kept_and_the_field_is_named(van: Van) -> None:
    for body, status, said in UNREADABLE:
        answer = await van.send(body)
        assert answer.status_code == status, (body, answer.text)
        assert said in answer.json()["detail"], body
    assert await van.scans() == 0


async def test_a_report_that_is_too_large_is_refused(van: Van) -> None:
    answer = await van.send(b" " * (8 * 1_048_576 + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:switchyard:problem:too-large")
    answer = await van.send({"scans": [van.scan(code=str(number)) for number in range(1001)]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "scans")
    assert await van.scans() == 0


async def test_reports_are_counted_by_their_carrier_and_never_as_a_strangers_requests(van: Van) -> None:
    transport = ASGITransport(app=application(van.house.service, rate_per_second=SELDOM), client=("192.0.2.1", 4711))
    body, found = json.dumps({"scans": [van.scan("in_transit")]}).encode(), []
    async with AsyncClient(transport=transport, base_url="http://switchyard") as http:
        for _ in range(3):
            stranger = await http.get("/orders")
            forged = await http.post("/carriers/van/webhooks", content=body)
            headers = signed_headers([SECRET], "w", datetime.now(UTC), body)
            genuine = await http.post("/carriers/van/webhooks", content=body, headers=headers)
            found.append((stranger.status_code, forged.status_code, genuine.status_code))
    assert found == [(401, 401, 200), (429, 401, 429), (429, 401, 429)]
