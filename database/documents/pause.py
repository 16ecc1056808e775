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


class NodeCall(Document):
    """The last call to a node that does not poll."""

    at: AwareDatetime
    """When it ended."""
    taken: bool
    """Whether the node took it."""
    answer: str
    """The answer (`status 204`), or why there was none (`no connection`)."""
    failing_since: AwareDatetime | None
    """Since when the node is called in vain: the first failed call after the last one that it took; null when it took the
    last one."""


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
    last_call: NodeCall | None
    """The last call to it; null when it was never called."""
    last_heard: AwareDatetime | None
    """When it last sent a request with its own key, or a message about its work came; null when it never did. Other HTTP
    processes show it within a minute."""


def nodes(
    known: list[KnownNode], paused: dict[str, dict[str, Any]], contacts: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Nodes of a list, each with its pause and our contact with it."""
    return [
        {"node": node.id, "name": node.name, "kind": node.kind, "country": node.country, "paused": paused.get(node.id)}
        | contacts.get(node.id, {"last_call": None, "last_heard": None})
        for node in known
    ]


async def workloads(connection: ReadConnection) -> dict[str, dict[str, int]]:
    """By node, the fulfillment orders that it owes something (`open`), also when a person has taken its deadline over; those of
    them whose time to ship is over (`late`); and the open exceptions because it does not answer (`silent`). A node without any
    is left out.
    """
    rows = await connection.execute(WORKLOADS)
    return {row.node: {"open": row.open, "late": row.late, "silent": row.silent} for row in rows}


WORKLOADS = text(
    """
    SELECT w.node, sum(w.open)::int AS open, sum(w.late)::int AS late, sum(w.silent)::int AS silent FROM (
        SELECT f.node, count(*) AS open, count(*) FILTER (WHERE f.ship_by < clock_timestamp()) AS late, 0 AS silent
        FROM fulfillment_order f
        WHERE f.deadline IS NOT NULL AND f.waiting_for IN ('acceptance', 'shipment', 'cancel_answer')
        GROUP BY f.node
        UNION ALL
        SELECT f.node, count(*), count(*) FILTER (WHERE f.ship_by < clock_timestamp()), 0
        FROM fulfillment_order f
        WHERE f.deadline IS NULL AND f.escalated IN ('acceptance', 'shipment', 'cancel_answer') AND EXISTS (
            SELECT FROM fulfillment_order_line l
            WHERE l.fulfillment_order_id = f.fulfillment_order_id AND l.quantity > l.shipped + l.short)
        GROUP BY f.node
        UNION ALL
        SELECT e.node, 0, 0, count(*) FROM exception e
        WHERE e.resolved_at IS NULL AND e.code IN ('node_silent', 'cancel_unanswered', 'node_unreachable')
          AND e.node IS NOT NULL GROUP BY e.node) w
    GROUP BY w.node
    """
)


async def contacts(connection: ReadConnection, names: list[str]) -> dict[str, dict[str, Any]]:
    """Our contact with these nodes, by node, as it is stored."""
    rows = await connection.execute(CONTACTS, {"nodes": names})
    return {row.node: json.loads(row.shown) for row in rows}


CONTACTS = text(
    """
    SELECT node, jsonb_build_object(
        'last_call', CASE WHEN called_at IS NOT NULL THEN jsonb_build_object(
            'at', called_at, 'taken', failing_since IS NULL, 'answer', answer, 'failing_since', failing_since) END,
        'last_heard', heard_at)::text AS shown
    FROM node_contact WHERE node = ANY(CAST(:nodes AS text[]))
    """
)


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
