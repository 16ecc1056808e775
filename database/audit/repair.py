"""Corrects counters of stock and of nodes' days that differ from the facts behind them. It corrects nothing else.

The ledger is the truth about what has happened, so counters follow its sum. Orders and carts are the truth about what is
promised: movements free the units that no order or cart holds, and promise the units that one holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from database import capacity, exception, stock
from database.audit.parts import HELD
from database.connect import ReadConnection, WriteConnection
from database.exception import ClosingFact
from domain.reasons import ExceptionCode
from domain.stock import Movement, MovementKind
from domain.units import Opened

Place = tuple[str, str]
COUNTERS = ("on_hand", "reserved", "allocated", "set_aside")
ACTOR = "operator"


@dataclass(frozen=True, slots=True)
class Drift:
    """A stock level whose counters, ledger and holders differ; the numbers of COUNTERS by each of the three."""

    node: str
    sku: str
    counted: tuple[int, int, int, int]
    booked: tuple[int, int, int, int]
    held: tuple[int, int]
    """Reserved and allocated: what orders and carts hold."""

    @property
    def place(self) -> Place:
        """Its (node, SKU)."""
        return self.node, self.sku

    @property
    def unbooked(self) -> tuple[int, int]:
        """Reserved and allocated: what the ledger lacks of what is held; below 0 where it promises too much."""
        return self.held[0] - self.booked[1], self.held[1] - self.booked[2]


@dataclass(frozen=True, slots=True)
class Correction:
    """The change of one counter of a stock level, and the reason for it."""

    node: str
    sku: str
    counter: str
    by: int
    why: str

    def __str__(self) -> str:
        return f"{self.sku} at {self.node}: {self.counter.replace('_', ' ')} {self.by:+d} ({self.why})"


@dataclass(frozen=True, slots=True)
class DayCorrection:
    """The change of the counter of a node's local day, so that it is the sum of the claims."""

    node: str
    day: date
    by: int

    def __str__(self) -> str:
        return f"{self.node} on {self.day}: claimed {self.by:+d} (the claims say so)"


async def repair(connection: WriteConnection, cause: str, at: datetime) -> list[Correction | DayCorrection]:
    """Correct every stock level and day that has drifted, in this transaction; answers the corrections."""
    return [
        *await _repair_stock_levels(connection, cause, at),
        *(DayCorrection(*followed) for followed in await capacity.correct_counters(connection)),
    ]


async def _repair_stock_levels(connection: WriteConnection, cause: str, at: datetime) -> list[Correction]:
    """Correct every stock level that has drifted.

    The rows that it finds are locked and read again: another transaction may have changed them in between.
    """
    found = await drifted(connection)
    if not found:
        return []
    await stock.close_gates(connection, {drift.sku for drift in found})
    await stock.lock(connection, {drift.place for drift in found})
    locked = {drift.place for drift in found}
    drifts = [drift for drift in await drifted(connection) if drift.place in locked]
    promised, freed = movements(drifts)
    # Counters are never below zero: they rise first, and fall after the ledger has made them large enough.
    await stock.record(connection, promised, order=None, cause=cause, actor=ACTOR, at=at)
    await connection.execute(FOLLOW_THE_LEDGER, _named(drifts))
    await stock.record(connection, freed, order=None, cause=cause, actor=ACTOR, at=at)
    await _open_exceptions(connection, drifts, cause, at)
    fact = ClosingFact(cause, ACTOR, at)
    await exception.close_shortages(connection, [drift.place for drift in drifts], fact)
    return [correction for drift in drifts for correction in corrections(drift)]


async def drifted(connection: ReadConnection) -> list[Drift]:
    """The stock levels that differ from their ledger, or from the units that orders and carts hold."""
    return [
        Drift(
            row.node,
            row.sku,
            (row.on_hand, row.reserved, row.allocated, row.set_aside),
            (row.booked_on_hand, row.booked_reserved, row.booked_allocated, row.booked_set_aside),
            (row.held_reserved, row.held_allocated),
        )
        for row in await connection.execute(DRIFTED)
    ]


_LEDGER = """
    (SELECT node, sku, sum(on_hand)::bigint AS on_hand, sum(reserved)::bigint AS reserved,
            sum(allocated)::bigint AS allocated, sum(set_aside)::bigint AS set_aside
     FROM movement GROUP BY node, sku)
"""

DRIFTED = text(
    f"""
    WITH compared AS (
        SELECT node, sku,
               coalesce(s.on_hand, 0) AS on_hand, coalesce(m.on_hand, 0) AS booked_on_hand,
               coalesce(s.set_aside, 0) AS set_aside, coalesce(m.set_aside, 0) AS booked_set_aside,
               coalesce(s.reserved, 0) AS reserved, coalesce(m.reserved, 0) AS booked_reserved,
               coalesce(h.reserved, 0) AS held_reserved,
               coalesce(s.allocated, 0) AS allocated, coalesce(m.allocated, 0) AS booked_allocated,
               coalesce(h.allocated, 0) AS held_allocated
        FROM stock s FULL JOIN {_LEDGER} m USING (node, sku) FULL JOIN {HELD} h USING (node, sku)
    )
    SELECT * FROM compared
    WHERE (on_hand, set_aside, reserved, allocated, reserved, allocated)
          <> (booked_on_hand, booked_set_aside, booked_reserved, booked_allocated, held_reserved, held_allocated)
    ORDER BY sku, node
    """
)


def movements(drifts: Sequence[Drift]) -> tuple[list[Movement], list[Movement]]:
    """The movements that make the ledger agree with what is held: those that promise units, and those that free units."""
    promised, freed = [], []
    for drift in drifts:
        reserved, allocated = drift.unbooked
        promised += [
            Movement(MovementKind.RESERVED, *drift.place, reserved=max(0, reserved)),
            Movement(MovementKind.ALLOCATED, *drift.place, allocated=max(0, allocated)),
        ]
        freed.append(Movement(MovementKind.FREED, *drift.place, reserved=min(0, reserved), allocated=min(0, allocated)))
    return promised, freed


def corrections(drift: Drift) -> list[Correction]:
    """The correction of each counter that changes, with its reason."""
    followed = [
        Correction(*drift.place, name, booked - counted, "the ledger says so")
        for name, counted, booked in zip(COUNTERS, drift.counted, drift.booked, strict=True)
        if booked != counted
    ]
    held = [
        Correction(*drift.place, name, by, "no order or cart holds them" if by < 0 else "an order or cart holds them")
        for name, by in zip(COUNTERS[1:3], drift.unbooked, strict=True)
        if by
    ]
    return followed + held


def _named(drifts: Sequence[Drift]) -> dict[str, list[str]]:
    return {"nodes": [drift.node for drift in drifts], "skus": [drift.sku for drift in drifts]}


_NAMED = "unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)"

FOLLOW_THE_LEDGER = text(
    f"""
    WITH booked AS (
        SELECT node, sku, coalesce(sum(on_hand), 0) AS on_hand, coalesce(sum(reserved), 0) AS reserved,
               coalesce(sum(allocated), 0) AS allocated, coalesce(sum(set_aside), 0) AS set_aside,
               coalesce(sum(on_hand - reserved - allocated), 0) - greatest(coalesce(sum(set_aside), 0), 0) AS uncovered
        FROM {_NAMED} LEFT JOIN movement USING (node, sku) GROUP BY node, sku
    )
    UPDATE stock s
    SET on_hand = b.on_hand, reserved = b.reserved, allocated = b.allocated, set_aside = b.set_aside,
        {stock.CHANGED},
        short_at = CASE WHEN b.uncovered < 0 AND b.reserved > 0 THEN coalesce(s.short_at, clock_timestamp()) END,
        offered_at = CASE WHEN b.uncovered > s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated
                               AND EXISTS (
                                   SELECT FROM waiting w WHERE w.awaits = 'stock' AND w.parts @> ARRAY[s.sku])
                          THEN clock_timestamp() ELSE s.offered_at END
    FROM booked b WHERE s.node = b.node AND s.sku = b.sku
    """
)
"""Units that become available are offered to the orders that wait, as `stock.record` does."""


async def _open_exceptions(connection: WriteConnection, drifts: Sequence[Drift], cause: str, at: datetime) -> None:
    """Open an exception for each stock level that, once corrected, has fewer units on hand than are promised."""
    short = [
        Opened(
            ExceptionCode.STOCK_SHORT,
            f"{row.missing} of {row.sku} at {row.node} are promised but not on hand",
            node=row.node,
            subject=row.sku,
        )
        for row in await connection.execute(SHORT, _named(drifts))
    ]
    await exception.open_all(connection, short, order=None, cause=cause, at=at)


SHORT = text(
    f"""
    SELECT node, sku, reserved + allocated + greatest(set_aside, 0) - on_hand AS missing
    FROM stock JOIN {_NAMED} USING (node, sku)
    WHERE on_hand - greatest(set_aside, 0) < reserved + allocated
      AND NOT EXISTS (SELECT FROM exception e WHERE e.code = 'stock_short' AND e.node = stock.node AND e.subject = stock.sku
                                              AND e.closed_cause IS NULL)
    ORDER BY sku, node
    """
)
