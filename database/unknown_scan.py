"""Named statements about scans of parcels that nobody knows yet: kept for a while, sealed, until a node reports the parcel.

A tracking number leads to a customer at the carrier, and of an unknown parcel nobody knows whose. So it stands here as a
fingerprint under the common key, and what was said is sealed with this key.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import WriteConnection
from database.sealing import Key
from database.tracking import NewScan
from domain.tracking import ScanKind, Seen

OF_ONE_CARRIER_MAX = 20_000
"""Scans of unknown parcels that are kept of one carrier: of more, the oldest are dropped."""
KEPT = timedelta(days=30)
"""How long they are kept."""
FREQUENT_FOR, OFTEN, SELDOM = timedelta(days=1), timedelta(minutes=1), timedelta(hours=1)
"""A parcel is looked for often on the first day, since nodes report within hours; after that, seldom."""


@dataclass(frozen=True, slots=True)
class KeptScan:
    """A scan of a parcel that was unknown when it came."""

    id: str
    carrier: str
    scan: NewScan


def number_of(key: Key, tracking: str) -> str:
    """What a tracking number is found by."""
    return key.fingerprint(f"tracking {tracking}")


async def keep(connection: WriteConnection, carrier: str, scans: Sequence[NewScan]) -> int:
    """Keep scans, each once; answers how many older ones of the carrier were dropped for them."""
    key = await personal.common_key(connection)
    await connection.execute(LOCK, {"carrier": carrier})
    rows = json.dumps([_row(key, carrier, one) for one in scans])
    await connection.execute(KEEP, {"carrier": carrier, "scans": rows, "often": OFTEN})
    return (await connection.execute(DROP, {"carrier": carrier, "most": OF_ONE_CARRIER_MAX})).rowcount


def _row(key: Key, carrier: str, scan: NewScan) -> dict[str, Any]:
    said = {
        "tracking": scan.tracking,
        "kind": scan.seen.kind,
        "code": scan.code,
        "at": scan.seen.at.isoformat(),
        "is_day_only": scan.seen.is_day_only,
    }
    same = f"scan {carrier} {scan.seen.at.timestamp()} {scan.tracking} {scan.code}"
    return {
        "scan": key.fingerprint(same),
        "number": number_of(key, scan.tracking),
        "sealed": key.seal("scan", said).hex(),
    }


LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('unknown_scan ' || CAST(:carrier AS text), 0))")
"""Reports of one carrier are kept one after the other, so that together they keep no more than is kept."""
KEEP = text(
    """
    INSERT INTO unknown_scan (scan, carrier, number, sealed, due_at)
    SELECT DISTINCT ON (n.scan) n.scan, :carrier, n.number, decode(n.sealed, 'hex'),
           clock_timestamp() + CAST(:often AS interval)
    FROM jsonb_to_recordset(CAST(:scans AS jsonb)) AS n(scan text, number text, sealed text)
    ON CONFLICT DO NOTHING
    """
)
DROP = text(
    """
    DELETE FROM unknown_scan WHERE scan IN (
        SELECT scan FROM unknown_scan WHERE carrier = :carrier ORDER BY recorded_at DESC, scan OFFSET :most)
    """
)


async def claim(connection: WriteConnection, parcels: int) -> list[KeptScan]:
    """Take all that was kept of some parcels which are to be looked for now; they are due again after a while."""
    key = await personal.common_key(connection)
    parameters = {"parcels": parcels, "frequent": FREQUENT_FOR, "often": OFTEN, "seldom": SELDOM}
    rows = (await connection.execute(CLAIM, parameters)).all()
    return [KeptScan(row.scan, row.carrier, _scan(key.open("scan", row.sealed))) for row in rows]


def _scan(said: dict[str, Any]) -> NewScan:
    seen = Seen(ScanKind(said["kind"]), datetime.fromisoformat(said["at"]), said["is_day_only"])
    return NewScan(said["tracking"], said["code"], seen)


CLAIM = text(
    """
    WITH parcels AS MATERIALIZED (
        SELECT number FROM unknown_scan WHERE due_at <= clock_timestamp()
        GROUP BY number ORDER BY min(due_at) LIMIT :parcels
    ), due AS MATERIALIZED (
        SELECT scan FROM unknown_scan JOIN parcels USING (number) ORDER BY scan FOR UPDATE OF unknown_scan SKIP LOCKED
    )
    UPDATE unknown_scan u SET due_at = clock_timestamp() + CASE
        WHEN u.recorded_at > clock_timestamp() - CAST(:frequent AS interval) THEN CAST(:often AS interval)
        ELSE CAST(:seldom AS interval) END
    FROM due WHERE u.scan = due.scan RETURNING u.scan, u.carrier, u.sealed
    """
)


async def drop(connection: WriteConnection, scans: Collection[str]) -> None:
    """Forget scans that were applied."""
    await connection.execute(APPLIED, {"scans": list(scans)})


APPLIED = text("DELETE FROM unknown_scan WHERE scan = ANY(CAST(:scans AS text[]))")


async def erase_old(connection: WriteConnection, limit: int) -> int:
    """Erase up to `limit` scans that are kept for too long; answers how many."""
    return (await connection.execute(ERASE_OLD, {"kept": KEPT, "limit": limit})).rowcount


ERASE_OLD = text(
    """
    DELETE FROM unknown_scan WHERE scan IN (
        SELECT scan FROM unknown_scan WHERE recorded_at < clock_timestamp() - CAST(:kept AS interval) LIMIT :limit)
    """
)


async def erase_of(connection: WriteConnection, trackings: Collection[str]) -> None:
    """Erase what is kept of parcels, by tracking number and whatever the carrier: their order is forgotten."""
    key = await personal.common_key(connection)
    await connection.execute(ERASE_OF, {"numbers": [number_of(key, one) for one in trackings]})


ERASE_OF = text("DELETE FROM unknown_scan WHERE number = ANY(CAST(:numbers AS text[]))")
