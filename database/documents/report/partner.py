"""The report about trading partners: what a wholesale buyer measures a supplier by, and charges back where it fails."""

from types import MappingProxyType

from database.documents.report.group import Figures, Group, Report, grouped, mean, share


class PartnersFigures(Figures):
    """What the buyers by X12 of one group were given; of `total`, all of them."""

    orders: int
    """Orders of buyers by X12 of which something is wanted."""
    in_time: int
    """Orders that left as a whole until the earlier of `promised.ship_by` and `not_after`, which their buyer has named."""
    late: int
    """Orders that left later, or have not left as a whole although that moment is over."""
    in_time_rate: float | None
    """`in_time` / (`in_time` + `late`); null when none is due."""
    complete: int
    """Orders that are over, of which every unit left that the buyer has not taken back."""
    incomplete: int
    """Orders that are over, of which fewer units left."""
    complete_rate: float | None
    """`complete` / (`complete` + `incomplete`); null when none is over."""
    confirmed: int
    """Orders whose response (855) was sent."""
    hours_to_confirm: float | None
    """Hours from the arrival of the order until then, on average; null without any."""
    notices: int
    """Shipment notices (856) that the buyer has acknowledged, without those that correct others."""
    notices_right: int
    """Those of them that it took without naming an error, and that were not corrected later."""
    notices_right_rate: float | None
    """`notices_right` / `notices`; null without any."""
    hours_to_notice: float | None
    """Hours from the departure of goods until their notice was sent, on average; null without any."""
    documents: int
    """Documents that were sent and ask for an acknowledgment (997), and that have one or whose time is over."""
    acknowledged_in_time: int
    """Those that the buyer acknowledged in the time that its file gives it."""
    acknowledged_rate: float | None
    """`acknowledged_in_time` / `documents`; null without any."""


_SENT = "CASE WHEN x.tries = 1 THEN x.sent_at WHEN x.tries > 1 THEN x.recorded_at END"
"""When a document was first put into the mailbox; one that was sent again has kept only when it was written."""
_IS_FIRST = "x.code = '856' AND x.key NOT LIKE '856 % %'"
_IN_TIME = "count(*) FILTER (WHERE left_at <= due_at)"
_LATE = "count(*) FILTER (WHERE left_at > due_at OR (left_at IS NULL AND due_at < now()))"
_COMPLETE = "count(*) FILTER (WHERE owed = 0 AND shipped >= wanted)"
_INCOMPLETE = "count(*) FILTER (WHERE owed = 0 AND shipped < wanted)"


class PartnersReport(Report):
    """How buyers by X12 were served: in time, complete, with right documents, and how fast documents were exchanged."""

    by: Group
    """What the rows are grouped by."""
    rows: list[PartnersFigures]
    """A row for each group, in the order of their names."""
    total: PartnersFigures
    """The same figures of all groups together."""

    names = MappingProxyType({Group.CHANNEL: Report.names[Group.CHANNEL], **Report.names})
    statement = grouped(
        f"""
        SELECT {{name}} AS name, o.received_at, l.owed, l.shipped, l.ordered - t.units AS wanted, d.*,
               least(o.duty_ship_by, o.not_after) AS due_at,
               CASE WHEN l.owed = 0 THEN (SELECT max(w.shipped_at) FROM fulfillment_order w WHERE w.order_id = o.order_id)
               END AS left_at
        FROM orders o CROSS JOIN LATERAL (
            SELECT sum(ordered - shipped - cancelled) AS owed, sum(shipped) AS shipped, sum(ordered) AS ordered
            FROM order_line WHERE order_line.order_id = o.order_id) l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum((u->>'quantity')::bigint), 0) AS units FROM request r CROSS JOIN LATERAL
                jsonb_array_elements(coalesce(r.answer->'cancelled', '[]') || coalesce(r.answer->'pending', '[]')) u
            WHERE r.order_id = o.order_id AND r.kind = 'cancel' AND r.asker = 'channel:' || o.channel) t
        CROSS JOIN LATERAL (
            SELECT min({_SENT}) FILTER (WHERE x.code = '855') AS confirmed_at,
                   count(*) FILTER (WHERE {_IS_FIRST} AND x.verdict IS NOT NULL) AS notices,
                   count(*) FILTER (WHERE {_IS_FIRST} AND x.verdict = 'A' AND NOT EXISTS (
                       SELECT FROM x12_document c WHERE c.order_id = o.order_id AND c.code = '856'
                              AND c.key LIKE '856 % ' || split_part(x.key, ' ', 2) || ' %')) AS notices_right,
                   sum(extract(epoch FROM {_SENT} - e.occurred_at) / 3600) FILTER (WHERE {_IS_FIRST}) AS notice_hours,
                   count({_SENT}) FILTER (WHERE {_IS_FIRST} AND e.event_id IS NOT NULL) AS notices_sent,
                   count(*) FILTER (WHERE m.is_late OR x.verdict IS NOT NULL) AS documents,
                   count(*) FILTER (WHERE x.verdict IS NOT NULL AND NOT m.is_late) AS acknowledged
            FROM x12_document x CROSS JOIN LATERAL (
                SELECT EXISTS (SELECT FROM exception n
                               WHERE n.order_id = o.order_id AND n.code = 'acknowledgment_missing'
                                 AND n.subject = concat_ws(' ', x.partner, x.code, x.control)) AS is_late) m
            LEFT JOIN event e ON x.code = '856' AND e.order_id = x.order_id
                             AND e.transaction_id || '-' || e.event_id = split_part(x.key, ' ', 2)
            WHERE x.order_id = o.order_id AND x.partner = o.channel) d
        WHERE {{placed}} AND l.ordered > t.units AND EXISTS (SELECT FROM x12_control c WHERE c.partner = o.channel)
        """,
        {
            "orders": "count(*)",
            "in_time": _IN_TIME,
            "late": _LATE,
            "in_time_rate": share(_IN_TIME, f"{_IN_TIME} + {_LATE}"),
            "complete": _COMPLETE,
            "incomplete": _INCOMPLETE,
            "complete_rate": share(_COMPLETE, f"{_COMPLETE} + {_INCOMPLETE}"),
            "confirmed": "count(confirmed_at)",
            "hours_to_confirm": mean("extract(epoch FROM confirmed_at - received_at) / 3600"),
            "notices": "coalesce(sum(notices), 0)",
            "notices_right": "coalesce(sum(notices_right), 0)",
            "notices_right_rate": share("sum(notices_right)", "sum(notices)"),
            "hours_to_notice": "round((sum(notice_hours) / nullif(sum(notices_sent), 0))::numeric, 2)",
            "documents": "coalesce(sum(documents), 0)",
            "acknowledged_in_time": "coalesce(sum(acknowledged), 0)",
            "acknowledged_rate": share("sum(acknowledged)", "sum(documents)"),
        },
    )
