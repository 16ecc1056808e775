"""Nodes that do not poll: each is called with its work, with every wish to cancel, and when its work was given up."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from starter.embedded.ports import free_port
from starter.prepare import apply_network
from tests.called import Listener, listening
from tests.house import SMALL_MAP, Document, House, units

SECRET = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"


@pytest.fixture
async def warehouse(small_house: House, tmp_path: Path) -> AsyncIterator[Listener]:
    """The server of `reroutes`, which is called with its work."""
    made = Listener(free_port())
    changed = copytree(SMALL_MAP, tmp_path / "network")
    nodes = (changed / "nodes.toml").read_text()
    called = f'id = "reroutes"\ndispatch = "webhook"\nurl = "{made.url}"\nsecret = "{SECRET}"'
    (changed / "nodes.toml").write_text(nodes.replace('id = "reroutes"', called))
    assert await apply_network(small_house.database_url, changed) == []
    async with listening(made):
        yield made


async def called(warehouse: Listener, times: int) -> list[Document]:
    """What the warehouse was called with, once it was called so often."""
    await warehouse.until(lambda: len(warehouse.calls) >= times)
    assert all(call.is_signed_with(SECRET) for call in warehouse.calls)
    assert len({call.headers["webhook-id"] for call in warehouse.calls}) == len(warehouse.calls)
    return [call.document for call in warehouse.calls]


async def accepted(house: House, warehouse: Listener) -> tuple[str, str]:
    """An order of three units that the warehouse was called with, and has accepted."""
    await house.stock("reroutes", SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    await called(warehouse, 1)
    await house.tell(work, "accepted")
    await house.settle(name)
    return name, work


def asked(call: Document) -> tuple[str, list[int]]:
    """What a call is for, and the units of each line that the node is asked to stop."""
    return call["request"], [line["cancel_requested"] for line in call["lines"]]


async def test_a_node_is_called_with_its_work_and_with_every_wish_to_cancel(
    small_house: House, warehouse: Listener
) -> None:
    house = small_house
    name, work = await accepted(house, warehouse)
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    await called(warehouse, 2)
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    await called(warehouse, 3)
    await house.tell(work, "cancel_accepted")
    await house.until(name, lambda found: units(found) == {"allocated": 1, "cancelled": 2})
    await house.ask(name, "cancel")

    calls = await called(warehouse, 4)
    wishes = [("cancel_requested", [n]) for n in (1, 2, 1)]
    assert [asked(call) for call in calls] == [("unsent", [0]), *wishes]


async def test_a_node_whose_work_was_given_up_is_told_so(small_house: House, warehouse: Listener) -> None:
    house = small_house
    name, work = await accepted(house, warehouse)
    await house.wait_out(name)
    await called(warehouse, 2)
    await house.settle(name)
    await house.wait_out(name)

    calls = await called(warehouse, 3)
    assert [asked(call) for call in calls] == [("unsent", [0]), ("cancel_requested", [3]), ("timed_out", [0])]
    assert [line["in_doubt"] for line in calls[-1]["lines"]] == [3]
    await house.tell(work, "cancel_accepted")
    assert await house.available("SERUM-30") == {"reroutes": 3}


async def test_a_node_that_could_not_be_called_before_its_work_was_at_risk_is_called_on(
    small_house: House, warehouse: Listener, tmp_path: Path
) -> None:
    house, policy = small_house, tmp_path / "network" / "policy.toml"
    policy.write_text(policy.read_text().replace("[orders]", '[orders]\nat_risk_before = "90d"'))
    assert await apply_network(house.database_url, policy.parent) == []
    warehouse.status = lambda _: 503
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await warehouse.until(lambda: bool(warehouse.calls))

    await house.skip(name, timedelta(minutes=1))

    await house.until(name, lambda found: [known["code"] for known in found["exceptions"]] == ["at_risk"])
    warehouse.status = lambda _: 204
    await house.skip(name, timedelta(minutes=1))
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "sent")
