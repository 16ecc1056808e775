"""A buyer learns what becomes of units that its 855 said wait for stock: once, as it is when it is written, and by the document
that is agreed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mockedi.testing import Mock

from channels.channel import ChannelKind, Outcome, Settings
from database.connect import Database
from database.outbox.channel_notice import Owed
from domain.stock import StockMessage
from formats.x12.write import written
from jobs.channel_notice import ChannelNoticeSender
from tests.database.shop import MAP, NEAREST
from tests.database.trade import Trade, change, file, new, the_sets
from transactions import peg
from transactions import stock as stock_transactions

BY_855 = 'test = true\nwaiting_units = "855"'
BY_865 = 'test = true\ndocuments = ["855", "856", "810", "865"]\nwaiting_units = "865"'
SELLS = MAP.policy.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true')
SIX = "PO1*1*6*EA*9.95**VN*WIDGET-001"
TODAY = datetime.now(UTC)


@pytest_asyncio.fixture
async def trade(database: Database, tmp_path: Path) -> AsyncIterator[Trade]:
    """A shop whose buyer gets another 855."""
    opened = await Trade.open(database, tmp_path, BY_855, SELLS)
    yield opened
    await opened.close()


async def ordered(trade: Trade, number: str, *lines: str, stock: int) -> str:
    """An order that was answered, of which only so many units have a node; answers its id."""
    await trade.stock(WIDGET_001=stock)
    trade.send(file(new(number, *(lines or (SIX,)))))
    await trade.look()
    await trade.plan(f"buyco-{number.lower()}")
    return f"buyco-{number.lower()}"


async def comes(trade: Trade, order: str, units: int) -> None:
    """Goods come in, and the order that waits gets them."""
    await trade.stock(WIDGET_001=units)
    await trade.shop.backorders.work_off(10)
    await trade.plan(order)


async def said(trade: Trade) -> list[list[str]]:
    """What the buyer is answered, without totals, prices and the day on which it was written; the jobs run twice."""
    await trade.look()
    await trade.time_passes()
    await trade.look()
    sets = the_sets(trade.collect())
    found = sets.get("855", []) + sets.get("865", [])
    return [[_short(line) for line in one if line[:3] in ("BAK", "BCA", "ACK")] for one in found]


def _short(line: str) -> str:
    return line.replace(f"*068*{datetime.now(UTC):%Y%m%d}", "").partition("*20261130")[0]


async def test_units_that_get_a_node_one_after_the_other_are_answered_each_time_and_the_judge_confirms_them(
    trade: Trade,
) -> None:
    with Mock.start() as buyer:
        await trade.stock(WIDGET_001=10)
        lines = [{"sku": "WIDGET-001", "quantity": 24, "price": 12.5}]
        asked = {"partner": "NORTHWIND", "po_number": "4500040", "lines": lines}
        buyer.expect("POST", "/_mock/purchase", asked, status=201)
        buyer.advance(everything=True)
        for row in buyer.mailbox(partner="NORTHWIND", leave=False):
            trade.send(row["payload"])
        await trade.look()
        await trade.plan("buyco-4500040")
        confirmed = []
        for units in (0, 7, 7):
            if units:
                await comes(trade, "buyco-4500040", units)
            await trade.look()
            for one in trade.collect():
                assert buyer.send(written(one).decode())["accepted"]
            buyer.advance(everything=True)
            confirmed.append([line["confirmed"] for line in buyer.order("4500040")["reconciliation"]])

    assert confirmed == [["10"], ["17"], ["24"]]
    assert await trade.exceptions() == []


async def test_an_855_that_follows_replaces_the_earlier_one_and_nothing_is_said_twice(trade: Trade) -> None:
    order = await ordered(trade, "A-1", stock=2)
    assert await said(trade) == [["BAK*00*AC*A-1", "ACK*IQ*2*EA", "ACK*IB*4*EA"]]
    await comes(trade, order, 3)
    assert await said(trade) == [["BAK*05*AC*A-1", "ACK*IQ*5*EA", "ACK*IB*1*EA"]]
    await trade.shop.cancel(order, {"1": 1})
    assert await said(trade) == [["BAK*05*AC*A-1", "ACK*IQ*5*EA", "ACK*IR*1*EA"]]
    await trade.shop.check()
    assert await said(trade) == []


async def test_what_happened_before_the_855_was_written_is_in_it_and_no_other_follows(trade: Trade) -> None:
    order = await ordered(trade, "B-1", stock=2)
    await comes(trade, order, 4)
    assert await said(trade) == [["BAK*00*AD*B-1", "ACK*IA*6*EA"]]


async def test_an_865_names_only_the_lines_that_wait_otherwise(database: Database, tmp_path: Path) -> None:
    trade = await Trade.open(database, tmp_path, BY_865)
    await trade.stock(WIDGET_002=1)
    order = await ordered(trade, "C-1", SIX, "PO1*2*1*EA*8.25**VN*WIDGET-002", stock=2)
    assert await said(trade) == [["BAK*00*AC*C-1", "ACK*IQ*2*EA", "ACK*IB*4*EA", "ACK*IA*1*EA"]]
    await comes(trade, order, 4)
    assert await said(trade) == [["BCA*04*AC*C-1**", "ACK*IA*6*EA"]]
    await trade.close()


async def test_what_the_answer_to_an_860_says_of_waiting_units_is_not_said_again(
    database: Database, tmp_path: Path
) -> None:
    trade = await Trade.open(database, tmp_path, BY_865)
    await ordered(trade, "D-1", stock=2)
    assert len(await said(trade)) == 1
    trade.send(file(change("D-1", "POC*1*QD*3**EA*9.95**VN*WIDGET-001"), control=43, function="PC"))
    assert await said(trade) == [["BCA*00*AD*D-1**1", "ACK*IQ*2*EA", "ACK*IB*1*EA"]]
    await trade.close()


async def announce(trade: Trade, units: int, days: int, of: str | None = None) -> str:
    """Goods are announced, or another day of what was announced; answers the id of the message."""
    kind: dict[str, Any] = {"kind": "expected"} if of is None else {"kind": "expected_changed", "expected": of}
    at = TODAY + timedelta(days=days)
    body = {"message_id": f"goods-{units}-{days}", "node": NEAREST, "occurred_at": TODAY, "expected_at": at} | kind
    message = StockMessage.model_validate(body | {"lines": [{"sku": "WIDGET-001", "quantity": units}]})
    await stock_transactions.record(trade.shop.transactions, message, actor="node")
    await peg.work_off(trade.shop.transactions)
    return str(body["message_id"])


async def leaves_on(trade: Trade) -> str:
    """The day on which the goods that the order waits for can leave."""
    ((at,),) = await trade.rows("SELECT ship_by FROM peg")
    assert isinstance(at, datetime)
    return f"{at.astimezone(UTC):%Y%m%d}"


async def test_the_day_of_announced_goods_is_said_and_said_again_when_it_is_another(trade: Trade) -> None:
    await ordered(trade, "E-1", stock=2)
    assert await said(trade) == [["BAK*00*AC*E-1", "ACK*IQ*2*EA", "ACK*IB*4*EA"]]
    announced = await announce(trade, 4, 9)
    first = await leaves_on(trade)
    assert await said(trade) == [["BAK*05*AC*E-1", "ACK*IQ*2*EA", f"ACK*IB*4*EA*068*{first}"]]
    await announce(trade, 4, 19, of=announced)
    second = await leaves_on(trade)
    assert second > first
    assert await said(trade) == [["BAK*05*AC*E-1", "ACK*IQ*2*EA", f"ACK*IB*4*EA*068*{second}"]]


async def test_units_that_wait_for_a_hold_to_end_are_not_accepted(trade: Trade) -> None:
    order = await ordered(trade, "F-1", stock=2)
    assert len(await said(trade)) == 1
    await trade.shop.hold(order)
    await trade.ship(order, {"c1": {"1": 2}})
    assert await said(trade) == []


async def test_a_short_pick_is_said_only_when_no_other_node_has_the_goods(trade: Trade) -> None:
    order = await ordered(trade, "G-1", stock=6)
    assert await said(trade) == [["BAK*00*AD*G-1", "ACK*IA*6*EA"]]
    await trade.ship(order, {"c1": {"1": 4}}, final=True)
    assert await said(trade) == []
    await trade.plan(order)
    assert await said(trade) == [["BAK*05*AC*G-1", "ACK*IQ*4*EA", "ACK*IB*2*EA"]]


async def test_a_document_is_written_from_the_facts_of_the_moment_when_it_gets_its_number(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await ordered(trade, "H-1", stock=2)
    assert len(await said(trade)) == 1
    await comes(trade, order, 3)
    compute, is_first = ChannelNoticeSender._outcome, [True]

    async def then_another_is_cancelled(
        sender: ChannelNoticeSender, settings: Settings, kind: ChannelKind, owed: Owed
    ) -> tuple[Outcome, int | None]:
        computed = await compute(sender, settings, kind, owed)
        if is_first.pop() if is_first else False:
            await trade.shop.cancel(order, {"1": 1})
        return computed

    monkeypatch.setattr(ChannelNoticeSender, "_outcome", then_another_is_cancelled)
    assert await said(trade) == [["BAK*05*AC*H-1", "ACK*IQ*5*EA", "ACK*IR*1*EA"]]
