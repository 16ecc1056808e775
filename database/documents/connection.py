"""The document of a connected channel: what it is, how it goes, and what a person must see to. Never a secret."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document
from domain.network import Connection as KnownConnection
from domain.network import Network
from nodes.kinds import KINDS


class ConnectionFinding(Document):
    """What the last check of a connection found."""

    is_fault: bool
    """Whether orders cannot flow as it is."""
    text: str
    """What it is, with the place where to click."""
    needs_person: bool
    """Whether orders flow, and a person must see to it all the same. It has an exception, as a fault has."""


class ConnectionFailure(Document):
    """A request to the channel that failed; it is shown until one succeeds."""

    at: AwareDatetime
    reason: str
    """The status of the answer, or the kind of error."""


class Connection(Document):
    """A connected channel."""

    connection: str
    """Its name: the channel of its orders, or the node."""
    kind: str | None
    """What sort of shop it is; of a warehouse that is a node, its dispatch, such as `edi940`. Null when the active network does
    not name it any more: nothing comes or goes."""
    api: str | None
    """The address of its interface; null as `kind`, and for a trading partner, whose documents come as files."""
    has_credentials: bool
    """Whether `python -m starter connect` has stored credentials; without them nothing comes or goes."""
    token_until: AwareDatetime | None
    """When the present token ends; it is renewed before. Null when there is none, or it does not end."""
    checked_at: AwareDatetime | None
    """When a check last found that orders can flow."""
    check_due_at: AwareDatetime | None
    """When it is checked again by itself; null before `connect` has checked it, and for a trading partner, whose mailbox is
    looked into all the time."""
    findings: list[ConnectionFinding]
    """What the last check found."""
    polled_at: AwareDatetime | None
    """When everything that had changed at the channel was last read; null when it never was."""
    poll_failing_since: AwareDatetime | None
    """Since when it cannot be asked, or its mailbox cannot be used; null while it works. After two hours there is an
    exception."""
    last_in_at: AwareDatetime | None
    """When something last came from the channel."""
    last_out_at: AwareDatetime | None
    """When the channel last took something."""
    lag_seconds: int
    """How long the oldest of what waits has been waiting, in or out; 0 when nothing waits."""
    waiting: int
    """What came and is not carried out yet."""
    owed: int
    """Events that the channel is still to be notified of, and documents that do not lie in the mailbox yet."""
    unacknowledged: int
    """Documents that a trading partner has, and has not acknowledged yet (X12 997)."""
    refused: int
    """Events that the channel does not take, and documents that a trading partner rejected; each has an exception."""
    misfits: int
    """What came and cannot be understood or does not fit; each has an exception."""
    last_failure: ConnectionFailure | None
    """Null while the channel answers."""


async def listed(connection: ReadConnection, network: Network, *, after: str, limit: int) -> list[dict[str, Any]]:
    """Connections by name, after one name: those of the active network, and those that it does not name any more."""
    known = dict(network.connections) | _warehouses(network)
    rows = await connection.execute(LISTED, {"names": sorted(known), "after": after, "limit": limit})
    return [_shown(row.name, json.loads(row.shown), known.get(row.name)) for row in rows]


def _warehouses(network: Network) -> dict[str, KnownConnection]:
    """The nodes whose documents come and go by a mailbox."""
    return {
        node.id: KnownConnection(node.id, node.dispatch.kind, "", {})
        for node in network.nodes.values()
        if KINDS[node.dispatch.kind].uses_mailbox
    }


def _shown(name: str, row: dict[str, Any], entry: KnownConnection | None) -> dict[str, Any]:
    kind, api = (entry.kind, entry.api or None) if entry else (None, None)
    return {"connection": name, "kind": kind, "api": api, **row}


LISTED = text(
    """
    SELECT n.name, jsonb_build_object(
        'has_credentials', c.credentials IS NOT NULL,
        'token_until', c.token_until,
        'checked_at', c.checked_at,
        'check_due_at', c.check_due_at,
        'findings', coalesce(c.findings, '[]'),
        'polled_at', c.polled_at,
        'poll_failing_since', c.poll_failing_since,
        'last_in_at', c.last_in_at,
        'last_out_at', c.last_out_at,
        'lag_seconds', greatest(0, coalesce(floor(extract(
            epoch FROM clock_timestamp() - least(w.since, o.since, d.since))), 0))::int,
        'waiting', w.waiting,
        'owed', o.owed + d.owed,
        'unacknowledged', a.unacknowledged,
        'refused', r.refused + b.rejected,
        'misfits', m.misfits,
        'last_failure', CASE WHEN c.failed_at IS NOT NULL
                             THEN jsonb_build_object('at', c.failed_at, 'reason', c.failure) END)::text AS shown
    FROM (SELECT unnest(CAST(:names AS text[])) UNION
          SELECT channel FROM connection WHERE NOT starts_with(channel, 'carrier:')) n(name)
    LEFT JOIN connection c ON c.channel = n.name
    CROSS JOIN LATERAL (SELECT count(*) AS waiting, min(received_at) AS since FROM exchange e
                        WHERE e.channel = n.name AND e.due_at IS NOT NULL) w
    CROSS JOIN LATERAL (SELECT count(*) AS owed, min(recorded_at) AS since FROM channel_notice e
                        WHERE e.channel = n.name AND e.due_at IS NOT NULL) o
    CROSS JOIN LATERAL (SELECT count(*) AS refused FROM channel_notice e
                        WHERE e.channel = n.name AND e.refused IS NOT NULL) r
    CROSS JOIN LATERAL (SELECT count(*) AS owed, min(recorded_at) AS since FROM x12_document e
                        WHERE e.partner = n.name AND e.due_at IS NOT NULL) d
    CROSS JOIN LATERAL (SELECT count(*) AS unacknowledged FROM x12_document e
                        WHERE e.partner = n.name AND e.answer_by IS NOT NULL) a
    CROSS JOIN LATERAL (SELECT count(*) AS rejected FROM x12_document e
                        WHERE e.partner = n.name AND e.verdict IN ('P', 'R')) b
    CROSS JOIN LATERAL (SELECT count(*) AS misfits FROM exchange e
                        WHERE e.channel = n.name AND e.state = 'misfit') m
    WHERE n.name > :after
    ORDER BY n.name LIMIT :limit
    """
)
