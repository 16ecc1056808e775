"""Named statements about parcels on their way: what carriers said about them, and when they are asked again."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.tracking import Followed, ScanKind, Seen


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """A parcel that is followed."""

    carrier: str
    tracking: str = field(repr=False)
    order: str
    fulfillment_order: str
    package: str
    since: datetime
    known: Followed


async def follow(
    connection: WriteConnection,
    carrier: str,
    parcels: Collection[tuple[str, str]],
    *,
    order: str,
    fulfillment_order: str,
    is_asked: bool,
) -> None:
    """Follow parcels, given as tracking number and package; `is_asked` = the carrier is asked where they are.

    A tracking number that is followed already stays where it is.
    """
    parameters = {
        "carrier": carrier,
        "trackings": [tracking for tracking, _ in parcels],
        "packages": [package for _, package in parcels],
        "order": order,
        "fulfillment_order": fulfillment_order,
        "is_asked": is_asked,
    }
    await connection.execute(FOLLOW, parameters)


FOLLOW = text(
    """
    INSERT INTO parcel_tracking (carrier, tracking, order_id, fulfillment_order_id, package, poll_due_at)
    SELECT DISTINCT ON (n.tracking) :carrier, n.tracking, :order, :fulfillment_order, n.package,
           CASE WHEN :is_asked THEN clock_timestamp() + interval '1 hour' END
    FROM unnest(CAST(:trackings AS text[]), CAST(:packages AS text[])) AS n(tracking, package)
    ON CONFLICT (carrier, tracking) DO NOTHING
    """
)


async def lock(connection: WriteConnection, carrier: str, trackings: Sequence[str]) -> None:
    """Lock parcels until the transaction ends, in one order: other reports of their scans wait."""
    await connection.execute(LOCK, {"carrier": carrier, "trackings": list(trackings)})


LOCK = text(
    """
    SELECT FROM parcel_tracking WHERE carrier = :carrier AND tracking = ANY(CAST(:trackings AS text[]))
    ORDER BY tracking FOR NO KEY UPDATE
    """
)


async def parcels(connection: ReadConnection, carrier: str, trackings: Sequence[str]) -> Mapping[str, OnItsWay]:
    """The parcels of a carrier that are followed, by tracking number."""
    found = list(await connection.execute(PARCELS, {"carrier": carrier, "trackings": list(trackings)}))
    scans = defaultdict[str, set[ScanKind]](set)
    for row in await connection.execute(KINDS, {"carrier": carrier, "trackings": list(trackings)}):
        scans[row.tracking].add(ScanKind(row.kind))
    return {
        row.tracking: OnItsWay(
            carrier,
            row.tracking,
            row.order_id,
            row.fulfillment_order_id,
            row.package,
            row.recorded_at,
            Followed(
                row.first_scan_at,
                Seen(ScanKind(row.last_kind), row.last_at, row.is_day_only or False) if row.last_kind else None,
                frozenset(scans[row.tracking]),
            ),
        )
        for row in found
    }


PARCELS = text(
    """
    SELECT p.*, (SELECT bool_and(s.is_day_only) FROM parcel_scan s WHERE s.carrier = p.carrier
                 AND s.tracking = p.tracking AND s.at = p.last_at AND s.kind = p.last_kind) AS is_day_only
    FROM parcel_tracking p WHERE carrier = :carrier AND tracking = ANY(CAST(:trackings AS text[]))
    """
)
KINDS = text(
    """
    SELECT DISTINCT tracking, kind FROM parcel_scan
    WHERE carrier = :carrier AND tracking = ANY(CAST(:trackings AS text[]))
    """
)


@dataclass(frozen=True, slots=True)
class NewScan:
    """A scan to keep."""

    tracking: str = field(repr=False)
    code: str
    seen: Seen


async def add(connection: WriteConnection, carrier: str, scans: Sequence[NewScan]) -> list[NewScan]:
    """Keep scans of parcels that are followed; answers those that are new."""
    rows = [
        {
            "n": number,
            "tracking": one.tracking,
            "at": one.seen.at.isoformat(),
            "code": one.code,
            "kind": one.seen.kind,
            "is_day_only": one.seen.is_day_only,
        }
        for number, one in enumerate(scans)
    ]
    added = await connection.execute(ADD, {"carrier": carrier, "scans": json.dumps(rows)})
    new = {(row.tracking, row.at, row.code) for row in added}
    return [one for one in scans if (one.tracking, one.seen.at, one.code) in new]


ADD = text(
    """
    INSERT INTO parcel_scan (carrier, tracking, at, code, kind, is_day_only)
    SELECT DISTINCT ON (n.tracking, n.at, n.code) :carrier, n.tracking, n.at, n.code, n.kind, n.is_day_only
    FROM jsonb_to_recordset(CAST(:scans AS jsonb))
         AS n(n int, tracking text, at timestamptz, code text, kind text, is_day_only boolean)
    ORDER BY n.tracking, n.at, n.code, n.n
    ON CONFLICT DO NOTHING RETURNING tracking, at, code
    """
)


async def keep(connection: WriteConnection, known: Sequence[tuple[OnItsWay, Followed, timedelta | None]]) -> None:
    """Store what is known about parcels now, and in what time their carriers are asked again; None = they are not."""
    rows = [
        {
            "carrier": parcel.carrier,
            "tracking": parcel.tracking,
            "first_scan_at": now.first_scan_at and now.first_scan_at.isoformat(),
            "last_kind": now.last and now.last.kind,
            "last_at": now.last and now.last.at.isoformat(),
            "asked_in": None if asked_in is None else f"{asked_in.total_seconds()} seconds",
        }
        for parcel, now, asked_in in known
    ]
    await connection.execute(KEEP, {"parcels": json.dumps(rows)})


KEEP = text(
    """
    UPDATE parcel_tracking p SET first_scan_at = n.first_scan_at, last_kind = n.last_kind, last_at = n.last_at, tries = 0,
                                 poll_due_at = CASE WHEN p.poll_due_at IS NULL THEN NULL
                                                    ELSE clock_timestamp() + n.asked_in END
    FROM jsonb_to_recordset(CAST(:parcels AS jsonb))
         AS n(carrier text, tracking text, first_scan_at timestamptz, last_kind text, last_at timestamptz, asked_in interval)
    WHERE p.carrier = n.carrier AND p.tracking = n.tracking
    """
)


async def of_packages(
    connection: ReadConnection, carrier: str, trackings: Collection[str]
) -> Mapping[str, tuple[str, str]]:
    """The order and the fulfillment order of the parcels that nodes reported with these tracking numbers."""
    rows = await connection.execute(OF_PACKAGES, {"carrier": carrier, "trackings": list(trackings)})
    return {row.tracking: (row.order_id, row.fulfillment_order_id) for row in rows}


OF_PACKAGES = text(
    """
    SELECT DISTINCT ON (p.tracking) p.tracking, f.order_id, p.fulfillment_order_id
    FROM package p JOIN fulfillment_order f USING (fulfillment_order_id)
    WHERE p.tracking = ANY(CAST(:trackings AS text[])) AND p.voided_at IS NULL
    ORDER BY p.tracking, coalesce(lower(p.carrier) = :carrier, false) DESC, p.shipped_at DESC
    """
)


async def known(connection: ReadConnection, carrier: str, trackings: Collection[str]) -> set[str]:
    """Which of these parcels are followed, or were reported by a node."""
    parameters = {"carrier": carrier, "trackings": list(trackings)}
    return set((await connection.execute(KNOWN, parameters)).scalars())


KNOWN = text(
    """
    SELECT tracking FROM parcel_tracking WHERE carrier = :carrier AND tracking = ANY(CAST(:trackings AS text[]))
    UNION
    SELECT tracking FROM package WHERE tracking = ANY(CAST(:trackings AS text[])) AND voided_at IS NULL
    """
)


async def of_order(connection: ReadConnection, order: str) -> set[str]:
    """The tracking numbers of an order: of its parcels and its labels."""
    return set((await connection.execute(OF_ORDER, {"order": order})).scalars())


OF_ORDER = text(
    """
    SELECT tracking FROM package JOIN fulfillment_order USING (fulfillment_order_id)
    WHERE order_id = :order AND tracking IS NOT NULL
    UNION SELECT tracking FROM label WHERE order_id = :order AND tracking IS NOT NULL
    UNION SELECT tracking FROM parcel_tracking WHERE order_id = :order
    """
)


async def package_of(connection: ReadConnection, fulfillment_order: str, tracking: str) -> str | None:
    """What the node of a fulfillment order calls its parcel with this tracking number; None = it has not reported it."""
    found: str | None = (
        await connection.execute(PACKAGE_OF, {"fulfillment_order": fulfillment_order, "tracking": tracking})
    ).scalar_one_or_none()
    return found


PACKAGE_OF = text(
    """
    SELECT package FROM package WHERE fulfillment_order_id = :fulfillment_order AND tracking = :tracking
    AND voided_at IS NULL ORDER BY shipped_at DESC LIMIT 1
    """
)


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> dict[str, list[tuple[str, int]]]:
    """Take parcels whose carriers are asked now, by carrier, each with how often it was asked in vain."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in await connection.execute(CLAIM, {"limit": limit, "lease": lease}):
        found[row.carrier].append((row.tracking, row.tries))
    return found


CLAIM = text(
    """
    WITH due AS MATERIALIZED (
        SELECT carrier, tracking FROM parcel_tracking WHERE poll_due_at <= clock_timestamp()
        ORDER BY poll_due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE parcel_tracking p SET poll_due_at = clock_timestamp() + CAST(:lease AS interval), tries = tries + 1
    FROM due WHERE (p.carrier, p.tracking) = (due.carrier, due.tracking) RETURNING p.carrier, p.tracking, p.tries
    """
)


async def postpone(
    connection: WriteConnection,
    carrier: str,
    trackings: Sequence[str],
    wait: timedelta,
    *,
    lease: timedelta,
    followed_for: timedelta,
) -> None:
    """Ask a carrier again later about parcels whose `lease` still runs: of which nothing was kept since they were claimed.
    It is not asked any more about one that is followed for longer than `followed_for`."""
    parameters = {"carrier": carrier, "trackings": list(trackings), "wait": wait, "lease": lease, "for": followed_for}
    await connection.execute(POSTPONE, parameters)


POSTPONE = text(
    """
    WITH mine AS MATERIALIZED (
        SELECT tracking FROM parcel_tracking
        WHERE carrier = :carrier AND tracking = ANY(CAST(:trackings AS text[]))
          AND poll_due_at <= clock_timestamp() + CAST(:lease AS interval)
        ORDER BY tracking FOR NO KEY UPDATE
    )
    UPDATE parcel_tracking p SET poll_due_at = CASE WHEN p.recorded_at > clock_timestamp() - CAST(:for AS interval)
                                                    THEN clock_timestamp() + CAST(:wait AS interval) END
    FROM mine WHERE p.carrier = :carrier AND p.tracking = mine.tracking
    """
)
