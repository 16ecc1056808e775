"""What is personal of an order is erased by itself where its channel lets it be kept for some days after the delivery only."""

from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import text

from channels.channel import ChannelKind
from channels.kinds import KINDS
from database import personal
from database.connect import Database, ReadConnection
from domain.network import Connection, Network
from tests.database.connected import CHANNEL, KIND, StandInKind, connected_shop, rows, ship, sold_through
from tests.database.shop import Shop
from transactions.network import Networks
from transactions.personal import forget_old
from transactions.transaction import OrderTransactions


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, KIND, cast(ChannelKind, StandInKind()))


class WithRetention(Networks):
    """The network whose connected channel lets personal data be kept for 30 days."""

    async def version(self, connection: ReadConnection, version: int | None) -> tuple[int, Network]:
        number, network = await super().version(connection, version)
        known = Connection(CHANNEL, KIND, "https://shop.example", {"forget_after": "30d"})
        return number, replace(network, connections={CHANNEL: known})


async def days_pass(shop: Shop, order: str, days: int) -> None:
    async with shop.database.write() as connection:
        await connection.execute(
            text(
                "UPDATE fulfillment_order SET shipped_at = clock_timestamp() - make_interval(days => :days) "
                "WHERE order_id = :order AND shipped_at IS NOT NULL"
            ),
            {"order": order, "days": days},
        )


async def test_an_order_is_forgotten_thirty_days_after_all_of_it_left_and_not_before(database: Database) -> None:
    shop = await connected_shop(database)
    recent, old, partly = [await sold_through(shop, 2) for _ in range(3)]
    for order, units in ((recent, 2), (old, 2), (partly, 1)):
        await ship(shop, order, units)
    await days_pass(shop, recent, 29)
    await days_pass(shop, old, 31)
    await days_pass(shop, partly, 31)

    transactions = OrderTransactions(database, WithRetention())
    for _ in range(2):
        await forget_old(transactions)

    assert await rows(shop, "SELECT order_id FROM forgotten") == [{"order_id": old}]
    async with database.read() as connection:
        why = await personal.forgotten(connection, old)
    assert why is not None
    assert (why.actor, why.reason) == ("retention", "forget_after of web: 30 days")


async def test_a_channel_without_such_a_rule_forgets_nothing_by_itself(database: Database) -> None:
    shop = await connected_shop(database)
    order = await sold_through(shop, 1)
    await ship(shop, order, 1)
    await days_pass(shop, order, 400)
    await forget_old(shop.transactions)
    assert await rows(shop, "SELECT order_id FROM forgotten") == []
