"""A shop on Shopify from its first command to its last parcel: the whole service, and a simulated shop that keeps its rules.

Each test names the acceptance check of the connections that it shows: its row in the table of checks.
"""

import pytest

from demo.peers.shopify.shop import Bought
from tests.journeys.shopify_house import Connected
from tests.journeys.shopify_orders import (
    follows,
    in_two_parcels,
    is_asked_back,
    left_there,
    parcels_here,
    parcels_there,
    ship_all,
    street_here,
    taken,
    wanted_here,
    wanted_there,
)


@pytest.mark.parametrize("how", ["by webhook", pytest.param("by poll", marks=pytest.mark.long)])
async def test_checks_1_and_5_an_order_comes_leaves_in_two_parcels_and_the_shop_shows_just_these(
    acme: Connected, how: str
) -> None:
    await acme.house.stock("reroutes", SERUM_30=2)
    await acme.house.stock("asks", TONER_200=1)
    order = acme.shop.place(Bought("SERUM-30", 2), Bought("TONER-200"))
    if how == "by webhook":
        assert (await acme.webhooks()).failed == 0
        assert set(acme.statuses) == {200}
    else:
        acme.lose_webhooks()
        await acme.poll()
    placed = await acme.come(order)
    assert (placed["reference"], placed["number"]) == (order.name, str(order.id))
    await in_two_parcels(acme, order)
    document = await acme.house.order(acme.number(order))
    assert parcels_there(order) == parcels_here(document)
    assert len(parcels_here(document)) == 2
    assert order.fulfillment_status == "FULFILLED"

    for fo in document["fulfillment_orders"]:
        await acme.house.tell(fo["fulfillment_order"], "delivered")
    await acme.house.until(acme.number(order), "delivered")
    await acme.notified()
    assert [[event.status for event in one.events] for one in order.fulfillments] == [["DELIVERED"]] * 2
    assert await acme.exceptions() == []


@pytest.mark.long
async def test_check_3_an_edited_order_is_followed_before_release(acme: Connected) -> None:
    await acme.house.stock("reroutes", SERUM_30=9, TONER_200=9)
    order = acme.shop.place(Bought("SERUM-30", 3, discount=900), paid="PENDING")
    await acme.webhooks()
    await acme.come(order)
    name = acme.number(order)
    acme.shop.set_quantity(order, order.lines[0].id, 2)
    acme.shop.add_line(order, Bought("TONER-200"))
    acme.shop.change_address(order, address1="2 Other Street")
    await acme.webhooks()
    document = await follows(acme, order)
    assert len(wanted_here(document)) == 2
    await acme.house.until(name, lambda found: street_here(found) == "2 Other Street")
    acme.shop.pay(order)
    await acme.webhooks()
    await ship_all(acme, order)
    assert left_there(order) == wanted_there(order)
    assert order.fulfillment_status == "FULFILLED"
    assert await acme.exceptions(order=name) == []


@pytest.mark.long
async def test_check_3_an_order_is_taken_over_that_comes_before_its_items_are_stocked_at_our_location(
    acme: Connected,
) -> None:
    acme.stock_nothing_at_our_location()
    order = acme.shop.place(Bought("SERUM-30", 3))
    assert {work.location.service for work in order.works} == {None}, "the shop would ship it itself"
    await acme.webhooks()
    await acme.come(order)
    await acme.rows("SELECT 1 FROM channel_notice WHERE tries > 1 AND due_at IS NOT NULL", bool)
    await acme.house.stock("reroutes", SERUM_30=9)
    await acme.until(lambda: {work.request for work in order.live()} == {"ACCEPTED"})
    await ship_all(acme, order)
    assert left_there(order) == wanted_there(order) == {str(order.lines[0].id): 3}
    assert await acme.exceptions() == []


async def test_check_3_an_order_edited_after_its_node_has_accepted_is_followed_and_leaves_whole(
    acme: Connected,
) -> None:
    await acme.house.stock("reroutes", SERUM_30=9, TONER_200=9)
    order, work = await taken(acme)
    [serum] = order.lines
    acme.shop.set_quantity(order, serum.id, 2)
    await acme.webhooks()
    await acme.house.until(acme.number(order), is_asked_back)
    await acme.house.tell(work, "cancel_accepted")
    await follows(acme, order)

    acme.shop.set_quantity(order, serum.id, 4)
    acme.shop.add_line(order, Bought("TONER-200"))
    await acme.webhooks()
    await follows(acme, order)
    await ship_all(acme, order)
    assert left_there(order) == wanted_there(order) == {str(serum.id): 4, str(order.lines[1].id): 1}
    assert order.fulfillment_status == "FULFILLED"
    assert await acme.exceptions() == []


@pytest.mark.long
async def test_check_3_another_address_after_the_nodes_have_it_is_for_a_person_to_see_to(acme: Connected) -> None:
    await acme.house.stock("reroutes", SERUM_30=9)
    order, _ = await taken(acme)
    acme.shop.change_address(order, address1="2 Other Street")
    await acme.webhooks()
    [(code, detail)] = await acme.until(acme.exceptions)
    assert (code, "another address is wanted, and cannot be" in detail) == ("channel_misfit", True)
    await ship_all(acme, order)
    assert left_there(order) == wanted_there(order)


@pytest.mark.long
async def test_check_3_an_order_cancelled_at_the_shop_before_release_is_sourced_from_nowhere(acme: Connected) -> None:
    await acme.house.stock("reroutes", SERUM_30=9)
    order = acme.shop.place(Bought("SERUM-30", 3), paid="PENDING")
    await acme.webhooks()
    await acme.come(order)
    acme.shop.cancel(order)
    await acme.webhooks()
    document = await acme.house.until(acme.number(order), "cancelled")
    assert document["fulfillment_orders"] == []
    assert (await acme.house.available("SERUM-30"))["reroutes"] == 9


@pytest.mark.long
async def test_checks_3_and_6_an_order_cancelled_at_the_shop_after_release_is_cancelled_by_its_node(
    acme: Connected,
) -> None:
    await acme.house.stock("reroutes", SERUM_30=9)
    order, work = await taken(acme)
    acme.shop.cancel(order)
    await acme.webhooks()
    await acme.house.until(acme.number(order), is_asked_back)
    await acme.house.tell(work, "cancel_accepted")
    await acme.house.until(acme.number(order), "cancelled")
    await acme.notified()
    assert [one.request for one in order.works if one.request != "CANCELLATION_ACCEPTED"] == []
    assert (await acme.house.available("SERUM-30"))["reroutes"] == 9


@pytest.mark.long
async def test_check_6_a_merchants_request_to_cancel_is_accepted_when_its_node_gives_the_units_back(
    acme: Connected,
) -> None:
    await acme.house.stock("reroutes", SERUM_30=9)
    order, work = await taken(acme)
    for one in order.live():
        acme.shop.request_cancellation(one)
    await acme.webhooks()
    await acme.house.until(acme.number(order), is_asked_back)
    await acme.house.tell(work, "cancel_accepted")
    await acme.house.until(acme.number(order), "cancelled")
    await acme.until(lambda: "CANCELLATION_ACCEPTED" in {one.request for one in order.works})


@pytest.mark.long
async def test_check_6_a_merchants_request_to_cancel_is_accepted_at_once_before_release(acme: Connected) -> None:
    order = acme.shop.place(Bought("SERUM-30", 3))
    await acme.webhooks()
    await acme.come(order)
    await acme.until(lambda: {one.request for one in order.live()} == {"ACCEPTED"})
    for one in order.live():
        acme.shop.request_cancellation(one)
    await acme.webhooks()
    document = await acme.house.until(acme.number(order), "cancelled")
    assert document["fulfillment_orders"] == []
    await acme.until(lambda: "CANCELLATION_ACCEPTED" in {one.request for one in order.works})


@pytest.mark.long
async def test_check_6_a_merchants_request_to_cancel_is_rejected_after_the_goods_have_left(acme: Connected) -> None:
    await acme.house.stock("reroutes", SERUM_30=9)
    order, work = await taken(acme)
    [asked] = order.live()
    acme.shop.request_cancellation(asked)
    await acme.house.tell(work, "picked")
    await acme.house.tell(work, "shipped")
    await acme.house.until(acme.number(order), "shipped")
    await acme.webhooks()
    await acme.until(lambda: asked.request in ("CANCELLATION_REJECTED", "CLOSED") or asked.status == "CLOSED")
    await acme.carried_out()
    await acme.notified()
    assert left_there(order) == wanted_there(order) == {str(order.lines[0].id): 3}
