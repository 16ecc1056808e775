"""Holds the business's own network in memory: its nodes, items and sourcing policy, and when a node is open.

`network/load.py` has already checked and resolved everything here: durations are `timedelta`, places have coordinates, node
sets are node ids, and rules are compiled behind the `Expression` interface. So the domain knows no rule engine, no calendar
library and no file format.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from domain.delivery import DeliveryCalendar
from domain.rates import NO_RATES, Rates
from domain.reasons import ExceptionCode
from domain.returns import Condition, Disposition, RefundOn

OWNER_DEFAULT = "operations"
"""The owner of exceptions for which the policy names none."""

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth, (2a + b) / 3 of the WGS 84 ellipsoid."""


class NodeKind(StrEnum):
    """What a node is; policies select by it."""

    DC = "dc"
    STORE = "store"
    THIRD_PARTY = "3pl"
    VENDOR = "vendor"


class OnSilence(StrEnum):
    """What happens when a node does not accept within `accept_within`."""

    REROUTE = "reroute"
    ASK_CANCEL = "ask_cancel"
    ESCALATE = "escalate"


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


class Precision(StrEnum):
    """How exactly a place is known, the most exact first."""

    POINT = "point"
    """By its coordinates, which were given."""
    POSTAL_CODE = "postal_code"
    CITY = "city"
    REGION = "region"
    """By its region, or by the beginning of its postal code."""
    COUNTRY = "country"


class Far(StrEnum):
    """Why no distance to a place can be measured; as the policy names the table for such places."""

    MILITARY = "military"
    """Military mail: it is handed to an army at home, and nobody says where the army is."""
    REMOTE = "remote"
    """An island or a territory without a road to the rest of its state."""


class Locality(NamedTuple):
    """What an address says about where it is; "" and None = nothing."""

    country: str
    postal_code: str = ""
    city: str = ""
    region: str = ""
    point: tuple[float, float] | None = None
    """Latitude and longitude in degrees."""


class Place(NamedTuple):
    """A point on the map, in degrees, how exactly it is known, and whether a distance to it can be measured."""

    latitude: float
    longitude: float
    precision: Precision
    far: Far | None = None
    """None = any distance can be measured."""


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """The answer of an expression that could not be computed for these facts, with the reason in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line of an order as rules see it."""

    item: "Item"
    quantity: int
    has_gift_message: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


Fact = bool | str | int | float | list[str] | Mapping[str, str] | Iterable[RuleLine] | EvaluationError
"""A value that a rule can read, under a qualified name such as `node.distance_km`. An `EvaluationError` stands for a value that
is not known, with the reason: a rule whose answer depends on it cannot be computed."""


class Expression(Protocol):
    """A compiled rule of the policy."""

    @property
    def source(self) -> str:
        """The rule as the business wrote it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The qualified names that the rule reads, in order of appearance."""

    def evaluate(self, facts: Mapping[str, Fact]) -> bool | int | float | EvaluationError:
        """The rule's value for these facts, which must hold every name in `names`. Never raises.

        The same facts always give the same value: answers are cached.
        """


@dataclass(frozen=True, slots=True)
class Dispatch:
    """How a node gets its work, as far as decisions depend on it; `nodes/` has the kinds.

    Raises ValueError for a kind that is called and need not be asked before a cancel: a node that was called may have begun.
    """

    kind: str
    is_called: bool
    """Whether we call the node with its work; otherwise the node polls, and can read the work from its release on."""
    asks_before_cancel: bool
    """Whether the node must always be asked before its work is cancelled; otherwise only after it accepted the work."""

    def __post_init__(self) -> None:
        if self.is_called and not self.asks_before_cancel:
            raise ValueError(f"{self.kind}: a node that is called must be asked before its work is cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place that ships: its position, its calendar, how long it may take to answer, and how it gets its work."""

    id: str
    name: str
    kind: NodeKind
    country: str
    postal_code: str | None = None
    latitude: float
    longitude: float
    time_zone: ZoneInfo
    cutoff: time = time(17)
    working_days: frozenset[int] = frozenset(range(5))
    """Days of the week, Monday = 0."""
    holidays: Container[date] = frozenset()
    closed_days: frozenset[date] = frozenset()
    """Single days on which it does not work."""
    open_days: frozenset[date] = frozenset()
    """Single days on which it works, although its week or its holidays say that it does not."""
    handling_days: int = 0
    capacity_per_day: int | None = None
    """Fulfillment orders planned for one local day; None = no limit."""
    priority: int = 10
    safety_stock: int = 0
    hours: tuple[time, time] | None = None
    """Local opening and closing time on working days, a closing time of 00:00 being the midnight that ends the day;
    None = always open."""
    accept_within: timedelta = timedelta(days=1)
    ship_within: timedelta = timedelta(days=2)
    on_silence: OnSilence = OnSilence.ESCALATE
    dispatch: Dispatch
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What its kind of dispatch needs to call it, such as a `secret`."""
    pickup: bool = False
    tags: tuple[str, ...] = ()
    """Words of the business, for rules."""
    region: str = ""
    """What the business calls the part of the world that it is in, for rules; "" = nothing."""

    def works_on(self, day: date) -> bool:
        """Whether this is a working day of the node: a day of its week and no holiday, or a day of its own."""
        return day in self.open_days or (day not in self.closed_days and self.usually_works_on(day))

    def usually_works_on(self, day: date) -> bool:
        """Whether it works on this day by its week and its holidays alone."""
        return day.weekday() in self.working_days and day not in self.holidays


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What can be ordered. A bundle has components, is not stocked itself, and each unit of it ships from one node."""

    sku: str
    name: str
    weight_g: int
    safety_stock: int = 0
    components: tuple[tuple[str, int], ...] = ()
    """(SKU, quantity in one bundle), none of them a bundle; empty for a plain item."""
    category: str = ""
    tags: tuple[str, ...] = ()
    barcode: str = ""
    """What is printed on one unit, such as a GTIN; "" = not known."""
    length_mm: int | None = None
    """Of one unit, packed; None = its three measures are not known."""
    width_mm: int | None = None
    height_mm: int | None = None
    hazmat: bool = False
    """Whether it, or a component of the bundle, is dangerous goods."""
    ships_alone: bool = False
    """Whether each unit is a parcel of its own."""


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
    """An amount in minor units of the policy's currency, charged per shipment, unit or kilogram where `when` is true."""

    per: Per
    amount: Expression
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
    require: Expression | None = None
    costs: tuple[Cost, ...] = ()


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


NEAREST = "nearest"
"""Returns go to the accepting node that is nearest to the customer."""


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


DISPOSITIONS = {
    Condition.AS_NEW: Disposition.RESTOCK,
    Condition.USED: Disposition.REFURBISH,
    Condition.DAMAGED: Disposition.QUARANTINE,
    Condition.WRONG_ITEM: Disposition.QUARANTINE,
}


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

    @property
    def reads_open_orders(self) -> bool:
        """Whether any rule depends on how many fulfillment orders are open; if none does, they need not be counted."""
        rules = [exclusion.when for exclusion in self.exclusions]
        for strategy in self.strategies:
            rules += [rule for cost in strategy.costs for rule in (cost.amount, cost.when) if rule]
            rules += [rule for rule in (strategy.require, *(tier.require for tier in strategy.tiers)) if rule]
        return any("node.open_orders" in rule.names for rule in rules)


@dataclass(frozen=True, slots=True)
class Buffers:
    """Units of stocked SKUs that are kept back although they are on hand; empty = none."""

    safety_stock: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (node, SKU): units that this node never sells; it overrides the safety stock of node and item; 0 = it sells all."""
    thresholds: Mapping[str, int] = field(default_factory=dict)
    """By SKU: units that all nodes together keep back from every channel."""
    quotas: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (SKU, channel): units that all nodes together keep back from every other channel. A level that the channel's
    own orders do not use up."""
    _kept_back: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """By SKU: its threshold and all its quotas; summed once, because every order needs it."""

    def __post_init__(self) -> None:
        kept_back = Counter(self.thresholds)
        for (sku, _), units in self.quotas.items():
            kept_back[sku] += units
        object.__setattr__(self, "_kept_back", dict(kept_back))

    def kept_back(self, sku: str, channel: str) -> int:
        """Units of a SKU that all nodes together keep back from a channel: the threshold and the others' quotas."""
        return self._kept_back.get(sku, 0) - self.quotas.get((sku, channel), 0)


@dataclass(frozen=True, slots=True)
class Network:
    """One immutable version of the business's network."""

    version: str
    nodes: Mapping[str, Node]
    items: Mapping[str, Item]
    policy: Policy
    buffers: Buffers = Buffers()
    retired_items: Mapping[str, Item] = field(default_factory=dict)
    """What earlier versions had and this one has not, each with its last definition: never ordered and never sourced, but its
    units still ship, are counted and come back. Also plain items that are bundles now, as their units may still lie somewhere;
    and for one order, what its lines cannot be sourced as any more."""
    retired_nodes: Mapping[str, Node] = field(default_factory=dict)
    """The same of nodes: never sourced from and never returned to, but what they report is a fact."""
    rates: Rates = NO_RATES
    learnt: dict[type, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Values computed from this version alone and cached for all of its orders, by type; the cache adds no facts."""

    def converted(self, amount: int, source: str | None, target: str | None, at: datetime) -> int | EvaluationError:
        """An amount in the minor units of another currency, by the rate at this moment. None = the same currency."""
        if amount == 0 or source is None or target is None:
            return amount
        found = self.rates.converted(amount, source, target, at)
        return EvaluationError(f"no rate from {source} to {target} on {at:%Y-%m-%d}") if found is None else found

    def item(self, sku: str) -> Item:
        """An item, also a retired one. Raises KeyError for a SKU that no version has had."""
        return self.items.get(sku) or self.retired_items[sku]

    def node(self, name: str) -> Node:
        """A node, also a retired one. Raises KeyError for a name that no version has had."""
        return self.nodes.get(name) or self.retired_nodes[name]

    def knows_item(self, sku: str) -> bool:
        """Whether this version or an earlier one has the item."""
        return sku in self.items or sku in self.retired_items

    def knows_node(self, name: str) -> bool:
        """Whether this version or an earlier one has the node."""
        return name in self.nodes or name in self.retired_nodes

    def components(self, sku: str) -> tuple[tuple[str, int], ...]:
        """The stocked SKUs and their quantities in one unit of an item; a plain item is its own only component.

        Raises KeyError for a SKU that no version has had.
        """
        return self.item(sku).components or ((sku, 1),)

    def safety_stock(self, node: str, sku: str) -> int:
        """Units of a stocked SKU that a node never sells: the buffer for this pair, if there is one, otherwise the larger
        safety stock of the node and of the item.

        Raises KeyError for a node or SKU that no version has had.
        """
        kept = self.buffers.safety_stock.get((node, sku))
        return max(self.node(node).safety_stock, self.item(sku).safety_stock) if kept is None else kept

    def kept_back(self, sku: str, channel: str) -> int:
        """Units of a stocked SKU that a channel may not take from what all nodes together have available: the SKU's
        threshold and every other channel's quota. 0 for most SKUs, and for a SKU that this version does not know.
        """
        return self.buffers.kept_back(sku, channel)


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance between two points given in degrees (haversine formula on a sphere)."""
    half_height = sin(radians(other_latitude - latitude) / 2) ** 2
    half_width = sin(radians(other_longitude - longitude) / 2) ** 2
    chord = half_height + cos(radians(latitude)) * cos(radians(other_latitude)) * half_width
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))
