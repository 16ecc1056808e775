"""Nodes that stay silent: what the order does by itself, and what follows from late answers."""

from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.house import SMALL_MAP, Document, House, units
from transactions.prepare import apply_network
from workflows.visibility import NEEDS_ATTENTION


async def silent(house: House, node: str) -> tuple[str, str]:
    """An order of two units whose node has let its time to accept pass; answers its name and its fulfillment order."""
    await house.stock(node, SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    first = await house.work(name)
    assert first["node"] == node
    await house.wait_out(name)
    return name, first["fulfillment_order"]


def codes(document: Document) -> list[str]:
    """The codes of the open exceptions."""
    return [exception["code"] for exception in document["exceptions"]]


async def test_a_silent_nodes_work_goes_elsewhere_and_its_units_stay_in_doubt(small_house: House) -> None:
    house = small_house
    name, _ = await silent(house, "reroutes")

    second = await house.work(name, 2)

    assert (second["node"], second["attempt"], second["lines"][0]["quantity"]) == ("spare", 2, 2)
    first = await house.work(name)
    assert (first["status"], first["request"]) == ("cancelled", "timed_out")
    assert await house.available("SERUM-30") == {"reroutes": 0, "spare": 0}, "units in doubt are offered to no order"
    document = await house.settle(name)
    assert units(document) == {"allocated": 2}
    assert codes(document) == []


async def test_a_silent_node_that_consents_late_gets_its_units_back(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "reroutes")
    await house.work(name, 2)

    await house.tell(first, "cancel_accepted")

    assert await house.available("SERUM-30") == {"reroutes": 2, "spare": 0}
    document = await house.settle(name)
    assert [work["status"] for work in document["fulfillment_orders"]] == ["cancelled", "released"]
    assert codes(document) == []


async def test_goods_that_leave_a_silent_node_late_replace_work_that_no_node_has_accepted(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "reroutes")
    await house.work(name, 2)

    await house.tell(first, "shipped")

    document = await house.until(name, "shipped")
    assert [work["status"] for work in document["fulfillment_orders"]] == ["shipped", "cancelled"]
    assert units(document) == {"shipped": 2}
    assert codes(document) == []
    assert await house.available("SERUM-30") == {"reroutes": 0, "spare": 2}


async def test_goods_that_leave_two_nodes_open_one_exception(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "reroutes")
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.tell(second, "accepted")

    await house.tell(first, "shipped")
    assert codes(await house.settle(name)) == ["double_ship"]
    await house.tell(second, "shipped")

    document = await house.until(name, "shipped")
    assert units(document) == {"shipped": 2}, "the customer ordered two, whatever left"
    assert codes(await house.settle(name)) == ["double_ship"]
    levels = (await house.http.get("/stock/SERUM-30")).json()["nodes"]
    assert {row["node"]: row["on_hand"] for row in levels} == {"reroutes": 0, "spare": 0}


async def test_a_silent_node_that_accepts_late_changes_nothing_until_it_ships(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "reroutes")
    await house.work(name, 2)

    await house.tell(first, "accepted")

    document = await house.settle(name)
    assert [work["request"] for work in document["fulfillment_orders"]] == ["timed_out", "sent"]
    assert await house.available("SERUM-30") == {"reroutes": 0, "spare": 0}
    assert codes(document) == []


async def test_a_dead_attempt_keeps_its_order_open_for_thirty_days_and_then_opens_an_exception(
    small_house: House,
) -> None:
    house = small_house
    name, first = await silent(house, "reroutes")
    await house.fulfill((await house.work(name, 2))["fulfillment_order"])
    delivered = await house.until(name, "delivered")
    assert delivered["closes_at"] is None, "a return window that is over does not close it"

    await house.wait_out(name)
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert codes(document) == ["node_silent"]
    await house.skip_to(name, document["closes_at"])
    await house.until(name, "completed")

    await house.tell(first, "cancel_accepted")
    assert (await house.available("SERUM-30"))["reroutes"] == 2, "a closed order still has a mailbox"


async def test_a_silent_node_that_is_to_be_asked_keeps_the_work_until_it_consents(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "asks")

    asked = await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    assert len(asked["fulfillment_orders"]) == 1
    assert units(asked) == {"allocated": 2}
    await house.tell(first, "cancel_accepted")

    second = await house.work(name, 2)
    assert (second["node"], second["attempt"]) == ("spare", 2)
    assert await house.available("SERUM-30") == {"asks": 2, "spare": 0}
    assert units(await house.settle(name)) == {"allocated": 2}, (
        "silence is no cancel request of the customer: nothing is cancelled"
    )


async def test_a_silent_node_that_refuses_to_cancel_keeps_the_work_and_ships_it(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "asks")
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")

    await house.tell(first, "cancel_rejected")

    document = await house.settle(name)
    assert document["fulfillment_orders"][0]["request"] == "cancel_rejected", "it is not asked again at once"
    await house.tell(first, "shipped")
    document = await house.until(name, "shipped")
    assert len(document["fulfillment_orders"]) == 1


async def test_a_node_that_does_not_even_answer_a_request_to_cancel_is_a_persons_case(small_house: House) -> None:
    house = small_house
    name, first = await silent(house, "asks")
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")

    await house.wait_out(name)

    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert codes(document) == ["cancel_unanswered"]
    assert len(document["fulfillment_orders"]) == 1
    await house.tell(first, "shipped")
    await house.until(name, "shipped")


async def test_a_silent_node_that_must_not_be_bypassed_is_a_persons_case_and_may_still_answer(
    small_house: House,
) -> None:
    house = small_house
    name, first = await silent(house, "escalates")

    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert codes(document) == ["node_silent"]
    assert [work["request"] for work in document["fulfillment_orders"]] == ["sent"]
    await house.fulfill(first)

    document = await house.until(name, "delivered")
    assert len(document["fulfillment_orders"]) == 1
    assert (codes(document), document["needs_attention"]) == ([], False)
    await house.settle(name)
    found = (await house.workflow(name).describe()).typed_search_attributes
    assert found[NEEDS_ATTENTION] is False, "the Temporal UI shows it too"


async def test_a_node_that_is_given_more_time_while_it_works_gets_it(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    before = await house.work(name)
    patient_map = copytree(SMALL_MAP, tmp_path / "network")
    nodes = (patient_map / "nodes.toml").read_text()
    (patient_map / "nodes.toml").write_text(nodes.replace('accept_within = "4h"', 'accept_within = "8h"'))
    assert await apply_network(house.database_url, patient_map) == []

    await house.wait_out(name)

    document = await house.until(name, lambda found: found["fulfillment_orders"][0]["deadline"] != before["deadline"])
    work = document["fulfillment_orders"][0]
    assert work["request"] == "sent"
    assert datetime.fromisoformat(work["deadline"]) == datetime.fromisoformat(work["released_at"]) + timedelta(hours=8)


@pytest.mark.parametrize("node", ["reroutes", "asks", "escalates"])
async def test_a_node_that_accepted_and_does_not_ship_in_time_is_asked_to_cancel_whatever_it_does_about_silence(
    small_house: House, node: str
) -> None:
    house = small_house
    await house.stock(node, SERUM_30=1)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "accepted")
    await house.settle(name)

    await house.wait_out(name)

    asked = await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    assert len(asked["fulfillment_orders"]) == 1
    await house.tell(first, "cancel_accepted")
    assert (await house.work(name, 2))["node"] == "spare"
