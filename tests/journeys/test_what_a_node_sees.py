"""What a node reads of its work: enough to pack, to print and to weigh, and nothing of the work of others."""

from datetime import UTC, datetime, timedelta

from tests.house import Document, House


async def seen(house: House, work: str) -> Document:
    """A fulfillment order as its node polls it."""
    document: Document = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    return document


async def listed(house: House, **filters: str) -> list[str]:
    """The ids of the fulfillment orders that a list with these filters shows."""
    answer = await house.http.get("/fulfillment-orders", params={"limit": 500, **filters})
    assert answer.status_code == 200, answer.text
    return [one["fulfillment_order"] for one in answer.json()["items"]]


async def test_a_node_can_pack_from_what_it_reads(house: House) -> None:
    await house.stock("nwk", CLEANSER_150=3, SUNSCREEN_50=6, PERFUME_50=1)
    name = await house.place(("SET-TRAVEL", 3))
    work = await house.work(name)
    shown = await seen(house, work["fulfillment_order"])

    assert (shown["channel"], shown["currency"], shown["node"]) == ("web", "USD", "nwk")
    (line,) = shown["lines"]
    assert (line["name"], line["barcode"], line["weight_g"]) == ("Travel Set", "0850000150102", 190 + 2 * 85)
    assert (line["unit_price"], line["hazmat"], line["ships_alone"]) == (1000, False, False)
    assert line["components"] == [
        {"sku": "CLEANSER-150", "quantity": 1, "name": "Gentle Cleanser 150 ml", "barcode": "0850000150010"},
        {"sku": "SUNSCREEN-50", "quantity": 2, "name": "Sunscreen SPF 50, 50 ml", "barcode": "0850000150058"},
    ]


async def test_a_node_prints_what_the_channel_says_of_the_order_and_nobody_prints_it_once_it_is_forgotten(
    house: House,
) -> None:
    await house.stock("nwk", SERUM_30=1, TONER_200=1)
    body = house.body(("SERUM-30", 1), ("TONER-200", 1), reference="#1005/A", purchase_order="PO 17")
    body["ship_to"] |= {"company": "Ada & Co", "name": "Ada"}
    body["lines"][0] |= {"name": "Serum, engraved", "gift_message": "For you", "attributes": {"engraving": "A. L."}}
    work = (await house.work((await house.http.post("/orders", json=body)).json()["order"]))["fulfillment_order"]

    shown = await seen(house, work)
    assert (shown["reference"], shown["purchase_order"], shown["ship_to"]["company"]) == (
        "#1005/A",
        "PO 17",
        "Ada & Co",
    )
    assert [(line["name"], line["gift_message"], line["attributes"]) for line in shown["lines"]] == [
        ("Serum, engraved", "For you", {"engraving": "A. L."}),
        ("Balancing Toner 200 ml", None, {}),
    ]

    assert (await house.http.post(f"/orders/{shown['order']}/forget", json={"even_if_open": True})).status_code == 200
    shown = await seen(house, work)
    assert (shown["reference"], shown["purchase_order"]) == (None, None)
    assert [(line["name"], line["gift_message"], line["attributes"]) for line in shown["lines"]] == [
        ("Vitamin C Serum 30 ml", None, {}),
        ("Balancing Toner 200 ml", None, {}),
    ]


async def test_a_node_reads_until_when_it_should_accept_and_when_its_work_last_changed(house: House) -> None:
    await house.stock("nwk", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]
    before = await seen(house, work)
    assert datetime.fromisoformat(before["accept_by"]) >= datetime.fromisoformat(before["released_at"])

    await house.tell(work, "accepted", reason="on it")
    after = await seen(house, work)
    assert after["accept_by"] is None
    assert after["updated_at"] > before["updated_at"]

    assert (await house.http.post(f"/orders/{name}/forget", json={"even_if_open": True})).status_code == 200
    assert (await seen(house, work))["updated_at"] > after["updated_at"], "a copy of the address must be erased, too"


async def test_a_list_shows_what_its_filters_ask_for(house: House) -> None:
    await house.stock("nwk", SERUM_30=2, TONER_200=1)
    slow, fast = (
        await house.place(("SERUM-30", 1)),
        await house.place(("SERUM-30", 1), ("TONER-200", 1), service="two_day"),
    )
    first, second = [(await house.work(name))["fulfillment_order"] for name in (slow, fast)]
    since = (await seen(house, second))["updated_at"]

    assert await listed(house, order=slow) == await listed(house, order=slow.upper()) == [first]
    assert await listed(house, order=fast, sku="TONER-200") == [second]
    assert await listed(house, order=slow, sku="TONER-200") == []
    assert await listed(house, order=slow, service="two_day") == []
    assert second in await listed(house, service="two_day")
    assert await listed(house, order=slow, node="slc") == []
    assert await listed(house, order=slow, node="nwk") == [first]
    ship_by = (await seen(house, first))["ship_by"]
    later = (datetime.fromisoformat(ship_by) + timedelta(seconds=1)).astimezone(UTC).isoformat()
    assert await listed(house, order=slow, ship_by_before=ship_by) == []
    assert await listed(house, order=slow, ship_by_before=later) == [first]

    await house.tell(first, "accepted")
    changed = await listed(house, updated_since=since)
    assert {first, second} <= set(changed)
    assert first in await listed(house, updated_since=(await seen(house, first))["updated_at"])
    assert second not in await listed(house, updated_since=(await seen(house, first))["updated_at"])


async def test_a_parcel_that_did_not_leave_is_shipped_again_and_the_channel_reads_of_both(house: House) -> None:
    await house.stock("nwk", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    first = {"package": "box-7", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 2}]}
    await house.tell(work, "shipped", packages=[first])
    await house.until(name, "shipped")

    await house.tell(work, "void", package="box-7")
    shown = await house.until(name, "in_fulfillment")
    assert (shown["fulfillment_orders"][0]["packages"], shown["lines"][0]["picked"]) == ([], 2)
    assert (await house.work(name))["waiting_for"] == "shipment"

    await house.tell(work, "shipped", packages=[first])
    await house.tell(work, "delivered")
    shown = await house.until(name, "delivered")
    assert [parcel["package"] for parcel in shown["fulfillment_orders"][0]["packages"]] == ["box-7#2"]
    events = (await house.http.get("/events", params={"channel": "web", "limit": 500})).json()["items"]
    reported = [(one["kind"], one["data"]) for one in events if one["order"] == name and "packages" in one["data"]]
    assert [(kind, [parcel["package"] for parcel in data["packages"]]) for kind, data in reported] == [
        ("shipped", ["box-7"]),
        ("shipment_voided", []),
        ("shipped", ["box-7#2"]),
    ]
    assert "box-7" not in str([event async for event in house.workflow(name).fetch_history_events()])


async def test_units_that_a_customer_claimed_did_leave(house: House) -> None:
    await house.stock("nwk", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "shipped", packages=[{"package": "1", "lines": [{"line": "1", "quantity": 1}]}])
    claim = {"kind": "lost", "resolution": "refund", "lines": [{"line": "1", "quantity": 1}]}
    answer = await house.http.post(f"/orders/{name}/claims", json=claim)
    assert answer.status_code in (200, 201), answer.text

    await house.tell(work, "void", package="1")
    shown = await house.order(name)
    assert (shown["lines"][0]["shipped"], [one["code"] for one in shown["exceptions"]]) == (1, ["message_misfit"])
    assert "line 1: units of it were returned, claimed or paid back" in shown["exceptions"][0]["detail"]


async def test_a_node_lists_its_own_work_whatever_node_it_names(house: House) -> None:
    await house.stock("nwk", SERUM_30=1)
    work = (await house.work(await house.place(("SERUM-30", 1))))["fulfillment_order"]
    key = (await house.http.post("/keys", json={"kind": "node", "name": "slc"})).json()["key"]
    answer = await house.http.get(
        "/fulfillment-orders", params={"node": "nwk"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert work not in [one["fulfillment_order"] for one in answer.json()["items"]]
