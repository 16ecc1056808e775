"""Orders whose nodes answer: they ship, reject or ship in part, and the order continues from it."""

from datetime import UTC, datetime, timedelta

from tests.house import House, units


async def test_an_order_without_trouble_completes_when_its_return_window_is_over(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    work = await house.work(name)

    await house.fulfill(work["fulfillment_order"])
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])

    document = await house.until(name, "completed")
    assert document["lines"][0]["shipped"] == document["lines"][0]["delivered"] == 2
    assert await house.available("SERUM-30") == {"reroutes": 3}
    assert await house.workflow(name).result() == {"status": "completed"}


async def test_a_day_before_its_return_window_is_over_a_delivered_order_is_still_open(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    delivered = await house.until(name, "delivered")

    await house.skip_to(name, (datetime.fromisoformat(delivered["closes_at"]) - timedelta(days=1)).isoformat())

    assert (await house.settle(name))["status"] == "delivered"


async def test_what_one_node_rejects_another_node_ships(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    first = await house.work(name)

    await house.tell(first["fulfillment_order"], "rejected", reason="the shelf is empty")
    second = await house.work(name, 2)

    assert (second["node"], second["attempt"], second["lines"][0]["quantity"]) == ("spare", 2, 2)
    first = await house.work(name)
    assert (first["status"], first["request"], first["reason"]) == ("cancelled", "rejected", "the shelf is empty")
    assert await house.available("SERUM-30") == {"reroutes": 2, "spare": 0}
    await house.fulfill(second["fulfillment_order"])
    document = await house.until(name, "delivered")
    assert not document["needs_attention"]


async def test_what_a_short_pick_lacks_comes_from_elsewhere_and_the_rest_ships_from_here(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3)
    await house.stock("spare", SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    first = await house.work(name)

    await house.tell(first["fulfillment_order"], "picked", {"1": 2}, final=True)
    second = await house.work(name, 2)

    assert (second["node"], second["attempt"], second["lines"][0]["quantity"]) == ("spare", 2, 1)
    counts = (await house.work(name))["lines"][0]
    assert (counts["quantity"], counts["picked"], counts["short"]) == (3, 2, 1)
    assert await house.available("SERUM-30") == {"reroutes": 0, "spare": 2}
    await house.tell(first["fulfillment_order"], "shipped")
    assert units(await house.until(name, "partially_shipped")) == {"shipped": 2, "allocated": 1}
    await house.tell(second["fulfillment_order"], "shipped")
    assert units(await house.until(name, "shipped")) == {"shipped": 3}


async def under_way(house: House) -> tuple[str, str]:
    """An order of one unit that has left; answers its name and its fulfillment order."""
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work: str = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "shipped")
    await house.settle(name)
    return name, work


async def test_a_parcel_without_messages_counts_as_delivered_and_a_later_message_corrects_the_date(
    small_house: House,
) -> None:
    house = small_house
    name, work = await under_way(house)

    await house.wait_out(name)
    assumed = await house.until(name, "delivered")
    arrived = datetime.now(UTC)
    await house.tell(work, "delivered", occurred_at=arrived.isoformat())

    corrected = await house.settle(name)
    assert datetime.fromisoformat(assumed["closes_at"]) > arrived + timedelta(days=33)
    assert datetime.fromisoformat(corrected["closes_at"]) == arrived + timedelta(days=30)
    await house.skip_to(name, corrected["closes_at"])
    await house.until(name, "completed")


async def test_units_that_three_nodes_rejected_are_left_to_a_person_who_may_cancel_them(small_house: House) -> None:
    house = small_house
    for node in ("reroutes", "asks", "escalates", "spare"):
        await house.stock(node, SERUM_30=1)
    name = await house.place(("SERUM-30", 1))

    nodes = []
    for attempt in (1, 2, 3):
        work = await house.work(name, attempt)
        nodes.append(work["node"])
        await house.tell(work["fulfillment_order"], "rejected")
    document = await house.settle(name)

    assert sorted(nodes) == ["asks", "escalates", "reroutes"]
    assert units(document) == {"open": 1}
    assert [exception["code"] for exception in document["exceptions"]] == ["unfilled"]
    await house.skip(name, timedelta(days=3))
    assert len((await house.settle(name))["fulfillment_orders"]) == 3
    assert (await house.ask(name, "cancel")).status_code == 200
    await house.until(name, "cancelled")


async def test_a_parcel_that_could_not_be_delivered_does_not_count_as_delivered_before_a_person_resolves_it(
    small_house: House,
) -> None:
    house = small_house
    name, work = await under_way(house)
    await house.tell(work, "delivery_failed", reason="nobody at home")
    await house.settle(name)

    await house.skip(name, timedelta(days=30))

    document = await house.settle(name)
    assert document["status"] == "shipped"
    assert await house.asleep_for_ever(name, document) == ""
    failed = document["exceptions"][0]["exception"]
    assert (await house.ask(name, "resolve", exception=failed, reason="it goes out again")).status_code == 200
    await house.wait_out(name)
    document = await house.until(name, "delivered")
    assert not document["needs_attention"]


async def test_a_parcel_that_is_reported_delivered_by_its_number_delivers_its_units_and_keeps_its_tracking(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    for parcel, quantity in (("A", 2), ("B", 1)):
        held = {"lines": [{"line": "1", "quantity": quantity}], "carrier": "ups", "tracking": f"1Z{parcel}"}
        await house.tell(work, "shipped", packages=[{"package": parcel} | held])

    await house.tell(work, "delivered", packages=[{"package": "A"}])

    document = await house.order(name)
    assert (document["status"], document["lines"][0]["delivered"]) == ("shipped", 2)
    parcels = document["fulfillment_orders"][0]["packages"]
    assert [(one["carrier"], one["tracking"], one["lines"][0]["quantity"]) for one in parcels] == [
        ("ups", "1ZA", 2),
        ("ups", "1ZB", 1),
    ]
