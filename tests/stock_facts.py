"""Facts about one stock level, in any sequence, and the units that must result."""

from dataclasses import dataclass

from hypothesis import strategies as st

from domain.stock import StockMessageKind


@dataclass(frozen=True, slots=True)
class StockFact:
    """One fact about one SKU at one node."""

    hour: int
    """When it happened; no two facts of a story have the same."""
    kind: StockMessageKind
    quantity: int


_DIFFERENCES = st.one_of(
    st.tuples(st.just(StockMessageKind.RECEIVED), st.integers(1, 9)),
    st.tuples(st.just(StockMessageKind.ADJUSTED), st.integers(-9, 9).filter(bool)),
)
_COUNTS = st.tuples(st.just(StockMessageKind.COUNTED), st.integers(0, 9))


def _facts(facts: list[tuple[StockMessageKind, int]]) -> list[StockFact]:
    return [StockFact(hour, kind, quantity) for hour, (kind, quantity) in enumerate(facts)]


stories = st.lists(_DIFFERENCES | _COUNTS, min_size=2, max_size=8).map(_facts).flatmap(st.permutations)
"""Receipts, corrections and counts of one stock level, in the sequence in which they are reported."""


def on_hand_after(story: list[StockFact]) -> int:
    """What is there in the end: what the last count found, and what happened after it."""
    on_hand = 0
    for fact in sorted(story, key=lambda fact: fact.hour):
        on_hand = fact.quantity if fact.kind is StockMessageKind.COUNTED else on_hand + fact.quantity
    return on_hand
