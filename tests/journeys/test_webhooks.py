"""A channel is called with every event of its orders: signed, in order, and until it has taken it, whatever happens there."""

import asyncio
import base64
import socket
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import text

from embedded.ports import free_port
from jobs.driver import Driver, Job, Lane
from jobs.schedule import WEBHOOKS
from jobs.waiting import wait_after
from jobs.webhook import AT_ONCE_MAX, FAILURES_MAX, WebhookSender
from runtime.outbound import Outbound, is_public
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House
from tests.listener import Listener, listening

SECRETS = ["whsec_" + base64.b64encode(bytes([number] * 24)).decode() for number in (1, 2, 3)]


class Shop(Listener):
    """A channel's own server."""

    def kinds(self, order: str) -> list[str]:
        return [call.document["kind"] for call in self.calls if call.document["order"] == order]

    def has_heard(self, order: str, kinds: list[str]) -> bool:
        return self.kinds(order) == kinds


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop(free_port())
    async with listening(made):
        yield made


@pytest.fixture
async def in_haste(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A webhook sender that tries again soon."""
    moment = timedelta(milliseconds=50)
    monkeypatch.setattr("jobs.webhook.wait_after", lambda _: moment)

    async def hurry() -> None:
        while True:
            house.service.driver.run_soon(WEBHOOKS)
            await asyncio.sleep(moment.total_seconds())

    hurrying = asyncio.create_task(hurry())
    yield
    hurrying.cancel()


async def register(house: House, channel: str, url: str, secret: str | None = None) -> Document:
    body = {"url": url} | ({"secret": secret} if secret else {})
    answer = await house.http.put(f"/channels/{channel}/webhook", json=body)
    assert answer.status_code == 200, answer.text
    made: Document = answer.json()
    return made


async def owed(house: House) -> int:
    async with house.service.database.read() as connection:
        counted = await connection.execute(text("SELECT count(*) FROM event WHERE due_at IS NOT NULL"))
        return int(counted.scalar_one())


async def nothing_is_owed(house: House) -> None:
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while await owed(house):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.03)


async def state(house: House, channel: str = "web", headers: dict[str, str] | None = None) -> Document:
    answer = await house.http.get(f"/channels/{channel}/webhook", headers=headers or {})
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def until_state(house: House, is_so: Callable[[Document], bool]) -> Document:
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not is_so(found := await state(house)):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.03)
    return found


async def change(house: House, statement: str) -> None:
    async with house.service.database.write() as connection:
        await connection.execute(text(statement))


async def is_tried_twice(house: House, order: str) -> None:
    statement = text("SELECT coalesce(max(tries), 0) >= 2 FROM event WHERE order_id = :order")
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while True:
            async with house.service.database.read() as connection:
                if (await connection.execute(statement, {"order": order})).scalar_one():
                    return
            await asyncio.sleep(0.03)


async def test_every_event_of_an_order_is_delivered_signed_and_in_order(house: House, shop: Shop) -> None:
    secret = (await register(house, "web", shop.url))["secret"]
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.place(("SERUM-30", 1), channel="outlet")
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await shop.until(lambda: len(shop.calls) == 4)
    await nothing_is_owed(house)

    feed = (await house.http.get("/events", params={"channel": "web"})).json()["items"]
    assert [call.document for call in shop.calls] == feed
    assert [call.headers["webhook-id"] for call in shop.calls] == [found["event"] for found in feed]
    assert [found["kind"] for found in feed] == ["accepted", "promised", "shipped", "delivered"]
    assert all(call.is_signed_with(secret) for call in shop.calls)
    assert not any(call.is_signed_with(SECRETS[0]) for call in shop.calls)
    assert {call.headers["host"] for call in shop.calls} == {f"127.0.0.1:{shop.port}"}


async def test_a_secret_that_we_made_is_shown_once_and_a_new_one_signs_together_with_the_old_one(
    house: House, shop: Shop
) -> None:
    first = await register(house, "web", shop.url)
    assert first["secret"].startswith("whsec_")
    assert (await register(house, "web", shop.url))["secret"] is None
    for secret in (SECRETS[0], SECRETS[0], SECRETS[1]):
        changed = await register(house, "web", shop.url, secret)
        assert changed["secret"] is None
        assert changed["previous_secret_until"] is not None
    await house.place(("SERUM-30", 1))
    await shop.until(lambda: len(shop.calls) > 0)
    assert [shop.calls[0].is_signed_with(secret) for secret in (SECRETS[1], SECRETS[0], first["secret"])] == [
        True,
        True,
        False,
    ]
    await change(house, "UPDATE webhook SET previous_until = clock_timestamp()")
    before = len(shop.calls)
    await house.place(("SERUM-30", 1))
    await shop.until(lambda: len(shop.calls) > before + 1)
    assert [shop.calls[-1].is_signed_with(secret) for secret in SECRETS[:2]] == [False, True]


async def test_what_a_channel_does_not_take_is_delivered_later_and_before_what_follows(
    house: House, shop: Shop
) -> None:
    await register(house, "web", shop.url)
    answers = iter([500, 302])
    shop.status = lambda call: next(answers, 204)
    name = await house.place(("SERUM-30", 1))
    await shop.until(lambda: len(shop.calls) == 4)
    await nothing_is_owed(house)
    assert shop.kinds(name) == ["accepted"] * 3 + ["backordered"]
    assert len({call.headers["webhook-id"] for call in shop.calls[:3]}) == 1


async def test_a_channel_that_takes_an_event_and_never_ends_its_answer_has_taken_it(house: House, shop: Shop) -> None:
    shop.says_more_for_ever = True
    await register(house, "web", shop.url)
    name = await house.place(("SERUM-30", 1))
    await nothing_is_owed(house)
    assert shop.kinds(name) == ["accepted", "backordered"]


@pytest.mark.usefixtures("in_haste")
async def test_a_channel_that_does_not_answer_in_time_is_called_again(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.webhook.ANSWER_WITHIN", timedelta(milliseconds=100))
    shop.gate.clear()
    await register(house, "web", shop.url)
    await house.place(("SERUM-30", 1))
    seen = await until_state(house, lambda found: found["last_failure"] is not None)
    assert seen["last_failure"]["reason"] == "TimeoutError"
    await shop.until(lambda: shop.asked >= 2)


async def test_an_event_is_delivered_when_a_channel_is_back(house: House) -> None:
    down = Shop(free_port())
    await register(house, "web", down.url)
    name = await house.place(("SERUM-30", 1))
    await is_tried_twice(house, name)
    async with listening(down):
        await down.until(lambda: down.kinds(name) == ["accepted", "backordered"])
    await nothing_is_owed(house)


async def test_a_channel_that_does_not_answer_holds_up_no_other(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.webhook.ANSWER_WITHIN", timedelta(minutes=10))
    slow = Shop(free_port())
    slow.gate.clear()
    async with listening(slow):
        await register(house, "outlet", slow.url)
        await register(house, "web", shop.url)
        silent = [await house.place(("SERUM-30", 1), channel="outlet") for _ in range(3)]
        await slow.until(lambda: slow.asked > 0)
        name = await house.place(("SERUM-30", 1))
        await shop.until(lambda: shop.kinds(name) == ["accepted", "backordered"])
        assert slow.calls == []
        slow.gate.set()
        await slow.until(lambda: all(slow.kinds(one) == ["accepted", "backordered"] for one in silent))


async def test_a_channel_whose_name_nobody_looks_up_holds_up_no_other(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    is_over = threading.Event()

    def look_up(host: str, *args: Any, **more: Any) -> Any:
        asked.append(host)
        if host == "nobody.example":
            is_over.wait()
            raise socket.gaierror(host)
        return GETADDRINFO(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("jobs.webhook.ANSWER_WITHIN", timedelta(minutes=10))
    await register(house, "outlet", "http://nobody.example/switchyard")
    await register(house, "web", shop.url)
    for _ in range(AT_ONCE_MAX):
        await house.place(("SERUM-30", 1), channel="outlet")
    try:
        await shop.until(lambda: "nobody.example" in asked)
        name = await house.place(("SERUM-30", 1))
        await shop.until(lambda: shop.kinds(name) == ["accepted", "backordered"])
        assert asked.count("nobody.example") == 1, "one thread at a time waits for it, however much it is owed"
    finally:
        is_over.set()


GETADDRINFO = socket.getaddrinfo


@pytest.fixture
def rests_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that took nothing rests for an hour; a sender must be made after this."""
    monkeypatch.setattr("jobs.webhook.REST", timedelta(hours=1))


async def test_a_channel_that_takes_nothing_rests_and_the_others_are_called(
    rests_long: None, house: House, shop: Shop
) -> None:
    shop.status = lambda _: 503
    calm = Shop(free_port())
    async with listening(calm):
        await register(house, "web", shop.url)
        await register(house, "outlet", calm.url)
        for _ in range(FAILURES_MAX):
            await house.place(("SERUM-30", 1))
        await shop.until(lambda: len(shop.calls) >= FAILURES_MAX)
        calls = []
        for _ in range(2):
            name = await house.place(("SERUM-30", 1), channel="outlet")
            await calm.until(partial(calm.has_heard, name, ["accepted", "backordered"]))
            calls.append(len(shop.calls))
            await change(house, "UPDATE event SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")
        assert calls[0] == calls[1], "whatever is due"

        shop.status = lambda _: 204
        assert (await house.http.post("/channels/web/webhook/retry", json={})).status_code == 200
        await nothing_is_owed(house)


async def test_two_processes_share_the_work_and_deliver_each_event_once(house: House, shop: Shop) -> None:
    other = WebhookSender(house.service.database, Outbound(allows_private_addresses=True))
    await register(house, "web", shop.url)
    async with Driver([Lane("other", timedelta(seconds=1), [Job("call_channels", other.visit)])]).running():
        names = [await house.place(("SERUM-30", 1)) for _ in range(12)]
        for name in names:
            await shop.until(partial(shop.has_heard, name, ["accepted", "backordered"]))
        await nothing_is_owed(house)
    assert len(shop.calls) == 24
    await other.close()


async def test_a_channel_that_is_called_no_more_is_owed_nothing(house: House, shop: Shop) -> None:
    shop.status = lambda _: 500
    await register(house, "web", shop.url)
    name = await house.place(("SERUM-30", 1))
    await shop.until(lambda: bool(shop.calls))
    for _ in range(2):
        assert (await house.http.delete("/channels/web/webhook")).status_code == 204
    await nothing_is_owed(house)
    await house.place(("SERUM-30", 1))
    assert await owed(house) == 0
    feed = (await house.http.get("/events")).json()["items"]
    assert name in {found["order"] for found in feed}


async def takes_only_backorders(house: House, shop: Shop) -> str:
    """A channel that takes no other event; answers an order that waits, of which it did not take the first one."""
    shop.status = lambda call: 204 if call.document["kind"] == "backordered" else 500
    await register(house, "web", shop.url)
    name = await house.place(("SERUM-30", 1))
    await shop.until(lambda: bool(shop.calls))
    return name


async def test_an_event_that_was_not_accepted_for_a_week_is_given_up_and_the_next_one_is_sent(
    house: House, shop: Shop
) -> None:
    name = await takes_only_backorders(house, shop)
    assert set(shop.kinds(name)) == {"accepted"}
    await change(house, EIGHT_DAYS_PASS)
    await shop.until(lambda: shop.kinds(name)[-1] == "backordered")
    await nothing_is_owed(house)


EIGHT_DAYS_PASS = "UPDATE event SET recorded_at = recorded_at - interval '8 days' WHERE kind = 'accepted'"


@pytest.mark.usefixtures("in_haste")
async def test_a_channel_sees_that_its_webhook_is_deaf_since_when_and_why(house: House, shop: Shop) -> None:
    shop.status = lambda _: 503
    await register(house, "web", shop.url, SECRETS[0])
    fresh = await state(house)
    assert {name: fresh[name] for name in fresh if name != "registered_at"} == {
        "channel": "web",
        "url": shop.url,
        "owed": 0,
        "owed_since": None,
        "next_try_at": None,
        "last_failure": None,
        "given_up": 0,
        "given_up_since": None,
    }
    await is_tried_twice(house, await house.place(("SERUM-30", 1)))
    own = await house.key("channel", "web")
    seen = await until_state(house, lambda found: found["owed"] == 2 and found["last_failure"])
    assert (await state(house, headers=own))["url"] == shop.url
    assert seen["last_failure"]["reason"] == "status 503"
    moments = [seen["registered_at"], seen["owed_since"], seen["last_failure"]["at"], seen["next_try_at"]]
    assert sorted(map(datetime.fromisoformat, moments)) == list(map(datetime.fromisoformat, moments))
    assert SECRETS[0] not in str(seen)

    shop.status = lambda _: 204
    healed = await until_state(house, lambda found: found["owed"] == 0)
    assert (healed["owed_since"], healed["next_try_at"]) == (None, None)
    assert healed["last_failure"]["reason"] == "status 503", "it tells when that was"


@pytest.mark.usefixtures("in_haste")
async def test_a_channel_that_nobody_answers_for_sees_the_kind_of_error_and_no_address(house: House) -> None:
    await register(house, "web", Shop(free_port()).url)
    await house.place(("SERUM-30", 1))
    seen = await until_state(house, lambda found: found["last_failure"] is not None)
    assert seen["last_failure"]["reason"] == "ConnectError"


async def test_a_channel_does_not_see_whether_another_one_has_a_webhook(house: House, shop: Shop) -> None:
    await register(house, "outlet", shop.url)
    own = await house.key("channel", "web")

    async def problems(channel: str) -> set[str]:
        path = f"/channels/{channel}/webhook"
        answers = [
            await house.http.get(path, headers=own),
            await house.http.post(f"{path}/retry", json={}, headers=own),
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        return {answer.json()["detail"] for answer in answers}

    assert await problems("outlet") == {"there is no channel outlet"}
    assert await problems("nobody") == {"there is no channel nobody"}
    assert await problems("web") == {"there is no webhook of channel web"}


@pytest.mark.usefixtures("in_haste")
async def test_what_was_given_up_is_seen_and_tried_for_another_week_when_somebody_asks(
    house: House, shop: Shop
) -> None:
    name = await takes_only_backorders(house, shop)
    await change(house, EIGHT_DAYS_PASS)
    given_up = await until_state(house, lambda found: found["given_up"] == 1 and found["owed"] == 0)
    assert given_up["given_up_since"] == given_up["last_failure"]["at"]

    before = shop.kinds(name).count("accepted")
    assert await retry(house, "first") == {"channel": "web", "events": 1}
    await shop.until(lambda: shop.kinds(name).count("accepted") >= before + 2)
    assert (await state(house))["given_up"] == 0, "it is tried on, although it failed again"
    shop.status = lambda _: 204
    await nothing_is_owed(house)
    heard = len(shop.calls)
    assert await retry(house, "first") == {"channel": "web", "events": 1}, "the same answer, and nothing is sent again"
    assert await retry(house, "second") == {"channel": "web", "events": 0}
    assert (await ask_for_a_retry(house, "first", channel="outlet")).status_code == 409
    assert (await state(house))["owed"] == 0
    assert len(shop.calls) == heard
    async with house.service.database.read() as connection:
        asked = await connection.execute(text("SELECT asker, remark FROM request WHERE kind = 'retry_webhook'"))
        rows = asked.all()
    assert len(rows) == 2
    assert all(row.asker.startswith("operator:") and row.remark for row in rows)


async def ask_for_a_retry(house: House, idempotency_key: str, channel: str = "web") -> Response:
    return await house.http.post(
        f"/channels/{channel}/webhook/retry",
        json={"reason": "we are back", "actor": "Ada"},
        headers={"Idempotency-Key": idempotency_key},
    )


async def retry(house: House, idempotency_key: str) -> Document:
    answer = await ask_for_a_retry(house, idempotency_key)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


@pytest.mark.usefixtures("in_haste")
async def test_a_channel_that_is_back_need_not_wait_for_the_next_try(house: House) -> None:
    down = Shop(free_port())
    await register(house, "web", down.url)
    name = await house.place(("SERUM-30", 1))
    await is_tried_twice(house, name)
    await until_state(house, lambda found: found["owed"] == 2)
    await change(house, "UPDATE event SET due_at = clock_timestamp() + interval '1 hour', tries = 30")
    async with listening(down):
        assert (await retry(house, "back"))["events"] == 2
        await down.until(lambda: down.kinds(name) == ["accepted", "backordered"])
    await nothing_is_owed(house)


async def test_a_day_without_them_is_outlived() -> None:
    waits = [wait_after(tries) for tries in range(1, 200)]
    assert [wait.total_seconds() for wait in waits[:4]] == [1, 2, 4, 8]
    assert waits[-1].total_seconds() == 600


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("93.184.215.14", False),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False),
        ("64:ff9b::93.184.215.14", False),
        ("127.0.0.1", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("fe80::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.0.192", True),
        ("fec0::1", True),
        ("64:ff9b::10.0.0.1", True),
        ("64:ff9b:1::10.0.0.1", True),
        ("2002:a00:1::1", True),
        ("::169.254.169.254", True),
    ],
)
def test_an_address_of_our_own_network_is_distinguished_from_a_public_one(address: str, is_ours: bool) -> None:
    assert is_public(address) is not is_ours


async def test_strangers_cannot_make_us_call_our_own_network(house: House, shop: Shop) -> None:
    await register(house, "web", shop.url)
    house.service.outbound.allows_private_addresses = False
    name = await house.place(("SERUM-30", 1))
    await is_tried_twice(house, name)
    assert shop.calls == []
    plain = await house.http.put("/channels/web/webhook", json={"url": shop.url})
    assert (plain.status_code, plain.json()["errors"][0]["field"]) == (422, "url")
