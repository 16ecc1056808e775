"""The SQL statements that are sent, for tests that count them or check their plans."""

import json
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
