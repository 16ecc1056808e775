"""Named statements about orders: store one, lock it, read it, write what an event changed, show its state."""

from database.order.accept import StoredOrder, add_lines, take
from database.order.read import (
    Header,
    MessageName,
    Replaces,
    UnknownOrder,
    channel,
    load,
    lock,
    lock_with_begin,
    news,
    state,
    unshipped,
)
from database.order.write import Event, NewPromise, Promise, book, change_service, close, next_version, save

__all__ = [
    "Event",
    "Header",
    "MessageName",
    "NewPromise",
    "Promise",
    "Replaces",
    "StoredOrder",
    "UnknownOrder",
    "add_lines",
    "book",
    "change_service",
    "channel",
    "close",
    "load",
    "lock",
    "lock_with_begin",
    "news",
    "next_version",
    "save",
    "state",
    "take",
    "unshipped",
]
