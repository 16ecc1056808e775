"""What is personal is sealed: with a key of each order's own, which can be erased, and a master key from outside."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from pydantic import ValidationError
from sqlalchemy import text

from database import address, network, personal
from database import order as orders
from database.connect import Database
from database.outbox import webhook
from database.personal import NoCommonKey
from database.sealing import COMMON, KEY_BYTES, Key, MasterKeys, NotMasterKeys, WrongMasterKey, new_master_key
from domain.fulfillment import MessageKind
from domain.request import ForgetRequest
from runtime.where import master_keys
from tests.database.shop import NEAREST, Shop
from tests.house import MASTER_KEY, MASTER_KEYS
from transactions.personal import StillOpen, forget

SEALED = """
    SELECT 'address' AS kind, ship_to AS sealed FROM personal.recipient
    UNION ALL SELECT 'address', ship_to FROM personal.new_address
    UNION ALL SELECT 'remark', sealed FROM personal.remark
"""
URL = "https://shop.example/hooks/secret"
ASKED = ForgetRequest(reason="they asked for it", actor="Ada")


async def rows(database: Database, statement: str) -> list[Any]:
    """All rows of a question to PostgreSQL."""
    async with database.read() as connection:
        return list(await connection.execute(text(statement)))


@pytest.fixture
async def shop(database: Database) -> Shop:
    """An empty shop with two chairs."""
    opened = await Shop.open(database)
    await opened.receive(NEAREST, CHAIR=2)
    return opened


async def shipped(shop: Shop) -> str:
    """An order that has left."""
    name = await shop.released(("CHAIR", 1))
    await shop.tell(name, MessageKind.SHIPPED)
    return name


def test_what_is_sealed_opens_for_its_own_order_and_as_what_it_is_only() -> None:
    key = Key.random("web-1")
    sealed = key.seal("address", {"name": "Ada"})
    assert key.open("address", sealed) == {"name": "Ada"}
    assert b"Ada" not in sealed
    assert key.seal("address", {"name": "Ada"}) != sealed, "equal texts cannot be seen to be equal"
    with pytest.raises(InvalidTag):
        key.open("remark", sealed)
    with pytest.raises(InvalidTag):
        Key("web-2", key.secret).open("address", sealed)
    with pytest.raises(InvalidTag):
        Key.random("web-1").open("address", sealed)


def test_the_first_master_key_seals_and_each_one_opens() -> None:
    old, new = new_master_key(), new_master_key()
    by_old, by_both, by_new = (MasterKeys.parse(written) for written in (old, f"{new},\n {old}", new))
    wrapped = by_old.wrap(b"secret", "web-1")
    assert by_both.unwrap(wrapped, "web-1") == b"secret"
    assert by_new.unwrap(by_both.wrap(b"secret", "web-1"), "web-1") == b"secret"
    with pytest.raises(WrongMasterKey):
        by_new.unwrap(wrapped, "web-1")
    with pytest.raises(WrongMasterKey, match="changed"):
        by_old.unwrap(wrapped, "web-2")


def test_without_a_configured_master_key_every_process_has_the_same_one_and_a_better_one_can_be_added() -> None:
    wrapped = master_keys({}).wrap(b"secret", "web-1")
    assert master_keys({"SWITCHYARD_MASTER_KEYS": ""}).unwrap(wrapped, "web-1") == b"secret"
    known, better = base64.b64encode(bytes(KEY_BYTES)).decode(), new_master_key()
    assert MasterKeys.parse(f"{better},{known}").unwrap(wrapped, "web-1") == b"secret"


@pytest.mark.parametrize("written", ["", " , ", "change6", base64.b64encode(bytes(KEY_BYTES - 1)).decode()])
def test_what_is_no_master_key_is_refused(written: str) -> None:
    with pytest.raises(NotMasterKeys):
        MasterKeys.parse(written)


async def test_a_forgotten_order_cannot_be_read_even_by_who_has_kept_what_was_sealed_and_has_the_master_key(
    shop: Shop, database: Database
) -> None:
    forgotten, kept = await shipped(shop), await shipped(shop)
    async with database.write() as connection:
        for name in (forgotten, kept):
            await personal.note(connection, name, "Ada", "they called")
    before = await rows(database, SEALED)

    await forget(database, forgotten, ASKED, actor="test")

    opened = 0
    for owner, wrapped in await rows(database, "SELECT owner, wrapped FROM personal.key"):
        secret = MASTER_KEYS.unwrap(wrapped, owner)
        for name in (owner, forgotten):
            for kind, sealed in before:
                try:
                    Key(name, secret).open(kind, sealed)
                    opened += 1
                except InvalidTag:
                    pass
    assert opened == 2, "the address and the remark of the order that was kept, and nothing else"
    await shop.check()


async def test_who_asked_to_forget_an_order_and_why_is_kept_sealed(shop: Shop, database: Database) -> None:
    name = await shipped(shop)
    first = await forget(database, name, ASKED, actor="test")
    again = await forget(database, name, ForgetRequest(reason="asked again"), actor="test")
    assert again == first
    assert (again.actor, again.reason) == ("Ada", "they asked for it")
    ((sealed,),) = await rows(database, "SELECT sealed FROM personal.remark WHERE order_id IS NULL")
    assert b"Ada" not in sealed


async def test_an_order_that_has_not_shipped_is_forgotten_only_on_demand(shop: Shop, database: Database) -> None:
    name = await shop.released(("CHAIR", 2))
    await shop.tell(name, MessageKind.SHIPPED, {"1": 1})
    with pytest.raises(StillOpen, match="1 unit "):
        await forget(database, name, ASKED, actor="test")
    assert not await shop.number("SELECT count(*) FROM forgotten")
    await forget(database, name, ForgetRequest(even_if_open=True), actor="test")
    assert await shop.number("SELECT count(*) FROM forgotten") == 1
    await shop.check()


async def test_what_is_typed_while_an_order_is_forgotten_is_not_kept(shop: Shop, database: Database) -> None:
    name = await shipped(shop)
    has_locked, may_end = asyncio.Event(), asyncio.Event()

    async def forgetting() -> None:
        async with database.write() as connection:
            await orders.lock(connection, name)
            await personal.forget(connection, name, "Ada", None)
            has_locked.set()
            await may_end.wait()

    async def asking() -> int | None:
        await has_locked.wait()
        async with database.write() as connection:
            may_end.set()
            await orders.lock(connection, name)
            return await personal.note(connection, name, "Ada", "they called")

    _, remark = await asyncio.gather(forgetting(), asking())
    assert remark is None
    assert not await shop.number("SELECT count(*) FROM personal.remark WHERE order_id IS NOT NULL")
    await shop.check()


async def test_an_address_of_a_newer_version_is_not_shown_by_the_failure_of_an_older_one(
    shop: Shop, database: Database
) -> None:
    name = await shop.place(("LAMP", 1))
    async with database.write() as connection:
        key = await personal.key_of(connection, name)
        assert key is not None
        newer = key.seal("address", {"country": "US", "postal_code": "80202", "door": "ring at Lovelace"})
        await connection.execute(text("UPDATE personal.recipient SET ship_to = :newer"), {"newer": newer})
        with pytest.raises(ValidationError) as failure:
            await address.takes_a_parcel(connection, name)
    assert "door" in str(failure.value)
    assert "Lovelace" not in str(failure.value), "a failure of an activity is kept by Temporal"


async def test_a_master_key_is_changed_while_orders_are_open(shop: Shop, database: Database, database_url: str) -> None:
    for _ in range(3):
        await shop.place(("CHAIR", 1))
    async with database.write() as connection:
        made = await webhook.keep(connection, "web", URL, None, otherwise="whsec_made", overlap=timedelta())
    new = new_master_key()
    alone, both = (Database(database_url, MasterKeys.parse(written)) for written in (new, f"{new} {MASTER_KEY}"))
    with pytest.raises(WrongMasterKey, match="does not hold"):
        await personal.check(alone)

    sealed, after, batches = 0, "", 0
    while after != COMMON:
        async with both.write() as connection:
            after, some = await personal.rewrap(connection, after, 2)
        sealed, batches = sealed + some, batches + 1

    assert (sealed, batches) == (4, 3), "three orders, and the common key at the end"
    await personal.check(alone)
    with pytest.raises(WrongMasterKey):
        await personal.check(old := Database(database_url, MASTER_KEYS))
    opened: list[str] = []
    for owner, wrapped in await rows(database, "SELECT owner, wrapped FROM personal.key"):
        MasterKeys.parse(new).unwrap(wrapped, owner)
        opened.append(owner)
    assert len(opened) == 4
    async with alone.write() as connection:
        kept = await webhook.keep(connection, "web", URL, None, otherwise="whsec_another", overlap=timedelta())
        version = await network.active_version(connection)
        assert version is not None
        assert "[[node]]" in (await network.documents(connection, version))["nodes"]
    assert kept.secret == made.secret == "whsec_made"
    for one in (alone, both, old):
        await one.close()


async def test_a_database_that_was_not_prepared_and_a_process_without_a_master_key_say_so(
    database: Database, database_url: str
) -> None:
    without = Database(database_url)
    with pytest.raises(WrongMasterKey, match="this process has no master key"):
        await personal.check(without)
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM personal.key"))
    with pytest.raises(NoCommonKey, match="starter prepare"):
        await personal.check(database)
    await without.close()


async def test_the_fingerprint_of_a_body_is_of_this_database_and_fits_every_body_once_it_is_forgotten(
    shop: Shop, database: Database
) -> None:
    name = await shipped(shop)
    ((before,),) = await rows(database, "SELECT body_digest FROM orders")
    await forget(database, name, ASKED, actor="test")
    ((after,),) = await rows(database, "SELECT body_digest FROM orders")
    assert (personal.is_same_body(before, before), personal.is_same_body(before, "another")) == (True, False)
    assert personal.is_same_body(after, "another")
    assert await shop.number("SELECT count(*) FROM inbox WHERE about <> 'stock' AND body_digest <> ''") == 0
