"""The oldest transaction that may still write into this database: readers of what is written one by one never pass it."""

OLDEST_OPEN = """
    (SELECT coalesce(min(x.id), pg_snapshot_xmax(pg_current_snapshot()))::text::bigint
     FROM pg_snapshot_xip(pg_current_snapshot()) AS x(id)
     WHERE NOT EXISTS (SELECT FROM pg_stat_activity a
                       WHERE a.backend_xid = x.id::xid AND a.datname <> current_database()))
"""
"""SQL for its number, or for the next number to be given when none is open. What earlier transactions have written is visible.

A snapshot's own limit, `pg_snapshot_xmin`, counts transactions of every database of the server, such as Temporal's; they cannot
write here. One that is not known to belong to another database counts: it may have ended meanwhile, or be prepared.

Use it in one statement, or in one snapshot: sessions must be looked at after the snapshot was taken, since before it the same
session's place may have been another database's. Every role may see these columns."""
