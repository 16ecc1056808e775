"""Decides where an order's units go: every event moves them between the six buckets, and their stock with them.

Each function takes an `Order` (its rows in PostgreSQL, read under the order's row lock) and notes in a `Changes` what must be
written. It also updates the order, so that one event may consist of several steps. One rule holds for all of them: a unit that
leaves a bucket enters another one in the same step, and stock that is no longer promised is freed or gone in the same step.
"""

from domain.units.order import (
    Changes,
    Opened,
    Order,
    OrderedLine,
    Reservation,
    Waiting,
    needs_a_person,
    prices_after,
    wanted,
)
from domain.units.pins import (
    end_window,
    give_back,
    give_up_waiting,
    held,
    judge_again,
    pinned,
    promised,
    promised_otherwise,
    swap,
    take_plan,
    unpin,
    unpin_everything,
)
from domain.units.requests import (
    Impossible,
    Rerouted,
    all_uncancelled,
    cancel,
    collect_at,
    reroute,
    source_again,
    sums,
    take_off_node,
)
from domain.units.work import change_fulfillment_order, release

__all__ = [
    "Changes",
    "Impossible",
    "Opened",
    "Order",
    "OrderedLine",
    "Rerouted",
    "Reservation",
    "Waiting",
    "all_uncancelled",
    "cancel",
    "change_fulfillment_order",
    "collect_at",
    "end_window",
    "give_back",
    "give_up_waiting",
    "held",
    "judge_again",
    "needs_a_person",
    "pinned",
    "prices_after",
    "promised",
    "promised_otherwise",
    "release",
    "reroute",
    "source_again",
    "sums",
    "swap",
    "take_off_node",
    "take_plan",
    "unpin",
    "unpin_everything",
    "wanted",
]
