"""Reads policy.toml: node sets, strategies with tiers and costs, exclusions, and what holds for orders and returns."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

from domain.network import (
    Cost,
    EvaluationError,
    Exclusion,
    Fact,
    Node,
    NodeKind,
    OrderRules,
    Per,
    Policy,
    Rank,
    ReturnRules,
    ShipComplete,
    Strategy,
    Tier,
    TransitBand,
    Unfilled,
)
from network.countries import CENTROIDS
from network.expressions import Answer, CelExpression, Sight, compile_rule
from network.mistakes import Mistakes
from network.nodes_toml import INSTANT, NodesRead
from network.tables import Table, did_you_mean, read_toml

RANK_DEFAULT = (Rank.COST, Rank.SHIPMENTS, Rank.DISTANCE)

TRANSIT_DEFAULT = {
    "standard": (TransitBand(250, 1), TransitBand(1000, 3), TransitBand(2500, 4), TransitBand(20_000, 6)),
    "two_day": (TransitBand(20_000, 2),),
    "next_day": (TransitBand(20_000, 1),),
}
"""What holds without a [transit] table."""

DAYS_MAX = 365

_STAND_IN = compile_rule("true", Sight.WHEN, Answer.CONDITION)
"""Takes the place of a rule that could not be read."""


def read_policy(text: str, read: NodesRead, mistakes: Mistakes) -> tuple[str, Policy]:
    """The version and the policy; whatever is wrong is reported, and what it leaves is read on."""
    top = read_toml(text, mistakes)
    if top is None:
        return "", Policy(())
    reader = _PolicyReader(read, top)
    version = top.text("version") if top.need("version") else ""
    policy = Policy(
        strategies=reader.strategies(),
        exclusions=tuple(reader.exclusion(table) for table in top.tables("exclude")),
        orders=_order_rules(top.table("orders")),
        returns=_return_rules(top.table("returns")),
        transit=dict(_transit(top.table("transit"))) if top.has("transit") else TRANSIT_DEFAULT,
    )
    top.finish()
    return version, policy


class _PolicyReader:
    """Reads what depends on the nodes: sets, rules and tiers."""

    def __init__(self, read: NodesRead, top: Table) -> None:
        self._read = read
        self._top = top
        self._sets = self._read_sets()

    def strategies(self) -> tuple[Strategy, ...]:
        """All strategies, after a look at their order: each must be reachable, the last must match everything."""
        tables = self._top.tables("strategy")
        if not tables:
            self._top.wrong("strategy", "there is no [[strategy]]; at least one is needed, with when = 'true'")
        strategies = [self._strategy(table) for table in tables]
        self._check_order(tables, strategies)
        return tuple(strategies)

    def exclusion(self, table: Table) -> Exclusion:
        """An [[exclude]]."""
        table.need("when")
        when = table.rule("when", Sight.EXCLUDE, Answer.CONDITION, self._complaint)
        reason = table.text("reason") if table.need("reason") else ""
        table.finish()
        return Exclusion(when or _STAND_IN, reason)

    def _read_sets(self) -> dict[str, frozenset[str] | None]:
        """Node ids by set; None for a set that could not be read."""
        table = self._top.table("sets")
        rules = {name: table.rule(name, Sight.SET, Answer.CONDITION, self._complaint) for name in table.names()}
        return {name: self._members(table, name, rule) if rule else None for name, rule in rules.items()}

    def _members(self, table: Table, name: str, rule: CelExpression) -> frozenset[str] | None:
        members = set()
        for node in self._read.nodes.values():
            answer = rule.evaluate(_set_facts(node))
            if isinstance(answer, EvaluationError):
                table.wrong(name, f"{name} cannot be told for node {node.id!r}: {answer.reason}")
                return None
            if answer:
                members.add(node.id)
        return frozenset(members)

    def _strategy(self, table: Table) -> Strategy:
        table.need("when")
        tiers = table.tables("tier")
        if not tiers:
            table.wrong("tier", "there is no [[strategy.tier]]; at least one is needed")
        strategy = Strategy(
            id=table.text("id") if table.need("id") else "",
            when=table.rule("when", Sight.WHEN, Answer.CONDITION, self._complaint) or _STAND_IN,
            tiers=tuple(self._tier(tier) for tier in tiers),
            rank=tuple(map(Rank, table.words("rank", list(Rank)))) or RANK_DEFAULT,
            ship_complete=table.word("ship_complete", ShipComplete, ShipComplete.NO),
            unfilled=table.word("unfilled", Unfilled, Unfilled.BACKORDER),
            cancel_after=table.duration("cancel_after", INSTANT, INSTANT) if table.has("cancel_after") else None,
            require=table.rule("require", Sight.RULE, Answer.CONDITION, self._complaint),
            costs=tuple(self._cost(cost) for cost in table.tables("cost")),
        )
        table.finish()
        return strategy

    def _tier(self, table: Table) -> Tier:
        names = tuple(table.words("from", self._sets)) if table.need("from") else ()
        tier = Tier(
            sets=names,
            nodes=self._reached(table, names),
            max_shipments=table.whole("max_shipments", 1, least=1),
            split_line=table.flag("split_line", default=False),
            require=table.rule("require", Sight.RULE, Answer.CONDITION, self._complaint),
        )
        table.finish()
        return tier

    def _reached(self, table: Table, names: tuple[str, ...]) -> frozenset[str]:
        """The nodes of a tier; none is reported, unless a mistake elsewhere may be the cause."""
        sets = [self._sets[name] for name in names]
        reached = frozenset().union(*(members for members in sets if members is not None))
        certain = self._read.certain and "from" not in table.failed and None not in sets
        if certain and not reached:
            table.wrong("from", f"this tier reaches no node: no node is in {' or '.join(names)}")
        return reached

    def _cost(self, table: Table) -> Cost:
        table.need("amount")
        per = table.word("per", Per, Per.SHIPMENT) if table.need("per") else Per.SHIPMENT
        amount = table.rule("amount", Sight.RULE, Answer.AMOUNT, self._complaint)
        if amount and not amount.names:
            constant = amount.evaluate({})
            if isinstance(constant, EvaluationError) or constant < 0:
                table.wrong("amount", f"amount must be at least 0, not {amount.source}")
        when = table.rule("when", Sight.RULE, Answer.CONDITION, self._complaint)
        table.finish()
        return Cost(per, amount or _STAND_IN, when)

    def _check_order(self, tables: list[Table], strategies: list[Strategy]) -> None:
        seen: set[str] = set()
        catch_all: str | None = None
        for table, strategy in zip(tables, strategies, strict=True):
            if strategy.id and strategy.id in seen:
                table.wrong("id", f"strategy id {strategy.id!r} is there twice")
            seen.add(strategy.id)
            if catch_all is not None:
                table.wrong("when", f"this strategy is never reached: {catch_all!r} before it matches everything")
            elif _matches_everything(strategy) and "when" not in table.failed:
                catch_all = strategy.id
        if tables and catch_all is None and "when" not in tables[-1].failed:
            tables[-1].wrong("when", "the last strategy must match everything: when = 'true'")

    def _complaint(self, name: str, text: str) -> str | None:
        """What is wrong with comparing a name with a text that it never is; None = nothing."""
        known = self._values_of(name)
        if known is None or text in known:
            return None
        hint = did_you_mean(text, known) or (f"; it is one of {', '.join(known)}" if len(known) <= 10 else "")
        return f"{name} is never {text!r}{hint}"

    def _values_of(self, name: str) -> list[str] | None:
        """All values that a name can have; None where these are not known."""
        if name == "node.kind":
            return [str(kind) for kind in NodeKind]
        if name == "node.id" and self._read.certain:
            return list(self._read.nodes)
        if name in ("node.country", "order.country"):
            return list(CENTROIDS)
        return None


def _matches_everything(strategy: Strategy) -> bool:
    return strategy.when.source.strip() == "true"


def _set_facts(node: Node) -> Mapping[str, Fact]:
    return {
        "node.id": node.id,
        "node.kind": node.kind.value,
        "node.country": node.country,
        "node.priority": node.priority,
    }


def _order_rules(table: Table) -> OrderRules:
    default = OrderRules()
    rules = OrderRules(
        max_attempts=table.whole("max_attempts", default.max_attempts, least=1),
        grace=table.duration("grace", default.grace),
        assume_delivered=table.duration("assume_delivered", default.assume_delivered),
    )
    table.finish()
    return rules


def _return_rules(table: Table) -> ReturnRules:
    rules = ReturnRules(window=table.duration("window", ReturnRules().window))
    table.finish()
    return rules


def _transit(table: Table) -> Iterator[tuple[str, tuple[TransitBand, ...]]]:
    """The bands of each service, which must ascend in distance."""
    for service in table.names():
        bands = [_band(table, service, position, pair) for position, pair in enumerate(table.values(service))]
        for position, (nearer, farther) in enumerate(pairwise(bands), start=1):
            if nearer and farther and farther.distance_km_max <= nearer.distance_km_max:
                table.wrong(service, f"{service}: distances must ascend; this one does not", position)
        yield service, tuple(filter(None, bands))


def _band(table: Table, service: str, position: int, pair: object) -> TransitBand | None:
    match pair:
        case [int() | float() as distance_km, int() as days] if 0 < distance_km < math.inf and 0 <= days <= DAYS_MAX:
            return TransitBand(float(distance_km), days)
    table.wrong(service, f"{service} must be a list of [km, days] such as [250, 1], not {pair}", position)
    return None
