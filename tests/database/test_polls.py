"""The reconciliation poll: what changed at the shop is kept page by page and once, also after a crash or a failure."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from database import connection as statements
from database import exchange, personal
from jobs.connection import Connections
from jobs.conversation import Conversations
from tests.database.test_conversations import Desk, desk, write_channels
from tests.peers.plain_shop_server import CREDENTIALS
from transactions.network import Networks
from transactions.prepare import apply_network
from transactions.transaction import OrderTransactions

__all__ = ["desk"]

NOW = text("UPDATE connection SET poll_due_at = NULL")
KEPT = text("SELECT body FROM exchange ORDER BY exchange_id")


def looking_after(desk: Desk) -> Connections:
    return Connections(OrderTransactions(desk.database, Networks()), desk.talk)


async def due(desk: Desk) -> None:
    async with desk.database.write() as connection:
        await connection.execute(NOW)


async def kept(desk: Desk) -> list[str]:
    """The orders that were kept, in the sequence in which they came."""
    async with desk.database.read() as connection:
        key = await personal.common_key(connection)
        rows = await connection.execute(KEPT)
        return [json.loads(key.open_bytes("exchange", row.body))["id"] for row in rows]


async def row(desk: Desk, columns: str) -> tuple[object, ...]:
    async with desk.database.read() as connection:
        return tuple((await connection.execute(text(f"SELECT {columns} FROM connection"))).one())


def five_orders(desk: Desk) -> None:
    for number in range(1, 6):
        desk.shop.change(f"500{number}", ("1", "41", number))


async def test_everything_that_changed_is_kept_page_after_page(desk: Desk) -> None:
    five_orders(desk)
    await looking_after(desk).poll("web")
    assert await kept(desk) == ["5001", "5002", "5003", "5004", "5005"]
    assert desk.shop.asked[1:] == [f"GET /orders?after={after}" for after in (0, 2, 4)]
    assert await row(desk, "cursor, polled_at IS NOT NULL, last_in_at IS NOT NULL") == ({"after": 5}, True, True)


async def test_what_is_read_a_second_time_and_has_not_changed_is_kept_once(desk: Desk) -> None:
    five_orders(desk)
    for _ in range(2):
        async with desk.database.write() as connection:
            await statements.keep_page(connection, "web", {}, is_last=True, due_in=timedelta(0))
        await looking_after(desk).poll("web")
    assert len(await kept(desk)) == 5
    async with desk.database.read() as connection:
        ids = (await connection.execute(text("SELECT event_id FROM exchange"))).scalars()
        assert all(event_id.startswith("poll:") and len(event_id) == 69 for event_id in ids)


async def test_a_poll_that_fails_goes_on_with_the_page_that_it_has_not_read(desk: Desk) -> None:
    five_orders(desk)
    desk.shop.manners.extend(["well", "well", "down"])
    await looking_after(desk).poll("web")
    assert await kept(desk) == ["5001", "5002"]
    assert await row(desk, "cursor, polled_at, failure") == ({"after": 2}, None, "status 502")

    await due(desk)
    await looking_after(desk).poll("web")
    assert await kept(desk) == ["5001", "5002", "5003", "5004", "5005"]
    assert await row(desk, "failure") == (None,)


async def test_a_page_is_kept_with_its_place_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    five_orders(desk)

    async def dies(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as dying:
        dying.setattr(statements, "keep_page", dies)
        with pytest.raises(ConnectionError):
            await looking_after(desk).poll("web")
    assert await kept(desk) == []
    assert await row(desk, "cursor") == ({},)


async def test_a_poll_is_done_by_one_process_at_a_time_and_again_when_its_time_has_come(desk: Desk) -> None:
    five_orders(desk)
    await looking_after(desk).poll("web")
    other = Conversations(desk.database, Networks())
    await Connections(OrderTransactions(desk.database, Networks()), other).poll("web")
    other.close()
    assert len(desk.shop.asked) == 4, "it is not due"
    assert await row(desk, "round(extract(epoch FROM poll_due_at - polled_at)) = 60") == (True,)

    desk.shop.change("5002", ("1", "41", 9))
    await due(desk)
    await looking_after(desk).poll("web")
    assert len(desk.shop.asked) == 5


async def test_a_shop_that_asks_to_wait_is_not_asked_before(desk: Desk) -> None:
    desk.shop.manners.extend(["well", "busy"])
    await looking_after(desk).poll("web")
    assert await row(desk, "poll_due_at > clock_timestamp() + interval '59 minutes'") == (True,)


async def test_a_shop_that_refuses_our_credentials_is_an_exception_until_it_has_others(
    desk: Desk,
) -> None:
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS | {"client_id": "somebody"})
    await looking_after(desk).poll("web")
    assert await row(desk, "poll_due_at > clock_timestamp() + interval '9 minutes'") == (True,)
    await due(desk)
    await looking_after(desk).poll("web")
    assert await exceptions(desk) == [("channel_refused", "web", True)], "one, however often it is refused"

    five_orders(desk)
    async with desk.database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
    await looking_after(desk).poll("web")
    assert len(await kept(desk)) == 5
    assert await exceptions(desk) == [("channel_refused", "web", False)]


async def open_faults(desk: Desk) -> list[str]:
    """The open exceptions about what does not work of the connection."""
    async with desk.database.read() as connection:
        found = await connection.execute(
            text("SELECT detail FROM exception WHERE code = 'connection_fault' AND resolved_at IS NULL")
        )
        return list(found.scalars())


async def change_row(desk: Desk, change: str) -> None:
    async with desk.database.write() as connection:
        await connection.execute(text(f"UPDATE connection SET {change}"))
    await due(desk)


async def test_a_shop_that_cannot_be_asked_for_two_hours_is_an_exception_until_it_can(desk: Desk) -> None:
    after = looking_after(desk)
    for failing, opened in (("1 hour 50 minutes", 0), ("2 hours 1 minute", 1), ("3 hours", 1)):
        desk.shop.manners.extend(["well", "down"] if opened == 0 else ["down"])
        await change_row(desk, f"poll_failing_since = clock_timestamp() - interval '{failing}'")
        await after.poll("web")
        assert len(await open_faults(desk)) == opened, failing
    [detail] = await open_faults(desk)
    assert detail.startswith("web cannot be asked for what has changed since ")
    assert detail.endswith(": status 502. It is tried again and again; nothing is lost meanwhile")

    await due(desk)
    await after.poll("web")
    assert await open_faults(desk) == []
    assert await row(desk, "poll_failing_since") == (None,)


async def test_a_poll_that_fails_for_a_reason_of_ours_counts_as_one_that_fails(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(exchange, "keep", breaks)
    five_orders(desk)
    await change_row(desk, "poll_failing_since = clock_timestamp() - interval '3 hours'")
    with pytest.raises(ZeroDivisionError):
        await looking_after(desk).poll("web")
    [detail] = await open_faults(desk)
    assert "for a reason of ours: ZeroDivisionError" in detail


CLICK = "web: orders may not be read: open Settings > Apps > Permissions, tick “Orders”"


async def test_a_shop_is_checked_daily_and_what_it_took_away_is_an_exception_until_it_is_given_back(desk: Desk) -> None:
    after = looking_after(desk)
    await after.poll("web")
    assert "GET /shop" not in desk.shop.asked, "nobody has run `connect`"
    await after.check("web")
    assert await row(desk, "check_due_at BETWEEN now() + interval '23 hours' AND now() + interval '1 day'") == (True,)

    desk.shop.may_read = False
    await due(desk)
    await after.poll("web")
    assert await open_faults(desk) == [], "its check is not due"
    await change_row(desk, "check_due_at = clock_timestamp()")
    await after.poll("web")
    assert await open_faults(desk) == [CLICK]

    async with desk.database.write() as connection:
        await connection.execute(text("UPDATE exception SET resolved_at = clock_timestamp()"))
    await change_row(desk, "check_due_at = clock_timestamp()")
    await after.poll("web")
    assert await open_faults(desk) == [], "a person has resolved it"

    for may_read, opened in ((True, []), (False, [CLICK]), (True, [])):
        desk.shop.may_read = may_read
        await after.check("web")
        assert await open_faults(desk) == opened


async def test_a_shop_whose_answer_cannot_be_read_is_checked_at_once_and_not_with_each_try(desk: Desk) -> None:
    after = looking_after(desk)
    await after.check("web")
    desk.shop.may_read = False
    desk.shop.manners.append("garbage")
    await after.poll("web")
    assert await open_faults(desk) == [CLICK]
    asked = desk.shop.asked.count("GET /shop")
    desk.shop.manners.append("garbage")
    await due(desk)
    await after.poll("web")
    assert desk.shop.asked.count("GET /shop") == asked


async def exceptions(desk: Desk) -> list[tuple[object, ...]]:
    """Every exception: its code, what it is about, and whether it is open."""
    async with desk.database.read() as connection:
        found = await connection.execute(text("SELECT code, subject, resolved_at IS NULL FROM exception"))
        return [tuple(one) for one in found]


async def test_a_channel_that_the_network_does_not_name_any_more_is_not_asked(desk: Desk) -> None:
    (desk.directory / "channels.toml").unlink()
    assert await apply_network(desk.database_url, desk.directory) == []
    await looking_after(desk).poll("web")
    assert desk.shop.asked == []
    write_channels(desk.directory, desk.shop.api)
    assert await apply_network(desk.database_url, desk.directory) == []
    await due(desk)
    await looking_after(desk).poll("web")
    assert desk.shop.asked == ["POST /token", "GET /orders?after=0"]


async def test_visits_begin_what_is_due_and_say_when_to_come_again(desk: Desk) -> None:
    five_orders(desk)
    after = looking_after(desk)
    assert await after.visit() is None
    while not await kept(desk) or not (await row(desk, "polled_at"))[0]:
        pass
    wait = await after.visit()
    assert wait is not None
    assert timedelta(0) < wait <= timedelta(minutes=1)
    await after.close()
    async with desk.database.read() as connection:
        assert await exchange.channels(connection) == ["web"]
