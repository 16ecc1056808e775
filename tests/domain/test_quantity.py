"""What a change of quantity makes of the units that a line had, and which lines cannot be changed."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.account import Layer
from domain.network import Item, Network, Policy
from domain.quantity import ORDERED_MAX, change_quantities, line_after
from domain.request import ChangedLine
from domain.units import Changes, Impossible, Order, OrderedLine, Reservation, Waiting, give_back, prices_after

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEMS = {"CHAIR": Item(sku="CHAIR", name="Chair", weight_g=6000)}
NETWORK = Network(version="1", nodes={}, items=ITEMS, policy=Policy(strategies=()))


def order_of(ordered: int, cancelled: int = 0) -> Order:
    """An order for chairs, one of which waits for stock, one for a person, and the others are pinned in Denver."""
    pinned = ordered - cancelled - 2
    reservation = Reservation("1", "CHAIR", "denver", pinned, 1, (), 1, NOON, NOON)
    waiting = [
        Waiting("1", "CHAIR", 1, awaits="stock", nodes=("denver",), gives_up_at=NOON + timedelta(days=9)),
        Waiting("1", "CHAIR", 1, 2, ("reno",), awaits="person"),
    ]
    line = OrderedLine("CHAIR", ordered, 0, cancelled, layers=(Layer(ordered, cancelled, 100),))
    return Order("web-1", {"1": line}, waiting, [reservation], {}, {})


@pytest.mark.parametrize(
    ("quantity", "ordered", "cancelled", "open_", "backordered", "reserved"),
    [
        (7, 8, 1, 3, 1, 3),
        (6, 7, 1, 2, 1, 3),
        (5, 6, 1, 1, 1, 3),
        (4, 6, 2, 1, 0, 3),
        (3, 6, 3, 0, 0, 3),
        (2, 6, 4, 0, 0, 2),
        (1, 6, 5, 0, 0, 1),
    ],
)
def test_a_line_first_loses_units_that_no_node_has_yet(
    quantity: int, ordered: int, cancelled: int, open_: int, backordered: int, reserved: int
) -> None:
    order, changes = order_of(6, cancelled=1), Changes(NETWORK)

    change_quantities(order, changes, {"1": quantity}, NOON)

    assert prices_after(order, changes).value == quantity * 100
    assert line_after(order, changes, "1") == ChangedLine(
        line="1", ordered=ordered, cancelled=cancelled, open=open_, backordered=backordered, reserved=reserved
    )
    assert changes.freed() == ({("denver", "CHAIR"): 3 - reserved} if reserved < 3 else {})


def test_a_line_grows_no_further_than_the_database_can_count() -> None:
    order = order_of(ORDERED_MAX, cancelled=ORDERED_MAX - 3)
    with pytest.raises(Impossible, match="changed too often"):
        change_quantities(order, Changes(NETWORK), {"1": 4}, NOON)


def test_units_that_a_hold_takes_off_the_queue_keep_their_tries_and_their_time() -> None:
    order, changes = order_of(5), Changes(NETWORK)

    give_back(order, changes)

    assert changes.buckets["1"] == {"open": 4, "reserved": -3, "backordered": -1}
    assert order.waiting == [
        Waiting("1", "CHAIR", 1, gives_up_at=NOON + timedelta(days=9)),
        Waiting("1", "CHAIR", 1, 2, ("reno",), awaits="person"),
        Waiting("1", "CHAIR", 3),
    ]
