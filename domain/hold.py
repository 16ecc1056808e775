"""Decides which holds a new order gets from the policy, and what the policy says of those that others place."""

from dataclasses import dataclass

from domain.network import EvaluationError, HoldRule, HoldStock, Policy
from domain.sourcing import OrderFacts
from domain.sourcing.eligible import order_facts

POLICY = "policy"
"""The actor of the holds that the policy places."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A hold to be placed. `reason` is None where whoever asked for it has given his elsewhere, or none."""

    hold: str
    owner: str | None = None
    stock: HoldStock = HoldStock.RESERVE
    reason: str | None = None
    is_by_policy: bool = False


def by_policy(order: OrderFacts, policy: Policy) -> list[Placement]:
    """The holds that the policy places on an order with these facts. A rule that cannot be computed holds it: better a
    person looks once too often than an order gets past what was to stop it."""
    facts = order_facts(order)
    placed = []
    for rule in policy.holds:
        answer = rule.when.evaluate(facts) if rule.when else False
        if answer:
            placed.append(Placement(rule.id, rule.owner, rule.stock, _reason(rule, answer), is_by_policy=True))
    return placed


def by_request(hold: str, policy: Policy, reason: str | None = None) -> Placement:
    """A hold that a channel or an operator places; owner and stock are what the policy says of this name, if it does."""
    for rule in policy.holds:
        if rule.id == hold:
            return Placement(hold, rule.owner, rule.stock, reason)
    return Placement(hold, reason=reason)


def _reason(rule: HoldRule, answer: object) -> str:
    return f"{rule.reason} (cannot tell: {answer.reason})" if isinstance(answer, EvaluationError) else rule.reason
