"""Orders that the policy holds, that may leave only within a window, or that change in their grace period."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest_asyncio

from tests.house import SMALL_MAP, House, units
from transactions.prepare import apply_network

HOLDS = """
[[hold]]
id = "approval"
when = 'order.value > 5000'
reason = "orders over 50 are approved"
owner = "finance"

[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""
GRACE = timedelta(minutes=30)


@pytest_asyncio.fixture
async def holding_house(small_house: House, tmp_path: Path) -> House:
    """The small house with a policy that knows holds and has a grace period of half an hour."""
    changed = copytree(SMALL_MAP, tmp_path / "network")
    policy = (changed / "policy.toml").read_text()
    (changed / "policy.toml").write_text(policy.replace('grace = "0s"', 'grace = "30m"') + HOLDS)
    assert await apply_network(small_house.database_url, changed) == []
    return small_house


async def test_a_large_order_is_promised_and_reserved_and_goes_when_an_operator_approves_it(
    holding_house: House,
) -> None:
    house = holding_house
    channel = await house.key("channel", "web")
    await house.stock("reroutes", SERUM_30=6)
    name = await house.place(("SERUM-30", 6))
    await house.skip(name, timedelta(days=2))

    held = await house.settle(name)
    assert (held["status"], units(held), held["promise"] is None) == ("on_hold", {"reserved": 6}, False)
    shown = [{field: hold[field] for field in ("hold", "reason", "actor", "owner", "stock")} for hold in held["holds"]]
    assert shown == [
        {
            "hold": "approval",
            "reason": "orders over 50 are approved",
            "actor": "policy",
            "owner": "finance",
            "stock": "reserve",
        }
    ]
    own = await house.http.post(f"/orders/{name}/release", json={"hold": "approval"}, headers=channel)
    assert own.status_code == 403, "the channel that asks for it must not approve it"
    assert (await house.ask(name, "release", hold="approval", reason="checked", actor="Ada")).status_code == 200
    assert (await house.work(name))["node"] == "reroutes"


async def test_a_channel_takes_off_its_own_hold_but_not_the_policys_of_the_same_name(holding_house: House) -> None:
    house = holding_house
    channel = await house.key("channel", "web")
    small = await house.place(("SERUM-30", 1), holds=[{"hold": "approval"}])
    large = await house.place(("SERUM-30", 6), holds=[{"hold": "approval"}])
    answers = [
        (await house.http.post(f"/orders/{name}/release", json={"hold": "approval"}, headers=channel)).status_code
        for name in (small, large)
    ]
    assert answers == [200, 403]


async def test_an_order_whose_hold_forbids_reservations_is_answered_at_once_and_sourced_when_it_is_off(
    holding_house: House,
) -> None:
    house = holding_house
    await house.stock("reroutes", SERUM_30=2)
    body = house.body(("SERUM-30", 2), holds=[{"hold": "fraud", "reason": "new address"}])

    answer = await house.http.post("/orders", json=body)

    assert (answer.status_code, answer.json()["status"], answer.json()["promise"]) == (201, "on_hold", None)
    name = answer.json()["order"]
    await house.skip(name, timedelta(days=3))
    held = await house.settle(name)
    assert (held["status"], units(held), held["rounds"]) == ("on_hold", {"open": 2}, 0)
    assert await house.available("SERUM-30") == {"reroutes": 2}
    assert (held["holds"][0]["owner"], held["holds"][0]["actor"]) == ("risk", "web")
    assert (await house.ask(name, "release", hold="fraud")).status_code == 200
    work = await house.work(name)
    assert (work["node"], (await house.order(name))["promise"] is None) == ("reroutes", False)


async def test_while_a_hold_forbids_reservations_an_order_can_move_and_be_cancelled(holding_house: House) -> None:
    house = holding_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    assert units(await house.settle(name)) == {"reserved": 2}

    await house.ask(name, "hold", hold="fraud")
    assert units(await house.settle(name)) == {"open": 2}
    moved = await house.ask(name, "address", ship_to={"postal_code": "60601", "country": "US"})
    assert (moved.status_code, units(await house.settle(name))) == (200, {"open": 2})
    assert (await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])).status_code == 200
    await house.ask(name, "release", hold="fraud")
    await house.skip(name, GRACE)

    work = await house.work(name)
    assert (work["node"], work["lines"][0]["quantity"]) == ("spare", 1)


async def test_while_a_hold_forbids_reservations_work_leaves_its_node_but_no_other_can_be_chosen(
    holding_house: House,
) -> None:
    house = holding_house
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.skip(name, GRACE)
    work = (await house.work(name))["fulfillment_order"]
    await house.ask(name, "hold", hold="fraud")

    chosen = await house.ask(name, "reroute", fulfillment_order=work, to_node="spare")
    assert (chosen.status_code, "forbids reservations" in chosen.json()["detail"]) == (409, True)
    assert units(await house.settle(name)) == {"allocated": 1}
    assert (await house.ask(name, "reroute", fulfillment_order=work)).json()["outcome"] == "withdrawn"
    assert units(await house.settle(name)) == {"open": 1}


async def test_a_hold_that_is_off_before_the_grace_period_is_over_does_not_cut_it_short(holding_house: House) -> None:
    house = holding_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.ask(name, "hold", hold="payment")
    await house.skip(name, timedelta(minutes=10))
    await house.ask(name, "release", hold="payment")

    thought_over = await house.settle(name)
    assert (thought_over["status"], units(thought_over)) == ("received", {"reserved": 2})
    assert (await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])).json()["pending"] == []
    assert units(await house.settle(name)) == {"reserved": 1, "cancelled": 1}
    assert await house.available("SERUM-30") == {"reroutes": 1}
    await house.skip(name, GRACE)
    assert (await house.work(name))["lines"][0]["quantity"] == 1


async def test_an_order_that_is_still_held_when_its_window_ends_is_cancelled_and_its_workflow_ends(
    holding_house: House,
) -> None:
    house = holding_house
    await house.stock("reroutes", SERUM_30=6)
    end = datetime.now(UTC) + timedelta(days=5)
    name = await house.place(("SERUM-30", 6), not_after=end.isoformat())

    await house.skip(name, timedelta(days=4, hours=23))
    assert units(await house.settle(name)) == {"reserved": 6}
    await house.skip(name, timedelta(hours=2))

    document = await house.until(name, "cancelled")
    assert [known["detail"] for known in document["exceptions"]] == [
        "6 units had not been released when not_after came, and were cancelled"
    ]
    assert await house.available("SERUM-30") == {"reroutes": 6}
    assert await house.workflow(name).result() == {"status": "cancelled"}
