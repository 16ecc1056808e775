"""Changes of a living order: each acts on the units that no node has yet, and a preview stores nothing."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.house import Document, House

HOME = {"name": "Ada Old", "street": ["Larimer Street 1"], "city": "Denver", "postal_code": "80202", "country": "US"}
AWAY = {"name": "Ada New", "street": ["Pike Street 9"], "city": "Seattle", "postal_code": "98101", "country": "US"}
WRITTEN = text(
    """
    SELECT (SELECT count(*) FROM request) + (SELECT count(*) FROM plan) + (SELECT count(*) FROM movement)
           + (SELECT count(*) FROM event) + (SELECT sum(version) FROM orders)
           + (SELECT count(*) FROM order_line) + (SELECT count(*) FROM personal.new_details)
           + (SELECT count(*) FROM personal.new_address) + (SELECT count(*) FROM personal.remark)
    """
)


async def half_released(house: House, **more: Any) -> str:
    """An order of which one line is at its node, and the other waits for goods that nobody has."""
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 1), ship_to=HOME, **more)
    await house.work(name)
    return name


async def shown(house: House, number: int, name: str) -> Document:
    """A fulfillment order as its node sees it."""
    work = (await house.work(name, number))["fulfillment_order"]
    document: Document = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    return document


async def previewed(house: House, name: str, what: str, **body: Any) -> Document:
    """What a request would change; nothing may have been written."""
    before = await _written(house)
    answer = await house.http.post(f"/orders/{name}/{what}", json=body, params={"preview": "true"})
    assert answer.status_code == 200, answer.text
    assert await _written(house) == before
    document: Document = answer.json()
    return document


async def _written(house: House) -> int:
    async with house.service.database.read() as connection:
        return int((await connection.execute(WRITTEN)).scalar_one())


async def test_the_rest_of_an_order_goes_to_another_address_and_what_was_released_keeps_its_own(house: House) -> None:
    name = await half_released(house)

    answer = await house.ask(name, "address", ship_to=AWAY)

    assert (answer.status_code, answer.json()) == (200, {"order": name})
    await house.stock("slc", TONER_200=1)
    assert (await shown(house, 2, name))["ship_to"] == AWAY
    assert (await shown(house, 1, name))["ship_to"] == HOME


async def test_a_second_change_of_address_leaves_what_the_first_one_left(house: House) -> None:
    name = await half_released(house)
    await house.ask(name, "address", ship_to=AWAY)
    await house.stock("slc", TONER_200=1)
    await house.work(name, 2)
    await house.ask(name, "quantities", lines=[])

    refused = await house.ask(name, "address", ship_to=HOME)

    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "no unit of it waits for its release: the nodes have the address and the service already",
    )
    assert (await shown(house, 1, name))["ship_to"] == HOME


async def test_the_rest_of_an_order_travels_by_another_service_and_gets_a_new_promise(house: House) -> None:
    name = await half_released(house)

    answer = await house.ask(name, "service", service="two_day")

    assert (answer.status_code, answer.json()) == (200, {"order": name})
    await house.stock("slc", TONER_200=1)
    assert [(await shown(house, number, name))["service"] for number in (1, 2)] == ["standard", "two_day"]
    assert (await house.order(name))["promise"] is not None


async def test_a_service_that_nobody_offers_is_refused_by_name(house: House) -> None:
    name = await half_released(house)

    answer = await house.ask(name, "service", service="balloon")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "service")
    assert "next_day" in answer.json()["detail"]


async def test_a_forgotten_order_keeps_no_address_that_a_node_was_given(house: House) -> None:
    name = await half_released(house)
    await house.ask(name, "address", ship_to=AWAY)
    await house.http.post(f"/orders/{name}/forget", json={"even_if_open": True})

    work = await shown(house, 1, name)

    assert work["forgotten"]
    assert {field: value for field, value in work["ship_to"].items() if value} == {"country": "US"}


async def test_lines_are_added_to_a_living_order_and_sourced_at_once(house: House) -> None:
    name = await half_released(house)
    await house.stock("slc", CLEANSER_150=2)
    line = {"line": "3", "sku": "CLEANSER-150", "name": "For Bo", "quantity": 2, "unit_price": 700, "discount": 100}

    answer = await house.ask(name, "lines", lines=[line | {"gift_message": "for Bo"}])

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "order": name,
        "lines": [{"line": "3", "ordered": 2, "cancelled": 0, "open": 0, "backordered": 0, "reserved": 2}],
    }
    work = await shown(house, 2, name)
    (added,) = work["lines"]
    assert (added["line"], added["name"], added["gift_message"]) == ("3", "For Bo", "for Bo")
    events = (await house.http.get("/events", params={"order": name})).json()["items"]
    (reported,) = [event["data"]["lines"] for event in events if event["kind"] == "added"]
    assert reported == [{"line": "3", "sku": "CLEANSER-150", "name": "For Bo", "quantity": 2}]
    assert (await house.order(name))["value"] == 1000 + 1000 + 1300


async def test_a_request_for_lines_that_is_repeated_adds_them_once(house: House) -> None:
    name = await half_released(house)
    body = {"lines": [{"line": "3", "sku": "CLEANSER-150", "quantity": 1, "unit_price": 700}]}
    same = {"Idempotency-Key": f"once-{name}"}

    answers = [await house.http.post(f"/orders/{name}/lines", json=body, headers=same) for _ in range(2)]
    again = await house.http.post(f"/orders/{name}/lines", json=body)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (again.status_code, again.json()["detail"]) == (409, "the order has a line 3 already")
    assert len((await house.order(name))["lines"]) == 3


async def test_another_size_takes_the_place_of_units_at_the_price_of_what_they_replace(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    lines = [
        {"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000},
        {"line": "2", "sku": "TONER-200", "quantity": 3, "unit_price": 1000, "discount": 400, "tax": 50},
    ]
    name = await house.place(lines=lines, ship_to=HOME, prices_include_tax=False, discount=100)
    await house.work(name)
    before = await house.order(name)

    answer = await house.ask(name, "lines", swap=[{"line": "2", "sku": "CLEANSER-150", "quantity": 2}])

    assert answer.status_code == 200, answer.text
    assert [(line["line"], line["ordered"], line["cancelled"]) for line in answer.json()["lines"]] == [
        ("2", 3, 2),
        ("2-s1", 2, 0),
    ]
    after = await house.order(name)
    assert (after["value"], after["lines"][2]["sku"]) == (before["value"], "CLEANSER-150")


async def test_lines_that_are_worth_more_than_an_order_may_be_are_refused(house: House) -> None:
    name = await half_released(house)
    line = {"line": "3", "sku": "CLEANSER-150", "quantity": 1_000_000, "unit_price": 1_000_000_000_000}

    answer = await house.ask(name, "lines", lines=[line])

    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "an order is worth 1000000000000000 minor units at the most",
    )


async def test_an_order_in_a_currency_that_new_ones_cannot_have_grows_as_others_do(house: House) -> None:
    name = await half_released(house)
    async with house.service.database.write() as connection:  # as earlier versions took it
        await connection.execute(text("UPDATE orders SET currency = 'BGN' WHERE order_id = :name"), {"name": name})

    answer = await house.ask(name, "lines", swap=[{"line": "2", "sku": "CLEANSER-150", "quantity": 1}])

    assert answer.status_code == 200, answer.text


SWAPS = [
    ("2", "TONER-200", 2, "line 2: 1 units of it wait for their release, and only these can be swapped"),
    ("1", "TONER-200", 1, "line 1: 0 units of it wait for their release, and only these can be swapped"),
    ("7", "TONER-200", 1, "the order has no line 7"),
]


@pytest.mark.parametrize(("line", "sku", "quantity", "why"), SWAPS)
async def test_a_swap_that_cannot_be_is_refused_and_changes_nothing(
    house: House, line: str, sku: str, quantity: int, why: str
) -> None:
    name = await half_released(house)
    before = (await house.order(name))["lines"]

    answer = await house.ask(name, "lines", swap=[{"line": line, "sku": sku, "quantity": quantity}])

    assert (answer.status_code, answer.json()["detail"]) == (409, why)
    assert (await house.order(name))["lines"] == before


async def test_an_item_that_nobody_knows_is_refused_by_the_name_of_its_field(house: House) -> None:
    name = await half_released(house)
    wrong = await house.ask(name, "lines", swap=[{"line": "2", "sku": "NOTHING", "quantity": 1}])
    nothing = await house.ask(name, "lines")

    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "swap.0.sku")
    assert (nothing.status_code, nothing.json()["errors"][0]["field"]) == (422, "lines")


PREVIEWS: dict[str, tuple[dict[str, Any], int]] = {
    "cancel": ({"lines": [{"line": "2", "quantity": 1}]}, -1000),
    "quantities": ({"lines": [{"line": "2", "quantity": 3}]}, 2000),
    "address": ({"ship_to": AWAY}, 0),
    "service": ({"service": "two_day"}, 0),
    "lines": ({"lines": [{"line": "3", "sku": "CLEANSER-150", "quantity": 2, "unit_price": 700}]}, 1400),
}
"""By request: a body that is granted, and by how much the customer would pay more."""


@pytest.mark.parametrize("what", PREVIEWS)
async def test_a_preview_says_what_a_change_would_cost_and_promise_and_stores_nothing(house: House, what: str) -> None:
    name = await half_released(house)
    body, amount_change = PREVIEWS[what]

    answer = await previewed(house, name, what, **body)

    assert (answer["amount_change"], answer["currency"], answer["refused"]) == (amount_change, "USD", None)
    assert (answer["promise"] is None) == (what != "cancel"), "only without the line that waits every unit has a node"


REFUSED: dict[str, dict[str, Any]] = {
    "cancel": {"lines": [{"line": "9", "quantity": 1}]},
    "quantities": {"lines": [{"line": "1", "quantity": 3}]},
    "address": {"ship_to": HOME},
    "service": {"service": "two_day"},
    "lines": {"swap": [{"line": "1", "sku": "TONER-200", "quantity": 1}]},
}


@pytest.mark.parametrize("what", REFUSED)
async def test_the_preview_of_a_change_that_would_be_refused_says_why(house: House, what: str) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), ship_to=HOME)
    await house.work(name)

    answer = await previewed(house, name, what, **REFUSED[what])

    refused = await house.ask(name, what, **REFUSED[what])
    assert refused.status_code == 409
    assert answer["refused"] == refused.json()["detail"]
