"""The access scopes that the app of a shop needs: computed from `documents` and Shopify's schema, and held to it by a test.

A scope to write contains the one to read.
"""

from collections.abc import Collection

SCOPES: dict[str, str] = {
    "read_locations": "see the shop's locations",
    "read_products": "see which items the shop sells",
    "write_assigned_fulfillment_orders": "accept, ship and reject what the shop asks Switchyard to ship",
    "write_fulfillments": "make Switchyard's location, and report deliveries",
    "write_inventory": "set how many units can be sold",
    "write_merchant_managed_fulfillment_orders": "take over what the shop's own locations were to ship",
    "write_orders": "see orders, and pay customers back for what came back",
    "write_third_party_fulfillment_orders": "ask for what Switchyard's location is to ship",
}
"""Each with what it is for, in the words of the shop's owner."""

ALL_ORDERS = "read_all_orders"
"""Without it Shopify shows orders of the last 60 days. Not every app gets it."""


def missing(granted: Collection[str]) -> list[str]:
    """The scopes that the app lacks."""
    return [scope for scope in SCOPES if not _is_granted(scope, granted)]


def _is_granted(scope: str, granted: Collection[str]) -> bool:
    return scope in granted or scope.replace("read_", "write_", 1) in granted
