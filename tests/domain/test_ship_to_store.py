"""What a transfer for an order brings, and what of it the order needs."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fulfillment import FulfillmentOrder, FulfillmentOrderLine, RequestStatus, receive, write_off_in_transit
from domain.peg import DatedRow, Demand, RowName, peg
from domain.ship_to_store import Balance, Brought, brought, to_cancel
from domain.transfer import Cargo
from domain.units import Order, OrderedLine, Reservation, Waiting
from tests.domain.test_deadlines import LATER, SENT

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def work(quantity: int, *, shipped: int = 0, freed: int = 0, cancel_wanted: int = 0) -> FulfillmentOrder:
    """Work of a transfer of lamps, which leaves by the first day and arrives by the third."""
    line = FulfillmentOrderLine("1", "LAMP", quantity, shipped=shipped, freed=freed, cancel_wanted=cancel_wanted)
    return replace(
        SENT,
        fulfillment_order="transfer.t-f1",
        order="transfer.t",
        lines={"1": line},
        to_node="store",
        ship_by=AT + DAY,
        deliver_by=AT + 3 * DAY,
        shipped_at=AT + 2 * DAY if shipped else None,
    )


def transfer(*works: FulfillmentOrder, pinned: int = 0, waiting: int = 0) -> Order:
    """A transfer for an order, with units that have no work yet."""
    pins = [Reservation("1", "LAMP", "denver", pinned, 1, (), 1, AT + DAY, AT + 4 * DAY)] if pinned else []
    left = [Waiting("1", "LAMP", waiting)] if waiting else []
    lines = {"1": OrderedLine("LAMP", 10, 0, 0)}
    named = {f"transfer.t-f{n}": replace(fo, fulfillment_order=f"transfer.t-f{n}") for n, fo in enumerate(works, 1)}
    return Order("transfer.t", lines, left, pins, named, {}, to_node="store", for_order="web-1")


BROUGHT = {
    # a transfer                                                            quantity, arrived, day, kept
    "reserved": (transfer(pinned=3),                                              (3, 0, 4, True)),
    "released": (transfer(work(3)),                                               (3, 0, 3, True)),
    "one of three left, a day late": (transfer(work(3, shipped=1)),               (3, 0, 4, True)),
    "all left, a day late": (transfer(work(3, shipped=3)),                        (3, 0, 4, False)),
    "two of three arrived": (transfer(receive(work(3, shipped=3), {"1": 2}, LATER)), (3, 2, 4, False)),
    "all arrived": (transfer(receive(work(3, shipped=3), {"1": 3}, LATER)),       (3, 3, 4, False)),   
    "lost": (transfer(write_off_in_transit(work(3, shipped=3), LATER)),                  (0, 0, 4, False)),   
    "one is asked back": (transfer(work(3, cancel_wanted=1)),                     (2, 0, 3, True)),
    "one rejected, to be sourced again": (transfer(work(3, shipped=2, freed=1), waiting=1), (2, 0, 4, True)),
    "more arrived than was asked for": (transfer(receive(work(1, shipped=1), {"1": 2}, LATER)), (2, 2, 4, False)),
    "nothing has a source": (transfer(waiting=2),                                 (0, 0, None, True)),
    "from two nodes": (transfer(work(2, shipped=2), work(1)),                     (3, 0, 4, True)),
}  # fmt: skip


@pytest.mark.parametrize("name", BROUGHT)
def test_what_a_transfer_brings_when_and_for_whom(name: str) -> None:
    order, (quantity, arrived, day, is_kept) = BROUGHT[name]
    expected_at = None if day is None else AT + day * DAY
    assert brought(order) == {"LAMP": Brought(Cargo(quantity, arrived), expected_at, is_kept)}


KEPT = DatedRow(RowName("store", "transfer"), AT + 3 * DAY, 2, only_for="web-1")
EARLIER = DatedRow(RowName("store", "announced"), AT + DAY, 5)


@pytest.mark.parametrize(
    ("order", "now", "given"),
    [
        ("web-1", AT, {"transfer": 2, "announced": 1}),
        ("web-1", AT + 4 * DAY, {"transfer": 2, "announced": 1}),
        ("web-2", AT, {"announced": 3}),
        (None, AT, {"announced": 3}),
    ],
    ids=["its order", "its order, when all are late", "another order", "a cart"],
)
def test_kept_goods_are_promised_to_their_order_alone_and_before_others(
    order: str | None, now: datetime, given: dict[str, int]
) -> None:
    demand = Demand("1", "LAMP", 3, frozenset({"store"}), frozenset(), timedelta(), order=order)
    pegs = peg(demand, (), [EARLIER, KEPT], {EARLIER.name: 5, KEPT.name: 2}, now)
    assert {one.row.expected: one.quantity for one in pegs} == given


UNITS = st.integers(0, 6)


@given(UNITS, UNITS, UNITS, UNITS, UNITS, UNITS)
def test_what_is_brought_and_called_back_is_what_the_order_needs(
    wanted: int, other: int, promised: int, kept: int, not_sourced: int, not_left: int
) -> None:
    balance = Balance("web-1", "store", "LAMP", wanted, wanted + other, promised, kept, not_sourced, not_left)
    assert not (balance.missing and balance.unneeded), "nothing is brought and called back at once"
    after = replace(balance, kept=kept + balance.missing)
    assert (after.missing, after.unneeded) == (0, balance.unneeded)
    back = balance.unneeded
    assert back <= not_left
    assert promised + kept + not_sourced - back >= min(wanted, promised + kept + not_sourced), "what it needs is left"


@given(
    st.lists(st.tuples(st.integers(1, 4), UNITS, UNITS, st.sampled_from(list(RequestStatus))), max_size=3),
    UNITS,
    UNITS,
    UNITS,
)
def test_only_what_has_not_left_is_called_back_and_each_unit_once(
    works: list[tuple[int, int, int, RequestStatus]], pinned: int, waiting: int, unneeded: int
) -> None:
    made = [
        replace(work(units, shipped=min(shipped, units), cancel_wanted=min(back, units)), request=request)
        for units, shipped, back, request in works
    ]
    order = transfer(*made, pinned=pinned, waiting=waiting)
    called_back = to_cancel(order, Counter({"LAMP": unneeded})).get("1", 0)
    here = sum(fo.counts("1").due for fo in made)
    assert called_back <= min(unneeded, pinned + waiting + here)
    free = [fo for fo in made if fo.request not in (RequestStatus.CANCEL_REQUESTED, RequestStatus.CANCEL_REJECTED)]
    free_units = sum(max(0, fo.counts("1").due - fo.lines["1"].cancel_wanted) for fo in free)
    assert called_back == min(unneeded, pinned + waiting + free_units)
