"""Remembers what does not depend on a single order, so that thousands of orders under one network version share it.

A rule of the policy is a pure function of the facts that it reads, and most rules read facts with few values: a kind, a
country, a channel. Their answers are remembered. So are the promises of a node by its local day.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import date, datetime
from operator import itemgetter
from typing import TypeVar

from domain.network import EvaluationError, Expression, Fact, Network, Node
from domain.promise import Promise, cutoff_has_passed, promise_on

NETWORKS_MAX = 8

ANSWERS_MAX = 10_000
"""Answers remembered of one rule or node; then all are forgotten, which costs less than to know the oldest."""

Answer = bool | int | float | EvaluationError
Key = TypeVar("Key")
Value = TypeVar("Value")


class Rule:
    """An expression that remembers its answers, unless it reads a distance: that hardly ever comes twice."""

    __slots__ = ("_answers", "_key", "expression")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
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


class Rules:
    """One network version with what was learnt from it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes = [network.nodes[node] for node in sorted(network.nodes)]
        self.exclusions = [(Rule(exclusion.when), exclusion.reason) for exclusion in network.policy.exclusions]
        self._rules: dict[int, Rule] = {}
        self._promises: dict[str, dict[tuple[date, bool, int], Promise]] = {node: {} for node in network.nodes}

    def of(self, expression: Expression) -> Rule:
        """An expression of this network's policy, as a rule."""
        rule = self._rules.get(id(expression))
        if rule is None:
            rule = self._rules[id(expression)] = Rule(expression)
        return rule

    def promise(self, node: Node, local: datetime, transit_days: int) -> Promise:
        """The promise of goods released to a node at this moment, given in its time zone."""
        key = local.date(), cutoff_has_passed(node, local), transit_days
        promises = self._promises[node.id]
        promise = promises.get(key)
        if promise is None:
            promise = promise_on(node, *key)
            _remember(promises, key, promise)
        return promise


_learnt: dict[int, Rules] = {}
"""By identity of the network, the latest last; an entry keeps its network alive, so that no other has its identity."""


def rules_of(network: Network) -> Rules:
    """The rules of a network version with what earlier orders taught about them."""
    rules = _learnt.get(id(network))
    if rules is None:
        while len(_learnt) >= NETWORKS_MAX:
            _learnt.pop(next(iter(_learnt)), None)
        rules = _learnt[id(network)] = Rules(network)
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
