"""Orders are found by what people know of them, each channel only its own."""

from datetime import UTC, datetime
from typing import Any

import pytest
from httpx2 import Response

from tests.house import Document, House


def names(answer: Response) -> list[str]:
    """The ids in a list."""
    assert answer.status_code == 200, answer.text
    return [row.get("return") or row.get("exception") or row["order"] for row in answer.json()["items"]]


async def found(house: House, headers: dict[str, str] | None = None, **query: Any) -> list[str]:
    """The orders of a list."""
    return names(await house.http.get("/orders", params=query, headers=headers))


@pytest.fixture
async def orders(house: House) -> dict[str, str]:
    """Three orders of two channels; one waits for stock."""
    await house.stock("slc", SERUM_30=20)
    return {
        "early": await house.place(("SERUM-30", 1), number="AbC-1", reference="#Ä/5", placed_at="2026-01-01T00:00:00Z"),
        "waits": await house.place(("TONER-200", 1), number="B-2", placed_at="2026-02-01T12:00:00+02:00"),
        "outlet": await house.place(
            ("SERUM-30", 1), channel="outlet", number="abc-1", placed_at="2026-03-01T00:00:00Z"
        ),
    }


async def test_orders_are_found_by_number_item_day_and_change(house: House, orders: dict[str, str]) -> None:
    early, waits, outlet = orders.values()
    for name in orders.values():
        await house.settle(name)

    assert await found(house, number="ABC-1") == [outlet, early]
    assert await found(house, number="ABC-1", channel="web") == [early]
    assert await found(house, number="abc") == []
    assert await found(house, reference="#ä/5") == [early]
    assert await found(house, sku="TONER-200") == [waits]
    assert await found(house, sku="toner-200") == [], "a SKU is another in another case"
    assert await found(house, placed_after="2026-02-01T10:00:00Z") == [outlet, waits]
    assert await found(house, placed_before="2026-02-01T10:00:00Z") == [early]
    assert await found(house, placed_after="2026-01-01T00:00:00Z", placed_before="2026-03-01T00:00:00Z") == [
        waits,
        early,
    ]
    assert await found(house, sku="SERUM-30", number="abc-1", placed_after="2026-02-01T00:00:00Z", limit=1) == [outlet]

    asked_at = datetime.now(UTC).isoformat()
    assert await found(house, updated_since=asked_at) == []
    assert (await house.ask(early, "hold", hold="fraud")).status_code == 200
    assert await found(house, updated_since=asked_at) == [early]
    assert await found(house, updated_since=asked_at, status="on_hold", needs_attention="false") == [early]


async def test_a_channel_finds_its_own_orders_only(house: House, orders: dict[str, str]) -> None:
    early, waits, outlet = orders.values()
    key = await house.key("channel", "outlet")

    assert await found(house, key, number="ABC-1") == [outlet]
    assert await found(house, key, sku="TONER-200") == []
    assert await found(house, key, updated_since="2026-01-01T00:00:00Z", channel="web") == [outlet]
    assert names(await house.http.get("/events", params={"order": early}, headers=key)) == []
    assert set(names(await house.http.get("/events", params={"order": outlet.upper()}, headers=key))) == {outlet}
    for question in ({"after": waits}, {"after": early}):
        assert await found(house, key, **question) == [], "no page begins after another channel's order"


async def test_each_page_of_what_is_asked_for_goes_on_where_the_one_before_ends(house: House) -> None:
    await house.stock("slc", SERUM_30=20)
    placed = [await house.place(("SERUM-30", 1), placed_at="2026-01-01T00:00:00Z") for _ in range(5)]
    await house.place(("SERUM-30", 1))

    pages = await house.pages("/orders", 2, sku="SERUM-30", placed_before="2026-01-02T00:00:00Z")

    assert [[row["order"] for row in page] for page in pages] == [placed[4:2:-1], placed[2:0:-1], placed[:1]]


async def test_returns_and_exceptions_are_found_by_their_order(house: House) -> None:
    await house.stock("slc", SERUM_30=20)
    one, other = [await house.place(("SERUM-30", 2)) for _ in range(2)]
    back: Document = {"lines": [{"line": "1", "quantity": 1}], "resolution": "refund"}
    for name in (one, other):
        work = (await house.work(name))["fulfillment_order"]
        await house.fulfill(work)
        await house.tell(work, "shipped", {"1": 1})
        assert (await house.ask(name, "returns", **back)).status_code == 201
        await house.until(name, lambda document: bool(document["exceptions"]))
    asked_at = datetime.now(UTC).isoformat()

    assert names(await house.http.get("/returns", params={"order": one.upper()})) == [f"{one}-r1"]
    exceptions = (await house.http.get("/exceptions", params={"order": other})).json()["items"]
    assert [row["order"] for row in exceptions] == [other]
    assert (await house.http.get("/exceptions", params={"order": other, "open": "false"})).json()["items"] == []
    assert names(await house.http.get("/returns", params={"updated_since": asked_at})) == []
    assert (await house.http.post(f"/returns/{one}-r1/cancel", json={})).status_code == 200
    assert names(await house.http.get("/returns", params={"updated_since": asked_at})) == [f"{one}-r1"]


ROSA = {"name": "Rosa Delgado", "street": ["1437 Bannock St"], "email": "rosa@example.com", "phone": "+1 303 555 0100"}


async def test_operators_find_a_person_and_the_log_says_who_asked_and_not_for_whom(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    place = {"postal_code": "80202", "country": "US"}
    await house.stock("slc", SERUM_30=9)
    mine = [await house.place(("SERUM-30", 1), ship_to=place | ROSA) for _ in range(3)]
    gift = await house.place(("SERUM-30", 1), ship_to=place | {"company": "Acme"}, bill_to=ROSA)
    operator = await house.key("operator", "night-shift")
    capsys.readouterr()

    async def search(**body: str) -> list[str]:
        answer = await house.http.post("/orders/search", json=body, headers=operator)
        return names(answer)

    assert await search(email="ROSA@example.com") == [gift, *mine[::-1]], "also who pays"
    assert await search(phone="(303) 555-0100") == await search(name="delgado, rosa") == [gift, *mine[::-1]]
    assert await search(name="ACME") == [gift]
    assert await search(name="Rosa") == []
    first = await house.http.post("/orders/search", json={"name": "Rosa Delgado"}, params={"limit": "3"})
    rest = await house.http.post(
        "/orders/search", json={"name": "Rosa Delgado"}, params={"limit": "3", "after": first.json()["next"]}
    )
    assert (names(first), names(rest), rest.json()["next"]) == ([gift, *mine[:0:-1]], mine[:1], None)

    logged = capsys.readouterr().err.lower()
    assert "key=operator:night-shift" in logged
    assert "route=/orders/search" in logged
    assert not [word for word in ("rosa", "delgado", "555", "acme") if word in logged]


async def test_the_ledger_says_what_moved_by_whom_and_why_the_newest_first(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    adjusted = {"message_id": "adj-1", "node": "slc", "kind": "adjusted", "occurred_at": "2026-11-21T15:04:05Z"}
    body = adjusted | {"lines": [{"sku": "SERUM-30", "quantity": -1}], "reason": "one leaks"}
    node = await house.key("node", "slc")
    assert (await house.http.post("/stock/messages", json=body, headers=node)).status_code == 202

    rows = (await house.http.get("/stock/SERUM-30/movements")).json()["items"]

    assert [(row["kind"], row["on_hand"], row["reserved"], row["allocated"], row["order"]) for row in rows] == [
        ("adjusted", -1, 0, 0, None),
        ("allocated", 0, -2, 2, name),
        ("reserved", 0, 2, 0, name),
        ("received", 5, 0, 0, None),
    ]
    assert (rows[0]["actor"], rows[0]["cause"], rows[0]["reason"]) == ("node:slc", "message slc adj-1", "one leaks")
    assert [(row["actor"], row["cause"]) for row in rows[1:3]] == [("workflow", "round 1")] * 2
    pages = await house.pages("/stock/SERUM-30/movements", 3)
    assert [row for page in pages for row in page] == rows
    path = "/stock/SERUM-30/movements"
    assert len((await house.http.get(path, params={"order": name.upper()})).json()["items"]) == 2
    other = await house.http.get(path, params={"node": "slc"}, headers=await house.key("node", "nwk"))
    assert other.json()["items"] == [], "a node sees its own rows"
