"""What is pinned and not released is planned again: at release, and on demand; never past the promise."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from starter.explain import explain
from starter.resource import resource
from tests.house import MASTER_KEYS, SMALL_MAP, House, units
from transactions.prepare import apply_network

IN_TEN_DAYS = timedelta(days=10)


async def rounds(house: House, name: str) -> list[list[str]]:
    """The nodes of each round's shipments."""
    found = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    return [[shipment["node"] for shipment in one["shipments"]] for one in found]


async def for_later(house: House, *lines: tuple[str, int]) -> str:
    return await house.place(*lines, not_before=(datetime.now(UTC) + IN_TEN_DAYS).isoformat())


async def test_an_order_for_later_ships_from_the_nearer_node_that_got_stock_meanwhile(small_house: House) -> None:
    house = small_house
    await house.stock("asks", SERUM_30=2)
    name = await for_later(house, ("SERUM-30", 2))
    promised = (await house.settle(name))["promise"]
    await house.stock("reroutes", SERUM_30=2)

    await house.skip(name, IN_TEN_DAYS + timedelta(minutes=1))

    assert (await house.work(name))["node"] == "reroutes"
    assert await rounds(house, name) == [["asks"], ["reroutes"]]
    assert await house.available("SERUM-30") == {"asks": 2, "reroutes": 0}
    assert (await house.order(name))["promise"] == promised


async def test_an_order_is_not_swapped_to_a_nearer_node_that_would_break_its_promise(small_house: House) -> None:
    house = small_house
    await house.stock("spare", SERUM_30=1)  # its day ends an hour earlier than in Denver, and so does its promise
    name = await for_later(house, ("SERUM-30", 1))
    await house.settle(name)
    await house.stock("reroutes", SERUM_30=1)

    assert await resource(house.database_url, MASTER_KEYS) == 0

    assert await rounds(house, name) == [["spare"]]


async def test_two_boxes_become_one_when_one_node_can_fill_everything_now(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("spare", TONER_200=1)
    name = await for_later(house, ("SERUM-30", 1), ("TONER-200", 1))
    await house.settle(name)
    await house.stock("asks", SERUM_30=1, TONER_200=1)

    await house.skip(name, IN_TEN_DAYS + timedelta(minutes=1))

    assert [work["node"] for work in (await house.settle(name))["fulfillment_orders"]] == ["asks"]


async def test_an_order_keeps_its_node_when_nothing_is_better(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    name = await for_later(house, ("SERUM-30", 2))
    await house.settle(name)
    await house.stock("spare", SERUM_30=2)

    await house.skip(name, IN_TEN_DAYS + timedelta(minutes=1))

    assert (await house.work(name))["node"] == "reroutes"
    assert await rounds(house, name) == [["reroutes"]]


async def test_a_full_node_does_not_lose_the_orders_that_it_is_full_of(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await apply_changed(house, tmp_path, "nodes.toml", 'id = "reroutes"', 'id = "reroutes"\ncapacity_per_day = 1')
    await house.stock("reroutes", SERUM_30=1)
    name = await for_later(house, ("SERUM-30", 1))
    await house.settle(name)
    await house.stock("spare", SERUM_30=1)

    await house.skip(name, IN_TEN_DAYS + timedelta(minutes=1))

    assert (await house.work(name))["node"] == "reroutes"


async def test_on_demand_orders_on_hold_are_swapped_at_once_and_their_workflows_are_signalled(
    small_house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house = small_house
    await house.stock("asks", SERUM_30=2)
    held = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    other = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    before = (await house.settle(held))["version"]
    await house.settle(other)
    await house.stock("reroutes", SERUM_30=1)

    assert await resource(house.database_url, MASTER_KEYS) == 0

    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        f"{held}: asks at 0.00 -> reroutes at 0.00",
        "2 orders looked at, 1 swapped: cost +0.00, shipments +0",
    ]
    assert await rounds(house, held) == [["asks"], ["reroutes"]]
    assert units(await house.settle(held)) == {"reserved": 1}
    assert (await house.settle(held))["version"] == before + 1
    assert await house.available("SERUM-30") == {"reroutes": 0, "asks": 1}


async def test_an_explanation_names_the_chosen_node_and_why_the_others_were_not(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("spare", SERUM_30=3)
    name = await house.place(("SERUM-30", 3), postal_code="80202")
    await house.settle(name)
    output = io.StringIO()

    assert await explain(house.database_url, name, Console(file=output, width=120)) == 0
    assert await explain(house.database_url, "web-nobody") == 1

    printed = output.getvalue()
    assert f"{name}, round 1" in printed
    assert "spare ships 3 of SERUM-30 (line 1)" in printed
    assert "1 of 3 units" in printed
    assert "asks" in printed


async def apply_changed(house: House, directory: Path, file: str, old: str, new: str) -> None:
    for one in SMALL_MAP.iterdir():
        text = one.read_text()
        (directory / one.name).write_text(text.replace(old, new) if one.name == file else text)
    assert await apply_network(house.database_url, directory) == []
