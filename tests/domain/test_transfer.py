"""What left its source is in transit until it was received or written off, whatever was reported first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from domain.deadlines import after_the_call, on_timeout, waits_for
from domain.fulfillment import (
    FulfillmentOrder,
    FulfillmentOrderLine,
    MessageKind,
    NodeMessage,
    Quantity,
    WaitingFor,
    apply_message,
    receive,
    write_off_in_transit,
)
from domain.reasons import ExceptionCode
from domain.transfer import Cargo, allot, cargo, expected_at, missing
from tests.domain.test_deadlines import DENVER, LATER, RULES, SENT

WORK = replace(
    SENT,
    fulfillment_order="transfer.t-f1",
    order="transfer.t",
    lines={"1": FulfillmentOrderLine("1", "LAMP", 10), "2": FulfillmentOrderLine("2", "CHAIR", 4)},
    to_node="store",
)
SECOND = replace(WORK, fulfillment_order="transfer.t-f2", lines={"1": FulfillmentOrderLine("1", "LAMP", 5)})


def reported(kind: MessageKind, units: int, line: str = "1") -> Callable[[FulfillmentOrder], FulfillmentOrder]:
    """What a node reports of a line."""
    message = NodeMessage(message_id="m", kind=kind, occurred_at=LATER, lines=(Quantity(line=line, quantity=units),))
    return lambda fo: apply_message(fo, message, LATER).fulfillment_order


def received(units: int, line: str = "1") -> Callable[[FulfillmentOrder], FulfillmentOrder]:
    return lambda fo: receive(fo, {line: units}, LATER)


REPORTS = {
    # reports, in any order                                                                  left, arrived
    "one parcel, not here": ([reported(MessageKind.SHIPPED, 4)],                                 (4, 0)),
    "two parcels, one here": ([reported(MessageKind.SHIPPED, 4), reported(MessageKind.SHIPPED, 6), received(6)], (10, 6)),
    "all, received in parts": ([reported(MessageKind.SHIPPED, 10), received(7), received(3)],    (10, 10)),
    "never reported as shipped": ([received(3)],                                             (3, 3)),
    "more than was asked for": ([reported(MessageKind.SHIPPED, 12), received(10)],               (12, 10)),
    "more came than left": ([reported(MessageKind.SHIPPED, 10), received(12)],                   (12, 12)),
    "what a carrier calls delivered": ([reported(MessageKind.SHIPPED, 4), reported(MessageKind.DELIVERED, 4)], (4, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_what_left_and_what_arrived_do_not_depend_on_the_order_of_reports(name: str) -> None:
    reports, wanted = REPORTS[name]
    for order in permutations(reports):
        fo = WORK
        for report in order:
            fo = report(fo)
        assert cargo(fo)["LAMP"] == Cargo(*wanted), name
        assert fo.counts("1").in_transit == wanted[0] - wanted[1]


ALLOTTED = {
    # before, received                                                         by work and line, of no work
    "what left, the oldest first": (
        [reported(MessageKind.SHIPPED, 4)(WORK), reported(MessageKind.SHIPPED, 5)(SECOND)], {"LAMP": 6},
        {"f1": {"1": 4}, "f2": {"1": 2}}, {}),
    "then what was not reported": (
        [reported(MessageKind.SHIPPED, 4)(WORK), reported(MessageKind.SHIPPED, 5)(SECOND)], {"LAMP": 12},
        {"f1": {"1": 7}, "f2": {"1": 5}}, {}),
    "then a surplus of the last": ([WORK, SECOND], {"LAMP": 17}, {"f1": {"1": 10}, "f2": {"1": 7}}, {}),
    "found again": (
        [write_off_in_transit(reported(MessageKind.SHIPPED, 10)(WORK), LATER), SECOND], {"LAMP": 3}, {"f1": {"1": 3}}, {}),
    "of two lines": ([WORK], {"LAMP": 1, "CHAIR": 2}, {"f1": {"1": 1, "2": 2}}, {}),
    "nothing of it was released": ([SECOND], {"LAMP": 1, "CHAIR": 2}, {"f2": {"1": 1}}, {"CHAIR": 2}),
    "no work at all": ([], {"LAMP": 1}, {}, {"LAMP": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOTTED)
def test_received_units_belong_to_the_work_that_brought_them(name: str) -> None:
    works, units, wanted, unknown = ALLOTTED[name]
    found = allot(works, units)
    assert ({work[-2:]: dict(lines) for work, lines in found.lines.items()}, found.unknown) == (wanted, unknown)


def test_goods_should_arrive_as_long_after_they_left_as_it_was_planned() -> None:
    late = replace(reported(MessageKind.SHIPPED, 4)(WORK), shipped_at=WORK.ship_by + timedelta(days=3))
    assert expected_at(late) == WORK.ship_by + timedelta(days=5)


def test_what_does_not_arrive_is_never_assumed_delivered_and_a_person_writes_it_off() -> None:
    fo = received(8)(reported(MessageKind.SHIPPED, 4, "2")(reported(MessageKind.SHIPPED, 10)(WORK)))
    wait = waits_for(fo, DENVER, RULES)
    assert wait is not None
    assert wait.waiting_for is WaitingFor.DELIVERY
    late = on_timeout(fo, WaitingFor.DELIVERY, DENVER, wait.deadline)
    assert (late.exception, late.fulfillment_order.assumed_delivered) == (ExceptionCode.TRANSFER_SHORT, False)
    said = "transfer.t-f1: 2 of 10 units of LAMP, 4 of 4 units of CHAIR did not arrive at store"
    assert missing(late.fulfillment_order) == said
    assert waits_for(late.fulfillment_order, DENVER, RULES) is None, "a person has it"
    ended = after_the_call(late.fulfillment_order, ExceptionCode.TRANSFER_SHORT, wait.deadline)
    assert [(ended.counts(line).lost, ended.counts(line).in_transit) for line in ("1", "2")] == [(2, 0), (4, 0)]
    assert waits_for(ended, DENVER, RULES) is None
    found = received(1)(ended)
    assert (found.counts("1").lost, cargo(found)["LAMP"]) == (1, Cargo(9, 9))
