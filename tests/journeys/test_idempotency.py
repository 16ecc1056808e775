"""Who is not sure that we heard says it again: the same words have one effect, in any order, any number of times."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from httpx2 import Response

from api import problems
from tests.house import Document, House, now

OTHER_BODY = (409, problems.OTHER_BODY.type)
JSON = {"Content-Type": "application/json"}


def refusal(answer: Response) -> tuple[int, str]:
    """The status of a refusal with the type of its problem."""
    return answer.status_code, answer.json()["type"]


async def test_the_same_order_twice_is_one_order_and_hears_the_promise_that_it_was_first_given(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    body = house.body(("SERUM-30", 2))
    first = await house.http.post("/orders", json=body)
    assert first.status_code == 201
    assert first.json()["promise"]["deliver_by"]
    await house.fulfill((await house.work(first.json()["order"]))["fulfillment_order"])
    await house.until(first.json()["order"], "delivered")
    before = await house.facts()

    again = await house.http.post("/orders", json=body)

    assert again.status_code == 200
    assert again.json() == first.json() | {"status": "delivered"}
    assert await house.facts() == before


async def test_the_order_of_keys_and_the_spaces_in_a_body_do_not_make_another_order(house: House) -> None:
    body = house.body(("SERUM-30", 2), holds=[{"hold": "fraud", "reason": "odd"}])
    assert (await house.http.post("/orders", json=body)).status_code == 201
    turned = json.dumps(dict(reversed(body.items())), indent=4)
    assert (await house.http.post("/orders", content=turned, headers=JSON)).status_code == 200


async def test_capitals_in_a_number_do_not_make_another_order(house: House) -> None:
    body = house.body(("SERUM-30", 1))
    assert (await house.http.post("/orders", json=body)).status_code == 201
    assert refusal(await house.http.post("/orders", json=body | {"number": body["number"].upper()})) == OTHER_BODY


async def test_another_body_under_a_used_number_is_refused_and_changes_nothing(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    body = house.body(("SERUM-30", 2))
    assert (await house.http.post("/orders", json=body)).status_code == 201
    name = house.orders[-1]
    await house.work(name)
    await house.settle(name)
    before = await house.facts()
    line = body["lines"][0]
    for other in (
        body | {"lines": [line | {"quantity": 3}]},
        body | {"lines": [line, line | {"line": "2"}]},
        body | {"priority": 1},
        body | {"ship_to": body["ship_to"] | {"name": "Ada Lovelace"}},
    ):
        assert refusal(await house.http.post("/orders", json=other)) == OTHER_BODY
    assert await house.facts() == before


async def test_one_order_sent_ten_times_at_once_is_one_order(house: House) -> None:
    await house.stock("slc", SERUM_30=50)
    body = house.body(("SERUM-30", 2))
    answers = await asyncio.gather(*(house.http.post("/orders", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    await house.work(house.orders[-1])
    assert await house.available("SERUM-30") == {"slc": 48}


async def test_the_same_message_twice_has_one_effect_whatever_became_of_the_order_since(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    when = now()
    first = await house.tell(work, "picked", {"1": 2}, message_id="slc-1", occurred_at=when)
    assert first.status_code == 202
    await house.tell(work, "shipped")
    await house.settle(name)
    before = await house.facts()

    again = await house.tell(work, "picked", {"1": 2}, message_id="slc-1", occurred_at=when)

    assert (again.status_code, again.json()) == (200, first.json())
    assert await house.facts() == before


async def test_a_message_id_names_one_message_of_a_node_about_one_thing(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    works = [(await house.work(await house.place(("SERUM-30", 2))))["fulfillment_order"] for _ in range(2)]
    body = {"message_id": "slc-1", "kind": "picked", "occurred_at": now(), "lines": [{"line": "1", "quantity": 1}]}
    stock = {"message_id": "slc-1", "node": "slc", "kind": "received", "occurred_at": now()}
    goods = {"lines": [{"sku": "SERUM-30", "quantity": 1}]}

    async def tell(work: str, message: Document) -> Response:
        return await house.http.post(f"/fulfillment-orders/{work}/messages", json=message)

    assert (await tell(works[0], body)).status_code == 202
    for name in house.orders:
        await house.settle(name)
    before = await house.facts()
    assert refusal(await tell(works[0], body | {"kind": "shipped"})) == OTHER_BODY
    assert refusal(await tell(works[0], body | {"lines": [{"line": "1", "quantity": 2}]})) == OTHER_BODY
    assert refusal(await tell(works[0], body | {"reason": "a reason"})) == OTHER_BODY
    assert refusal(await tell(works[1], body)) == OTHER_BODY
    assert refusal(await house.http.post("/stock/messages", json=stock | goods)) == OTHER_BODY
    assert await house.facts() == before
    assert (await tell(works[1], body | {"message_id": "slc-2"})).status_code == 202


async def test_the_same_stock_message_twice_moves_stock_once(house: House) -> None:
    body = {
        "message_id": "count-1",
        "node": "slc",
        "kind": "received",
        "occurred_at": now(),
        "lines": [{"sku": "SERUM-30", "quantity": 4}],
        "reason": "a delivery",
    }
    answers = [await house.http.post("/stock/messages", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert await house.available("SERUM-30") == {"slc": 4}
    assert refusal(await house.http.post("/stock/messages", json=body | {"reason": "another"})) == OTHER_BODY
    elsewhere = await house.http.post("/stock/messages", json=body | {"node": "nwk"})
    assert elsewhere.status_code == 202, "every node counts its messages for itself"


Prepare = Callable[[House, str, str], Any]


async def nothing(house: House, name: str, work: str) -> None:
    """The order was just released."""


async def accept(house: House, name: str, work: str) -> None:
    """The node works on it."""
    await house.tell(work, "accepted")


async def ship_one(house: House, name: str, work: str) -> None:
    """One of two units has left."""
    await house.tell(work, "shipped", {"1": 1})


async def ship(house: House, name: str, work: str) -> None:
    """Everything has left."""
    await house.tell(work, "shipped")


async def deliver(house: House, name: str, work: str) -> None:
    """Everything has arrived."""
    await house.tell(work, "delivered")


async def hold(house: House, name: str, work: str) -> None:
    """Somebody looks at the order."""
    assert (await house.http.post(f"/orders/{name}/hold", json={"hold": "fraud"})).status_code == 200


ONE, TWO = ([{"line": "1", "quantity": quantity}] for quantity in (1, 2))
MORE: Document = {"line": "2", "sku": "SERUM-30", "quantity": 1, "unit_price": 100}
OTHER: Document = {"lines": [MORE | {"quantity": 2}]}

# fmt: off
REQUESTS: list[tuple[str, Prepare, str, Document, Document, int]] = [
    # what is asked                  after     address    body                          another body         answer
    ("cancel one unit",              nothing,  "cancel",  {"lines": ONE},               {"lines": TWO},      200),
    ("cancel everything",            nothing,  "cancel",  {},                           {"lines": ONE},      200),
    ("cancel at a node",             accept,   "cancel",  {"lines": ONE},               {},                  200),
    ("cancel more than there is",    nothing,  "cancel",  {"lines": [*TWO, *ONE]},      {},                  200),
    ("cancel what is half gone",     ship_one, "cancel",  {"lines": TWO},               {},                  200),
    ("cancel what has left",         ship,     "cancel",  {"lines": TWO},               {},                  409),
    ("cancel all that has left",     ship,     "cancel",  {},                           {"lines": ONE},      409),
    ("cancel a line unknown",        nothing,  "cancel",  {"lines": [{"line": "9", "quantity": 1}]}, {},     409),
    ("place a hold",                 nothing,  "hold",    {"hold": "fraud"},            {"hold": "payment"}, 200),
    ("place a hold with a reason",   nothing,  "hold",    {"hold": "fraud", "reason": "odd"}, {"hold": "fraud"}, 200),
    ("take a hold off",              hold,     "release", {"hold": "fraud"},            {"hold": "payment"}, 200),
    ("take off what does not stand", nothing,  "release", {"hold": "fraud"},            {"hold": "payment"}, 409),
    ("count fewer after release",    nothing,  "quantities", {"lines": ONE},            {"lines": TWO},      409),
    ("faster after release",         nothing,  "service", {"service": "two_day"},       {"service": "next_day"}, 409),
    ("add a line",                   nothing,  "lines",   {"lines": [MORE]},            OTHER,               200),
    ("return one unit",              deliver,  "returns", {"lines": ONE},               {"lines": TWO},      201),
    ("return more than there is",    deliver,  "returns", {"lines": [*TWO, *ONE]},      {"lines": TWO},      409),
    ("return what did not arrive",   nothing,  "returns", {"lines": ONE},               {"lines": TWO},      409),
]
# fmt: on


async def test_a_request_asked_twice_with_one_key_is_done_once_and_answered_the_same(house: House) -> None:
    await house.stock("slc", SERUM_30=100)
    for number, (what, prepare, address, body, another, status) in enumerate(REQUESTS):
        name = await house.place(("SERUM-30", 2))
        await prepare(house, name, (await house.work(name))["fulfillment_order"])
        await house.settle(name)
        key = {"Idempotency-Key": f"request-{number}"}

        async def ask(
            what: Document, key: Mapping[str, str] = key, path: str = f"/orders/{name}/{address}"
        ) -> Response:
            return await house.http.post(path, json=what, headers=key)

        first = await ask(body)
        assert first.status_code == status, (what, first.text)
        await house.settle(name)
        document = await house.order(name)
        again = await ask(body)
        assert (again.status_code, again.json()) == (first.status_code, first.json()), what
        other = await ask(another)
        assert refusal(other) == OTHER_BODY, what
        await house.settle(name)
        assert await house.order(name) == document, what


async def test_a_request_that_is_repeated_stores_nothing_more(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    key = {"Idempotency-Key": "once"}
    body = {"hold": "fraud", "reason": "odd address"}
    assert (await house.http.post(f"/orders/{name}/hold", json=body, headers=key)).status_code == 200
    await house.settle(name)
    before = await house.facts()
    assert (await house.http.post(f"/orders/{name}/hold", json=body, headers=key)).status_code == 200
    assert await house.facts() == before


async def test_a_key_is_the_askers_own_so_two_channels_may_use_the_same(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    for channel in ("web", "outlet"):
        headers = await house.key("channel", channel)
        name = await house.place(("SERUM-30", 2), channel=channel)
        answer = await house.http.post(f"/orders/{name}/cancel", json={}, headers=headers | {"Idempotency-Key": "1"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["cancelled"][0]["quantity"] == 2


async def test_without_a_key_asking_twice_is_asking_twice(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    name = await house.place(("SERUM-30", 2))
    answers = [await house.http.post(f"/orders/{name}/cancel", json={"lines": ONE}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert (await house.order(name))["lines"][0]["cancelled"] == 2


async def test_the_messages_of_one_life_in_any_order_and_each_twice_end_in_the_same_order(house: House) -> None:
    life: list[tuple[str, Mapping[str, int] | None, Document]] = [
        ("accepted", None, {}),
        ("picked", {"1": 3}, {"final": True}),
        ("shipped", {"1": 1}, {"packages": [{"package": "1", "carrier": "ups", "tracking": "1Z1"}]}),
        ("shipped", {"1": 2}, {"packages": [{"package": "2", "carrier": "ups", "tracking": "1Z2"}]}),
        ("delivered", {"1": 3}, {}),
    ]
    dice = random.Random(7)
    orders = dice.sample(list(itertools.permutations(range(len(life)))), 7)
    await house.stock("slc", SERUM_30=3 * (len(orders) + 1))
    ends = {}
    for order in [tuple(range(len(life))), *orders]:
        name = await house.place(("SERUM-30", 3))
        work = (await house.work(name))["fulfillment_order"]
        when = now()
        for step in [*order, *dice.sample(order, len(order))]:
            kind, lines, more = life[step]
            await house.tell(work, kind, lines, message_id=f"{name}-{step}", occurred_at=when, **more)
        document = await house.until(name, "delivered")
        (fo,) = document["fulfillment_orders"]
        ends[order] = [
            document["lines"],
            document["exceptions"],
            fo["status"],
            fo["request"],
            fo["lines"],
            fo["packages"],
        ]
    assert ends == dict.fromkeys(ends, ends[tuple(range(len(life)))])
    assert await house.available("SERUM-30") == {"slc": 0}


RECEIVED, GRADED, SETTLED = range(3)


async def test_the_messages_of_a_return_in_any_order_restock_the_goods_once(house: House) -> None:
    graded = {"line": "1", "quantity": 2, "condition": "as_new", "disposition": "restock"}
    life: list[Document] = [
        {"kind": "received", "node": "slc", "lines": TWO},
        {"kind": "graded", "node": "slc", "lines": [graded]},
        {"kind": "settled"},
    ]
    await house.stock("slc", SERUM_30=20)
    ends = {}
    for order in itertools.permutations((RECEIVED, GRADED, SETTLED)):
        name = await house.place(("SERUM-30", 2))
        await house.fulfill((await house.work(name))["fulfillment_order"])
        await house.until(name, "delivered")
        made = (await house.http.post(f"/orders/{name}/returns", json={"lines": TWO})).json()["return"]
        when, statuses = now(), []
        for step in [*order, *order]:
            message = life[step] | {"message_id": f"{made}-{step}", "occurred_at": when}
            statuses.append((await house.http.post(f"/returns/{made}/messages", json=message)).status_code)
        assert statuses == [202] * 3 + [200] * 3
        shown = (await house.http.get(f"/returns/{made}")).json()
        ends[order] = shown["lines"], (await house.order(name))["exceptions"]
        await house.until(name, lambda found: found["returns"][0]["status"] == "closed")
    assert ends == dict.fromkeys(ends, ends[RECEIVED, GRADED, SETTLED])
    assert await house.available("SERUM-30") == {"slc": 20}
