"""Named statements about orders of connected channels: the order that it is here, and what the channel said last of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from domain.channel_difference import Stated


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """An order of a channel, as it was known last."""

    order: str | None
    """None = it was never placed here."""
    version: datetime
    """The channel's own instant of the document that was carried out last."""
    digest: str
    """The fingerprint of that document."""
    said: Stated | None
    """What the channel said, so far as it was carried out; None = nothing was wanted."""
    sold_there: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By node, units by SKU that were sold and handed over there, and are off its stock."""

    @property
    def is_forgotten(self) -> bool:
        """Whether its order was forgotten here."""
        return self.digest == personal.FORGOTTEN


async def lock(connection: WriteConnection, channel: str, external: str) -> None:
    """Let no other transaction follow this order of a channel until this one ends, also before it has a row. Lock it before
    the order."""
    await connection.execute(LOCK, {"name": f"{channel} {external}"})


LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 18))")


async def find(connection: ReadConnection, channel: str, external: str) -> ChannelOrder | None:
    """An order of a channel; None = nothing was carried out of it. Read it under the lock of its order before you write."""
    row = (await connection.execute(FIND, {"channel": channel, "external": external})).one_or_none()
    if row is None:
        return None
    key = personal.open_key(connection, row.order_id, row.wrapped) if row.order_id is not None else None
    said = None if key is None or row.said is None else Stated.model_validate_json(key.open_bytes("said", row.said))
    return ChannelOrder(row.order_id, row.version, row.digest, said, row.sold_there)


FIND = text(
    """
    SELECT c.order_id, c.version, c.digest, c.said, c.sold_there, k.wrapped
    FROM channel_order c LEFT JOIN personal.key k ON k.owner = c.order_id
    WHERE c.channel = :channel AND c.external = :external
    """
)


async def is_divided(connection: ReadConnection, channel: str, external: str) -> bool:
    """Whether an order of a channel is here as orders of its stores, each called by both names with a slash between them."""
    asked = {"channel": channel, "begins": f"{external}/"}
    return bool((await connection.execute(IS_DIVIDED, asked)).scalar_one())


IS_DIVIDED = text(
    "SELECT EXISTS (SELECT FROM channel_order WHERE channel = :channel AND starts_with(external, :begins))"
)


async def fingerprint(connection: ReadConnection, stated: Stated | None) -> str:
    """A fingerprint of what a channel says: equal where it says the same."""
    content = "nothing" if stated is None else stated.model_dump_json()
    return (await personal.common_key(connection)).fingerprint(f"said {content}")


async def names(connection: ReadConnection, channel: str, external: str) -> Mapping[str, str]:
    """The names that are kept with an order."""
    found: dict[str, str] = (await connection.execute(NAMES, {"channel": channel, "external": external})).scalar_one()
    return found


NAMES = text("SELECT ids FROM channel_order WHERE channel = :channel AND external = :external")


async def name(connection: WriteConnection, channel: str, external: str, ids: Mapping[str, str]) -> None:
    """Keep more names with an order that later notices need; an order that was not placed has none."""
    await connection.execute(NAME, {"channel": channel, "external": external, "ids": json.dumps(dict(ids))})


NAME = text(
    """
    UPDATE channel_order SET ids = ids || CAST(:ids AS jsonb)
    WHERE channel = :channel AND external = :external AND order_id IS NOT NULL
    """
)


async def keep(
    connection: WriteConnection,
    channel: str,
    external: str,
    known: ChannelOrder,
    why_not: str | None,
) -> None:
    """Store what is known of an order of a channel. What it said is sealed with the key of the order."""
    key = await personal.key_of(connection, known.order) if known.order is not None and known.said is not None else None
    said = known.said.model_dump_json().encode() if known.said is not None else b""
    parameters = {
        "channel": channel,
        "external": external,
        "order": known.order,
        "version": known.version,
        "digest": known.digest,
        "said": None if key is None else key.seal_bytes("said", said),
        "why_not": why_not,
        "sold_there": json.dumps(known.sold_there),
    }
    await connection.execute(KEEP, parameters)


KEEP = text(
    """
    INSERT INTO channel_order (channel, external, order_id, version, digest, said, why_not, sold_there)
    VALUES (:channel, :external, :order, :version, :digest, :said, :why_not, CAST(:sold_there AS jsonb))
    ON CONFLICT (channel, external) DO UPDATE
    SET order_id = excluded.order_id, version = excluded.version, digest = excluded.digest, said = excluded.said,
        why_not = excluded.why_not, sold_there = excluded.sold_there
    """
)
