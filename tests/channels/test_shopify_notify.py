"""A shop learns what became of an order: by line and parcel, with nothing twice however often a conversation is cut off."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.channel import Done, Later, NoAnswer, Notice, Outcome, Refused, Settings
from channels.kinds import KINDS
from channels.shopify.carriers import NAMES, spelled
from channels.shopify.notify import HEARD, notify
from domain.event import EventKind
from tests import shopify_schema
from tests.channels.shopify_orders import LINE, ORDER, OTHER, settings
from tests.channels.shopify_shop import MERCHANT, Shop, run


def line(name: str, attributes: dict[str, str] | None = None, **buckets: int) -> dict[str, Any]:
    """A line of our order."""
    empty = dict.fromkeys(("open", "backordered", "reserved", "allocated", "shipped", "cancelled"), 0)
    return {"line": name, "attributes": attributes or {}} | empty | buckets


def package(name: str, tracking: str | None = None, carrier: str | None = None, **units: int) -> dict[str, Any]:
    """A package that left."""
    lines = [{"line": NAMES_OF[line], "quantity": quantity} for line, quantity in units.items()]
    return {"package": name, "carrier": carrier, "tracking": tracking, "lines": lines}


NAMES_OF = {"tee": LINE, "mug": OTHER, "more": f"{LINE}-s1"}


def fo(number: int, *packages: dict[str, Any], node: str = "slc", delivered: int = 0, **shipped: int) -> dict[str, Any]:
    """A fulfillment order of ours."""
    lines = [
        {"line": NAMES_OF[name], "shipped": units, "delivered": min(delivered, units)}
        for name, units in shipped.items()
    ]
    return {"fulfillment_order": f"web-{ORDER}-f{number}", "node": node, "lines": lines, "packages": list(packages)}


def order(*parts: dict[str, Any]) -> dict[str, Any]:
    """The document of our order."""
    return {
        "lines": [part for part in parts if "line" in part],
        "fulfillment_orders": [part for part in parts if "node" in part],
    }


def notice(kind: EventKind, document: dict[str, Any], ids: dict[str, str] | None = None, **data: Any) -> Notice:
    """An event of our order."""
    about = {"fulfillment_order": f"web-{ORDER}-f1", "node": "slc", "lines": []} | data
    return Notice("1", kind, about, ORDER, document, ids or {}, datetime(2026, 11, 30, tzinfo=UTC))


def sent(
    shop: Shop, kind: EventKind, document: dict[str, Any], ids: dict[str, str] | None = None, **data: Any
) -> Outcome:
    """Notify the shop."""
    return run(notify(settings(), notice(kind, document, ids, **data)), shop)


def ids_of(outcome: Outcome) -> dict[str, str]:
    """The names that the shop gave."""
    assert isinstance(outcome, Done), outcome
    return dict(outcome.ids)


def fulfilled(shop: Shop) -> list[tuple[dict[str, int], list[str]]]:
    """What the shop shows its customer: units by line and the numbers, for each fulfillment that stands."""
    return [
        (
            {
                line["lineItem"]["id"].rpartition("/")[2]: line["quantity"]
                for line in one["fulfillmentLineItems"]["nodes"]
            },
            [tracking["number"] for tracking in one["trackingInfo"]],
        )
        for one in shop.fulfillments
        if one["status"] == "SUCCESS"
    ]


SOLD = {LINE: 4, OTHER: 1}
RESERVED = order(line(LINE, reserved=4), line(OTHER, reserved=1))


def accepted() -> Shop:
    """A shop whose order we have accepted."""
    shop = Shop()
    shop.add_work(SOLD, status="IN_PROGRESS", requestStatus="ACCEPTED")
    return shop


def test_what_is_at_our_location_is_requested_and_accepted_once() -> None:
    shop = Shop()
    shop.add_work(SOLD)
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Done({})
    assert shop.changes == ["SubmitRequest ", "AcceptRequest "]
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Done({})
    assert len(shop.changes) == 2


def test_a_step_that_the_shop_takes_first_is_read_again_and_not_refused() -> None:
    shop = Shop()
    work = shop.add_work(SOLD)

    def a_person_was_faster(_: dict[str, Any]) -> dict[str, Any]:
        work["requestStatus"] = "SUBMITTED"
        return {"any": {"userErrors": [{"field": ["id"], "message": "It is not in a state to be requested."}]}}

    shop.answers["SubmitRequest"] = a_person_was_faster
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Done({})
    assert shop.changes == ["AcceptRequest "]


def test_what_the_shop_cannot_move_to_our_location_yet_is_tried_later_until_goods_have_left() -> None:
    shop = Shop(refuses={"MoveWork": "Some items are not stocked at the new location."})
    shop.add_work(SOLD, MERCHANT)
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Later("id: Some items are not stocked at the new location.")
    assert sent(shop, EventKind.SHIPPED, FIVE) == Refused("id: Some items are not stocked at the new location.")
    shop.refuses.clear()
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Done({})


def test_a_request_of_the_shops_people_is_accepted() -> None:
    shop = Shop()
    shop.add_work(SOLD, requestStatus="SUBMITTED")
    sent(shop, EventKind.ACCEPTED, RESERVED)
    assert shop.changes == ["AcceptRequest "]


def test_what_shopify_planned_at_the_shops_own_location_is_taken_over() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    sent(shop, EventKind.ACCEPTED, RESERVED)
    assert shop.changes == ["MoveWork 5", "SubmitRequest ", "AcceptRequest "]


def test_what_another_service_ships_and_what_the_shop_holds_is_left_alone() -> None:
    shop = Shop()
    elsewhere = {"id": "gid://shopify/Location/77", "isFulfillmentService": True}
    shop.add_work({OTHER: 1}, assignedLocation={"countryCode": "DE", "location": elsewhere})
    shop.add_work({LINE: 4}, status="ON_HOLD")
    assert sent(shop, EventKind.ACCEPTED, RESERVED) == Done({})
    assert shop.changes == []


FIVE = order(
    line(LINE, shipped=4),
    line(OTHER, shipped=1),
    fo(1, package("1", "1Z1", "ups", tee=1), package("2", "1Z2", "ups", tee=1), node="slc", tee=2),
    fo(2, package("1", "FX1", "FEDEX", tee=1), node="ham", tee=1),
    fo(3, package("1", "D1", "Dhl", tee=1), package("2", None, None, mug=1), node="ber", tee=1, mug=1),
)
"""An order that left three nodes in five parcels."""

AS_FIVE = [
    ({LINE: 1}, ["1Z1"]),
    ({LINE: 1}, ["1Z2"]),
    ({LINE: 1}, ["FX1"]),
    ({LINE: 1}, ["D1"]),
    ({OTHER: 1}, []),
]


def test_each_parcel_is_a_fulfillment_by_line_with_its_number_and_the_carrier_as_shopify_spells_it() -> None:
    shop = accepted()
    ids = ids_of(sent(shop, EventKind.SHIPPED, FIVE))
    assert fulfilled(shop) == AS_FIVE
    assert shop.changes == [
        "CreateFulfillment 1 1Z1 UPS",
        "CreateFulfillment 1 1Z2 UPS",
        "CreateFulfillment 1 FX1 FedEx",
        "CreateFulfillment 1 D1 DHL Express",
        "CreateFulfillment 1 -",
    ]
    assert sorted(ids) == [f"web-{ORDER}-{key}" for key in ("f1/1", "f1/2", "f2/1", "f3/1", "f3/2")]


def test_units_that_lie_in_several_fulfillment_orders_of_the_shop_are_one_fulfillment() -> None:
    shop = Shop()
    for units in ({LINE: 2}, {LINE: 2, OTHER: 1}):
        shop.add_work(units, status="IN_PROGRESS", requestStatus="ACCEPTED")
    sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=3), fo(1, package("1", "1Z1", "UPS", tee=3), tee=3)))
    assert fulfilled(shop) == [({LINE: 3}, ["1Z1"])]


@pytest.mark.parametrize("ids_are_kept", [True, False])
def test_the_same_event_again_fulfills_nothing_twice(ids_are_kept: bool) -> None:
    shop = accepted()
    ids = ids_of(sent(shop, EventKind.SHIPPED, FIVE))
    again = ids_of(sent(shop, EventKind.SHIPPED, FIVE, ids if ids_are_kept else {}))
    assert again == ids
    assert fulfilled(shop) == AS_FIVE


def at(cut: int, fault: str) -> Callable[[int], str | None]:
    """A fault at one request."""
    return lambda number: fault if number == cut else None


@pytest.mark.parametrize("fault", ["before", "after"])
def test_cut_off_at_any_request_and_begun_again_no_unit_is_fulfilled_twice(fault: str) -> None:
    whole = Shop()
    whole.add_work(SOLD, MERCHANT)
    sent(whole, EventKind.SHIPPED, FIVE)
    assert whole.requests > 12
    for cut in range(1, whole.requests + 1):
        shop = Shop(fault=at(cut, fault))
        shop.add_work(SOLD, MERCHANT)
        with pytest.raises(NoAnswer):
            sent(shop, EventKind.SHIPPED, FIVE)
        assert isinstance(sent(shop, EventKind.SHIPPED, FIVE), Done)
        assert fulfilled(shop) == AS_FIVE, cut


def test_a_node_that_names_no_packages_ships_too_and_again() -> None:
    shop = accepted()
    first = order(line(LINE, allocated=2, shipped=2), fo(1, tee=2))
    ids = ids_of(sent(shop, EventKind.SHIPPED, first))
    second = order(line(LINE, shipped=4), fo(1, tee=4))
    ids = ids_of(sent(shop, EventKind.SHIPPED, second, ids))
    assert fulfilled(shop) == [({LINE: 2}, []), ({LINE: 2}, [])]
    assert ids_of(sent(shop, EventKind.SHIPPED, second, ids)) == ids
    assert ids_of(sent(shop, EventKind.SHIPPED, second)) == ids
    assert len(shop.changes) == 2


def test_a_package_whose_content_nobody_named_has_what_left() -> None:
    shop = accepted()
    sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=2), fo(1, package("1", "1Z1", "UPS"), tee=2)))
    assert fulfilled(shop) == [({LINE: 2}, ["1Z1"])]


def test_a_case_of_twelve_counts_when_its_last_unit_has_left() -> None:
    shop = accepted()
    twelve = {"units_of_one": "12"}
    part = order(line(LINE, twelve, allocated=30, shipped=18), fo(1, package("1", "1Z1", "UPS", tee=18), tee=18))
    ids = ids_of(sent(shop, EventKind.SHIPPED, part))
    parcels = package("1", "1Z1", "UPS", tee=18), package("2", "1Z2", "UPS", tee=30)
    sent(shop, EventKind.SHIPPED, order(line(LINE, twelve, shipped=48), fo(1, *parcels, tee=48)), ids)
    assert fulfilled(shop) == [({LINE: 1}, ["1Z1"]), ({LINE: 3}, ["1Z2"])]


def test_units_that_the_shop_does_not_want_are_said_and_the_others_fulfilled() -> None:
    shop = accepted()
    shipped = order(line(LINE, shipped=6), line("7", shipped=1), fo(1, package("1", "1Z1", "UPS", tee=6), tee=6))
    outcome = sent(shop, EventKind.SHIPPED, shipped)
    assert isinstance(outcome, Refused)
    assert outcome.why == f"2 units of line {LINE} left in web-{ORDER}-f1/1, and the shop has none left to fulfill"
    assert fulfilled(shop) == [({LINE: 4}, ["1Z1"])]
    sent(shop, EventKind.SHIPPED, shipped, dict(outcome.ids))
    assert shop.changes == ["CreateFulfillment 4 1Z1 UPS"], "what stands is not taken back for what cannot be fulfilled"


@pytest.mark.parametrize("ids_are_kept", [True, False])
def test_a_parcel_that_grows_is_fulfilled_with_what_came_to_it(ids_are_kept: bool) -> None:
    shop = accepted()
    one = order(line(LINE, shipped=1), fo(1, package("1", "1Z1", "UPS", tee=1), tee=1))
    ids = ids_of(sent(shop, EventKind.SHIPPED, one)) if ids_are_kept else {}
    if not ids_are_kept:
        sent(shop, EventKind.SHIPPED, one)
    grown = order(line(LINE, shipped=3), fo(1, package("1", "1Z1", "UPS", tee=3), tee=3))
    ids = ids_of(sent(shop, EventKind.SHIPPED, grown, ids))
    sent(shop, EventKind.SHIPPED, grown, ids)
    assert fulfilled(shop) == [({LINE: 1}, ["1Z1"]), ({LINE: 2}, ["1Z1"])]
    assert len(shop.changes) == 2
    right = order(line(LINE, shipped=3), fo(1, package("1", "1Z9", "UPS", tee=3), tee=3))
    sent(shop, EventKind.SHIPPED, right, ids)
    assert fulfilled(shop) == [({LINE: 1}, ["1Z9"]), ({LINE: 2}, ["1Z9"])]


def test_parcels_with_one_tracking_number_are_a_fulfillment_each() -> None:
    shop = accepted()
    first, second = package("1", "1Z1", "UPS", tee=1), package("2", "1Z1", "UPS", tee=1)
    sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=1), fo(1, first, tee=1)))
    for _ in range(2):  # as if the answer had been lost
        sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=2), fo(1, first, second, tee=2)))
    assert fulfilled(shop) == [({LINE: 1}, ["1Z1"]), ({LINE: 1}, ["1Z1"])]


def test_a_parcel_that_cannot_be_fulfilled_stops_no_other() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    settings_each = each()
    known = next(iter(settings_each.entry["locations"].values()))
    document = order(
        line(LINE, shipped=2),
        fo(1, package("1", "1Z1", "UPS", tee=1), node="ham", tee=1),
        fo(2, package("1", "1Z2", "UPS", tee=1), node=known, tee=1),
    )
    outcome = run(notify(settings_each, notice(EventKind.SHIPPED, document)), shop)
    assert isinstance(outcome, Refused)
    assert "node ham is no location" in outcome.why
    assert fulfilled(shop) == [({LINE: 1}, ["1Z2"])]
    assert list(outcome.ids) == [f"web-{ORDER}-f2/1"]


def test_units_in_place_of_others_leave_as_units_of_the_shops_line() -> None:
    """The shop has one line of four. One was added when three had been released, and is a line of its own here."""
    shop, more = Shop(), NAMES_OF["more"]
    shop.add_work({LINE: 3}, status="IN_PROGRESS", requestStatus="ACCEPTED")
    first = fo(1, package("1", "1Z1", "UPS", tee=3), tee=3)
    ids = ids_of(sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=3), first)))
    shop.add_work({LINE: 1})
    ids |= ids_of(sent(shop, EventKind.ADDED, order(line(LINE, shipped=3), line(more, reserved=1), first), ids))
    assert {one["requestStatus"] for one in shop.work} == {"ACCEPTED"}
    both = order(line(LINE, shipped=3), line(more, shipped=1), first, fo(2, package("1", "1Z2", "UPS", more=1), more=1))
    sent(shop, EventKind.SHIPPED, both, ids)
    assert fulfilled(shop) == [({LINE: 3}, ["1Z1"]), ({LINE: 1}, ["1Z2"])]


def test_units_in_place_of_others_that_are_cancelled_are_given_back() -> None:
    shop = accepted()
    document = order(line(LINE, cancelled=4), line(NAMES_OF["more"], cancelled=1), line(OTHER, cancelled=1))
    sent(shop, EventKind.CANCELLED, order(line(LINE, cancelled=4), line(NAMES_OF["more"], reserved=1), line(OTHER)))
    assert shop.changes == []
    sent(shop, EventKind.CANCELLED, document)
    assert shop.changes == ["CloseWork "]


def test_a_corrected_tracking_number_is_corrected_in_the_shop() -> None:
    shop = accepted()
    ids = ids_of(
        sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=1), fo(1, package("1", "1Z1", "UPS", tee=1), tee=1)))
    )
    right = order(line(LINE, shipped=1), fo(1, package("1", "1Z9", "UPS", tee=1), tee=1))
    sent(shop, EventKind.SHIPPED, right, ids)
    sent(shop, EventKind.SHIPPED, right, ids)
    assert fulfilled(shop) == [({LINE: 1}, ["1Z9"])]
    assert shop.changes[1:] == ["UpdateTracking 1Z9"]


@pytest.mark.parametrize("ids_are_kept", [True, False])
def test_a_parcel_that_did_not_leave_is_taken_back_and_can_leave_again(ids_are_kept: bool) -> None:
    shop = accepted()
    parcel = package("1", "1Z1", "UPS", tee=4)
    ids = ids_of(sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=4), line(OTHER), fo(1, parcel, tee=4))))
    back = order(line(LINE, allocated=4), line(OTHER, allocated=1), fo(1, tee=0))
    units = [{"line": LINE, "quantity": 4}]
    kept = ids if ids_are_kept else {}
    ids = ids_of(sent(shop, EventKind.SHIPMENT_VOIDED, back, kept, lines=units))
    assert fulfilled(shop) == []
    assert ids == {}
    parcel = package("1", "1Z2", "UPS", tee=4)
    sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=4), line(OTHER, allocated=1), fo(1, parcel, tee=4)), ids)
    assert fulfilled(shop) == [({LINE: 4}, ["1Z2"])]


def test_a_delivery_is_reported_once_and_an_assumed_one_is_not() -> None:
    shop = accepted()
    parcel = package("1", "1Z1", "UPS", tee=4)
    ids = ids_of(sent(shop, EventKind.SHIPPED, order(line(LINE, shipped=4), fo(1, parcel, tee=4))))
    arrived = order(line(LINE, shipped=4), fo(1, parcel, tee=4, delivered=4))
    sent(shop, EventKind.DELIVERED, arrived, ids, assumed=True)
    sent(shop, EventKind.DELIVERED, arrived, ids, assumed=False)
    sent(shop, EventKind.DELIVERED, arrived, ids, assumed=False)
    assert shop.changes[1:] == ["CreateEvent DELIVERED"]


def asked_to_cancel() -> Shop:
    """A shop whose people ask to cancel."""
    shop = Shop()
    shop.add_work({LINE: 4}, status="IN_PROGRESS", requestStatus="CANCELLATION_REQUESTED")
    return shop


def test_a_request_to_cancel_is_accepted_when_the_units_were_cancelled_here() -> None:
    shop = asked_to_cancel()
    sent(shop, EventKind.CANCELLED, order(line(LINE, cancelled=4), line(OTHER, reserved=1)))
    assert shop.changes == ["AcceptCancellation "]


def test_a_request_to_cancel_waits_for_the_node_and_is_rejected_when_it_refuses() -> None:
    shop = asked_to_cancel()
    held = order(line(LINE, allocated=4))
    sent(shop, EventKind.PROMISED, held)
    assert shop.changes == []
    sent(shop, EventKind.CANCEL_REFUSED, held)
    assert shop.changes == ["RejectCancellation It was picked or has left."]


def test_what_was_cancelled_here_is_given_back_to_the_shop() -> None:
    cancelled = order(line(LINE, cancelled=4), line(OTHER, cancelled=1))
    shop = Shop()
    shop.add_work(SOLD, requestStatus="SUBMITTED")
    sent(shop, EventKind.CANCELLED, cancelled)
    assert shop.changes == ["RejectRequest OTHER"]
    shop = accepted()
    sent(shop, EventKind.CANCELLED, cancelled)
    assert shop.changes == ["CloseWork "]


def test_units_that_the_shop_added_and_that_are_not_read_yet_are_not_given_back() -> None:
    shop = Shop()
    shop.add_work({LINE: 1}, status="IN_PROGRESS", requestStatus="ACCEPTED")
    sent(shop, EventKind.CANCELLED, order(line(LINE, shipped=4), line(OTHER, cancelled=1)))
    sent(shop, EventKind.DELIVERED, order(line(LINE, shipped=4), fo(1, tee=0)))
    assert shop.changes == []


def test_what_the_shop_refuses_is_said_in_its_own_words() -> None:
    shop = accepted()
    shop.refuses["CreateFulfillment"] = "Fulfillment order is not in a fulfillable state"
    outcome = sent(shop, EventKind.SHIPPED, FIVE)
    assert isinstance(outcome, Refused)
    assert outcome.why.startswith(f"id: Fulfillment order is not in a fulfillable state (web-{ORDER}-f1/1, ")


def test_a_throttled_shop_is_notified_later_when_it_has_enough_points_again() -> None:
    shop = accepted()
    shop.throttled = 1
    outcome = sent(shop, EventKind.SHIPPED, FIVE)
    assert isinstance(outcome, Later)
    assert outcome.wait is not None
    assert outcome.wait.total_seconds() == 5


def each() -> Settings:
    """A connection whose locations are nodes."""
    return settings(
        {"connected_at": "2026-01-01T00:00:00+00:00"},
        mode="each",
        locations={f"gid://shopify/Location/{MERCHANT}": "slc", "78": "ber"},
    )


def test_in_mode_each_the_units_leave_the_location_of_their_node() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    document = order(
        line(LINE, shipped=4),
        line(OTHER, shipped=1),
        fo(1, package("1", "1Z1", "UPS", tee=3), tee=3),
        fo(2, package("1", "1Z2", "UPS", tee=1, mug=1), node="ber", tee=1, mug=1),
    )
    run(notify(each(), notice(EventKind.SHIPPED, document)), shop)
    assert shop.changes == ["CreateFulfillment 3 1Z1 UPS", "MoveWork 2", "CreateFulfillment 2 1Z2 UPS"]
    assert [one["location"]["id"].rpartition("/")[2] for one in shop.fulfillments] == [MERCHANT, "78"]


def test_in_mode_each_a_node_without_a_location_is_named() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    document = order(line(LINE, shipped=1), fo(1, package("1", "1Z1", "UPS", tee=1), node="ham", tee=1))
    outcome = run(notify(each(), notice(EventKind.SHIPPED, document)), shop)
    named = "node ham is no location of the shop: name it under `locations` in channels.toml"
    assert outcome == Refused(f"{named} (web-{ORDER}-f1/1)")


def planned(node: str, **units: int) -> dict[str, Any]:
    """A fulfillment order of ours of which nothing has left."""
    lines = [
        {"line": NAMES_OF[name], "quantity": quantity, "shipped": 0, "short": 0} for name, quantity in units.items()
    ]
    return fo(1, node=node) | {"status": "released", "lines": lines}


def promised(shop: Shop, *parts: dict[str, Any], **pinned: dict[str, int]) -> Outcome:
    """Notify a shop whose locations are nodes that nodes were chosen."""
    units = {node: {NAMES_OF[name]: quantity for name, quantity in of.items()} for node, of in pinned.items()}
    about = notice(EventKind.PROMISED, order(line(LINE, reserved=4), line(OTHER, reserved=1), *parts))
    return run(notify(each(), replace(about, pinned=units)), shop)


def at_locations(shop: Shop) -> list[tuple[str, str, int]]:
    """What is to be fulfilled where."""
    return sorted(
        (work["assignedLocation"]["location"]["id"].rpartition("/")[2], line["lineItem"]["id"].rpartition("/")[2], left)
        for work in shop.work
        for line in work["lineItems"]["nodes"]
        if (left := line["remainingQuantity"])
    )


def test_in_mode_each_the_shop_learns_which_nodes_were_chosen_and_only_what_differs_is_moved() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    outcome = promised(shop, slc={"tee": 3}, ber={"tee": 1, "mug": 1})
    assert at_locations(shop) == [("78", OTHER, 1), ("78", LINE, 1), (MERCHANT, LINE, 3)]
    assert outcome == Done({}, has_moved=True)
    assert promised(shop, slc={"tee": 3}, ber={"tee": 1, "mug": 1}) == Done({})
    assert len(shop.changes) == 1


def test_in_mode_each_what_was_released_is_planned_too() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    promised(shop, planned("ber", tee=1, mug=1), slc={"tee": 3})
    assert at_locations(shop) == [("78", OTHER, 1), ("78", LINE, 1), (MERCHANT, LINE, 3)]


def test_in_mode_each_what_has_no_node_yet_or_is_collected_stays_where_the_shop_has_it() -> None:
    shop = Shop()
    shop.add_work({LINE: 4}, MERCHANT)
    shop.add_work({OTHER: 1}, MERCHANT, deliveryMethod={"methodType": "PICK_UP"})
    promised(shop, ber={"tee": 1, "mug": 1}, ham={"tee": 1})
    assert at_locations(shop) == [("78", LINE, 1), (MERCHANT, OTHER, 1), (MERCHANT, LINE, 3)]


def test_in_mode_each_a_move_that_the_shop_refuses_says_what_to_do() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT)
    shop.refuses["MoveWork"] = "Some items are not stocked at the new location."
    outcome = promised(shop, ber={"tee": 4, "mug": 1})
    assert isinstance(outcome, Refused)
    assert outcome.why.startswith(
        "the shop does not move units to the location of node ber: id: Some items are not stocked"
    )
    assert "let this location stock the items" in outcome.why
    assert "retry the connection" in outcome.why


def test_only_a_shop_whose_locations_are_nodes_is_notified_of_plans() -> None:
    for kind in (EventKind.PROMISED, EventKind.PROMISE_CHANGED):
        assert KINDS["shopify"].hears_of(kind, {"mode": "each"})
        assert not KINDS["shopify"].hears_of(kind, {"mode": "one"})


def test_in_mode_each_a_pickup_is_ready_once() -> None:
    shop = Shop()
    shop.add_work(SOLD, MERCHANT, deliveryMethod={"methodType": "PICK_UP"})
    ready = notice(EventKind.READY_FOR_PICKUP, order(line(LINE, allocated=4), fo(1, tee=0)))
    outcome = run(notify(each(), ready), shop)
    run(notify(each(), replace(ready, ids=ids_of(outcome))), shop)
    assert shop.changes == ["ReadyForPickup 1"]


def test_shopify_knows_every_carrier_in_our_spelling() -> None:
    types = {kind["name"]: kind for kind in shopify_schema.document("2026-10")["data"]["__schema"]["types"]}
    [company] = [known for known in types["FulfillmentTrackingInfo"]["fields"] if known["name"] == "company"]
    assert [name for name in NAMES if f"* {name}\n" not in company["description"]] == []


def test_a_carrier_is_spelled_as_shopify_does_and_an_unknown_one_as_the_node_did() -> None:
    known = {
        "ups": "UPS",
        "Fed-Ex": "FedEx",
        "DHL": "DHL Express",
        "usps": "USPS",
        "Bike": "Bike",
        "own": "Evri",
        None: None,
    }
    assert {name: spelled(name, {"Own": "Evri"}) for name in known} == known


def test_of_money_a_shop_hears_only_what_it_is_to_pay_back() -> None:
    about_money = {kind for kind in EventKind if "refund" in kind or "return" in kind or "void_requested" in kind}
    assert about_money & HEARD == {EventKind.REFUND_REQUESTED}
