"""The orders of a person are found by keyed hashes: also after another address, another master key and an upgrade, never after
the order was forgotten."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import text

from database import address, customer, personal
from database.connect import Database
from database.documents import order as documents
from database.sealing import MasterKeys, new_master_key
from domain.customer import SearchRequest
from domain.order import Address, NewLine, NewOrder
from domain.request import ForgetRequest
from tests.database.shop import Shop
from tests.house import MASTER_KEY
from tests.sql_statements import statements_of
from transactions import order as orders
from transactions.personal import forget, seal_again

ROSA = Address(
    postal_code="80202", country="US", name="Rosa Delgado", email="rosa@example.com", phone="+1 303 555 0100"
)
_numbers = count(1)


@dataclass
class Finder:
    """Places orders of people, and looks for them."""

    shop: Shop

    async def order(self, ship_to: Address) -> str:
        """A new order of somebody."""
        line = NewLine(line="1", sku="LAMP", quantity=1, unit_price=100)
        number = f"p{next(_numbers)}"
        body = NewOrder(
            channel="web", number=number, placed_at=datetime.now(UTC), currency="USD", ship_to=ship_to, lines=(line,)
        )
        await orders.take(self.shop.transactions, body)
        return body.order

    async def found(
        self, database: Database | None = None, after: str | None = None, limit: int = 50, **asked: str
    ) -> list[str]:
        """The orders that a search finds."""
        async with (database or self.shop.database).read() as connection:
            digest = await customer.looked_for(connection, SearchRequest.model_validate(asked))
            return [row["order"] for row in await documents.of_customer(connection, digest, after=after, limit=limit)]


async def finder(database: Database) -> Finder:
    return Finder(await Shop.open(database))


async def test_orders_are_found_by_mail_phone_and_name_the_newest_first(database: Database) -> None:
    people = await finder(database)
    mine = [await people.order(ROSA), await people.order(replace_(ROSA, email="other@example.com"))]
    await people.order(Address(postal_code="80202", country="US", name="Ada Lovelace"))

    assert await people.found(email=" ROSA@example.com") == mine[:1]
    assert await people.found(phone="303-555-0100") == mine[::-1]
    assert await people.found(name="delgado rosa") == mine[::-1]
    assert await people.found(name="delgado") == []
    assert await people.found(phone="303-555-0100", limit=1) == mine[1:]
    assert await people.found(phone="303-555-0100", after=mine[1]) == mine[:1]


def replace_(person: Address, **more: str) -> Address:
    return person.model_copy(update=more)


async def test_who_moves_is_found_by_the_new_address_and_no_more_by_the_old_one(database: Database) -> None:
    people = await finder(database)
    name = await people.order(ROSA)
    moved = replace_(ROSA, name="Rosa Núñez", phone="555 0199")
    async with database.write() as connection:
        await address.change(connection, name, moved, "802")

    assert await people.found(name="rosa nunez") == await people.found(phone="5550199") == [name]
    assert await people.found(email="rosa@example.com") == [name], "what stays the same goes on"
    assert await people.found(name="Rosa Delgado") == await people.found(phone="3035550100") == []


async def test_a_forgotten_order_is_not_found_and_leaves_no_hash(database: Database) -> None:
    people = await finder(database)
    gone, stays = await people.order(ROSA), await people.order(ROSA)

    await forget(database, gone, ForgetRequest(even_if_open=True), actor="test")

    assert await people.found(email="rosa@example.com") == [stays]
    assert await people.shop.number("SELECT count(DISTINCT order_id) FROM personal.customer_key") == 1


async def test_nothing_of_a_person_is_in_clear_and_no_hash_can_be_guessed_without_the_key(database: Database) -> None:
    people = await finder(database)
    await people.order(ROSA)
    async with database.read() as connection:
        shown = (await connection.execute(text("SELECT digest FROM personal.customer_key"))).scalars().all()
        own = await customer.digests(connection, ROSA)
        key = await personal.common_key(connection)
    other = customer.digests_by(replace(key, secret=bytes(32)), ROSA)
    assert sorted(shown) == own
    assert not set(own) & set(other)
    assert len(own) == 3


async def test_people_are_found_while_the_master_key_changes_and_afterwards(
    database: Database, database_url: str
) -> None:
    people = await finder(database)
    before = await people.order(ROSA)
    new = new_master_key()
    async with opened(database_url, f"{MASTER_KEY},{new}") as between:
        assert await people.found(between, email="rosa@example.com") == [before]
    async with opened(database_url, f"{new},{MASTER_KEY}") as changing:
        assert await people.found(changing, email="rosa@example.com") == [before]
        await seal_again(changing)
    async with opened(database_url, new) as after:
        later = await (Finder(await Shop.open(after))).order(ROSA)
        assert await people.found(after, email="rosa@example.com") == [later, before]


@asynccontextmanager
async def opened(url: str, keys: str) -> AsyncIterator[Database]:
    """The database as a process with these master keys opens it."""
    database = Database(url, MasterKeys.parse(keys))
    try:
        yield database
    finally:
        await database.close()


async def test_accepting_an_order_with_an_address_takes_no_more_statements(database: Database) -> None:
    people = await finder(database)
    await people.order(ROSA)
    with statements_of(database) as without:
        await people.order(Address(postal_code="80202", country="US"))
    with statements_of(database) as with_somebody:
        await people.order(ROSA)
    assert len(with_somebody) == len(without)
