"""Connected channels are notified until they have taken what is owed; nothing is lost or done twice, nothing overtakes."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from channels.channel import Conversation, Later, Misfit, Notice, Outcome, Refused, Request, Settings
from channels.kinds import KINDS
from database.audit.invariants import examine
from database.connect import Database
from database.documents import exception as documents
from domain.fulfillment import MessageKind
from domain.network import ExceptionRules
from domain.request import ForgetRequest
from jobs.channel_notice import ChannelNoticeSender
from tests.database.connected import (
    KIND,
    StandInConversations,
    StandInKind,
    StandInShop,
    connected_shop,
    rows,
    ship,
    sold_through,
    time_passes,
)
from tests.database.shop import Shop
from tests.database.test_void import say
from transactions import channel_notice
from transactions.personal import forget

TEXT = "the tracking number is not one of the carrier's"


@pytest.fixture
async def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(KINDS, KIND, StandInKind())
    return await connected_shop(database)


@pytest.fixture
def channel() -> StandInShop:
    return StandInShop()


@pytest.fixture
def sender(shop: Shop, channel: StandInShop) -> ChannelNoticeSender:
    return ChannelNoticeSender(shop.transactions, StandInConversations(channel, StandInKind()))


async def serve(sender: ChannelNoticeSender) -> None:
    """One visit, to its end."""
    await sender.visit()
    await asyncio.gather(*sender._serving.values())


@dataclass
class Picky(StandInKind):
    """A shop that cannot take the notices of one order: it asks to wait, or answers what cannot be read."""

    external: str = ""
    manner: str = "waits"

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Like its class, but for the one order."""
        if notice.external == self.external and self.manner == "waits":
            return Later("the item is not stocked there yet")
        if notice.external == self.external and self.manner == "is unreadable":
            yield Request("GET", f"/orders/{notice.external}")
            raise Misfit("the answer is no JSON")
        return (yield from super().notify(settings, notice))


async def an_hour_passes(shop: Shop) -> None:
    await time_passes(shop)
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE channel_notice SET recorded_at = recorded_at - interval '1 hour'")


async def standing(shop: Shop) -> list[tuple[str, str]]:
    """Every notice with its kind and what became of it, the oldest first."""
    found = await rows(
        shop,
        """
        SELECT kind, CASE WHEN notified_at IS NOT NULL THEN 'taken' WHEN due_at IS NOT NULL THEN 'owed' ELSE 'refused' END AS s
        FROM channel_notice ORDER BY event_id
        """,
    )
    return [(row["kind"], row["s"]) for row in found]


async def exceptions(shop: Shop) -> list[Mapping[str, Any]]:
    return await rows(
        shop,
        """
        SELECT exception_id, order_id, fulfillment_order_id, detail, closed_cause, closed_actor,
               resolved_at IS NULL AS is_open
        FROM exception WHERE code = 'channel_refused' ORDER BY since
        """,
    )


async def test_the_shop_makes_one_fulfillment_for_each_parcel(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 3)
    await ship(shop, order, 1)
    await ship(shop, order, 2)

    await serve(sender)

    assert channel.units == {f"gid-{order}": 3}
    assert len(channel.standing[f"gid-{order}"]) == 2
    assert await standing(shop) == [("shipped", "taken")] * 2
    (kept,) = await rows(shop, "SELECT ids, last_out_at FROM channel_order JOIN connection USING (channel)")
    assert sorted(kept["ids"].values()) == ["gid-1", "gid-2"]
    assert kept["last_out_at"] is not None


@pytest.mark.parametrize("manner", ["lost", "done_unanswered"])
@pytest.mark.parametrize("request_number", range(4))
async def test_a_request_without_an_answer_is_not_known_to_have_failed_and_nothing_is_fulfilled_twice(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender, manner: str, request_number: int
) -> None:
    order = await sold_through(shop, 2)
    await ship(shop, order)
    await ship(shop, order)
    channel.manners.extend(["well"] * request_number + [manner])

    for _ in range(3):
        await serve(sender)
        await time_passes(shop)

    assert channel.units == {f"gid-{order}": 2}
    assert await standing(shop) == [("shipped", "taken")] * 2


async def test_while_a_notice_waits_later_ones_of_its_order_wait_and_other_orders_go_on(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    first, other = await sold_through(shop), await sold_through(shop)
    await ship(shop, first)
    await ship(shop, first)
    channel.manners.append("lost")
    await serve(sender)
    await ship(shop, other)

    await serve(sender)

    assert channel.units == {f"gid-{other}": 1}
    assert await standing(shop) == [("shipped", "owed"), ("shipped", "owed"), ("shipped", "taken")]
    waits = await rows(shop, "SELECT due_at FROM channel_notice WHERE order_id = :order", order=first)
    assert waits[0] == waits[1], "what waits behind it is not looked at before"


@pytest.mark.parametrize("manner", ["waits", "is unreadable"])
async def test_an_order_that_has_to_wait_keeps_no_other_order_waiting(
    shop: Shop, channel: StandInShop, manner: str
) -> None:
    orders = [await sold_through(shop, 1) for _ in range(8)]
    for order in orders:
        await ship(shop, order)
    picky = Picky(f"gid-{orders[0]}", manner)

    await serve(ChannelNoticeSender(shop.transactions, StandInConversations(channel, picky)))

    assert set(channel.units) == {f"gid-{order}" for order in orders[1:]}
    assert await standing(shop) == [("shipped", "owed"), *[("shipped", "taken")] * 7]


async def test_a_channel_that_does_not_answer_is_asked_about_no_other_order(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    for _ in range(8):
        await ship(shop, await sold_through(shop, 1))
    channel.manners.extend(["lost"] * 20)

    await serve(sender)

    assert len(channel.asked) == 5, "those that were asked at once"


async def test_after_an_hour_of_tries_a_person_learns_what_waits_and_the_exception_closes_when_the_shop_takes_it(
    shop: Shop, channel: StandInShop
) -> None:
    order = await sold_through(shop, 1)
    await ship(shop, order)
    picky = Picky(f"gid-{order}")
    sender = ChannelNoticeSender(shop.transactions, StandInConversations(channel, picky))
    await serve(sender)
    assert await exceptions(shop) == [], "to wait for a while is no exception"

    await an_hour_passes(shop)
    await serve(sender)
    await time_passes(shop)
    await serve(sender)

    (opened,) = await exceptions(shop)
    assert (opened["order_id"], opened["fulfillment_order_id"], opened["is_open"]) == (order, f"{order}-f1", True)
    assert opened["detail"].startswith("web has not taken the notice “shipped” since ")
    assert opened["detail"].endswith("; it is sent again and again: the item is not stocked there yet")
    assert await standing(shop) == [("shipped", "owed")], "the tries go on"

    shop.sent.clear()
    picky.external = ""
    await time_passes(shop)
    await serve(sender)

    (closed,) = await exceptions(shop)
    assert not closed["is_open"]
    assert (closed["closed_cause"].split()[0], closed["closed_actor"]) == ("notice", "channel:web")
    assert [signal.order for signal in shop.sent] == [order]
    assert await standing(shop) == [("shipped", "taken")]


async def test_a_person_who_knows_that_it_waits_is_not_asked_a_second_time(shop: Shop, channel: StandInShop) -> None:
    order = await sold_through(shop, 1)
    await ship(shop, order)
    sender = ChannelNoticeSender(shop.transactions, StandInConversations(channel, Picky(f"gid-{order}")))
    await an_hour_passes(shop)
    await serve(sender)
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE exception SET resolved_at = clock_timestamp()")
    shop.sent.clear()

    await time_passes(shop)
    await serve(sender)

    assert [one["is_open"] for one in await exceptions(shop)] == [False]
    assert shop.sent == []
    assert await standing(shop) == [("shipped", "owed")], "it is still tried"


async def test_a_shop_that_is_silent_for_an_hour_is_one_exception_and_not_one_for_each_order(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    for _ in range(3):
        await ship(shop, await sold_through(shop, 1))
    channel.manners.extend(["lost"] * 6)
    await an_hour_passes(shop)
    await serve(sender)
    await time_passes(shop)
    await serve(sender)

    (opened,) = await exceptions(shop)
    assert (opened["order_id"], opened["is_open"]) == (None, True)
    assert opened["detail"].startswith("web does not take what it is to be notified of: no answer; the oldest notice")

    await time_passes(shop)
    sender.end_the_rest("web")
    await serve(sender)

    (closed,) = await exceptions(shop)
    assert (closed["is_open"], closed["closed_actor"]) == (False, "channel:web")
    assert await standing(shop) == [("shipped", "taken")] * 3


async def test_a_channel_that_asks_us_to_wait_is_asked_again_only_then(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    await ship(shop, await sold_through(shop))
    channel.manners.append("throttled")

    await serve(sender)
    await serve(sender)

    assert len(channel.asked) == 1
    (wait,) = await rows(shop, "SELECT extract(epoch FROM due_at - clock_timestamp())::int AS s FROM channel_notice")
    assert 240 < wait["s"] <= 300
    assert await exceptions(shop) == [], "to wait is no exception"


async def test_what_the_shop_refuses_is_an_exception_with_its_own_text_and_other_work_of_the_order_goes_on(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop)
    channel.manners.extend(["well", "refused"])
    await ship(shop, order)
    await serve(sender)

    await shop.tell(order, MessageKind.DELIVERED, {"1": 1})
    await shop.cancel(order, {"1": 1})
    await shop.tell(order, MessageKind("cancel_accepted"))
    await serve(sender)

    (opened,) = await exceptions(shop)
    assert opened["fulfillment_order_id"] == f"{order}-f1"
    assert opened["detail"] == f"web does not take the notice “shipped”: {TEXT}"
    waits_for_the_person = ("delivered", "owed")
    assert await standing(shop) == [("shipped", "refused"), waits_for_the_person, ("cancelled", "taken")]


async def test_what_the_shop_refused_is_sent_again_when_the_node_corrects_its_package(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    channel.manners.extend(["well", "refused"])
    await ship(shop, order)
    await serve(sender)
    assert await standing(shop) == [("shipped", "refused")]

    [parcel] = await rows(shop, "SELECT package FROM package")
    right = {"package": parcel["package"], "tracking": "1Z-RIGHT"}
    await say(shop, f"{order}-f1", "shipped", lines=[], packages=[right])
    await serve(sender)

    assert await standing(shop) == [("shipped", "taken")]
    assert [one["is_open"] for one in await exceptions(shop)] == [False]


async def test_a_retry_sends_it_again_and_the_exception_closes_when_the_shop_takes_it(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    channel.manners.extend(["well", "refused"])
    await ship(shop, order)
    await serve(sender)
    await shop.tell(order, MessageKind.DELIVERED)
    shop.sent.clear()

    assert await channel_notice.retry(shop.transactions, "web") == 1
    await serve(sender)

    assert await standing(shop) == [("shipped", "taken"), ("delivered", "taken")]
    (closed,) = await exceptions(shop)
    assert not closed["is_open"]
    assert (closed["closed_cause"].split()[0], closed["closed_actor"]) == ("notice", "channel:web")
    assert [signal.order for signal in shop.sent] == [order], "its workflow shows no exception any more"
    assert channel.units == {f"gid-{order}": 1}


async def test_what_is_refused_again_is_one_exception_with_the_newest_text(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    channel.manners.extend(["well", "refused", "well", "refused"])
    await ship(shop, await sold_through(shop, 1))
    await serve(sender)

    assert await channel_notice.retry(shop.transactions, "web") == 1
    await serve(sender)

    assert [one["is_open"] for one in await exceptions(shop)] == [False, True]


async def test_what_a_person_leaves_is_not_sent_again_and_nothing_waits_for_it(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    channel.manners.extend(["well", "refused"])
    await ship(shop, order)
    await serve(sender)
    await shop.tell(order, MessageKind.DELIVERED)
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE exception SET resolved_at = clock_timestamp()")

    assert await channel_notice.retry(shop.transactions, "web") == 0
    await serve(sender)

    assert await standing(shop) == [("shipped", "refused"), ("delivered", "taken")]


async def test_the_exception_offers_to_send_it_again(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    channel.manners.extend(["well", "refused"])
    await ship(shop, await sold_through(shop, 1))
    await serve(sender)

    (opened,) = await exceptions(shop)
    async with shop.database.read() as connection:
        shown = await documents.show(connection, opened["exception_id"], ExceptionRules())
    assert shown is not None
    assert shown["actions"][0] == "retry"


async def test_a_channel_that_is_silent_for_a_week_becomes_an_exception_and_no_unit_is_lost(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    await ship(shop, order)
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE channel_notice SET recorded_at = recorded_at - interval '7 days'")
    channel.manners.append("lost")
    await serve(sender)

    assert [one["detail"] for one in await exceptions(shop)] == [
        "web does not take the notice “shipped”: it could not be sent for 7 days, at last: no answer"
    ]
    assert await channel_notice.retry(shop.transactions, "web") == 1
    await serve(sender)
    assert channel.units == {f"gid-{order}": 1}


async def test_a_retry_during_a_conversation_is_not_undone_by_its_end(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    await ship(shop, await sold_through(shop, 1))
    channel.manners.append("lost")
    conversations = sender._conversations

    class Meanwhile(StandInConversations):
        async def perform(self, request: Any) -> Any:
            await channel_notice.retry(shop.transactions, "web")
            return await super().perform(request)

    assert isinstance(conversations, StandInConversations)
    await serve(ChannelNoticeSender(shop.transactions, Meanwhile(channel, StandInKind())))

    assert await rows(shop, "SELECT 1 FROM channel_notice WHERE due_at <= clock_timestamp() AND tries = 0")


async def test_an_error_of_ours_stops_no_other_order_and_needs_a_person_when_it_stays(
    shop: Shop, channel: StandInShop
) -> None:
    broken, sound = await sold_through(shop, 1), await sold_through(shop, 1)

    class Faulty(StandInKind):
        def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
            if notice.external == f"gid-{broken}":
                raise KeyError("lines")
            return (yield from super().notify(settings, notice))

    sender = ChannelNoticeSender(shop.transactions, StandInConversations(channel, Faulty()))
    await ship(shop, broken)
    await ship(shop, sound)
    for _ in range(6):
        await serve(sender)
        await time_passes(shop)

    assert channel.units == {f"gid-{sound}": 1}
    (opened,) = await exceptions(shop)
    assert opened["order_id"] == broken
    assert "an error of Switchyard, KeyError" in opened["detail"]


async def test_two_senders_never_notify_of_the_same_order_at_once(shop: Shop, channel: StandInShop) -> None:
    for _ in range(3):
        order = await sold_through(shop)
        await ship(shop, order)
        await ship(shop, order)
    under_way: list[str] = []
    most = 0

    class Slow(StandInConversations):
        async def perform(self, request: Any) -> Any:
            nonlocal most
            name = request.path.split("/")[2]
            assert name not in under_way
            under_way.append(name)
            most = max(most, len(under_way))
            await asyncio.sleep(0.1)  # time for the other one to begin
            answer = await super().perform(request)
            under_way.remove(name)
            return answer

    senders = [ChannelNoticeSender(shop.transactions, Slow(channel, StandInKind())) for _ in range(2)]
    await asyncio.gather(*map(serve, senders))

    assert most > 1, "different orders are notified of at once"
    assert set(channel.units.values()) == {2}
    assert await standing(shop) == [("shipped", "taken")] * 6


async def test_what_a_channel_that_is_connected_no_more_is_owed_waits(shop: Shop, channel: StandInShop) -> None:
    conversations = StandInConversations(channel, StandInKind(), is_connected=False)
    sender = ChannelNoticeSender(shop.transactions, conversations)
    await ship(shop, await sold_through(shop, 1))
    await serve(sender)
    assert await standing(shop) == [("shipped", "owed")]

    conversations.is_connected = True
    await serve(sender)

    assert await standing(shop) == [("shipped", "taken")]


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        ("UPDATE channel_notice SET kind = 'delivered'", "each of an order that came through its connection"),
        ("UPDATE channel_notice SET due_at = clock_timestamp()", "no connected channel is notified of an event twice"),
        ("UPDATE channel_notice SET notified_at = NULL", "what it refused has an exception"),
    ],
)
async def test_the_audit_finds_notices_of_nothing_and_notices_that_would_be_sent_again_or_never(
    shop: Shop, sender: ChannelNoticeSender, breaks: str, sentence: str
) -> None:
    await ship(shop, await sold_through(shop, 1))
    await serve(sender)
    async with shop.database.read() as connection:
        assert [finding.sentence for finding in await examine(connection) if finding.violations] == []

    async with shop.database.write() as connection:
        await connection.exec_driver_sql(breaks)
    async with shop.database.read() as connection:
        (found,) = [finding for finding in await examine(connection) if finding.violations]

    assert sentence in found.sentence


async def test_what_the_channel_said_is_erased_with_its_order(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    channel.manners.extend(["well", "refused"])
    await ship(shop, order)
    await serve(sender)

    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")

    kept = await rows(shop, "SELECT refused AS said FROM channel_notice UNION ALL SELECT detail FROM exception")
    assert not [row for row in kept if TEXT in row["said"]]


async def test_a_forgotten_order_keeps_what_the_channel_calls_its_parcels_without_the_names_that_a_node_chose(
    shop: Shop, sender: ChannelNoticeSender
) -> None:
    order = await sold_through(shop, 1)
    await ship(shop, order)
    [parcel] = await rows(shop, "SELECT fulfillment_order_id || '/' || package AS name FROM package")
    made = {f"{parcel['name']}": "gid/1", f"{parcel['name']}.2": "gid/2", f"package {parcel['name']}": "7", "855": "6"}
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE channel_order SET ids = CAST(:ids AS jsonb)"), {"ids": json.dumps(made)})

    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")

    [hidden] = await rows(shop, "SELECT fulfillment_order_id || '/' || package AS name FROM package")
    assert hidden["name"] != parcel["name"]
    [kept] = await rows(shop, "SELECT ids FROM channel_order")
    assert kept["ids"] == {name.replace(parcel["name"], hidden["name"]): value for name, value in made.items()}


async def test_what_a_channel_took_before_it_refused_the_rest_is_kept(
    shop: Shop, channel: StandInShop, sender: ChannelNoticeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: StandInKind, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        yield from ()
        return Refused("no", {"f1/1": "gid/1"})

    monkeypatch.setattr(StandInKind, "notify", refuses)
    await ship(shop, await sold_through(shop, 1))
    await serve(sender)

    [kept] = await rows(shop, "SELECT ids FROM channel_order")
    assert kept["ids"] == {"f1/1": "gid/1"}
