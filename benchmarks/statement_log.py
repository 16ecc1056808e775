"""Counts the SQL statements of a life exactly, from PostgreSQL's own log: every build can be counted so, from outside.

Processes also ask the database while nothing happens. What they sent in a quiet moment is known, transaction by transaction;
only transactions that differ from all of those are counted, with their BEGIN and COMMIT.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

import asyncpg

SETTINGS = MappingProxyType({"log_statement": "'all'", "log_line_prefix": "'sql %p '", "log_parameter_max_length": "0"})
BEGINNING = re.compile(r"sql (\d+) LOG:  (?:statement|execute [^:]*): (.*)")
CONTINUES = "\t"
"""What PostgreSQL puts before each further line of the same message."""

EFFECTIVE_SECONDS = 0.3
"""Until every process of the server has read its settings again."""

Transaction = tuple[str, ...]


class StatementLog:
    """The log of a server while it writes every statement into it."""

    def __init__(self, postmaster: int) -> None:
        """`postmaster` is the server's first process: its log is where its standard error goes."""
        self._file = Path(f"/proc/{postmaster}/fd/2").resolve()
        self._idle: set[Transaction] = set()

    async def begin(self, database: str) -> None:
        """Have the server log from now on. `database` is the URL of a superuser."""
        statements = [f"ALTER SYSTEM SET {name} = {value}" for name, value in SETTINGS.items()]
        await _execute(database, statements)

    async def end(self, database: str) -> None:
        """Stop logging statements."""
        await _execute(database, [f"ALTER SYSTEM RESET {name}" for name in SETTINGS])

    @property
    def position(self) -> int:
        """How far the log has been written."""
        return self._file.stat().st_size

    def learn(self, since: int) -> None:
        """Note the transactions since that position as those that an idle stack sends."""
        self._idle |= set(self._transactions(since))

    def count(self, since: int) -> int:
        """Statements since that position, without the transactions that an idle stack sends."""
        return sum(len(one) for one in self._transactions(since) if one not in self._idle)

    def _transactions(self, since: int) -> Iterator[Transaction]:
        with self._file.open("rb") as log:
            log.seek(since)
            return transactions(statements(log.read().decode(errors="replace").splitlines()))


async def _execute(database: str, commands: list[str]) -> None:
    connection = await asyncpg.connect(database)
    try:
        for command in (*commands, "SELECT pg_reload_conf()"):
            await connection.execute(command)
    finally:
        await connection.close()
    await asyncio.sleep(EFFECTIVE_SECONDS)


def statements(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The process and the text of every statement in a log."""
    process, text, is_open = "", "", False
    for line in lines:
        if is_open and line.startswith(CONTINUES):
            text = f"{text}\n{line}"
            continue
        if is_open:
            yield process, text
        found = BEGINNING.match(line)
        is_open = found is not None
        if found is not None:
            process, text = found.groups()
    if is_open:
        yield process, text


def transactions(statements: Iterable[tuple[str, str]]) -> Iterator[Transaction]:
    """The statements of each transaction, from BEGIN to COMMIT or ROLLBACK; one outside of any is its own."""
    begun: dict[str, list[str]] = {}
    for process, text in statements:
        word = text.upper()
        if word.startswith("BEGIN"):
            begun[process] = []
        begun.setdefault(process, []).append(text)
        if word.startswith(("COMMIT", "ROLLBACK")) or not begun[process][0].upper().startswith("BEGIN"):
            yield tuple(begun.pop(process))
    yield from (tuple(unfinished) for unfinished in begun.values())
