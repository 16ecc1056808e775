"""The edge of the HTTP interface: every answer has an id that the log has too, and too many requests get a retry time."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import structlog
from httpx2 import ASGITransport, AsyncClient
from structlog.testing import capture_logs

from api import problems
from api.app import application
from runtime import logs
from tests.conftest import OPERATOR_KEY
from tests.house import House

OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
Lines = list[Any]
SELDOM = 0.01
"""A rate at which a client must wait after one request: one request is always possible."""


@contextmanager
def logged() -> Iterator[Lines]:
    """The lines of the log, with what is bound to the request."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


@asynccontextmanager
async def door(house: House, rate_per_second: float, address: str = "192.0.2.1") -> AsyncIterator[AsyncClient]:
    """A limited way in, from an address."""
    app = application(house.service, rate_per_second=rate_per_second)
    transport = ASGITransport(app=app, client=(address, 4711), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://switchyard") as http:
        yield http


@pytest.mark.parametrize("given", ["req-1", "a" * 64, "0af7651916cd43dd8448eb211c80319c", "a.b_c:d"])
async def test_a_well_formed_request_id_is_taken_over(house: House, given: str) -> None:
    answer = await house.http.get("/orders", headers={"X-Request-Id": given})
    assert answer.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "a" * 65, "two words", "línea", '{"a":1}', "a\tb"])
async def test_any_other_request_id_is_replaced(house: House, given: str) -> None:
    headers = [(b"x-request-id", given.encode("latin-1"))]
    answers = [await house.http.get("/orders", headers=headers) for _ in range(2)]
    made = {answer.headers["x-request-id"] for answer in answers}
    assert len(made) == 2
    assert given not in made


async def test_every_answer_has_its_id_whatever_went_wrong(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("database.documents.order.listed", None)  # a defect
        paths = {"/orders": 500, "/nowhere": 404, "/orders/web-0": 404, "/stock?limit=0": 422, "/orders/%00": 404}
        async with door(house, 0) as http:
            for path, status in paths.items():
                with logged() as lines:
                    answer = await http.get(path, headers=OPERATOR | {"X-Request-Id": "mine"})
                assert (answer.status_code, answer.headers["x-request-id"]) == (status, "mine"), path
                assert [(line["request_id"], line["status"]) for line in lines if line["event"] == "request"] == [
                    ("mine", status)
                ]


async def test_a_request_is_logged_by_its_route_and_its_key_and_without_what_was_said(house: House) -> None:
    headers = await house.key("channel", "web")
    body = house.body(("SERUM-30", 1))
    body["ship_to"] |= {"name": "Ada Lovelace", "email": "ada@example.org"}
    with logged() as lines:
        await house.http.post("/orders", json=body, headers=headers)
        await house.http.get("/orders/web-ada?email=ada@example.org", headers=headers)
        await house.http.get("/Ada-Lovelace", headers=headers)
        await house.http.get("/healthz")
    seen = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"], line.get("key")) for line in seen] == [
        ("POST", "/orders", 201, "channel:web"),
        ("GET", "/orders/{order}", 422, "channel:web"),
        ("GET", None, 404, None),
    ]
    assert all(line["milliseconds"] >= 0 for line in seen)
    assert not any(word in json.dumps(lines, default=str).lower() for word in ("web-ada", "lovelace", "@example"))


def test_where_nobody_looks_at_a_terminal_a_line_of_the_log_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    root, handlers, level = logging.getLogger(), logging.root.handlers[:], logging.root.level
    known = structlog.get_config()
    try:
        logs.configure()
        structlog.contextvars.bind_contextvars(request_id="mine")
        structlog.get_logger("test").info("request", status=200)
        logging.getLogger("somebody").warning("says %s", "this")
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.configure(**known)
        root.handlers, root.level = handlers, level
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["request_id"]) for line in lines] == [
        ("request", "info", "mine"),
        ("says this", "warning", "mine"),
    ]
    assert lines[0]["status"] == 200
    assert all(line["timestamp"].endswith("Z") for line in lines)


async def test_a_key_with_too_many_requests_gets_a_retry_time_and_no_other_key_is_limited(house: House) -> None:
    busy, calm = await house.key("channel", "web"), await house.key("channel", "outlet")
    async with door(house, SELDOM) as http:
        assert (await http.get("/orders", headers=busy)).status_code == 200
        assert (await http.get("/orders", headers=busy)).status_code == 200
        async with door_from(http, "192.0.2.2") as elsewhere:
            assert (await elsewhere.get("/orders", headers=calm)).status_code == 200
            assert (await elsewhere.get("/orders", headers=calm)).status_code == 200
        refused = await http.post("/orders", content=b"not even JSON", headers=busy)
        assert (refused.status_code, refused.json()["type"]) == (429, problems.TOO_MANY.type)
        assert refused.headers["content-type"] == problems.MEDIA_TYPE
        assert 1 <= int(refused.headers["retry-after"]) <= 1 / SELDOM
        assert refused.headers["x-request-id"]


@asynccontextmanager
async def door_from(http: AsyncClient, address: str) -> AsyncIterator[AsyncClient]:
    """The same way in, from another address."""
    transport = http._transport
    assert isinstance(transport, ASGITransport)
    async with AsyncClient(
        transport=ASGITransport(app=transport.app, client=(address, 4711)), base_url="http://switchyard"
    ) as other:
        yield other


@pytest.mark.parametrize(
    "spelling",
    ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}", "Bearer {}  "],
    ids=lambda spelling: repr(spelling),
)
async def test_a_key_has_one_limit_however_its_header_is_spelt(house: House, spelling: str) -> None:
    busy = await house.key("channel", "web")
    key = busy["Authorization"].removeprefix("Bearer ")
    async with door(house, SELDOM) as http:
        assert [(await http.get("/orders", headers=busy)).status_code for _ in range(2)] == [200, 200]
        again = await http.get("/orders", headers={"Authorization": spelling.format(key)})
        assert again.status_code == 429


async def test_a_second_header_with_another_key_is_no_way_around_the_limit(house: House) -> None:
    busy = await house.key("channel", "web")
    async with door(house, SELDOM) as http:
        assert [(await http.get("/orders", headers=busy)).status_code for _ in range(2)] == [200, 200]
        twice = [(b"authorization", busy["Authorization"].encode()), (b"authorization", b"Bearer another")]
        assert (await http.get("/orders", headers=twice)).status_code == 429


async def test_a_key_that_is_spelt_in_many_ways_pushes_no_other_key_out_of_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.limits.NAMES_MAX", 2)
    calm, busy = await house.key("channel", "outlet"), await house.key("channel", "web")
    async with door(house, 0.1) as http, door_from(http, "192.0.2.2") as elsewhere:
        assert [(await http.get("/orders", headers=calm)).status_code for _ in range(2)] == [200, 200]
        for blanks in range(1, 4):
            headers = {"Authorization": busy["Authorization"].replace(" ", " " * blanks)}
            await elsewhere.get("/orders", headers=headers)
        assert (await http.get("/orders", headers=calm)).status_code == 429, "it is counted as the key that it is"


async def test_who_tries_keys_is_stopped_by_address_and_valid_keys_from_there_go_on(house: House) -> None:
    async with (
        door(house, SELDOM) as http,
        door_from(http, "192.0.2.2") as second,
        door_from(http, "192.0.2.3") as third,
    ):
        assert (await second.get("/orders", headers=OPERATOR)).status_code == 200
        tried = [await http.get("/orders", headers={"Authorization": f"Bearer guess-{n}"}) for n in range(4)]
        assert [answer.status_code for answer in tried] == [401, 429, 429, 429]
        assert (await http.get("/orders", headers=OPERATOR)).status_code == 200
        assert (await third.get("/orders")).status_code == 401


async def test_a_revoked_key_counts_as_none(house: House) -> None:
    made = (await house.http.post("/keys", json={"kind": "channel", "name": "web"})).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    async with door(house, SELDOM) as http, door_from(http, "192.0.2.2") as elsewhere:
        assert (await http.get("/orders", headers=headers)).status_code == 200
        assert (await house.http.delete(f"/keys/{made['id']}")).status_code == 204
        answers = [await elsewhere.get("/orders", headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_a_valid_key_keeps_its_standing_when_a_request_ends_before_anybody_looked_at_it(house: House) -> None:
    as_json = OPERATOR | {"Content-Type": "application/json"}
    async with door(house, rate_per_second=5) as http:
        asked = [await http.get("/orders", headers=OPERATOR)]
        asked += [await http.post("/orders", content=b"no JSON", headers=as_json) for _ in range(4)]
        asked += [await http.get("/orders", headers=OPERATOR)]
    assert [answer.status_code for answer in asked] == [200, 400, 400, 400, 400, 200]


async def test_probes_are_answered_while_a_client_at_the_same_address_tries_keys(house: House) -> None:
    async with door(house, SELDOM) as http:
        assert [(await http.get("/orders")).status_code for _ in range(2)] == [401, 429]
        assert [(await http.get(probe)).status_code for probe in ("/healthz", "/readyz")] == [200, 200]
        assert (await http.get("/readyz")).status_code == 429


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", 429),
        ("2001:db8::1", "2001:db8:0:1::1", 401),
        ("::ffff:192.0.2.7", "192.0.2.7", 429),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", 401),
        ("a socket", "a socket", 429),
    ],
)
async def test_addresses_that_one_subscriber_has_count_as_one(house: House, one: str, other: str, answer: int) -> None:
    async with door(house, SELDOM, one) as http, door_from(http, other) as elsewhere:
        assert (await http.get("/orders")).status_code == 401
        assert (await elsewhere.get("/orders")).status_code == answer


async def test_without_a_limit_nobody_is_refused(house: House) -> None:
    async with door(house, 0) as http:
        assert {(await http.get("/orders")).status_code for _ in range(100)} == {401}
