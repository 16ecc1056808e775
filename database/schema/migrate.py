"""Brings the schema up to date. Several processes may call it at the same time; an advisory lock lets one do the work.

Tables change by migrations, one after another. Views hold no data, so they are replaced when their text has changed.
"""

from hashlib import sha256
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from database.connect import Database
from database.schema.views import VIEWS

ADVISORY_LOCK = 727_001
"""Any number, as long as every Switchyard uses the same."""


async def upgrade(database: Database) -> None:
    """Run every migration that has not run yet. Safe to repeat, and safe to call from several processes."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
        await connection.commit()
        try:
            await connection.run_sync(_upgrade)
        finally:
            await connection.rollback()  # after a step that failed, its transaction accepts no other statement
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": ADVISORY_LOCK})
            await connection.commit()


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for one connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    """In one transaction: an upgrade that fails leaves the database as it was."""
    with connection.begin():
        command.upgrade(configuration(connection), "head")
        _renew_views(connection)


def _renew_views(connection: Connection) -> None:
    """Drop the views and make them again in one transaction: readers wait for it, and never see a schema without views."""
    digest = sha256("".join(VIEWS.values()).encode()).hexdigest()
    known = connection.scalar(text("SELECT obj_description(to_regclass('order_state'), 'pg_class')"))
    if known == digest:
        return
    for name in reversed(VIEWS):
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    for statement in VIEWS.values():
        connection.execute(text(statement))
    connection.execute(text(f"COMMENT ON VIEW order_state IS '{digest}'"))
