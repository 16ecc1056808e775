"""A customer changes quantities before anything was released."""

import json
from datetime import UTC, datetime, timedelta

from tests.house import Document, House, units


async def for_later(house: House, *lines: tuple[str, int]) -> str:
    """An order that is released in ten days."""
    day = datetime.now(UTC) + timedelta(days=10)
    name = await house.place(*lines, not_before=day.isoformat())
    await house.settle(name)
    return name


def quantities(quantity: int, line: str = "1") -> Document:
    return {"lines": [{"line": line, "quantity": quantity}], "reason": "a guest more", "actor": "Ada"}


async def test_what_is_added_and_taken_away_before_release_is_what_the_node_gets(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=3, TONER_200=3)
    name = await for_later(house, ("SERUM-30", 2), ("TONER-200", 3))
    promised = (await house.order(name))["promise"]

    answer = await house.http.post(
        f"/orders/{name}/quantities",
        json={"lines": [{"line": "1", "quantity": 3}, {"line": "2", "quantity": 1}], "reason": "a guest more"},
    )

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "order": name,
        "lines": [
            {"line": "1", "ordered": 3, "cancelled": 0, "open": 0, "backordered": 0, "reserved": 3},
            {"line": "2", "ordered": 3, "cancelled": 2, "open": 0, "backordered": 0, "reserved": 1},
        ],
    }
    assert (await house.settle(name))["promise"] == promised
    await house.skip(name, timedelta(days=10, minutes=1))
    work = await house.work(name)
    assert [(line["line"], line["quantity"]) for line in work["lines"]] == [("1", 3), ("2", 1)]
    late = await house.ask(name, "quantities", **quantities(1))
    assert (late.status_code, late.json()["detail"]) == (409, "line 1 was released to a node")
    await house.fulfill(work["fulfillment_order"])
    assert units(await house.until(name, "delivered"), "2") == {"shipped": 1, "cancelled": 2}
    kinds = [event["kind"] for event in (await house.http.get("/events")).json()["items"] if event["order"] == name]
    assert kinds == ["accepted", "promised", "added", "cancelled", "shipped", "delivered"]
    history = await house.workflow(name).fetch_history()
    assert "a guest more" not in json.dumps(history.to_json_dict())


async def test_what_cannot_be_had_now_waits_in_its_orders_place(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await for_later(house, ("SERUM-30", 1))

    (line,) = (await house.ask(name, "quantities", **quantities(2))).json()["lines"]
    assert (line["reserved"], line["backordered"]) == (1, 1)
    await house.stock("spare", SERUM_30=1)

    await house.until(name, lambda found: units(found) == {"reserved": 2})


async def test_a_change_that_comes_twice_with_its_key_is_one_and_another_under_the_key_is_refused(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=9)
    name = await for_later(house, ("SERUM-30", 2))
    key = {"Idempotency-Key": "more"}

    answers = [
        await house.http.post(f"/orders/{name}/quantities", json=quantities(quantity), headers=key)
        for quantity in (3, 3, 4)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert answers[0].json() == answers[1].json()
    assert units(await house.settle(name)) == {"reserved": 3}


async def test_a_change_straight_through_temporal_needs_no_row(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=9)
    name = await for_later(house, ("SERUM-30", 2))
    await house.workflow(name).execute_update("change_quantity", {"lines": [{"line": "1", "quantity": 5}]}, id="five")
    assert units(await house.settle(name)) == {"reserved": 5}


async def test_an_order_that_is_over_keeps_its_quantities(small_house: House) -> None:
    house = small_house
    name = await house.place(("SERUM-30", 1))
    assert (await house.ask(name, "cancel")).status_code == 200
    await house.workflow(name).result()
    answer = await house.ask(name, "quantities", **quantities(2))
    assert answer.status_code == 409
