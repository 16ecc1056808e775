"""`GET /connections`: how each connected channel goes, in one page, and never a secret."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import text

from channels import kinds
from channels.channel import Finding, Token
from database import connection as statements
from database.documents.connection import Connection
from tests.house import SMALL_MAP, Document, House
from tests.peers.plain_shop import PLAIN_SHOP
from tests.peers.plain_shop_server import CREDENTIALS
from transactions.prepare import apply_network

TOKEN = Token("shpat_9876543210", datetime(2027, 1, 1, tzinfo=UTC))
ENTRY = '[[channel]]\nname = "{0}"\nkind = "plain_shop"\napi = "https://{0}.example.com"\nshop = "acme"\n'
NOTHING: Document = {
    "has_credentials": False,
    "token_until": None,
    "checked_at": None,
    "check_due_at": None,
    "findings": [],
    "polled_at": None,
    "poll_failing_since": None,
    "last_in_at": None,
    "last_out_at": None,
    "lag_seconds": 0,
    "waiting": 0,
    "owed": 0,
    "unacknowledged": 0,
    "refused": 0,
    "misfits": 0,
    "last_failure": None,
}
CAME = """
    INSERT INTO exchange (channel, event_id, topic, state, due_at, received_at)
    SELECT 'web', n::text, '', s, CASE WHEN s = 'kept' THEN clock_timestamp() END, clock_timestamp() - n * interval '1 minute'
    FROM (VALUES (1, 'kept'), (5, 'kept'), (9, 'misfit'), (7, 'applied')) e(n, s)
"""
OWED = """
    INSERT INTO channel_notice (transaction_id, event_id, channel, order_id, kind, due_at, refused, recorded_at)
    SELECT n, n, 'web', :order, 'shipped', CASE WHEN r IS NULL THEN clock_timestamp() END, r,
           clock_timestamp() - n * interval '1 minute'
    FROM (VALUES (1, NULL), (2, NULL), (60, 'no such order'), (61, 'no')) e(n, r)
"""


@pytest.fixture
async def connected(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose network names three shops."""
    monkeypatch.setitem(kinds.KINDS, "plain_shop", PLAIN_SHOP)
    await apply(house, tmp_path / "network", "web", "outlet", "popup")
    return house


async def apply(house: House, directory: Path, *names: str) -> None:
    copytree(SMALL_MAP, directory, dirs_exist_ok=True)
    (directory / "channels.toml").write_text("".join(map(ENTRY.format, names)))
    assert await apply_network(house.database_url, directory) == []


async def shown(house: House) -> dict[str, Document]:
    answer = await house.http.get("/connections")
    for secret in (*CREDENTIALS.values(), TOKEN.secret):
        assert secret not in answer.text
    for one in answer.json()["items"]:
        Connection.model_validate(one)
    return {one["connection"]: one for one in answer.json()["items"]}


async def test_a_channel_that_was_only_named_has_nothing_to_show(connected: House) -> None:
    assert list(await shown(connected)) == ["outlet", "popup", "web"]
    named = {"connection": "web", "kind": "plain_shop", "api": "https://web.example.com"}
    assert (await shown(connected))["web"] == named | NOTHING
    pages = await connected.pages("/connections", 2)
    assert [[one["connection"] for one in page] for page in pages] == [["outlet", "popup"], ["web"]]


async def test_what_waits_what_is_refused_and_what_must_be_seen_to_is_counted(connected: House) -> None:
    order = await connected.place(("SERUM-30", 1))
    async with connected.service.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
        access = await statements.access(connection, "web")
        assert access is not None
        await statements.keep_token(connection, "web", TOKEN, access)
        await statements.keep_check(connection, "web", {"hub": "7"}, [Finding(True, "tick “Orders”")])
        await statements.failed(connection, "web", "status 503")
        await connection.execute(text(CAME))
        await connection.execute(text(OWED), {"order": order})

    web = (await shown(connected))["web"]
    counts = {name: web[name] for name in ("waiting", "owed", "refused", "misfits")}
    assert counts == {"waiting": 2, "owed": 2, "refused": 2, "misfits": 1}
    assert 300 <= web["lag_seconds"] < 360, "the oldest that waits came five minutes ago"
    assert web["findings"] == [{"is_fault": True, "text": "tick “Orders”", "needs_person": False}]
    assert (web["has_credentials"], web["checked_at"]) == (True, None)
    assert datetime.fromisoformat(web["token_until"]) == TOKEN.until
    assert web["last_failure"]["reason"] == "status 503"
    assert datetime.now(UTC) - datetime.fromisoformat(web["last_failure"]["at"]) < timedelta(minutes=1)
    assert (await shown(connected))["outlet"]["waiting"] == 0
    async with connected.service.database.write() as connection:
        await connection.execute(text("DELETE FROM channel_notice"))  # the audit would find that they have no events


async def test_a_connection_that_the_network_does_not_name_any_more_is_still_shown(
    connected: House, tmp_path: Path
) -> None:
    async with connected.service.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
    await apply(connected, tmp_path / "network", "outlet")
    found = await shown(connected)
    assert list(found) == ["outlet", "web"]
    assert (found["web"]["kind"], found["web"]["api"], found["web"]["has_credentials"]) == (None, None, True)
