"""Reads policy.toml: node sets, strategies with tiers and costs, exclusions, holds, and the rules for orders and returns."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from domain.delivery import DeliveryCalendar
from domain.money import MINOR_DIGITS
from domain.network import (
    Cost,
    EvaluationError,
    ExceptionRules,
    Exclusion,
    Far,
    FarRules,
    HoldRule,
    HoldStock,
    OrderRules,
    Per,
    Policy,
    Rank,
    ReturnRules,
    ShipComplete,
    Strategy,
    Tier,
    TransitBand,
    Uncollected,
    Unfilled,
)
from domain.reasons import ExceptionCode
from domain.sourcing.rules import lasting_facts
from network.delivery_toml import read_delivery_days
from network.expressions import Answer, CelExpression, compile_rule
from network.mistakes import Mistakes
from network.nodes_toml import INSTANT, NodesRead
from network.reach import Reach, Transit, always, check_order
from network.returns_toml import read_returns
from network.rule_names import Sight
from network.toml_tables import Table, did_you_mean, read_toml
from network.vocabulary import WORD, Vocabulary

RANK_DEFAULT = (Rank.COST, Rank.SHIPMENTS, Rank.DISTANCE)

TRANSIT_DEFAULT = {
    "standard": (TransitBand(250, 1), TransitBand(1000, 3), TransitBand(2500, 4), TransitBand(20_000, 6)),
    "two_day": (TransitBand(20_000, 2),),
    "next_day": (TransitBand(20_000, 1),),
}
"""The transit bands when there is no [transit] table."""

DAYS_MAX = 365
CHANNEL_NAME_MAX = 60


_STAND_IN = compile_rule("true", Sight.WHEN, Answer.CONDITION)
"""Replaces a rule that could not be read."""


class PolicyRead(NamedTuple):
    """The policy, and what the search for warnings needs of the file."""

    version: str
    policy: Policy
    top: Table | None
    """The whole file, with all its rules; None when it is not TOML."""
    sets: Mapping[str, frozenset[str] | None]
    """Node ids by set; None for a set that could not be read."""


def read_policy(text: str, nodes: NodesRead, mistakes: Mistakes, *, has_carriers: bool = True) -> PolicyRead:
    """The version and the policy. Mistakes are reported, and the rest is read. `has_carriers` = there is a carriers.toml."""
    top = read_toml(text, mistakes)
    if top is None:
        return PolicyRead("", Policy(()), None, {})
    version = top.text("version") if top.need("version") else ""
    transit, services = _read_transit(top)
    currency = _currency(top)
    reader = _PolicyReader(
        nodes, Vocabulary(nodes, services), top, transit if services is not None else None, has_carriers
    )
    policy = Policy(
        currency=currency,
        strategies=reader.strategies(),
        exclusions=tuple(reader.exclusion(table) for table in top.tables("exclude")),
        orders=_order_rules(top.table("orders")),
        returns=reader.returns(top.table("returns"), currency),
        exceptions=_exception_rules(top.table("exceptions")),
        transit=transit,
        delivery=_read_delivery(top.table("delivery"), services),
        far={far: _far_rules(top.table(far), far, services) for far in Far if top.has(far)},
        holds=reader.holds(),
        channel_names=_channel_names(top.table("channel_names")),
    )
    top.finish()
    return PolicyRead(version, policy, top, reader.sets)


def _currency(top: Table) -> str | None:
    if not top.has("currency"):
        return None
    code = top.text("currency")
    if code in MINOR_DIGITS:
        return code
    if "currency" not in top.failed:
        top.wrong("currency", f"currency must be a code of ISO 4217 such as USD, not {code!r}")
    return None


class _PolicyReader:
    """Reads the parts that depend on the nodes: sets, rules and tiers."""

    def __init__(
        self, read: NodesRead, vocabulary: Vocabulary, top: Table, transit: Transit | None, has_carriers: bool
    ) -> None:
        self._read = read
        self._has_carriers = has_carriers
        self._vocabulary = vocabulary
        self._top = top
        self._transit = transit
        self.sets = self._read_sets()

    def strategies(self) -> tuple[Strategy, ...]:
        """All strategies, with their order checked: each must be reachable, and the last must match everything."""
        tables = self._top.tables("strategy")
        if not tables:
            self._top.wrong("strategy", "there is no [[strategy]]; at least one is needed, with when = 'true'")
        strategies = [self._strategy(table) for table in tables]
        check_order(tables, strategies, self._transit)
        return tuple(strategies)

    def exclusion(self, table: Table) -> Exclusion:
        """An [[exclude]]."""
        table.need("when")
        when = self._condition(table, "when", Sight.EXCLUDE)
        answer = always(when, self._transit)
        if answer is True:
            table.wrong("when", "this excludes every item from every node: its when is always true")
        if answer is False:
            table.wrong("when", "this excludes nothing: its when is never true")
        reason = table.text("reason") if table.need("reason") else ""
        table.finish()
        return Exclusion(when or _STAND_IN, reason)

    def holds(self) -> tuple[HoldRule, ...]:
        """Every [[hold]]; their ids are unique."""
        tables = self._top.tables("hold")
        rules = tuple(map(self._hold, tables))
        for position, (table, rule) in enumerate(zip(tables, rules, strict=True)):
            if rule.id and rule.id in {other.id for other in rules[:position]}:
                table.wrong("id", f"hold id {rule.id!r} is there twice")
        return rules

    def _hold(self, table: Table) -> HoldRule:
        when = self._condition(table, "when", Sight.HOLD)
        if always(when, self._transit) is False:
            table.wrong(
                "when", "this hold is never placed: its when is never true; without when, only requests place it"
            )
        is_placed = table.has("when")
        if table.has("reason") and not is_placed:
            table.wrong("reason", "reason is used only with when: a request that places this hold gives its own reason")
        rule = HoldRule(
            id=_hold_id(table),
            owner=table.text("owner") if table.need("owner") else "",
            stock=table.word("stock", HoldStock, HoldStock.RESERVE),
            when=when,
            reason=table.text("reason") if is_placed and table.need("reason") else "",
        )
        table.finish()
        return rule

    def returns(self, table: Table, currency: str | None) -> ReturnRules:
        """The table [returns], whose amounts are in this currency."""
        return read_returns(table, self._vocabulary, self._read, self.sets, self._transit, currency)

    def _condition(self, table: Table, key: str, sight: Sight) -> CelExpression | None:
        """A rule that is true or false. One whose evaluation always fails is reported."""
        rule = table.rule(key, sight, Answer.CONDITION, self._vocabulary.complaint)
        answer = rule.evaluate({}) if rule and not rule.names else None
        if isinstance(answer, EvaluationError):
            table.wrong(key, f"{key} always fails: {answer.reason}")
        return rule

    def _read_sets(self) -> dict[str, frozenset[str] | None]:
        """Node ids by set; None for a set that could not be read."""
        table = self._top.table("sets")
        complaint = self._vocabulary.complaint
        rules = {name: table.rule(name, Sight.SET, Answer.CONDITION, complaint) for name in table.names()}
        return {name: self._members(table, name, rule) if rule else None for name, rule in rules.items()}

    def _members(self, table: Table, name: str, rule: CelExpression) -> frozenset[str] | None:
        members = set()
        for node in self._read.nodes.values():
            answer = rule.evaluate(lasting_facts(node))
            if isinstance(answer, EvaluationError):
                table.wrong(name, f"{name} fails for node {node.id!r}: {answer.reason}")
                return None
            if answer:
                members.add(node.id)
        return frozenset(members)

    def _strategy(self, table: Table) -> Strategy:
        table.need("when")
        tier_tables = table.tables("tier")
        if not tier_tables:
            table.wrong("tier", "there is no [[strategy.tier]]; at least one is needed")
        strategy = Strategy(
            id=table.text("id") if table.need("id") else "",
            when=self._condition(table, "when", Sight.WHEN) or _STAND_IN,
            tiers=tuple(self._tier(tier) for tier in tier_tables),
            rank=tuple(map(Rank, table.words("rank", list(Rank)))) or RANK_DEFAULT,
            ship_complete=table.word("ship_complete", ShipComplete, ShipComplete.NO),
            unfilled=table.word("unfilled", Unfilled, Unfilled.BACKORDER),
            cancel_after=_span_or_none(table, "cancel_after"),
            sell_incoming=table.boolean("sell_incoming", default=False),
            incoming_lag=_span_or_none(table, "incoming_lag") or timedelta(),
            sell_returns=table.boolean("sell_returns", default=False),
            ship_to_store=table.boolean("ship_to_store", default=False),
            beyond_sell_ahead=table.word(
                "beyond_sell_ahead", Unfilled, Unfilled.EXCEPTION, [Unfilled.EXCEPTION, Unfilled.CANCEL]
            ),
            require=self._condition(table, "require", Sight.RULE),
            costs=tuple(self._cost(cost) for cost in table.tables("cost")),
            look_ahead=table.boolean("look_ahead", default=False),
        )
        if strategy.cancel_after and strategy.unfilled is not Unfilled.BACKORDER and "unfilled" not in table.failed:
            said = f'cancel_after needs unfilled = "backorder": with "{strategy.unfilled}" nothing waits'
            table.wrong("cancel_after", said)
        if strategy.sell_incoming and strategy.unfilled is not Unfilled.BACKORDER and "unfilled" not in table.failed:
            said = f'sell_incoming needs unfilled = "backorder": with "{strategy.unfilled}" nothing waits for goods'
            table.wrong("sell_incoming", said)
        is_read = "unfilled" not in table.failed
        if table.has("beyond_sell_ahead") and strategy.unfilled is not Unfilled.BACKORDER and is_read:
            said = f'beyond_sell_ahead needs unfilled = "backorder": with "{strategy.unfilled}" no unit is sold ahead'
            table.wrong("beyond_sell_ahead", said)
        if table.has("incoming_lag") and not strategy.sell_incoming and "sell_incoming" not in table.failed:
            table.wrong(
                "incoming_lag", "incoming_lag needs sell_incoming = true: nothing is promised from announced goods"
            )
        if strategy.sell_returns and not strategy.sell_incoming and "sell_incoming" not in table.failed:
            table.wrong(
                "sell_returns", "sell_returns needs sell_incoming = true: nothing is promised from goods that come"
            )
        if strategy.ship_to_store and not strategy.sell_incoming and "sell_incoming" not in table.failed:
            table.wrong(
                "ship_to_store",
                "ship_to_store needs sell_incoming = true: what is brought is promised before it is there",
            )
        if strategy.look_ahead and Rank.COST not in strategy.rank and "rank" not in table.failed:
            table.wrong(
                "look_ahead", 'look_ahead needs "cost" in rank: a price is part of the cost by which plans are compared'
            )
        if self._read.certain:
            Reach(self._read.nodes, self._transit).check_strategy(table, strategy, tier_tables)
        table.finish()
        return strategy

    def _tier(self, table: Table) -> Tier:
        names = tuple(table.words("from", self.sets)) if table.need("from") else ()
        tier = Tier(
            sets=names,
            nodes=self._reached(table, names),
            max_shipments=table.whole("max_shipments", 1, least=1),
            split_line=table.boolean("split_line", default=False),
            require=self._condition(table, "require", Sight.RULE),
        )
        table.finish()
        return tier

    def _reached(self, table: Table, names: tuple[str, ...]) -> frozenset[str]:
        """The nodes of a tier. A tier without nodes is reported, unless another mistake may be the cause."""
        sets = [self.sets[name] for name in names]
        reached = frozenset().union(*(members for members in sets if members is not None))
        certain = self._read.certain and "from" not in table.failed and None not in sets
        if certain and not reached:
            table.wrong("from", f"this tier reaches no node: no node is in {' or '.join(names)}")
        return reached

    def _cost(self, table: Table) -> Cost:
        per = table.word("per", Per, Per.SHIPMENT) if table.need("per") else Per.SHIPMENT
        if per is not Per.CARRIER:
            table.need("amount")
        elif not self._has_carriers:
            table.wrong("per", 'per = "carrier" needs carriers.toml, where there is none')
        amount = table.rule("amount", Sight.RULE, Answer.AMOUNT, self._vocabulary.complaint)
        if amount and not amount.names:
            constant = amount.evaluate({})
            if isinstance(constant, EvaluationError) or constant < 0:
                table.wrong("amount", f"amount must be at least 0, not {amount.source}")
        when = self._condition(table, "when", Sight.RULE)
        if always(when, self._transit) is False:
            table.wrong("when", "this cost is never charged: its when is never true")
        table.finish()
        return Cost(per, None if per is Per.CARRIER and not table.has("amount") else amount or _STAND_IN, when)


def _hold_id(table: Table) -> str:
    name = table.text("id") if table.need("id") else ""
    if name and not re.fullmatch(WORD[0], name):
        table.wrong("id", f"the id of a hold must be {WORD[1]}, not {name!r}")
    return name


def _order_rules(table: Table) -> OrderRules:
    default = OrderRules()
    rules = OrderRules(
        max_attempts=table.whole("max_attempts", default.max_attempts, least=1),
        reject_cooldown=table.duration("reject_cooldown", default.reject_cooldown),
        grace=table.duration("grace", default.grace),
        assume_delivered=table.duration("assume_delivered", default.assume_delivered),
        collect_within=_span_or_none(table, "collect_within"),
        uncollected=table.word("uncollected", Uncollected, default.uncollected),
        at_risk_before=_span_or_none(table, "at_risk_before"),
    )
    if table.has("uncollected") and not table.has("collect_within"):
        table.wrong(
            "uncollected", "uncollected needs collect_within: without it, units wait for the customer without a limit"
        )
    table.finish()
    return rules


def _span_or_none(table: Table, key: str) -> timedelta | None:
    return table.duration(key, INSTANT, INSTANT) if table.has(key) else None


def _exception_rules(table: Table) -> ExceptionRules:
    rules = ExceptionRules(_owners(table.table("owner")), _span_or_none(table, "escalate_after"))
    table.finish()
    return rules


def _channel_names(table: Table) -> Mapping[str, str]:
    """What customers call a channel, by channel."""
    names = {channel: table.text(channel).strip() for channel in table.names()}
    for channel, name in names.items():
        if channel not in table.failed and not (0 < len(name) <= CHANNEL_NAME_MAX and name.isprintable()):
            table.wrong(channel, f"the name of {channel} must be 1 to {CHANNEL_NAME_MAX} printed characters")
    return names


def _owners(table: Table) -> Mapping[ExceptionCode, str]:
    """Who handles exceptions, by code."""
    owners: dict[ExceptionCode, str] = {}
    codes = list(ExceptionCode)
    for name in table.names():
        owner = table.text(name)
        if name not in codes:
            table.wrong(name, f"{name} is not a code of an exception{did_you_mean(name, codes)}")
        elif name not in table.failed and not re.fullmatch(WORD[0], owner):
            table.wrong(name, f"the owner of {name} must be {WORD[1]}, not {owner!r}")
        else:
            owners[ExceptionCode(name)] = owner
    return owners


def _read_transit(top: Table) -> tuple[Mapping[str, tuple[TransitBand, ...]], Iterable[str] | None]:
    """The bands of each service, and the names of the services; None as names when some could not be read."""
    if not top.has("transit"):
        return TRANSIT_DEFAULT, TRANSIT_DEFAULT
    table = top.table("transit")
    bands = dict(_transit(table))
    if not bands and "transit" not in top.failed:
        top.wrong("transit", "[transit] names no service; one such as standard = [[20000, 3]] is needed")
    return bands, None if table.failed or not bands else bands


RATE = "rate"
"""The key of [military] and [remote] that names no service."""


def _far_rules(table: Table, far: Far, services: Iterable[str] | None) -> FarRules:
    """The days of each service to places without a distance, and what a shipment to them costs."""
    days: dict[str, int] = {}
    for service in table.names():
        if service == RATE:
            continue
        if services is not None and service not in services:
            table.wrong(service, f"[{far}] {service} is no service{did_you_mean(service, [*services, RATE])}")
        elif (found := table.whole(service, 0, least=0)) > DAYS_MAX:
            table.wrong(service, f"{service} must be at most {DAYS_MAX} days, not {found}")
        else:
            days[service] = found
    return FarRules(days, table.whole(RATE, 0, least=0) if table.has(RATE) else None)


def _transit(table: Table) -> Iterator[tuple[str, tuple[TransitBand, ...]]]:
    """The bands of each service, which must ascend in distance."""
    for service in table.names():
        if service == RATE:
            table.wrong(service, f"a service cannot be called {RATE}: [military] and [remote] name their price so")
        elif not re.fullmatch(WORD[0], service):
            table.wrong(service, f"the name of a service must be {WORD[1]}, not {service!r}")
        bands = [_band(table, service, position, pair) for position, pair in enumerate(table.values(service))]
        for position, (nearer, farther) in enumerate(pairwise(bands), start=1):
            if nearer and farther and farther.distance_km_max <= nearer.distance_km_max:
                table.wrong(
                    service, f"{service}: distances must ascend; this one is not above the one before", position
                )
        yield service, tuple(filter(None, bands))


def _read_delivery(table: Table, services: Iterable[str] | None) -> dict[str, DeliveryCalendar]:
    """The delivery days of each service that has a table [delivery.SERVICE]; `services` are those of [transit], if known."""
    known = None if services is None else list(services)
    calendars: dict[str, DeliveryCalendar] = {}
    for service in table.names():
        if known is not None and service not in known:
            table.wrong(service, f"[transit] has no service {service!r}{did_you_mean(service, known)}")
        below = table.table(service)
        calendars[service] = read_delivery_days(below, "working_days")
        below.finish()
    return calendars


def _band(table: Table, service: str, position: int, pair: object) -> TransitBand | None:
    match pair:
        case [int() | float() as distance_km, int() as days] if 0 < distance_km < math.inf and 0 <= days <= DAYS_MAX:
            return TransitBand(float(distance_km), days)
    table.wrong(service, f"{service} must be a list of [km, days] such as [250, 1], not {pair}", position)
    return None
