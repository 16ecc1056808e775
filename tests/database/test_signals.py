"""A signal leaves after the transaction that wrote it has committed, and never without it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.connect import Database, WriteConnection
from database.outbox.signal import CHANGED, Signal
from database.sealing import MasterKeys
from domain.fulfillment import MessageKind
from tests.database.shop import NEAREST, Shop
from tests.house import MASTER_KEYS
from transactions.network import Networks
from transactions.transaction import OrderTransactions

WORKFLOW = "order-web-1"
END = text("SELECT pg_terminate_backend(:process)")
OWED = "SELECT count(*) FROM wake WHERE order_id = :order"


class Noting(Database):
    """The facts, and a diary of what is committed and what is sent."""

    def __init__(self, url: str, master_keys: MasterKeys) -> None:
        """The diary is empty."""
        super().__init__(url, master_keys)
        self.diary: list[str] = []

    @asynccontextmanager
    async def write(self, first: str = "") -> AsyncIterator[WriteConnection]:
        """One transaction; noted when it has committed."""
        async with super().write(first) as connection:
            yield connection
        self.diary.append("committed")

    def send(self, signals: Sequence[Signal]) -> None:
        """Note what is sent, and of what workflows."""
        self.diary.append("sent " + " ".join(f"{signal.signal} to {signal.workflow_id}" for signal in signals))


async def test_signals_leave_together_after_the_commit_and_stay_in_the_outbox(database: Database) -> None:
    shop = await Shop.open(database)
    order = await shop.place(("CHAIR", 1))
    noting = Noting(database.engine.url.render_as_string(hide_password=False), MASTER_KEYS)
    async with OrderTransactions(noting, Networks(), noting.send).begin() as transaction:
        for name in ("first", "second"):
            await transaction.signal(WORKFLOW, order, name, {})
        assert noting.diary == []
    assert noting.diary == ["committed", f"sent first to {WORKFLOW} second to {WORKFLOW}"]
    assert await shop.number(OWED, order=order) == 2
    await noting.close()


async def test_a_transaction_that_raises_sends_nothing_and_owes_nothing(database: Database) -> None:
    shop = await Shop.open(database)
    order = await shop.place(("CHAIR", 1))

    async def raises() -> None:
        async with shop.transactions.begin() as transaction:
            await transaction.signal(WORKFLOW, order, CHANGED, {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await raises()
    assert (shop.sent, await shop.number(OWED, order=order)) == ([], 0)


async def test_a_transaction_whose_commit_fails_sends_nothing_and_owes_nothing(database: Database) -> None:
    shop = await Shop.open(database)
    order = await shop.place(("CHAIR", 1))

    async def loses_its_connection() -> None:
        async with shop.transactions.begin() as transaction:
            await transaction.signal(WORKFLOW, order, CHANGED, {})
            process = (await transaction.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.write() as other:
                await other.execute(END, {"process": process})

    with pytest.raises(DBAPIError) as lost:
        await loses_its_connection()
    assert lost.value.connection_invalidated
    assert (shop.sent, await shop.number(OWED, order=order)) == ([], 0)


async def test_what_is_stored_together_with_an_order_sends_its_signals_too(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=1)
    order = await shop.released(("CHAIR", 1))
    at = datetime.now(UTC)
    reported = [await shop.tell(order, MessageKind.SHIPPED, message_id="told-twice", at=at) for _ in range(2)]
    assert reported == [True, False]
    assert [(signal.signal, signal.order) for signal in shop.sent] == [("node_message", order)]
