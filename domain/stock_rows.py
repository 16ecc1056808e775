"""Decides which rows of a stock message count now: a row that does not fit never keeps the others from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from domain.stock import StockLine, StockMessage, WrongRow

SPELT_OUT_MAX = 5
"""Rows that an exception names; the answer to the message names all."""


class RowNotApplied(BaseModel):
    """A row of a stock message that does not count, or not yet."""

    line: int = Field(description="the row's place in `lines`, from 0")
    sku: str | None = Field(description="the row's SKU; null where it could not be read")
    why: str = Field(description="what is wrong with the row")
    kept: bool = Field(description="true: it is kept, and applied once the network has the SKU; false: it is refused")


@dataclass(frozen=True, slots=True)
class SortedRows:
    """The rows of a message that count now, those that wait for their SKU, by their place, and why rows do not count."""

    applied: Sequence[StockLine]
    kept: dict[int, StockLine]
    not_applied: Sequence[RowNotApplied]


def sort_rows(
    message: StockMessage, is_known: Callable[[str], bool], wrong_sku: Callable[[str], str | None]
) -> SortedRows:
    """Sort the rows of a message. `is_known` says whether the network knows a SKU, `wrong_sku` why there is no stock of it."""
    applied: list[StockLine] = []
    kept: dict[int, StockLine] = {}
    refused = {place: _refused(place, row, str(row)) for place, row in message.wrong.items()}
    for place, row in message.good.items():
        if (why := wrong_sku(row.sku)) is None:
            applied.append(row)
        else:
            refused[place] = RowNotApplied(line=place, sku=row.sku, why=why, kept=not is_known(row.sku))
            if refused[place].kept:
                kept[place] = row
    return SortedRows(applied, kept, [refused[place] for place in sorted(refused)])


def _refused(place: int, row: WrongRow, why: str) -> RowNotApplied:
    return RowNotApplied(line=place, sku=row.sku, why=why, kept=False)


def summary(message: StockMessage, not_applied: Sequence[RowNotApplied]) -> str:
    """What a person reads of rows that were not applied."""
    named = [f"line {row.line} ({row.why})" for row in not_applied[:SPELT_OUT_MAX]]
    more = len(not_applied) - len(named)
    listed = "; ".join(named) + (f"; and {more} more" if more else "")
    return f"{len(not_applied)} of {len(message.lines)} rows of {message.kind} {message.message_id}: {listed}"
