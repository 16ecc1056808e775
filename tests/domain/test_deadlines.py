"""How long a node may stay silent, and what happens to its work then, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.deadlines import (
    WORD_ON_DOUBT_WITHIN,
    Wait,
    after_the_call,
    delay_reason,
    on_timeout,
    send_reminders_due,
    waits_for,
)
from domain.fulfillment import (
    FulfillmentOrder,
    FulfillmentOrderLine,
    MessageKind,
    NodeMessage,
    Quantity,
    RequestStatus,
    WaitingFor,
    apply_message,
)
from domain.network import Node, NodeKind, OnSilence, OrderRules, Uncollected
from domain.reasons import ExceptionCode
from nodes.pull import Pull

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = OrderRules(assume_delivered=timedelta(days=5))
DENVER = Node(
    id="denver",
    name="Denver",
    kind=NodeKind.DC,
    country="US",
    latitude=39.7,
    longitude=-105.0,
    time_zone=ZoneInfo("UTC"),
    dispatch=Pull.dispatch,
    accept_within=timedelta(hours=4),
    ship_within=timedelta(hours=24),
)
SENT = FulfillmentOrder(
    fulfillment_order="web-1-f1",
    order="web-1",
    node="denver",
    attempt=1,
    request=RequestStatus.SENT,
    lines={"1": FulfillmentOrderLine("1", "CHAIR", 3)},
    released_at=MONDAY_NOON,
    ship_by=MONDAY_NOON + timedelta(days=1),
    deliver_by=MONDAY_NOON + timedelta(days=3),
    dispatch=Pull.dispatch,
)
LATER = MONDAY_NOON + timedelta(hours=2)
ACCEPTED = replace(SENT, request=RequestStatus.ACCEPTED, accepted_at=LATER, ship_clock_from=LATER)
ASKED = replace(ACCEPTED, request=RequestStatus.CANCEL_REQUESTED, cancel_asked_at=LATER + timedelta(hours=1))
REFUSED = replace(ACCEPTED, request=RequestStatus.CANCEL_REJECTED, ship_clock_from=LATER + timedelta(hours=3))
DEAD = replace(SENT, request=RequestStatus.TIMED_OUT, dead_at=LATER)
SHIPPED = replace(ACCEPTED, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=3)})
DELIVERED = replace(SHIPPED, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=3, delivered=3)})
GIVEN_BACK = replace(SENT, request=RequestStatus.REJECTED, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, freed=3)})
WORK = {
    "sent": SENT,
    "accepted": ACCEPTED,
    "asked to cancel": ASKED,
    "refused to cancel": REFUSED,
    "given up": DEAD,
    "given up, then given back": replace(DEAD, lines=GIVEN_BACK.lines),
    "shipped": SHIPPED,
    "delivered": DELIVERED,
    "assumed delivered": replace(SHIPPED, assumed_delivered=True),
    "given back": GIVEN_BACK,
    "one shipped, two due": replace(ACCEPTED, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=1)}),
    "one shipped, then given up": replace(DEAD, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=1)}),
}


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars; the first line names the columns."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


def hours_of(wait: Wait | None) -> str:
    """What is waited for and how many hours after the release that ends: `shipment 26`."""
    return f"{wait.waiting_for} {(wait.deadline - MONDAY_NOON) / timedelta(hours=1):g}" if wait else "nothing"


@pytest.mark.parametrize(
    ("work", "wait"),
    rows("""
    work                       || waits for, until this many hours after its release
    sent                       || acceptance 4
    accepted                   || shipment 26
    one shipped, two due       || shipment 26
    asked to cancel            || cancel_answer 7
    refused to cancel          || shipment 29
    shipped                    || delivery 192
    delivered                  || nothing
    assumed delivered          || nothing
    given back                 || nothing
    given up                   || word_on_doubt 722
    one shipped, then given up || word_on_doubt 722
    given up, then given back  || nothing
    """),
)
def test_every_wait_has_a_deadline_at_which_the_order_acts_by_itself(work: str, wait: str) -> None:
    assert hours_of(waits_for(WORK[work], DENVER, RULES)) == wait


def test_only_open_hours_count() -> None:
    """Released on Monday at noon, four open hours of 9 to 14: two on Monday, two on Tuesday."""
    store = replace(DENVER, hours=(time(9), time(14)))
    assert hours_of(waits_for(SENT, store, RULES)) == "acceptance 23"


@pytest.mark.parametrize(
    ("on_silence", "work", "request_", "due", "exception"),
    rows("""
    on_silence || silent while it is   || request          || still due || a person must look
    reroute    || sent                 || timed_out        || 0         ||
    reroute    || accepted             || cancel_requested || 3         ||
    reroute    || asked to cancel      || timed_out        || 0         ||
    reroute    || refused to cancel    || cancel_rejected  || 3         || node_silent
    reroute    || given up             || timed_out        || 0         || node_silent
    ask_cancel || sent                 || cancel_requested || 3         ||
    ask_cancel || accepted             || cancel_requested || 3         ||
    ask_cancel || asked to cancel      || cancel_requested || 3         || cancel_unanswered
    ask_cancel || refused to cancel    || cancel_rejected  || 3         || node_silent
    escalate   || sent                 || sent             || 3         || node_silent
    escalate   || accepted             || cancel_requested || 3         ||
    escalate   || asked to cancel      || cancel_requested || 3         || cancel_unanswered
    escalate   || refused to cancel    || cancel_rejected  || 3         || node_silent
    escalate   || one shipped, two due || cancel_requested || 2         ||
    escalate   || shipped              || accepted         || 0         ||
    """),
)
def test_silence_acts_as_the_node_is_configured_and_a_person_is_called_at_most_once(
    on_silence: str, work: str, request_: str, due: str, exception: str
) -> None:
    node = replace(DENVER, on_silence=OnSilence(on_silence))
    wait = waits_for(WORK[work], node, RULES)
    assert wait is not None
    timed_out = on_timeout(WORK[work], wait.waiting_for, node, wait.deadline)
    after = timed_out.fulfillment_order
    assert (str(after.request), str(after.counts("1").due), str(timed_out.exception or "")) == (
        request_,
        due,
        exception,
    )
    if timed_out.exception:
        assert waits_for(after, node, RULES) is None


@pytest.mark.parametrize("on_silence", list(OnSilence))
@pytest.mark.parametrize("work", list(WORK))
def test_the_waits_for_a_node_that_never_answers_come_to_an_end(work: str, on_silence: OnSilence) -> None:
    node = replace(DENVER, on_silence=on_silence)
    fo, seen = WORK[work], list[WaitingFor]()
    while wait := waits_for(fo, node, RULES):
        assert wait.waiting_for not in seen, "the same wait again: this would never end"
        seen.append(wait.waiting_for)
        fo = on_timeout(fo, wait.waiting_for, node, wait.deadline).fulfillment_order
    assert fo.has_ended or fo.escalated


def test_what_a_person_has_taken_over_waits_again_once_the_node_moves_on() -> None:
    fo = on_timeout(SENT, WaitingFor.ACCEPTANCE, replace(DENVER, on_silence=OnSilence.ESCALATE), LATER)
    assert waits_for(fo.fulfillment_order, DENVER, RULES) is None
    accepted = replace(fo.fulfillment_order, request=RequestStatus.ACCEPTED, accepted_at=LATER, ship_clock_from=LATER)
    assert hours_of(waits_for(accepted, DENVER, RULES)) == "shipment 26"


def test_a_shipment_without_further_reports_is_assumed_to_be_delivered() -> None:
    fo = on_timeout(SHIPPED, WaitingFor.DELIVERY, DENVER, LATER).fulfillment_order
    assert (fo.counts("1").delivered, fo.assumed_delivered, fo.delivered_at) == (3, True, LATER)


def test_late_shipments_are_assumed_delivered_later_by_the_same_time_whatever_the_nodes_clock_shows() -> None:
    fo = ACCEPTED
    for day, ahead in ((20, 3650), (1, 0), (21, -400)):
        at = MONDAY_NOON + timedelta(days=day)
        informed = NodeMessage(
            message_id=f"day-{day}",
            kind=MessageKind.SHIPPED,
            occurred_at=at + timedelta(days=ahead),
            lines=(Quantity(line="1", quantity=1),),
        )
        fo = apply_message(fo, informed, at).fulfillment_order
    assert hours_of(waits_for(fo, DENVER, RULES)) == f"delivery {192 + 19 * 24}"


def test_a_failed_delivery_is_never_assumed_delivered_while_a_person_handles_it() -> None:
    failed = replace(SHIPPED, delivery_failed_at=LATER)
    assert waits_for(failed, DENVER, RULES) is None
    assert hours_of(waits_for(replace(ACCEPTED, delivery_failed_at=LATER), DENVER, RULES)) == "shipment 26"
    resolved = after_the_call(failed, ExceptionCode.DELIVERY_FAILED, MONDAY_NOON + timedelta(hours=200))
    assert hours_of(waits_for(resolved, DENVER, RULES)) == "delivery 320", "a new try has its five days"
    assert after_the_call(failed, ExceptionCode.NODE_SILENT, LATER) == failed


def test_asking_to_cancel_out_of_impatience_does_not_cancel_for_the_customer() -> None:
    fo = on_timeout(ACCEPTED, WaitingFor.SHIPMENT, DENVER, LATER).fulfillment_order
    assert fo.lines["1"].cancel_wanted == 0
    assert fo.cancel_asked_at == LATER


def test_the_answer_of_a_dead_attempt_is_awaited_for_thirty_days() -> None:
    assert timedelta(days=30) == WORD_ON_DOUBT_WITHIN


A_WEEK = replace(RULES, collect_within=timedelta(hours=48))
READY = replace(ACCEPTED, pickup=True, ready_at=LATER + timedelta(hours=2))
REMINDED = replace(READY, reminded_at=LATER + timedelta(hours=26))
UNCOLLECTED = on_timeout(REMINDED, WaitingFor.COLLECTION, DENVER, LATER + timedelta(hours=50)).fulfillment_order
NOT_PUT_BACK = replace(UNCOLLECTED, request=RequestStatus.CANCEL_REJECTED, ship_clock_from=LATER + timedelta(hours=60))
COLLECTING = {
    "ready": READY,
    "ready, but to be sent": replace(READY, pickup=False),
    "accepted": replace(READY, ready_at=None),
    "reminded": REMINDED,
    "one collected": replace(REMINDED, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=1, delivered=1)}),
    "not collected in time": UNCOLLECTED,
    "not put back": NOT_PUT_BACK,
    "a person has called": replace(NOT_PUT_BACK, patience_from=MONDAY_NOON + timedelta(hours=100)),
    "collected": replace(READY, lines={"1": FulfillmentOrderLine("1", "CHAIR", 3, shipped=3, delivered=3)}),
}


@pytest.mark.parametrize(
    ("work", "with_rule", "without"),
    rows("""
    work                  || waits, when goods may lie for 48 hours || and when the policy says nothing of it
    accepted              || shipment 26                            || shipment 26
    ready                 || collection 28                          || shipment 26
    ready, but to be sent || shipment 26                            || shipment 26
    reminded              || collection 52                          || shipment 26
    one collected         || collection 52                          || shipment 26
    not collected in time || cancel_answer 56                       || cancel_answer 56
    not put back          || collection 110                         || shipment 86
    a person has called   || collection 148                         || shipment 124
    collected             || nothing                                || nothing
    """),
)
def test_goods_lie_ready_for_the_customers_time_and_half_of_it_brings_a_reminder(
    work: str, with_rule: str, without: str
) -> None:
    assert hours_of(waits_for(COLLECTING[work], DENVER, A_WEEK)) == with_rule
    assert hours_of(waits_for(COLLECTING[work], DENVER, RULES)) == without


@pytest.mark.parametrize("uncollected", [*Uncollected, None])
@pytest.mark.parametrize("on_silence", list(OnSilence))
def test_a_customer_who_never_comes_and_a_store_that_never_answers_end_with_a_person_or_behind_the_fence(
    on_silence: OnSilence, uncollected: Uncollected | None
) -> None:
    node, fo, seen = replace(DENVER, on_silence=on_silence), READY, list[str]()
    while wait := waits_for(fo, node, A_WEEK):
        seen.append(hours_of(wait))
        fo = send_reminders_due(fo, A_WEEK, wait.deadline)
        if waits_for(fo, node, A_WEEK) == wait:
            fo = on_timeout(fo, wait.waiting_for, node, wait.deadline, uncollected).fulfillment_order
        assert len(seen) == len(set(seen)), "the same wait again: this would never end"
    assert seen[:2] == ["collection 28", "collection 52"]
    assert fo.has_ended or fo.escalated


def test_uncollected_units_are_cancelled_when_they_are_put_back_unless_they_must_be_shipped() -> None:
    sent = on_timeout(REMINDED, WaitingFor.COLLECTION, DENVER, LATER, Uncollected.SHIP).fulfillment_order
    assert (UNCOLLECTED.lines["1"].cancel_wanted, sent.lines["1"].cancel_wanted) == (3, 0)
    assert {UNCOLLECTED.request, sent.request} == {RequestStatus.CANCEL_REQUESTED}


WATCHED = replace(RULES, at_risk_before=timedelta(hours=3))


@pytest.mark.parametrize(
    ("work", "wait"),
    [
        ("sent", "acceptance 4"),
        ("accepted", "shipment 21"),
        ("refused to cancel", "shipment 21"),
        ("one shipped, two due", "shipment 21"),
        ("asked to cancel", "cancel_answer 7"),
        ("shipped", "delivery 192"),
        ("given up", "word_on_doubt 722"),
        ("given back", "nothing"),
    ],
)
def test_work_that_may_leave_late_wakes_its_order_before_that(work: str, wait: str) -> None:
    assert hours_of(waits_for(WORK[work], DENVER, WATCHED)) == wait


def test_work_that_may_leave_late_is_reported_once_and_work_that_lies_ready_never() -> None:
    before, due = MONDAY_NOON + timedelta(hours=20), MONDAY_NOON + timedelta(hours=21)
    assert send_reminders_due(ACCEPTED, WATCHED, before) == ACCEPTED
    informed = send_reminders_due(ACCEPTED, WATCHED, due)
    assert informed.at_risk_at == due
    assert hours_of(waits_for(informed, DENVER, WATCHED)) == "shipment 26", "the node still has its own time"
    assert send_reminders_due(informed, WATCHED, due + timedelta(days=9)) == informed
    assert send_reminders_due(READY, WATCHED, due) == READY
    assert delay_reason(informed, WATCHED) == (
        "it must leave by 2026-11-24 12:00 UTC, and has waited for shipment since 2026-11-23 14:00 UTC"
    )


def test_a_wait_that_a_person_has_taken_over_still_tells_of_the_risk() -> None:
    escalated = replace(SENT, escalated=WaitingFor.ACCEPTANCE)
    assert hours_of(waits_for(escalated, DENVER, WATCHED)) == "acceptance 21"
    informed = send_reminders_due(escalated, WATCHED, MONDAY_NOON + timedelta(hours=21))
    assert waits_for(informed, DENVER, WATCHED) is None


def test_a_store_that_does_not_put_it_back_is_asked_once_and_then_a_person_is() -> None:
    timed_out = on_timeout(NOT_PUT_BACK, WaitingFor.COLLECTION, DENVER, LATER)
    assert (timed_out.exception, timed_out.fulfillment_order.request) == (
        ExceptionCode.PICKUP,
        RequestStatus.CANCEL_REJECTED,
    )
    assert waits_for(timed_out.fulfillment_order, DENVER, A_WEEK) is None
    called_at = MONDAY_NOON + timedelta(hours=100)
    after = after_the_call(timed_out.fulfillment_order, ExceptionCode.PICKUP, called_at)
    assert hours_of(waits_for(after, DENVER, A_WEEK)) == "collection 148"
