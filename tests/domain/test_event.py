"""The events of a change: the units that moved, once, and no other data."""

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


def events_of(before: FulfillmentOrder, after: FulfillmentOrder, changes: Changes | None = None) -> list[ChannelEvent]:
    noted = changes or Changes(NETWORK)
    noted.touched.add("web-1-f1")
    lines = {"1": OrderedLine("CHAIR", 3, 0, 0), "2": OrderedLine("LAMP", 1, 0, 0)}
    was, became = [Order("web-1", lines, [], [], {work.fulfillment_order: work}, {}) for work in (before, after)]
    return events(was, became, noted)


def with_counts(
    work: FulfillmentOrder, line: str, *, picked: int = 0, shipped: int = 0, delivered: int = 0
) -> FulfillmentOrder:
    changed = replace(work.lines[line], picked=picked, shipped=shipped, delivered=delivered)
    return replace(work, lines={**work.lines, line: changed})


def units(line: str, sku: str, quantity: int) -> dict[str, object]:
    return {"line": line, "sku": sku, "quantity": quantity}


def test_only_newly_shipped_units_are_in_the_event() -> None:
    first, second = with_counts(WORK, "1", shipped=1), with_counts(WORK, "1", shipped=3)
    assert events_of(first, second) == [ChannelEvent(EventKind.SHIPPED, ABOUT | {"lines": [units("1", "CHAIR", 2)]})]
    assert events_of(second, second) == []


def test_a_delivery_event_shows_that_the_delivery_was_assumed() -> None:
    shipped = with_counts(WORK, "2", shipped=1)
    assumed = replace(shipped, assumed_delivered=True)
    lines = {"lines": [units("2", "LAMP", 1)]}
    assert events_of(shipped, assumed) == [ChannelEvent(EventKind.DELIVERED, ABOUT | {"assumed": True} | lines)]
    changed = with_counts(shipped, "2", shipped=1, delivered=1)
    assert events_of(shipped, changed) == [ChannelEvent(EventKind.DELIVERED, ABOUT | {"assumed": False} | lines)]


def test_what_was_delivered_has_shipped_first() -> None:
    assert [event.kind for event in events_of(WORK, with_counts(WORK, "1", delivered=3))] == ["shipped", "delivered"]


def test_picking_accepting_and_sourcing_again_cause_no_event() -> None:
    changes = Changes(NETWORK, buckets={"1": Counter({"open": 1, "allocated": -1})})
    assert events_of(WORK, replace(with_counts(WORK, "1", picked=2), accepted_at=NOON, pick_final=True), changes) == []


def test_backordered_filled_and_cancelled_units_are_in_events_with_their_lines() -> None:
    moved: dict[str, Counter[Bucket]] = {
        "1": Counter({"backordered": 2, "cancelled": 1, "open": -3}),
        "2": Counter({"backordered": -1, "reserved": 1}),
    }
    assert events_of(WORK, WORK, Changes(NETWORK, buckets=moved)) == [
        ChannelEvent(EventKind.BACKORDERED, {"lines": [units("1", "CHAIR", 2)]}),
        ChannelEvent(EventKind.BACKORDER_FILLED, {"lines": [units("2", "LAMP", 1)]}),
        ChannelEvent(EventKind.CANCELLED, {"lines": [units("1", "CHAIR", 1)]}),
    ]


def test_a_pending_cancel_that_fails_is_an_event_and_one_that_the_node_accepts_is_cancelled() -> None:
    pending = replace(WORK, lines={**WORK.lines, "1": replace(WORK.lines["1"], cancel_wanted=2)})
    refused = ChannelEvent(EventKind.CANCEL_REFUSED, ABOUT | {"lines": [units("1", "CHAIR", 2)]})
    assert events_of(WORK, pending) == []
    assert events_of(pending, WORK) == [refused]
    assert events_of(pending, with_counts(WORK, "1", shipped=3))[1:] == [refused]
    granted = Changes(NETWORK, buckets={"1": Counter({"cancelled": 2, "allocated": -2})})
    assert [event.kind for event in events_of(pending, WORK, granted)] == ["cancelled"]
    assert events_of(replace(pending, uncollected_at=NOON), replace(WORK, uncollected_at=NOON)) == []


def test_a_promise_is_in_universal_time() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=-7)))
    assert promised(at, at).data == {
        "ship_by": "2026-11-23T19:00:00+00:00",
        "deliver_by": "2026-11-23T19:00:00+00:00",
    }


def test_returned_units_and_a_settlement_are_events() -> None:
    line = ReturnLineState(line="1", sku="CHAIR", quantity=3, told_received=1)
    more = line.model_copy(update={"told_received": 3})
    assert of_return("web-1-r1", [line], [line], None) == []
    assert of_return("web-1-r1", [line], [more], "refund") == [
        ChannelEvent(EventKind.RETURNED, {"return": "web-1-r1", "lines": [units("1", "CHAIR", 2)]}),
        ChannelEvent(EventKind.SETTLED, {"return": "web-1-r1", "resolution": "refund"}),
    ]


def test_a_channel_gets_events_when_goods_are_ready_at_half_of_the_time_to_collect_and_at_its_end() -> None:
    rules = replace(NETWORK.policy.orders, collect_within=timedelta(days=2))
    network = replace(NETWORK, policy=replace(NETWORK.policy, orders=rules))
    waits = with_counts(replace(WORK, pickup=True), "2", shipped=1, delivered=1)
    ready = replace(waits, ready_at=NOON)
    reminded, over = replace(ready, reminded_at=NOON), replace(ready, reminded_at=NOON, uncollected_at=NOON)
    data = ABOUT | {"collect_by": "2026-11-25T12:00:00+00:00", "lines": [units("1", "CHAIR", 3)]}
    for before, after, kind in (
        (waits, ready, EventKind.READY_FOR_PICKUP),
        (ready, reminded, EventKind.STILL_TO_COLLECT),
        (reminded, over, EventKind.NOT_COLLECTED),
    ):
        assert events_of(before, after, Changes(network)) == [ChannelEvent(kind, data)]
    assert [event.kind for event in events_of(ready, over, Changes(network))] == ["not_collected"], (
        "a reminder came too late"
    )
    assert events_of(replace(waits, pickup=False), replace(ready, pickup=False)) == []
