"""Parcels as nodes report them: each is kept with its own tracking number, also when their names repeat."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count, permutations
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import fulfillment as documents
from domain import identifiers
from domain.fulfillment import NodeMessage
from tests.database.shop import NEAREST, Shop
from transactions import fulfillment

_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


async def work(shop: Shop, units: int) -> str:
    """A released fulfillment order for chairs."""
    await shop.receive(NEAREST, CHAIR=units)
    order = await shop.place(("CHAIR", units))
    await shop.source(order)
    await shop.release(order)
    return identifiers.fulfillment_order_id(order, 1)


def parcel(name: str, tracking: str | None, units: int, line: str = "1") -> dict[str, Any]:
    return {"package": name, "tracking": tracking, "lines": [{"line": line, "quantity": units}]}


def fact(kind: str, *packages: dict[str, Any], lines: Sequence[int] | None = None) -> NodeMessage:
    body = {"message_id": f"m-{next(_numbers)}", "kind": kind, "occurred_at": datetime.now(UTC), "packages": packages}
    reported = None if lines is None else [{"line": "1", "quantity": n} for n in lines]
    return NodeMessage.model_validate(body | {"lines": reported})


async def tell(shop: Shop, name: str, message: NodeMessage) -> bool:
    return await fulfillment.record(shop.transactions, name, message, node=None, actor="node")


async def shown(shop: Shop, name: str) -> dict[str | None, int]:
    """What a node reads of its parcels: units by tracking number."""
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        document = await documents.show(connection, network, node=None, fulfillment_order=name)
    assert document is not None
    return {one["tracking"]: sum(line["quantity"] for line in one["lines"]) for one in document["packages"]}


async def misfits(shop: Shop) -> list[str]:
    async with shop.database.read() as connection:
        rows = await connection.execute(
            text("SELECT detail FROM exception WHERE code = 'message_misfit' ORDER BY since")
        )
        return list(rows.scalars())


async def test_shipments_that_number_their_parcels_from_1_keep_each_tracking_number_in_any_order_of_reports(
    shop: Shop,
) -> None:
    facts = [
        fact("shipped", parcel("1", "A", 1)),
        fact("shipped", parcel("1", "B", 2)),
        fact("delivered", parcel("1", "B", 2)),
    ]
    for order in permutations(facts):
        name = await work(shop, 3)
        for message in (*order, *order):
            await tell(shop, name, message.model_copy(update={"message_id": f"{message.message_id}-{name}"}))
        assert await shown(shop, name) == {"A": 1, "B": 2}
    assert await misfits(shop) == []
    await shop.check()


async def test_the_channel_hears_of_every_parcel(shop: Shop) -> None:
    name = await work(shop, 3)
    await tell(shop, name, fact("shipped", parcel("1", "A", 1)))
    await tell(shop, name, fact("shipped", parcel("1", "B", 1), parcel("1", "C", 1)))
    async with shop.database.read() as connection:
        rows = await connection.execute(text("SELECT data FROM event WHERE kind = 'shipped' ORDER BY event_id"))
        seen = [[(one["package"], one["tracking"]) for one in data["packages"]] for data in rows.scalars()]
    assert seen == [[("1", "A")], [("1", "A"), ("1#2", "B"), ("1#3", "C")]]


async def test_a_correction_replaces_what_it_names_and_counts_no_unit(shop: Shop) -> None:
    name = await work(shop, 2)
    await tell(shop, name, fact("shipped", parcel("1", "A", 2)))
    await tell(shop, name, fact("shipped", {"package": "1", "tracking": "C"}))
    assert await shown(shop, name) == {"C": 2}
    assert (await shop.units(name.rpartition("-")[0])) == {"shipped": 2}


async def test_a_parcel_is_delivered_by_its_tracking_number_or_by_the_name_that_tells_it_apart(shop: Shop) -> None:
    name = await work(shop, 6)
    for tracking, units in (("A", 1), ("B", 2), ("C", 3)):
        await tell(shop, name, fact("shipped", parcel("1", tracking, units)))
    await tell(shop, name, fact("delivered", {"package": "1", "tracking": "B"}))
    assert (await shop.state(name.rpartition("-")[0])).lines[0].delivered == 2
    await tell(shop, name, fact("delivered", {"package": "1#3"}))
    assert (await shop.state(name.rpartition("-")[0])).lines[0].delivered == 5
    assert await shown(shop, name) == {"A": 1, "B": 2, "C": 3}


async def test_what_differs_within_a_message_or_is_not_known_is_one_exception_and_the_rest_counts(shop: Shop) -> None:
    name = await work(shop, 3)
    reported = fact("shipped", parcel("1", "A", 2), parcel("2", "B", 1, line="9"), lines=[1])
    assert [await tell(shop, name, reported) for _ in range(2)] == [True, False]
    assert await shown(shop, name) == {"A": 2, "B": 1}
    assert (await shop.units(name.rpartition("-")[0])) == {"shipped": 1, "allocated": 2}
    (said,) = await misfits(shop)
    assert said.endswith("line 9 is not in it; line 1: 2 in packages, 1 in lines; line 9: 1 in packages, 0 in lines")
