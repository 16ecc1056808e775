"""The document of a key: its holder, and since when it is valid; never the key itself."""

import json
from typing import Any, Literal

from pydantic import AwareDatetime
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document
from domain.role import Role


class ListedKey(Document):
    """A key, without the key itself: only its hash is stored."""

    id: str
    kind: Literal["operator", "channel", "node"]
    name: str
    """The channel or node that it is for, or the operator's name."""
    role: Role | None
    """What an operator may do; null for a channel or node."""
    made_at: AwareDatetime
    revoked_at: AwareDatetime | None
    """When it was revoked; null while it is valid."""


async def listed(connection: ReadConnection, *, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Keys by id, after the one with the id `after`."""
    rows = await connection.execute(LISTED, {"after": after or "", "limit": limit})
    return [json.loads(row.shown) for row in rows]


LISTED = text(
    """
    SELECT jsonb_build_object('id', key_id, 'kind', kind, 'name', name,
                              'role', CASE WHEN kind = 'operator' THEN role END,
                              'made_at', recorded_at, 'revoked_at', revoked_at)::text AS shown
    FROM key WHERE key_id > :after ORDER BY key_id LIMIT :limit
    """
)
