"""The names that a rule may read, each with its type, by the place of the rule in the policy."""

from collections.abc import Mapping
from enum import Enum

from cel_expr_python import cel

LINES = "order.lines"
ATTRIBUTES = "order.attributes"
"""Texts by name; one that the order does not have reads as ""."""

TEXTS = cel.Type.List(cel.Type.STRING)
TEXT_BY_NAME = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)

_TEXTS_OF_ORDERS = ("channel", "service", "country", "region", "postal_code", "customer_tier", "currency")
_ORDER = {
    **dict.fromkeys(
        (f"order.{name}" for name in _TEXTS_OF_ORDERS),
        cel.Type.STRING,
    ),
    **dict.fromkeys((f"order.{name}" for name in ("value", "units", "priority")), cel.Type.INT),
    "order.weight_kg": cel.Type.DOUBLE,
    "order.reference": cel.Type.STRING,
    "order.purchase_order": cel.Type.STRING,
    "order.tags": TEXTS,
    ATTRIBUTES: TEXT_BY_NAME,
    LINES: cel.Type.List(cel.Type("Line")),
}
_NODE_ITSELF = {
    "node.id": cel.Type.STRING,
    "node.kind": cel.Type.STRING,
    "node.country": cel.Type.STRING,
    "node.region": cel.Type.STRING,
    "node.tags": TEXTS,
    "node.priority": cel.Type.INT,
}
_NODE = {
    **_NODE_ITSELF,
    **dict.fromkeys((f"node.{name}" for name in ("promise_days", "open_orders", "capacity_left")), cel.Type.INT),
    "node.distance_km": cel.Type.DOUBLE,
    "node.distance_known": cel.Type.BOOL,
}
_ITEM = {
    "item.sku": cel.Type.STRING,
    "item.category": cel.Type.STRING,
    "item.tags": TEXTS,
    "item.weight_g": cel.Type.INT,
    "item.hazmat": cel.Type.BOOL,
    "item.ships_alone": cel.Type.BOOL,
}
FIELDS: Mapping[str, Mapping[str, cel.Type]] = {
    "Item": {name.removeprefix("item."): kind for name, kind in _ITEM.items()},
    "Line": {
        "item": cel.Type("Item"),
        "quantity": cel.Type.INT,
        "has_gift_message": cel.Type.BOOL,
        "attributes": TEXT_BY_NAME,
    },
}
"""The fields of what `order.lines` consists of, and the type of each."""


class Sight(Enum):
    """The place of a rule in the policy, which decides what names it may read; the value is its name in messages."""

    SET = "a set"
    WHEN = "a strategy's when"
    HOLD = "a hold's when"
    RULE = "a require or cost"
    EXCLUDE = "an exclude"
    RETURN = "a rule for returns"


NAMES: Mapping[Sight, Mapping[str, cel.Type]] = {
    Sight.SET: _NODE_ITSELF,
    Sight.WHEN: _ORDER,
    Sight.HOLD: _ORDER,
    Sight.RULE: {**_ORDER, **_NODE},
    Sight.EXCLUDE: {**_ORDER, **_NODE, **_ITEM},
    Sight.RETURN: {**_ORDER, **_ITEM},
}
"""The names and types by place; an exclude may read all that there are."""

AMOUNTS = ("order.value",)
"""The names of amounts of an order, which are not known where there is no rate to the policy's currency."""
