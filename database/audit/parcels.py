"""The invariants about parcels: what is known of one follows from its scans, and no label is paid for that nobody needs."""

from database.audit.invariant import Invariant
from database.unknown_scan import OF_ONE_CARRIER_MAX

INVARIANTS = (
    Invariant(
        "a parcel is on one manifest at most, and on none that its carrier did not make",
        "SELECT count(*) FROM manifest_parcel",
        """
        SELECT format('%s is on %s, of which %s were refused', label_id, string_agg(manifest_id, ' ' ORDER BY manifest_id),
                      count(*) FILTER (WHERE m.state = 'refused'))
        FROM manifest_parcel p JOIN manifest m USING (manifest_id) WHERE p.taken_off_at IS NULL
        GROUP BY label_id HAVING count(*) > 1 OR bool_or(m.state = 'refused')
        """,
    ),
    Invariant(
        "a manifest lists parcels of its node and its carrier only, and one that is asked for or unknown is asked for again or "
        "a person's",
        "SELECT count(*) FROM manifest",
        """
        SELECT format('%s lists %s', m.manifest_id, l.label_id)
        FROM manifest m JOIN manifest_parcel p USING (manifest_id) JOIN label l USING (label_id)
        LEFT JOIN fulfillment_order f ON f.fulfillment_order_id = l.about
        WHERE l.carrier <> m.carrier OR f.node IS DISTINCT FROM m.node
        UNION ALL
        SELECT format('%s is %s, and nobody looks after it', m.manifest_id, m.state)
        FROM manifest m WHERE m.due_at IS NULL AND (m.state = 'asked' OR m.state = 'unknown' AND NOT EXISTS (
            SELECT FROM exception e WHERE e.code = 'carrier_failed' AND e.subject = m.manifest_id))
        """,
    ),
    Invariant(
        "a label of work that ended without a shipment is given back, unless a person decides or it was used",
        "SELECT count(*) FROM label WHERE state = 'bought'",
        """
        SELECT format('%s of %s', l.label_id, l.about)
        FROM label l JOIN fulfillment_order f ON f.fulfillment_order_id = l.about
        WHERE l.state = 'bought' AND l.void_wanted_at IS NULL AND l.kept_at IS NULL AND l.tracking IS NOT NULL
          AND NOT EXISTS (
              SELECT FROM fulfillment_order_line n WHERE n.fulfillment_order_id = f.fulfillment_order_id
                AND (n.quantity > n.short + n.shipped OR n.in_doubt > 0 OR n.shipped > 0 OR n.surplus > 0))
        """,
    ),
    Invariant(
        "when a carrier had a parcel first, and when it saw it last, follows from its scans",
        "SELECT count(*) FROM parcel_tracking",
        """
        SELECT format('%s of %s: first %s and last %s, but its scans say %s and %s', p.package, p.fulfillment_order_id,
                      p.first_scan_at, p.last_at, s.first_at, s.last_at)
        FROM parcel_tracking p CROSS JOIN LATERAL (
            SELECT min(at) FILTER (WHERE kind NOT IN ('label', 'other')) AS first_at,
                   max(at) FILTER (WHERE kind <> 'other') AS last_at, coalesce(bool_or(is_day_only), false) AS is_vague
            FROM parcel_scan n WHERE n.carrier = p.carrier AND n.tracking = p.tracking) s
        WHERE p.first_scan_at IS DISTINCT FROM s.first_at OR (p.last_at IS NULL) <> (s.last_at IS NULL)
           OR (NOT s.is_vague AND p.last_at <> s.last_at)
        """,
    ),
    Invariant(
        "what a carrier has delivered is reported to its fulfillment order",
        "SELECT count(*) FROM parcel_scan WHERE kind = 'delivered'",
        """
        SELECT format('%s: its carriers have delivered %s parcels, and %s were reported', p.fulfillment_order_id,
                      count(*), coalesce(max(i.reported), 0))
        FROM parcel_tracking p
        LEFT JOIN LATERAL (
            SELECT count(*) AS reported FROM inbox m
            WHERE m.about = p.fulfillment_order_id AND m.kind = 'delivered' AND m.message_id LIKE 'scan-%') i ON true
        WHERE EXISTS (SELECT FROM parcel_scan s
                      WHERE s.carrier = p.carrier AND s.tracking = p.tracking AND s.kind = 'delivered')
        GROUP BY p.fulfillment_order_id HAVING count(*) > coalesce(max(i.reported), 0)
        """,
    ),
    Invariant(
        "of parcels that nobody knows, no carrier has more scans than are kept",
        "SELECT count(*) FROM unknown_scan",
        f"""
        SELECT format('%s: %s', carrier, count(*)) FROM unknown_scan
        GROUP BY carrier HAVING count(*) > {OF_ONE_CARRIER_MAX}
        """,
    ),
)
