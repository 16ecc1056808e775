"""Makes keys for operators, channels and nodes, and revokes them."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from database import key
from transactions.transaction import OrderTransactions


class UnknownKey(LookupError):
    """No key has this id."""


class UsedForAnotherKey(Exception):
    """This idempotency key was used for another key, or for a key that was revoked."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and its id. The key itself is not stored."""

    key_id: str
    key: str


async def make(
    transactions: OrderTransactions, kind: str, name: str, *, operator_key: str, idempotency_key: str | None
) -> MadeKey:
    """Make a key. With an idempotency key, its id is derived from that and the operator's key, its secret also from `kind` and
    `name`: a repeated request gets the same key, though the secret is not stored, and another body is detected.

    Raises `UsedForAnotherKey`.
    """
    if idempotency_key is None:
        made = MadeKey(secrets.token_hex(8), secrets.token_urlsafe(32))
    else:
        made = MadeKey(
            _derived(operator_key, "id", idempotency_key)[:16],
            _derived(operator_key, "key", idempotency_key, kind, name),
        )
    async with transactions.begin() as transaction:
        await key.add(transaction.connection, key_id=made.key_id, kind=kind, name=name, key=made.key)
        if await key.holder(transaction.connection, made.key) is None:
            raise UsedForAnotherKey(idempotency_key)
    return made


def _derived(operator_key: str, *parts: str) -> str:
    return hmac.new(operator_key.encode(), "|".join(parts).encode(), sha256).hexdigest()


async def revoke(transactions: OrderTransactions, key_id: str) -> None:
    """Revoke a key; to revoke it again changes nothing. Raises `UnknownKey`."""
    async with transactions.begin() as transaction:
        if not await key.revoke(transaction.connection, key_id):
            raise UnknownKey(key_id)
