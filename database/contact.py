"""Named statements about our contact with nodes: when each was last called, with which answer, and when it was last heard."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection


async def called(connection: WriteConnection, node: str, answer: str, *, is_taken: bool) -> None:
    """Note a call to a node that has ended just now; `answer` is what it answered, or why there was no answer."""
    await connection.execute(CALLED, {"node": node, "answer": answer, "is_taken": is_taken})


CALLED = text(
    """
    INSERT INTO node_contact AS c (node, called_at, answer, failing_since)
    SELECT :node, n.now, :answer, CASE WHEN NOT CAST(:is_taken AS boolean) THEN n.now END
    FROM (SELECT clock_timestamp() AS now) n
    ON CONFLICT (node) DO UPDATE SET
        called_at = excluded.called_at, answer = excluded.answer,
        failing_since = CASE WHEN excluded.failing_since IS NOT NULL
                             THEN coalesce(c.failing_since, excluded.failing_since) END
    """
)


async def heard(connection: WriteConnection, heard_at: Mapping[str, datetime]) -> None:
    """Store when nodes were last heard; a later time that is stored already stays."""
    nodes = sorted(heard_at)
    await connection.execute(HEARD, {"nodes": nodes, "times": [heard_at[node] for node in nodes]})


HEARD = text(
    """
    INSERT INTO node_contact AS c (node, heard_at)
    SELECT * FROM unnest(CAST(:nodes AS text[]), CAST(:times AS timestamptz[]))
    ON CONFLICT (node) DO UPDATE SET heard_at = greatest(c.heard_at, excluded.heard_at)
    """
)
