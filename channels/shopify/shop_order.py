"""An order as a shop has it, whichever way it came: a webhook and GraphQL spell the same facts differently.

All amounts are in the shop's own currency. Shopify also gives each in the currency that the customer saw; they are never mixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

RETURNED, NOT_RESTOCKED = "return", "no_restock"
"""What became of refunded units: they had left and come back; or the shop does not say whether they had left."""


@dataclass(frozen=True, slots=True)
class ShopLine:
    """A line of the shop's order; its discount and tax are for `quantity` units."""

    id: str
    name: str
    sku: str
    """"" = it has none."""
    variant: str | None
    """The id of the product's variant; None = the shop's staff typed the item into this order."""
    quantity: int
    """Units ever ordered, with those that were removed since."""
    current: int
    """Units without those that were removed, cancelled or given back."""
    price: Decimal
    """Of one unit, before discounts."""
    discount: Decimal
    tax: Decimal
    is_goods: bool
    """Whether it is something to ship: no tip, gift card or service."""
    properties: Sequence[tuple[str, str]] = ()
    is_of_another_service: bool = False
    """Whether another fulfillment service than ours ships it."""


@dataclass(frozen=True, slots=True)
class ShopShipping:
    """A shipping method that was chosen; all amounts of it."""

    title: str
    price: Decimal
    discount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class ShopFulfillment:
    """Units that left a location of the shop."""

    location: str | None
    at: datetime
    units: Mapping[str, int]
    """By line."""


@dataclass(frozen=True, slots=True)
class ShopRefund:
    """Units of a line that a refund names, with their share of the money that it paid back."""

    line: str
    units: int
    restock: str
    """What became of them: `return` = they had left, `cancel` = they had not, `no_restock` does not say."""
    amount: Decimal
    location: str | None = None
    """Where they came back; None = nowhere, or the shop did not say."""


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order of the shop."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    currency: str
    payment: str
    """Its financial status in lower case; "" = the shop did not say."""
    is_cancelled: bool
    is_test: bool
    source: str
    lines: Sequence[ShopLine]
    shipping: Sequence[ShopShipping] = ()
    fulfillments: Sequence[ShopFulfillment] = ()
    """Those that were not cancelled."""
    refunds: Sequence[ShopRefund] = ()
    kept_out: Mapping[str, int] = field(default_factory=dict)
    """By line, units that are not for us: another service has them, or the shop asks to cancel them."""
    holds: Sequence[tuple[str, str | None]] = ()
    """The shop's own holds of its fulfillment, each with its reason."""
    pickup_location: str | None = None
    """Where the customer collects it."""
    pickup_country: str | None = None
    prices_include_tax: bool = False
    ship_to: Mapping[str, object] | None = None
    """As `domain.order.Address` names it; None = the shop's order has none."""
    bill_to: Mapping[str, object] | None = None
    purchase_order: str | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    tags: Sequence[str] = ()
    attributes: Sequence[tuple[str, str]] = ()
    """What was typed into fields of the shop's own."""
    discount_codes: Sequence[str] = ()
    gateways: Sequence[str] = ()
    """How it was paid."""

    def refunded(self, line: str, restock: str) -> int:
        """Units of a line that refunds name, of which this became."""
        return sum(refund.units for refund in self.refunds if (refund.line, refund.restock) == (line, restock))
