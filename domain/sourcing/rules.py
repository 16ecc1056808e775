"""Caches what does not depend on a single order, so that all orders under one network version share it.

A rule of the policy is a pure function of the facts that it reads, and most rules read facts with few values: a kind, a
country, a channel. Their answers are cached. So are the promises of a node by its local day.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import date, datetime
from math import cos, radians
from operator import itemgetter
from typing import NamedTuple, TypeVar

from domain.delivery import DeliveryDays
from domain.network import EvaluationError, Expression, Fact, Network, Node
from domain.promise import Promise, cutoff_has_passed, promise_on

ANSWERS_MAX = 10_000
"""Answers cached for one rule or node; then all are dropped, which costs less than to find the oldest."""

DISTANCE_KM, DISTANCE_KNOWN, PROMISE_DAYS = "node.distance_km", "node.distance_known", "node.promise_days"

TRAVEL = frozenset({DISTANCE_KM, PROMISE_DAYS})
"""The facts that are absent where nobody knows them."""

Answer = bool | int | float | EvaluationError
Key = TypeVar("Key")
Value = TypeVar("Value")


class Rule:
    """An expression that caches its answers, unless it reads what hardly ever comes twice, such as a distance."""

    __slots__ = ("_answers", "_key", "_travels", "expression", "key_of_node", "reads_node")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        of_node = [name for name in expression.names if name.startswith("node.")]
        self.reads_node = bool(of_node)
        self.key_of_node = _key_of(of_node)
        """The facts of a node that this rule reads; None if it reads a distance, in which hardly any two nodes are equal."""
        self._key = _key_of(expression.names)
        self._answers: dict[object, Answer] = {}
        self._travels = [name for name in expression.names if name in TRAVEL]

    def has_its_facts(self, facts: Mapping[str, Fact]) -> bool:
        """Whether everything is known that the rule reads of the way from a node to the customer."""
        return all(name in facts for name in self._travels)

    def evaluate(self, facts: Mapping[str, Fact]) -> Answer:
        """The rule's value for these facts."""
        if self._key is None or (self._travels and not self.has_its_facts(facts)):
            return self.expression.evaluate(facts)
        key = self._key(facts)
        answer = self._answers.get(key)
        if answer is None:
            answer = self.expression.evaluate(facts)
            _remember(self._answers, key, answer)
        return answer


class Site(NamedTuple):
    """A node, with values that are the same for every order."""

    node: Node
    calendar: int
    """The same number for all nodes whose promises are equal for equal transit days."""
    sphere_width: float
    """The circumference of the earth at its latitude, as a share of that at the equator."""
    facts: Mapping[str, Fact]
    """The facts of the node for rules that do not change."""


class Rules:
    """The cache of one network version, which the version holds."""

    def __init__(self, network: Network) -> None:
        calendars: dict[object, int] = {}
        self.sites = {
            name: _site(node, calendars.setdefault(_calendar(node), len(calendars)))
            for name, node in sorted(network.nodes.items())
        }
        """By node id, in the order of the ids."""
        self.exclusions = [(Rule(exclusion.when), exclusion.reason) for exclusion in network.policy.exclusions]
        self._rules: dict[int, Rule] = {}
        self._promises: dict[tuple[int, date, bool, int | None, DeliveryDays | None], Promise] = {}

    def of(self, expression: Expression) -> Rule:
        """The rule of an expression of this network's policy."""
        rule = self._rules.get(id(expression))
        if rule is None:
            rule = self._rules[id(expression)] = Rule(expression)
        return rule

    def promise(self, site: Site, local: datetime, transit_days: int | None, delivery: DeliveryDays | None) -> Promise:
        """The promise of goods released to a node at this moment, given in its time zone, for a place with these delivery
        days."""
        today, is_late = local.date(), cutoff_has_passed(site.node, local)
        key = site.calendar, today, is_late, transit_days, delivery
        promise = self._promises.get(key)
        if promise is None:
            promise = promise_on(site.node, today, is_late, transit_days, delivery)
            _remember(self._promises, key, promise)
        return promise


def _site(node: Node, calendar: int) -> Site:
    return Site(node, calendar, cos(radians(node.latitude)), lasting_facts(node))


def lasting_facts(node: Node) -> dict[str, Fact]:
    """The facts of a node for rules that do not change."""
    return {
        "node.id": node.id,
        "node.kind": node.kind.value,
        "node.country": node.country,
        "node.region": node.region,
        "node.tags": list(node.tags),
        "node.priority": node.priority,
    }


def _calendar(node: Node) -> object:
    """The values of a node that decide its promises; its holidays are compared by identity, which the node keeps."""
    single_days = node.closed_days, node.open_days
    return node.time_zone, node.cutoff, node.working_days, id(node.holidays), single_days, node.handling_days


def rules_of(network: Network) -> Rules:
    """The rules of a network version, with the answers cached for earlier orders."""
    rules = network.learnt.get(Rules)
    if not isinstance(rules, Rules):
        rules = network.learnt[Rules] = Rules(network)
    return rules


_NEVER_THE_SAME = frozenset({"node.distance_km", "order.attributes", "order.lines", "order.tags"})
"""Facts that hardly ever come twice, or that must not be remembered."""

_STANDS_FOR = {"node.tags": "node.id"}
"""A fact by another one with which it comes: what is remembered is found by it."""


def _key_of(names: Iterable[str]) -> Callable[[Mapping[str, Fact]], object] | None:
    """The key of facts with these names, an item's by its SKU; None where the same facts hardly ever come twice."""
    read = {"item.sku" if name.startswith("item.") else _STANDS_FOR.get(name, name) for name in names}
    if read & _NEVER_THE_SAME:
        return None
    return itemgetter(*sorted(read)) if read else _nothing


def _nothing(_: Mapping[str, Fact]) -> object:
    return None


def _remember(known: MutableMapping[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= ANSWERS_MAX:
        known.clear()
    known[key] = value
