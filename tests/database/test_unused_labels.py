"""A label of work that ended without a shipment is given back by itself, once, and never one that a parcel has left with."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from carriers.carrier import NoAnswer, Scan
from carriers.kinds import KINDS
from database.connect import Database
from domain.fulfillment import MessageKind, NodeMessage, Package, Quantity
from domain.request import ForgetRequest
from domain.tracking import ScanKind
from tests.database.mortal_labels import Accountant
from tests.database.packing_desk import CARRIERS, Desk
from tests.database.shop import MAP, Shop
from tests.database.test_dying_while_buying_labels import WHILE_VOIDING, carried_out
from tests.peers.stub_carrier import StubCarrier
from transactions import fulfillment, tracking
from transactions.personal import forget


@pytest_asyncio.fixture
async def desk(database: Database, stub: StubCarrier) -> Desk:
    """A desk of a shop with two carriers."""
    return Desk(await Shop.open(database, replace(MAP, carriers=CARRIERS)))


async def labelled(desk: Desk) -> tuple[str, str]:
    """Work with a label that was bought."""
    work = await desk.work()
    label = await desk.ask(work)
    await desk.jobs.carry_out()
    assert await desk.status(label) == "bought"
    return work, label


async def ship(desk: Desk, work: str, number: str, at: datetime | None = None) -> None:
    """The node says that its parcel left with a label."""
    parcel = Package(package="1", carrier="stub", tracking=number, lines=(Quantity(line="1", quantity=1),))
    message = NodeMessage(
        message_id=f"left-{work}", kind=MessageKind.SHIPPED, occurred_at=at or datetime.now(UTC), packages=(parcel,)
    )
    await fulfillment.record(desk.shop.transactions, work, message, node=None, actor="node")


@pytest.mark.parametrize("end", ["cancelled", "rejected", "short"])
async def test_the_label_of_work_that_ends_without_a_shipment_is_given_back(
    desk: Desk, stub: StubCarrier, end: str
) -> None:
    work, label = await labelled(desk)
    order = work.removesuffix("-f1")
    if end == "cancelled":
        await desk.cancelled(work)
    elif end == "rejected":
        await desk.shop.tell(order, MessageKind.REJECTED)
    else:
        await desk.shop.tell(order, MessageKind.PICKED, {}, final=True)
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back, await desk.exceptions()) == ("voided", [label], [])
    await desk.later(60 * 24)
    assert stub.taken_back == [label], "once"
    await desk.shop.check()


async def test_the_label_of_work_that_goes_on_is_not_given_back_although_some_of_it_is_cancelled(
    desk: Desk, stub: StubCarrier
) -> None:
    await desk.shop.receive("denver", LAMP=5)
    order = await desk.shop.released(("LAMP", 3))
    label = await desk.ask(f"{order}-f1")
    await desk.jobs.carry_out()
    await desk.shop.tell(order, MessageKind.ACCEPTED)
    await desk.shop.cancel(order, {"1": 1})
    await desk.shop.tell(order, MessageKind.CANCEL_ACCEPTED, {"1": 1})
    assert await desk.shop.units(order) == {"allocated": 2, "cancelled": 1}
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back) == ("bought", [])
    await ship(desk, f"{order}-f1", stub.sold[label].tracking)
    await desk.shop.check()


async def test_a_label_whose_units_are_in_doubt_is_kept_until_the_node_answers(desk: Desk, stub: StubCarrier) -> None:
    work, label = await labelled(desk)
    order = work.removesuffix("-f1")
    await desk.shop.receive("casper", LAMP=5)
    await desk.shop.wait_in_vain(order)
    in_doubt = "SELECT sum(in_doubt)::int FROM fulfillment_order_line WHERE fulfillment_order_id = :work"
    assert await desk.shop.number(in_doubt, work=work) == 1, "its node may still ship it"
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back) == ("bought", [])
    await desk.shop.tell(order, MessageKind.REJECTED)
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back) == ("voided", [label])
    await desk.shop.check()


async def test_a_parcel_that_left_after_all_keeps_its_label(desk: Desk, stub: StubCarrier) -> None:
    work, label = await labelled(desk)
    await desk.cancelled(work)
    await ship(desk, work, stub.sold[label].tracking)
    await desk.jobs.carry_out()
    await desk.later(60 * 24)
    assert (await desk.status(label), stub.taken_back, await desk.exceptions()) == ("bought", [], [])
    await desk.shop.check()


async def test_a_parcel_that_leaves_while_its_label_is_taken_back_is_an_exception(
    desk: Desk, stub: StubCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, label = await labelled(desk)
    number, take_back, loop = stub.sold[label].tracking, stub.void, asyncio.get_running_loop()

    def void(*given: Any) -> None:
        take_back(*given)
        asyncio.run_coroutine_threadsafe(ship(desk, work, number), loop).result()

    monkeypatch.setattr(stub, "void", void)
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    assert await desk.status(label) == "voided"
    (said,) = await desk.exceptions()
    assert said.startswith(f"stub, label {label}: has taken it back, and its parcel left meanwhile")
    await desk.shop.check()


async def test_a_label_with_which_the_carrier_has_scanned_a_parcel_is_kept_and_a_person_learns_of_it(
    desk: Desk, stub: StubCarrier
) -> None:
    work, label = await labelled(desk)
    scan = Scan(stub.sold[label].tracking, ScanKind.IN_TRANSIT, "X", datetime.now(UTC))
    await tracking.record(desk.shop.transactions, "stub", [scan])
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back) == ("bought", [])
    (said,) = await desk.exceptions()
    assert said.startswith(
        f"stub, label {label}: its work ended without a shipment, but the carrier has scanned a parcel"
    )
    await desk.void(label)
    await desk.jobs.carry_out()
    assert (await desk.status(label), await desk.exceptions()) == ("voided", []), "a person may give it back"
    await desk.shop.check()


async def test_a_label_of_ended_work_that_the_carrier_does_not_take_back_is_an_exception(
    desk: Desk, stub: StubCarrier
) -> None:
    work, label = await labelled(desk)
    stub.refuses_voids = "too late"
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    await desk.later(60 * 24)
    assert (await desk.status(label), stub.asked.count(f"void {stub.sold[label].tracking}")) == ("bought", 1)
    assert await desk.exceptions() == [f"stub, label {label}: does not take it back: too late"]
    await desk.shop.check()


async def test_a_void_whose_answer_did_not_come_is_read_before_it_is_asked_for_again(
    desk: Desk, stub: StubCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, label = await labelled(desk)
    number, take_back = stub.sold[label].tracking, stub.void

    def void(*given: Any) -> None:
        take_back(*given)
        raise NoAnswer("the connection was closed")

    monkeypatch.setattr(stub, "void", void)
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    assert await desk.status(label) == "bought", "nobody knows yet"
    await desk.later(60)
    assert (await desk.status(label), stub.taken_back) == ("voided", [label])
    assert stub.asked[1:] == [f"void {number}", f"find {label}"]
    assert await desk.exceptions() == []


@pytest.mark.parametrize("seed", range(3))
async def test_a_label_of_cancelled_work_is_given_back_once_although_processes_die_that_void_it(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    account = tmp_path / "account"
    monkeypatch.setitem(KINDS, "stub", Accountant(account))
    desk = Desk(await Shop.open(database, replace(MAP, carriers=CARRIERS)))
    work = await desk.work()
    label = await desk.ask(work)
    await carried_out(database_url, account, "never")
    await desk.cancelled(work)
    moments = random.Random(seed).sample(WHILE_VOIDING[:-1], k=3)
    died = await carried_out(database_url, account, *moments, "never")
    assert died, "a process has died"
    voids = [line for line in account.read_text().splitlines() if line.startswith("back")]
    assert (await desk.status(label), voids) == ("voided", [f"back {label}"])
    assert await desk.exceptions() == []
    await desk.shop.check()


async def test_labels_that_were_bought_for_ended_work_before_this_was_done_are_left_to_a_person(
    desk: Desk, stub: StubCarrier
) -> None:
    work, label = await labelled(desk)
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE label SET kept_at = clock_timestamp()"))
    await desk.cancelled(work)
    await desk.jobs.carry_out()
    assert (await desk.status(label), stub.taken_back) == ("bought", [])
    await desk.shop.check()


async def test_of_a_forgotten_order_nobody_knows_what_the_carrier_calls_a_label_and_it_is_not_asked(
    desk: Desk, stub: StubCarrier
) -> None:
    work, label = await labelled(desk)
    order = work.removesuffix("-f1")
    await forget(desk.shop.database, order, ForgetRequest(even_if_open=True), actor="test")
    await desk.shop.tell(order, MessageKind.REJECTED)
    await desk.jobs.carry_out()
    await desk.later(60 * 24)
    assert not [one for one in stub.asked if one.startswith("void")]
    assert (await desk.status(label), await desk.exceptions()) == ("bought", [])
    await desk.shop.check()
    await desk.void(label)
    await desk.later(60 * 24)
    assert not [one for one in stub.asked if one.startswith("void")], "a person did it there"
    assert await desk.status(label) == "voided"
    await desk.shop.check()
