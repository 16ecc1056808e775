"""Pickup orders: goods lie ready for a limited time, and nothing is sent elsewhere unless the customer asks for it."""

from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.house import SMALL_MAP, Document, House, units
from transactions.prepare import apply_network

STREET = {"ship_to": {"postal_code": "80202", "country": "US", "street": ["1437 Bannock Street"]}}
A_WEEK = 'collect_within = "7d"'


async def stores(house: House, directory: Path, *rules: str, unfilled: str = "backorder", more: str = "") -> None:
    """Customers may collect at every node but `spare`, under these rules for orders, and more."""
    changed = copytree(SMALL_MAP, directory / "network")
    nodes, policy = (changed / "nodes.toml").read_text(), (changed / "policy.toml").read_text()
    collecting, spare = nodes.split('id = "spare"')
    collecting = collecting.replace('ship_within = "1d"', 'ship_within = "1d"\npickup = true')
    (changed / "nodes.toml").write_text(f'{collecting}id = "spare"{spare}')
    kept = "" if any(rule.startswith("grace") for rule in rules) else 'grace = "0s"'
    policy = policy.replace('grace = "0s"', kept)
    policy = policy.replace('unfilled = "backorder"', f'unfilled = "{unfilled}"') + more
    (changed / "policy.toml").write_text(policy.replace("[orders]", "\n".join(["[orders]", *rules])))
    assert await apply_network(house.database_url, changed) == []


async def to_collect(house: House, node: str, **more: object) -> tuple[str, str]:
    """An order of two units that its node must lay ready; returns its name and its fulfillment order."""
    await house.stock(node, SERUM_30=2)
    name = await house.place(("SERUM-30", 2), pickup_node=node, **more)
    return name, (await house.work(name))["fulfillment_order"]


async def lying_ready(house: House, node: str, **more: object) -> tuple[str, str]:
    name, work = await to_collect(house, node, **more)
    await house.tell(work, "ready_for_pickup")
    return name, work


async def uncollected(house: House, node: str, **more: object) -> tuple[str, str]:
    """The same, and the customer's time is over."""
    name, work = await lying_ready(house, node, **more)
    for _ in ("half of it", "all of it"):
        await house.wait_out(name)
        await house.settle(name)
    return name, work


def codes(document: Document) -> list[str]:
    return [known["code"] for known in document["exceptions"]]


def requests(document: Document) -> list[str]:
    return [work["request"] for work in document["fulfillment_orders"]]


async def event_kinds(house: House, name: str) -> list[str]:
    """The kinds of all events of an order."""
    found = (await house.http.get("/events", params={"limit": 500})).json()["items"]
    return [event["kind"] for event in found if event["order"] == name]


async def test_uncollected_goods_are_sold_again_and_the_channel_is_notified_in_time(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK)
    name, work = await lying_ready(house, "asks")
    ready = await house.work(name)
    assert ready["waiting_for"] == "collection"

    await house.wait_out(name)
    reminded = await house.until(name, lambda found: found["fulfillment_orders"][0]["deadline"] != ready["deadline"])
    again = reminded["fulfillment_orders"][0]
    half, whole = [datetime.fromisoformat(moment) for moment in (ready["deadline"], again["deadline"])]
    assert (again["waiting_for"], whole - half) == ("collection", timedelta(days=7) / 2)
    await house.wait_out(name)

    await house.until(name, lambda found: requests(found) == ["cancel_requested"])
    assert await house.available("SERUM-30") == {"asks": 0}
    await house.tell(work, "cancel_accepted")
    cancelled = await house.until(name, "cancelled")
    assert (units(cancelled), codes(cancelled)) == ({"cancelled": 2}, [])
    assert await house.available("SERUM-30") == {"asks": 2}
    kinds = ["accepted", "promised", "ready_for_pickup", "still_to_collect", "not_collected", "cancelled"]
    assert await event_kinds(house, name) == kinds


async def test_a_customer_who_comes_at_the_last_moment_has_collected(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK)
    name, work = await uncollected(house, "asks")
    assert requests(await house.order(name)) == ["cancel_requested"]

    await house.tell(work, "collected")

    document = await house.until(name, "delivered")
    assert (units(document), codes(document)) == ({"shipped": 2}, [])


async def test_a_store_that_does_not_put_it_back_makes_it_a_persons_case(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK)
    name, work = await uncollected(house, "asks")
    # The order's clock runs ahead of the house's, by which the new time begins: a longer one is not over before it is seen.
    await stores(house, tmp_path / "longer", 'collect_within = "14d"')

    await house.tell(work, "cancel_rejected")
    refused = (await house.settle(name))["fulfillment_orders"][0]
    assert (refused["request"], refused["waiting_for"]) == ("cancel_rejected", "collection"), "not asked again at once"
    await house.wait_out(name)

    document = await house.until(name, lambda found: codes(found) == ["pickup"])
    await stores(house, tmp_path / "longest", 'collect_within = "28d"')
    answer = await house.ask(name, "resolve", exception=document["exceptions"][0]["exception"], reason="they come")
    assert answer.status_code == 200
    assert (await house.work(name))["waiting_for"] == "collection", "the customer has the full time again"
    await house.tell(work, "collected")
    await house.until(name, "delivered")


async def test_a_store_that_says_nothing_is_bypassed_behind_the_fence(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK)
    name, work = await uncollected(house, "reroutes")

    await house.wait_out(name)

    await house.until(name, "cancelled")
    assert await house.available("SERUM-30") == {"reroutes": 0}, "the goods are in doubt"
    await house.tell(work, "cancel_accepted")
    assert await house.available("SERUM-30") == {"reroutes": 2}


async def test_a_person_gives_up_on_a_store_that_neither_hands_out_nor_puts_back(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK)
    name, work = await lying_ready(house, "escalates")
    early = await house.ask(name, "reroute", fulfillment_order=work)
    assert (early.status_code, early.json()["detail"]) == (409, "the customer collects it at escalates")
    for _ in ("half of it", "all of it", "the store's time to answer"):
        if not (await house.settle(name))["exceptions"]:  # on a busy machine one skip may pass two deadlines
            await house.wait_out(name)
    assert codes(await house.until(name, lambda found: bool(found["exceptions"]))) == ["cancel_unanswered"]

    assert (await house.ask(name, "reroute", fulfillment_order=work)).json()["outcome"] == "given_up"

    await house.until(name, "cancelled")
    assert await house.available("SERUM-30") == {"escalates": 0}, "what may lie there is in doubt"


async def test_uncollected_goods_are_sent_home_where_the_policy_says_so(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK, 'uncollected = "ship"')
    await house.stock("spare", SERUM_30=2)
    name, work = await uncollected(house, "asks", **STREET)

    await house.tell(work, "cancel_accepted")

    second = await house.work(name, 2)
    assert second["node"] == "spare"
    seen = [(await house.http.get(f"/fulfillment-orders/{one}")).json() for one in (work, second["fulfillment_order"])]
    assert [fo["pickup"] for fo in seen] == [True, False], "what a node was asked is never edited"
    document = await house.settle(name)
    assert (units(document), codes(document)) == ({"allocated": 2}, [])


async def test_without_an_address_for_a_parcel_a_person_must_find_an_end(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK, 'uncollected = "ship"')
    name, work = await uncollected(house, "asks")

    document = await house.until(name, lambda found: codes(found) == ["pickup"])
    assert requests(document) == ["accepted"]
    shown = (await house.http.get(f"/exceptions/{document['exceptions'][0]['exception']}")).json()
    assert shown["detail"] == f"{work} was not collected at asks"
    assert [action["action"] for action in shown["actions"]] == ["reroute", "cancel", "resolve", "assign"]


async def test_where_the_policy_says_nothing_of_it_a_node_has_its_time_to_ship_as_ever(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path)
    name, _ = await lying_ready(house, "asks")

    assert (await house.work(name))["waiting_for"] == "shipment"


async def refused_at_the_store(house: House, **more: object) -> tuple[str, str]:
    """A store that has none of an order's two lines after all; answers the order and its exception."""
    await house.stock("asks", SERUM_30=2, TONER_200=1)
    name = await house.place(("SERUM-30", 2), ("TONER-200", 1), pickup_node="asks", **more)
    await house.tell((await house.work(name))["fulfillment_order"], "rejected", reason="we cannot find it")
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    (known,) = (await house.settle(name))["exceptions"]
    assert (known["code"], len(document["fulfillment_orders"])) == ("pickup", 1)
    return name, known["exception"]


async def test_a_rejected_pickup_waits_for_the_customers_decision_and_shows_the_choices(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path)
    for node in ("escalates", "reroutes", "spare"):
        await house.stock(node, SERUM_30=2, TONER_200=1)
    name, exception = await refused_at_the_store(house, **STREET)
    document = await house.order(name)
    assert (units(document), units(document, "2"), document["status"]) == ({"open": 2}, {"open": 1}, "sourcing")

    shown = (await house.http.get(f"/exceptions/{exception}")).json()

    offered = shown["alternatives"]
    assert [place["node"] for place in offered["pickup"]] == ["reroutes", "escalates"], "the nearest first"
    assert offered["pickup"][0]["distance_km"] < 10 < offered["pickup"][1]["distance_km"]
    assert all(place["ready_by"] for place in offered["pickup"])
    assert offered["delivery"]["ship_by"] < offered["delivery"]["deliver_by"]
    assert shown["actions"][0] == {
        "action": "choose_pickup",
        "method": "POST",
        "path": f"/orders/{name}/pickup",
        "body": {},
    }
    assert (await house.available("SERUM-30"))["reroutes"] == 2, "nothing is pinned by looking"


async def test_the_customer_collects_at_the_chosen_place(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path)
    await house.stock("escalates", SERUM_30=2, TONER_200=1)
    await house.stock("reroutes", SERUM_30=2, TONER_200=1)
    name, exception = await refused_at_the_store(house)
    body = {"pickup_node": "escalates", "reason": "it is on the way home", "actor": "Ada"}

    key = {"Idempotency-Key": "chosen"}
    answers = [await house.http.post(f"/orders/{name}/pickup", json=body, headers=key) for _ in range(2)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"order": name})] * 2
    second = await house.work(name, 2)
    assert second["node"] == "escalates"
    document = await house.settle(name)
    assert (codes(document), len(document["fulfillment_orders"])) == ([], 2)
    seen = (await house.http.get(f"/exceptions/{exception}")).json()
    assert (seen["resolved_by"], seen["reason"], seen["actions"]) == ("Ada", "it is on the way home", [])
    await house.tell(second["fulfillment_order"], "ready_for_pickup")
    await house.tell(second["fulfillment_order"], "collected")
    await house.until(name, "delivered")


async def test_a_pickup_is_sent_home_when_the_customer_wants_that_and_not_from_the_store_that_failed(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path)
    await house.stock("spare", SERUM_30=2, TONER_200=1)
    name, _ = await refused_at_the_store(house, **STREET)

    assert (await house.ask(name, "pickup", pickup_node=None)).status_code == 200

    second = await house.work(name, 2)
    seen = (await house.http.get(f"/fulfillment-orders/{second['fulfillment_order']}")).json()
    assert (second["node"], seen["pickup"], codes(await house.settle(name))) == ("spare", False, [])


@pytest.mark.parametrize(
    ("node", "status", "reason"),
    [
        ("reroutes", 409, "reroutes cannot hand out 3 units of it"),
        ("spare", 422, "customers cannot collect at spare"),
        (None, 409, "its address names no street: no parcel can go there"),
    ],
)
async def test_a_choice_that_cannot_be_kept_is_refused_and_the_exception_stays(
    small_house: House, tmp_path: Path, node: str | None, status: int, reason: str
) -> None:
    house = small_house
    await stores(house, tmp_path)
    await house.stock("spare", SERUM_30=2, TONER_200=1)
    name, exception = await refused_at_the_store(house)

    answer = await house.ask(name, "pickup", pickup_node=node)

    assert (answer.status_code, reason in answer.text) == (status, True), answer.text
    document = await house.settle(name)
    assert [known["exception"] for known in document["exceptions"]] == [exception]
    assert units(document) == {"open": 2}


async def test_the_store_may_have_found_it_after_all(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path)
    name, exception = await refused_at_the_store(house)

    assert (await house.ask(name, "resolve", exception=exception, reason="behind the door")).status_code == 200

    assert (await house.work(name, 2))["node"] == "asks"
    assert codes(await house.settle(name)) == []


async def test_a_cancel_by_the_customer_ends_the_wait_for_a_choice(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await stores(house, tmp_path)
    name, _ = await refused_at_the_store(house)

    assert (await house.ask(name, "cancel")).status_code == 200

    assert codes(await house.until(name, "cancelled")) == []


async def test_a_short_pick_at_the_store_asks_the_customer_for_what_is_missing_only(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path)
    await house.stock("reroutes", SERUM_30=2)
    name, first = await to_collect(house, "asks")

    await house.tell(first, "picked", {"1": 1}, final=True)

    document = await house.until(name, lambda found: codes(found) == ["pickup"])
    assert (units(await house.settle(name)), len(document["fulfillment_orders"])) == ({"open": 1, "allocated": 1}, 1)
    assert (await house.ask(name, "pickup", pickup_node="reroutes")).status_code == 200
    assert (await house.work(name, 2))["lines"][0]["quantity"] == 1


async def test_before_release_the_customer_may_collect_elsewhere_and_afterwards_not(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path, 'grace = "1h"')
    await house.stock("asks", SERUM_30=2)
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), pickup_node="asks")
    await house.settle(name)

    assert (await house.ask(name, "pickup", pickup_node="reroutes")).status_code == 200

    assert await house.available("SERUM-30") == {"asks": 2, "reroutes": 0}
    await house.skip(name, timedelta(hours=1, minutes=1))
    assert (await house.work(name))["node"] == "reroutes"
    late = await house.ask(name, "pickup", pickup_node="asks")
    assert (late.status_code, "released to its nodes" in late.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("unfilled", "more", "found"),
    [
        ("backorder", "", ({"backordered": 1}, [])),
        ("backorder", '[[exclude]]\nwhen = \'node.id == "asks"\'\nreason = "renovation"', ({"open": 1}, ["pickup"])),
        ("exception", "", ({"open": 1}, ["pickup"])),
        ("cancel", "", ({"cancelled": 1}, [])),
    ],
)
async def test_what_a_store_may_never_hand_out_asks_the_customer_and_what_it_lacks_follows_the_policy(
    small_house: House, tmp_path: Path, unfilled: str, more: str, found: tuple[dict[str, int], list[str]]
) -> None:
    house = small_house
    await stores(house, tmp_path, unfilled=unfilled, more=more)
    await house.stock("reroutes", SERUM_30=9)

    name = await house.place(("SERUM-30", 1), pickup_node="asks")

    document = await house.settle(name)
    assert (units(document), codes(document)) == found
    assert await house.available("SERUM-30") == {"reroutes": 9}, (
        "no other node sends it unless the customer asks for it"
    )


async def test_what_goes_home_uncollected_does_not_answer_for_what_the_customer_was_asked_about(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await stores(house, tmp_path, A_WEEK, 'uncollected = "ship"')
    name, work = await to_collect(house, "asks", **STREET)
    await house.stock("spare", SERUM_30=2)
    await house.tell(work, "picked", {"1": 1}, final=True)
    await house.tell(work, "ready_for_pickup")
    for _ in ("half of it", "all of it"):
        await house.settle(name)
        await house.wait_out(name)
    await house.until(name, lambda found: requests(found) == ["cancel_requested"])

    await house.tell(work, "cancel_accepted")

    assert (await house.work(name, 2))["node"] == "spare"
    document = await house.settle(name)
    assert (units(document), codes(document)) == ({"open": 1, "allocated": 1}, ["pickup"])
    assert (await house.ask(name, "pickup", pickup_node=None)).status_code == 200
    assert (await house.work(name, 3))["node"] == "spare"
    assert codes(await house.settle(name)) == []
