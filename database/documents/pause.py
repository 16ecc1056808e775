"""The documents of nodes, each with its pause if it is paused."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from domain.network import Node as KnownNode
from domain.network import NodeKind
from domain.pause import OpenWork


class NodePause(Document):
    """An active pause: no sourcing round chooses the node."""

    since: AwareDatetime
    open_work: OpenWork
    """What becomes of its open work."""
    actor: str | None
    """Who paused it."""
    reason: str | None
    """Why; null when no reason was given."""


class Node(Document):
    """A node of the network."""

    node: str
    """Its id."""
    name: str
    kind: NodeKind
    country: str
    """Two letters, ISO 3166-1."""
    paused: NodePause | None
    """Null when it is not paused."""


def nodes(known: list[KnownNode], paused: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Nodes of a list, each with its pause."""
    return [
        {"node": node.id, "name": node.name, "kind": node.kind, "country": node.country, "paused": paused.get(node.id)}
        for node in known
    ]


async def active(connection: ReadConnection) -> dict[str, dict[str, Any]]:
    """The active pauses, by node, with who placed them and why."""
    rows = (await connection.execute(ACTIVE)).all()
    key = await personal.common_key(connection) if rows else None
    return {row.node: json.loads(row.shown) | personal.remark(key, row.remark) for row in rows}


ACTIVE = text(
    """
    SELECT p.node, jsonb_build_object('since', p.since, 'open_work', p.open_work)::text AS shown, m.sealed AS remark
    FROM node_pause p LEFT JOIN personal.remark m ON m.remark_id = p.remark
    WHERE p.lifted_at IS NULL
    """
)
