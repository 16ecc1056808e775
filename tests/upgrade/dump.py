"""Writes a database down as text, and makes one of such a text, with the programs that PostgreSQL brings along."""

import re
import subprocess
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from embedded.account import own_account
from embedded.binaries import postgres_programs
from embedded.process import bare_environment

OF_NO_OWNER = ("--no-owner", "--no-privileges", "--restrict-key=switchyard")
"""What every dump has in common: nothing in it is of the machine or the moment where it was made."""


def dumped(database_url: str, *flags: str) -> str:
    """The database at this URL as SQL; `--schema-only` leaves the rows out."""
    return _run("pg_dump", database_url, *OF_NO_OWNER, *flags)


def schema_of(database_url: str) -> list[str]:
    """The statements that make the schema, in an order that does not depend on when which of them was run first.

    Columns of one table stay in their order: it is what `SELECT *` and `COPY` see.
    """
    lines = dumped(database_url, "--schema-only").splitlines()
    kept = "\n".join(line for line in lines if line and not line.startswith(("--", "\\")))
    return sorted(statement.strip() for statement in re.split(r";$", kept, flags=re.MULTILINE) if statement.strip())


def restore(database_url: str, sql: str) -> None:
    """Run a dump on an empty database; the first statement that fails ends it."""
    _run("psql", database_url, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", given=sql)


def _run(program: str, database_url: str, *flags: str, given: str = "") -> str:
    path = str(postgres_programs(own_account()) / program)
    done = subprocess.run(
        (path, *flags, f"--dbname={database_url}"), env=bare_environment(), input=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SHIFTED = """
    SELECT format('UPDATE %I.%I SET %s', table_schema, table_name,
                  string_agg(format('%1$I = %1$I + %2$L::interval', column_name, CAST(:by AS interval)), ', '))
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema IN ('public', 'personal') AND table_type = 'BASE TABLE' AND data_type = :data_type
    GROUP BY table_schema, table_name
"""
FAR_AWAY = timedelta(days=100_000)


async def move_in_time(connection: AsyncConnection, by: timedelta) -> None:
    """Let everything in the database have happened so much later, days of nodes rounded to whole ones.

    A recording gets older while its deadlines stay where they are; a test that depends on them would change with the calendar.
    Days are keys, and two of them must not meet on the way; so all of them go far away first. No trigger and no foreign key
    looks on.
    """
    whole = timedelta(days=by.days)
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    for data_type, span in (("timestamp with time zone", by), ("date", FAR_AWAY), ("date", whole - FAR_AWAY)):
        for statement in (await connection.execute(text(SHIFTED), {"data_type": data_type, "by": span})).scalars():
            await connection.execute(text(statement))
