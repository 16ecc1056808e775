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

    assert (answer.status_code, answer.json()["field"]) == (422, "service")
    assert "next_day" in answer.json()["detail"]


async def test_a_forgotten_order_keeps_no_address_that_a_node_was_given(house: House) -> None:
    name = await half_released(house)
    await house.ask(name, "address", ship_to=AWAY)
    await house.http.post(f"/orders/{name}/forget", json={"even_if_open": True})

    work = await shown(house, 1, name)

    assert work["forgotten"]
    assert {field: value for field, value in work["ship_to"].items() if value} == {"country": "US"}


PREVIEWS: dict[str, tuple[dict[str, Any], int]] = {
    "cancel": ({"lines": [{"line": "2", "quantity": 1}]}, -1000),
    "quantities": ({"lines": [{"line": "2", "quantity": 3}]}, 2000),
    "address": ({"ship_to": AWAY}, 0),
    "service": ({"service": "two_day"}, 0),
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
