"""What a channel is told of a change: the units that moved, once, and nothing that it need not know."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from domain.event import ChannelEvent, EventKind, events, of_return, promised
from domain.fulfillment import FulfillmentOrder, FulfillmentOrderLine, RequestStatus
from domain.order import Bucket
from domain.returns import ReturnLineState
from domain.units import Changes, Order, OrderedLine
from nodes.pull import Pull
from tests.domain.test_units import NETWORK

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORK = FulfillmentOrder(
    fulfillment_order="web-1-f1",
    order="web-1",
    node="denver",
    attempt=1,
    dispatch=Pull.dispatch,
    request=RequestStatus.ACCEPTED,
    lines={"1": FulfillmentOrderLine("1", "CHAIR", 3), "2": FulfillmentOrderLine("2", "LAMP", 1)},
    released_at=NOON,
    ship_by=NOON,
    deliver_by=NOON,
)
ABOUT = {"fulfillment_order": "web-1-f1", "node": "denver"}


def told(before: FulfillmentOrder, after: FulfillmentOrder, changes: Changes | None = None) -> list[ChannelEvent]:
    noted = changes or Changes(NETWORK)
    noted.touched.add("web-1-f1")
    lines = {"1": OrderedLine("CHAIR", 3, 0, 0), "2": OrderedLine("LAMP", 1, 0, 0)}
    was, became = [Order("web-1", lines, [], [], {work.fulfillment_order: work}, {}) for work in (before, after)]
    return events(was, became, noted)


def hearing(
    work: FulfillmentOrder, line: str, *, picked: int = 0, shipped: int = 0, delivered: int = 0
) -> FulfillmentOrder:
    heard = replace(work.lines[line], picked=picked, shipped=shipped, delivered=delivered)
    return replace(work, lines={**work.lines, line: heard})


def units(line: str, sku: str, quantity: int) -> dict[str, object]:
    return {"line": line, "sku": sku, "quantity": quantity}


def test_only_units_that_have_just_shipped_are_told() -> None:
    first, second = hearing(WORK, "1", shipped=1), hearing(WORK, "1", shipped=3)
    assert told(first, second) == [ChannelEvent(EventKind.SHIPPED, ABOUT | {"lines": [units("1", "CHAIR", 2)]})]
    assert told(second, second) == []


def test_a_delivery_tells_that_it_was_taken_for_granted() -> None:
    shipped = hearing(WORK, "2", shipped=1)
    assumed = replace(shipped, assumed_delivered=True)
    lines = {"lines": [units("2", "LAMP", 1)]}
    assert told(shipped, assumed) == [ChannelEvent(EventKind.DELIVERED, ABOUT | {"assumed": True} | lines)]
    heard = hearing(shipped, "2", shipped=1, delivered=1)
    assert told(shipped, heard) == [ChannelEvent(EventKind.DELIVERED, ABOUT | {"assumed": False} | lines)]


def test_what_was_delivered_has_shipped_first() -> None:
    assert [event.kind for event in told(WORK, hearing(WORK, "1", delivered=3))] == ["shipped", "delivered"]


def test_picking_accepting_and_sourcing_again_are_nobodys_business() -> None:
    changes = Changes(NETWORK, buckets={"1": Counter({"open": 1, "allocated": -1})})
    assert told(WORK, replace(hearing(WORK, "1", picked=2), accepted_at=NOON, pick_final=True), changes) == []


def test_units_that_wait_and_units_that_were_cancelled_are_told_with_their_lines() -> None:
    moved: dict[str, Counter[Bucket]] = {
        "1": Counter({"backordered": 2, "cancelled": 1, "open": -3}),
        "2": Counter({"backordered": -1, "reserved": 1}),
    }
    assert told(WORK, WORK, Changes(NETWORK, buckets=moved)) == [
        ChannelEvent(EventKind.BACKORDERED, {"lines": [units("1", "CHAIR", 2)]}),
        ChannelEvent(EventKind.CANCELLED, {"lines": [units("1", "CHAIR", 1)]}),
    ]


def test_a_pending_cancel_that_comes_to_nothing_is_told_and_one_that_is_granted_is_cancelled() -> None:
    pending = replace(WORK, lines={**WORK.lines, "1": replace(WORK.lines["1"], cancel_wanted=2)})
    refused = ChannelEvent(EventKind.CANCEL_REFUSED, ABOUT | {"lines": [units("1", "CHAIR", 2)]})
    assert told(WORK, pending) == []
    assert told(pending, WORK) == [refused]
    assert told(pending, hearing(WORK, "1", shipped=3))[1:] == [refused]
    granted = Changes(NETWORK, buckets={"1": Counter({"cancelled": 2, "allocated": -2})})
    assert [event.kind for event in told(pending, WORK, granted)] == ["cancelled"]
    assert told(replace(pending, uncollected_at=NOON), replace(WORK, uncollected_at=NOON)) == []


def test_a_promise_is_told_in_universal_time() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=-7)))
    assert promised(at, at).data == {
        "ship_by": "2026-11-23T19:00:00+00:00",
        "deliver_by": "2026-11-23T19:00:00+00:00",
    }


def test_units_that_came_back_and_a_settlement_are_told() -> None:
    line = ReturnLineState(line="1", sku="CHAIR", quantity=3, told_received=1)
    more = line.model_copy(update={"told_received": 3})
    assert of_return("web-1-r1", [line], [line], None) == []
    assert of_return("web-1-r1", [line], [more], "refund") == [
        ChannelEvent(EventKind.RETURNED, {"return": "web-1-r1", "lines": [units("1", "CHAIR", 2)]}),
        ChannelEvent(EventKind.SETTLED, {"return": "web-1-r1", "resolution": "refund"}),
    ]


def test_a_customer_hears_when_goods_lie_ready_when_half_of_the_time_is_over_and_when_all_of_it_is() -> None:
    rules = replace(NETWORK.policy.orders, collect_within=timedelta(days=2))
    network = replace(NETWORK, policy=replace(NETWORK.policy, orders=rules))
    waits = hearing(replace(WORK, pickup=True), "2", shipped=1, delivered=1)
    ready = replace(waits, ready_at=NOON)
    reminded, over = replace(ready, reminded_at=NOON), replace(ready, reminded_at=NOON, uncollected_at=NOON)
    data = ABOUT | {"collect_by": "2026-11-25T12:00:00+00:00", "lines": [units("1", "CHAIR", 3)]}
    for before, after, kind in (
        (waits, ready, EventKind.READY_FOR_PICKUP),
        (ready, reminded, EventKind.STILL_TO_COLLECT),
        (reminded, over, EventKind.NOT_COLLECTED),
    ):
        assert told(before, after, Changes(network)) == [ChannelEvent(kind, data)]
    assert [event.kind for event in told(ready, over, Changes(network))] == ["not_collected"], (
        "a reminder came too late"
    )
    assert told(replace(waits, pickup=False), replace(ready, pickup=False)) == []
