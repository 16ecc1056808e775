"""Remembers what does not depend on a single order, so that thousands of orders under one network version share it.

A rule of the policy is a pure function of the facts that it reads, and most rules read facts with few values: a kind, a
country, a channel. Their answers are remembered. So are the promises of a node by its local day.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import date, datetime
from math import cos, radians
from operator import itemgetter
from typing import NamedTuple, TypeVar

from domain.network import EvaluationError, Expression, Fact, Network, Node
from domain.promise import Promise, cutoff_has_passed, promise_on

ANSWERS_MAX = 10_000
"""Answers remembered of one rule or node; then all are forgotten, which costs less than to know the oldest."""

Answer = bool | int | float | EvaluationError
Key = TypeVar("Key")
Value = TypeVar("Value")


class Rule:
    """An expression that remembers its answers, unless it reads a distance: that hardly ever comes twice."""

    __slots__ = ("_answers", "_key", "expression", "key_of_node", "reads_node")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        of_node = [name for name in expression.names if name.startswith("node.")]
        self.reads_node = bool(of_node)
        self.key_of_node = _key_of(of_node)
        """What tells nodes apart for this rule; None where hardly any two are alike to it."""
        self._key = _key_of(expression.names)
        self._answers: dict[object, Answer] = {}

    def evaluate(self, facts: Mapping[str, Fact]) -> Answer:
        """The rule's value for these facts."""
        if self._key is None:
            return self.expression.evaluate(facts)
        key = self._key(facts)
        answer = self._answers.get(key)
        if answer is None:
            answer = self.expression.evaluate(facts)
            _remember(self._answers, key, answer)
        return answer


class Site(NamedTuple):
    """A node with what no order changes."""

    node: Node
    calendar: int
    """The same number for all nodes that promise the same for a parcel as many days on its way."""
    sphere_width: float
    """How wide the earth is at its latitude, of what it is at the equator."""
    facts: Mapping[str, Fact]
    """The node as rules see it, without what changes."""


class Rules:
    """What was learnt from one network version, which keeps it."""

    def __init__(self, network: Network) -> None:
        calendars: dict[object, int] = {}
        self.sites = {
            name: _site(node, calendars.setdefault(_calendar(node), len(calendars)))
            for name, node in sorted(network.nodes.items())
        }
        """By node id, in the order of the ids."""
        self.exclusions = [(Rule(exclusion.when), exclusion.reason) for exclusion in network.policy.exclusions]
        self._rules: dict[int, Rule] = {}
        self._promises: dict[tuple[int, date, bool, int], Promise] = {}

    def of(self, expression: Expression) -> Rule:
        """An expression of this network's policy, as a rule."""
        rule = self._rules.get(id(expression))
        if rule is None:
            rule = self._rules[id(expression)] = Rule(expression)
        return rule

    def promise(self, site: Site, local: datetime, transit_days: int) -> Promise:
        """The promise of goods released to a node at this moment, given in its time zone."""
        today, is_late = local.date(), cutoff_has_passed(site.node, local)
        key = site.calendar, today, is_late, transit_days
        promise = self._promises.get(key)
        if promise is None:
            promise = promise_on(site.node, today, is_late, transit_days)
            _remember(self._promises, key, promise)
        return promise


def _site(node: Node, calendar: int) -> Site:
    facts: dict[str, Fact] = {
        "node.id": node.id,
        "node.kind": node.kind.value,
        "node.country": node.country,
        "node.priority": node.priority,
    }
    return Site(node, calendar, cos(radians(node.latitude)), facts)


def _calendar(node: Node) -> object:
    """What of a node decides its promises; a calendar of holidays is told by its identity, which its node keeps."""
    return node.time_zone, node.cutoff, node.working_days, id(node.holidays), node.handling_days


def rules_of(network: Network) -> Rules:
    """The rules of a network version with what earlier orders taught about them."""
    rules = network.learnt.get(Rules)
    if not isinstance(rules, Rules):
        rules = network.learnt[Rules] = Rules(network)
    return rules


def _key_of(names: Iterable[str]) -> Callable[[Mapping[str, Fact]], object] | None:
    """What tells the facts apart that have these names, an item's by its SKU; None where they hardly ever come twice."""
    told = {"item.sku" if name.startswith("item.") else name for name in names}
    if "node.distance_km" in told:
        return None
    return itemgetter(*sorted(told)) if told else _nothing


def _nothing(_: Mapping[str, Fact]) -> object:
    return None


def _remember(known: MutableMapping[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= ANSWERS_MAX:
        known.clear()
    known[key] = value
