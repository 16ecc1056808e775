"""Collects statements that write and whose answers nobody reads, and sends them as one: PostgreSQL is waited for once."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

from database.connect import WriteConnection


class Rows(list[dict[str, Any]]):
    """Rows that a statement reads from JSON."""


class Writes:
    """Statements that wait to be sent. All of them see the tables as they were before: none may read or change a row that
    another one writes."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self._queries: list[str] = []
        self._parameters: dict[str, Any] = {}

    def add(self, queries: str, parameters: Mapping[str, Any]) -> None:
        """Add a statement as named queries of a WITH clause: `moved AS (UPDATE …)`. The same again, for another order, is sent
        once with the rows of both: then all its parameters are lists.

        Raises `ValueError` when a parameter was added before with another value.
        """
        if queries in self._queries:
            self._add_rows(parameters)
            return
        for name, value in parameters.items():
            if self._parameters.setdefault(name, value) != value:
                raise ValueError(f"two statements that are sent as one have different values of {name}")
        self._queries.append(queries)

    def _add_rows(self, parameters: Mapping[str, Any]) -> None:
        for name, value in parameters.items():
            known = self._parameters[name]
            if not isinstance(known, list):
                raise ValueError(f"a statement was added twice, and {name} is no list")
            self._parameters[name] = type(known)([*known, *value])

    async def send(self, connection: WriteConnection) -> None:
        """Send what was added since the last time; nothing when that is nothing."""
        if self._queries:
            statement = _as_one(tuple(self._queries))
            parameters = {name: _sent(value) for name, value in self._parameters.items()}
            self._queries, self._parameters = [], {}
            await connection.execute(statement, parameters)


def _sent(value: Any) -> Any:
    return json.dumps(value, default=datetime.isoformat) if isinstance(value, Rows) else value


@cache
def _as_one(queries: tuple[str, ...]) -> TextClause:
    """Each combination is one prepared statement of a connection. There are few: a transaction has a fixed sequence."""
    return text(f"WITH {', '.join(queries)} SELECT")
