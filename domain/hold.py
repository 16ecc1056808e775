"""Decides which holds the policy places on a new order, and who owns the holds that others place."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.network import OWNER_DEFAULT, EvaluationError, Fact, HoldRule, HoldStock, Policy
from domain.sourcing import OrderFacts
from domain.sourcing.facts import order_facts

CURRENCY = "currency"
"""The hold of an order for which it is not known which strategy decides, because there is no rate to the policy's currency."""

POLICY = "policy"
"""The actor of the holds that the policy places."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A hold to place. `reason` is None where the request carries it, or gave none."""

    hold: str
    owner: str | None = None
    stock: HoldStock = HoldStock.RESERVE
    reason: str | None = None
    is_by_policy: bool = False
    is_by_channel: bool = False
    """Whether the order's channel places it, and so may take it off; others are taken off by operators only."""


def by_policy(order: OrderFacts, policy: Policy) -> list[Placement]:
    """The holds that the policy places on an order with these facts. A rule that cannot be computed also
    places its hold: an order must not pass a check that failed. For the same reason an order waits whose strategy is not
    known, because its amounts are in a currency without a rate."""
    facts = order_facts(order)
    placed = []
    for rule in policy.holds:
        answer = rule.when.evaluate(facts) if rule.when else False
        if answer:
            placed.append(Placement(rule.id, rule.owner, rule.stock, _reason(rule, answer), is_by_policy=True))
    unjudged = _unjudged(facts, policy) if isinstance(order.value, EvaluationError) else None
    if unjudged and CURRENCY not in {one.hold for one in placed}:
        named = next((rule for rule in policy.holds if rule.id == CURRENCY), None)
        owner, stock = (named.owner, named.stock) if named else (OWNER_DEFAULT, HoldStock.WAIT)
        placed.append(Placement(CURRENCY, owner, stock, unjudged, is_by_policy=True))
    return placed


def _unjudged(facts: Mapping[str, Fact], policy: Policy) -> str | None:
    """Why it is not known which strategy decides; None = it is known."""
    for strategy in policy.strategies:
        answer = strategy.when.evaluate(facts)
        if isinstance(answer, EvaluationError):
            return f"it is not known whether strategy {strategy.id} decides: {answer.reason}"
        if answer:
            return None
    return None


def by_request(hold: str, policy: Policy, reason: str | None = None, *, is_by_channel: bool) -> Placement:
    """A hold that a channel or an operator places; its owner and stock come from the policy, where the policy names it."""
    for rule in policy.holds:
        if rule.id == hold:
            return Placement(hold, rule.owner, rule.stock, reason, is_by_channel=is_by_channel)
    return Placement(hold, reason=reason, is_by_channel=is_by_channel)


def _reason(rule: HoldRule, answer: object) -> str:
    return f"{rule.reason} (cannot tell: {answer.reason})" if isinstance(answer, EvaluationError) else rule.reason
