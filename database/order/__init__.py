"""Named statements about orders: store one, lock it, read it, write what an event changed, show its state."""

from database.order.accept import StoredOrder, add_lines, take
from database.order.read import Header, Replaces, UnknownOrder, channel, load, lock, news, state, unshipped
from database.order.write import Event, change_service, close, keep_promise, next_version, save

__all__ = [
    "Event",
    "Header",
    "Replaces",
    "StoredOrder",
    "UnknownOrder",
    "add_lines",
    "change_service",
    "channel",
    "close",
    "keep_promise",
    "load",
    "lock",
    "news",
    "next_version",
    "save",
    "state",
    "take",
    "unshipped",
]
