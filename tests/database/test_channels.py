"""Which channels the database knows: those that placed an order or hold a valid key."""

from sqlalchemy import text

from database import channel, key
from database.connect import Database


async def test_a_channel_is_known_by_its_orders_or_by_its_valid_key(database: Database) -> None:
    async with database.read() as connection:
        assert await channel.known(connection) == set()
    async with database.write() as connection:
        for kind, name in [("channel", "wholesale"), ("channel", "gone"), ("node", "slc")]:
            await key.add(connection, key_id=name, kind=kind, name=name, key=name)
        await key.revoke(connection, "gone")
        for number, name in enumerate(["web", "web", "amazon", "web", "wholesale"]):
            await connection.execute(ORDER, {"number": str(number), "channel": name})
    async with database.read() as connection:
        assert await channel.known(connection) == {"amazon", "web", "wholesale"}


ORDER = text(
    """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window)
    VALUES (:channel || '-' || :number, :channel, :number, '', now(), now(), 'USD', 'standard', 'US',
            '841', 5, '', 0, 0, 0, now(), '30 days')
    """
)
