"""Parcels that an earlier version labelled wait for a manifest after the upgrade, if that was within seven days."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database import manifest as statements
from database.connect import Database
from database.documents import manifest as documents
from database.schema import migrate
from tests.upgrade.conftest import database_of
from tests.upgrade.test_earlier_labels import LABEL, LINE, WORK
from tests.upgrade.test_earlier_promises import UPGRADED as ORDER

_databases = count(1)
AGO = {"web-1-f1": timedelta(days=1), "web-1-f2": timedelta(days=8)}
LABELLED = "UPDATE label SET tracking = about, bought_at = now() - CAST(:ago AS interval) WHERE about = :work"


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database that knows no manifests."""
    async with database_of(postgres, f"parcels-{next(_databases)}", "0031") as opened:
        yield opened


async def test_after_the_upgrade_parcels_that_were_labelled_lately_wait_for_a_manifest(earlier: Database) -> None:
    async with earlier.write() as connection:
        await connection.execute(text(ORDER), {"order": "web-1", "ship_by": None, "deliver_by": None})
        for number, (work, ago) in enumerate(AGO.items(), 1):
            await connection.execute(text(WORK), {"work": work, "number": number})
            await connection.execute(text(LINE), {"work": work, "shipped": 0, "short": 0, "in_doubt": 0})
            await connection.execute(text(LABEL), {"work": work})
            await connection.execute(text(LABELLED), {"work": work, "ago": ago})

    await migrate.upgrade(earlier)

    async with earlier.write() as connection:
        waiting = await documents.waiting(connection, "slc", ["van"], None, 10)
        today = datetime.now(UTC).date()
        made = await statements.add(connection, statements.NewManifest("slc", "van", today, "operator"))
    assert ([one["label"] for one in waiting], made) == (["web-1-f1-l1"], "slc-van-m1")
