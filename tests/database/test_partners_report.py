"""What a buyer may charge back stands in figures: late, incomplete, with wrong documents, and who acknowledged in time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from database.connect import Database
from database.documents import report
from database.documents.report import Group, PartnersReport, Period
from tests.database.trade import Trade, a_997, change, file, new

SIX = "PO1*1*6*EA*9.95**VN*WIDGET-001"
NOW = datetime.now(UTC)


@pytest.fixture
async def trade(database: Database, tmp_path: Path) -> AsyncIterator[Trade]:
    """A shop with a buyer to whom 856s are corrected."""
    agreed = 'test = true\nwrong_notices = "replace"\nwrong_invoices = "810"'
    opened = await Trade.open(database, tmp_path, agreed)
    await opened.stock(WIDGET_001=50)
    yield opened
    await opened.close()


async def figures(trade: Trade) -> dict[str, Any]:
    """The figures of the buyer, which are those of all."""
    async with trade.shop.database.read() as connection:
        around = Period(NOW - timedelta(days=3), NOW + timedelta(days=3))
        found = await report.read(connection, PartnersReport, Group.CHANNEL, around)
    row: dict[str, Any]
    (row,) = found["rows"]
    assert row.pop("channel") == "buyco"
    assert row == found["total"]
    return row


def due(number: str, on: datetime) -> str:
    """An 850 that names the day until which its goods must leave."""
    return new(number, SIX).replace("N1*ST", f"DTM*010*{on:%Y%m%d}~N1*ST", 1)


async def placed(trade: Trade, number: str, on: datetime, control: int) -> str:
    """An order of six that its node has."""
    trade.send(file(due(number, on), control=control))
    await trade.look()
    name = f"buyco-{number.lower()}"
    await trade.plan(name)
    return name


async def test_an_order_that_left_in_time_and_whole_with_documents_that_were_taken(trade: Trade) -> None:
    name = await placed(trade, "A-1", NOW + timedelta(days=2), 42)
    await trade.ship(name, {"c1": {"1": 6}})
    await trade.look()
    for number, one in enumerate(one for one in trade.collect() if one.groups[0].function != "FA"):
        trade.send(a_997(one, control=900 + number))
    await trade.look()

    found = await figures(trade)

    assert found.pop("hours_to_confirm") is not None
    assert found.pop("hours_to_notice") is not None
    assert found == {
        "orders": 1,
        "in_time": 1,
        "late": 0,
        "in_time_rate": 1.0,
        "complete": 1,
        "incomplete": 0,
        "complete_rate": 1.0,
        "confirmed": 1,
        "notices": 1,
        "notices_right": 1,
        "notices_right_rate": 1.0,
        "documents": 3,
        "acknowledged_in_time": 3,
        "acknowledged_rate": 1.0,
    }


async def test_what_is_late_incomplete_corrected_or_noted_as_wrong_or_not_acknowledged_counts_against_us_or_the_buyer(
    trade: Trade,
) -> None:
    name = await placed(trade, "B-1", NOW - timedelta(days=2), 42)
    await trade.shop.cancel(name, {"1": 1})
    await trade.ship(name, {"c1": {"1": 3}, "c2": {"1": 2}})
    other = await placed(trade, "B-2", NOW + timedelta(days=2), 43)
    await trade.ship(other, {"d1": {"1": 6}})
    await trade.look()
    notices = [one for one in trade.collect() if one.groups[0].function == "SH"]
    for number, (one, verdict) in enumerate(zip(notices, "AE", strict=True)):
        trade.send(a_997(one, verdict, 900 + number))
    await trade.look()
    await trade.void(name, "c2")
    await trade.look()
    await trade.ship(name, {"c3": {"1": 2}})
    await trade.change("UPDATE x12_document SET answer_by = clock_timestamp() WHERE code = '855'")
    await trade.look()

    found = await figures(trade)

    assert (found["in_time"], found["late"]) == (1, 1)
    assert (found["complete"], found["incomplete"]) == (1, 1), "a unit that we cancelled is missing"
    assert (found["notices"], found["notices_right"]) == (2, 0), "one was corrected, and of one an error was noted"
    assert (found["documents"], found["acknowledged_in_time"]) == (4, 2), "both 855s are late"


async def test_what_the_buyer_took_back_is_not_missing(trade: Trade) -> None:
    name = await placed(trade, "C-1", NOW + timedelta(days=2), 42)
    trade.send(file(change("C-1", "POC*1*QD*5**EA"), control=43, function="PC"))
    await trade.look()
    await trade.ship(name, {"c1": {"1": 5}})
    found = await figures(trade)
    assert (found["complete"], found["incomplete"]) == (1, 0)


async def test_orders_that_did_not_come_by_edi_are_not_in_it(trade: Trade) -> None:
    await trade.shop.place(("CHAIR", 1))
    async with trade.shop.database.read() as connection:
        period = Period(NOW - timedelta(days=3), NOW + timedelta(days=3))
        assert (await report.read(connection, PartnersReport, Group.DAY, period))["rows"] == []
