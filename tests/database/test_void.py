"""A parcel that did not leave is taken back: order, stock and channel are as if it had never been reported."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database import personal
from database.connect import Database
from database.documents import fulfillment as documents
from domain.fulfillment import NodeMessage
from domain.order import LineState
from tests.database.shop import NEAREST, NEXT, Shop
from transactions import fulfillment

_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with ten chairs; when the test is over, every invariant must hold."""
    opened = await Shop.open(database)
    await opened.receive(NEAREST, CHAIR=10)
    yield opened
    await opened.check()


async def say(shop: Shop, work: str, kind: str, *, at: datetime | None = None, **more: Any) -> bool:
    """A message of the node."""
    body = {"message_id": f"void-{next(_numbers)}", "kind": kind, "occurred_at": at or datetime.now(UTC)} | more
    message = NodeMessage.model_validate(body)
    return await fulfillment.record(shop.transactions, work, message, node=None, actor="node")


def parcel(name: str, units: int | None = None, **more: Any) -> dict[str, Any]:
    """A parcel with units of the first line, or without saying what is in it."""
    return {"package": name, "lines": [{"line": "1", "quantity": units}] if units else []} | more


async def line_of(shop: Shop, order: str) -> LineState:
    """The first line of an order."""
    return (await shop.state(order)).lines[0]


async def misfits(shop: Shop) -> list[str]:
    """What was said of messages that did not fit."""
    async with shop.database.read() as connection:
        rows = await connection.execute(text("SELECT detail FROM exception WHERE code = 'message_misfit'"))
        return [detail.partition(": ")[2] for detail in rows.scalars()]


async def parcels(shop: Shop, work: str) -> dict[str, int]:
    """The parcels that a node and the channel see, with their units."""
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        document = await documents.show(connection, network, node=None, fulfillment_order=work)
    assert document is not None
    return {one["package"]: sum(line["quantity"] for line in one["lines"]) for one in document["packages"]}


async def events(shop: Shop, order: str) -> list[tuple[str, int]]:
    """The events about parcels, each with its units."""
    async with shop.database.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT kind, (data->'lines'->0->>'quantity')::int FROM event
                WHERE order_id = :order
                  AND kind IN ('shipped', 'shipment_voided', 'shipment_corrected', 'delivered') ORDER BY event_id
                """
            ),
            {"order": order},
        )
        return [(row.kind, row.int4) for row in rows]


async def numbers(shop: Shop, order: str) -> list[tuple[str, list[str | None]]]:
    """The events about parcels, each with their tracking numbers."""
    async with shop.database.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT kind, data->'packages' AS parcels FROM event
                WHERE order_id = :order AND data ? 'packages' ORDER BY event_id
                """
            ),
            {"order": order},
        )
        return [(row.kind, [one["tracking"] for one in row.parcels]) for row in rows]


async def test_the_channel_learns_of_a_number_that_is_corrected_or_comes_later(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await say(shop, work, "shipped", packages=[parcel("1", 1, tracking="1Z1")])
    await say(shop, work, "shipped", lines=[], packages=[parcel("1", 0, tracking="1Z9")])
    await say(shop, work, "shipped", lines=[], packages=[parcel("1", 0, tracking="1Z9")])
    await say(shop, work, "shipped", lines=[{"line": "1", "quantity": 2}])
    await say(shop, work, "shipped", packages=[parcel("2", 2, tracking="1Z2")])
    assert await numbers(shop, order) == [
        ("shipped", ["1Z1"]),
        ("shipment_corrected", ["1Z9"]),
        ("shipped", ["1Z9"]),
        ("shipment_corrected", ["1Z9", "1Z2"]),
    ]
    assert (await line_of(shop, order)).shipped == 3


@pytest.mark.parametrize("final", [False, True], ids=["more may come", "nothing more was to come"])
async def test_a_parcel_that_did_not_leave_lies_picked_at_its_node_and_ships_later(shop: Shop, final: bool) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await say(shop, work, "shipped", packages=[parcel("1", 3)], final=final)
    assert await shop.counters("CHAIR", NEAREST) == (7, 0, 0)

    await say(shop, work, "void", package="1")
    line = await line_of(shop, order)
    assert (line.shipped, line.allocated, line.picked) == (0, 3, 3)
    state = await shop.state(order)
    assert (state.fulfillment_orders[0].status, state.fulfillment_orders[0].waiting_for) == ("in_progress", "shipment")
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 3)
    assert await parcels(shop, work) == {}

    await say(shop, work, "shipped", packages=[parcel("1", 3)])
    assert (await line_of(shop, order)).shipped == 3
    assert await parcels(shop, work) == {"1#2": 3}
    await say(shop, work, "delivered")
    assert await events(shop, order) == [("shipped", 3), ("shipment_voided", 3), ("shipped", 3), ("delivered", 3)]
    assert await misfits(shop) == []


async def test_what_was_asked_for_a_parcel_that_did_not_leave_is_not_asked_for_again(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await shop.report(order, "authorized", 300)
    await say(shop, work, "shipped", packages=[parcel("1", 2)])
    await say(shop, work, "void", package="1")
    await shop.check()
    await say(shop, work, "shipped", packages=[parcel("1", 1)])
    await say(shop, work, "shipped", packages=[parcel("2", 2)])
    assert await shop.asked(order) == ["capture 200", "capture 100"]


async def test_what_was_asked_for_a_parcel_that_did_not_leave_may_be_cancelled(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await shop.report(order, "authorized", 300)
    await say(shop, work, "shipped", packages=[parcel("1", 3)])
    await say(shop, work, "void", package="1")
    await shop.cancel(order)
    await say(shop, work, "cancel_accepted")
    assert (await shop.asked(order), (await line_of(shop, order)).cancelled) == (["capture 300"], 3)


async def test_nine_typed_for_three_is_mended(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await say(shop, work, "shipped", packages=[parcel("1", 9)])
    assert [one.code for one in (await shop.state(order)).exceptions] == ["surplus"]
    assert await shop.counters("CHAIR", NEAREST) == (1, 0, 0)

    await say(shop, work, "void", package="1")
    await say(shop, work, "shipped", packages=[parcel("1", 3)])
    state = await shop.state(order)
    assert (state.exceptions, state.status, state.lines[0].shipped) == ([], "shipped", 3)
    assert await shop.counters("CHAIR", NEAREST) == (7, 0, 0)


async def test_only_the_named_parcel_comes_back_also_when_one_does_not_say_what_is_in_it(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await say(shop, work, "shipped", lines=[{"line": "1", "quantity": 1}], packages=[parcel("A", 1)])
    await say(shop, work, "shipped", lines=[{"line": "1", "quantity": 2}], packages=[parcel("B")])
    await say(shop, work, "void", package="B")
    assert ((await line_of(shop, order)).shipped, await parcels(shop, work)) == (1, {"A": 1})
    await say(shop, work, "void", package="A")
    assert ((await line_of(shop, order)).shipped, await misfits(shop)) == (0, [])


async def test_a_void_is_applied_once(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    work = f"{order}-f1"
    await say(shop, work, "shipped", packages=[parcel("1", 1), parcel("2", 1)])
    assert await say(shop, work, "void", package="1", message_id="once", at=datetime(2026, 11, 1, tzinfo=UTC))
    assert not await say(shop, work, "void", package="1", message_id="once", at=datetime(2026, 11, 1, tzinfo=UTC))
    assert await say(shop, work, "void", package="1")
    assert ((await line_of(shop, order)).shipped, await misfits(shop)) == (1, ["no such package has shipped"])


@pytest.mark.parametrize(
    ("reported", "package", "why"),
    [
        ([("shipped", [parcel("1", 3)])], "2", "no such package has shipped"),
        ([("picked", [parcel("1", 3)])], "1", "no such package has shipped"),
        ([("shipped", [parcel("1", 3)]), ("delivered", [])], "1", "line 1: units of it have arrived"),
        ([("shipped", [parcel("1"), parcel("2")])], "1", "it was not reported what is in the package"),
    ],
)
async def test_a_void_that_does_not_fit_changes_nothing_and_becomes_one_exception(
    shop: Shop, reported: list[tuple[str, list[dict[str, Any]]]], package: str, why: str
) -> None:
    order = await shop.released(("CHAIR", 3))
    for kind, packages in reported:
        await say(shop, f"{order}-f1", kind, packages=packages)
    before = (await shop.state(order)).model_copy(update={"version": 0, "exceptions": []})
    await say(shop, f"{order}-f1", "void", package=package)
    after = await shop.state(order)
    assert after.model_copy(update={"version": 0, "exceptions": []}) == before
    assert await misfits(shop) == [why]


async def test_a_count_between_shipment_and_void_has_seen_the_goods(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    await say(shop, f"{order}-f1", "shipped", packages=[parcel("1", 3)])
    await shop.count(NEAREST, CHAIR=10)
    await say(shop, f"{order}-f1", "void", package="1")
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 3)


async def test_a_late_parcel_of_an_attempt_that_was_given_up_makes_room_for_its_replacement_again(shop: Shop) -> None:
    await shop.receive(NEXT, CHAIR=5)
    order = await shop.released(("CHAIR", 3))
    await shop.wait_in_vain(order)
    await say(shop, f"{order}-f1", "shipped", packages=[parcel("1", 3)])
    assert (await line_of(shop, order)).shipped == 3
    await say(shop, f"{order}-f1", "void", package="1")
    line = await line_of(shop, order)
    assert (line.shipped, line.open) == (0, 3), (
        "the node is silent again: its units are in doubt, and sourced elsewhere"
    )
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 3)


async def test_a_parcel_of_a_forgotten_order_is_found_by_its_name(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    await say(shop, f"{order}-f1", "shipped", packages=[parcel("1", 3)])
    async with shop.database.write() as connection:
        await personal.forget(connection, order, "tests", None)
    await say(shop, f"{order}-f1", "void", package="1")
    assert ((await line_of(shop, order)).shipped, await misfits(shop)) == (0, [])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "package: is needed"),
        ({"package": "1", "lines": [{"line": "1", "quantity": 1}]}, "lines: has no effect with void"),
        ({"package": "1", "packages": [{"package": "1"}]}, "packages: has no effect with void"),
        ({"package": "1", "final": True}, "final: has no effect with void"),
        ({"package": "1", "kind": "shipped"}, "package: is only for void"),
    ],
)
def test_a_void_names_one_parcel_and_nothing_else(body: dict[str, Any], said: str) -> None:
    message = {"message_id": "m", "kind": "void", "occurred_at": datetime.now(UTC)} | body
    with pytest.raises(ValueError, match=said):
        NodeMessage.model_validate(message)


async def test_what_was_asked_for_a_parcel_that_did_not_leave_covers_the_one_that_leaves_instead(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 3))
    await shop.report(order, "authorized", 300)
    await say(shop, f"{order}-f1", "shipped", packages=[parcel("1", 3)])
    await say(shop, f"{order}-f1", "void", package="1")
    await shop.check()
    await say(shop, f"{order}-f1", "shipped", packages=[parcel("1", 3)])
    async with shop.database.read() as connection:
        asked = await connection.execute(
            text("SELECT kind, amount FROM payment_request WHERE order_id = :order"), {"order": order}
        )
        assert [tuple(row) for row in asked] == [("capture", 300)]
