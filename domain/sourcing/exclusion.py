"""Decides which wanted units a rule of the policy never lets a node ship, and says why a rule cannot be computed."""

from collections.abc import Mapping, Sequence

from domain.network import EvaluationError, Fact, Item
from domain.sourcing.facts import item_facts
from domain.sourcing.future import Future
from domain.sourcing.rules import DISTANCE_KM, Answer, Rule


class Exclusion:
    """The wanted units that a rule of the policy never lets a node ship.

    The rule is evaluated once for all nodes with the same facts. A rule that cannot be computed forbids.
    """

    def __init__(self, rule: Rule, reason: str, items: Sequence[Item | None]) -> None:
        self._rule, self._reason = rule, reason
        self._items = [(position, item_facts(item)) for position, item in enumerate(items) if item]
        self._known: dict[object, list[tuple[int, str]]] = {}

    def forbidden(self, facts: dict[str, Fact]) -> list[tuple[int, str]]:
        """The positions of the wanted that may not ship, with the reason. It leaves the last item's facts in `facts`."""
        if self._rule.key_of_node is None or not self._rule.has_its_facts(facts):
            return self._found(facts)
        key = self._rule.key_of_node(facts)
        if key not in self._known:
            self._known[key] = self._found(facts)
        return self._known[key]

    def always_forbidden(self, future: Future) -> list[tuple[int, str]]:
        """The positions of the wanted that may not ship on any day, with the reason."""
        if not future.changes(self._rule):
            return self.forbidden(future.facts)
        return [
            (position, self._reason)
            for position, item in self._items
            if not any(self._rule.evaluate(seen | item) is False for seen in future.cases(self._rule))
        ]

    def _found(self, facts: dict[str, Fact]) -> list[tuple[int, str]]:
        found = []
        for position, item in self._items:
            facts.update(item)
            answer = self._rule.evaluate(facts)
            if answer:
                found.append((position, self._because(answer, facts)))
        return found

    def _because(self, answer: Answer, facts: Mapping[str, Fact]) -> str:
        if isinstance(answer, EvaluationError):
            return f"{self._reason} ({cannot_tell(self._rule, answer, facts)})"
        return self._reason


def cannot_tell(rule: Rule, error: EvaluationError, facts: Mapping[str, Fact]) -> str:
    """Why a rule could not be computed: what nobody knows of the way, or the engine's reason."""
    if rule.has_its_facts(facts):
        return f"cannot tell: {error.reason}"
    return _NO_DISTANCE if DISTANCE_KM in rule.expression.names and DISTANCE_KM not in facts else _NO_DAYS


_NO_DISTANCE = "there is no distance to this place"
_NO_DAYS = "nobody knows the days on the way"
