"""A channel hears what becomes of its orders: by asking for it over HTTP."""

from tests.house import Document, House

PARCEL = {"package": "1", "carrier": "ups", "tracking": "1Z999", "lines": [{"line": "1", "quantity": 2}]}


async def events(house: House, **filters: str) -> list[Document]:
    answer = await house.http.get("/events", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[Document] = answer.json()["items"]
    return items


async def test_the_feed_tells_an_order_from_its_acceptance_to_its_return(house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "shipped", packages=[PARCEL])
    await house.tell(work, "delivered")
    await house.until(name, "delivered")
    back = (await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])).json()["return"]
    message = {"occurred_at": "2026-11-22T15:04:05Z", "node": "slc"}
    for kind in ("received", "settled", "settled"):
        body = message | {"kind": kind, "message_id": f"{kind}-{len(await events(house))}"}
        assert (await house.http.post(f"/returns/{back}/messages", json=body)).status_code == 202

    promise = (await house.order(name))["promise"]
    units = [{"line": "1", "sku": "SERUM-30", "name": None, "quantity": 2}]
    about = {"fulfillment_order": work, "node": "slc"}
    assert [(found["kind"], found["data"]) for found in await events(house)] == [
        ("accepted", {"lines": units}),
        ("promised", {end: promise[end].replace("Z", "+00:00") for end in ("ship_by", "deliver_by")}),
        ("shipped", about | {"lines": units, "packages": [PARCEL]}),
        ("delivered", about | {"lines": units, "assumed": False}),
        ("returned", {"return": back, "lines": [units[0] | {"quantity": 1}]}),
        ("settled", {"return": back, "resolution": "refund"}),
    ]
    assert {(found["order"], found["channel"]) for found in await events(house)} == {(name, "web")}


async def test_a_feed_is_walked_by_pages_and_then_by_its_last_event(house: House) -> None:
    names = [await house.place(("SERUM-30", 1)) for _ in range(3)]
    for name in names:
        await house.until(name, "backordered")
    pages = await house.pages("/events", 2)
    assert [len(page) for page in pages] == [2, 2, 2]
    last = pages[-1][-1]["event"]
    assert await events(house, after=last) == []
    assert (await house.ask(names[0], "cancel")).status_code == 200
    assert [(found["order"], found["kind"]) for found in await events(house, after=last)] == [(names[0], "cancelled")]


async def test_a_channel_gets_events_of_its_own_orders_only(house: House) -> None:
    web, outlet = await house.place(("SERUM-30", 1)), await house.place(("SERUM-30", 1), channel="outlet")
    for name in (web, outlet):
        await house.until(name, "backordered")
    headers = await house.key("channel", "outlet")
    seen = (await house.http.get("/events", params={"channel": "web"}, headers=headers)).json()["items"]
    assert {found["order"] for found in seen} == {outlet}
    assert {found["order"] for found in await events(house, channel="web")} == {web}
    assert {found["order"] for found in await events(house)} == {web, outlet}
