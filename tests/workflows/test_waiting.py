"""Orders that wait: for a hold to be taken off, for a day, for stock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

from sqlalchemy import text

from tests.house import SMALL_MAP, Document, House, now, units
from transactions.prepare import apply_network


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


async def test_during_its_grace_period_an_order_is_reserved_and_can_be_cancelled_without_asking_a_node(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await _apply(house, tmp_path, 'grace = "0s"', 'grace = "30m"')
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


async def test_new_stock_goes_to_the_more_urgent_order_and_the_next_to_the_one_placed_first(small_house: House) -> None:
    house = small_house
    patient = await house.place(("SERUM-30", 1), priority=9)
    first = await house.place(("SERUM-30", 1))
    second = await house.place(("SERUM-30", 1))
    urgent = await house.place(("SERUM-30", 1), priority=1)
    for name in (patient, first, second, urgent):
        await house.settle(name)

    served: list[str] = []
    for number in range(1, 5):
        await house.stock("reroutes", SERUM_30=1)
        while len(served) < number:
            for name in {patient, first, second, urgent} - set(served):
                served += [name] if units(await house.settle(name)) == {"allocated": 1} else []

    assert served == [urgent, first, second, patient]


async def test_what_one_order_gives_back_goes_to_the_order_that_waits_and_not_to_a_later_one(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    holder = await house.place(("SERUM-30", 1))
    waiter = await house.place(("SERUM-30", 1))
    await house.settle(waiter)

    assert (await house.ask(holder, "cancel")).status_code == 200
    later = await house.place(("SERUM-30", 1))

    assert units(await house.until(waiter, "in_fulfillment")) == {"allocated": 1}
    assert units(await house.settle(later)) == {"backordered": 1}


async def test_an_order_that_had_to_wait_gets_its_promise_when_it_gets_its_stock(small_house: House) -> None:
    house = small_house
    name = await house.place(("SERUM-30", 1))
    assert (await house.settle(name))["promise"] is None

    await house.stock("reroutes", SERUM_30=1)

    promised = (await house.until(name, "in_fulfillment"))["promise"]
    assert promised is not None
    assert promised["ship_by"] <= promised["deliver_by"]


async def test_an_order_that_ships_complete_lets_others_go_first_and_holds_nothing_while_it_waits(
    small_house: House,
) -> None:
    house = small_house
    whole = await house.place(("SERUM-30", 3), ship_complete="order", priority=1)
    small = await house.place(("SERUM-30", 2))
    await house.settle(whole)
    await house.settle(small)

    await house.stock("reroutes", SERUM_30=2)
    assert units(await house.until(small, "in_fulfillment")) == {"allocated": 2}
    assert units(await house.settle(whole)) == {"backordered": 3}

    await house.stock("spare", SERUM_30=3)
    assert units(await house.until(whole, "in_fulfillment")) == {"allocated": 3}


async def test_units_that_have_waited_as_long_as_their_strategy_allows_are_cancelled_and_open_an_exception(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await _apply(house, tmp_path, 'unfilled = "backorder"', 'unfilled = "backorder"\ncancel_after = "3d"')
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 2))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.settle(name)

    await house.skip(name, timedelta(days=2, hours=23))
    assert units(await house.order(name)) == {"shipped": 1, "backordered": 1}
    await house.skip(name, timedelta(hours=2))

    given_up = await house.until(name, lambda found: "cancelled" in units(found))
    assert units(given_up) == {"shipped": 1, "cancelled": 1}
    assert [known["code"] for known in given_up["exceptions"]] == ["unfilled"]
    assert "1 of line 1 waited for stock" in given_up["exceptions"][0]["detail"]


async def test_a_new_policy_serves_orders_that_waited_for_a_node_it_did_not_have(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await _apply(house, tmp_path, "all = 'node.kind == \"dc\"'", "all = 'node.id != \"spare\"'")
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    assert (await house.settle(name))["status"] == "backordered"

    assert await apply_network(house.database_url, SMALL_MAP) == []

    assert (await house.work(name))["node"] == "spare"


async def test_a_count_below_what_is_promised_sends_the_youngest_order_to_another_node(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3)
    released = await house.place(("SERUM-30", 1))
    await house.work(released)
    day = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    older = await house.place(("SERUM-30", 1), not_before=day)
    younger = await house.place(("SERUM-30", 1), not_before=day)
    pinned = await house.settle(younger)
    await house.stock("spare", SERUM_30=1)

    await _count(house, "reroutes", 2)
    await house.until(younger, lambda found: found["status"] == "received" and _version(found) > _version(pinned))
    await _count(house, "reroutes", 0)

    assert await _pinned_at(house, younger) == "spare"
    assert units(await house.until(older, "backordered")) == {"backordered": 1}
    assert units(await house.settle(released)) == {"allocated": 1}, "released work is left to its node"
    async with house.service.database.read() as connection:
        found = await connection.execute(text("SELECT detail FROM exception WHERE code = 'stock_short' ORDER BY since"))
        assert list(found.scalars()) == [
            "1 of SERUM-30 at reroutes are promised but not on hand",
            "2 of SERUM-30 at reroutes are promised but not on hand",
        ]


async def _count(house: House, node: str, quantity: int) -> None:
    body = {"message_id": f"c-{quantity}", "node": node, "kind": "counted", "occurred_at": now()}
    answer = await house.http.post(
        "/stock/messages", json=body | {"lines": [{"sku": "SERUM-30", "quantity": quantity}]}
    )
    assert answer.status_code == 202, answer.text


def _version(document: Document) -> int:
    return int(document["version"])


async def _pinned_at(house: House, name: str) -> str:
    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    return str(rounds[-1]["shipments"][0]["node"])


async def _apply(house: House, directory: Path, old: str, new: str) -> None:
    changed = copytree(SMALL_MAP, directory / "network")
    policy = (changed / "policy.toml").read_text()
    assert old in policy
    (changed / "policy.toml").write_text(policy.replace(old, new))
    assert await apply_network(house.database_url, changed) == []


async def test_a_backordered_order_looks_for_stock_by_itself_every_day(small_house: House) -> None:
    house = small_house
    name = await house.place(("SERUM-30", 1))
    await house.settle(name)

    await house.skip(name, timedelta(days=2, minutes=1))

    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert [found["round"] for found in rounds] == [1, 2, 3]
