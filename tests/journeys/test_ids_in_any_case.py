"""An id that is made of an order's is found in any case: people write it as the customer spells the number."""

import re
from itertools import count

import pytest

from api.paths import ClaimId, ExceptionId, FulfillmentOrderId, OrderId, ReturnId
from tests.checked_transport import ROUTES
from tests.house import Document, House, now

MADE_OF_AN_ORDERS = ("order", "fulfillment_order", "return", "claim", "exception")
"""Names in the paths of routes."""
_numbers = count(1)
QUESTIONS = sorted(route.path for route in ROUTES if "GET" in (route.methods or ()))


@pytest.fixture
async def ids(house: House) -> dict[str, str]:
    """An order that was delivered, with a claim and a return, as the channel's number spells it: `web-AbC1`."""
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3), number=f"AbC{next(_numbers)}")  # the tests share a Temporal
    work = (await house.work(name))["fulfillment_order"]
    await house.fulfill(work)
    await house.tell(work, "shipped", {"1": 1})
    (misfit,) = (await house.until(name, lambda found: found["exceptions"]))["exceptions"]
    claim = {"lines": [{"line": "1", "quantity": 1}], "kind": "damaged", "resolution": "refund"}
    back = {"lines": [{"line": "1", "quantity": 1}], "resolution": "refund"}
    return {
        "order": name,
        "fulfillment_order": work,
        "exception": misfit["exception"],
        "claim": (await house.ask(name, "claims", **claim)).json()["claim"],
        "return": (await house.ask(name, "returns", **back)).json()["return"],
    }


def as_the_customer_spells_it(name: str) -> str:
    return name.replace("abc", "AbC")


async def test_every_document_is_found_by_its_id_in_any_case(house: House, ids: dict[str, str]) -> None:
    asked = 0
    for path in QUESTIONS:
        if (named := re.search(r"\{(\w+)\}", path)) and named[1] in ids:
            name = ids[named[1]]
            answers = [
                await house.http.get(path.replace(named[0], spelt).replace("{node}", "nwk"))
                for spelt in (name, as_the_customer_spells_it(name), name.upper())
            ]
            assert [answer.status_code for answer in answers] == [200] * 3, path
            assert len({answer.text for answer in answers}) == 1, path
            asked += 1
    assert asked >= len(ids)


def test_every_path_with_such_an_id_takes_it_in_any_case() -> None:
    known = {
        "order": OrderId,
        "fulfillment_order": FulfillmentOrderId,
        "return": ReturnId,
        "claim": ClaimId,
        "exception": ExceptionId,
    }
    assert known.keys() == set(MADE_OF_AN_ORDERS)
    for route in ROUTES:
        for parameter in route.dependant.path_params:
            if parameter.alias in known:
                assert parameter.validate("WEB-AbC1-X7", {}, loc=())[0] == "web-abc1-x7", (route.path, parameter.alias)


async def test_a_request_and_a_message_name_their_order_in_any_case(house: House, ids: dict[str, str]) -> None:
    for path, body, status in (
        (f"/orders/{ids['order']}/hold", {"hold": "fraud"}, 200),
        (f"/orders/{ids['order']}/resolve", {"exception": ids["exception"].upper()}, 200),
        (f"/orders/{ids['order']}/cancel", {}, 409),
        (f"/orders/{ids['order']}/reroute", {"fulfillment_order": ids["fulfillment_order"].upper()}, 409),
        (f"/returns/{ids['return']}/cancel", {}, 200),
    ):
        answer = await house.http.post(path.replace("abc", "ABC"), json=body)
        assert answer.status_code == status, (path, answer.text)
    message = {
        "message_id": "late-1",
        "kind": "delivered",
        "occurred_at": now(),
        "lines": [{"line": "1", "quantity": 1}],
    }
    spelt = as_the_customer_spells_it(ids["fulfillment_order"])
    path = f"/fulfillment-orders/{spelt}/messages"
    assert (await house.http.post(path, json=message)).status_code == 202
    again = await house.http.post(path.lower(), json=message)
    assert again.status_code == 200, "it is the same message, however its fulfillment order is spelt"


async def test_a_parcel_joins_its_order_in_any_case(house: House, ids: dict[str, str]) -> None:
    parcel: Document = {"message_id": "blind-1", "occurred_at": now(), "node": "slc"}
    parcel["order"] = as_the_customer_spells_it(ids["order"]).replace("web", "WEB")
    parcel["lines"] = [{"sku": "SERUM-30", "quantity": 1}]

    answer = await house.http.post("/returns/blind", json=parcel)

    assert (answer.status_code, answer.json()["return"]) == (202, ids["return"])
    again = await house.http.post("/returns/blind", json=parcel | {"order": ids["order"]})
    assert again.status_code == 200, "the same parcel"


async def test_two_numbers_that_differ_only_in_case_are_one_order(house: House) -> None:
    body = house.body(("SERUM-30", 1), number="AbC2")
    assert (await house.http.post("/orders", json=body)).status_code == 201

    other = await house.http.post("/orders", json=body | {"number": "ABC2"})

    assert (other.status_code, other.json()["type"]) == (409, "urn:switchyard:problem:other-body")
    assert (await house.http.get("/orders/web-ABC2")).json()["order"] == "web-abc2"
