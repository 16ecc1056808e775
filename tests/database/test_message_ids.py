"""A message id that a node uses for two orders at the same moment belongs to the one that is stored first."""

import asyncio

import pytest

from database.connect import Database
from database.outbox.inbox import UsedWithAnotherBody
from domain.fulfillment import MessageKind, RequestStatus
from tests.database.shop import NEAREST, Shop
from tests.house import ANSWERS_WITHIN_SECONDS

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO inbox%'"
STORED = "SELECT count(*) FROM inbox WHERE message_id = :message"


async def test_of_two_orders_that_get_one_message_id_at_once_one_keeps_it_and_the_other_says_so(
    database: Database,
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    first, second = await shop.released(("CHAIR", 1)), await shop.released(("CHAIR", 1))
    async with shop.transactions.open(first) as work:
        await work.connection.exec_driver_sql(
            "INSERT INTO inbox (sender, message_id, about, body_digest, kind, occurred_at, received_at, actor, facts)"
            f" VALUES ('{NEAREST}', 'twice', '{first}-f1', 'v1:other', 'accepted', now(), now(), 'node', '{{}}')"
        )
        late = asyncio.create_task(shop.tell(second, MessageKind.ACCEPTED, message_id="twice"))
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not await shop.number(WAITS):  # noqa: ASYNC110  (nothing says when)
                await asyncio.sleep(0.01)
    with pytest.raises(UsedWithAnotherBody):
        await late
    assert await shop.number(STORED, message="twice") == 1
    assert (await shop.state(second)).fulfillment_orders[0].request is RequestStatus.SENT, "nothing was accepted"
    await shop.check()


async def test_a_message_that_comes_ten_times_at_once_is_stored_and_applied_once(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.released(("CHAIR", 1))
    at = (await shop.state(order)).fulfillment_orders[0].released_at
    answers = await asyncio.gather(*(shop.tell(order, MessageKind.SHIPPED, message_id="ten", at=at) for _ in range(10)))
    assert sorted(answers) == [False] * 9 + [True]
    assert (await shop.units(order))["shipped"] == 1
    await shop.check()
