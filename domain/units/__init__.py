"""Decides where an order's units go: every event moves them between the six buckets and takes the stock along.

Each function takes an `Order` (what PostgreSQL holds of it, read under its row lock) and notes in a `Changes` what is to be
written. The order is updated as well, so that one event may be made of several steps. The rule behind all of them: a unit that
leaves a bucket enters another one in the same step, and stock that is no longer promised is freed or gone in the same step.
"""

from domain.units.order import Changes, Opened, Order, OrderedLine, Reservation, Waiting, needs_a_person, wanted
from domain.units.pins import (
    end_window,
    give_back,
    give_up_waiting,
    held,
    pinned,
    promised,
    swap,
    take_plan,
    unpin,
    unpin_everything,
)
from domain.units.requests import (
    Impossible,
    Rerouted,
    cancel,
    collect_at,
    everything,
    leave,
    reroute,
    source_again,
    sums,
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
    "cancel",
    "change_fulfillment_order",
    "collect_at",
    "end_window",
    "everything",
    "give_back",
    "give_up_waiting",
    "held",
    "leave",
    "needs_a_person",
    "pinned",
    "promised",
    "release",
    "reroute",
    "source_again",
    "sums",
    "swap",
    "take_plan",
    "unpin",
    "unpin_everything",
    "wanted",
]
