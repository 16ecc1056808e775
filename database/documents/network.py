"""The documents of the network's versions: when each was applied, by whom, and its policy."""

import json
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection


async def versions(connection: ReadConnection, limit: int) -> list[dict[str, Any]]:
    """The newest versions, the newest first."""
    return [json.loads(row.shown) for row in await connection.execute(VERSIONS, {"limit": limit})]


VERSIONS = text(
    """
    SELECT jsonb_build_object('version', version, 'is_active', is_active, 'applied_at', recorded_at, 'actor', actor,
                              'policy', documents ->> 'policy')::text AS shown
    FROM network_version ORDER BY version DESC LIMIT :limit
    """
)
