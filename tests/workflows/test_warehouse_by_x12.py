"""A warehouse that is reached by X12, with the whole service: files in a directory, workflows on Temporal."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest_asyncio

from tests.house import SMALL_MAP, House, units
from tests.peers.warehouse import Asked, Warehouse
from tests.peers.warehouse_in_a_directory import DirectoryWarehouse
from transactions.prepare import apply_network

KEYS = """dispatch = "edi940"
us = {{qualifier = "ZZ", id = "SWITCHYARD"}}
partner = {{qualifier = "12", id = "8015550100"}}
drop = "{drop}"
poll = "1s"
"""


def network_of(folder: Path, drop: Path) -> Path:
    """The small map, whose node `reroutes` is reached by X12."""
    copied = copytree(SMALL_MAP, folder / "network", dirs_exist_ok=True)
    keys = KEYS.format(drop=drop)
    nodes = (SMALL_MAP / "nodes.toml").read_text().replace('id = "reroutes"', f'id = "reroutes"\n{keys}')
    (copied / "nodes.toml").write_text(nodes)
    return copied


def work(warehouse: Warehouse, asked: Asked) -> bytes | None:
    """Ships three of three with an SSCC, one of two, nothing of what is cancelled, and says nothing of four."""
    ((item, wanted),) = asked.lines.values()
    if asked.purpose == "F":
        return warehouse.ship(asked.number, {item: 0}) if wanted == 1 else None
    match wanted:
        case 3:
            return warehouse.ship(asked.number, cartons=["00006141410012345675"])
        case 2:
            return warehouse.ship(asked.number, {item: 1})
    return None


@pytest_asyncio.fixture
async def warehouse(small_house: House, tmp_path: Path) -> AsyncIterator[DirectoryWarehouse]:
    """The warehouse of `reroutes`."""
    drop = tmp_path / "drop"
    drop.mkdir()
    assert await apply_network(small_house.database_url, network_of(tmp_path, drop)) == []
    async with DirectoryWarehouse(drop, work).running() as running:
        yield running


async def test_orders_are_shipped_short_cancelled_and_fenced_by_files(
    small_house: House, warehouse: DirectoryWarehouse
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=20)
    whole, short, cancelled, silent = [await house.place(("SERUM-30", wanted)) for wanted in (3, 2, 1, 4)]

    for name in (cancelled, silent):
        await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["accepted"])
    answer = await house.ask(cancelled, "cancel")
    assert [line["quantity"] for line in answer.json()["pending"]] == [1], (
        "what a warehouse was sent is only asked back"
    )
    await house.stock("spare", SERUM_30=10)

    document = await house.until(whole, "shipped")
    assert [one["package"] for one in document["fulfillment_orders"][0]["packages"]] == ["006141410012345675"]
    document = await house.until(short, lambda found: len(found["fulfillment_orders"]) == 2)
    assert [(fo["node"], fo["attempt"]) for fo in document["fulfillment_orders"]] == [("reroutes", 1), ("spare", 2)]
    await house.until(cancelled, "cancelled")

    await house.wait_out(silent)
    await house.until(silent, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    await house.wait_out(silent)
    document = await house.until(silent, lambda found: len(found["fulfillment_orders"]) == 2)
    assert document["fulfillment_orders"][0]["request"] == "timed_out"
    assert units(document) == {"allocated": 4}
    warehouse.leave(warehouse.warehouse.ship(f"{silent}-f1"))
    document = await house.until(silent, "shipped")
    assert units(document) == {"shipped": 4}, "what left is a fact, and its replacement is withdrawn"
    await house.check_invariants()
