"""Cancelling an order: at once, or by asking its node, and what follows from each answer of the node."""

import pytest

from tests.house import House, now, units


async def accepted_by(house: House, node: str) -> tuple[str, str]:
    """An order of two units that its node has accepted; answers its name and its fulfillment order."""
    await house.stock(node, SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "accepted")
    await house.settle(name)
    return name, work


async def test_an_order_that_no_node_has_accepted_is_cancelled_at_once_and_its_workflow_ends(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)

    answer = await house.ask(name, "cancel", reason="changed my mind")

    assert answer.status_code == 200
    assert [(row["line"], row["quantity"]) for row in answer.json()["cancelled"]] == [("1", 2)]
    assert await house.workflow(name).result() == {"status": "cancelled"}
    assert await house.available("SERUM-30") == {"reroutes": 2}


async def test_a_cancel_that_needs_the_nodes_consent_is_pending_and_consent_cancels_it(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")

    answer = await house.ask(name, "cancel")

    assert [(row["line"], row["quantity"]) for row in answer.json()["pending"]] == [("1", 2)]
    assert units(await house.order(name)) == {"allocated": 2}
    await house.tell(work, "cancel_accepted")
    document = await house.until(name, "cancelled")
    assert units(document) == {"cancelled": 2}
    assert await house.available("SERUM-30") == {"reroutes": 2}
    assert await house.workflow(name).result() == {"status": "cancelled"}


async def test_units_whose_cancel_is_pending_are_not_cancelled_a_second_time(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    assert (await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])).status_code == 200

    again = await house.ask(name, "cancel")
    third = await house.ask(name, "cancel")

    assert [(row["line"], row["quantity"]) for row in again.json()["pending"]] == [("1", 1)]
    assert [(row["line"], row["quantity"]) for row in again.json()["refused"]] == [("1", 1)]
    assert third.status_code == 409
    await house.tell(work, "cancel_accepted")
    assert units(await house.until(name, "cancelled")) == {"cancelled": 2}


async def test_part_of_a_line_can_be_cancelled_while_the_rest_ships(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])

    await house.tell(work, "cancel_accepted", {"1": 1})
    await house.tell(work, "shipped")

    document = await house.until(name, "shipped")
    assert units(document) == {"shipped": 1, "cancelled": 1}
    assert len(document["fulfillment_orders"]) == 1
    assert await house.available("SERUM-30") == {"reroutes": 1}


async def test_a_node_that_refuses_to_cancel_ships(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.ask(name, "cancel")

    await house.tell(work, "cancel_rejected")

    document = await house.settle(name)
    assert (document["fulfillment_orders"][0]["request"], units(document)) == ("cancel_rejected", {"allocated": 2})
    await house.tell(work, "shipped")
    assert units(await house.until(name, "shipped")) == {"shipped": 2}


async def test_a_parcel_that_left_before_the_node_got_the_cancel_request_is_shipped(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.ask(name, "cancel")

    await house.tell(work, "shipped")

    document = await house.until(name, "shipped")
    assert units(document) == {"shipped": 2}
    assert not document["needs_attention"]


async def test_a_silent_node_that_may_be_bypassed_loses_the_cancelled_units_behind_the_fence(
    small_house: House,
) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.ask(name, "cancel")

    await house.wait_out(name)

    document = await house.until(name, "cancelled")
    assert document["fulfillment_orders"][0]["request"] == "timed_out"
    assert await house.available("SERUM-30") == {"reroutes": 0}, "they may still leave, so they are offered to no order"
    await house.tell(work, "cancel_accepted")
    assert await house.available("SERUM-30") == {"reroutes": 2}
    assert await house.workflow(name).result() == {"status": "cancelled"}


async def test_cancelled_units_that_a_silent_node_ships_after_all_open_an_exception(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.ask(name, "cancel")
    await house.wait_out(name)
    await house.until(name, "cancelled")

    await house.tell(work, "shipped")

    document = await house.settle(name)
    assert units(document) == {"cancelled": 2}
    assert [exception["code"] for exception in document["exceptions"]] == ["double_ship"]


@pytest.mark.parametrize("node", ["asks", "escalates"])
async def test_a_silent_node_that_must_not_be_bypassed_leaves_the_cancel_to_a_person(
    small_house: House, node: str
) -> None:
    house = small_house
    name, work = await accepted_by(house, node)
    await house.ask(name, "cancel")

    await house.wait_out(name)

    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert [exception["code"] for exception in document["exceptions"]] == ["cancel_unanswered"]
    assert units(document) == {"allocated": 2}
    await house.tell(work, "cancel_accepted")
    await house.until(name, "cancelled")


async def test_what_has_shipped_cannot_be_cancelled(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.tell(work, "shipped")
    await house.settle(name)

    answer = await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])

    assert answer.status_code == 409
    assert [(row["line"], row["quantity"]) for row in answer.json()["refused"]] == [("1", 1)]


async def test_the_temporal_uis_cancel_button_cancels_an_order_that_no_node_has_accepted(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.settle(name)

    await house.workflow(name).cancel()

    assert await house.workflow(name).result() == {"status": "cancelled"}, "completed, not torn down"
    assert units(await house.order(name)) == {"cancelled": 2}
    assert await house.available("SERUM-30") == {"reroutes": 2}


async def test_the_cancel_button_asks_the_node_and_the_order_lives_on_to_its_proper_end(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")

    await house.workflow(name).cancel()

    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    await house.tell(work, "cancel_rejected")
    await house.tell(work, "shipped")
    await house.tell(work, "delivered")
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")
    assert await house.workflow(name).result() == {"status": "completed"}


async def test_the_cancel_button_on_a_shipped_order_changes_nothing(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    await house.tell(work, "shipped")
    await house.settle(name)

    await house.workflow(name).cancel()

    assert units(await house.settle(name)) == {"shipped": 2}
    await house.tell(work, "delivered")
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")


async def test_a_message_on_its_way_survives_the_cancel_button(small_house: House) -> None:
    house = small_house
    name, work = await accepted_by(house, "reroutes")
    facts = {
        "fulfillment_order": work,
        "message_id": f"survivor-{name}",
        "kind": "shipped",
        "occurred_at": now(),
        "lines": [{"line": "1", "quantity": 1}],
    }

    await house.workflow(name).signal("node_message", facts)
    await house.workflow(name).cancel()

    document = await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    assert units(document) == {"shipped": 1, "allocated": 1}
    await house.tell(work, "cancel_accepted")
    assert units(await house.until(name, "shipped")) == {"shipped": 1, "cancelled": 1}
