"""Fixtures: the recorded database of an earlier version, restored and upgraded, in the place of an empty one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from alembic import command
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from api.app import application
from api.service import assemble
from database.connect import Database
from database.schema.migrate import configuration
from embedded.temporal import EmbeddedTemporal
from runtime.search_attributes import register_search_attributes
from tests.conftest import OPERATOR_KEY
from tests.house import MASTER_KEYS, Document
from tests.upgrade.dump import move_in_time, restore
from transactions.prepare import prepare
from workflows.visibility import SEARCH_ATTRIBUTES

HERE = Path(__file__).parent
VERSIONS = sorted(path.parent.name for path in HERE.glob("*/known.json"))
WAS_AWAY = timedelta(hours=7)
"""How long ago the recording ended, by the clock of the tests: some deadlines have come, most have not, and the sweep, which
checks every open order each six hours, is due."""
IN_ANOTHER_INSTANCE = "UPDATE event SET transaction_id = 0"
"""What docs/operating/production.md asks for after a restore."""

NOBODY_LISTENS = "127.0.0.1:1"


@dataclass(frozen=True)
class Recording:
    """What `tests/upgrade/record.py` has written of a version."""

    folder: Path

    @property
    def sql(self) -> str:
        """The database."""
        return (self.folder / "database.sql").read_text()

    @property
    def known(self) -> Document:
        """What the tests need of it: orders as they were shown, keys, carts, and requests that may be repeated."""
        known: Document = json.loads((self.folder / "known.json").read_text())
        return known

    @property
    def histories(self) -> dict[str, str]:
        """The history of every workflow that ran, by its id."""
        return {path.stem: path.read_text() for path in sorted((self.folder / "histories").glob("*.json"))}


@pytest.fixture(scope="session", params=VERSIONS)
def recording(request: pytest.FixtureRequest) -> Recording:
    """Each version that was recorded."""
    return Recording(HERE / request.param)


async def new_database(server: str, name: str, source: str = "template0") -> str:
    """A new database of this name, empty or a copy of one without connections; returns its URL."""
    url = make_url(server).set(drivername="postgresql+asyncpg", database="postgres")
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY'))
    await engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@asynccontextmanager
async def database_of(server: str, name: str, revision: str) -> AsyncIterator[Database]:
    """A new database of this name with the schema of a revision."""
    opened = Database(await new_database(server, name), MASTER_KEYS)
    async with opened.engine.connect() as connection:
        await connection.run_sync(lambda one: command.upgrade(configuration(one), revision))
        await connection.commit()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session")
async def restored(postgres: str, recording: Recording) -> str:
    """The name of the recorded database, `WAS_AWAY` after its end, under the schema of its version."""
    name = f"restored-{recording.folder.name}"
    url = await new_database(postgres, name)
    restore(url, recording.sql)
    age = datetime.now(UTC) - datetime.fromisoformat(recording.known["recorded_at"])
    database = Database(url, MASTER_KEYS)
    async with database.engine.begin() as connection:
        await move_in_time(connection, age - WAS_AWAY)
        await connection.execute(text(IN_ANOTHER_INSTANCE))
    await database.close()
    return name


@pytest_asyncio.fixture(scope="session")
async def template(postgres: str, restored: str) -> str:
    """The recorded database after `python -m starter prepare` of this version, which is what an upgrade is."""
    url = await new_database(postgres, f"upgraded-{restored}", restored)
    await prepare(url, None, OPERATOR_KEY, master_keys=MASTER_KEYS)
    return url


@pytest_asyncio.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[TimeSkipper]:
    """A Temporal server that knows none of the workflows: each test begins the same orders again."""
    with EmbeddedTemporal(tmp_path, in_memory=True, time_skipping=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        await register_search_attributes(client, SEARCH_ATTRIBUTES)
        yield TimeSkipper(client, config=TimeSkippingConfig(enabled=False))


@pytest_asyncio.fixture
async def reader(database: Database) -> AsyncIterator[AsyncClient]:
    """The HTTP interface of this version while nothing else of it runs: no worker, no relay; with an operator's key."""
    transport = ASGITransport(app=application(assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))))
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http:
        yield http
