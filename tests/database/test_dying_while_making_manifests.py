"""Processes that make manifests are killed with -9 around each call and each commit: each is made once, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from carriers.kinds import KINDS
from database.connect import Database
from tests.database.mortal_manifests import Printer
from tests.database.packing_desk import CARRIERS
from tests.database.shop import MAP, Shop
from tests.database.test_manifests import Dock
from tests.dying import died_at


@pytest_asyncio.fixture
async def dock(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dock:
    """A dock whose carrier keeps its manifests in a file."""
    monkeypatch.setitem(KINDS, "stub", Printer(tmp_path / "account"))
    return Dock(await Shop.open(database, replace(MAP, carriers=CARRIERS)))


async def carried_out(database_url: str, account: Path, *moments: str) -> list[str]:
    """Let processes do what is due that die at these moments; answers at which one died."""
    return await died_at("tests.database.mortal_manifests", database_url, str(account), *moments)


@pytest.mark.parametrize("moment", ["claimed", "before:make", "after:make", "before:made", "after:made"])
async def test_a_parcel_is_on_one_manifest_whenever_the_process_dies_that_asks_for_it(
    dock: Dock, database_url: str, tmp_path: Path, moment: str
) -> None:
    account, label = tmp_path / "account", await dock.parcel()
    manifest = await dock.ask()
    assert await carried_out(database_url, account, moment, "never") == [moment]
    if moment in ("claimed", "before:make"):
        assert (await dock.status(manifest), Printer(account).made) == ("unknown", {}), "the next process cannot know"
        await dock.later(6)
        assert (await dock.status(manifest), await dock.waiting()) == ("refused", [label])
        manifest = await dock.ask()
        assert await carried_out(database_url, account, "never") == []
    assert (await dock.status(manifest), list(Printer(account).made)) == ("made", [manifest])
    assert (await dock.waiting(), await dock.exceptions()) == ([], [])
    await dock.shop.check()
