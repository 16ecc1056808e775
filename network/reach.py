"""Finds rules that nothing can meet: no order, no item, or none of the nodes that a tier may use.

Only what is certain is reported. What no order could ever meet is a mistake; what only the present nodes and items do not meet
is a warning, because they may change. How it is decided: `possible_facts.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.network import Expression, Node, Strategy, Tier, TransitBand
from network.expressions import CelExpression, canonical
from network.possible_facts import Wanted, World, can_hold
from network.toml_tables import Table

Transit = Mapping[str, Sequence[TransitBand]]


def wanted(rule: Expression | None, answer: bool = True) -> list[Wanted]:
    """What a rule must answer; nothing for a rule that is absent."""
    return [Wanted(rule.tree, answer)] if isinstance(rule, CelExpression) else []


def always(rule: Expression | None, transit: Transit | None, units_least: int = 1) -> bool | None:
    """The answer that a rule gives for every order, node and item that could ever be; None when it depends on them.

    A rule that is true for each service of today is not always true: another service may follow.
    """
    if not isinstance(rule, CelExpression):
        return None
    if not rule.names:
        answer = rule.evaluate({})
        return answer if isinstance(answer, bool) else None
    if not can_hold(wanted(rule), World(transit=transit, units_least=units_least)):
        return False
    return None if can_hold(wanted(rule, answer=False), World(units_least=units_least)) else True


def check_order(tables: Sequence[Table], strategies: Sequence[Strategy], transit: Transit | None) -> None:
    """Check that ids are unique, every strategy can be reached, and the last one matches everything."""
    ids: set[str] = set()
    for position, (table, strategy) in enumerate(zip(tables, strategies, strict=True)):
        if strategy.id and strategy.id in ids:
            table.wrong("id", f"strategy id {strategy.id!r} is there twice")
        ids.add(strategy.id)
        earlier = [one for one, other in zip(strategies[:position], tables, strict=False) if "when" not in other.failed]
        obstacle = _obstacle(strategy, earlier, transit) if "when" not in table.failed else None
        if obstacle:
            table.wrong("when", f"this strategy is never reached: {obstacle}")
    if tables and "when" not in tables[-1].failed and not _is_true(strategies[-1].when):
        tables[-1].wrong("when", "the last strategy must match everything: when = 'true'")


def _obstacle(strategy: Strategy, earlier: Sequence[Strategy], transit: Transit | None) -> str | None:
    """Why no order can reach a strategy; None = some may."""
    if always(strategy.when, transit) is False:
        return "its when is never true"
    for other in earlier:
        if always(other.when, transit) is True:
            return f"{other.id!r} before it matches everything"
        if canonical(other.when.source) == canonical(strategy.when.source):
            return f"{other.id!r} before it has the same when"
    if _is_true(strategy.when):
        return None  # the last strategy may be there only because it must
    for other in earlier:
        if covers([other.when], strategy.when):
            return f"{other.id!r} before it matches all its orders"
    if covers([other.when for other in earlier], strategy.when):
        return "those before it match all its orders"
    return None


def covers(earlier: Iterable[Expression], rule: Expression, units_least: int = 1) -> bool:
    """Whether one of the earlier rules certainly holds wherever this one does."""
    left = [one for other in earlier for one in wanted(other, answer=False)]
    return bool(left) and not can_hold([*wanted(rule), *left], World(units_least=units_least))


def _is_true(rule: Expression) -> bool:
    return rule.source.strip() == "true"


@dataclass(frozen=True, slots=True)
class Reach:
    """Decides which nodes may fill orders; it is asked only when every node could be read."""

    nodes: Mapping[str, Node]
    transit: Transit | None

    def may_meet(self, names: Iterable[str], *requirements: Expression | None, service: str | None = None) -> bool:
        """Whether one of these nodes may meet all requirements for some order, of a service or of any."""
        world = World(self.transit, [self.nodes[name] for name in sorted(names)], is_parcel=True)
        if service is not None and self.transit is not None:
            world = replace(world, transit={service: self.transit[service]})
        return can_hold([one for requirement in requirements for one in wanted(requirement)], world)

    def check_strategy(self, table: Table, strategy: Strategy, tiers: Sequence[Table]) -> None:
        """Report every tier that no node can serve: for its requirement, for the strategy's, or for both together."""
        for number, (tier, below) in enumerate(zip(strategy.tiers, tiers, strict=True), start=1):
            named = " or ".join(tier.sets)
            if not tier.nodes or "require" in below.failed:
                continue
            if not self.may_meet(tier.nodes, tier.require):
                below.wrong("require", f"this tier reaches no node: no node of {named} meets this")
            elif not self.may_meet(tier.nodes, strategy.require):
                table.wrong("require", f"tier {number} reaches no node: no node of {named} meets this")
            elif not self._may_fill(strategy, tier):
                below.wrong("from", f"this tier reaches no node: {self._together(strategy, tier, named)}")

    def _together(self, strategy: Strategy, tier: Tier, named: str) -> str:
        if not self.may_meet(tier.nodes, strategy.require, tier.require):
            return f"no node of {named} meets its require and that of the strategy together"
        return f"no node of {named} meets what is required, for an order of this strategy"

    def _may_fill(self, strategy: Strategy, tier: Tier) -> bool:
        if always(strategy.when, self.transit) is False:
            return True  # it is reported that no order reaches the strategy
        return self.may_meet(tier.nodes, strategy.when, strategy.require, tier.require)

    def unserved(self, strategy: Strategy) -> list[str]:
        """The services whose orders may reach a strategy, but which none of its nodes can fill."""
        everywhere = list(self.nodes)
        return [
            service
            for service in self.transit or ()
            if self.may_meet(everywhere, strategy.when, service=service)
            and not any(
                self.may_meet(tier.nodes, strategy.when, strategy.require, tier.require, service=service)
                for tier in strategy.tiers
            )
        ]
