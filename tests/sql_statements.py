"""The SQL statements that are sent, for tests that count them or check their plans."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from database.connect import Database

Statements = list[tuple[str, tuple[Any, ...]]]
"""Each with its parameters."""


@contextmanager
def statements_of(database: Database) -> Iterator[Statements]:
    """Every statement that is sent inside the block, beside the begin and end of transactions."""
    seen: Statements = []

    def see(_: object, __: object, statement: str, parameters: tuple[Any, ...], ___: object, ____: bool) -> None:
        seen.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", see)
