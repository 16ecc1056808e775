"""Decides what a node's message means: a fulfillment order's counts are a pure function of all its node's messages.

Each line keeps sums of what the node reported (picked, shipped, delivered, given back). The counts are computed from the sums;
a later stage implies the earlier ones. So the same messages in any order end in the same counts, and the effect of a message is
the difference between the counts before and after it. A shipment is always a fact: a unit that was short, rejected or in doubt
and ships after all is shipped.
"""

from domain.fulfillment.applying import Applied, apply_message, brings_units, receive, write_off_in_transit
from domain.fulfillment.messages import MessageKind, NodeMessage, Package, Quantity
from domain.fulfillment.packages import Placed, StoredPackage, contents, place
from domain.fulfillment.requests import (
    ask_to_cancel,
    drop_empty_cancel_request,
    give_up_what_was_cancelled,
    is_asked_for_all,
    is_partly_cancelled,
    presume_dead,
    restart_clock,
    withdraw,
    write_off,
)
from domain.fulfillment.work import (
    CALLED_ABOUT,
    Counts,
    FulfillmentOrder,
    FulfillmentOrderLine,
    FulfillmentOrderStatus,
    RequestStatus,
    WaitingFor,
    count,
)

__all__ = [
    "CALLED_ABOUT",
    "Applied",
    "Counts",
    "FulfillmentOrder",
    "FulfillmentOrderLine",
    "FulfillmentOrderStatus",
    "MessageKind",
    "NodeMessage",
    "Package",
    "Placed",
    "Quantity",
    "RequestStatus",
    "StoredPackage",
    "WaitingFor",
    "apply_message",
    "ask_to_cancel",
    "brings_units",
    "contents",
    "count",
    "drop_empty_cancel_request",
    "give_up_what_was_cancelled",
    "is_asked_for_all",
    "is_partly_cancelled",
    "place",
    "presume_dead",
    "receive",
    "restart_clock",
    "withdraw",
    "write_off",
    "write_off_in_transit",
]
