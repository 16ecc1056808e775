"""Scans on real PostgreSQL: polled and reported, twice and late, they make a parcel delivered once and move nothing back."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from carriers.carrier import Scan
from carriers.kinds import KINDS
from database.connect import Database
from domain.fulfillment import MessageKind, NodeMessage, Package, Quantity
from domain.tracking import ScanKind
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from jobs.tracking import Trackings
from tests.database.shop import MAP, Shop
from tests.database.test_labels import CARRIERS, Desk
from tests.peers.stub_carrier import StubCarrier
from transactions import fulfillment, tracking
from transactions.tracking import Report

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> StubCarrier:
    made = StubCarrier()
    monkeypatch.setitem(KINDS, "stub", made)
    return made


@pytest_asyncio.fixture
async def shop(database: Database, stub: StubCarrier) -> Shop:
    return await Shop.open(database, replace(MAP, carriers=CARRIERS))


def scan(name: str, kind: ScanKind, hours: float) -> Scan:
    return Scan(name, kind, kind.upper(), YESTERDAY + timedelta(hours=hours))


async def shipped(shop: Shop, package: str = "1", carrier: str = "Stub", number: str = "T-1") -> str:
    """A fulfillment order whose node has shipped it in one parcel."""
    await shop.receive("denver", LAMP=5)
    order = await shop.released(("LAMP", 2))
    parcel = Package(package=package, carrier=carrier, tracking=number, lines=(Quantity(line="1", quantity=2),))
    message = NodeMessage(
        message_id=f"ship-{order}", kind=MessageKind.SHIPPED, occurred_at=YESTERDAY, packages=(parcel,)
    )
    await fulfillment.record(shop.transactions, f"{order}-f1", message, node=None, actor="node")
    return order


async def delivered(shop: Shop, order: str) -> int:
    return await shop.number(
        "SELECT sum(delivered)::int FROM fulfillment_order_line WHERE fulfillment_order_id = :work", work=f"{order}-f1"
    )


async def row(shop: Shop, number: str) -> tuple[str | None, datetime | None, datetime | None]:
    async with shop.database.read() as connection:
        statement = text("SELECT last_kind, first_scan_at, poll_due_at FROM parcel_tracking WHERE tracking = :number")
        found = (await connection.execute(statement, {"number": number})).one()
        return found.last_kind, found.first_scan_at, found.poll_due_at


async def test_a_parcel_is_polled_until_it_is_delivered_and_its_first_scan_is_kept(
    shop: Shop, stub: StubCarrier
) -> None:
    order = await shipped(shop)
    polls = Trackings(shop.transactions, CarrierCalls())
    stub.scans = [scan("T-1", ScanKind.LABEL, 0), scan("T-1", ScanKind.IN_TRANSIT, 2)]
    await polls.ask()
    assert stub.asked == [], "an hour after it left"
    for more in ((), (scan("T-1", ScanKind.DELIVERED, 9),), ()):
        stub.scans += more
        async with shop.database.write() as connection:
            await connection.execute(
                text(
                    "UPDATE parcel_tracking SET poll_due_at = now() - interval '5 hours' WHERE poll_due_at IS NOT NULL"
                )
            )
        await polls.ask()
    assert stub.asked == ["track T-1", "track T-1"], "nobody asks after it was delivered"
    assert await delivered(shop, order) == 2
    kind, first, due = await row(shop, "T-1")
    assert (kind, first, due) == ("delivered", YESTERDAY + timedelta(hours=2), None)
    await shop.check()


@pytest.mark.parametrize("seed", range(3))
async def test_scans_that_come_twice_late_and_in_any_order_deliver_once_and_move_nothing_back(
    shop: Shop, seed: int
) -> None:
    order = await shipped(shop)
    chance = random.Random(seed)
    scans = [
        scan("T-1", kind, hours)
        for kind, hours in (
            (ScanKind.LABEL, 0),
            (ScanKind.IN_TRANSIT, 2),
            (ScanKind.FAILED, 5),
            (ScanKind.OUT_FOR_DELIVERY, 8),
            (ScanKind.DELIVERED, 9),
        )
    ]
    for _ in range(2):
        chance.shuffle(scans)
        for one in scans:
            await tracking.record(shop.transactions, "stub", [one])
    assert await tracking.record(shop.transactions, "stub", scans) == Report(0, 5, 0)
    assert await delivered(shop, order) == 2
    assert (await row(shop, "T-1"))[0] == "delivered"
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    assert await shop.number("SELECT count(*) FROM inbox WHERE message_id LIKE 'scan-%' AND kind = 'delivered'") == 1


async def test_a_parcel_that_is_lost_is_an_exception_that_a_delivery_ends(shop: Shop) -> None:
    order = await shipped(shop)
    await tracking.record(shop.transactions, "stub", [scan("T-1", ScanKind.LOST, 9)])
    codes = "SELECT count(*) FROM exception WHERE code = 'delivery_failed' AND resolved_at IS NULL"
    assert (await shop.number(codes), await delivered(shop, order)) == (1, 0)
    await tracking.record(shop.transactions, "stub", [scan("T-1", ScanKind.DELIVERED, 20)])
    assert (await shop.number(codes), await delivered(shop, order)) == (0, 2)


async def test_a_parcel_of_another_carrier_is_found_when_its_first_scan_comes_and_one_that_nobody_knows_is_counted(
    shop: Shop,
) -> None:
    order = await shipped(shop, carrier="a driver", number="D-7")
    scans = [scan("D-7", ScanKind.DELIVERED, 3), scan("X-0", ScanKind.DELIVERED, 3)]
    assert await tracking.record(shop.transactions, "van", scans) == Report(1, 0, 1)
    assert await delivered(shop, order) == 2


async def test_the_parcel_of_a_label_is_followed_and_its_scans_are_a_fact_also_before_its_node_says_a_word(
    shop: Shop, stub: StubCarrier
) -> None:
    desk = Desk(shop)
    work = await desk.work()
    label = await desk.ask(work)
    await Labels(shop.transactions, CarrierCalls()).carry_out()
    number = stub.sold[label].tracking
    await tracking.record(shop.transactions, "stub", [scan(number, ScanKind.DELIVERED, 30)])
    assert await delivered(shop, work.removesuffix("-f1")) == 1
    shown = await desk.shown(label)
    assert (shown["scan"], shown["first_scan_at"]) == ("delivered", (YESTERDAY + timedelta(hours=30)).isoformat())
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    await shop.check()
