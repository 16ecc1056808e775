"""The document of a label: how far it is, what it costs, and what is printed on it."""

import base64
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from domain.label import LabelFormat, LabelState
from domain.tracking import ScanKind


class Label(Document):
    """The label of a parcel."""

    label: str
    """Its id, which is our reference at the carrier, too."""
    order: str
    """The order's id."""
    fulfillment_order: str | None
    """The fulfillment order that it is for; null when it is for a return."""
    return_: str | None = Field(alias="return")
    """The return that it is for; null when it is for a fulfillment order."""
    package: str
    """The node's id of the parcel."""
    carrier: str
    """Its name in carriers.toml."""
    service: str
    """The service of the order, by which the carrier chooses its own."""
    format: LabelFormat
    """How it is written."""
    weight_g: int
    """What the carrier was asked for, in grams."""
    status: LabelState
    """How far it is."""
    tracking: str | None
    """The carrier's tracking number; null while there is none, or when the order was forgotten."""
    amount: int | None
    """What the carrier asks for it, in minor units of `currency`; null when it did not say."""
    currency: str | None
    """Three letters, ISO 4217; null when there is no amount, or the policy has no currency."""
    content: str | None
    """What is to be printed, in base64: ZPL in UTF-8, or a PDF; null while there is none, or when the order was forgotten."""
    said: str | None
    """Why it was not sold or taken back, in the carrier's words; null when nothing went wrong, or the order was forgotten."""
    scan: ScanKind | None
    """What the carrier's latest scan of the parcel means; null while there is none, for a return, or when the order was
    forgotten."""
    scanned_at: AwareDatetime | None
    """When that was, by the carrier's clock."""
    first_scan_at: AwareDatetime | None
    """When the carrier had the parcel first, by its clock; null while it has not."""
    asked_at: AwareDatetime
    """When it was asked for."""
    bought_at: AwareDatetime | None
    """When it was bought; null while it was not."""
    updated_at: AwareDatetime
    """When it last changed."""


async def show(connection: ReadConnection, label: str) -> dict[str, Any] | None:
    """The document of a label; None = there is none."""
    row = (await connection.execute(SHOW, {"label": label})).one_or_none()
    if row is None:
        return None
    key = personal.open_key(connection, row.order_id, row.wrapped)
    said = personal.unseal(key, "label", row.said)
    content = key.open_bytes("label", row.content) if key and row.content is not None else None
    return {
        "label": label,
        "order": row.order_id,
        "fulfillment_order": None if row.is_return else row.about,
        "return": row.about if row.is_return else None,
        "package": row.package,
        "carrier": row.carrier,
        "service": row.asked["service"],
        "format": row.asked["format"],
        "weight_g": row.asked["weight_g"],
        "status": row.state,
        "tracking": row.tracking,
        "amount": row.amount,
        "currency": row.currency,
        "content": None if content is None else base64.b64encode(content).decode(),
        "said": said and said["said"],
        "scan": row.last_kind,
        "scanned_at": row.last_at and row.last_at.isoformat(),
        "first_scan_at": row.first_scan_at and row.first_scan_at.isoformat(),
        "asked_at": row.recorded_at.isoformat(),
        "bought_at": row.bought_at and row.bought_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


SHOW = text(
    """
    SELECT l.*, k.wrapped, p.last_kind, p.last_at, p.first_scan_at,
           EXISTS (SELECT FROM return r WHERE r.return_id = l.about) AS is_return
    FROM label l LEFT JOIN personal.key k ON k.owner = l.order_id
    LEFT JOIN parcel_tracking p ON p.carrier = l.carrier AND p.tracking = l.tracking
    WHERE l.label_id = :label
    """
)
