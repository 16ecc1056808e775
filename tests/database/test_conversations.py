"""Conversations with a connected channel over real connections: tokens, waits, silence, and what is noted of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from channels import kinds
from channels.channel import Answer, ChannelKind, Conversation, Done, Later, NoAnswer, Notice, Request, Settings
from database import connection as statements
from database.connect import Database
from jobs import conversation as runner
from jobs.conversation import AccessRefused, ConversationFailed, Conversations, retry_after
from tests.house import SMALL_MAP
from tests.peers.plain_shop import PLAIN_SHOP
from tests.peers.plain_shop_server import CREDENTIALS, PlainShopServer, open_shop
from transactions.network import Networks
from transactions.prepare import apply_network

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@dataclass
class Desk:
    """A connected shop, and this process's conversations with it. Waits pass at once."""

    database: Database
    database_url: str
    shop: PlainShopServer
    directory: Path
    talk: Conversations = field(init=False)
    waited: list[float] = field(default_factory=list)
    now: float = 0.0

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    async def settings(self) -> tuple[Settings, ChannelKind]:
        found = await self.talk.settings("web")
        assert found is not None
        return found

    async def ask(self, *requests: Request) -> list[Answer]:
        """The answers to some requests, one after another."""
        settings, kind = await self.settings()
        return await self.talk.run(settings, kind, asking(*requests))

    async def failure(self, *requests: Request) -> ConversationFailed:
        with pytest.raises(ConversationFailed) as raised:
            await self.ask(*requests or [SHOP])
        for secret in (self.shop.api, str(self.shop.port), "secret", *CREDENTIALS.values(), "shpat_"):
            assert secret not in str(raised.value)
        return raised.value

    async def noted(self) -> str | None:
        """The failure that stands on the connection's row."""
        async with self.database.read() as connection:
            failure: str | None = (await connection.execute(text("SELECT failure FROM connection"))).scalar_one()
            return failure


SHOP = Request("GET", "/shop")


def asking(*requests: Request) -> Conversation[list[Answer]]:
    answers = []
    for request in requests:
        answers.append((yield request))
    return answers


@pytest.fixture
async def desk(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    """A desk whose shop is connected."""
    monkeypatch.setitem(kinds.KINDS, "plain_shop", PLAIN_SHOP)
    async with open_shop() as shop:
        directory = copytree(SMALL_MAP, tmp_path / "network")
        made = Desk(database, database_url, shop, directory)
        made.talk = Conversations(database, Networks(), clock=lambda: made.now, sleep=made.wait)
        write_channels(directory, shop.api)
        assert await apply_network(database_url, directory) == []
        async with database.write() as connection:
            await statements.keep_credentials(connection, "web", CREDENTIALS)
        yield made
        made.talk.close()


def write_channels(directory: Path, api: str) -> None:
    lines = f'[[channel]]\nname = "web"\nkind = "plain_shop"\napi = "{api}"\nshop = "acme"\n'
    (directory / "channels.toml").write_text(lines)


async def test_a_channel_without_an_entry_or_without_credentials_is_not_connected(desk: Desk) -> None:
    assert await desk.talk.settings("outlet") is None
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "outlet", CREDENTIALS)
    assert await desk.talk.settings("outlet") is None
    settings, kind = await desk.settings()
    assert (settings.name, settings.entry["shop"], settings.credentials) == ("web", "acme", CREDENTIALS)
    assert kind is PLAIN_SHOP


async def test_a_token_is_asked_for_once_kept_and_used_until_it_ends_soon(desk: Desk) -> None:
    await desk.ask(SHOP, SHOP)
    await Conversations(desk.database, Networks()).run(*await desk.settings(), asking(SHOP))
    assert desk.shop.asked == ["POST /token", "GET /shop", "GET /shop", "GET /shop"]

    desk.shop.token_seconds = 30
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
    await desk.ask(SHOP, SHOP)
    assert desk.shop.given == 3, "one that ends within the minute is renewed before it is used"


async def test_a_token_that_the_channel_refuses_is_renewed_once_and_the_request_goes_on(desk: Desk) -> None:
    await desk.ask(SHOP)
    desk.shop.tokens.clear()
    (answer,) = await desk.ask(SHOP)
    assert answer.status == 200
    assert desk.shop.asked[2:] == ["GET /shop", "POST /token", "GET /shop"]


async def test_a_token_that_another_process_has_renewed_is_used_as_it_is(desk: Desk) -> None:
    other = Conversations(desk.database, Networks())
    await desk.ask(SHOP)
    desk.shop.tokens.clear()
    await other.run(*await desk.settings(), asking(SHOP))
    await desk.ask(SHOP)
    assert desk.shop.given == 2
    other.close()


async def test_a_conversation_that_began_before_the_credentials_changed_gets_a_token_of_the_new_ones(
    desk: Desk,
) -> None:
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS | {"client_id": "before"})
    begun = await desk.settings()
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)

    (answer,) = await desk.talk.run(*begun, asking(SHOP))

    assert answer.status == 200
    assert await desk.noted() is None


async def test_credentials_that_the_channel_refuses_are_noted_and_nothing_of_them_is_said(desk: Desk) -> None:
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS | {"client_id": "somebody"})
    with capture_logs() as logs:
        failure = await desk.failure()
    assert isinstance(failure, AccessRefused)
    assert str(failure) == await desk.noted() == "the shop gives no token: status 401"
    assert "somebody" not in json.dumps(logs)
    assert desk.shop.asked == ["POST /token"]

    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
    await desk.ask(SHOP)
    assert await desk.noted() is None, "what works again is no failure any more"


async def test_a_channel_that_refuses_every_token_is_asked_for_one_more_only(desk: Desk) -> None:
    desk.shop.accepts_tokens = False
    failure = await desk.failure()
    assert isinstance(failure, AccessRefused)
    assert desk.shop.asked == ["POST /token", "GET /shop", "POST /token", "GET /shop"]
    assert await desk.noted() == "it does not accept our credentials (status 401)"


async def test_a_wait_that_the_channel_asks_for_is_kept_and_the_request_repeated(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "throttled", "throttled"])
    (answer,) = await desk.ask(SHOP)
    assert (answer.status, desk.waited) == (200, [7.0, 7.0])
    assert desk.shop.asked.count("GET /shop") == 3
    assert await desk.noted() is None, "a shop that is busy is no failure"


async def test_a_long_wait_ends_the_conversation_with_how_long_it_is(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "busy"])
    failure = await desk.failure()
    assert (str(failure), failure.wait) == ("it asks us to wait: too many requests", timedelta(hours=1))
    assert desk.waited == []


async def test_requests_wait_for_the_points_that_answers_say_are_left(desk: Desk) -> None:
    await desk.ask(SHOP)
    desk.shop.left = 3
    await desk.ask(SHOP)
    desk.shop.left = None
    await desk.ask(SHOP, Request("GET", "/shop", cost=2), Request("GET", "/shop", cost=4))
    assert desk.waited == [4.0]


async def test_a_request_that_cost_more_than_was_left_is_asked_again(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "exceeded"])
    (answer,) = await desk.ask(SHOP)
    assert json.loads(answer.body)["hub"] == "7"
    assert desk.waited == [1.0]


def notice(event: str = "7-1") -> Notice:
    return Notice(event, "shipped", {}, "5001", {}, {}, datetime(2026, 11, 30, tzinfo=UTC))


async def test_a_channel_that_did_the_work_and_never_answered_is_asked_what_stands_there(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "well", "done_unanswered"])
    settings, kind = await desk.settings()
    outcome = await desk.talk.run(settings, kind, kind.notify(settings, notice()))
    path = "/orders/5001/notices/7-1"
    assert outcome == Done()
    assert desk.shop.asked[1:] == [f"GET {path}", f"PUT {path}", f"GET {path}"]


async def test_a_request_that_was_lost_is_not_taken_for_done(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "well", "lost"])
    settings, kind = await desk.settings()
    assert await desk.talk.run(settings, kind, kind.notify(settings, notice())) == Later("no answer")
    assert desk.shop.notices == {}


# how it answers || what is said
BAD_ANSWERS = """
down    || status 502
lost    || RemoteProtocolError
moved   || status 301: it redirects, which is not followed; write the address it has now into api
endless || its answer is too long
"""


@pytest.mark.parametrize("row", BAD_ANSWERS.strip().splitlines())
async def test_each_bad_answer_is_said_in_words_and_noted(desk: Desk, row: str) -> None:
    manner, said = (cell.strip() for cell in row.split("||"))
    desk.shop.manners.extend(["well", manner])
    failure = await desk.failure()
    assert str(failure) == await desk.noted() == said
    assert not isinstance(failure, AccessRefused)


async def test_an_answer_that_the_kind_cannot_read_fails_with_its_place_and_without_its_content(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "garbage"])
    settings, kind = await desk.settings()
    with capture_logs() as logs, pytest.raises(ConversationFailed) as raised:
        await desk.talk.run(settings, kind, kind.poll(settings, {}, NOW))
    assert str(raised.value) == "its answer cannot be read (JSONDecodeError in raw_decode)"
    assert "<html>" not in json.dumps(logs)


async def test_a_channel_that_is_silent_is_left_alone_for_a_while(desk: Desk) -> None:
    await desk.ask(SHOP)
    desk.shop.manners.extend(["lost"] * 5)
    for _ in range(5):
        await desk.failure()
    asked = len(desk.shop.asked)
    rests = await desk.failure()
    assert (len(desk.shop.asked), rests.wait) == (asked, runner.REST)

    desk.now += runner.REST.total_seconds()
    await desk.ask(SHOP)
    assert await desk.noted() is None


async def test_only_an_address_of_this_machine_leads_into_our_own_network(desk: Desk) -> None:
    await desk.ask(SHOP)
    write_channels(desk.directory, f"https://10.0.0.7:{desk.shop.port}")
    assert await apply_network(desk.database_url, desk.directory) == []
    settings, kind = await desk.settings()
    with pytest.raises(ConversationFailed, match="its address is not a public one"):
        await desk.talk.run(settings, kind, asking(SHOP))


async def test_a_conversation_that_fails_is_closed(desk: Desk) -> None:
    ended: list[str] = []

    def watched() -> Conversation[None]:
        try:
            yield SHOP
        except NoAnswer:
            ended.append("silence")
            raise
        finally:
            ended.append("closed")

    await desk.ask(SHOP)
    desk.shop.manners.append("lost")
    settings, kind = await desk.settings()
    with pytest.raises(ConversationFailed):
        await desk.talk.run(settings, kind, watched())
    assert ended == ["silence", "closed"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("7", 7.0),
        ("2.5", 2.5),
        ("Mon, 30 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 30 Nov 2026 11:59:00 GMT", 0.0),
        ("99999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_of_its_forms(written: str, seconds: float | None) -> None:
    found = retry_after(Answer(429, {"retry-after": written}, b""), NOW)
    assert (None if found is None else found.total_seconds()) == seconds
