"""Decides whether a rule may ever hold at a node: facts that change by themselves count as any value that they may have.

How many orders are open at a node, how much capacity it has left and how many days a promise takes are other facts tomorrow. A
rule that reads them is tried with their least and greatest values, and with those beside each number that the rule names.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import product

from domain.delivery import DeliveryDays
from domain.network import Fact
from domain.promise import END_OF_DAY
from domain.sourcing.rules import PROMISE_DAYS, Rule, Rules, Site

CAPACITY_UNLIMITED = 1_000_000_000
"""The value of `node.capacity_left` in rules for a node without a limit."""

DAYS_AHEAD = 21
"""The days on which a release is tried, for rules that read the days of a promise: holidays in a row are fewer."""

OPEN_ORDERS, CAPACITY_LEFT = "node.open_orders", "node.capacity_left"


class Future:
    """The facts of one node for one order, on any day."""

    def __init__(
        self,
        rules: Rules,
        site: Site,
        now: datetime,
        transit_days: int | None,
        delivery: DeliveryDays | None,
        facts: dict[str, Fact],
    ) -> None:
        """`facts` are those of now, when the node is idle; `now` is when the goods could be released at the earliest."""
        self._rules, self._site, self._now = rules, site, now
        self._transit_days, self._delivery = transit_days, delivery
        self.facts = facts
        self._changing = _LEAST.keys() & facts.keys()

    def may_meet(self, rule: Rule) -> bool:
        """Whether a condition is true in some case."""
        if not self.changes(rule):
            return rule.evaluate(self.facts) is True
        return any(rule.evaluate(facts) is True for facts in self.cases(rule))

    def changes(self, rule: Rule) -> bool:
        """Whether a rule reads a fact that changes by itself."""
        return any(name in self._changing for name in rule.expression.names)

    def cases(self, rule: Rule) -> Iterator[dict[str, Fact]]:
        """The facts with every value that may make a difference to a rule."""
        values = {name: self._values(name, rule) for name in rule.expression.names if name in self._changing}
        for case in product(*values.values()):
            yield {**self.facts, **dict(zip(values, case, strict=True))}

    def _values(self, name: str, rule: Rule) -> list[int]:
        if name == PROMISE_DAYS:
            return self._days()
        most = self._site.node.capacity_per_day if name == CAPACITY_LEFT else None
        named = (number + step for number in whole_numbers(rule.expression.source) for step in (-1, 0, 1))
        found = {_LEAST[name], most or CAPACITY_UNLIMITED, *named}
        return sorted(value for value in found if _LEAST[name] <= value <= (most or CAPACITY_UNLIMITED))

    def _days(self) -> list[int]:
        """How many days a promise of the coming weeks takes, before and after the cut-off."""
        today = self._now.astimezone(self._site.node.time_zone).date()
        moments = [
            datetime.combine(today + timedelta(days=ahead), at, self._site.node.time_zone)
            for ahead in range(DAYS_AHEAD)
            for at in (time(), END_OF_DAY)
        ]
        promises = (self._rules.promise(self._site, moment, self._transit_days, self._delivery) for moment in moments)
        return sorted({promise.days for promise in promises if promise.days is not None})


_LEAST = {OPEN_ORDERS: 0, CAPACITY_LEFT: 1, PROMISE_DAYS: 0}
"""The facts that change, with their least values; a node without capacity takes nothing."""


def whole_numbers(source: str) -> list[int]:
    """The whole numbers that a rule names."""
    return [int(word) for word in "".join(one if one.isdecimal() else " " for one in source).split()]
