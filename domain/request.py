"""The bodies of requests on an order, its exceptions and its returns, and the units in their answers."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from domain.fulfillment import Quantity
from domain.order import LINES_MAX, Address, NewLine, PromiseState
from domain.text import FreeText, Identifier, Label, MadeId, NodeId, Sku, Strict, Units, Word


class CancelledUnits(BaseModel):
    """Some units of a line, and why they were cancelled, are pending or were refused."""

    line: str
    quantity: int
    reason: str


class CancelAnswer(BaseModel):
    """The result of a cancel request, per unit."""

    cancelled: list[CancelledUnits] = []
    pending: list[CancelledUnits] = []
    refused: list[CancelledUnits] = []


class CancelCode(StrEnum):
    """Why units are cancelled, where a marketplace wants to know it in words that it has."""

    NO_INVENTORY = "no_inventory"
    CUSTOMER_REQUEST = "customer_request"
    UNDELIVERABLE_ADDRESS = "undeliverable_address"
    CUSTOMER_EXCHANGE = "customer_exchange"
    PRICING_ERROR = "pricing_error"


class CancelRequest(Strict):
    """The body of `POST /orders/{order}/cancel`; without lines, all units that are not cancelled; shipped units are refused."""

    lines: tuple[Quantity, ...] | None = Field(default=None, min_length=1, max_length=2000)
    code: CancelCode | None = None
    reason: FreeText | None = None
    actor: Label | None = None


class QuantityRequest(Strict):
    """The body of `POST /orders/{order}/quantities`: the new quantity of each of these lines."""

    lines: tuple[Quantity, ...] = Field(min_length=1, max_length=2000)
    reason: FreeText | None = None
    actor: Label | None = None

    @model_validator(mode="after")
    def _lines_are_unique(self) -> Self:
        if len({line.line for line in self.lines}) < len(self.lines):
            raise ValueError("lines: a line is named twice")
        return self


class Swap(Strict):
    """Units of a line that the customer gets as another item, at the price of what they replace."""

    line: Identifier
    sku: Sku
    quantity: Units


class LinesRequest(Strict):
    """The body of `POST /orders/{order}/lines`: lines to add, and units to swap for another item."""

    lines: tuple[NewLine, ...] = Field(default=(), max_length=LINES_MAX)
    swap: tuple[Swap, ...] = Field(default=(), max_length=LINES_MAX)
    reason: FreeText | None = None
    actor: Label | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.lines and not self.swap:
            raise ValueError("lines: name a line to add, or units to swap")
        if len({line.line for line in self.lines}) < len(self.lines):
            raise ValueError("lines: a line id is used twice")
        return self

    @model_validator(mode="after")
    def _prices_make_sense(self) -> Self:
        for index, line in enumerate(self.lines):
            if line.goods < 0:
                raise ValueError(f"lines.{index}.discount: is more than the line costs")
        return self


class ChangedLine(BaseModel):
    """A line after a change of its quantity: `ordered` and `cancelled` only grow, the other buckets hold the difference."""

    line: str
    ordered: int
    cancelled: int
    open: int
    backordered: int
    reserved: int


class Preview(BaseModel):
    """What a change of an order would do; nothing was stored."""

    amount_change: int
    """By how much the customer would pay more (below 0: less), in minor units."""
    currency: str
    promise: PromiseState | None
    """When all of it would leave and arrive then; null while units have no node."""
    refused: str | None
    """Why it would be refused; null = it would be granted, wholly or in part."""


class HoldRequest(Strict):
    """The body of `/hold` and `/release`."""

    hold: Word
    reason: FreeText | None = None
    actor: Label | None = None


class Seen(Strict):
    """Who resolved an exception, and how: the body of `POST /exceptions/{exception}/resolve`."""

    reason: FreeText | None = None
    actor: Label | None = None


class ResolveRequest(Seen):
    """The body of `POST /orders/{order}/resolve`: a person has resolved an exception."""

    exception: MadeId


class AddressRequest(Strict):
    """The body of `POST /orders/{order}/address`: the whole new address of the unreleased units."""

    ship_to: Address
    reason: FreeText | None = None
    actor: Label | None = None


class ServiceRequest(Strict):
    """The body of `POST /orders/{order}/service`: how fast the unreleased units travel."""

    service: Word
    reason: FreeText | None = None
    actor: Label | None = None


class ForgetRequest(Strict):
    """The body of `/forget`: erase what is personal of an order; with `even_if_open`, also before all of it has shipped."""

    even_if_open: Annotated[bool, Field(strict=True)] = False
    reason: FreeText | None = None
    actor: Label | None = None


class RerouteRequest(Strict):
    """The body of `/reroute`: another node must ship the units of this fulfillment order; with `to_node`, only that node."""

    fulfillment_order: MadeId
    to_node: NodeId | None = None
    reason: FreeText | None = None
    actor: Label | None = None


class PickupRequest(Strict):
    """The body of `/pickup`: where the customer collects the unreleased units; null = they ship to the address."""

    pickup_node: NodeId | None
    reason: FreeText | None = None
    actor: Label | None = None


class AssignRequest(Strict):
    """The body of `POST /exceptions/{exception}/assign`: the new owner."""

    owner: Word
    reason: FreeText | None = None
    actor: Label | None = None


class ReturnedUnits(Strict):
    """Some units of a line that the customer asks to return, and why."""

    line: Identifier
    quantity: Units
    exchange_for: Sku | None = None
    """The SKU that the customer gets instead, in an exchange; None = the same SKU."""
    reason: FreeText | None = None


class Resolution(StrEnum):
    """What the customer gets for a return."""

    REFUND = "refund"
    EXCHANGE = "exchange"
    STORE_CREDIT = "store_credit"


class ReturnFacts(Strict):
    """What a return request says that may travel through Temporal."""

    lines: tuple[ReturnedUnits, ...] = Field(min_length=1, max_length=2000)
    resolution: Resolution = Resolution.REFUND
    node: NodeId | None = None
    """The node that the goods go to; None = the policy chooses."""
    pickup_node: NodeId | None = None
    """Where the customer collects what they get in exchange; None = as they got the order."""
    reason: FreeText | None = None
    actor: Label | None = None

    def without_effect(self) -> str | None:
        """A field that changes nothing, because it is about an exchange and the customer gets none; None = no such field."""
        if self.resolution is Resolution.EXCHANGE:
            return None
        named = [f"lines.{index}.exchange_for" for index, line in enumerate(self.lines) if line.exchange_for]
        return next(iter(named + [name for name in ("pickup_node", "ship_to") if getattr(self, name, None)]), None)


class ReturnRequest(ReturnFacts):
    """The body of `POST /orders/{order}/returns`. With `pickup_node` or `ship_to`, an exchange goes there, and not the way that
    the order went."""

    ship_to: Address | None = None
    """Where what they get in exchange is sent; None = the order's address."""
