"""What an invariant is: a sentence about the facts, and the queries that check it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must always be true, a query that counts the facts in question, and one that finds violations."""

    sentence: str
    counted: str
    violations: str
