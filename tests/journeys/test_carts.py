"""A cart holds its units while its customer makes up their mind: reserved, ordered, given back, or over in time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from httpx2 import Response
from sqlalchemy import text

from api import problems
from tests.house import Document, House, units


def cart(*lines: tuple[str, int], **more: Any) -> Document:
    """The body of a reservation, for `(sku, quantity)` lines."""
    wanted = [
        {"line": str(number), "sku": sku, "quantity": quantity} for number, (sku, quantity) in enumerate(lines, 1)
    ]
    place = {"ship_to": {"country": "US", "postal_code": "80202"}}
    return {"channel": "web", "expires_in": "15m", "lines": wanted} | place | more


async def reserve(house: House, *lines: tuple[str, int], key: str | None = None, **more: Any) -> Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await house.http.post("/reservations", json=cart(*lines, **more), headers=headers)


async def reserved(house: House, *lines: tuple[str, int], **more: Any) -> Document:
    """The document of a reservation that was granted."""
    answer = await reserve(house, *lines, **more)
    assert answer.status_code == 201, answer.text
    document: Document = answer.json()
    return document


async def status(house: House, made: Document) -> tuple[str, str | None]:
    """Where a reservation stands, and the order that it became."""
    shown = (await house.http.get(f"/reservations/{made['reservation']}")).json()
    return shown["status"], shown["order"]


def refusal(answer: Response) -> tuple[int, str]:
    """The status of a refusal with the type of its problem."""
    return answer.status_code, answer.json()["type"]


async def test_a_cart_is_promised_what_an_order_would_be_and_its_order_gets_just_that(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    body = cart(("SERUM-30", 1))
    promised = await house.http.post("/promises", json={n: body[n] for n in body if n != "expires_in"} | STANDARD)
    made = await reserved(house, ("SERUM-30", 1))
    assert {name: made[name] for name in promised.json() if name != "beyond_sell_ahead"} | {
        "beyond_sell_ahead": []
    } == promised.json()
    assert await house.available("SERUM-30") == {"slc": 0}
    assert await status(house, made) == ("held", None)

    order = house.body(("SERUM-30", 1), reservation=made["reservation"])
    placed = await house.http.post("/orders", json=order)

    assert placed.status_code == 201
    assert placed.json()["promise"]["deliver_by"] == made["deliver_by"]
    name = placed.json()["order"]
    assert await status(house, made) == ("ordered", name)
    work = (await house.work(name))["fulfillment_order"]
    await house.fulfill(work)
    assert units(await house.until(name, "delivered")) == {"shipped": 1}
    again = await house.http.post("/orders", json=order)
    assert (again.status_code, again.json()["promise"]) == (200, placed.json()["promise"])


STANDARD = {"service": "standard"}


async def test_a_cart_that_would_have_to_wait_is_refused_with_what_is_missing_and_holds_nothing(house: House) -> None:
    await house.stock("slc", SERUM_30=3, TONER_200=1)
    before = await house.facts()
    answer = await reserve(house, ("SERUM-30", 2), ("TONER-200", 4))
    assert refusal(answer) == (409, problems.NOT_AVAILABLE.type)
    assert answer.json()["unfilled"] == [{"line": "2", "sku": "TONER-200", "quantity": 3}]
    assert "3 of line 2 (TONER-200)" in answer.json()["detail"]
    assert await house.facts() == before


async def test_a_hundred_customers_at_the_checkout_for_the_last_three_units_are_three_carts(house: House) -> None:
    await house.stock("slc", SERUM_30=3)
    answers = await asyncio.gather(*(reserve(house, ("SERUM-30", 1)) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 97
    assert {refusal(answer) for answer in answers if answer.status_code == 409} == {(409, problems.NOT_AVAILABLE.type)}
    assert await house.available("SERUM-30") == {"slc": 0}


async def test_units_come_back_by_themselves_when_the_time_of_their_cart_is_over(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    made = await reserved(house, ("SERUM-30", 1), expires_in="1h")
    waiting = await house.place(("SERUM-30", 1))
    assert units(await house.order(waiting)) == {"backordered": 1}
    async with house.service.database.write() as connection:
        for table in ("cart", "cart_unit"):
            await connection.execute(
                text(f"UPDATE {table} SET expires_at = now() WHERE cart_id = :cart"), {"cart": made["reservation"]}
            )
    await house.until(waiting, lambda document: "backordered" not in units(document))
    assert await status(house, made) == ("lapsed", None)

    late = await house.place(("SERUM-30", 1), reservation=made["reservation"])

    assert units(await house.order(late)) == {"backordered": 1}, "its units went to who was first when they were free"
    assert await status(house, made) == ("ordered", late)


async def test_a_cart_says_until_when_it_holds(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    made = await reserved(house, ("SERUM-30", 1), expires_in="2h")
    until = datetime.fromisoformat(made["expires_at"])
    assert abs(until - datetime.now(until.tzinfo) - timedelta(hours=2)) < timedelta(minutes=1)


async def test_what_is_given_back_is_available_at_once_and_can_be_given_back_again(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    made = await reserved(house, ("SERUM-30", 1))
    for _ in range(2):
        answer = await house.http.delete(f"/reservations/{made['reservation']}")
        assert (answer.status_code, answer.json()["status"]) == (200, "given_back")
        assert await house.available("SERUM-30") == {"slc": 1}
    order = house.body(("SERUM-30", 1), reservation=made["reservation"])
    refused = await house.http.post("/orders", json=order)
    assert refusal(refused) == (422, problems.INVALID.type)
    assert refused.json()["errors"] == [{"field": "reservation", "detail": "it was given back"}]


async def test_what_an_order_has_can_not_be_given_back_nor_ordered_again(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    made = await reserved(house, ("SERUM-30", 1))
    order = await house.place(("SERUM-30", 1), reservation=made["reservation"])
    back = await house.http.delete(f"/reservations/{made['reservation']}")
    assert refusal(back) == (409, problems.REFUSED.type)
    assert order in back.json()["detail"]
    second = await house.http.post("/orders", json=house.body(("SERUM-30", 1), reservation=made["reservation"]))
    assert refusal(second) == (422, problems.INVALID.type)
    assert second.json()["errors"][0]["field"] == "reservation"
    assert (await house.http.get(f"/orders/{house.orders[-1]}")).status_code == 404


async def test_an_order_that_is_cancelled_leaves_nothing_of_its_cart_behind(house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    made = await reserved(house, ("SERUM-30", 2))
    order = await house.place(
        ("SERUM-30", 1), reservation=made["reservation"], holds=[{"hold": "fraud", "reason": "odd"}]
    )
    assert await house.available("SERUM-30") == {"slc": 1}
    assert (await house.ask(order, "cancel")).status_code == 200
    assert await house.available("SERUM-30") == {"slc": 2}


async def test_another_channels_reservation_does_not_exist(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    made = await reserved(house, ("SERUM-30", 1))
    outlet = await house.key("channel", "outlet")
    address = f"/reservations/{made['reservation']}"
    for method in ("GET", "DELETE"):
        assert refusal(await house.http.request(method, address, headers=outlet)) == (404, problems.NOT_FOUND.type)
    order = house.body(("SERUM-30", 1), channel="outlet", reservation=made["reservation"])
    assert refusal(await house.http.post("/orders", json=order, headers=outlet)) == (422, problems.INVALID.type)
    assert await status(house, made) == ("held", None)


async def test_the_same_key_and_body_are_answered_as_the_first_time_and_another_body_is_refused(house: House) -> None:
    await house.stock("slc", SERUM_30=3)
    first = await reserve(house, ("SERUM-30", 1), key="checkout-1")
    assert (await house.http.delete(f"/reservations/{first.json()['reservation']}")).status_code == 200
    again = await reserve(house, ("SERUM-30", 1), key="checkout-1")
    assert (again.status_code, again.json()) == (201, first.json())
    other = await reserve(house, ("SERUM-30", 2), key="checkout-1")
    assert refusal(other) == (409, problems.OTHER_BODY.type)
    stranger = await house.key("channel", "web")
    made = await house.http.post(
        "/reservations", json=cart(("SERUM-30", 1)), headers=stranger | {"Idempotency-Key": "checkout-1"}
    )
    assert made.json()["reservation"] != first.json()["reservation"], "a key is its asker's own"
    assert await house.available("SERUM-30") == {"slc": 2}
