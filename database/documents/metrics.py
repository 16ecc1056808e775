"""The figures of the service for monitoring, read by one statement: how much waits, for how long, and what needs a person.

Every part goes along an index of what is under way or refused, so that it reads what waits and not what has been. Only the
count of open orders reads an entry of an index for each of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection

Rows = Mapping[str, list[dict[str, Any]]]
"""By source, what it has found."""

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        # A status is derived for what is under way. What is open and has nothing left to do waits for the end of its return
        # window: it is delivered. An exception keeps what a person has taken over, which has no deadline.
        "orders": """
            WITH busy AS MATERIALIZED (
                SELECT order_id FROM waiting UNION SELECT order_id FROM reservation
                UNION SELECT order_id FROM fulfillment_order WHERE deadline IS NOT NULL
                UNION SELECT order_id FROM exception WHERE resolved_at IS NULL AND order_id IS NOT NULL
            ), found AS MATERIALIZED (
                SELECT s.status FROM busy JOIN orders o USING (order_id) JOIN order_status s USING (order_id)
                WHERE o.closed_at IS NULL
            ), rest AS (
                SELECT 'delivered' AS status, (SELECT count(*) FROM orders WHERE closed_at IS NULL)
                                              - (SELECT count(*) FROM found) AS orders
            )
            SELECT status, sum(orders) AS orders
            FROM (SELECT status, count(*) AS orders FROM found GROUP BY 1 UNION ALL SELECT * FROM rest) b
            GROUP BY 1
        """,
        "received": """
            SELECT channel, count(*) AS orders FROM orders WHERE received_at > now() - interval '1 hour' GROUP BY 1
        """,
        "waiting": """
            SELECT awaits, sum(quantity) AS units, count(DISTINCT order_id) AS orders FROM waiting GROUP BY 1
        """,
        "work": """
            SELECT node, waiting_for, count(*) AS fulfillment_orders,
                   count(*) FILTER (WHERE deadline < now()) AS overdue
            FROM fulfillment_order WHERE deadline IS NOT NULL GROUP BY 1, 2
        """,
        "exceptions": """
            SELECT code, count(*) AS open, count(*) FILTER (WHERE due_at < now()) AS overdue,
                   extract(epoch FROM now() - min(since)) AS oldest_seconds
            FROM exception WHERE resolved_at IS NULL GROUP BY 1
        """,
        "queues": """
            SELECT 'signals' AS queue, count(*) AS rows, NULL::numeric AS oldest_seconds FROM wake
            UNION ALL
            SELECT 'unstarted_orders', count(*), extract(epoch FROM now() - min(received_at))
            FROM orders WHERE version = 0
            UNION ALL
            SELECT 'sweep', count(*), extract(epoch FROM now() - min(sweep_at)) FROM orders WHERE sweep_at < now()
            UNION ALL
            SELECT 'webhooks', count(*), extract(epoch FROM now() - min(recorded_at))
            FROM event WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'channel_exchanges', count(*), extract(epoch FROM now() - min(received_at))
            FROM exchange WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'channel_notices', count(*), extract(epoch FROM now() - min(recorded_at))
            FROM channel_notice WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'x12_documents', count(*), extract(epoch FROM now() - min(recorded_at))
            FROM x12_document WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'labels', count(*), extract(epoch FROM now() - min(coalesce(void_wanted_at, recorded_at)))
            FROM label WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'manifests', count(*), extract(epoch FROM now() - min(recorded_at))
            FROM manifest WHERE due_at IS NOT NULL
            UNION ALL
            SELECT 'parcels', count(*), extract(epoch FROM now() - min(poll_due_at))
            FROM parcel_tracking WHERE poll_due_at < now()
        """,
        "refused": """
            SELECT 'event' AS what, channel, count(*) AS rows FROM event WHERE given_up_at IS NOT NULL GROUP BY 2
            UNION ALL
            SELECT 'notice', channel, count(*) FROM channel_notice WHERE refused IS NOT NULL GROUP BY 2
            UNION ALL
            SELECT 'exchange', channel, count(*) FROM exchange WHERE state = 'misfit' GROUP BY 2
        """,
        "unreachable": """
            SELECT node, extract(epoch FROM now() - failing_since) AS seconds
            FROM node_contact WHERE failing_since IS NOT NULL
        """,
        "paused": """
            SELECT node, extract(epoch FROM now() - since) AS seconds FROM node_pause WHERE lifted_at IS NULL
        """,
        "unknown_scans": """
            SELECT carrier, count(*) AS scans FROM unknown_scan GROUP BY 1
        """,
        "connections": """
            SELECT channel, extract(epoch FROM last_in_at) AS last_in, extract(epoch FROM last_out_at) AS last_out,
                   extract(epoch FROM polled_at) AS polled FROM connection
        """,
    }
)
"""Each a query whose columns are the labels and values of the families that name it."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of gauges: one gauge for each row of a source, except for rows whose value is NULL."""

    name: str
    meaning: str
    source: str
    labels: tuple[str, ...]
    value: str


FAMILIES = (
    Family("switchyard_orders_open", "Orders that are not closed, by status", "orders", ("status",), "orders"),
    Family(
        "switchyard_orders_received_last_hour",
        "Orders received in the last 60 minutes",
        "received",
        ("channel",),
        "orders",
    ),
    Family(
        "switchyard_waiting_units",
        "Ordered units without a node: they wait for sourcing, for stock or for a person",
        "waiting",
        ("awaits",),
        "units",
    ),
    Family("switchyard_waiting_orders", "Orders with such units", "waiting", ("awaits",), "orders"),
    Family(
        "switchyard_fulfillment_orders_waiting",
        "Fulfillment orders that wait for something, by their node and what they wait for",
        "work",
        ("node", "waiting_for"),
        "fulfillment_orders",
    ),
    Family(
        "switchyard_fulfillment_orders_overdue",
        "Of these, the ones whose deadline has passed and was not acted on yet",
        "work",
        ("node", "waiting_for"),
        "overdue",
    ),
    Family("switchyard_exceptions_open", "Open exceptions", "exceptions", ("code",), "open"),
    Family(
        "switchyard_exceptions_overdue",
        "Open exceptions that nobody resolved in time",
        "exceptions",
        ("code",),
        "overdue",
    ),
    Family(
        "switchyard_exceptions_oldest_seconds",
        "Age of the oldest open exception",
        "exceptions",
        ("code",),
        "oldest_seconds",
    ),
    Family(
        "switchyard_queue_rows", "What waits in each outbox and queue of the database", "queues", ("queue",), "rows"
    ),
    Family(
        "switchyard_queue_oldest_seconds",
        "Age of the oldest row of the queue; absent when it is empty, and for signals",
        "queues",
        ("queue",),
        "oldest_seconds",
    ),
    Family(
        "switchyard_channel_refused",
        "Events given up, notices refused, and exchanges that do not fit, by channel",
        "refused",
        ("what", "channel"),
        "rows",
    ),
    Family(
        "switchyard_node_unreachable_seconds",
        "Since when every call to the node has failed; absent while its last call was taken",
        "unreachable",
        ("node",),
        "seconds",
    ),
    Family(
        "switchyard_node_paused_seconds",
        "Since when the node is paused; absent while it is not",
        "paused",
        ("node",),
        "seconds",
    ),
    Family(
        "switchyard_carrier_unknown_scans",
        "Scans that are kept of parcels which no node has reported yet",
        "unknown_scans",
        ("carrier",),
        "scans",
    ),
    Family(
        "switchyard_connection_last_in_timestamp_seconds",
        "When something last came from the connected channel",
        "connections",
        ("channel",),
        "last_in",
    ),
    Family(
        "switchyard_connection_last_out_timestamp_seconds",
        "When the connected channel last took something",
        "connections",
        ("channel",),
        "last_out",
    ),
    Family(
        "switchyard_connection_polled_timestamp_seconds",
        "When the last poll of the connected channel ended well",
        "connections",
        ("channel",),
        "polled",
    ),
)
"""Every family that comes from the database, in the order in which they are shown."""


def _statement() -> str:
    parts = (f"SELECT '{name}' AS source, to_jsonb(t)::text AS row FROM ({sql}) t" for name, sql in SOURCES.items())
    return " UNION ALL ".join(parts)


READ = text(_statement())


async def read(connection: ReadConnection) -> Rows:
    """What every source finds, in one statement."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SOURCES}
    for row in await connection.execute(READ):
        found[row.source].append(json.loads(row.row))
    return found


def gauges(family: Family, rows: Rows) -> Iterator[tuple[list[str], float]]:
    """The labels and the value of each gauge of a family."""
    for row in rows[family.source]:
        if row[family.value] is not None:
            yield [row[label] for label in family.labels], float(row[family.value])
