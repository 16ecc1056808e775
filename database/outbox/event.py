"""Named statements about events: what channels learn of their orders, written together with the change.

The statement that counts the order's version, or stores the order, writes the row, and with it what the channel's connection is
owed. The row's number is given before the
commit, so a reader that follows the numbers would skip a row that commits late. So rows are read in the order of their
transactions, and only those of transactions older than every open transaction.
"""

import json
from collections.abc import Sequence

from domain.event import ChannelEvent

INSERT_EVENTS = """
    INSERT INTO event (order_id, channel, kind, occurred_at, data, due_at)
    SELECT o.order_id, o.channel, e.kind, CAST(:occurred_at AS timestamptz),
           CASE WHEN e.kind IN ('shipped', 'shipment_voided', 'shipment_corrected') THEN e.data || jsonb_build_object(
                    'packages', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                               'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking, 'lines', p.lines)
                               ORDER BY p.package), '[]')
                    FROM package p
                    WHERE p.fulfillment_order_id = e.data->>'fulfillment_order' AND p.voided_at IS NULL))
                ELSE e.data END,
           (SELECT clock_timestamp() FROM webhook w WHERE w.channel = o.channel)
    FROM ROWS FROM (jsonb_to_recordset(CAST(:events AS jsonb)) AS (kind text, data jsonb))
         WITH ORDINALITY AS e(kind, data, number)
    JOIN orders o ON o.order_id = :order
    ORDER BY e.number
    RETURNING transaction_id, event_id, order_id, kind, data
"""
"""A part of a larger statement. Where parcels have left or did not, an event carries all packages of its
fulfillment order that left so far."""


def rows(events: Sequence[ChannelEvent]) -> str:
    """Events as the parameter of `INSERT_EVENTS`."""
    return json.dumps([{"kind": event.kind, "data": event.data} for event in events])
