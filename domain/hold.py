"""Decides which holds the policy places on a new order, and who owns the holds that others place."""

from dataclasses import dataclass

from domain.network import EvaluationError, HoldRule, HoldStock, Policy
from domain.sourcing import OrderFacts
from domain.sourcing.eligible import order_facts

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
    places its hold: an order must not pass a check that failed."""
    facts = order_facts(order)
    placed = []
    for rule in policy.holds:
        answer = rule.when.evaluate(facts) if rule.when else False
        if answer:
            placed.append(Placement(rule.id, rule.owner, rule.stock, _reason(rule, answer), is_by_policy=True))
    return placed


def by_request(hold: str, policy: Policy, reason: str | None = None, *, is_by_channel: bool) -> Placement:
    """A hold that a channel or an operator places; its owner and stock come from the policy, where the policy names it."""
    for rule in policy.holds:
        if rule.id == hold:
            return Placement(hold, rule.owner, rule.stock, reason, is_by_channel=is_by_channel)
    return Placement(hold, reason=reason, is_by_channel=is_by_channel)


def _reason(rule: HoldRule, answer: object) -> str:
    return f"{rule.reason} (cannot tell: {answer.reason})" if isinstance(answer, EvaluationError) else rule.reason
