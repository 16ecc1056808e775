"""Processes that buy labels are killed with -9 around each call and each commit: each parcel is paid once, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from carriers.kinds import KINDS
from database.connect import Database
from tests.database.mortal_labels import Accountant
from tests.database.packing_desk import CARRIERS, Desk
from tests.database.shop import MAP, Shop
from tests.dying import died_at

WHILE_BUYING = ["claimed", "before:buy", "after:buy", "before:bought", "after:bought"]
WHILE_VOIDING = ["claimed", "before:void", "after:void", "before:voided", "after:voided"]


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose carrier keeps its account in a file."""
    monkeypatch.setitem(KINDS, "stub", Accountant(tmp_path / "account"))
    return Desk(await Shop.open(database, replace(MAP, carriers=CARRIERS)))


async def carried_out(database_url: str, account: Path, *moments: str) -> list[str]:
    """Let processes do what is due that die at these moments; answers at which one died."""
    return await died_at("tests.database.mortal_labels", database_url, str(account), *moments)


@pytest.mark.parametrize("moment", WHILE_BUYING)
async def test_a_parcel_is_paid_once_whenever_the_process_dies_that_buys_its_label(
    desk: Desk, database_url: str, tmp_path: Path, moment: str
) -> None:
    account, work = tmp_path / "account", await desk.work()
    label = await desk.ask(work)
    assert await carried_out(database_url, account, moment, "never") == [moment]
    sold = list(Accountant(account).sold)
    if moment in ("claimed", "before:buy"):
        assert (await desk.status(label), sold) == ("unknown", []), "the next process cannot know that it was not sold"
        await desk.later(6)
        assert await desk.status(label) == "refused"
        label = await desk.ask(work)
        assert await carried_out(database_url, account, "never") == []
        sold = list(Accountant(account).sold)
    assert (await desk.status(label), sold) == ("bought", [label])
    assert await desk.exceptions() == []


async def test_a_label_is_given_back_once_although_every_process_dies_that_voids_it(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    account, work = tmp_path / "account", await desk.work()
    label = await desk.ask(work)
    await carried_out(database_url, account, "never")
    await desk.void(label)
    assert await carried_out(database_url, account, *WHILE_VOIDING, "never") == WHILE_VOIDING
    assert (await desk.status(label), Accountant(account).taken_back) == ("voided", [label])
    assert await desk.exceptions() == []
