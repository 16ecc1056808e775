"""Who is signed in: a cookie that names a key by its id and proves it, so that any HTTP process can read it."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from database import key, personal
from database.connect import Database
from database.key import Caller
from database.sealing import Key

COOKIE = "switchyard_session"
LASTS = timedelta(hours=12)
"""A shift and its handover."""


@dataclass(frozen=True, slots=True)
class Session:
    """An operator who is signed in."""

    holder: Caller
    form_token: str
    """What a form must send back: another site cannot know it."""


async def begin(database: Database, holder: Caller) -> str:
    """The cookie of a new session of an operator. It has no secret in it but a proof that we made it."""
    ends = int((datetime.now(UTC) + LASTS).timestamp())
    content = f"{holder.key_id}.{ends}.{secrets.token_hex(16)}"
    async with database.read_once() as connection:
        return f"{content}.{_proof(await personal.common_key(connection), 'session', content)}"


async def read(database: Database, cookie: str) -> Session | None:
    """The session of a cookie; None when it is not ours, has ended, or its key was revoked since."""
    content, _, proof = cookie.rpartition(".")
    async with database.read_once() as connection:
        common = await personal.common_key(connection)
        # Bytes, because only they are compared in constant time whatever is in them.
        if not hmac.compare_digest(proof.encode(), _proof(common, "session", content).encode()):
            return None
        key_id, ends, _ = content.split(".")
        if int(ends) <= datetime.now(UTC).timestamp():
            return None
        holder = await key.valid(connection, key_id)
    return Session(holder, _proof(common, "form", cookie)) if holder else None


def _proof(common: Key, purpose: str, content: str) -> str:
    """A keyed hash of a text. The key is the one for what belongs to no order: every process of this database has it."""
    return common.fingerprint(f"console {purpose} {content}")
