"""What the simulated shop knows: items and their stock, orders with their lines, work at locations, and what was shipped.

Amounts are in minor units. Ids are numbers; GraphQL writes them as `gid://shopify/Order/1`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Address = Mapping[str, Any]
"""An address with the keys of Shopify's JSON: first_name, address1, zip, country_code and so on."""


@dataclass(slots=True)
class Location:
    """A place that ships; `service` is the handle of the fulfillment service that it belongs to, None = the merchant's own."""

    id: int
    name: str
    country_code: str = "US"
    service: str | None = None
    is_active: bool = True


@dataclass(slots=True)
class Item:
    """A variant with its inventory item."""

    id: int
    inventory_item: int
    product: int
    sku: str | None
    title: str
    price: int
    barcode: str | None = None


@dataclass(slots=True)
class Level:
    """The stock of an item at a location. What is committed was sold and not shipped."""

    available: int = 0
    committed: int = 0

    @property
    def on_hand(self) -> int:
        """What lies there."""
        return self.available + self.committed


@dataclass(slots=True)
class Line:
    """A line of an order. `quantity` is what was ever ordered: removed and refunded units count still."""

    id: int
    item: Item | None
    title: str
    sku: str | None
    price: int
    quantity: int
    discount: int = 0
    """For the ordered quantity."""
    tax: int = 0
    removed: int = 0
    fulfilled: int = 0
    returned: int = 0
    requires_shipping: bool = True
    is_gift_card: bool = False
    is_tip: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> int:
        """What is ordered today."""
        return self.quantity - self.removed - self.returned

    @property
    def fulfillable(self) -> int:
        """What is left to ship."""
        return max(0, self.quantity - self.removed - self.fulfilled)


@dataclass(slots=True)
class WorkLine:
    """A line of a fulfillment order."""

    id: int
    line: Line
    total: int
    remaining: int


@dataclass(slots=True)
class MerchantRequest:
    """What the merchant asked of a fulfillment service; `kind` as FulfillmentOrderMerchantRequestKind."""

    id: int
    kind: str
    message: str | None
    sent_at: datetime
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Hold:
    """A reason why work may not begin."""

    id: int
    reason: str
    notes: str | None
    handle: str | None


@dataclass(slots=True)
class Work:
    """A fulfillment order: what one location is to ship of an order."""

    id: int
    order: "Order"
    location: Location
    lines: list[WorkLine]
    created_at: datetime
    updated_at: datetime
    status: str = "OPEN"
    request: str = "UNSUBMITTED"
    requests: list[MerchantRequest] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    is_prepared: bool = False
    """Whether its units wait for the customer at a pickup."""

    @property
    def is_live(self) -> bool:
        """Whether anything of it may still be shipped."""
        return self.status in ("OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED")


@dataclass(slots=True)
class Event:
    """News of a shipment."""

    id: int
    status: str
    happened_at: datetime
    message: str | None


@dataclass(slots=True)
class Fulfillment:
    """Units that left together."""

    id: int
    order: "Order"
    name: str
    location: Location
    lines: list[tuple[int, WorkLine, int]]
    """The id of each of its lines, what it is of, and how many units."""
    works: list[Work]
    created_at: datetime
    updated_at: datetime
    tracking: list[Mapping[str, Any]] = field(default_factory=list)
    origin: Mapping[str, Any] | None = None
    status: str = "SUCCESS"
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class RefundLine:
    """Units of a refund; `restock` as RefundLineItemRestockType."""

    id: int
    line: Line
    quantity: int
    restock: str
    location: Location | None
    subtotal: int
    tax: int


@dataclass(slots=True)
class Refund:
    """Money that went back, and the units that it was for."""

    id: int
    created_at: datetime
    note: str | None
    lines: list[RefundLine]
    amount: int


@dataclass(slots=True)
class Order:
    """An order with everything that became of it."""

    id: int
    number: int
    created_at: datetime
    updated_at: datetime
    currency: str
    email: str | None
    ship_to: Address | None
    bill_to: Address | None
    lines: list[Line]
    shipping_title: str | None
    """None = nothing is shipped, as at the till."""
    shipping_price: int
    paid: str
    """As OrderDisplayFinancialStatus."""
    source: str = "web"
    method: str = "SHIPPING"
    """As DeliveryMethodType."""
    is_test: bool = False
    taxes_included: bool = False
    discount: int = 0
    """What no line names its part of, as with orders of old apps; in minor units."""
    tax: int = 0
    """The same of taxes."""
    tags: tuple[str, ...] = ()
    note: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    presentment: tuple[str, str] | None = None
    """The customer's currency, and how many of it one of the shop's is; None = the shop's own."""
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    is_edited: bool = False
    works: list[Work] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"#{self.number}"

    def line(self, line: int) -> Line:
        """One of its lines. Raises `KeyError`."""
        return _one(self.lines, line)

    def live(self) -> Iterator[Work]:
        """Its fulfillment orders of which anything may still be shipped."""
        return (work for work in self.works if work.is_live)

    @property
    def fulfillment_status(self) -> str:
        """As OrderDisplayFulfillmentStatus."""
        if any(work.status == "ON_HOLD" for work in self.works):
            return "ON_HOLD"
        shipped, left = (
            sum(one) for one in zip(*((line.fulfilled, line.fulfillable) for line in self.lines), strict=True)
        )
        if shipped:
            return "PARTIALLY_FULFILLED" if left else "FULFILLED"
        return "IN_PROGRESS" if any(work.status == "IN_PROGRESS" for work in self.works) else "UNFULFILLED"


def _one(lines: list[Line], line: int) -> Line:
    for one in lines:
        if one.id == line:
            return one
    raise KeyError(line)
