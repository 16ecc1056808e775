"""Named statements about personal data: addresses and typed text are stored sealed, and read only through this module.

Every order has a key of its own. To erase the key is to erase everything that it sealed. Text that belongs to no order is
sealed with the common key, which stays.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import text

from database.connect import Database, ReadConnection, WriteConnection
from database.forgotten import with_rounded_costs, without_the_way
from database.sealing import COMMON, Document, Key, Kind, Vault, WrongMasterKey

FORGOTTEN = ""
"""The stored fingerprint of a body whose order was forgotten."""


class NoCommonKey(Exception):
    """The database was not prepared: it has no common key yet, so personal data cannot be stored."""


def _vault(connection: ReadConnection) -> Vault:
    vault: Vault | None = connection.sync_engine.get_execution_options().get("vault")
    if vault is None:
        raise WrongMasterKey("this process has no master key")
    return vault


def new_key(connection: WriteConnection, order: str) -> tuple[Key, bytes]:
    """A key for a new order, and the wrapped key to store in `personal.key`."""
    key = Key.random(order)
    return key, _vault(connection).master_keys.wrap(key.secret, order)


def open_key(connection: ReadConnection, order: str, wrapped: bytes | None) -> Key | None:
    """The key of an order, from its row in `personal.key`; None when it was forgotten. Raises `WrongMasterKey`."""
    return Key(order, _vault(connection).master_keys.unwrap(wrapped, order)) if wrapped is not None else None


def unseal(key: Key | None, kind: Kind, sealed: bytes | str | None) -> Document | None:
    """The document in `sealed`, which is bytes or base64; None when there is none, or its order was forgotten (no key)."""
    if key is None or sealed is None:
        return None
    return key.open(kind, base64.b64decode(sealed) if isinstance(sealed, str) else sealed)


async def key_of(connection: ReadConnection, owner: str) -> Key | None:
    """The key of an order; None when it was forgotten. Raises `WrongMasterKey`."""
    return open_key(connection, owner, (await connection.execute(WRAPPED, {"owner": owner})).scalar())


WRAPPED = text("SELECT wrapped FROM personal.key WHERE owner = :owner")


async def common_key(connection: ReadConnection) -> Key:
    """The key for text that belongs to no order; each process reads it once. Raises `NoCommonKey` and `WrongMasterKey`."""
    vault = _vault(connection)
    if vault.common is None:
        vault.common = await key_of(connection, COMMON)
    if vault.common is None:
        raise NoCommonKey("the database has no key for personal data yet: run `python -m starter prepare`")
    return vault.common


async def check(database: Database) -> None:
    """Open the common key, so that a wrong master key fails at the start. Raises `NoCommonKey` and `WrongMasterKey`."""
    async with database.read() as connection:
        await common_key(connection)


async def keep_common_key(connection: WriteConnection) -> None:
    """Make the common key unless there is one, and open it. Raises `WrongMasterKey`."""
    _, wrapped = new_key(connection, COMMON)
    await connection.execute(KEEP_COMMON_KEY, {"owner": COMMON, "wrapped": wrapped})
    await common_key(connection)


KEEP_COMMON_KEY = text("INSERT INTO personal.key (owner, wrapped) VALUES (:owner, :wrapped) ON CONFLICT DO NOTHING")


async def note(connection: WriteConnection, order: str | None, actor: str | None, reason: str | None) -> int | None:
    """Store who did something and why; answers the remark's id. None when neither is given, or the order was forgotten."""
    if actor is None and reason is None:
        return None
    sealing = await common_key(connection) if order is None else await key_of(connection, order)
    return None if sealing is None else await note_sealed(connection, order, sealing, actor, reason)


async def note_sealed(
    connection: WriteConnection, order: str | None, sealing: Key, actor: str | None, reason: str | None
) -> int:
    """Store who did something and why, sealed with `sealing`; answers the remark's id."""
    sealed = sealing.seal("remark", {"actor": actor, "reason": reason})
    return int((await connection.execute(NOTE, {"order": order, "sealed": sealed})).scalar_one())


NOTE = text("INSERT INTO personal.remark (order_id, sealed) VALUES (:order, :sealed) RETURNING remark_id")


def remark(key: Key | None, sealed: bytes | str | None) -> Document:
    """Who did something and why; both None when neither was given, or the order was forgotten."""
    return unseal(key, "remark", sealed) or {"actor": None, "reason": None}


async def fingerprint(connection: ReadConnection, body: BaseModel) -> str:
    """A fingerprint of a body: equal for equal content, in any order of its keys. A guess cannot be checked against it without
    the common key."""
    content = json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True, separators=(",", ":"))
    return (await common_key(connection)).fingerprint(content)


async def idempotency_key(connection: ReadConnection, asker: str, key: str | None) -> str | None:
    """What is stored of an idempotency key: equal for equal keys of one asker, and the key cannot be read from it. None stays
    None."""
    if key is None:
        return None
    return (await common_key(connection)).fingerprint(f"idempotency {asker} {key}")


def is_same_body(known: str, given: str) -> bool:
    """Whether two fingerprints belong to equal bodies. A forgotten fingerprint counts as equal to every body."""
    return known in (FORGOTTEN, given)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Since when an order is forgotten, who asked for it, and why."""

    at: datetime
    actor: str | None
    reason: str | None


async def forgotten(connection: ReadConnection, order: str) -> Forgotten | None:
    """When, by whom and why an order was forgotten; None when it was not."""
    row = (await connection.execute(FORGOTTEN_ORDER, {"order": order})).one_or_none()
    return Forgotten(row.forgotten_at, **remark(await common_key(connection), row.remark)) if row else None


FORGOTTEN_ORDER = text(
    """
    SELECT g.forgotten_at, m.sealed AS remark FROM forgotten g LEFT JOIN personal.remark m ON m.remark_id = g.remark
    WHERE g.order_id = :order
    """
)


async def forget(connection: WriteConnection, order: str, actor: str, reason: str | None) -> None:
    """Erase an order's personal data under its lock, and all texts about it that others chose; store who asked for it and why.
    The order was not forgotten before."""
    noted = await note(connection, None, actor, reason)
    await connection.execute(NOTE_FORGOTTEN, {"order": order, "remark": noted})
    names = await connection.execute(PACKAGES, {"order": order})
    common = await common_key(connection)
    hidden = [
        {"fulfillment_order": row.fulfillment_order_id, "package": row.package, "name": hidden_name(common, *row)}
        for row in names
    ]
    for statement in ERASE:
        await connection.execute(statement, {"order": order})
    await _forget_the_way(connection, order)
    for statement in (ERASE_PACKAGES, HIDE_NAMES_AT_CHANNELS):
        await connection.execute(statement, {"order": order, "hidden": json.dumps(hidden)})


async def _forget_the_way(connection: WriteConnection, order: str) -> None:
    """Erase from the plans of an order how far away its customer lives."""
    found = await connection.execute(PLANS, {"order": order})
    kept = [{"round": row.round, "document": without_the_way(json.loads(row.document))} for row in found]
    await connection.execute(REWRITE_PLANS, {"order": order, "plans": json.dumps(kept)})
    for promise in (await connection.execute(CART_PROMISE, {"order": order})).scalars():
        kept_promise = json.dumps(with_rounded_costs(json.loads(promise)))
        await connection.execute(REWRITE_CART_PROMISE, {"order": order, "promise": kept_promise})


PLANS = text("SELECT round, document::text AS document FROM plan WHERE order_id = :order")

CART_PROMISE = text("SELECT promise::text FROM cart WHERE order_id = :order AND promise ? 'shipments'")

REWRITE_CART_PROMISE = text("UPDATE cart SET promise = CAST(:promise AS jsonb) WHERE order_id = :order")

REWRITE_PLANS = text(
    """
    UPDATE plan p SET document = k.document FROM jsonb_to_recordset(CAST(:plans AS jsonb)) AS k(round int, document jsonb)
    WHERE p.order_id = :order AND p.round = k.round
    """
)


async def to_forget(connection: ReadConnection, channel: str, keep_for: timedelta, limit: int) -> list[str]:
    """Orders that came through a channel's connection and of which all was delivered or cancelled so long ago, the oldest
    first. What nobody reports as delivered counts from when it left."""
    parameters = {"channel": channel, "keep_for": keep_for, "limit": limit}
    return list((await connection.execute(TO_FORGET, parameters)).scalars())


TO_FORGET = text(
    """
    SELECT o.order_id
    FROM channel_order c JOIN orders o USING (order_id)
    LEFT JOIN LATERAL (SELECT max(coalesce(f.delivered_at, f.shipped_at)) AS ended_at
                       FROM fulfillment_order f WHERE f.order_id = o.order_id) f ON true
    WHERE c.channel = :channel
      AND coalesce(f.ended_at, o.updated_at) < clock_timestamp() - CAST(:keep_for AS interval)
      AND NOT EXISTS (SELECT FROM forgotten g WHERE g.order_id = o.order_id)
      AND NOT EXISTS (SELECT FROM order_line l WHERE l.order_id = o.order_id
                        AND l.open + l.backordered + l.reserved + l.allocated > 0)
    ORDER BY o.placed_at, o.order_id LIMIT :limit
    """
)


def hidden_name(common: Key, fulfillment_order: str, package: str) -> str:
    """What takes the place of a package's name in a forgotten order: a message that names the package again still finds it."""
    return common.fingerprint(f"package {fulfillment_order} {package}")[:16]


NOTE_FORGOTTEN = text(
    "INSERT INTO forgotten (order_id, forgotten_at, remark) VALUES (:order, clock_timestamp(), :remark)"
)

PACKAGES = text(
    """
    SELECT fulfillment_order_id, package FROM package JOIN fulfillment_order USING (fulfillment_order_id)
    WHERE order_id = :order
    """
)

ERASE = (
    text("DELETE FROM personal.key WHERE owner = :order"),
    text("DELETE FROM personal.recipient WHERE order_id = :order"),
    text("DELETE FROM personal.customer_key WHERE order_id = :order"),
    text("DELETE FROM personal.new_address WHERE order_id = :order"),
    text("DELETE FROM personal.given_address WHERE order_id = :order"),
    text("DELETE FROM personal.new_details WHERE order_id = :order"),
    text("DELETE FROM personal.remark WHERE order_id = :order"),
    text("DELETE FROM personal.evidence WHERE order_id = :order"),
    text("DELETE FROM personal.plan_input WHERE order_id = :order"),
    text("UPDATE personal.shadow_round SET compared = NULL WHERE order_id = :order AND compared IS NOT NULL"),
    text(
        """
        UPDATE orders SET body_digest = '', customer_tier = '', reference = NULL, purchase_order = NULL, tags = '{}',
                          updated_at = clock_timestamp()
        WHERE order_id = :order
        """
    ),
    text("UPDATE order_line SET name = NULL WHERE order_id = :order AND name IS NOT NULL"),
    text("UPDATE fulfillment_order SET updated_at = clock_timestamp() WHERE order_id = :order"),
    text(
        """
        UPDATE request SET body_digest = '', facts = CASE WHEN answer IS NULL THEN facts ELSE '{}' END
        WHERE order_id = :order
        """
    ),
    text(
        """
        UPDATE inbox SET body_digest = '', facts = '{}' WHERE about IN (
            SELECT fulfillment_order_id FROM fulfillment_order WHERE order_id = :order
            UNION ALL SELECT return_id FROM return WHERE order_id = :order
            UNION ALL SELECT claim_id FROM claim WHERE order_id = :order)
        """
    ),
    text(
        """
        UPDATE inbox SET body_digest = '' WHERE about = 'parcel' AND 'parcel ' || sender || ' ' || message_id IN (
            SELECT parcel FROM return WHERE order_id = :order)
        """
    ),
    text(
        """
        UPDATE exchange e SET body = NULL FROM channel_order c
        WHERE c.order_id = :order AND e.channel = c.channel AND e.externals @> ARRAY[c.external] AND e.body IS NOT NULL
        """
    ),
    text("UPDATE channel_order SET said = NULL, digest = '' WHERE order_id = :order"),
    text(
        "UPDATE x12_document SET body = NULL, due_at = NULL, answer_by = NULL WHERE order_id = :order AND body IS NOT NULL"
    ),
    text(
        """
        UPDATE label SET package = label_id, tracking = NULL, theirs = NULL, content = NULL, said = NULL, due_at = NULL,
                         updated_at = clock_timestamp()
        WHERE order_id = :order
        """
    ),
    text(
        """
        UPDATE exception SET detail = code || ': what it said was erased with an order of it'
        WHERE code = 'carrier_failed' AND order_id IS NULL AND subject IN (
            SELECT p.manifest_id FROM manifest_parcel p JOIN label l USING (label_id) WHERE l.order_id = :order)
        """
    ),
    text(
        """
        UPDATE manifest SET content = NULL, said = NULL, updated_at = clock_timestamp() WHERE manifest_id IN (
            SELECT p.manifest_id FROM manifest_parcel p JOIN label l USING (label_id) WHERE l.order_id = :order)
        """
    ),
    text(
        """
        DELETE FROM parcel_scan s USING parcel_tracking p
        WHERE p.order_id = :order AND (p.carrier, p.tracking) = (s.carrier, s.tracking)
        """
    ),
    text("DELETE FROM parcel_tracking WHERE order_id = :order"),
    text(
        """
        DELETE FROM carton c USING fulfillment_order f
        WHERE f.order_id = :order AND f.fulfillment_order_id = c.fulfillment_order_id
        """
    ),
    text(
        """
        UPDATE exception SET detail = code || ': what it said was erased with its order'
        WHERE order_id = :order AND code IN ('message_misfit', 'return_misfit', 'channel_refused', 'carrier_failed')
        """
    ),
    text("UPDATE channel_notice SET refused = 'erased with its order' WHERE order_id = :order AND refused IS NOT NULL"),
)
"""A fingerprint could be compared with a guess; a request that nobody has answered yet still needs its facts; the detail of a
message that did not fit quotes it."""

_KNOWN_LINES = """
    (SELECT coalesce(jsonb_agg(u ORDER BY n), '[]') FROM jsonb_array_elements(p.lines) WITH ORDINALITY AS e(u, n)
     JOIN fulfillment_order_line l ON l.fulfillment_order_id = p.fulfillment_order_id AND l.line = u->>'line')
"""

ERASE_PACKAGES = text(
    f"""
    WITH hidden AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:hidden AS jsonb)) AS h(fulfillment_order text, package text, name text)
    ), erased AS (
        UPDATE package p SET package = h.name, carrier = NULL, tracking = NULL, lines = {_KNOWN_LINES}
        FROM hidden h WHERE p.fulfillment_order_id = h.fulfillment_order AND p.package = h.package
        RETURNING p.fulfillment_order_id, h.package, jsonb_build_object(
            'package', p.package, 'carrier', NULL, 'tracking', NULL, 'lines', p.lines) AS shown
    )
    UPDATE event SET data = jsonb_set(data, '{{packages}}', (
        SELECT coalesce(jsonb_agg(e.shown ORDER BY n), '[]')
        FROM jsonb_array_elements(data->'packages') WITH ORDINALITY AS s(parcel, n)
        JOIN erased e ON e.fulfillment_order_id = data->>'fulfillment_order' AND e.package = s.parcel->>'package'))
    WHERE order_id = :order AND kind IN ('shipped', 'shipment_voided', 'shipment_corrected')
    """
)
"""A tracking number leads to the customer at the carrier; a name, a carrier and an unknown line are what somebody typed."""

HIDE_NAMES_AT_CHANNELS = text(
    """
    UPDATE channel_order SET ids = (
        SELECT coalesce(jsonb_object_agg(coalesce(renamed.key, k.key), k.value), '{}')
        FROM jsonb_each(ids) k LEFT JOIN LATERAL (
            SELECT replace(k.key, h.fulfillment_order || '/' || h.package, h.fulfillment_order || '/' || h.name) AS key
            FROM jsonb_to_recordset(CAST(:hidden AS jsonb)) AS h(fulfillment_order text, package text, name text)
            WHERE starts_with(regexp_replace(k.key, '^package ', '') || '.', h.fulfillment_order || '/' || h.package || '.')
            ORDER BY length(h.package) DESC LIMIT 1) renamed ON true)
    WHERE order_id = :order AND ids <> '{}'
    """
)
"""What a channel calls a parcel is kept under the parcel's name. It gets the new one, or the parcel would be sent again."""


async def rewrap(connection: WriteConnection, after: str, limit: int) -> tuple[str, int]:
    """Seal keys that another master key has sealed again with the first one: those of up to `limit` orders after `after`.

    Answers the last order that it read, and how many keys it sealed again. When no order is left it does the common key, which
    every process opens when it starts, and answers `COMMON`. Raises `WrongMasterKey`.
    """
    rows = (await connection.execute(KEYS, {"common": COMMON, "after": after, "limit": limit})).all()
    rows = rows or (await connection.execute(COMMON_KEY, {"common": COMMON})).all()
    master_keys = _vault(connection).master_keys
    old = [row for row in rows if not row.wrapped.startswith(master_keys.first)]
    for row in old:
        secret = master_keys.unwrap(row.wrapped, row.owner)
        await connection.execute(REWRAP, {"owner": row.owner, "wrapped": master_keys.wrap(secret, row.owner)})
    return rows[-1].owner, len(old)


KEYS = text(
    """
    SELECT owner, wrapped FROM personal.key WHERE owner > :after AND owner <> :common
    ORDER BY owner LIMIT :limit FOR UPDATE
    """
)

COMMON_KEY = text("SELECT owner, wrapped FROM personal.key WHERE owner = :common FOR UPDATE")

REWRAP = text("UPDATE personal.key SET wrapped = :wrapped WHERE owner = :owner")
