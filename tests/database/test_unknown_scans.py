"""Scans of parcels that nobody knows yet are kept, and applied once when the parcel is known; in whatever way that happens."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from carriers.carrier import Scan
from database import unknown_scan as statements
from database.connect import Database
from domain.fulfillment import MessageKind, NodeMessage, Package, Quantity
from domain.request import ForgetRequest
from domain.tracking import ScanKind
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from tests.database.packing_desk import CARRIERS, Desk
from tests.database.shop import MAP, Shop
from tests.database.test_tracking import delivered, refuse_messages_about, row, scan, shipped, store_all_messages
from tests.dying import died_at
from tests.peers.stub_carrier import StubCarrier
from transactions import fulfillment, personal, tracking, unknown_scan
from transactions.tracking import Report

WHOLE_WAY = (
    (ScanKind.LABEL, 0.0),
    (ScanKind.IN_TRANSIT, 2.0),
    (ScanKind.FAILED, 5.0),
    (ScanKind.OUT_FOR_DELIVERY, 8.0),
    (ScanKind.DELIVERED, 9.0),
)


@pytest_asyncio.fixture
async def shop(database: Database, stub: StubCarrier) -> AsyncIterator[Shop]:
    """A shop with two carriers; when the test is over, every invariant must hold."""
    opened = await Shop.open(database, replace(MAP, carriers=CARRIERS))
    yield opened
    await opened.check()


async def kept(shop: Shop) -> int:
    return await shop.number("SELECT count(*) FROM unknown_scan")


async def look(shop: Shop, **later: int) -> None:
    """Time passes, and what is kept is looked for."""
    passed = "UPDATE unknown_scan SET due_at = due_at - {0}, recorded_at = recorded_at - {0}"
    interval = "make_interval(mins => :minutes, days => :days)"
    async with shop.database.write() as connection:
        await connection.execute(text(passed.format(interval)), {"minutes": 2, "days": 0, **later})
    await unknown_scan.apply_kept(shop.transactions)


@pytest.mark.parametrize("seed", range(3))
async def test_scans_that_came_before_their_parcel_was_reported_are_applied_once_by_the_carriers_clock(
    shop: Shop, seed: int
) -> None:
    scans = [scan("T-1", kind, hours) for kind, hours in WHOLE_WAY]
    random.Random(seed).shuffle(scans)
    for one in [*scans, *scans]:
        assert await tracking.report(shop.transactions, "stub", [one]) == Report(0, 0, 1)
    assert await kept(shop) == len(scans), "each once"
    await look(shop)
    assert await kept(shop) == len(scans), "nobody knows it yet"
    order = await shipped(shop)
    await look(shop)
    assert (await delivered(shop, order), await kept(shop)) == (2, 0)
    assert (await row(shop, "T-1"))[:2] == ("delivered", scan("T-1", ScanKind.IN_TRANSIT, 2).at)
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    assert await tracking.report(shop.transactions, "stub", scans) == Report(0, len(scans), 0)


async def test_late_kept_scans_do_not_move_a_status_backwards(shop: Shop) -> None:
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.IN_TRANSIT, 2)])
    order = await shipped(shop)
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.DELIVERED, 9)])
    await look(shop)
    assert (await delivered(shop, order), await kept(shop)) == (2, 0)
    assert (await row(shop, "T-1"))[:2] == ("delivered", scan("T-1", ScanKind.IN_TRANSIT, 2).at)


async def test_scans_are_applied_when_a_wrong_tracking_number_is_corrected(shop: Shop) -> None:
    order = await shipped(shop, number="T-WRONG")
    await tracking.report(shop.transactions, "stub", [scan("T-RIGHT", ScanKind.DELIVERED, 9)])
    await look(shop)
    assert (await delivered(shop, order), await kept(shop)) == (0, 1)
    parcel = Package(package="1", carrier="stub", tracking="T-RIGHT", lines=(Quantity(line="1", quantity=2),))
    message = NodeMessage(
        message_id="corrected", kind=MessageKind.SHIPPED, occurred_at=datetime.now(UTC), packages=(parcel,)
    )
    await fulfillment.record(shop.transactions, f"{order}-f1", message, node=None, actor="node")
    await look(shop)
    assert (await delivered(shop, order), await kept(shop)) == (2, 0)


async def test_scans_are_applied_to_the_parcel_of_a_carrier_that_is_not_in_the_network(shop: Shop) -> None:
    await tracking.report(shop.transactions, "van", [scan("D-7", ScanKind.DELIVERED, 3)])
    order = await shipped(shop, carrier="a driver", number="D-7")
    await look(shop)
    assert (await delivered(shop, order), await kept(shop)) == (2, 0)


async def test_scans_are_applied_when_the_label_with_their_number_is_bought(shop: Shop, stub: StubCarrier) -> None:
    desk = Desk(shop)
    work = await desk.work()
    label = await desk.ask(work)
    number = f"T1{label}".upper()
    await tracking.report(shop.transactions, "stub", [scan(number, ScanKind.IN_TRANSIT, 3)])
    await Labels(shop.transactions, CarrierCalls()).carry_out()
    assert stub.sold[label].tracking == number
    await look(shop)
    assert ((await desk.shown(label))["scan"], await kept(shop)) == ("in_transit", 0)


async def test_nothing_that_can_be_read_stands_in_the_table(shop: Shop) -> None:
    await tracking.report(shop.transactions, "stub", [Scan("T-SECRET", ScanKind.FAILED, "C-SECRET", datetime.now(UTC))])
    async with shop.database.read() as connection:
        stored = str((await connection.execute(text("SELECT u::text FROM unknown_scan u"))).scalars().all())
    assert "SECRET" not in stored
    assert b"SECRET".hex() not in stored


async def test_what_nobody_reports_is_erased_after_thirty_days_and_nothing_earlier(shop: Shop) -> None:
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.IN_TRANSIT, 1)])
    await look(shop, days=29)
    await unknown_scan.erase_old(shop.transactions)
    assert await kept(shop) == 1
    await look(shop, days=2)
    await unknown_scan.erase_old(shop.transactions)
    assert await kept(shop) == 0


async def test_what_is_kept_of_an_orders_parcels_is_erased_with_it(shop: Shop) -> None:
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.IN_TRANSIT, 1)])
    await tracking.report(shop.transactions, "stub", [scan("T-2", ScanKind.IN_TRANSIT, 1)])
    order = await shipped(shop)
    await personal.forget(shop.database, order, ForgetRequest(), actor="operator")
    assert await kept(shop) == 1, "that of the other parcel"
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.DELIVERED, 9)])
    await look(shop)
    assert await delivered(shop, order) == 0, "its parcel is not known any more"


async def test_of_one_carrier_no_more_is_kept_than_is_stated_and_the_newest_stay(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "OF_ONE_CARRIER_MAX", 10)
    await tracking.report(shop.transactions, "van", [scan("D-1", ScanKind.IN_TRANSIT, 1)])
    for first in range(0, 30, 5):
        some = [scan(f"T-{number}", ScanKind.DELIVERED, 9) for number in range(first, first + 5)]
        reports = (tracking.report(shop.transactions, "stub", [one]) for one in some)
        await asyncio.gather(*reports)
    of_stub = "SELECT count(*) FROM unknown_scan WHERE carrier = 'stub'"
    assert (await shop.number(of_stub), await kept(shop)) == (10, 11), "one carrier takes no room of another"
    old = await shipped(shop, number="T-1")
    new = await shipped(shop, number="T-29")
    await look(shop)
    assert [await delivered(shop, order) for order in (old, new)] == [0, 2]


async def test_a_parcel_whose_scans_cannot_be_applied_is_looked_for_again_and_stops_no_other(shop: Shop) -> None:
    numbers = ("T-1", "T-2")
    await tracking.report(shop.transactions, "stub", [scan(number, ScanKind.DELIVERED, 9) for number in numbers])
    first, second = [await shipped(shop, number=number) for number in numbers]
    await refuse_messages_about(shop, f"{first}-f1")
    await look(shop)
    assert ([await delivered(shop, order) for order in (first, second)], await kept(shop)) == ([0, 2], 1)
    await store_all_messages(shop)
    await look(shop)
    assert (await delivered(shop, first), await kept(shop)) == (2, 0)


MOMENTS = ["claimed", "before:record", "after:record", "before:drop", "after:drop"]


@pytest.mark.parametrize("seed", range(3))
async def test_kept_scans_are_applied_once_although_processes_die_that_apply_them(
    shop: Shop, database_url: str, seed: int
) -> None:
    for number in ("T-1", "T-2"):
        await tracking.report(shop.transactions, "stub", [scan(number, kind, hours) for kind, hours in WHOLE_WAY])
    orders = [await shipped(shop, number=number) for number in ("T-1", "T-2")]
    moments = [*random.Random(seed).sample(MOMENTS[:-1], k=3), "after:drop", "never"]
    assert await died_at("tests.database.mortal_scans", database_url, *moments) == moments[:-1]
    assert ([await delivered(shop, order) for order in orders], await kept(shop)) == ([2, 2], 0)
    assert await shop.number("SELECT count(*) FROM inbox WHERE message_id LIKE 'scan-%' AND kind = 'delivered'") == 2
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0


@pytest.mark.parametrize("seed", range(4))
async def test_scans_that_are_reported_while_their_parcel_becomes_known_are_each_applied_once(
    shop: Shop, seed: int
) -> None:
    """Reports, the node's message and two processes that look for parcels, all at the same time."""
    chance = random.Random(seed)
    scans = [scan("T-1", kind, hours) for kind, hours in WHOLE_WAY]
    orders = list[str]()

    async def leave() -> None:
        await asyncio.sleep(chance.random() / 20)
        orders.append(await shipped(shop))

    async def say(one: Scan) -> None:
        await asyncio.sleep(chance.random() / 10)
        await tracking.report(shop.transactions, "stub", [one])

    async def keep_looking() -> None:
        for _ in range(5):
            await asyncio.sleep(chance.random() / 20)
            try:
                await look(shop)
            except DBAPIError:  # the clock of this test is moved by an UPDATE of all rows, which may meet another one
                continue

    await asyncio.gather(leave(), *(say(one) for one in scans), keep_looking(), keep_looking())
    await look(shop)
    assert (await delivered(shop, orders[0]), await kept(shop)) == (2, 0)
    assert await shop.number("SELECT count(*) FROM parcel_scan") == len(scans)
    assert await shop.number("SELECT count(*) FROM inbox WHERE message_id LIKE 'scan-%' AND kind = 'delivered'") == 1
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0


async def test_a_parcel_is_looked_for_every_minute_on_the_first_day_and_every_hour_after_it(shop: Shop) -> None:
    await tracking.report(shop.transactions, "stub", [scan("T-1", ScanKind.DELIVERED, 9)])
    due_in = "SELECT extract(epoch FROM due_at - clock_timestamp())::int FROM unknown_scan"
    await look(shop)
    assert await shop.number(due_in) <= timedelta(minutes=1).total_seconds()
    await look(shop, days=1)
    assert timedelta(minutes=50).total_seconds() < await shop.number(due_in) <= timedelta(hours=1).total_seconds()
