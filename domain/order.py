"""What an order is: the demand that a channel sends, and the state that all others read.

Every ordered unit is in exactly one of six buckets. PostgreSQL keeps them under the order's row lock. A state in this module is
a copy of them with the order's version; of two states the one with the higher version is the newer.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain import identifiers
from domain.account import Charges, Cost, Layer, Prices
from domain.fulfillment import FulfillmentOrderStatus, RequestStatus, WaitingFor
from domain.identifiers import NUMBER_MAX
from domain.money import spread
from domain.network import Locality, ShipComplete
from domain.text import (
    Attributes,
    Currency,
    FreeText,
    Identifier,
    ItemName,
    Label,
    Moment,
    Money,
    NodeId,
    PostalCode,
    Reference,
    Sku,
    Strict,
    Units,
    Word,
)

VALUE_MAX = 10**15
"""The most that the goods of one order may cost after discounts, in minor units."""

LINES_MAX = 2_000
"""The most lines of an order."""

ROWS_OF_NEWS_MAX = 200
"""Lines, of the order and of its fulfillment orders together, that every update to the workflow may carry: about 12 kB."""

ROWS_OF_COPY_MAX = 5_000
"""The same for the state that its workflow reads and keeps: about 500 kB; Temporal refuses 2 MB."""

OrderNumber = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9-]{{1,{NUMBER_MAX}}}$")]
"""What a channel calls an order."""

Bucket = Literal["open", "backordered", "reserved", "allocated", "shipped", "cancelled"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
"""Where a unit can be; the sum of all six is the ordered quantity."""


class OrderStatus(StrEnum):
    """An order's status, derived from quantities and facts: the first that applies."""

    CANCELLED = "cancelled"
    COMPLETED = "completed"
    DELIVERED = "delivered"
    SHIPPED = "shipped"
    PARTIALLY_SHIPPED = "partially_shipped"
    ON_HOLD = "on_hold"
    IN_FULFILLMENT = "in_fulfillment"
    BACKORDERED = "backordered"
    SOURCING = "sourcing"
    RECEIVED = "received"


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class BillTo(Strict):
    """Who pays, with what is known of their address. Personal data: it leaves PostgreSQL only for the order's channel and for
    operators."""

    name: Label | None = None
    company: Label | None = None
    street: tuple[Label, ...] = Field(default=(), max_length=5)
    city: Label | None = None
    region: Label | None = None
    postal_code: PostalCode | None = None
    country: Country | None = None
    email: Label | None = None
    phone: Label | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _point_is_whole(self) -> Self:
        for given, missing in (("latitude", "longitude"), ("longitude", "latitude")):
            if getattr(self, given) is not None and getattr(self, missing) is None:
                raise ValueError(f"{missing}: {given} needs {missing} beside it")
        return self


class Address(BillTo):
    """Where an order goes. Personal data: it leaves PostgreSQL only for the node that ships, the order's channel and
    operators. Whether it can do without a postal code, its country decides."""

    country: Country

    @property
    def locality(self) -> Locality:
        """What it says about where it is."""
        point = None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)
        return Locality(self.country, self.postal_code or "", self.city or "", self.region or "", point)


class NewLine(Strict):
    """One line of a new order; `unit_price`, `discount` and `tax` in minor units, the last two for the whole line."""

    line: Identifier
    sku: Sku
    name: ItemName | None = None
    quantity: Units
    unit_price: Money
    discount: Money = 0
    tax: Money = 0
    gift_message: FreeText | None = None
    attributes: Attributes = Field(default={})

    @classmethod
    def that_costs(cls, cost: Cost, line: str, sku: str, units: int) -> Self:
        """A line whose units together cost this: the price is rounded up, and the discount is the rest."""
        price = -(-cost.goods // units)
        discount = price * units - cost.goods
        return cls(line=line, sku=sku, quantity=units, unit_price=price, discount=discount, tax=cost.tax)

    def more(self, line: str, units: int, cost: Cost) -> Self:
        """A line that continues it with units that together cost this: at its price, unless they cost more."""
        price = max(self.unit_price, -(-cost.goods // units))
        discount = price * units - cost.goods
        named = {"line": line, "quantity": units, "unit_price": price, "discount": discount, "tax": cost.tax}
        return self.model_copy(update=named)

    @property
    def goods(self) -> int:
        """What it costs after its own discount, in minor units."""
        return self.unit_price * self.quantity - self.discount


class NewHold(Strict):
    """A hold that the channel places with the order, such as fraud or payment."""

    hold: Word
    reason: FreeText | None = None


class Duty(Strict):
    """What the channel has promised its customer or is bound to: an order that may miss it needs attention, and is never
    cancelled for it."""

    ship_by: Moment | None = None
    deliver_by: Moment | None = None

    @model_validator(mode="after")
    def _ships_before_it_arrives(self) -> Self:
        if self.ship_by and self.deliver_by and self.deliver_by < self.ship_by:
            raise ValueError("deliver_by: must not be before ship_by")
        return self


class Demand(Strict):
    """What an order, a promise request and a reservation have in common."""

    channel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
    reference: Reference | None = None
    purchase_order: Reference | None = None
    placed_at: Moment | None = None
    currency: Currency | None = None
    service: Word | None = None
    ship_to: Address
    bill_to: BillTo | None = None
    pickup_node: NodeId | None = None
    from_node: NodeId | None = None
    """The only node that may ship it; None = the policy decides."""
    priority: Annotated[int, Field(ge=1, le=9, strict=True)] = 5
    customer_tier: Word | None = None
    ship_complete: ShipComplete | None = None
    not_before: Moment | None = None
    not_after: Moment | None = None
    promised: Duty | None = None
    holds: tuple[NewHold, ...] = Field(default=(), max_length=20)
    shipping_price: Money = 0
    paid: Money | None = None
    discount: Money = 0
    """Of the whole order, beside those of its lines."""
    prices_include_tax: bool = True
    shipping_tax: Money = 0
    tags: tuple[Label, ...] = Field(default=(), max_length=250)
    attributes: Attributes = Field(default={})
    note: FreeText | None = None


class NewOrder(Demand):
    """An order as a channel sends it (`POST /orders`)."""

    number: OrderNumber
    placed_at: Moment
    currency: Currency
    service: Word = "standard"
    reservation: Identifier | None = None
    """The cart's reservation that becomes this order."""
    lines: tuple[NewLine, ...] = Field(min_length=1, max_length=LINES_MAX)

    @model_validator(mode="after")
    def _lines_are_unique(self) -> Self:
        lines = [line.line for line in self.lines]
        if repeated := sorted({line for line in lines if lines.count(line) > 1}):
            raise ValueError(f"lines: line id {repeated[0]!r} is used twice")
        return self

    @model_validator(mode="after")
    def _holds_are_unique(self) -> Self:
        if len({hold.hold for hold in self.holds}) < len(self.holds):
            raise ValueError("holds: the same hold is named twice")
        return self

    @model_validator(mode="after")
    def _window_is_open(self) -> Self:
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("not_after: must be later than not_before")
        return self

    @model_validator(mode="after")
    def _prices_make_sense(self) -> Self:
        for index, line in enumerate(self.lines):
            if line.goods < 0:
                raise ValueError(f"lines.{index}.discount: is more than the line costs")
        if self.value < 0:
            raise ValueError("discount: is more than the lines cost after their own discounts")
        if self.value > VALUE_MAX:
            raise ValueError(f"lines: an order is worth {VALUE_MAX} minor units at the most")
        return self

    @property
    def order(self) -> str:
        """The order's id."""
        return identifiers.order_id(self.channel, self.number)

    @property
    def value(self) -> int:
        """What the goods cost after discounts, in minor units."""
        return sum(line.goods for line in self.lines) - self.discount

    @property
    def order_discounts(self) -> dict[str, int]:
        """By line, its share of the discount of the whole order, by what the lines cost."""
        shares = spread(self.discount, [line.goods for line in self.lines])
        return {line.line: share for line, share in zip(self.lines, shares, strict=True)}

    @property
    def prices(self) -> Prices:
        """What it costs: each line is its first layer."""
        shares = self.order_discounts
        lines = {
            line.line: (Layer(line.quantity, 0, line.unit_price, line.discount + shares[line.line], line.tax),)
            for line in self.lines
        }
        return Prices(lines, Charges(self.prices_include_tax, self.shipping_price, self.shipping_tax))


class LineDemand(BaseModel):
    """A line in the workflow's input."""

    line: str
    sku: str
    quantity: int


class OrderInput(BaseModel):
    """The input of `OrderWorkflow`: no personal data; the order's row in PostgreSQL exists first."""

    model_config = ConfigDict(extra="forbid")

    order: str
    channel: str
    service: str
    country: str
    postal_area: str
    lines: list[LineDemand]


class LineState(BaseModel):
    """Where one line's units are; the six buckets sum to `ordered`. Empty buckets are left out on the wire."""

    line: str
    sku: str
    ordered: int
    open: int = 0
    backordered: int = 0
    reserved: int = 0
    allocated: int = 0
    shipped: int = 0
    cancelled: int = 0
    picked: int = 0
    delivered: int = 0
    returned: int = 0


class FulfillmentOrderLineState(BaseModel):
    """One line of a fulfillment order: the units that were asked for, and where they are."""

    line: str
    sku: str
    quantity: int
    picked: int = 0
    shipped: int = 0
    short: int = 0
    delivered: int = 0


class FulfillmentOrderState(BaseModel):
    """A fulfillment order as clients read it; at `deadline` the order stops waiting for `waiting_for` and acts."""

    fulfillment_order: str
    node: str
    attempt: int
    status: FulfillmentOrderStatus
    request: RequestStatus
    dispatch: str
    """The kind, as nodes.toml names it."""
    lines: list[FulfillmentOrderLineState]
    released_at: AwareDatetime
    waiting_for: WaitingFor | None = None
    deadline: AwareDatetime | None = None
    cancel_asked_at: AwareDatetime | None = None


class PromiseState(BaseModel):
    """A promise: when an order ships and when it arrives."""

    ship_by: AwareDatetime
    deliver_by: AwareDatetime | None = None
    """None = nobody knows how long it is on the way."""


class ExceptionState(BaseModel):
    """An open exception of the order."""

    exception: str
    code: str
    since: AwareDatetime


class ReturnReference(BaseModel):
    """A return of the order, and its status."""

    return_: str = Field(alias="return")
    status: str

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class OrderState(BaseModel):
    """An order at one version, without free text: the workflow's copy, and the body of `GET /orders/{order}`."""

    order: str
    channel: str
    version: int
    status: OrderStatus
    rounds: int
    """How many sourcing rounds were done; the next one is `rounds + 1`."""
    to_source: int
    """Units that wait for a sourcing round, and not for stock, a person, or a hold that forbids reservations."""
    gives_up_at: AwareDatetime | None = None
    """When unreleased units are cancelled next: those whose wait for stock ends first, or all of them at the order's
    `not_after`; None = never."""
    looks_again_at: AwareDatetime | None = None
    """When a node that has stock for the waiting units may take them: its next day, or when its cool-down ends; None = not
    known."""
    holds: list[str] = []
    lines: list[LineState]
    fulfillment_orders: list[FulfillmentOrderState] = []
    promise: PromiseState | None = None
    """The present promise; None = there is none."""
    first_promise: PromiseState | None = None
    """The first promise, where a new one has replaced it."""
    exceptions: list[ExceptionState] = []
    returns: list[ReturnReference] = []
    release_at: AwareDatetime
    """No unit is released before this instant: the end of the grace period, or the order's `not_before`."""
    closes_at: AwareDatetime | None = None
    """When the order may close; None while work remains."""
    closed: bool = False
    totals: dict[str, int] | None = None
    """The units of all lines by bucket, if there were too many lines to include; None = the lines are included."""

    @property
    def promise_when_placed(self) -> PromiseState | None:
        """The first promise; None = there was none."""
        return self.first_promise or self.promise

    def deadlines(self) -> list[tuple[AwareDatetime, str]]:
        """When the order goes on without a signal, and what it waits for until then. Its fulfillment orders have their own."""
        releases_at = self.release_at if self.total("reserved") and not self.holds else None
        found = (
            (releases_at, "until it may be released"),
            (self.gives_up_at, "until unreleased units are cancelled"),
            (self.looks_again_at, "until a node may accept units again"),
            (self.closes_at, "the return window"),
        )
        return [(moment, why) for moment, why in found if moment is not None]

    def total(self, bucket: str) -> int:
        """The units of all lines in one bucket."""
        if self.totals is not None:
            return self.totals.get(bucket, 0)
        return sum(getattr(line, bucket) for line in self.lines)

    def news(self) -> dict[str, Any]:
        """The state as short JSON: what a workflow gets after a change."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def with_lines_of(self, older: Self) -> Self:
        """The state with the lines that the update left out, taken from an older state."""
        known = {fo.fulfillment_order: fo.lines for fo in older.fulfillment_orders}
        fulfillment_orders = [
            fo.model_copy(update={"lines": known.get(fo.fulfillment_order, [])}) for fo in self.fulfillment_orders
        ]
        return self.model_copy(update={"lines": older.lines, "fulfillment_orders": fulfillment_orders})

    def fulfillment_order(self, fulfillment_order: str) -> FulfillmentOrderState:
        """One fulfillment order by its id. Raises `KeyError` for an unknown one."""
        for known in self.fulfillment_orders:
            if known.fulfillment_order == fulfillment_order:
                return known
        raise KeyError(fulfillment_order)
