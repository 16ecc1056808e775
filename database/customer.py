"""By what the orders of a person are found: keyed hashes of mail address, phone number and name. No text can be read from
them, and without the common key no guess can be checked against them."""

from database import personal
from database.connect import ReadConnection
from database.sealing import Key
from domain.customer import SearchRequest, Trait, traits
from domain.order import BillTo

DIGEST_BYTES = 16
"""Of a fingerprint; that two people share so much of it is out of the question."""


async def digests(connection: ReadConnection, *addresses: BillTo) -> list[bytes]:
    """The keyed hashes of everything by which the orders of these addresses are found."""
    return digests_by(await personal.common_key(connection), *addresses)


async def looked_for(connection: ReadConnection, asked: SearchRequest) -> bytes:
    """The keyed hash of what a person is looked for by."""
    return digest(await personal.common_key(connection), *asked.looked_for)


def digests_by(common: Key, *addresses: BillTo) -> list[bytes]:
    """As `digests`, with the open common key."""
    return sorted({digest(common, *trait) for address in addresses for trait in traits(address)})


def digest(common: Key, trait: Trait, same: str) -> bytes:
    """The keyed hash of one trait; the common key stays when the master key is changed, and so does the hash."""
    return bytes.fromhex(common.fingerprint(f"customer {trait} {same}"))[:DIGEST_BYTES]


REPLACE = """
    dropped AS (
        DELETE FROM personal.customer_key WHERE order_id = :order AND digest <> ALL(CAST(:digests AS bytea[]))
    ), added AS (
        INSERT INTO personal.customer_key (digest, received_at, order_id)
        SELECT d.digest, o.received_at, o.order_id
        FROM orders o, unnest(CAST(:digests AS bytea[])) AS d(digest) WHERE o.order_id = :order
        ON CONFLICT DO NOTHING
    )
"""
"""For a WITH of another statement: the keyed hashes of an order are these and no others."""
