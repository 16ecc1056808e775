"""Named statements about orders: store one, lock it, read it, write what an event changed, show its state."""

from database.order.accept import StoredOrder, add_lines, take
from database.order.lock import lock, lock_all, lock_free, lock_version, lock_with_begin
from database.order.read import (
    Header,
    MessageName,
    Replaces,
    UnknownOrder,
    channel,
    load,
    load_all,
    news,
    state,
    unshipped,
)
from database.order.write import (
    Event,
    ItemsRelease,
    NewPromise,
    Promise,
    book,
    change_service,
    close,
    next_version,
    save,
    write_promises,
)

__all__ = [
    "Event",
    "Header",
    "ItemsRelease",
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
    "load_all",
    "lock",
    "lock_all",
    "lock_free",
    "lock_version",
    "lock_with_begin",
    "news",
    "next_version",
    "save",
    "state",
    "take",
    "unshipped",
    "write_promises",
]
