"""An order's address changes: before release, all units are planned for the new address, or nothing changes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

from sqlalchemy import text

from tests.house import SMALL_MAP, Document, House, units
from transactions.prepare import apply_network

DENVER, CHICAGO = "80202", "60601"
SECRET = "1437 Bannock Street"


def address(postal_code: str = CHICAGO, country: str = "US", **more: object) -> Document:
    return {"ship_to": {"postal_code": postal_code, "country": country} | more, "reason": "moved", "actor": "Ada"}


async def for_later(house: House, *lines: tuple[str, int]) -> str:
    """An order to Denver that is released in ten days."""
    day = datetime.now(UTC) + timedelta(days=10)
    name = await house.place(*lines, postal_code=DENVER, not_before=day.isoformat())
    await house.settle(name)
    return name


async def pinned(house: House, name: str) -> dict[str, int]:
    """Units that the order has pinned, by node."""
    async with house.service.database.read() as connection:
        rows = await connection.execute(
            text("SELECT node, sum(quantity)::int AS n FROM reservation WHERE order_id = :o GROUP BY node"), {"o": name}
        )
        return {row.node: row.n for row in rows}


async def test_what_is_pinned_is_planned_for_the_new_place_and_its_node_sees_the_new_address(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await for_later(house, ("SERUM-30", 2))
    promised = (await house.order(name))["promise"]
    assert await pinned(house, name) == {"reroutes": 2}

    answer = await house.ask(name, "address", **address(street=[SECRET]))

    assert (answer.status_code, answer.json()) == (200, {"order": name})
    assert await pinned(house, name) == {"spare": 2}
    assert await house.available("SERUM-30") == {"reroutes": 2, "spare": 0}
    assert (await house.settle(name))["promise"] == promised
    await house.skip(name, timedelta(days=10, minutes=1))
    work = await house.work(name)
    seen = (await house.http.get(f"/fulfillment-orders/{work['fulfillment_order']}")).json()
    assert (work["node"], seen["ship_to"]["street"], seen["ship_to"]["postal_code"]) == ("spare", [SECRET], CHICAGO)
    history = await house.workflow(name).fetch_history()
    assert SECRET not in json.dumps(history.to_json_dict()), "an address travels as the id of its row"


async def test_units_that_wait_go_on_waiting_for_the_new_place(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await for_later(house, ("SERUM-30", 2))
    assert units(await house.settle(name)) == {"reserved": 1, "backordered": 1}

    assert (await house.ask(name, "address", **address())).status_code == 200

    assert units(await house.settle(name)) == {"reserved": 1, "backordered": 1}
    await house.stock("spare", SERUM_30=1)
    await house.until(name, lambda found: units(found) == {"reserved": 2})


async def test_a_place_that_no_node_serves_is_refused_and_the_order_stays_as_it_is(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    changed = copytree(SMALL_MAP, tmp_path / "network")
    policy = (changed / "policy.toml").read_text()
    domestic = 'rank = ["distance"]\nrequire = \'order.country == "US"\''
    (changed / "policy.toml").write_text(policy.replace('rank = ["distance"]', domestic))
    assert await apply_network(house.database_url, changed) == []
    await house.stock("reroutes", SERUM_30=2)
    name = await for_later(house, ("SERUM-30", 2))
    before = await pinned(house, name)

    answer = await house.ask(name, "address", **address("10115", "DE"))

    assert (answer.status_code, answer.json()["detail"]) == (409, "no node can send 2 units of it there")
    assert (await pinned(house, name), units(await house.settle(name))) == (before, {"reserved": 2})
    await house.skip(name, timedelta(days=10, minutes=1))
    work = (await house.work(name))["fulfillment_order"]
    assert (await house.http.get(f"/fulfillment-orders/{work}")).json()["ship_to"]["country"] == "US"


async def test_after_release_the_address_stays(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]

    answer = await house.ask(name, "address", **address())

    assert (answer.status_code, "waits for its release" in answer.json()["detail"]) == (409, True)
    seen = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    assert seen["ship_to"]["postal_code"] == DENVER


async def test_the_same_change_twice_is_one_and_another_one_under_its_key_is_refused(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await for_later(house, ("SERUM-30", 1))
    key = {"Idempotency-Key": "moved"}

    answers = [await house.http.post(f"/orders/{name}/address", json=address(), headers=key) for _ in range(2)]
    other = await house.http.post(f"/orders/{name}/address", json=address(DENVER), headers=key)

    assert [answer.status_code for answer in (*answers, other)] == [200, 200, 409]
    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert len(rounds) == 2
