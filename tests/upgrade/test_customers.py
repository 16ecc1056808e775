"""The people of orders that an earlier version has stored are found after the upgrade."""

from sqlalchemy import text

from database import customer, personal
from database.connect import Database
from database.documents import order
from domain.customer import SearchRequest, Trait, traits
from domain.order import Address

SEALED = "SELECT r.order_id, r.ship_to, k.wrapped FROM personal.recipient r JOIN personal.key k ON k.owner = r.order_id"


async def test_every_order_is_found_by_everything_that_its_address_says(database: Database) -> None:
    asked = 0
    async with database.read() as connection:
        for row in (await connection.execute(text(SEALED))).all():
            known = personal.unseal(personal.open_key(connection, row.order_id, row.wrapped), "address", row.ship_to)
            for trait, _ in traits(Address.model_construct(**known or {})):
                digest = await customer.looked_for(connection, SearchRequest(**{trait: (known or {})[trait]}))
                found = await order.of_customer(connection, digest, after=None, limit=500)
                assert row.order_id in {one["order"] for one in found}
                asked += 1
        orders = await connection.execute(text("SELECT count(*) FROM personal.customer_key"))
    assert orders.scalar_one() == asked >= len(Trait), "and by nothing else"
