"""An order that asks for one node ships from there, or a person gets an exception that says why it does not."""

from tests.house import Document, House, units


async def the_exception(house: House, name: str) -> Document:
    """The order's only open exception, as soon as there is one."""
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    (known,) = document["exceptions"]
    found: Document = known
    return found


async def test_it_ships_from_there_although_the_policy_prefers_another(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    await house.stock("asks", SERUM_30=5)
    name = await house.place(("SERUM-30", 2), from_node="asks")
    assert (await house.work(name))["node"] == "asks"
    assert (await house.order(name))["from_node"] == "asks"
    plan = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"][0]
    assert {seen["node"]: seen["excluded"] for seen in plan["nodes"]}["reroutes"] == "the order asks for asks"


async def test_where_it_has_too_few_a_person_gets_an_exception_and_nothing_waits_in_silence(small_house: House) -> None:
    """The policy's `unfilled` is backorder."""
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    await house.stock("asks", SERUM_30=1)
    name = await house.place(("SERUM-30", 3), from_node="asks", holds=[{"hold": "look"}])
    exception = await the_exception(house, name)
    assert (exception["code"], exception["detail"]) == (
        "unfilled",
        "the order asks for asks, which cannot ship 2 of line 1 now: it has too few",
    )
    assert units(await house.settle(name)) == {"open": 2, "reserved": 1}
    assert await house.available("SERUM-30") == {"reroutes": 5, "asks": 0}

    await house.stock("asks", SERUM_30=2)
    await house.ask(name, "resolve", exception=exception["exception"], reason="it came", actor="Ada")
    assert units(await house.settle(name)) == {"reserved": 3}
    assert await house.available("SERUM-30") == {"reroutes": 5, "asks": 0}


async def test_the_exception_says_why_it_can_ship_nothing(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    paused = {"reason": "inventory", "actor": "Ada", "open_work": "keep"}
    assert (await house.http.post("/nodes/spare/pause", json=paused)).status_code == 200
    await house.stock("spare", SERUM_30=5)
    for node, why in (("asks", "0 of 3 units"), ("spare", "paused")):
        name = await house.place(("SERUM-30", 3), from_node=node)
        exception = await the_exception(house, name)
        assert exception["detail"] == f"the order asks for {node}, which cannot ship 3 of line 1 now: {why}"
        assert units(await house.settle(name)) == {"open": 3}


async def test_when_it_rejects_the_work_no_other_node_is_asked(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    await house.stock("asks", SERUM_30=5)
    name = await house.place(("SERUM-30", 2), from_node="asks")
    work = await house.work(name)
    await house.tell(work["fulfillment_order"], "rejected", reason="the shelf is locked")
    exception = await the_exception(house, name)
    assert exception["code"] == "unfilled"
    assert exception["detail"] == "the order asks for asks, which rejected 2 of line 1 or found them short"
    document = await house.settle(name)
    assert (units(document), len(document["fulfillment_orders"])) == ({"open": 2}, 1)


async def test_a_person_may_choose_another_node(small_house: House) -> None:
    house = small_house
    await house.stock("asks", SERUM_30=5)
    await house.stock("spare", SERUM_30=5)
    name = await house.place(("SERUM-30", 2), from_node="asks")
    first = (await house.work(name))["fulfillment_order"]
    answer = await house.ask(name, "reroute", fulfillment_order=first, to_node="spare")
    assert answer.status_code == 200, answer.text
    assert (await house.work(name, 2))["node"] == "spare"


async def test_a_promise_and_a_reservation_are_for_that_node_too(small_house: House) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=5)
    await house.stock("asks", SERUM_30=1)
    cart = {"channel": "web", "service": "standard", "ship_to": {"country": "US", "postal_code": "80202"}}
    for quantity, node in ((1, "asks"), (2, None)):
        body = cart | {"from_node": "asks", "lines": [{"sku": "SERUM-30", "quantity": quantity}]}
        promised = (await house.http.post("/promises", json=body)).json()
        assert [shipment["node"] for shipment in promised["shipments"]] == ([node] if node else [])
        assert promised["fillable"] is (node is not None)
        reserved = await house.http.post("/reservations", json=body | {"expires_in": "15m"})
        assert reserved.status_code == (201 if node else 409)
