"""Named statements about keys: who may call the API, for which channel or node. Only hashes of keys are stored."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.notification import REVOKED
from domain.role import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a key: an operator, or the channel or node with the name `name`."""

    key_id: str
    kind: str
    name: str
    role: Role
    """What an operator may do; a channel or node has the highest, and may do what is open to its kind."""

    @property
    def actor(self) -> str:
        """The holder's name in the ledger and the inbox."""
        return f"{self.kind}:{self.name}"


def hash_of(key: str) -> str:
    """The hash that is stored of a key. Keys are 256 random bits, so a plain hash is safe against guessing."""
    return sha256(key.encode()).hexdigest()


async def holder(connection: ReadConnection, key: str) -> Caller | None:
    """The holder of this key; None for an unknown or revoked key."""
    row = (await connection.execute(HOLDER, {"hash": hash_of(key)})).one_or_none()
    return Caller(row.key_id, row.kind, row.name, Role(row.role)) if row else None


HOLDER = text("SELECT key_id, kind, name, role FROM key WHERE hash = :hash AND revoked_at IS NULL")


async def valid(connection: ReadConnection, key_id: str) -> Caller | None:
    """The holder of the key with this id; None when there is none, or it was revoked."""
    row = (await connection.execute(VALID, {"key_id": key_id})).one_or_none()
    return Caller(row.key_id, row.kind, row.name, Role(row.role)) if row else None


VALID = text("SELECT key_id, kind, name, role FROM key WHERE key_id = :key_id AND revoked_at IS NULL")


async def add(
    connection: WriteConnection, *, key_id: str, kind: str, name: str, key: str, role: Role = Role.ADMIN
) -> None:
    """Store a key, so that it is valid; the same key again changes nothing. Only an operator's can have a lower role."""
    values = {"key_id": key_id, "kind": kind, "name": name, "hash": hash_of(key), "role": role}
    await connection.execute(ADD, values)


ADD = text(
    """
    INSERT INTO key (key_id, kind, name, hash, role) VALUES (:key_id, :kind, :name, :hash, :role) ON CONFLICT DO NOTHING
    """
)


async def revoke(connection: WriteConnection, key_id: str) -> bool:
    """Revoke a key; False when there is no key with this id. Every process that knows the key is notified at the commit."""
    found = await connection.execute(REVOKE, {"key_id": key_id, "channel": REVOKED})
    return found.one_or_none() is not None


REVOKE = text(
    """
    UPDATE key SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE key_id = :key_id
    RETURNING pg_notify(:channel, key_id)
    """
)
