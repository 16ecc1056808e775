"""Named statements about orders: store one, lock it, read what it holds, write what an event changed, show its state."""

from database.order.accept import Taken, take
from database.order.read import Header, UnknownOrder, channel, load, lock, news, state, unshipped
from database.order.write import Event, change_value, close, keep_promise, next_version, save

__all__ = [
    "Event",
    "Header",
    "Taken",
    "UnknownOrder",
    "change_value",
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
