"""The documents of manifests: one with its parcels, a page of a node's, and the parcels that wait for one."""

import base64
from datetime import date
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from database.manifest import WAITING
from domain.label import LabelState
from domain.manifest import ManifestState


class ManifestParcel(Document):
    """A parcel of a manifest."""

    label: str
    """The id of its label."""
    order: str
    """The order's id."""
    fulfillment_order: str
    """The fulfillment order that it is of."""
    package: str
    """The node's id of the parcel."""
    tracking: str | None
    """The carrier's tracking number; null when the order was forgotten."""
    status: LabelState
    """How far its label is now; `voided` = it was given back after the manifest was made: strike the parcel out."""
    taken_off: bool
    """Whether it is not on the manifest: the carrier refused it or left the parcel out, or its label was given back before."""


class ShortManifest(Document):
    """A manifest of a list."""

    manifest: str
    """Its id, which is our reference at the carrier, too."""
    node: str
    """The node that hands the parcels over."""
    carrier: str
    """Its name in carriers.toml."""
    day: date
    """On which the parcels are handed over, by the node's calendar."""
    status: ManifestState
    """How far it is."""
    number: str | None
    """What the carrier calls it; null while there is none, or when the carrier did not say."""
    parcels_count: int
    """How many parcels are on it."""
    asked_at: AwareDatetime
    """When it was asked for."""
    made_at: AwareDatetime | None
    """When it was made; null while it was not."""
    updated_at: AwareDatetime
    """When it last changed."""


class Manifest(ShortManifest):
    """The list with which a node hands parcels to a carrier."""

    asked_by: str
    """The holder of the key with which it was asked for; `cut-off` = nobody: it was asked for by itself."""
    parcels: list[ManifestParcel]
    """By label."""
    content: str | None
    """Its document to be printed, a PDF in base64; null while there is none, or when an order on it was forgotten."""
    said: str | None
    """Why it was not made, in the carrier's words; null when nothing went wrong, or when an order on it was forgotten."""


class WaitingParcel(Document):
    """A parcel that waits for a manifest."""

    label: str
    """The id of its label."""
    order: str
    """The order's id."""
    fulfillment_order: str
    """The fulfillment order that it is of."""
    package: str
    """The node's id of the parcel."""
    carrier: str
    """Its name in carriers.toml."""
    tracking: str
    """The carrier's tracking number."""
    bought_at: AwareDatetime
    """When its label was bought."""


_SHORT = """m.manifest_id, m.node, m.carrier, m.day, m.state, m.theirs, m.recorded_at, m.made_at, m.updated_at,
    (SELECT count(*) FROM manifest_parcel c WHERE c.manifest_id = m.manifest_id AND c.taken_off_at IS NULL) AS parcels_count"""


def _short(row: Any) -> dict[str, Any]:
    return {
        "manifest": row.manifest_id,
        "node": row.node,
        "carrier": row.carrier,
        "day": row.day.isoformat(),
        "status": row.state,
        "number": row.theirs,
        "parcels_count": row.parcels_count,
        "asked_at": row.recorded_at.isoformat(),
        "made_at": row.made_at and row.made_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


async def show(connection: ReadConnection, manifest: str) -> dict[str, Any] | None:
    """The document of a manifest; None = there is none."""
    row = (await connection.execute(SHOW, {"manifest": manifest})).one_or_none()
    if row is None:
        return None
    key = await personal.common_key(connection)
    said = personal.unseal(key, "manifest", row.said)
    content = None if row.content is None else key.open_bytes("manifest", row.content)
    parcels = await connection.execute(PARCELS, {"manifest": manifest})
    return _short(row) | {
        "asked_by": row.actor,
        "parcels": [dict(parcel._mapping) for parcel in parcels],
        "content": None if content is None else base64.b64encode(content).decode(),
        "said": said and said["said"],
    }


SHOW = text(f"SELECT {_SHORT}, m.actor, m.content, m.said FROM manifest m WHERE m.manifest_id = :manifest")
PARCELS = text(
    """
    SELECT l.label_id AS label, l.order_id AS "order", l.about AS fulfillment_order, l.package, l.tracking,
           l.state AS status, p.taken_off_at IS NOT NULL AS taken_off
    FROM manifest_parcel p JOIN label l USING (label_id) WHERE p.manifest_id = :manifest ORDER BY l.label_id
    """
)


async def listed(
    connection: ReadConnection, node: str, carrier: str | None, day: date | None, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """The manifests of a node, the newest first, after the one with the id `after`."""
    parameters = {"node": node, "carrier": carrier, "day": day, "after": after, "limit": limit}
    return [_short(row) for row in await connection.execute(LISTED, parameters)]


LISTED = text(
    f"""
    SELECT {_SHORT} FROM manifest m
    WHERE m.node = :node AND m.carrier = coalesce(:carrier, m.carrier) AND m.day = coalesce(CAST(:day AS date), m.day)
      AND (CAST(:after AS text) IS NULL OR (m.recorded_at, m.manifest_id)
           < (SELECT a.recorded_at, a.manifest_id FROM manifest a WHERE a.manifest_id = :after))
    ORDER BY m.recorded_at DESC, m.manifest_id DESC LIMIT :limit
    """
)


async def waiting(
    connection: ReadConnection, node: str, carriers: list[str], after: str | None, limit: int
) -> list[dict[str, Any]]:
    """The parcels of a node that wait for a manifest of these carriers, by label, after the label `after`."""
    parameters = {"node": node, "carriers": carriers, "after": after or "", "limit": limit}
    rows = await connection.execute(WAITING_PARCELS, parameters)
    return [dict(row._mapping) | {"bought_at": row.bought_at.isoformat()} for row in rows]


WAITING_PARCELS = text(
    f"""
    SELECT l.label_id AS label, l.order_id AS "order", l.about AS fulfillment_order, l.package, l.carrier, l.tracking,
           l.bought_at
    {WAITING} AND f.node = :node AND l.carrier = ANY(CAST(:carriers AS text[])) AND l.label_id > :after
    ORDER BY l.label_id LIMIT :limit
    """
)
