"""Scans on real PostgreSQL: polled and reported, twice and late, they make a parcel delivered once and move nothing back."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from carriers.carrier import Scan
from carriers.kinds import KINDS
from database.connect import Database
from domain.fulfillment import MessageKind, NodeMessage, Package, Quantity
from domain.tracking import ScanKind
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from jobs.tracking import Trackings
from tests.database.packing_desk import CARRIERS, Desk
from tests.database.shop import MAP, Shop
from tests.peers.stub_carrier import StubCarrier
from transactions import fulfillment, tracking
from transactions.tracking import Report

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


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


async def test_a_scan_of_a_time_that_has_not_come_hides_none_that_comes_after_it(shop: Shop) -> None:
    order, ahead = await shipped(shop), scan("T-1", ScanKind.IN_TRANSIT, 24 * 400)
    assert await tracking.record(shop.transactions, "stub", [ahead]) == Report(0, 0, 0, ahead=1)
    came = scan("T-1", ScanKind.DELIVERED, 9)
    assert await tracking.record(shop.transactions, "stub", [ahead, came]) == Report(1, 0, 0, ahead=1)
    assert (await delivered(shop, order), (await row(shop, "T-1"))[0]) == (2, "delivered")
    await shop.check()


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


REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.about = '{work}' THEN RAISE EXCEPTION 'the disk is full'; END IF;
    RETURN NEW;
END $$;
"""


async def refuse_messages_about(shop: Shop, work: str) -> None:
    """From now on PostgreSQL stores no message about a fulfillment order."""
    async with shop.database.write() as connection:
        await connection.execute(text(REFUSING.format(work=work)))
        await connection.execute(
            text("CREATE TRIGGER refusing BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()")
        )


async def store_all_messages(shop: Shop) -> None:
    async with shop.database.write() as connection:
        await connection.execute(text("DROP TRIGGER refusing ON inbox"))


async def test_a_delivery_that_could_not_be_applied_is_applied_when_it_is_reported_again_and_stops_no_other(
    shop: Shop,
) -> None:
    orders = [await shipped(shop, number=f"T-{number}") for number in range(3)]
    scans = [scan(f"T-{number}", ScanKind.DELIVERED, 9) for number in range(3)]
    scans += [scan(f"T-{number}", ScanKind.IN_TRANSIT, 1) for number in range(3)]
    await refuse_messages_about(shop, f"{orders[0]}-f1")
    with pytest.raises(DBAPIError, match="the disk is full"):
        await tracking.record(shop.transactions, "stub", scans)
    assert [await delivered(shop, order) for order in orders] == [0, 2, 2]
    await store_all_messages(shop)
    assert await tracking.record(shop.transactions, "stub", scans) == Report(2, 4, 0)
    assert [await delivered(shop, order) for order in orders] == [2, 2, 2]
    await shop.check()


async def test_scans_of_a_parcel_that_postgresql_does_not_take_do_not_stop_those_of_others(shop: Shop) -> None:
    await shipped(shop)
    await shipped(shop, number="T-2")
    wrong = Scan("T-1", ScanKind.IN_TRANSIT, "a code with \x00", YESTERDAY)
    with pytest.raises(DBAPIError):
        await tracking.record(shop.transactions, "stub", [wrong, scan("T-2", ScanKind.IN_TRANSIT, 2)])
    assert [(await row(shop, number))[0] for number in ("T-1", "T-2")] == [None, "in_transit"]


@pytest.mark.parametrize("seed", range(3))
async def test_reports_of_one_parcel_at_the_same_time_make_one_fact_and_the_latest_scan_stays(
    shop: Shop, seed: int
) -> None:
    order = await shipped(shop)
    scans = [
        Scan("T-1", ScanKind.DELIVERED, "by webhook", YESTERDAY + timedelta(hours=9)),
        Scan("T-1", ScanKind.DELIVERED, "by poll", YESTERDAY + timedelta(hours=9, minutes=1)),
        scan("T-1", ScanKind.FAILED, 5),
        *[scan("T-1", ScanKind.IN_TRANSIT, hours) for hours in range(1, 5)],
    ]
    random.Random(seed).shuffle(scans)
    await asyncio.gather(*(tracking.record(shop.transactions, "stub", [one]) for one in scans))
    kind, first, _ = await row(shop, "T-1")
    assert (kind, first) == ("delivered", YESTERDAY + timedelta(hours=1))
    assert await delivered(shop, order) == 2
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    await shop.check()


async def test_two_parcels_that_a_node_calls_the_same_are_each_delivered_by_their_own_scans(shop: Shop) -> None:
    await shop.receive("denver", LAMP=5)
    order = await shop.released(("LAMP", 3))
    for number, units in (("T-1", 1), ("T-2", 2)):
        parcel = Package(package="1", carrier="stub", tracking=number, lines=(Quantity(line="1", quantity=units),))
        message = NodeMessage(
            message_id=f"ship-{number}", kind=MessageKind.SHIPPED, occurred_at=YESTERDAY, packages=(parcel,)
        )
        await fulfillment.record(shop.transactions, f"{order}-f1", message, node=None, actor="node")
    for number, units in (("T-2", 2), ("T-1", 3)):
        await tracking.record(shop.transactions, "stub", [scan(number, ScanKind.DELIVERED, 9)])
        assert await delivered(shop, order) == units
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    await shop.check()


async def test_a_parcel_is_delivered_by_its_tracking_number_whatever_its_node_calls_it_after_it_asked_for_the_label(
    shop: Shop, stub: StubCarrier
) -> None:
    desk = Desk(shop)
    work = await desk.work()
    label = await desk.ask(work)
    await Labels(shop.transactions, CarrierCalls()).carry_out()
    number = stub.sold[label].tracking
    parcel = Package(package="BOX-9", carrier="stub", tracking=number, lines=(Quantity(line="1", quantity=1),))
    message = NodeMessage(message_id="ship", kind=MessageKind.SHIPPED, occurred_at=YESTERDAY, packages=(parcel,))
    await fulfillment.record(shop.transactions, work, message, node=None, actor="node")
    await tracking.record(shop.transactions, "stub", [scan(number, ScanKind.DELIVERED, 9)])
    assert await delivered(shop, work.removesuffix("-f1")) == 1
    names = "SELECT string_agg(package, ' ') FROM package WHERE fulfillment_order_id = :work"
    async with shop.database.read() as connection:
        assert (await connection.execute(text(names), {"work": work})).scalar_one() == "BOX-9"
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0


async def due(shop: Shop, **since: int) -> None:
    """Parcels are due, and followed for longer."""
    statement = """
        UPDATE parcel_tracking SET poll_due_at = clock_timestamp() - interval '1 minute',
                                   recorded_at = recorded_at - make_interval(days => :days)
        WHERE poll_due_at IS NOT NULL
    """
    async with shop.database.write() as connection:
        await connection.execute(text(statement), {"days": 0, **since})


async def test_a_carrier_is_asked_no_more_about_a_parcel_of_which_it_never_said_a_word(
    shop: Shop, stub: StubCarrier
) -> None:
    await shipped(shop)
    polls = Trackings(shop.transactions, CarrierCalls())
    for days in (59, 2, 0):
        await due(shop, days=days)
        await polls.ask()
    assert stub.asked == ["track T-1"] * 2
    assert (await row(shop, "T-1"))[2] is None


async def test_what_a_carrier_says_that_cannot_be_read_is_asked_for_later_and_stops_no_other_carrier(
    shop: Shop, stub: StubCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = StubCarrier(scans=[scan("T-2", ScanKind.DELIVERED, 9)])
    other.kind = "other"
    monkeypatch.setitem(KINDS, "other", other)
    more = CARRIERS + '[[carrier]]\nname = "post"\nkind = "other"\n'
    shop = await Shop.open(shop.database, replace(MAP, carriers=more))
    await shipped(shop)
    order = await shipped(shop, carrier="post", number="T-2")
    stub.scans = [Scan("T-1", ScanKind.IN_TRANSIT, "a code with \x00", YESTERDAY)]
    await due(shop)
    await Trackings(shop.transactions, CarrierCalls()).ask()
    assert await delivered(shop, order) == 2
    _, _, again = await row(shop, "T-1")
    assert again is not None
    assert again > datetime.now(UTC) + timedelta(minutes=5), "not as soon as the claim of the poll is over"
