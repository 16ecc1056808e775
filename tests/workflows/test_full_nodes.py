"""Units at a node that is full, or in its cool-down, wait no longer than they must."""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.house import SMALL_MAP, Document, House, units
from transactions.prepare import apply_network

ZONE = ZoneInfo(tomllib.loads((SMALL_MAP / "nodes.toml").read_text())["node"][0]["time_zone"])
A_MINUTE = timedelta(minutes=1)


async def apply_changed(house: House, directory: Path, old: str, new: str) -> None:
    for file in SMALL_MAP.iterdir():
        (directory / file.name).write_text(file.read_text().replace(old, new))
    assert await apply_network(house.database_url, directory) == []


async def waits_until(house: House, name: str) -> datetime:
    """When a waiting order plans again by itself; a minute earlier it still waits."""
    document = await house.until(name, lambda found: found["looks_again_at"] is not None)
    moment = datetime.fromisoformat(document["looks_again_at"])
    await house.skip_to(name, (moment - A_MINUTE).isoformat())
    assert units(await house.settle(name)) == {"backordered": 1}
    return moment


async def released_at(house: House, name: str) -> datetime:
    """When the order's first work was released, which must be at the node in question."""
    work: Document = await house.work(name)
    assert work["node"] == "reroutes"
    return datetime.fromisoformat(work["released_at"])


@pytest.mark.parametrize("comes_first", ["the goods", "the order"])
async def test_what_a_full_node_could_not_take_is_released_to_it_as_soon_as_its_next_day_begins(
    small_house: House, tmp_path: Path, comes_first: str
) -> None:
    house = small_house
    await apply_changed(house, tmp_path, 'id = "reroutes"', 'id = "reroutes"\ncapacity_per_day = 1')
    await house.stock("reroutes", SERUM_30=1)
    await house.work(await house.place(("SERUM-30", 1)))
    if comes_first == "the goods":
        await house.stock("reroutes", TONER_200=1)
    name = await house.place(("TONER-200", 1))
    await house.settle(name)
    if comes_first == "the order":
        await house.stock("reroutes", TONER_200=1)

    midnight = await waits_until(house, name)
    await house.skip_to(name, midnight.isoformat())

    assert f"{midnight.astimezone(ZONE):%H:%M:%S}" == "00:00:00"
    assert timedelta() <= await released_at(house, name) - midnight < A_MINUTE
    assert (await house.settle(name))["looks_again_at"] is None


async def test_what_a_node_rejected_is_asked_of_it_again_as_soon_as_the_cool_down_has_ended(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await apply_changed(house, tmp_path, "[orders]", '[orders]\nreject_cooldown = "2h"')
    await house.stock("reroutes", SERUM_30=2)
    rejected = await house.place(("SERUM-30", 1))
    await house.tell((await house.work(rejected))["fulfillment_order"], "rejected")
    name = await house.place(("SERUM-30", 1))

    ends_at = await waits_until(house, name)
    await house.skip_to(name, ends_at.isoformat())

    assert timedelta() <= await released_at(house, name) - ends_at < A_MINUTE
    assert len((await house.settle(rejected))["fulfillment_orders"]) == 1, "its own units have tried it"
