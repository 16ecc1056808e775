"""Addresses of the whole world over HTTP: with and without a postal code, with coordinates, and where there is no distance."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from tests.house import MASTER_KEYS, Document, House

PLACES = [
    ({"country": "HK"}, "country"),
    ({"country": "HK", "postal_code": "", "city": "Kowloon"}, "city"),
    ({"country": "CA", "postal_code": "v6b-1a1"}, "postal_code"),
    ({"country": "JP", "postal_code": "１００－０００１"}, "postal_code"),
    ({"country": "VN", "city": "Hanoi"}, "city"),
    ({"country": "XK", "postal_code": "10000"}, "country"),
    ({"country": "US", "postal_code": "80202", "latitude": 39.7, "longitude": -105.0}, "point"),
]


async def promised(house: House, ship_to: Document, **more: Any) -> Document:
    """What `POST /promises` answers for one jar to an address."""
    lines = [{"sku": "SERUM-30", "quantity": 1}]
    body = {"channel": "web", "service": "standard", "ship_to": ship_to, "lines": lines} | more
    answer = await house.http.post("/promises", json=body)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


@pytest.mark.parametrize(("ship_to", "precision"), PLACES, ids=str)
async def test_a_promise_says_how_exactly_the_place_is_known(house: House, ship_to: Document, precision: str) -> None:
    assert (await promised(house, ship_to))["destination_precision"] == precision


STORED = "SELECT o::text, r::text FROM orders o JOIN personal.recipient r USING (order_id)"
ARMY = {"country": "US", "postal_code": "09012", "region": "AE"}
"""The policy names days for standard only."""

WRONG = [
    ({"country": "DE"}, "ship_to.postal_code", "missing; an address in DE cannot do without one, such as"),
    ({"country": "US", "postal_code": "00011"}, "ship_to.postal_code", "no ZIP code begins with 000"),
    ({"country": "US", "postal_code": "80202", "latitude": 39.7}, "ship_to.longitude", "latitude needs longitude"),
    ({"country": "US", "postal_code": "80202", "latitude": 91, "longitude": 0}, "ship_to.latitude", "90"),
    ({"country": "US", "postal_code": "80202", "latitude": 39.7, "longitude": 105.0}, "ship_to.latitude", "outside US"),
]


@pytest.mark.parametrize(("ship_to", "field", "said"), WRONG, ids=str)
@pytest.mark.parametrize("path", ["/orders", "/promises", "/reservations"])
async def test_a_place_that_cannot_be_is_422_and_named_everywhere(
    house: House, path: str, ship_to: Document, field: str, said: str
) -> None:
    body = house.body(("SERUM-30", 1), ship_to=ship_to)
    del house.orders[-1]
    if path != "/orders":
        del body["number"]
    if path == "/reservations":
        body["expires_in"] = "15m"
    answer = await house.http.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert said in answer.text


async def test_coordinates_are_sealed_and_go_to_the_node_only(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    ship_to = {"country": "US", "postal_code": "80202", "latitude": 39.712345, "longitude": -105.012345}
    name = await house.place(("SERUM-30", 1), ship_to=ship_to)
    work = await house.work(name)
    shown = (await house.http.get(f"/fulfillment-orders/{work['fulfillment_order']}")).json()
    assert (shown["ship_to"]["latitude"], shown["ship_to"]["longitude"]) == (39.712345, -105.012345)
    history = await house.workflow(name).fetch_history()
    assert "39.71" not in history.to_json()
    database = Database(house.database_url, MASTER_KEYS)
    async with database.read() as connection:
        rows = await connection.execute(text(STORED))
        assert "39.71" not in json.dumps([list(row) for row in rows])
    await database.close()


async def test_an_order_to_an_army_post_office_ships_without_a_day_of_delivery_and_closes(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), ship_to=ARMY, service="next_day")
    promise = (await house.order(name))["promise"]
    assert promise["ship_by"]
    assert promise["deliver_by"] is None
    (round_,) = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert (round_["deliver_by"], round_["shipments"][0]["days"], round_["shipments"][0]["distance_km"]) == (None,) * 3
    events = (await house.http.get("/events", params={"channel": "web", "limit": 200})).json()["items"]
    (event,) = [one for one in events if one["order"] == name and one["kind"] == "promised"]
    assert event["data"]["deliver_by"] is None
    work = await house.work(name)
    await house.fulfill(work["fulfillment_order"])
    await house.until(name, "delivered")
