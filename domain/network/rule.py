"""What a rule of the policy is, and what it can read. The domain knows no rule engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from domain.network.item import Item


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """The answer of an expression that could not be computed for these facts, with the reason in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line of an order as rules see it."""

    item: "Item"
    quantity: int
    has_gift_message: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


Fact = bool | str | int | float | list[str] | Mapping[str, str] | Iterable[RuleLine] | EvaluationError
"""A value that a rule can read, under a qualified name such as `node.distance_km`. An `EvaluationError` stands for a value that
is not known, with the reason: a rule whose answer depends on it cannot be computed."""


class Expression(Protocol):
    """A compiled rule of the policy."""

    @property
    def source(self) -> str:
        """The rule as the business wrote it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The qualified names that the rule reads, in order of appearance."""

    def evaluate(self, facts: Mapping[str, Fact]) -> bool | int | float | EvaluationError:
        """The rule's value for these facts, which must hold every name in `names`. Never raises.

        The same facts always give the same value: answers are cached.
        """
