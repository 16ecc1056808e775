"""The search attributes by which orders are found in the Temporal UI; `up` and the production set-up register exactly these.

They never hold personal data: search attributes are stored in plain text and bypass every codec.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.order import OrderInput, OrderState, OrderStatus

Update = SearchAttributeUpdate[Any]

ORDER = SearchAttributeKey.for_keyword("Order")
CHANNEL = SearchAttributeKey.for_keyword("Channel")
ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
EXCEPTION_CODE = SearchAttributeKey.for_keyword("ExceptionCode")
NODES = SearchAttributeKey.for_keyword_list("Nodes")
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")
PROMISE_BY = SearchAttributeKey.for_datetime("PromiseBy")
NEXT_DEADLINE = SearchAttributeKey.for_datetime("NextDeadline")

SEARCH_ATTRIBUTES = (
    ORDER,
    CHANNEL,
    ORDER_STATUS,
    EXCEPTION_CODE,
    NODES,
    NEEDS_ATTENTION,
    PROMISE_BY,
    NEXT_DEADLINE,
)


def at_start(order: OrderInput, status: OrderStatus) -> TypedSearchAttributes:
    """The search attributes of an order at its start."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ORDER, order.order),
            SearchAttributePair(CHANNEL, order.channel),
            SearchAttributePair(ORDER_STATUS, str(status)),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def for_return(order: str, channel: str) -> TypedSearchAttributes:
    """The search attributes of a return: its order and channel."""
    return TypedSearchAttributes([SearchAttributePair(ORDER, order), SearchAttributePair(CHANNEL, channel)])


def of(order: OrderState, wakes_at: datetime | None) -> Iterator[tuple[str, object, Update]]:
    """Every search attribute of an order as (name, value, the update that sets or unsets it)."""
    codes = sorted({exception.code for exception in order.exceptions})
    nodes = sorted({fo.node for fo in order.fulfillment_orders if fo.waiting_for})
    deadlines = [fo.deadline for fo in order.fulfillment_orders if fo.deadline]
    yield from _one(ORDER_STATUS, str(order.status))
    yield from _one(NEEDS_ATTENTION, bool(order.exceptions))
    yield from _one(EXCEPTION_CODE, codes[0] if codes else None)
    yield from _one(NODES, nodes or None)
    yield from _one(PROMISE_BY, order.promise.deliver_by if order.promise else None)
    yield from _one(NEXT_DEADLINE, min([*deadlines, *([wakes_at] if wakes_at else [])], default=None))


def _one(key: SearchAttributeKey[Any], value: object) -> Iterator[tuple[str, object, Update]]:
    yield key.name, value, key.value_unset() if value is None else key.value_set(value)
