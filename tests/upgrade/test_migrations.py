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
from database.order.parts import CAPTURED
from database.schema import migrate
from database.schema.views import VIEWS
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database
from tests.upgrade.dump import schema_of

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
LANDED = {
    "0001_first.py": "11a2df8a757081989dd759200eea86970c2998da303eeec94bec0c3f7d13126d",
    "0002_as_ordered.py": "e2f1f967eddbf47ec1a9896e85e6a603cf3082ed2e5fe8f2ee477596d264267b",
    "0003_nothing_ends_in_silence.py": "d2372a67c48c4145ab7198a51b1fa48862a4ae955b9b1b543d4979f553a136d5",
    "0004_closing.py": "8ac0923876a4cda93be78fc06e159bc9c614fcb8d330b3d5e967bc47977c1b16",
    "0005_node_contact.py": "5a86c89b8ae6b14c19718601845da9ceb9f6301731bbc13f17c5bf05c55b3e66",
    "0006_sweep.py": "88015edf0a3c3c21088129621a47ee1141291e2b7de4f847f3d3d44c3eb68ed6",
    "0007_facts.py": "bfc2ffe5615c5cba245325b2b4b72871bf20aabf1e112caf8ef37e57c3d60274",
    "0008_who_may.py": "a00e627ce2efeda44f92c98c98f8f15faf7b4590354410b529ab66c60b018020",
    "0009_order_document.py": "d869f0d1ce6799fc495537e652c85b1e2f78c29c5482cbc12f689309dadc9602",
    "0010_money.py": "96cbafa9c4a64d61456182067d68f502e9e0cf6bf853ad851b4af0e8012ffd2c",
    "0011_payments.py": "8537f76ca1985bc3ebd430f91c801eb9ce81391b71ebff8a99d245d1c23eb8aa",
    "0012_places.py": "97cfad508be45040319db084c1d76d9ec39e097a99a19bb58475315e6207b31a",
    "0013_what_a_node_sees.py": "ecbeaf9b4e7c620f145eaafa6fa3545f35ce3291ed433e4929dbe7ba0e2cacb6",
    "0014_found.py": "a8c4003a31b7b255e5103be8e779d720b4498e347041cdcb8df7a8670d79ff54",
    "0015_what_a_channel_may_see.py": "5d6a8c5a90d9293112af5da03b3ffacfecff96d2efb56f08cc635e08fe30fce5",
    "0016_cut_over.py": "7d7bfadcd2ad6f4820a8e723f86eecea954a5d16e90333c16fd2bee922a128ac",
    "0017_as_given.py": "0268b825196c6b32f63178efe1476bd35c9fa08684ca6b712b2ccc60da667e9a",
    "0018_connections.py": "d6dd1ca4169f6c2852f962a47c8e1cddb38ff915463dc69c6574a464d4d91cf4",
    "0019_x12.py": "4a4b46167253e8de3abe579754167bf11adde6a1edc05fcba1f67f59fb99f010",
    "0020_carriers.py": "20d0bd6c7776686ac05e5c95140078034b681931d8319645f94a841ad4852c56",
    "0021_roles.py": "352925409b214428991a2468e848ce4ab815dac35604fffc732bf94e0940dec8",
    "0022_plan_input.py": "ad2c0dbc26796e867a91a7e551b4a695f42bfe19c7eb1cd16984417e03870ba8",
    "0023_looked_after.py": "699503cebb423bc23b744d86cfc57c3e90c21febbd7d83522f89d0ef18e65737",
    "0024_supply_in_time.py": "f1dc268f9cc711093cdd9f1bec9f4cec63d08a284c61e2f1b351b2a0499de4c5",
    "0025_transfers.py": "bb64dd74255ef2c740ce4c7329d6e75cdb5f20cbb0ded16d23308f5859c365f2",
    "0026_replenishment.py": "1055c4c2533086ba1b8cb9981f788c589eaf31c833e7e339791425baed9bac58",
    "0027_ship_to_store.py": "8379ec38d56df75bc9eddd58d34ba916017ee7daaf552772892d627aecd369a1",
    "0028_sold_ahead.py": "20eda14c099603e7ba84d124a17c9bff1dfd7daf4f3b09584f65a2593e387d9b",
    "0029_shadow.py": "4cb5925be9b2d021c96a014bc332604fb853e89a50639c93ae9c15227dd4032c",
    "0030_saved_filters.py": "cf4510665655d7e0cd4feafcf4fc399d2f5987599aa076995c2b7a81c9802cfa",
    "0031_kept_scans.py": "9864d6d4fdbe243c95db55f9194c5c4cb02109a403e3a19fbe3d58f95b7686eb",
    "0032_levels_of_places.py": "2eeeb1ab5921f74e7eac072449c85f1b9646bd8af61b63435a7a1256be35e886",
    "0033_manifests.py": "630ac98bc2f9cf52fd6aa2c3e59cf9ea1badbcd9a3f0b1393d3444c97fbd3871",
    "0034_coming_back.py": "19f20a0c8b3221750840ae108ef75e8db65913e6f9c9718fbe32fb4d0ce87540",
    "0035_look_ahead.py": "ed658c9d485129020c4a874894bf02fa937fa30e1b3067c717afd8da557d686c",
}
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

    after = await orders_of(old)
    for known in before:
        del known["value"]  # revision 0010 counts it again, without what is cancelled
    assert [row | known for row, known in zip(after, before, strict=True)] == after != []
    assert {row["gift_message"] for row in after} == {None}
    assert schema_of(url_of(old)) == schema_of(url_of(empty)) != unchanged
    assert await revision_of(old) == await revision_of(empty) == "planted"


async def test_an_upgrade_that_fails_says_why_and_leaves_the_database_as_it_was(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.upgrade(old)  # a revision that has run stays: each is a transaction of its own
    before = schema_of(url_of(old))
    monkeypatch.setattr(migrate, "VIEWS", {**VIEWS, "order_state": "CREATE VIEW of nothing"})

    with pytest.raises(DBAPIError, match="syntax error"):
        await migrate.upgrade(old)

    assert schema_of(url_of(old)) == before


PAST = [
    ("unfilled", "every node that may ship 2 of line a-1 rejected them or found them short", "a-1"),
    ("unfilled", "no node may fill 2 of line a-1", "a-1"),
    ("unfilled", "2 of line a-1 were tried 3 times", "a-1"),
    ("unfilled", "2 of line a-1 waited for stock until their time was over, and were cancelled", None),
    ("unfilled", "2 units had not been released when not_after came, and were cancelled", None),
    ("double_ship", "1 of line a-1 left denver after they had been given to another node or cancelled", "a-1"),
    ("surplus", "1 of line a-1 left denver beyond what was ordered", "a-1"),
    ("return_misfit", "the parcel of web-1-r1 was sent and has not come", "web-1-r1"),
    ("return_misfit", "received does not fit web-1-r1: it was expired", None),
    ("stock_short", "3 of CHAIR at denver are promised but not on hand", "CHAIR"),
]


async def test_open_exceptions_of_the_past_are_known_by_what_they_are_about(old: Database) -> None:
    async with old.engine.begin() as connection:
        for number, (code, detail, _) in enumerate(PAST):
            row = {"name": f"past-{number:02}", "code": code, "detail": detail}
            await connection.execute(text(OPEN), row)
        found = (await connection.execute(text(FAILED_FIRST))).scalars().all()
    assert found, "the recording has a delivered order"

    await migrate.upgrade(old)

    async with old.read() as connection:
        statement = "SELECT subject FROM exception WHERE exception_id LIKE 'past-%' ORDER BY exception_id"
        subjects = (await connection.execute(text(statement))).scalars().all()
        failed = await connection.execute(
            text("SELECT count(*) FROM fulfillment_order WHERE delivery_failed_at IS NOT NULL")
        )
        assert failed.scalar_one() == 0, "what was delivered after all waits for nobody"
    assert subjects == [subject for _, _, subject in PAST]


OPEN = """
    INSERT INTO exception (exception_id, code, detail, cause, since, due_at) VALUES (:name, :code, :detail, :name, now(), now())
"""
FAILED_FIRST = """
    UPDATE fulfillment_order f SET delivery_failed_at = delivered_at - interval '1 hour'
    WHERE delivered_at IS NOT NULL AND NOT assumed_delivered AND delivery_failed_at IS NULL AND NOT EXISTS (
        SELECT FROM fulfillment_order_line l
        WHERE l.fulfillment_order_id = f.fulfillment_order_id AND l.told_delivered < l.shipped)
    RETURNING 1
"""


async def test_every_order_of_before_was_begun_here(old: Database) -> None:
    await migrate.upgrade(old)

    async with old.read() as connection:
        taken_over = await connection.execute(text("SELECT count(*) FROM orders WHERE taken_over_at IS NOT NULL"))
        left_before = await connection.execute(text("SELECT sum(left_before) FROM fulfillment_order_line"))
        assert (taken_over.scalar_one(), left_before.scalar_one()) == (0, 0)


async def test_lines_of_bundles_that_were_ordered_before_get_what_they_were_ordered_as(old: Database) -> None:
    async with old.engine.begin() as connection:
        await connection.execute(text(OTHER_RECIPE))
        await connection.execute(text(ORDERED_UNDER_IT))

    await migrate.upgrade(old)

    async with old.read() as connection:
        rows = await connection.execute(
            text("SELECT order_id, sku, components FROM order_line WHERE components IS NOT NULL")
        )
        found = {(row.order_id, row.sku): row.components for row in rows}
    before = {"SERUM-30": 1, "TONER-200": 2}
    assert found == {
        ("web-in-a-parcel", "SET-01"): before,
        ("web-for-another-day", "SET-01"): before,
        ("web-later", "SET-01"): {"SERUM-30": 1, "TONER-200": 1},
    }


OTHER_RECIPE = """
    INSERT INTO network_version (digest, documents, is_active)
    SELECT 'another', jsonb_set(documents, '{items}', to_jsonb(replace(documents ->> 'items', 'TONER-200*2', 'TONER-200*1'))),
           false
    FROM network_version ORDER BY version LIMIT 1
"""
ORDERED_UNDER_IT = """
    WITH later AS (
        INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                            postal_area, priority, customer_tier, value, shipping_price, release_at, return_window)
        VALUES ('web-later', 'web', 'later', '', now(), now() + interval '1 minute', 'USD', 'standard', 'US', '802', 5, '', 0,
                0, now(), '30 days')
    )
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
    VALUES ('web-later', '1', 0, 'SET-01', 100, 0, 1, 1), ('web-later', '2', 1, 'SERUM-30', 100, 0, 1, 1)
"""


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


UNREPORTED = f"""
    SELECT count(*) FROM orders o
    WHERE o.captured IS NULL AND (o.authorized, o.voided, o.capture_asked, o.void_asked) = (0, 0, 0, 0)
      AND {CAPTURED} = coalesce(o.paid, o.total)
"""


async def test_of_orders_from_before_payments_as_much_is_captured_as_before(old: Database) -> None:
    await migrate.upgrade(old)
    async with old.read() as connection:
        orders = (await connection.execute(text("SELECT count(*) FROM orders"))).scalar_one()
        unreported = (await connection.execute(text(UNREPORTED))).scalar_one()
        cut = (await connection.execute(text("SELECT count(*) FROM refund WHERE cut <> 0"))).scalar_one()
    assert orders > 0
    assert (unreported, cut) == (orders, 0)
