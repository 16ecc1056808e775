"""Named statements about carts: units that a channel has pinned for a customer who has not ordered yet.

Each row of a cart's units has its own expiry, and every change of it needs the row's lock. An order that takes the cart over,
the sweep, and a claim that frees lapsed units (`database.stock.CLAIM`) compete for this lock, and one of them wins.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from database import personal, stock
from database.connect import ReadConnection, WriteConnection
from domain.stock import Movement, MovementKind


class CartUnavailable(Exception):
    """The cart cannot become this order; the message is the reason."""


class CartStatus(StrEnum):
    """The status of a cart, derived from its facts."""

    HELD = "held"
    LAPSED = "lapsed"
    """Its time is over, or none of its units are reserved any more."""
    GIVEN_BACK = "given_back"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True)
class Cart:
    """A reservation that was made: the promise that the channel got, and when it expires."""

    cart_id: str
    channel: str
    asker: str
    """The caller whose key made the request."""
    idempotency_key: str | None
    """None also for a cart that was read: only a hash of the key is stored."""
    body_digest: str
    promise: dict[str, Any]
    reserved_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KnownCart:
    """A cart with its present status."""

    cart: Cart
    status: CartStatus
    order: str | None
    """The order that took it over; None without one."""


async def pin(connection: WriteConnection, made: Sequence[tuple[Cart, stock.Claim]]) -> set[int]:
    """Claim units for carts and store the carts that got all their units, in one statement; answers the positions of these.

    The sequence is that of `database.stock.claim_each`. Raises `IntegrityError`, with nothing done, when the idempotency key of
    any cart is used already.
    """
    if not made:
        return set()
    stored_keys = [await personal.idempotency_key(connection, cart.asker, cart.idempotency_key) for cart, _ in made]
    carts = _cart_rows([cart for cart, _ in made]) | {"idempotency_keys": stored_keys}
    parameters = stock.claiming([claim for _, claim in made]) | carts
    return set((await connection.execute(PIN, parameters)).scalars())


def _cart_rows(carts: Sequence[Cart]) -> dict[str, Any]:
    return {
        "positions": list(range(len(carts))),
        "carts": [cart.cart_id for cart in carts],
        "channels": [cart.channel for cart in carts],
        "askers": [cart.asker for cart in carts],
        "body_digests": [cart.body_digest for cart in carts],
        "promises": [json.dumps(cart.promise) for cart in carts],
        "reserved_at": [cart.reserved_at for cart in carts],
        "expires_at": [cart.expires_at for cart in carts],
    }


PIN = text(
    f"""
    {stock.CLAIMING}, made AS (
        SELECT * FROM unnest(CAST(:positions AS int[]), CAST(:carts AS text[]), CAST(:channels AS text[]),
                             CAST(:askers AS text[]), CAST(:idempotency_keys AS text[]), CAST(:body_digests AS text[]),
                             CAST(:promises AS text[]), CAST(:reserved_at AS timestamptz[]),
                             CAST(:expires_at AS timestamptz[]))
                      AS c(claim, cart_id, channel, asker, idempotency_key, body_digest, promise, reserved_at, expires_at)
        JOIN granted USING (claim)
    ), kept AS (
        INSERT INTO cart (cart_id, channel, asker, idempotency_key, body_digest, promise, reserved_at, expires_at)
        SELECT cart_id, channel, asker, idempotency_key, body_digest, promise::jsonb, reserved_at, expires_at
        FROM made ORDER BY asker, idempotency_key
    ), pinned AS (
        INSERT INTO cart_unit (cart_id, node, sku, quantity, expires_at)
        SELECT made.cart_id, wanted.node, wanted.sku, wanted.quantity, made.expires_at FROM made JOIN wanted USING (claim)
    )
    SELECT claim FROM granted
    """
)
"""Carts are stored in the order of their keys, so that two batches with a common key cannot deadlock."""


async def before(
    connection: ReadConnection, asker: str, idempotency_key: str | None
) -> tuple[int | None, KnownCart | None]:
    """The active version of the network, and the cart that this asker made with this idempotency key; None each when there is
    none. A request for a reservation reads both first."""
    stored_key = await personal.idempotency_key(connection, asker, idempotency_key)
    row = (await connection.execute(BEFORE, {"asker": asker, "idempotency_key": stored_key})).one()
    return row.network_version, _known(row) if row.cart_id else None


_STATUS = """
    CASE WHEN c.order_id IS NOT NULL THEN 'ordered'
         WHEN c.given_back_at IS NOT NULL THEN 'given_back'
         WHEN c.expires_at <= statement_timestamp()
              OR NOT EXISTS (SELECT FROM cart_unit u WHERE u.cart_id = c.cart_id) THEN 'lapsed'
         ELSE 'held' END
"""
_CART = f"""
    c.cart_id, c.channel, c.asker, c.body_digest, c.promise::text AS promise, c.reserved_at, c.expires_at,
    c.order_id, {_STATUS} AS status
"""

BEFORE = text(
    f"""
    SELECT (SELECT version FROM network_version WHERE is_active) AS network_version, {_CART}
    FROM (SELECT) AS always LEFT JOIN cart c ON c.asker = :asker AND c.idempotency_key = :idempotency_key
    """
)


async def find(connection: ReadConnection, cart_id: str, channel: str | None) -> KnownCart | None:
    """A cart by its id; None when there is none, or it belongs to another channel. `channel` None = any channel."""
    row = (await connection.execute(FIND, {"cart": cart_id, "channel": channel})).one_or_none()
    return _known(row) if row else None


FIND = text(
    f"""
    SELECT {_CART} FROM cart c
    WHERE c.cart_id = :cart AND (CAST(:channel AS text) IS NULL OR c.channel = :channel)
    """
)


def _known(row: Any) -> KnownCart:
    cart = Cart(
        cart_id=row.cart_id,
        channel=row.channel,
        asker=row.asker,
        idempotency_key=None,
        body_digest=row.body_digest,
        promise=json.loads(row.promise),
        reserved_at=row.reserved_at,
        expires_at=row.expires_at,
    )
    return KnownCart(cart, CartStatus(row.status), row.order_id)


async def become(connection: WriteConnection, cart_id: str, channel: str, order: str) -> None:
    """Let an order take a channel's cart over: its units do not lapse any more. Units that have lapsed before are not included.

    Raises `CartUnavailable` when there is no such cart, it was given back, or another order took it over.
    """
    names = {"cart": cart_id, "channel": channel, "order": order}
    if (await connection.execute(BECOME, names)).scalar() is not None:
        return
    known = await find(connection, cart_id, channel)
    if known is None:
        raise CartUnavailable("there is no such reservation")
    raise CartUnavailable(f"it became order {known.order}" if known.order else "it was given back")


BECOME = text(
    """
    WITH became AS (
        UPDATE cart SET order_id = :order
        WHERE cart_id = :cart AND channel = :channel AND order_id IS NULL AND given_back_at IS NULL
        RETURNING cart_id
    ), pinned AS (
        UPDATE cart_unit u SET expires_at = 'infinity' FROM became b
        WHERE u.cart_id = b.cart_id AND u.expires_at > statement_timestamp()
    )
    SELECT cart_id FROM became
    """
)


async def give_back(
    connection: WriteConnection, cart_id: str, channel: str | None, *, actor: str, at: datetime
) -> None:
    """Free a cart's units. Does nothing when an order took the cart over, or it was given back before."""
    rows = (await connection.execute(GIVE_BACK, {"cart": cart_id, "channel": channel, "at": at})).all()
    movements = [_freed(row) for row in rows]
    await stock.record(connection, movements, order=None, cause=f"cart {cart_id} given back", actor=actor, at=at)


def _freed(row: Any, reference: str = "") -> Movement:
    return Movement(MovementKind.FREED, row.node, row.sku, reserved=-row.quantity, reference=reference)


GIVE_BACK = text(
    """
    WITH given AS (
        UPDATE cart SET given_back_at = :at
        WHERE cart_id = :cart AND (CAST(:channel AS text) IS NULL OR channel = :channel)
          AND order_id IS NULL AND given_back_at IS NULL
        RETURNING cart_id
    )
    DELETE FROM cart_unit u USING given g WHERE u.cart_id = g.cart_id
    RETURNING u.node, u.sku, u.quantity
    """
)


async def lapses_in(connection: ReadConnection) -> timedelta | None:
    """In what time the next cart lapses; 0 or less when one has lapsed, None when no cart may lapse."""
    found: timedelta | None = (await connection.execute(LAPSES_IN)).scalar_one()
    return found


LAPSES_IN = text("SELECT min(expires_at) - statement_timestamp() FROM cart_unit WHERE expires_at < 'infinity'")


async def free_lapsed(connection: WriteConnection, *, at: datetime, limit: int) -> int:
    """Free the units of expired carts, so that they are offered to the orders that wait; answers how many cart rows it freed.
    It skips rows that another transaction has locked."""
    rows = (await connection.execute(FREE_LAPSED, {"limit": limit})).all()
    movements = [_freed(row, f"cart {row.cart_id}") for row in rows]
    await stock.record(connection, movements, order=None, cause="lapsed", actor="clock", at=at)
    return len(rows)


FREE_LAPSED = text(
    """
    WITH over AS MATERIALIZED (
        SELECT cart_id, node, sku FROM cart_unit WHERE expires_at <= statement_timestamp()
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM cart_unit u USING over o WHERE (u.cart_id, u.node, u.sku) = (o.cart_id, o.node, o.sku)
    RETURNING u.cart_id, u.node, u.sku, u.quantity
    """
)
"""A claim frees such rows as well, under another key in the ledger. Each row is deleted once, so it is freed once."""


async def hand_over(connection: WriteConnection, order: str, at: datetime) -> None:
    """Free the units of an order's cart; the order has pinned its own units in this transaction."""
    rows = (await connection.execute(HAND_OVER, {"order": order})).all()
    movements = [_freed(row) for row in rows]
    await stock.record(connection, movements, order=order, cause="cart handed over", actor="workflow", at=at)


HAND_OVER = text(
    """
    DELETE FROM cart_unit u USING cart c
    WHERE c.cart_id = u.cart_id AND c.order_id = :order
    RETURNING u.node, u.sku, u.quantity
    """
)


async def drop_youngest(connection: WriteConnection, node: str, sku: str, at: datetime) -> bool:
    """Free the youngest cart's units at a (node, SKU) that is short; False when it is not short, or no cart has units there."""
    row = (await connection.execute(DROP_YOUNGEST, {"node": node, "sku": sku})).one_or_none()
    if row is None:
        return False
    cause = f"cart {row.cart_id} dropped: fewer are on hand than are promised"
    freed = Movement(MovementKind.FREED, node, sku, reserved=-row.quantity)
    await stock.record(connection, [freed], order=None, cause=cause, actor="clock", at=at)
    return True


DROP_YOUNGEST = text(
    """
    DELETE FROM cart_unit WHERE (cart_id, node, sku) = (
        SELECT u.cart_id, u.node, u.sku FROM cart_unit u JOIN cart c USING (cart_id) JOIN stock s USING (node, sku)
        WHERE u.node = :node AND u.sku = :sku AND u.expires_at < 'infinity'
          AND s.on_hand - greatest(s.set_aside, 0) < s.reserved + s.allocated
        ORDER BY c.reserved_at DESC, c.cart_id DESC LIMIT 1
        FOR UPDATE OF u SKIP LOCKED)
    RETURNING cart_id, quantity
    """
)
"""The locked row is checked for an order: one may have taken the cart over since the statement began."""
