"""The sourcing policy: strategies with their tiers and costs, holds, returns, transit and deadlines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.delivery import DeliveryCalendar
from domain.network.place import Far
from domain.network.rule import Expression, Fact
from domain.reasons import ExceptionCode
from domain.returns import Condition, Disposition, RefundOn

OWNER_DEFAULT = "operations"
"""The owner of exceptions for which the policy names none."""


NEAREST = "nearest"
"""Returns go to the accepting node that is nearest to the customer."""


DISPOSITIONS = {
    Condition.AS_NEW: Disposition.RESTOCK,
    Condition.USED: Disposition.REFURBISH,
    Condition.DAMAGED: Disposition.QUARANTINE,
    Condition.WRONG_ITEM: Disposition.QUARANTINE,
}


class Unfilled(StrEnum):
    """What happens to units that no plan fills."""

    BACKORDER = "backorder"
    EXCEPTION = "exception"
    CANCEL = "cancel"


class Uncollected(StrEnum):
    """What happens to goods that the customer does not collect within `collect_within`."""

    CANCEL = "cancel"
    SHIP = "ship"


class ShipComplete(StrEnum):
    """What may ship when not everything can: all or nothing, whole lines, or as many units as possible."""

    ORDER = "order"
    LINE = "line"
    NO = "no"


class HoldStock(StrEnum):
    """What a hold does to its order's stock: it stays reserved, or no stock is reserved until the hold is released."""

    RESERVE = "reserve"
    WAIT = "wait"


class Rank(StrEnum):
    """What a strategy minimizes; several are compared in turn."""

    COST = "cost"
    SHIPMENTS = "shipments"
    DISTANCE = "distance"
    DAYS = "days"
    PRIORITY = "priority"


class Per(StrEnum):
    """What one amount of a cost is charged for."""

    SHIPMENT = "shipment"
    UNIT = "unit"
    KG = "kg"
    CARRIER = "carrier"
    """What the cheapest carrier of the order's service asks for the shipment."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One try of a strategy: which nodes may take part, in how many shipments."""

    sets: tuple[str, ...]
    nodes: frozenset[str]
    """The ids that the sets select."""
    max_shipments: int = 1
    split_line: bool = False
    """Whether one line's units may come from several nodes."""
    require: Expression | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in minor units of the policy's currency, charged per shipment, unit or kilogram where `when` is true.

    Per carrier, `amount` is charged per shipment where no carrier takes it; None = then the node cannot take part.
    """

    per: Per
    amount: Expression | None
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """How orders of one sort are sourced: tiers are tried in turn, plans compared by rank."""

    id: str
    when: Expression
    tiers: tuple[Tier, ...]
    rank: tuple[Rank, ...] = (Rank.COST, Rank.SHIPMENTS, Rank.DISTANCE)
    ship_complete: ShipComplete = ShipComplete.NO
    unfilled: Unfilled = Unfilled.BACKORDER
    cancel_after: timedelta | None = None
    sell_incoming: bool = False
    """Whether units that wait are promised from goods that are announced."""
    incoming_lag: timedelta = timedelta()
    """How much later than announced such goods are counted on, at the least."""
    sell_returns: bool = False
    """Whether they are promised from goods that come back from customers as well."""
    ship_to_store: bool = False
    """Whether units that the node where they are collected does not have are brought there from other nodes."""
    beyond_sell_ahead: Unfilled = Unfilled.EXCEPTION
    """What becomes of units beyond their item's `sell_ahead_max`: they are cancelled, or a person decides."""
    require: Expression | None = None
    costs: tuple[Cost, ...] = ()
    look_ahead: bool = False
    """Whether a unit costs its look-ahead price, too, when plans are compared."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An item for which `when` is true never ships from that node, under any strategy."""

    when: Expression
    reason: str


@dataclass(frozen=True, slots=True)
class HoldRule:
    """The policy's rule for holds of one name. Where `when` is true for a new order, the policy places the hold."""

    id: str
    owner: str
    """Who releases it."""
    stock: HoldStock = HoldStock.RESERVE
    when: Expression | None = None
    """None = the policy never places it, only channels and operators do."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderRules:
    """Rules for every order: tries per unit, cool-down, the wait before routing, and when silence counts as delivered."""

    max_attempts: int = 3
    reject_cooldown: timedelta = timedelta()
    """How long a node is not asked again for a SKU that it rejected or found short; 0 = the next plan may ask it."""
    grace: timedelta = timedelta()
    assume_delivered: timedelta = timedelta(days=5)
    collect_within: timedelta | None = None
    """How long goods lie ready for the customer; None = without a limit."""
    uncollected: Uncollected = Uncollected.CANCEL
    at_risk_before: timedelta | None = None
    """How long before its day of shipment an exception is opened for work that has not left; None = never."""


class FeePer(StrEnum):
    """What the fee of a return is charged for."""

    UNIT = "unit"
    RETURN = "return"
    """Charged once per return; of several such fees the largest."""


@dataclass(frozen=True, slots=True)
class ReturnTerms:
    """On which terms an item may be returned."""

    window: timedelta = timedelta(days=30)
    """How long after delivery, in days of 24 hours."""
    final_sale: bool = False
    """Whether it may not be returned at all."""
    refund_on: RefundOn = RefundOn.GRADING
    """When the customer is paid back."""
    fee: int = 0
    """The fee that is deducted, in minor units of `currency`."""
    fee_per: FeePer = FeePer.UNIT
    receive_at: str = NEAREST
    """The node that it is returned to, or `NEAREST`."""
    currency: str | None = None
    """That of the policy; None = the order's own."""


@dataclass(frozen=True, slots=True)
class ReturnRule:
    """The terms of items for which `when` is true."""

    when: Expression
    terms: ReturnTerms


@dataclass(frozen=True, slots=True)
class ReturnRules:
    """What may be returned, where to, who approves, and where it goes after grading."""

    terms: ReturnTerms = ReturnTerms()
    """The terms of items for which no rule is true."""
    rules: tuple[ReturnRule, ...] = ()
    """The first rule whose `when` is true decides."""
    reasons: tuple[str, ...] | None = None
    """The words that a customer may give as a reason; None = any text, or none."""
    accepting: frozenset[str] | None = None
    """The nodes that accept returns; None = every node."""
    approve_below: int | None = None
    """Returns of goods worth less than this, in minor units of the policy's currency, are authorized at once, others by a
    person; None = all at once."""
    refund_shipping: bool = False
    """Whether the shipping price is paid back, too, with the last unit of an order that comes back as a whole."""
    dispositions: Mapping[Condition, Disposition] = field(default_factory=lambda: DISPOSITIONS)
    """Where a unit goes whose grade names no disposition."""

    def terms_of(self, facts: Mapping[str, Fact]) -> ReturnTerms:
        """The terms of an item of an order, seen as `order.*` and `item.*`; a rule that cannot be computed is not true."""
        return next((rule.terms for rule in self.rules if rule.when.evaluate(facts) is True), self.terms)

    def accepts(self, node: str) -> bool:
        """Whether a node accepts returns."""
        return self.accepting is None or node in self.accepting


@dataclass(frozen=True, slots=True)
class ExceptionRules:
    """Who owns exceptions, and how long an exception may stay open before it is escalated."""

    owners: Mapping[ExceptionCode, str] = field(default_factory=dict)
    """By code; exceptions of all other codes belong to `OWNER_DEFAULT`."""
    escalate_after: timedelta | None = None
    """None = never."""

    def owner(self, code: ExceptionCode) -> str:
        """The owner of exceptions of a code, unless an exception was assigned to others."""
        return self.owners.get(code, OWNER_DEFAULT)


class TransitBand(NamedTuple):
    """How many days a parcel needs, up to this distance: days on which the carriers of the service deliver."""

    distance_km_max: float
    days: int


@dataclass(frozen=True, slots=True)
class FarRules:
    """What applies to places to which no distance can be measured."""

    days: Mapping[str, int] = field(default_factory=dict)
    """Calendar days on the way, by service; absent = nobody knows."""
    rate: int | None = None
    """What a shipment costs, in minor units, where the policy's costs depend on the distance; None = nobody knows."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The sourcing rules: the first strategy whose `when` is true decides."""

    strategies: tuple[Strategy, ...]
    exclusions: tuple[Exclusion, ...] = ()
    orders: OrderRules = OrderRules()
    returns: ReturnRules = ReturnRules()
    exceptions: ExceptionRules = ExceptionRules()
    transit: Mapping[str, tuple[TransitBand, ...]] = field(default_factory=dict)
    delivery: Mapping[str, DeliveryCalendar] = field(default_factory=dict)
    """By service; one that is absent delivers on every day."""
    """By service, ascending in distance."""
    far: Mapping[Far, FarRules] = field(default_factory=dict)
    """Remote places that it does not name are measured in a straight line over the sea; military mail never is."""
    holds: tuple[HoldRule, ...] = ()
    currency: str | None = None
    """The currency of all its amounts; None = every order's own, so that amounts are compared as mere numbers."""
    channel_names: Mapping[str, str] = field(default_factory=dict)
    """What customers call a channel, by channel: printed on their paper."""

    def name_of(self, channel: str) -> str:
        """What customers call a channel."""
        return self.channel_names.get(channel, channel)

    @property
    def reads_open_orders(self) -> bool:
        """Whether any rule depends on how many fulfillment orders are open; if none does, they need not be counted."""
        return any("node.open_orders" in rule.names for rule in self.rules_of_plans)

    @property
    def looks_ahead(self) -> bool:
        """Whether any strategy uses look-ahead prices."""
        return any(strategy.look_ahead for strategy in self.strategies)

    @property
    def rules_of_plans(self) -> list[Expression]:
        """The rules that say which node may ship, and for how much."""
        rules = [exclusion.when for exclusion in self.exclusions]
        for strategy in self.strategies:
            rules += [rule for cost in strategy.costs for rule in (cost.amount, cost.when) if rule]
            rules += [rule for rule in (strategy.require, *(tier.require for tier in strategy.tiers)) if rule]
        return rules
