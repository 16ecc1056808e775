"""Orders that wait: for a hold to be taken off, for a day, for stock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

from starter.prepare import apply_network
from tests.house import SMALL_MAP, House, units


async def test_an_order_on_hold_keeps_its_stock_and_is_released_when_the_last_hold_is_off(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), holds=[{"hold": "fraud", "reason": "new address"}])
    await house.ask(name, "hold", hold="payment")

    await house.skip(name, timedelta(days=3))

    held = await house.settle(name)
    assert (held["status"], held["fulfillment_orders"], units(held)) == ("on_hold", [], {"reserved": 2})
    assert await house.available("SERUM-30") == {"reroutes": 0}
    assert (await house.ask(name, "release", hold="fraud")).status_code == 200
    assert (await house.settle(name))["status"] == "on_hold"
    assert (await house.ask(name, "release", hold="payment")).status_code == 200
    assert (await house.work(name))["node"] == "reroutes"


async def test_a_hold_after_release_stops_only_what_is_not_released_yet(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    first = (await house.work(name))["fulfillment_order"]

    assert (await house.ask(name, "hold", hold="fraud")).status_code == 200
    await house.tell(first, "picked", {"1": 1}, final=True)
    document = await house.until(name, lambda found: units(found) == {"allocated": 1, "reserved": 1})
    assert len((await house.settle(name))["fulfillment_orders"]) == 1
    await house.tell(first, "shipped")
    await house.ask(name, "release", hold="fraud")

    assert document["holds"][0]["hold"] == "fraud"
    assert (await house.work(name, 2))["node"] == "spare"


async def test_an_order_for_later_is_reserved_now_and_released_on_its_day(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    day = datetime.now(UTC) + timedelta(days=10)
    name = await house.place(("SERUM-30", 1), not_before=day.isoformat())

    await house.skip(name, timedelta(days=9))
    early = await house.settle(name)
    await house.skip(name, timedelta(days=1, minutes=1))

    assert (early["status"], early["fulfillment_orders"]) == ("received", [])
    assert await house.available("SERUM-30") == {"reroutes": 0}
    work = await house.work(name)
    assert datetime.fromisoformat(work["released_at"]) >= day


async def test_during_its_grace_period_an_order_is_reserved_and_can_be_cancelled_without_asking_anybody(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    map_with_grace = copytree(SMALL_MAP, tmp_path / "network")
    policy = (map_with_grace / "policy.toml").read_text()
    (map_with_grace / "policy.toml").write_text(policy.replace('grace = "0s"', 'grace = "30m"'))
    assert await apply_network(house.database_url, map_with_grace) == []
    await house.stock("reroutes", SERUM_30=2)

    regretted = await house.place(("SERUM-30", 1))
    kept = await house.place(("SERUM-30", 1))

    assert units(await house.settle(kept)) == {"reserved": 1}
    assert (await house.ask(regretted, "cancel")).status_code == 200
    await house.until(regretted, "cancelled")
    assert await house.available("SERUM-30") == {"reroutes": 1}
    await house.skip(kept, timedelta(minutes=31))
    assert (await house.work(kept))["node"] == "reroutes"


async def test_an_order_without_stock_is_backordered_and_goes_on_when_stock_comes(small_house: House) -> None:
    house = small_house
    name = await house.place(("SERUM-30", 2), ("TONER-200", 1))
    assert (await house.settle(name))["status"] == "backordered"
    await house.stock("spare", SERUM_30=2)
    first = await house.work(name)
    assert units(await house.settle(name), "2") == {"backordered": 1}

    await house.stock("reroutes", TONER_200=1)

    second = await house.work(name, 2)
    assert (first["node"], second["node"]) == ("spare", "reroutes")
    assert (first["attempt"], second["attempt"]) == (1, 1), "waiting for stock is not a failed try"


async def test_a_backordered_order_looks_for_stock_by_itself_every_day(small_house: House) -> None:
    house = small_house
    name = await house.place(("SERUM-30", 1))
    await house.settle(name)

    await house.skip(name, timedelta(days=2, minutes=1))

    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert [found["round"] for found in rounds] == [1, 2, 3]
