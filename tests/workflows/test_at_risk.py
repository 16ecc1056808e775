"""Work at risk opens one exception before it is late, and closes it when the units leave."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.house import SMALL_MAP, Document, House
from transactions import exception
from transactions.prepare import apply_network


async def watched(house: House, directory: Path, before: str) -> None:
    """Nodes have a month to ship; units that have not left this time before their ship date are at risk."""
    changed = copytree(SMALL_MAP, directory / "network")
    nodes, policy = (changed / "nodes.toml").read_text(), (changed / "policy.toml").read_text()
    (changed / "nodes.toml").write_text(nodes.replace('ship_within = "1d"', 'ship_within = "30d"'))
    (changed / "policy.toml").write_text(policy.replace("[orders]", f'[orders]\nat_risk_before = "{before}"'))
    assert await apply_network(house.database_url, changed) == []


async def released(house: House) -> tuple[str, str]:
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    return name, (await house.work(name))["fulfillment_order"]


def codes(document: Document) -> list[str]:
    return [known["code"] for known in document["exceptions"]]


async def test_a_person_is_notified_before_work_is_late_with_its_progress(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await watched(house, tmp_path, "4h")
    name, work = await released(house)
    await house.tell(work, "accepted")
    ship_by = (await house.http.get(f"/fulfillment-orders/{work}")).json()["ship_by"]
    notified_at = datetime.fromisoformat(ship_by) - timedelta(hours=4)

    await house.skip_to(name, notified_at.isoformat())

    document = await house.until(name, lambda found: codes(found) == ["at_risk"])
    (known,) = document["exceptions"]
    assert f"{work}: it must leave by {notified_at + timedelta(hours=4):%Y-%m-%d %H:%M} UTC" in known["detail"]
    assert "has waited for shipment since" in known["detail"]
    later = (await house.settle(name))["fulfillment_orders"][0]
    assert later["waiting_for"] == "shipment", "the node still has its own time"
    assert datetime.fromisoformat(later["deadline"]) > datetime.fromisoformat(ship_by)


@pytest.mark.parametrize("how", ["shipped", "rejected"])
async def test_the_risk_is_over_when_the_units_have_left_in_whatever_way(
    small_house: House, tmp_path: Path, how: str
) -> None:
    house = small_house
    await watched(house, tmp_path, "99d")
    name, work = await released(house)
    at_risk = await house.until(name, lambda found: codes(found) == ["at_risk"])

    await house.tell(work, how, {"1": 1})
    assert codes(await house.settle(name)) == ["at_risk"], "some of it is still there"
    await house.tell(work, how, {"1": 1})

    await house.until(name, lambda found: codes(found) == [])
    seen = (await house.http.get(f"/exceptions/{at_risk['exceptions'][0]['exception']}")).json()
    assert (seen["resolved_by"], seen["resolved_at"] is not None) == (None, True), "it has closed by itself"


async def test_a_silent_node_at_risk_times_out_as_any_other_and_opens_its_own_exception(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await watched(house, tmp_path, "99d")
    name, work = await released(house)
    await house.until(name, lambda found: codes(found) == ["at_risk"])
    await house.settle(name)

    await house.wait_out(name)

    document = await house.until(name, lambda found: len(found["exceptions"]) == 2)
    assert codes(document) == ["at_risk", "node_silent"]
    await house.fulfill(work)
    assert codes(await house.until(name, "delivered")) == []


async def test_an_order_that_waits_although_it_was_promised_to_leave_soon_is_at_risk_until_it_is_released(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await watched(house, tmp_path, "99d")
    await house.stock("escalates", SERUM_30=3)
    held = await house.place(("SERUM-30", 2), holds=[{"hold": "fraud"}])
    late = await house.order(held)

    for _ in range(2):
        await exception.tell_what_waits_too_long(house.service.transactions, 10)

    (known,) = (await house.settle(held))["exceptions"]
    promised = datetime.fromisoformat(late["promise"]["ship_by"])
    assert (known["code"], f"{promised:%Y-%m-%d %H:%M} UTC" in known["detail"]) == ("at_risk", True)
    assert (await house.ask(held, "release", hold="fraud")).status_code == 200
    await house.work(held)
    document = await house.until(held, lambda found: codes(found) == ["at_risk"] and found["exceptions"] != [known])
    assert f"{held}-f1: it must leave by" in document["exceptions"][0]["detail"], "now it is its work that is"


def within(hours: int) -> str:
    """A moment so many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize("duty", [{"ship_by": 1}, {"deliver_by": 1}])
async def test_the_channels_own_duty_may_be_at_risk_although_our_promise_is_not(
    small_house: House, tmp_path: Path, duty: dict[str, int]
) -> None:
    house = small_house
    await watched(house, tmp_path, "2h")
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), promised={field: within(hours) for field, hours in duty.items()})

    document = await house.until(name, lambda found: codes(found) == ["at_risk"])

    assert document["lines"][0]["allocated"] == 2, "and nothing is cancelled for it"
    assert document["promise"] != document["promised"]


async def test_a_duty_that_is_far_away_changes_nothing(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await watched(house, tmp_path, "2h")
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), promised={"ship_by": within(9000), "deliver_by": within(9999)})
    await house.work(name)
    assert codes(await house.settle(name)) == []


async def test_units_that_wait_for_stock_are_at_risk_by_the_channels_own_duty(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await watched(house, tmp_path, "2h")
    late = await house.place(("SERUM-30", 2), promised={"ship_by": within(1)})
    early = await house.place(("SERUM-30", 2), promised={"ship_by": within(9)})
    for name in (late, early):
        await house.until(name, lambda found: bool(found["lines"][0]["backordered"]))

    await exception.tell_what_waits_too_long(house.service.transactions, 10)

    assert [codes(await house.settle(name)) for name in (late, early)] == [["at_risk"], []]
