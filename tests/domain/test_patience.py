"""How long a node may stay silent, and what its silence makes of its work, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.fulfillment import FulfillmentOrder, Request, Told, WaitingFor
from domain.network import Node, NodeKind, OnSilence
from domain.patience import WORD_ON_DOUBT_WITHIN, Wait, lose_patience, waits_for

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASSUME_DELIVERED = timedelta(days=5)
DENVER = Node(
    id="denver",
    name="Denver",
    kind=NodeKind.DC,
    country="US",
    latitude=39.7,
    longitude=-105.0,
    time_zone=ZoneInfo("UTC"),
    accept_within=timedelta(hours=4),
    ship_within=timedelta(hours=24),
)
SENT = FulfillmentOrder(
    fulfillment_order="web-1-f1",
    order="web-1",
    node="denver",
    attempt=1,
    request=Request.SENT,
    lines={"1": Told("1", "CHAIR", 3)},
    released_at=MONDAY_NOON,
    ship_by=MONDAY_NOON + timedelta(days=1),
    deliver_by=MONDAY_NOON + timedelta(days=3),
)
LATER = MONDAY_NOON + timedelta(hours=2)
ACCEPTED = replace(SENT, request=Request.ACCEPTED, accepted_at=LATER, ship_clock_from=LATER)
ASKED = replace(ACCEPTED, request=Request.CANCEL_REQUESTED, cancel_asked_at=LATER + timedelta(hours=1))
REFUSED = replace(ACCEPTED, request=Request.CANCEL_REJECTED, ship_clock_from=LATER + timedelta(hours=3))
DEAD = replace(SENT, request=Request.TIMED_OUT, dead_at=LATER)
SHIPPED = replace(ACCEPTED, lines={"1": Told("1", "CHAIR", 3, shipped=3)})
DELIVERED = replace(SHIPPED, lines={"1": Told("1", "CHAIR", 3, shipped=3, delivered=3)})
GIVEN_BACK = replace(SENT, request=Request.REJECTED, lines={"1": Told("1", "CHAIR", 3, freed=3)})
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
    "one shipped, two due": replace(ACCEPTED, lines={"1": Told("1", "CHAIR", 3, shipped=1)}),
    "one shipped, then given up": replace(DEAD, lines={"1": Told("1", "CHAIR", 3, shipped=1)}),
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
    work                       || waits for, until so many hours after its release
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
def test_every_wait_has_a_deadline_so_that_the_order_can_wake_by_itself(work: str, wait: str) -> None:
    assert hours_of(waits_for(WORK[work], DENVER, ASSUME_DELIVERED)) == wait


def test_only_open_hours_count() -> None:
    """Released on Monday at noon, four open hours of 9 to 14: two on Monday, two on Tuesday."""
    store = replace(DENVER, hours=(time(9), time(14)))
    assert hours_of(waits_for(SENT, store, ASSUME_DELIVERED)) == "acceptance 23"


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
    wait = waits_for(WORK[work], node, ASSUME_DELIVERED)
    assert wait is not None
    lost = lose_patience(WORK[work], wait.waiting_for, node, wait.deadline)
    after = lost.fulfillment_order
    assert (str(after.request), str(after.counts("1").due), str(lost.exception or "")) == (request_, due, exception)
    if lost.exception:
        assert waits_for(after, node, ASSUME_DELIVERED) is None


@pytest.mark.parametrize("on_silence", list(OnSilence))
@pytest.mark.parametrize("work", list(WORK))
def test_a_node_that_never_speaks_again_is_waited_for_only_a_few_times(work: str, on_silence: OnSilence) -> None:
    node = replace(DENVER, on_silence=on_silence)
    fo, seen = WORK[work], list[WaitingFor]()
    while wait := waits_for(fo, node, ASSUME_DELIVERED):
        assert wait.waiting_for not in seen, "the same wait again: this would never end"
        seen.append(wait.waiting_for)
        fo = lose_patience(fo, wait.waiting_for, node, wait.deadline).fulfillment_order
    assert fo.has_ended or fo.escalated


def test_what_a_person_has_taken_over_waits_again_once_the_node_moves_on() -> None:
    fo = lose_patience(SENT, WaitingFor.ACCEPTANCE, replace(DENVER, on_silence=OnSilence.ESCALATE), LATER)
    assert waits_for(fo.fulfillment_order, DENVER, ASSUME_DELIVERED) is None
    accepted = replace(fo.fulfillment_order, request=Request.ACCEPTED, accepted_at=LATER, ship_clock_from=LATER)
    assert hours_of(waits_for(accepted, DENVER, ASSUME_DELIVERED)) == "shipment 26"


def test_without_news_a_shipment_is_taken_as_delivered_and_marked_so() -> None:
    fo = lose_patience(SHIPPED, WaitingFor.DELIVERY, DENVER, LATER).fulfillment_order
    assert (fo.counts("1").delivered, fo.assumed_delivered, fo.delivered_at) == (3, True, LATER)


def test_asking_to_cancel_out_of_impatience_does_not_cancel_for_the_customer() -> None:
    fo = lose_patience(ACCEPTED, WaitingFor.SHIPMENT, DENVER, LATER).fulfillment_order
    assert fo.lines["1"].cancel_wanted == 0
    assert fo.cancel_asked_at == LATER


def test_the_answer_of_a_dead_attempt_is_awaited_for_thirty_days() -> None:
    assert timedelta(days=30) == WORD_ON_DOUBT_WITHIN
