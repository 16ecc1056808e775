"""Makes every id of the system: readable, and derived from the order, so that a repeated step makes the same id."""

from hashlib import sha256

NUMBER_MAX = 64
"""Characters of a channel's number for an order."""


def order_id(channel: str, number: str) -> str:
    """The order's id, `{channel}-{number}` in lower case: `web-1001`."""
    return in_one_case(f"{channel}-{number}")


def in_one_case(written: str) -> str:
    """An id that somebody wrote, as it is stored: in lower case. Every id of this module begins with an order's."""
    return written.lower()


def fulfillment_order_id(order: str, number: int) -> str:
    """The id of an order's `number`-th fulfillment order, counted from 1: `web-1001-f1`."""
    return f"{order}-f{number}"


def order_of_fulfillment_order(fulfillment_order: str) -> str:
    """The order that a fulfillment order's id belongs to; the id contains it, so no lookup is needed."""
    return fulfillment_order.rpartition("-f")[0]


TRANSFERS = "transfer"
"""The channel of transfers; no order can come through it."""
REPLENISHMENT = "replenishment"
"""The channel of transfers that rules of replenishment ask for; no order can come through it either."""
OWN_CHANNELS = frozenset({TRANSFERS, REPLENISHMENT})
"""The channels of what moves between nodes."""


def transfer_order_id(transfer: str) -> str:
    """The id of the order that a transfer is, `transfer.{transfer}` in lower case. No channel's order has a dot in its id."""
    return in_one_case(f"{TRANSFERS}.{transfer}")


def transfer_of(fulfillment_order: str) -> str:
    """The name of the transfer that a fulfillment order belongs to."""
    return order_of_fulfillment_order(fulfillment_order).removeprefix(f"{TRANSFERS}.")


def is_of_a_transfer(name: str) -> bool:
    """Whether this is the id of a transfer's order, or of something that belongs to one, such as a fulfillment order."""
    return name.startswith(f"{TRANSFERS}.")


def is_work_of_a_transfer(name: str) -> bool:
    """Whether this is the id of a transfer's fulfillment order, in any case."""
    order, _, number = in_one_case(name).rpartition("-f")
    return is_of_a_transfer(order) and number.isdigit()


def all_work_id(transfer: str) -> str:
    """Names all that a transfer for an order brings, in whatever fulfillment order: a number that none of these has."""
    return fulfillment_order_id(transfer, 0)


def number_of_transfer_for(order: str, number: int) -> str:
    """The name of the `number`-th transfer that is made for an order, counted from 1: `web-1001-s1`.

    Where that is longer than a name may be, a digest of the order's id replaces the part that is cut off.
    """
    return _cut(f"{order}-s{number}", order, f"s{number}")


def return_id(order: str, number: int) -> str:
    """The id of an order's `number`-th accepted return request, counted from 1: `web-1001-r1`."""
    return f"{order}-r{number}"


def return_row_id(return_: str) -> str:
    """Names what comes back with a return among the goods that come to its node: no id of a message has a blank."""
    return f"return {return_}"


def claim_id(order: str, number: int) -> str:
    """The id of an order's `number`-th claim, counted from 1: `web-1001-c1`."""
    return f"{order}-c{number}"


def replacement_number(order: str, suffix: str) -> str:
    """The number of an order that replaces units of another: `1001-r1-x1`.

    Where that is longer than a number may be, a digest of the order's id replaces the part that is cut off.
    """
    return _cut(f"{order.partition('-')[2]}-{suffix}", order, suffix)


def _cut(number: str, order: str, suffix: str) -> str:
    """A number that ends with a suffix, cut to the longest that a number may be."""
    if len(number) <= NUMBER_MAX:
        return number
    tail = f"-{sha256(order.encode()).hexdigest()[:12]}-{suffix}"
    return number[: NUMBER_MAX - len(tail)] + tail


def order_workflow_id(order: str) -> str:
    """The Temporal workflow id of an order."""
    return f"order-{order}"


def return_workflow_id(return_: str) -> str:
    """The Temporal workflow id of a return."""
    return f"return-{return_}"
