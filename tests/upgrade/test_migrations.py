"""Revisions that have landed stay as they are, and a database of any version gets the schema that an empty one gets."""

import shutil
from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from database.connect import Database
from database.schema import migrate
from database.schema.views import VIEWS
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database
from tests.upgrade.dump import schema_of

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
LANDED = {"0001_first.py": "11a2df8a757081989dd759200eea86970c2998da303eeec94bec0c3f7d13126d"}
"""Revisions that some database may have run, each with the SHA-256 of its text."""
PLANTED = """
import sqlalchemy as sa
from alembic import op

revision = "planted"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("orders", sa.Column("gift_message", sa.Text()))
"""
_databases = count(1)


@pytest.mark.parametrize("revision", LANDED)
def test_a_revision_that_has_landed_is_never_changed(revision: str) -> None:
    digest = sha256((MIGRATIONS / "versions" / revision).read_bytes()).hexdigest()

    assert digest == LANDED[revision], f"{revision} has run on databases out there: add a new revision instead"


@pytest_asyncio.fixture
async def empty(postgres: str) -> AsyncIterator[Database]:
    """A database with nothing in it."""
    opened = Database(await new_database(postgres, f"empty-{next(_databases)}"), MASTER_KEYS)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def old(postgres: str, restored: str) -> AsyncIterator[Database]:
    """A recorded database that was not upgraded yet."""
    opened = Database(await new_database(postgres, f"old-{next(_databases)}", restored), MASTER_KEYS)
    yield opened
    await opened.close()


def url_of(database: Database) -> str:
    """Where a database is, as PostgreSQL's programs want it."""
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def test_an_upgraded_database_has_the_schema_of_a_new_one(old: Database, empty: Database) -> None:
    for database in (old, empty):
        await migrate.upgrade(database)

    assert schema_of(url_of(old)) == schema_of(url_of(empty))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A next revision, that adds a column to the orders, in a copy of the migrations that takes their place."""
    copy = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    real = migrate.configuration

    def configuration(connection: Connection) -> Config:
        config = real(connection)
        config.set_main_option("script_location", str(copy))
        return config

    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    (copy / "versions" / "planted.py").write_text(PLANTED.format(head=head))
    monkeypatch.setattr(migrate, "configuration", configuration)


async def test_the_next_revision_runs_once_on_old_and_new_databases_and_keeps_what_is_there(
    old: Database, empty: Database, planted: None
) -> None:
    before, unchanged = await orders_of(old), schema_of(url_of(old))

    for database in (old, empty, old):
        await migrate.upgrade(database)

    kept = [{name: row[name] for name in was} for row, was in zip(await orders_of(old), before, strict=True)]
    assert kept == before != []
    assert schema_of(url_of(old)) == schema_of(url_of(empty)) != unchanged
    assert await revision_of(old) == await revision_of(empty) == "planted"


async def test_an_upgrade_that_fails_says_why_and_leaves_the_database_as_it_was(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = schema_of(url_of(old))
    monkeypatch.setattr(migrate, "VIEWS", {**VIEWS, "order_state": "CREATE VIEW of nothing"})

    with pytest.raises(DBAPIError, match="syntax error"):
        await migrate.upgrade(old)

    assert schema_of(url_of(old)) == before


async def orders_of(database: Database) -> list[dict[str, object]]:
    """Every row of the orders."""
    async with database.read() as connection:
        return list((await connection.execute(text("SELECT to_jsonb(o) FROM orders o ORDER BY order_id"))).scalars())


async def revision_of(database: Database) -> str:
    """The revision that a database has."""
    async with database.read() as connection:
        return str((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one())


async def test_after_an_upgrade_the_sweep_looks_at_everything_that_is_open(old: Database) -> None:
    await migrate.upgrade(old)

    async with old.read() as connection:
        found = (await connection.execute(text(OPEN_AND_SWEPT))).one()
    assert found.orders == found.swept_orders > 0
    assert found.returns == found.swept_returns > 0
    assert not found.swept_in_vain


OPEN_AND_SWEPT = """
    SELECT (SELECT count(*) FROM orders WHERE closed_at IS NULL AND version > 0) AS orders,
           (SELECT count(*) FROM orders WHERE sweep_at < now()) AS swept_orders,
           (SELECT count(*) FROM return_status WHERE status NOT IN ('closed', 'cancelled', 'declined', 'expired')) AS returns,
           (SELECT count(*) FROM return JOIN return_status USING (return_id)
            WHERE sweep_at < now() AND status NOT IN ('closed', 'cancelled', 'declined', 'expired')) AS swept_returns,
           (SELECT count(*) FROM orders WHERE closed_at IS NOT NULL AND sweep_at IS NOT NULL) AS swept_in_vain
"""
