"""A person takes work from its node: unaccepted work moves at once, other work behind the fence; nothing ships twice."""

import pytest

from tests.house import Document, House, units


async def released(house: House, node: str = "reroutes", *others: str) -> tuple[str, str]:
    """An order of two units that this node may work on, and other nodes that have two more; answers order and work."""
    for stocked in (node, *others):
        await house.stock(stocked, SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = await house.work(name)
    await house.settle(name)
    assert work["node"] == node
    return name, work["fulfillment_order"]


def codes(document: Document) -> list[str]:
    return [known["code"] for known in document["exceptions"]]


async def test_work_that_no_node_has_accepted_moves_at_once_and_its_stock_comes_back(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")

    answer = await house.ask(name, "reroute", fulfillment_order=first, reason="snow", actor="Ada")

    assert (answer.status_code, answer.json()) == (
        200,
        {"order": name, "fulfillment_order": first, "outcome": "withdrawn"},
    )
    second = await house.work(name, 2)
    assert (second["node"], second["attempt"]) == ("spare", 2)
    document = await house.settle(name)
    assert [work["status"] for work in document["fulfillment_orders"]] == ["cancelled", "released"]
    assert await house.available("SERUM-30") == {"reroutes": 2, "spare": 0}
    again = await house.ask(name, "reroute", fulfillment_order=first)
    assert (again.status_code, "due any more" in again.json()["detail"]) == (409, True)


async def test_goods_that_left_before_the_node_knew_of_it_take_the_place_of_their_replacement(
    small_house: House,
) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")
    await house.ask(name, "reroute", fulfillment_order=first)
    await house.work(name, 2)

    await house.tell(first, "shipped", {"1": 2})

    document = await house.until(name, "shipped")
    assert [work["status"] for work in document["fulfillment_orders"]] == ["shipped", "cancelled"]
    assert (units(document), codes(document)) == ({"shipped": 2}, [])


async def test_goods_that_leave_two_nodes_after_a_reroute_are_a_persons_case(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")
    await house.ask(name, "reroute", fulfillment_order=first)
    await house.tell((await house.work(name, 2))["fulfillment_order"], "shipped")

    await house.tell(first, "shipped", {"1": 2})

    document = await house.settle(name)
    assert (units(document), codes(document)) == ({"shipped": 2}, ["double_ship"])


async def test_a_node_that_has_accepted_is_asked_and_the_work_moves_when_it_consents(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")
    await house.tell(first, "accepted")
    await house.settle(name)

    answer = await house.ask(name, "reroute", fulfillment_order=first)

    assert answer.json()["outcome"] == "cancel_requested"
    asked = await house.settle(name)
    assert (len(asked["fulfillment_orders"]), units(asked)) == (1, {"allocated": 2})
    again = await house.ask(name, "reroute", fulfillment_order=first)
    assert (again.status_code, "still has time to answer" in again.json()["detail"]) == (409, True)
    await house.tell(first, "cancel_accepted")
    assert (await house.work(name, 2))["node"] == "spare"


async def test_a_node_that_ships_instead_of_consenting_has_shipped(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")
    await house.tell(first, "accepted")
    await house.ask(name, "reroute", fulfillment_order=first)

    await house.tell(first, "shipped")

    document = await house.until(name, "shipped")
    assert (len(document["fulfillment_orders"]), codes(document)) == (1, [])
    late = await house.ask(name, "reroute", fulfillment_order=first)
    assert (late.status_code, "it has shipped" in late.json()["detail"]) == (409, True)


async def test_work_of_a_node_that_was_asked_and_never_answered_moves_behind_the_fence(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "asks", "spare")
    await house.tell(first, "accepted")
    await house.ask(name, "reroute", fulfillment_order=first)
    await house.wait_out(name)
    await house.until(name, lambda found: codes(found) == ["cancel_unanswered"])

    answer = await house.ask(name, "reroute", fulfillment_order=first)

    assert answer.json()["outcome"] == "given_up"
    assert (await house.work(name, 2))["node"] == "spare"
    assert await house.available("SERUM-30") == {"asks": 0, "spare": 0}, "its units stay in doubt"


async def test_a_person_may_choose_the_node_that_ships_instead(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "asks", "spare")

    answer = await house.ask(name, "reroute", fulfillment_order=first, to_node="spare")

    assert answer.json()["outcome"] == "withdrawn"
    assert (await house.work(name, 2))["node"] == "spare", "although another one is nearer"
    assert await house.available("SERUM-30") == {"reroutes": 2, "asks": 2, "spare": 0}


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ("asks", "asks cannot fill it: 0 of 2 units"),
        ("mars", "mars is not a node of the network"),
        ("reroutes", "reroutes cannot fill it: already tried"),
    ],
)
async def test_a_node_that_cannot_ship_it_is_refused_with_the_reason_and_nothing_moves(
    small_house: House, node: str, reason: str
) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")

    answer = await house.ask(name, "reroute", fulfillment_order=first, to_node=node)

    assert (answer.status_code, answer.json()["detail"]) == (409, reason)
    document = await house.settle(name)
    assert [(work["node"], work["status"]) for work in document["fulfillment_orders"]] == [("reroutes", "released")]
    assert await house.available("SERUM-30") == {"reroutes": 0, "spare": 2}


async def test_while_a_node_must_be_asked_first_no_other_one_can_be_chosen(small_house: House) -> None:
    house = small_house
    name, first = await released(house, "reroutes", "spare")
    await house.tell(first, "accepted")

    answer = await house.ask(name, "reroute", fulfillment_order=first, to_node="spare")

    assert (answer.status_code, "must be asked to cancel first" in answer.json()["detail"]) == (409, True)
    assert (await house.settle(name))["fulfillment_orders"][0]["request"] == "accepted"


async def test_however_often_a_person_reroutes_the_units_never_end_in_a_persons_queue(small_house: House) -> None:
    house = small_house
    nodes = ("reroutes", "asks", "escalates", "spare")
    name, _ = await released(house, *nodes)

    for number in (1, 2, 3):
        work = (await house.work(name, number))["fulfillment_order"]
        assert (await house.ask(name, "reroute", fulfillment_order=work)).status_code == 200

    fourth = await house.work(name, 4)
    assert (fourth["attempt"], codes(await house.settle(name))) == (4, [])
    assert {work["node"] for work in (await house.order(name))["fulfillment_orders"]} == set(nodes)
    elsewhere = await house.ask(name, "reroute", fulfillment_order="web-0-f1")
    assert (elsewhere.status_code, elsewhere.json()["detail"]) == (
        409,
        "the order has no fulfillment order web-0-f1",
    )
