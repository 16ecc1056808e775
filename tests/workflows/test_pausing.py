"""A node in trouble: it is given nothing new, its open work stays or goes elsewhere, and what waited is served afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.house import Document, House, units
from transactions.pause import Pauses


async def pause(house: House, node: str, open_work: str) -> Document:
    body = {"open_work": open_work, "reason": "snow", "actor": "Ada"}
    answer = await house.http.post(f"/nodes/{node}/pause", json=body)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def resume(house: House, node: str) -> None:
    answer = await house.http.post(f"/nodes/{node}/resume", json={"reason": "thaw"})
    assert answer.status_code == 200, answer.text


async def for_later(house: House, *lines: tuple[str, int]) -> str:
    name = await house.place(*lines, not_before=(datetime.now(UTC) + timedelta(days=10)).isoformat())
    await house.settle(name)
    return name


async def pinned(house: House, name: str) -> list[str]:
    """The nodes at which the order has something pinned."""
    async with house.service.database.read() as connection:
        rows = await connection.execute(
            text("SELECT node FROM reservation WHERE order_id = :o ORDER BY node"), {"o": name}
        )
        return list(rows.scalars())


async def test_a_paused_node_gets_no_new_order_and_says_so_in_the_plan(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    await pause(house, "reroutes", "keep")

    name = await house.place(("SERUM-30", 1))

    assert (await house.work(name))["node"] == "spare"
    (only,) = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert {seen["node"]: seen["excluded"] for seen in only["nodes"]}["reroutes"] == "paused"


async def test_kept_work_and_pins_stay_at_a_paused_node(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name, later = await house.place(("SERUM-30", 1)), await for_later(house, ("SERUM-30", 1))
    await house.work(name)

    await pause(house, "reroutes", "keep")
    await Pauses(house.service.transactions).clear(100)

    assert await pinned(house, later) == ["reroutes"]
    assert [work["node"] for work in (await house.settle(name))["fulfillment_orders"]] == ["reroutes"]


async def test_open_work_goes_elsewhere_at_once_or_behind_the_fence(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3)
    later = await for_later(house, ("SERUM-30", 1))
    unseen, begun = await house.place(("SERUM-30", 1)), await house.place(("SERUM-30", 1))
    for name in (unseen, begun):
        assert (await house.work(name))["node"] == "reroutes"
    accepted = (await house.work(begun))["fulfillment_order"]
    await house.tell(accepted, "accepted")
    for name in (unseen, begun):
        await house.settle(name)
    await house.stock("spare", SERUM_30=3)

    await pause(house, "reroutes", "reroute")

    assert (await house.work(unseen, 2))["node"] == "spare"
    asked = await house.until(begun, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    assert len(asked["fulfillment_orders"]) == 1
    await house.tell(accepted, "cancel_accepted")
    assert (await house.work(begun, 2))["node"] == "spare"
    await house.until(later, lambda found: found["rounds"] == 2 and units(found) == {"reserved": 1})
    assert await pinned(house, later) == ["spare"]
    for name in (unseen, begun, later):
        assert (await house.settle(name))["exceptions"] == []


async def test_goods_that_left_a_paused_node_unreported_do_not_ship_twice(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    first = (await house.work(name))["fulfillment_order"]
    await pause(house, "reroutes", "reroute")
    await house.work(name, 2)

    await house.tell(first, "shipped", {"1": 1})

    document = await house.until(name, "shipped")
    assert [work["status"] for work in document["fulfillment_orders"]] == ["shipped", "cancelled"]


@pytest.mark.parametrize("open_work", ["keep", "reroute"])
async def test_orders_that_waited_meanwhile_are_served_when_the_node_is_back(
    small_house: House, open_work: str
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    await pause(house, "reroutes", open_work)
    name = await house.place(("SERUM-30", 1))
    assert (await house.settle(name))["status"] == "backordered"

    await resume(house, "reroutes")

    assert (await house.work(name))["node"] == "reroutes"


async def test_a_pause_is_shown_begins_once_and_ends_once(small_house: House) -> None:
    house = small_house
    first = await pause(house, "spare", "keep")
    again = await pause(house, "spare", "reroute")
    assert (first["since"], first["open_work"], again["open_work"]) == (again["since"], "keep", "reroute")

    pages = await house.pages("/nodes", limit=3)
    shown = {row["node"]: row["paused"] for page in pages for row in page}

    assert list(shown) == ["asks", "escalates", "reroutes", "spare"]
    assert shown["asks"] is None
    assert (shown["spare"]["reason"], shown["spare"]["actor"], shown["spare"]["open_work"]) == (
        "snow",
        "Ada",
        "reroute",
    )
    await resume(house, "spare")
    refused = await house.http.post("/nodes/spare/resume", json={})
    assert (refused.status_code, refused.json()["detail"]) == (409, "spare is not paused")
    unknown = await house.http.post("/nodes/mars/pause", json={})
    assert unknown.status_code == 404


async def test_the_same_pause_twice_under_one_key_is_one_also_after_it_was_lifted(small_house: House) -> None:
    house = small_house
    key = {"Idempotency-Key": "snow"}
    first = await house.http.post("/nodes/spare/pause", json={}, headers=key)
    await resume(house, "spare")

    again = await house.http.post("/nodes/spare/pause", json={}, headers=key)

    assert (again.status_code, again.json()) == (200, first.json())
    assert all(row["paused"] is None for page in await house.pages("/nodes", limit=9) for row in page)
