"""An order keeps everything that its channel knows of it, and shows it to whom it concerns."""

import json
import re
from datetime import datetime
from typing import Any

import pytest
from httpx2 import AsyncClient

from api.app import application
from tests.house import Document, House, now

ADDRESS = {
    "name": "Rosa Delgado",
    "company": "Delgado & Hijas",
    "street": ["1437 Bannock St"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
    "email": "rosa@example.com",
    "phone": "+1 303 555 0100",
    "latitude": 39.7392,
    "longitude": -104.9903,
}
LINE: Document = {
    "line": "466157049",
    "sku": "SERUM-30",
    "name": "Serum 30 ml – grün",
    "quantity": 2,
    "unit_price": 4900,
    "discount": 100,
    "tax": 390,
    "gift_message": "Alles Gute,\nRosa",
    "attributes": {"Custom Engraving": "R. D.", "wrap": "紅"},
}
OPTIONAL: Document = {
    "reference": "#1005/ñ",
    "purchase_order": "PO 77/3",
    "service": "standard",
    "ship_to": ADDRESS,
    "bill_to": {"name": "Delgado's books", "email": "books@example.com"},
    "priority": 3,
    "customer_tier": "gold",
    "ship_complete": "line",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2199-01-01T00:00:00Z",
    "promised": {"ship_by": "2198-01-01T00:00:00Z", "deliver_by": "2198-01-03T00:00:00Z"},
    "discount": 300,
    "prices_include_tax": False,
    "shipping_price": 500,
    "shipping_tax": 41,
    "paid": 10200,
    "tags": ["gift", "first order"],
    "attributes": {"delivery instructions": "ring twice"},
    "note": "the neighbour takes it",
}


def moments(value: Any) -> Any:
    """A part of a document in which every time is a time."""
    if isinstance(value, dict):
        return {name: moments(part) for name, part in value.items()}
    is_moment = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.+", value)
    return datetime.fromisoformat(value) if is_moment else value


async def place(house: House, body: Document) -> str:
    """Place an order that is new."""
    answer = await house.http.post("/orders", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order"])


@pytest.fixture
async def web(house: House) -> Any:
    """A client with the key of the channel `web`."""
    key = (await house.http.post("/keys", json={"kind": "channel", "name": "web"})).json()["key"]
    http = house.http
    return AsyncClient(transport=http._transport, base_url=http.base_url, headers={"Authorization": f"Bearer {key}"})


async def test_an_order_shows_all_that_its_channel_sent(house: House, web: AsyncClient) -> None:
    await house.stock("slc", SERUM_30=9)
    body = house.body(**OPTIONAL) | {"lines": [LINE]}
    name = await place(house, body)

    for reader in (house.http, web):
        shown = (await reader.get(f"/orders/{name}")).json()
        assert {field: moments(shown[field]) for field in OPTIONAL} == {
            field: moments(OPTIONAL[field]) for field in OPTIONAL
        }
        assert {field: shown[field] for field in ("channel", "number", "currency", "value", "total")} == {
            "channel": "web",
            "number": body["number"],
            "currency": "USD",
            "value": 9400,
            "total": 9400 + 390 + 541,
        }
        (line,) = shown["lines"]
        assert {field: line[field] for field in LINE if field != "quantity"} == {
            field: value for field, value in LINE.items() if field != "quantity"
        }
        assert (line["ordered"], line["order_discount"]) == (2, 300)
        listed = (await reader.get("/orders")).json()["items"][0]
        wanted = ("order", "reference", "placed_at", "service", "currency", "value", "tags")
        assert {field: listed[field] for field in wanted} == {field: shown[field] for field in wanted}
        assert not {"ship_to", "bill_to", "note", "attributes"} & listed.keys()
    await house.settle(name)


async def test_an_order_that_says_no_more_than_it_must_shows_that_nothing_was_said(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    shown = await house.order(await house.place(("SERUM-30", 1)))

    empty = (
        "reference",
        "purchase_order",
        "bill_to",
        "promised",
        "note",
        "paid",
        "customer_tier",
        "not_before",
        "not_after",
    )
    assert {field: shown[field] for field in empty} == dict.fromkeys(empty)
    assert (shown["tags"], shown["attributes"]) == ([], {})
    assert shown["ship_to"] == {"street": [], "postal_code": "80202", "country": "US"}
    line = shown["lines"][0]
    assert (line["name"], line["gift_message"], line["attributes"]) == (None, None, {})


async def test_an_order_that_comes_again_is_a_repeat_also_with_its_empty_fields_spelt_out(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    plain = house.body(ship_to=ADDRESS) | {"lines": [LINE]}
    await place(house, plain)
    empty = plain | {"reference": "", "note": "", "purchase_order": ""}
    empty["lines"] = [LINE | {"attributes": {**LINE["attributes"], "colour": ""}}]
    empty["ship_to"] = ADDRESS | {"company": ADDRESS["company"]}

    assert (await house.http.post("/orders", json=empty)).status_code == 200
    for other in ({"reference": "#1"}, {"tags": ["gift"]}, {"note": "ring"}, {"attributes": {"colour": "red"}}):
        assert (await house.http.post("/orders", json=plain | other)).status_code == 409


async def test_what_is_forgotten_is_shown_no_more(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    name = await place(house, house.body(**OPTIONAL) | {"lines": [LINE]})
    await house.http.post(f"/orders/{name}/forget", json={"even_if_open": True})

    shown = await house.order(name)
    gone: Document = {"reference": None, "purchase_order": None, "bill_to": None, "note": None, "customer_tier": None}
    gone |= {"tags": [], "attributes": {}, "ship_to": dict.fromkeys(ADDRESS) | {"country": "US"}}
    assert {field: shown[field] for field in gone} == gone
    line = shown["lines"][0]
    assert (line["name"], line["gift_message"], line["attributes"]) == (None, None, {})
    assert (shown["value"], line["unit_price"], line["sku"]) == (9400, 4900, "SERUM-30"), "figures stay"
    await house.settle(name)


async def test_what_people_call_an_order_is_in_its_events_returns_and_claims_and_in_what_replaces_its_units(
    house: House,
) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=9)
    name = await place(house, house.body(**OPTIONAL) | {"lines": [LINE]})
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    one = {"line": LINE["line"], "quantity": 1}
    asked = {"lines": [one | {"exchange_for": "TONER-200"}], "resolution": "exchange"}
    made = (await house.ask(name, "returns", **asked)).json()["return"]
    graded = one | {"condition": "as_new", "disposition": "restock"}
    body = {"message_id": f"{made}-back", "kind": "graded", "occurred_at": now(), "node": "slc", "lines": [graded]}
    assert (await house.http.post(f"/returns/{made}/messages", json=body)).status_code == 202
    claim = (await house.ask(name, "claims", lines=[one], kind="damaged", resolution="replacement")).json()
    await house.until(name, lambda found: found["returns"][0]["status"] == "closed")

    feed = [event for event in (await house.http.get("/events")).json()["items"] if event["order"] == name]
    assert {event["reference"] for event in feed} == {OPTIONAL["reference"]}
    units = [line for event in feed for line in event["data"].get("lines", ())]
    assert {(line["line"], line["sku"], line["name"]) for line in units} == {(LINE["line"], LINE["sku"], LINE["name"])}
    for path in (f"/returns/{made}", f"/claims/{claim['claim']}"):
        shown = (await house.http.get(path)).json()
        called = (shown["reference"], shown["lines"][0]["sku"], shown["lines"][0]["name"])
        assert called == (OPTIONAL["reference"], LINE["sku"], LINE["name"])
    assert (await house.http.get("/returns")).json()["items"][0]["reference"] == OPTIONAL["reference"]

    exchanged, replaced = await house.order(f"{made}-x1"), await house.order(claim["replacement"])
    for order in (exchanged, replaced):
        kept = (
            "reference",
            "purchase_order",
            "ship_to",
            "bill_to",
            "tags",
            "attributes",
            "note",
            "service",
            "priority",
        )
        assert {field: order[field] for field in kept} == {field: OPTIONAL[field] for field in kept}
        assert (order["promised"], order["not_after"]) == (None, None), "that was the first order's"
    own = ("name", "gift_message", "attributes")
    assert [replaced["lines"][0][field] for field in own] == [LINE[field] for field in own]
    assert [exchanged["lines"][0][field] for field in own] == [None, None, {}], "it is another item"

    await house.http.post(f"/orders/{name}/forget", json={})
    feed = [event for event in (await house.http.get("/events")).json()["items"] if event["order"] == name]
    assert {event["reference"] for event in feed} == {None}
    assert {line["name"] for event in feed for line in event["data"].get("lines", ())} == {None}
    house.orders += [exchanged["order"], replaced["order"]]


async def test_a_promise_and_a_reservation_take_the_body_of_an_order(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    cart = house.body(**OPTIONAL) | {"lines": [LINE]}
    del cart["number"]
    assert (await house.http.post("/promises", json=cart)).json()["fillable"] is True
    assert (await house.http.post("/reservations", json=cart | {"expires_in": "1m"})).status_code == 201


async def test_the_interface_says_how_long_each_text_may_be(house: House) -> None:
    schemas = application(house.service).openapi()["components"]["schemas"]
    order, line = schemas["NewOrder"]["properties"], schemas["NewLine"]["properties"]
    assert json.dumps(order["reference"]).count('"maxLength": 64') == 1
    assert (line["sku"]["minLength"], line["sku"]["maxLength"]) == (1, 64)
    assert (order["attributes"]["maxProperties"], order["tags"]["maxItems"]) == (20, 250)
