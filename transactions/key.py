"""Makes keys for operators, channels and nodes, and revokes them."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from database import key
from database.connect import Database
from database.key import Caller
from database.notification import REVOKED, Notifications
from domain.role import Role
from transactions.transaction import OrderTransactions

KEPT_FOR = timedelta(seconds=10)
"""How long a process knows the holder of a key without asking again: a revocation of which it was not notified counts then."""


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
    transactions: OrderTransactions, kind: str, name: str, role: Role, *, operator_key: str, idempotency_key: str | None
) -> MadeKey:
    """Make a key. With an idempotency key, its id is derived from that and the operator's key, its secret also from `kind`,
    `name` and `role`: a repeated request gets the same key, though the secret is not stored, and another body is detected.

    Raises `UsedForAnotherKey`.
    """
    if idempotency_key is None:
        made = MadeKey(secrets.token_hex(8), secrets.token_urlsafe(32))
    else:
        made = MadeKey(
            _derived(operator_key, "id", idempotency_key)[:16],
            _derived(operator_key, "key", idempotency_key, kind, name, *(() if role is Role.ADMIN else (role,))),
        )
    async with transactions.begin() as transaction:
        await key.add(transaction.connection, key_id=made.key_id, kind=kind, name=name, key=made.key, role=role)
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


class KnownKeys:
    """The holders of keys that this process has looked up, by the keys' hashes. One is forgotten when its key is revoked, in
    whichever process, and after `KEPT_FOR`; while no notifications are received, none is kept."""

    def __init__(
        self, database: Database, notifications: Notifications, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds."""
        self._database = database
        self._notifications = notifications
        self._clock = clock
        self._known: dict[str, tuple[Caller, float]] = {}
        self._revocations = 0
        notifications.when_received(REVOKED, self.forget)
        notifications.when_missed(self._forget_all)

    async def holder(self, shown: str) -> Caller | None:
        """The holder of a key; None for an unknown or revoked key, which is looked up each time."""
        hashed, now = key.hash_of(shown), self._clock()
        known = self._known.get(hashed)
        if known is not None and now < known[1]:
            return known[0]
        is_kept, revocations = self._notifications.is_received, self._revocations
        async with self._database.at_once() as connection:
            found = await key.holder(connection, shown)
        self._known.pop(hashed, None)
        # One that was revoked while it was read may have been read before that.
        if found is not None and is_kept and revocations == self._revocations:
            self._known[hashed] = (found, now + KEPT_FOR.total_seconds())
        return found

    def forget(self, key_id: str) -> None:
        """Look a key up again when it is shown the next time: it was revoked."""
        self._revocations += 1
        for hashed in [hashed for hashed, (holder, _) in self._known.items() if holder.key_id == key_id]:
            del self._known[hashed]

    def _forget_all(self) -> None:
        self._revocations += 1
        self._known.clear()
