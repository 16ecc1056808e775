"""The SQL statements that are sent, for tests that count them or check their plans."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
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


async def generic_plan(
    database: Database, statement: str, parameters: tuple[Any, ...], options: str = "ANALYZE, FORMAT JSON"
) -> list[dict[str, Any]]:
    """Every step of the plan as the service has it: made once, without knowing the values. A plain EXPLAIN would know them."""
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(f"PREPARE one AS {statement}")
        values = f"({', '.join(map(literal, parameters))})" if parameters else ""
        explained = await connection.exec_driver_sql(f"EXPLAIN ({options}) EXECUTE one{values}")
        found = explained.scalar_one()
        await connection.exec_driver_sql("DEALLOCATE one")
    plans = [(found if isinstance(found, list) else json.loads(found))[0]["Plan"]]
    for plan in plans:
        plans += plan.get("Plans", [])
    return plans


def literal(value: object) -> str:
    """A parameter as SQL."""
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]" if value else "'{}'"
    if value is None or isinstance(value, int | float):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("'", "''") + "'"


@dataclass
class RoundTrips:
    """What was sent to PostgreSQL, one after the other: statements, and what begins and ends transactions."""

    sent: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """How often an answer of PostgreSQL was waited for."""
        return len(self.sent)


INTROSPECTION = re.compile(r"typeinfo_tree|set_config\('jit'")
"""What the driver asks about types that are new to a connection."""

_counted: ContextVar[RoundTrips | None] = ContextVar("counted", default=None)


@contextmanager
def round_trips_of_this_task() -> Iterator[RoundTrips]:
    """What this task sends inside the block, and what the tasks send that it begins there, through watched databases."""
    seen = RoundTrips()
    token = _counted.set(seen)
    try:
        yield seen
    finally:
        _counted.reset(token)


@contextmanager
def watched(database: Database) -> Iterator[RoundTrips]:
    """Everything that is sent to a database inside the block, by connections that it opens there, but for what a connection
    asks once: to prepare a statement, and what its types are."""
    seen = RoundTrips()

    def note(statement: str) -> None:
        if INTROSPECTION.search(statement):
            return
        for counted in (seen, _counted.get()):
            if counted is not None:
                counted.sent.append(" ".join(statement.split()))

    def see(_: object, __: object, statement: str, *___: object) -> None:
        note(statement)

    def watch(connection: Any, _: object) -> None:
        """The driver itself logs only what begins and ends transactions."""
        connection.driver_connection.add_query_logger(lambda logged: note(logged.query))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    event.listen(engine, "connect", watch)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", see)
        event.remove(engine, "connect", watch)
