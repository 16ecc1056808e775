"""Fixtures: PostgreSQL and Temporal once per run, a fresh database and a whole house per test that asks for one."""

import gc
import os
import shutil
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from fastapi import FastAPI
from httpx2 import AsyncClient
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

import worker
from api.app import application
from api.service import assemble
from database.connect import Database
from embedded.postgres import FORGETFUL, EmbeddedPostgres
from embedded.temporal import EmbeddedTemporal
from jobs.driver import Lane
from jobs.schedule import schedule
from network.load import load_applied
from runtime import time_zones
from runtime.search_attributes import register_search_attributes
from tests.checked_transport import CheckedTransport
from tests.house import ANSWERS_WITHIN_SECONDS, MASTER_KEY, MASTER_KEYS, House
from transactions.prepare import prepare
from workflows.visibility import SEARCH_ATTRIBUTES

# Commands that a test runs in its own process tell things on standard output; the log belongs elsewhere, as in production.
structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))

time_zones.pin()
OPERATOR_KEY = "operator-key-of-the-tests"
os.environ["SWITCHYARD_MASTER_KEYS"] = MASTER_KEY  # for processes that tests start
_databases = count(1)


MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 1024**3
"""What must be free there, for the databases of three processes; a container has 64 MB unless it is given more."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without garbage collection, and leave the thousands of tests out of every later one: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, if there is enough of it: the databases of tests are thousands of small files, and ext4 looks for a
    free inode among all that were deleted in the last seconds, which took more than half of PostgreSQL's processor time."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES_MIN:
        yield tmp_path_factory.mktemp("postgres")
        return
    for left in MEMORY.glob("switchyard-test-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():  # its tests were killed
            shutil.rmtree(left, ignore_errors=True)
    folder = MEMORY / f"switchyard-test-{os.getpid()}"
    folder.mkdir(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server that forgets on a crash, which makes tests fast."""
    server = EmbeddedPostgres(server_folder / "server", FORGETFUL)
    yield server.start()
    server.discard()


@pytest_asyncio.fixture(scope="session")
async def template(postgres: str) -> str:
    """A prepared database that others are copied from."""
    await prepare(postgres, Path("network/example"), OPERATOR_KEY, master_keys=MASTER_KEYS)
    return postgres


@pytest.fixture
def source(template: str) -> str:
    """The database that a test's own is copied from."""
    return template


@pytest_asyncio.fixture
async def database_url(source: str) -> AsyncIterator[str]:
    """A database of the test's own, with the schema, the example network and an operator key."""
    async with copy_of(source, f"test_{next(_databases)}") as url:
        yield url


@asynccontextmanager
async def copy_of(source: str, name: str) -> AsyncIterator[str]:
    """A copy of a database while the block lasts."""
    original = make_url(source)
    server = original.set(drivername="postgresql+asyncpg", database="postgres")
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        # Copied as files: the other strategy writes every page into the log of changes, and takes eight times the processor.
        await connection.execute(text(f'CREATE DATABASE {name} TEMPLATE "{original.database}" STRATEGY FILE_COPY'))
    yield original.set(database=name).render_as_string(hide_password=False)
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await engine.dispose()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The facts of one test."""
    opened = Database(database_url, MASTER_KEYS)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Temporal server that can skip time."""
    with EmbeddedTemporal(tmp_path_factory.mktemp("temporal"), in_memory=True, time_skipping=True) as server:
        yield server.address


@pytest_asyncio.fixture(scope="session")
async def temporal(temporal_address: str) -> TimeSkipper:
    """A client whose workflows have a clock that skips only when a test asks for it."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    await register_search_attributes(client, SEARCH_ATTRIBUTES)
    return TimeSkipper(client, config=TimeSkippingConfig(enabled=False))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers wait for workflows as long as a busy machine takes; after five seconds an order would be answered with 202."""
    monkeypatch.setattr("workflows.client.ANSWER_WITHIN", timedelta(seconds=ANSWERS_WITHIN_SECONDS))


@pytest.fixture
def relay_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that is made after this sends overdue signals, starts and sweeps only when the test calls its relay.

    On a busy machine the relay would do that in between: signals that nobody has sent are overdue after two seconds.
    """

    def without_relay(*given: Any) -> list[Lane]:
        return [lane for lane in schedule(*given) if lane.name not in ("signals", "sweep")]

    monkeypatch.setattr("api.service.schedule", without_relay)


@cache
def _application() -> FastAPI:
    """The application of every house of this process, without a service: a new one looks at its routes for 0.2 s."""
    nobody: Any = None
    return application(nobody)


@pytest.fixture
def networks_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every house loads two or three times, and never changes, is loaded once for all of them."""
    monkeypatch.setattr("transactions.network.load_applied", _loaded)


_loaded = lru_cache(maxsize=8)(load_applied)


@pytest_asyncio.fixture
async def house(
    patient: None, networks_are_loaded_once: None, database: Database, database_url: str, temporal: TimeSkipper
) -> AsyncIterator[House]:
    """A whole Switchyard; when the test is over, every invariant must hold."""
    service = assemble(database, temporal.client, allows_private_webhooks=True)
    app = _application()
    app.state.service = service
    transport = CheckedTransport(app=app)
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with (
        worker.build(temporal.client, database),
        service.running(),
        AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http,
    ):
        made = House(http, service, temporal, database_url)
        yield made
        await made.check_invariants()
        await made.read_everything()
        await made.leave()
