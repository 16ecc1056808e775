"""Orders with many lines and long histories: payloads stay small, and continue-as-new loses nothing."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from tests.house import SMALL_MAP, Document, House, now, units
from transactions.prepare import apply_network
from workflows.visibility import NODES

LINES = 120
"""With its fulfillment order, these are more rows than a signal carries."""
MOST_LINES = 2000
"""With two fulfillment orders, these are more rows than Temporal should carry."""
CARRIED_BYTES_MAX = 600_000
"""Temporal refuses 2 MB."""

LINES_OF_MANY, NODES_OF_MANY, ATTEMPTS = 1000, 20, 3


async def large(house: House) -> tuple[str, str]:
    """An order of many lines that its node may work on; answers its name and its fulfillment order."""
    await house.stock("reroutes", SERUM_30=LINES)
    name = await house.place(*[("SERUM-30", 1)] * LINES)
    work = (await house.work(name))["fulfillment_order"]
    await house.settle(name)
    return name, work


async def view(house: House, name: str) -> Document:
    """The workflow's copy."""
    seen: Document = await house.workflow(name).query("view", result_type=dict[str, Any])
    return seen


async def test_signals_of_a_large_order_leave_its_lines_out_and_they_are_read_in_a_quiet_minute(
    small_house: House,
) -> None:
    house = small_house
    name, work = await large(house)

    await house.tell(work, "shipped", {"1": 1})
    await house.settle(name)
    states = [
        json.loads(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)["recorded"]
        async for event in house.workflow(name).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    at_first = await view(house, name)
    await house.skip(name, timedelta(minutes=2))
    later = await house.settle(name)

    assert [state["totals"] for state in states] == [{"allocated": LINES - 1, "shipped": 1}]
    assert (states[0]["lines"], states[0]["fulfillment_orders"][0]["lines"]) == ([], [])
    assert (len(at_first["lines"]), units(at_first)) == (LINES, {"allocated": 1})
    assert units(await view(house, name)) == units(later) == {"shipped": 1}


async def test_a_large_order_completes_although_its_signals_have_no_lines(small_house: House) -> None:
    house = small_house
    name, work = await large(house)
    await house.stock("spare", SERUM_30=LINES)

    await house.tell(work, "picked", {"1": 1}, final=True)
    await house.tell(work, "shipped")
    await house.fulfill((await house.work(name, 2))["fulfillment_order"])
    await house.tell(work, "delivered")
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])

    assert (await house.until(name, "completed"))["exceptions"] == []
    await house.check_invariants()


async def test_a_long_history_continues_as_new_and_the_order_goes_on_where_it_stood(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "delivered", {"1": 1})
    back = await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])
    before = await house.settle(name)
    first = (await house.workflow(name).describe()).run_id

    await house.fill_its_history(house.workflow(name))
    await house.settle(name)
    gone_on = await house.workflow(name).describe()
    seen = await view(house, name)
    await house.ask(name, "hold", hold="fraud")
    await house.wait_out(name)
    asked = await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    await house.tell(work, "shipped")

    assert gone_on.run_id != first
    assert gone_on.typed_search_attributes[NODES] == ["reroutes"]
    assert (seen["version"], units(seen)) == (before["version"], units(before))
    assert units(asked) == {"allocated": 2, "shipped": 1}
    assert units(await house.until(name, "shipped")) == {"shipped": 3}
    graded = {"message_id": "back-1", "kind": "graded", "occurred_at": now(), "node": "reroutes"}
    unit = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await house.http.post(f"/returns/{back.json()['return']}/messages", json=graded | {"lines": [unit]})
    paid = await house.until(name, lambda found: found["returns"][0]["status"] != "authorized")
    assert (paid["lines"][0]["returned"], await house.available("SERUM-30")) == (1, {"reroutes": 1})
    await house.check_invariants()


async def test_an_order_grown_beyond_what_temporal_carries_goes_on_and_nothing_that_travels_is_large(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=MOST_LINES)
    await house.stock("asks", SERUM_30=MOST_LINES)
    name = await house.place(*[("SERUM-30", 1)] * MOST_LINES)
    await house.tell((await house.work(name))["fulfillment_order"], "rejected")
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.settle(name)
    seen = await view(house, name)
    await house.tell(second, "delivered")
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")

    assert (seen["status"], len(seen["fulfillment_orders"])) == ("in_fulfillment", 2)
    assert [line["shipped"] for line in delivered["lines"]] == [1] * MOST_LINES
    assert max([event.ByteSize() async for event in house.workflow(name).fetch_history_events()]) < CARRIED_BYTES_MAX
    await house.check_invariants()


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_a_thousand_lines_over_twenty_nodes_are_seen_through_three_attempts_and_five_thousand_messages(
    house: House, tmp_path: Path
) -> None:
    assert await apply_network(house.database_url, _twenty_nodes(tmp_path)) == []
    for node in range(NODES_OF_MANY):
        skus = [line for line in range(LINES_OF_MANY) if (node - line) % NODES_OF_MANY < ATTEMPTS]
        await house.stock(f"n{node:02}", **{f"S{line:04}": 2 for line in skus})
    name = await house.place(*[(f"S{line:04}", 2) for line in range(LINES_OF_MANY)])

    for _ in range(ATTEMPTS - 1):
        document = await _settled(house, name)
        for work in [fo for fo in document["fulfillment_orders"] if fo["status"] == "released"]:
            await house.tell(work["fulfillment_order"], "rejected", reason="too much")
    works = [fo for fo in (await _settled(house, name))["fulfillment_orders"] if fo["status"] == "released"]
    states = [(work["fulfillment_order"], line["line"]) for work in works for line in work["lines"]]
    for kind, times in (("picked", 1), ("shipped", 2), ("delivered", 2)):
        for _ in range(times):
            for work_name, line in states:
                await house.tell(work_name, kind, {line: 2 // times})

    document = await house.until(name, "delivered")
    assert {line["delivered"] for line in document["lines"]} == {2}
    assert {fo["attempt"] for fo in document["fulfillment_orders"]} == set(range(1, ATTEMPTS + 1))
    assert document["exceptions"] == []
    await house.check_invariants()


async def _settled(house: House, name: str) -> Document:
    """An order all of whose units are with nodes."""
    return await house.until(name, lambda found: sum(line["allocated"] for line in found["lines"]) == 2 * LINES_OF_MANY)


def _twenty_nodes(directory: Path) -> Path:
    """A network of twenty nodes in a row, of which each has every twentieth item and those of its two neighbours."""
    node = 'id = "n{0:02}"\nkind = "dc"\ncountry = "US"\nlatitude = {1}.0\nlongitude = -105.0\ntime_zone = "UTC"\n'
    deadlines = 'accept_within = "30d"\nship_within = "30d"\n'
    nodes = "".join(f"[[node]]\n{node.format(n, 30 + n)}{deadlines}\n" for n in range(NODES_OF_MANY))
    (directory / "nodes.toml").write_text(nodes)
    policy = (SMALL_MAP / "policy.toml").read_text().replace("max_shipments = 3", f"max_shipments = {NODES_OF_MANY}")
    (directory / "policy.toml").write_text(policy)
    items = "".join(f"S{line:04},Item {line},100,0,\n" for line in range(LINES_OF_MANY))
    (directory / "items.csv").write_text(f"sku,name,weight_g,safety_stock,components\n{items}")
    return directory
