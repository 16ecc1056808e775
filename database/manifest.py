"""Named statements about manifests: which parcels wait for one, what a carrier is asked for, and what came of it.

A document lists parcels of several orders, so it is sealed with the common key, and erased with the first of these orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from domain.manifest import LABELLED_WITHIN, PARCELS_MAX, ManifestState

LABELLED_FOR = LABELLED_WITHIN.total_seconds()


@dataclass(frozen=True, slots=True)
class NewManifest:
    """A manifest to ask a carrier for."""

    node: str
    carrier: str
    day: date
    actor: str
    cutoff: datetime | None = None
    """It is asked for by itself, of parcels whose labels were bought by then; None = somebody asks, and of all."""


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it is stored, without its document."""

    manifest: str
    node: str
    carrier: str
    day: date
    state: ManifestState
    called_at: datetime | None
    tries: int
    has_content: bool


_STORED = """manifest_id AS manifest, node, carrier, day, state, called_at, tries, content IS NOT NULL AS has_content"""


def _stored(row: Any) -> StoredManifest:
    values = dict(row._mapping)
    return StoredManifest(**values | {"state": ManifestState(values["state"])})


WAITING = f"""
    FROM label l JOIN fulfillment_order f ON f.fulfillment_order_id = l.about
    WHERE l.state = 'bought' AND l.void_wanted_at IS NULL AND l.tracking IS NOT NULL
      AND l.bought_at > clock_timestamp() - interval '{LABELLED_FOR} seconds'
      AND NOT EXISTS (SELECT FROM manifest_parcel m WHERE m.label_id = l.label_id AND m.taken_off_at IS NULL)
      AND NOT EXISTS (SELECT FROM parcel_tracking t WHERE t.carrier = l.carrier AND t.tracking = l.tracking
                        AND t.first_scan_at IS NOT NULL)
"""
"""Parcels of nodes with a label that stands on no manifest, and that their carrier has not seen yet."""


async def lock(connection: WriteConnection, node: str, carrier: str) -> None:
    """Lock the manifests of a node and a carrier until the transaction ends: no parcel gets onto two."""
    await connection.execute(LOCK, {"node": node, "carrier": carrier})


LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('manifest ' || :node || ' ' || :carrier, 0))")


async def add(connection: WriteConnection, new: NewManifest) -> str | None:
    """Store a manifest of the parcels that wait, to be asked for now; answers its id. The node and the carrier are locked.

    None = no parcel waits, or the one of the day's cut-off was asked for before.
    """
    parameters = {
        "node": new.node,
        "carrier": new.carrier,
        "day": new.day,
        "cutoff": new.cutoff,
        "actor": new.actor,
        "most": PARCELS_MAX,
    }
    found: str | None = (await connection.execute(ADD, parameters)).scalar_one_or_none()
    return found


ADD = text(
    f"""
    WITH waiting AS MATERIALIZED (
        SELECT l.label_id {WAITING} AND f.node = :node AND l.carrier = :carrier
          AND l.bought_at <= coalesce(CAST(:cutoff AS timestamptz), l.bought_at)
        ORDER BY l.bought_at, l.label_id LIMIT :most
    ), made AS (
        INSERT INTO manifest (manifest_id, node, carrier, number, day, at_cutoff, actor, due_at)
        SELECT concat_ws('-', CAST(:node AS text), CAST(:carrier AS text), 'm' || n.number), :node, :carrier, n.number,
               :day, CAST(:cutoff AS timestamptz) IS NOT NULL, :actor, clock_timestamp()
        FROM (SELECT coalesce(max(number), 0) + 1 AS number FROM manifest
              WHERE node = :node AND carrier = :carrier) AS n
        WHERE EXISTS (SELECT FROM waiting)
        ON CONFLICT (node, carrier, day) WHERE at_cutoff DO NOTHING RETURNING manifest_id
    ), put AS (
        INSERT INTO manifest_parcel (manifest_id, label_id) SELECT manifest_id, label_id FROM made, waiting
    )
    SELECT manifest_id FROM made
    """
)


async def waiting_since(connection: ReadConnection, carriers: Sequence[str]) -> Sequence[tuple[str, str, datetime]]:
    """The nodes and carriers of which parcels wait for a manifest, each with when the first of these labels was bought."""
    rows = await connection.execute(WAITING_SINCE, {"carriers": list(carriers)})
    return [(row.node, row.carrier, row.since) for row in rows]


WAITING_SINCE = text(
    f"""
    SELECT f.node, l.carrier, min(l.bought_at) AS since {WAITING} AND l.carrier = ANY(CAST(:carriers AS text[]))
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)


async def find(connection: ReadConnection, manifest: str) -> StoredManifest | None:
    """A manifest; None = there is none."""
    row = (await connection.execute(FIND, {"manifest": manifest})).one_or_none()
    return _stored(row) if row else None


FIND = text(f"SELECT {_STORED} FROM manifest WHERE manifest_id = :manifest")


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> list[tuple[StoredManifest, bool]]:
    """Take manifests whose carrier is to be asked something now, each with whether this is the first call that may make it.

    They are due again when the lease is over: who has died meanwhile may have called.
    """
    rows = await connection.execute(CLAIM, {"limit": limit, "lease": lease})
    found = []
    for row in rows:
        values = dict(row._mapping)
        is_first = values.pop("is_first")
        found.append((StoredManifest(**values | {"state": ManifestState(values["state"])}), is_first))
    return found


CLAIM = text(
    f"""
    WITH due AS MATERIALIZED (
        SELECT manifest_id AS id, called_at IS NULL AS is_first FROM manifest
        WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE manifest SET due_at = clock_timestamp() + CAST(:lease AS interval),
                        called_at = coalesce(called_at, clock_timestamp()), tries = tries + 1
    FROM due WHERE manifest.manifest_id = due.id
    RETURNING {_STORED}, is_first
    """
)


async def take_off_voided(connection: WriteConnection, manifest: str) -> None:
    """Take those parcels off a manifest whose labels were given back, or are to be, before its carrier was asked for it."""
    await connection.execute(TAKE_OFF_VOIDED, {"manifest": manifest})


TAKE_OFF_VOIDED = text(
    """
    UPDATE manifest_parcel p SET taken_off_at = clock_timestamp() FROM label l
    WHERE p.manifest_id = :manifest AND p.taken_off_at IS NULL AND l.label_id = p.label_id
      AND (l.state <> 'bought' OR l.void_wanted_at IS NOT NULL OR l.tracking IS NULL)
    """
)


async def trackings(connection: ReadConnection, manifest: str) -> Sequence[str]:
    """The tracking numbers of the parcels on a manifest; those of forgotten orders are not known any more."""
    return list((await connection.execute(TRACKINGS, {"manifest": manifest})).scalars())


TRACKINGS = text(
    """
    SELECT l.tracking FROM manifest_parcel p JOIN label l USING (label_id)
    WHERE p.manifest_id = :manifest AND p.taken_off_at IS NULL AND l.tracking IS NOT NULL ORDER BY l.label_id
    """
)


async def of_same_parcels(connection: ReadConnection, manifest: str) -> Sequence[str]:
    """The manifests that parcels of a manifest were or are on."""
    return list((await connection.execute(OF_SAME_PARCELS, {"manifest": manifest})).scalars())


OF_SAME_PARCELS = text(
    """
    SELECT DISTINCT o.manifest_id FROM manifest_parcel p JOIN manifest_parcel o USING (label_id)
    WHERE p.manifest_id = :manifest AND p.taken_off_at IS NULL
    """
)


async def take_off(connection: WriteConnection, manifest: str, but: Sequence[str] = ()) -> int:
    """Take all parcels off a manifest `but` those with these tracking numbers; answers how many were on it."""
    return (await connection.execute(TAKE_OFF, {"manifest": manifest, "but": list(but)})).rowcount


TAKE_OFF = text(
    """
    UPDATE manifest_parcel p SET taken_off_at = clock_timestamp() FROM label l
    WHERE p.manifest_id = :manifest AND p.taken_off_at IS NULL AND l.label_id = p.label_id
      AND (l.tracking IS NULL OR l.tracking <> ALL(CAST(:but AS text[])))
    """
)


async def put_on_again(connection: WriteConnection, manifest: str) -> bool:
    """Put the parcels of a manifest on it again that turns out to be made, but those whose labels were given back; false = one
    of them is on another by now, and nothing was changed."""
    if (await connection.execute(ON_ANOTHER, {"manifest": manifest})).scalar_one():
        return False
    await connection.execute(PUT_ON_AGAIN, {"manifest": manifest})
    return True


ON_ANOTHER = text(
    """
    SELECT EXISTS (SELECT FROM manifest_parcel p JOIN manifest_parcel o USING (label_id)
                   WHERE p.manifest_id = :manifest AND o.manifest_id <> :manifest AND o.taken_off_at IS NULL)
    """
)
PUT_ON_AGAIN = text(
    """
    UPDATE manifest_parcel p SET taken_off_at = NULL FROM label l
    WHERE p.manifest_id = :manifest AND l.label_id = p.label_id AND l.state = 'bought' AND l.void_wanted_at IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class Change:
    """What changes of a manifest; None = nothing of that."""

    state: ManifestState
    due_in: timedelta | None = None
    """When its carrier is asked next; None = it is not."""
    theirs: str | None = None
    content: bytes | None = field(default=None, repr=False)
    said: str | None = field(default=None, repr=False)


async def change(connection: WriteConnection, manifest: str, new: Change) -> None:
    """Write what became of a manifest. No document is stored that lists a parcel of an order that was forgotten."""
    key = await personal.common_key(connection)
    await connection.execute(LOCK_LABELS, {"manifest": manifest})  # who forgets an order erases its label first
    parameters = {
        "manifest": manifest,
        "state": new.state,
        "due_in": new.due_in,
        "theirs": new.theirs,
        "content": None if new.content is None else key.seal_bytes("manifest", new.content),
        "said": None if new.said is None else key.seal("manifest", {"said": new.said}),
    }
    await connection.execute(CHANGE, parameters)


LOCK_LABELS = text(
    """
    SELECT FROM label WHERE label_id IN (SELECT label_id FROM manifest_parcel WHERE manifest_id = :manifest)
    ORDER BY label_id FOR SHARE
    """
)
_FORGOTTEN = """
    EXISTS (SELECT FROM manifest_parcel p JOIN label l USING (label_id)
            WHERE p.manifest_id = manifest.manifest_id AND l.tracking IS NULL)
"""
CHANGE = text(
    f"""
    UPDATE manifest SET state = :state, due_at = clock_timestamp() + CAST(:due_in AS interval),
                        theirs = coalesce(:theirs, theirs), tries = 0, updated_at = clock_timestamp(),
                        content = CASE WHEN NOT {_FORGOTTEN} THEN coalesce(CAST(:content AS bytea), content) END,
                        said = CASE WHEN NOT {_FORGOTTEN}
                                    THEN coalesce(CAST(:said AS bytea), CASE WHEN :state <> 'made' THEN said END) END,
                        made_at = CASE WHEN :state = 'made' THEN coalesce(made_at, clock_timestamp()) END
    WHERE manifest_id = :manifest
    """
)


async def postpone(connection: WriteConnection, manifest: str, wait: timedelta, *, not_called: bool) -> None:
    """Ask the carrier again after a while, unless the manifest was settled meanwhile. `not_called` = the carrier was not asked
    to make it yet."""
    await connection.execute(POSTPONE, {"manifest": manifest, "wait": wait, "not_called": not_called})


POSTPONE = text(
    """
    UPDATE manifest SET due_at = clock_timestamp() + CAST(:wait AS interval),
                        called_at = CASE WHEN :not_called THEN NULL ELSE called_at END, updated_at = clock_timestamp()
    WHERE manifest_id = :manifest AND due_at IS NOT NULL
    """
)
