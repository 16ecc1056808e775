"""Named statements about stock: claim it, book movements with their counters, read stock levels.

The counters of `stock` are always the sum of the ledger's rows, because both are written by the same statement. Every
transaction takes its locks in one order, so that there are no deadlocks: orders by id, then the gates of SKUs, then rows of
stock by SKU and node.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import exception, look_ahead
from database.connect import Database, ReadConnection, WriteConnection
from database.exception import ClosingFact
from domain.stock import Movement, StockLevel


@dataclass(frozen=True, slots=True)
class Shortage:
    """After a movement that could not be refused, fewer units are on hand at this node than are promised."""

    node: str
    sku: str
    missing: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A request to pin units, all of them or none; each (node, SKU) is named once."""

    movements: Sequence[Movement]
    safety_stock: Mapping[tuple[str, str], int]
    """The safety stock at each (node, SKU) that is named; for a SKU in `kept_back`, at every node of the network."""
    cause: str
    actor: str
    at: datetime
    order: str | None = None
    kept_back: Mapping[str, int] = field(default_factory=dict)
    """By SKU, units that must stay available in the whole network; absent = none."""
    offers: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Offers to the orders that wait, by (node, SKU), that this claim may use because it is its order's turn."""
    own: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Units at each (node, SKU) in the order's own cart, which this transaction gives back."""
    allocated: Sequence[Movement] = ()
    """What is booked together with the claim when it is granted: units of it that go on to fulfillment orders at once."""


async def claim(connection: WriteConnection, requested: Claim) -> bool:
    """Reserve all units of a claim or none: false when any of them is not available any more."""
    return await claim_each(connection, [requested]) == {0}


async def claim_each(connection: WriteConnection, claims: Sequence[Claim]) -> set[int]:
    """Reserve the units of several claims, each whole or not at all; answers the positions of those that were granted.

    They are granted in the given order. The units of an earlier claim count against the later ones even when it is refused, so
    a refused claim may succeed when it is repeated with fewer claims before it.
    """
    granted = {position for position, one in enumerate(claims) if not one.movements}
    if len(granted) == len(claims):
        return granted
    found = await connection.execute(CLAIM, claiming(claims))
    return granted | set(found.scalars())


def claiming(claims: Sequence[Claim]) -> dict[str, Any]:
    """The parameters of `CLAIMING`; each claim is named by its position."""
    rows = [(position, one, movement) for position, one in enumerate(claims) for movement in one.movements]
    return _claim_rows(rows) | _other_places(claims) | _allocations(claims)


def _claim_rows(rows: Sequence[tuple[int, Claim, Movement]]) -> dict[str, Any]:
    places = [(movement.node, movement.sku) for _, _, movement in rows]
    claims = [one for _, one, _ in rows]
    return {
        "claims": [position for position, _, _ in rows],
        "keys": [key(movement, one.order, one.cause) for _, one, movement in rows],
        "nodes": [node for node, _ in places],
        "skus": [sku for _, sku in places],
        "quantities": [movement.reserved for _, _, movement in rows],
        "safety": [one.safety_stock.get(place, 0) for one, place in zip(claims, places, strict=True)],
        "kept_back": [one.kept_back.get(sku, 0) for one, (_, sku) in zip(claims, places, strict=True)],
        "offers": [one.offers.get(place) for one, place in zip(claims, places, strict=True)],
        "own": [one.own.get(place, 0) for one, place in zip(claims, places, strict=True)],
        "orders": [one.order for one in claims],
        "causes": [one.cause for one in claims],
        "actors": [one.actor for one in claims],
        "moments": [one.at for one in claims],
    }


def _other_places(claims: Sequence[Claim]) -> dict[str, Any]:
    """Where units of a SKU are kept back, its stock at every node counts, not only where it is claimed."""
    safety = {
        place: safety for one in claims for place, safety in one.safety_stock.items() if place[1] in one.kept_back
    }
    return {
        "other_nodes": [node for node, _ in safety],
        "other_skus": [sku for _, sku in safety],
        "other_safety": list(safety.values()),
    }


def _allocations(claims: Sequence[Claim]) -> dict[str, Any]:
    rows = [(position, one, movement) for position, one in enumerate(claims) for movement in _sum(one.allocated)]
    return {
        "allocating": [position for position, _, _ in rows],
        "allocated_keys": [key(movement, one.order, one.cause) for _, one, movement in rows],
        "allocated_nodes": [movement.node for _, _, movement in rows],
        "allocated_skus": [movement.sku for _, _, movement in rows],
        "allocated_quantities": [movement.allocated for _, _, movement in rows],
    }


CHANGED = "changed_in = (pg_current_xact_id()::text)::bigint, changed_at = now()"
"""Set by each statement that changes how many units may be available at a node: channels read what changed."""

CLAIMING = f"""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:claims AS int[]), CAST(:keys AS text[]), CAST(:nodes AS text[]),
                             CAST(:skus AS text[]), CAST(:quantities AS bigint[]), CAST(:safety AS bigint[]),
                             CAST(:kept_back AS bigint[]), CAST(:offers AS timestamptz[]), CAST(:own AS bigint[]),
                             CAST(:orders AS text[]), CAST(:causes AS text[]), CAST(:actors AS text[]),
                             CAST(:moments AS timestamptz[]))
                      AS w(claim, key, node, sku, quantity, safety, kept_back, offered_at, own, order_id, cause, actor,
                           occurred_at)
    ), named AS (
        SELECT node, sku, max(safety) AS safety FROM (
            SELECT node, sku, safety FROM wanted
            UNION ALL
            SELECT * FROM unnest(CAST(:other_nodes AS text[]), CAST(:other_skus AS text[]),
                                 CAST(:other_safety AS bigint[]))) n(node, sku, safety)
        GROUP BY node, sku
    ), over AS MATERIALIZED (
        SELECT u.cart_id, u.node, u.sku FROM named JOIN cart_unit u USING (node, sku)
        WHERE u.expires_at <= statement_timestamp()
          AND (SELECT count(*) FROM waiting q WHERE q.awaits = 'stock' AND q.parts @> ARRAY[u.sku]) = 0
        FOR UPDATE OF u SKIP LOCKED
    ), lapsed AS (
        DELETE FROM cart_unit u USING over o
        WHERE (u.cart_id, u.node, u.sku) = (o.cart_id, o.node, o.sku)
        RETURNING u.cart_id, u.node, u.sku, u.quantity
    ), locked AS MATERIALIZED (
        SELECT s.node, s.sku, s.stopped_at, s.offered_at,
               s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated - n.safety AS available
        FROM stock s JOIN named n USING (node, sku)
        WHERE (SELECT count(*) FROM lapsed) >= 0
        ORDER BY s.sku, s.node
        FOR UPDATE OF s
    ), shelf AS (
        SELECT l.node, l.sku, l.stopped_at, l.offered_at, l.available + coalesce(b.quantity, 0) AS available
        FROM locked l LEFT JOIN (SELECT node, sku, sum(quantity) AS quantity FROM lapsed GROUP BY node, sku) b
                                USING (node, sku)
    ), total AS (
        SELECT sku, sum(greatest(available, 0)) AS available FROM shelf WHERE stopped_at IS NULL GROUP BY sku
    ), judged AS (
        SELECT w.claim,
               s.stopped_at IS NULL
               AND (s.offered_at IS NULL OR s.offered_at = w.offered_at OR w.quantity <= w.own)
               AND sum(w.quantity - w.own) OVER (PARTITION BY w.node, w.sku ORDER BY w.claim) <= s.available
               AND (w.kept_back = 0
                    OR sum(w.quantity - w.own) OVER (PARTITION BY w.sku ORDER BY w.claim)
                       <= greatest(t.available - w.kept_back, 0)) AS fits
        FROM wanted w LEFT JOIN shelf s USING (node, sku) LEFT JOIN total t USING (sku)
    ), granted AS (
        SELECT claim FROM judged GROUP BY claim HAVING bool_and(coalesce(fits, false))
    ), booked AS (
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
        SELECT key, node, sku, 'reserved', 0, quantity, 0, order_id, cause, actor, occurred_at
        FROM wanted JOIN granted USING (claim)
        UNION ALL
        SELECT a.key, a.node, a.sku, 'allocated', 0, -a.quantity, a.quantity, w.order_id, w.cause, w.actor, w.occurred_at
        FROM granted JOIN unnest(CAST(:allocating AS int[]), CAST(:allocated_keys AS text[]), CAST(:allocated_nodes AS text[]),
                                 CAST(:allocated_skus AS text[]), CAST(:allocated_quantities AS bigint[]))
                          AS a(claim, key, node, sku, quantity) USING (claim)
        JOIN wanted w USING (claim, node, sku)
        UNION ALL
        SELECT concat_ws('|', 'cart', cart_id, 'lapsed', node, sku), node, sku, 'freed', 0, -quantity, 0, NULL,
               'cart ' || cart_id || ' lapsed', 'clock', statement_timestamp()
        FROM lapsed
        RETURNING node, sku, reserved, allocated
    ), moved AS (
        SELECT node, sku, sum(reserved) AS reserved, sum(allocated) AS allocated FROM booked GROUP BY node, sku
    ), counted AS (
        UPDATE stock s SET reserved = s.reserved + m.reserved, allocated = s.allocated + m.allocated, {CHANGED}
        FROM moved m WHERE s.node = m.node AND s.sku = m.sku
    )
"""
"""The check and the claim are one statement. `locked` waits for other claims on the same rows and then reads their new values,
so its figures are valid until the transaction ends. Demand for one SKU is summed before it is compared.

`lapsed` gives back the units of expired carts. It is read before the stock rows are locked, because its rows are locked first.
Where orders wait for the SKU, these units are theirs: the sweep frees and offers them. The orders that wait are counted,
because for `EXISTS` or `LIMIT 1` a plan without known values reads the whole queue, expecting an early match."""

CLAIM = text(f"{CLAIMING} SELECT claim FROM granted")


async def record(
    connection: WriteConnection,
    movements: Iterable[Movement],
    *,
    order: str | None,
    cause: str,
    actor: str,
    at: datetime,
    happened_at: datetime | None = None,
) -> list[Shortage]:
    """Book movements that have happened already, without any check. To book the same cause again changes nothing.

    `happened_at` is when goods left or came, if that is not `at`. A movement from before the last count of its place is part
    of that count, and does not change what is on hand. Units that become available are offered to the orders that wait for
    them, in the same statement. A shortage that is over closes its exceptions. Answers the shortages that the movements caused.
    """
    summed = _sum(movements)
    if not summed:
        return []
    parameters = _arrays(summed, order, cause) | {
        "order": order,
        "cause": cause,
        "actor": actor,
        "at": happened_at or at,
    }
    found = await _book(connection, summed, parameters)
    rows = [row for row in found if row.node is not None]
    if enough := [(row.node, row.sku) for row in rows if row.before < 0 <= row.now]:
        await exception.close_shortages(connection, enough, ClosingFact(cause, actor, at))
    return [Shortage(row.node, row.sku, -row.now) for row in rows if row.now < 0 <= row.before]


async def _book(
    connection: WriteConnection, movements: Sequence[Movement], parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """Carry out `RECORD`, again when it found a row missing or a gate open that it needs; each of the two at most once."""
    gated = {movement.sku for movement in movements if movement.makes_available > 0}
    await close_gates(connection, gated)
    while True:
        found = (await connection.execute(RECORD, {**parameters, "gated": list(gated)})).all()
        if found[0].is_ungated:
            gated = {movement.sku for movement in movements}
            await close_gates(connection, gated)
        elif not found[0].locked:
            await lock(connection, {(movement.node, movement.sku) for movement in movements})
        else:
            return found


async def close_gates(connection: WriteConnection, skus: Collection[str], *, exclusive: bool = False) -> None:
    """Hold the gates of SKUs until the transaction ends.

    A transaction that makes units available shares the gate with others that do. A transaction whose order begins to wait holds
    it alone (`exclusive`). So either the order sees the new units, or the other transaction sees that the order waits.
    """
    if skus:
        await connection.execute(CLOSE_GATES_ALONE if exclusive else CLOSE_GATES, {"skus": sorted(skus)})


_GATES = """
    SELECT {lock}(727002, gate) FROM (
        SELECT DISTINCT hashtext(sku) & 1023 AS gate FROM unnest(CAST(:skus AS text[])) AS n(sku) ORDER BY gate) g
"""
CLOSE_GATES = text(_GATES.format(lock="pg_advisory_xact_lock_shared"))
CLOSE_GATES_ALONE = text(_GATES.format(lock="pg_advisory_xact_lock"))
"""Locked in the order of their numbers; two SKUs may have the same number. The numbers are few enough for PostgreSQL's lock
table: with its default settings, a transaction with 20,000 locks ends with `out of shared memory`."""


async def lock(connection: WriteConnection, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], StockLevel]:
    """Lock the row of every named (node, SKU) until the transaction ends; answers their stock levels. Missing rows are made.

    A row is made with the gate of its SKU closed: either it sees that the sale is stopped, or the stop-sale sees the row.
    """
    names = {"nodes": [node for node, _ in places], "skus": [sku for _, sku in places]}
    found = {(row.node, row.sku): level(row) for row in await connection.execute(LOCK, names)}
    if found or not places:
        return found
    await close_gates(connection, {sku for _, sku in places})
    await connection.execute(MAKE, names)
    return {(row.node, row.sku): level(row) for row in await connection.execute(LOCK, names)}


def _columns(lapsed: str, is_paused: str, price: str) -> str:
    """The columns of a stock level, in the order of its fields: a plan reads a hundred rows, and names are slow."""
    counters = "s.node, s.sku, s.on_hand, s.reserved, s.allocated, s.set_aside"
    state = f"s.counted_at, s.stopped_at, s.offered_at, {is_paused} AS is_paused, s.rejected_at"
    return f"{counters}, {lapsed} AS lapsed, {state}, {price} AS price"


_ALL_NAMED = "(SELECT count(*) FROM stock JOIN named USING (node, sku)) = (SELECT count(*) FROM named)"

LOCK = text(
    f"""
    WITH named AS (
        SELECT DISTINCT node, sku FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)
    )
    SELECT {_columns("0", "false", "0")} FROM stock s JOIN named USING (node, sku)
    WHERE {_ALL_NAMED}
    ORDER BY s.sku, s.node
    FOR UPDATE OF s
    """
)
"""Locks all of the rows, or none when one is missing: a transaction must not make rows while it holds others."""

MAKE = text(
    """
    INSERT INTO stock (node, sku, stopped_at)
    SELECT DISTINCT n.node, n.sku, (SELECT min(since) FROM stop
                                    WHERE stop.sku = n.sku AND coalesce(stop.node, n.node) = n.node
                                      AND stop.lifted_at IS NULL)
    FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)
    ORDER BY n.sku, n.node
    ON CONFLICT DO NOTHING
    """
)

RECORD = text(
    f"""
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:kinds AS text[]),
                             CAST(:on_hand AS bigint[]), CAST(:reserved AS bigint[]), CAST(:allocated AS bigint[]),
                             CAST(:set_aside AS bigint[]), CAST(:states AS text[]))
                      AS m(key, node, sku, kind, on_hand, reserved, allocated, set_aside, state)
    ), named AS (
        SELECT DISTINCT node, sku FROM asked
    ), ungated AS MATERIALIZED (
        SELECT DISTINCT node, sku FROM asked
        WHERE on_hand < 0 AND kind <> 'counted' AND sku <> ALL (CAST(:gated AS text[]))
    ), locked AS MATERIALIZED (
        SELECT s.node, s.sku, s.on_hand, s.reserved, s.allocated, s.set_aside, s.counted_at
        FROM stock s JOIN named USING (node, sku)
        WHERE {_ALL_NAMED} AND NOT EXISTS (SELECT FROM stock JOIN ungated USING (node, sku) WHERE counted_at > :at)
        ORDER BY s.sku, s.node
        FOR UPDATE OF s
    ), late AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM stock JOIN ungated USING (node, sku) WHERE counted_at > :at)
               OR EXISTS (SELECT FROM locked JOIN ungated USING (node, sku) WHERE counted_at > :at) AS is_ungated
    ), booked AS (
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, set_aside, state, order_id, cause, actor,
                              occurred_at)
        SELECT key, node, sku, kind, on_hand, reserved, allocated, set_aside, state, :order, :cause, :actor, :at
        FROM asked WHERE (SELECT count(*) FROM locked) > 0 AND NOT (SELECT is_ungated FROM late)
        ON CONFLICT (key) DO NOTHING
        RETURNING key, node, sku, kind, on_hand, reserved, allocated, set_aside
    ), seen AS (
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, order_id, cause, actor, occurred_at)
        SELECT b.key || '|seen by the count', b.node, b.sku, 'counted', -b.on_hand, 0, 0, :order, :cause, :actor, :at
        FROM booked b JOIN locked s USING (node, sku)
        WHERE b.on_hand <> 0 AND b.kind <> 'counted' AND s.counted_at > :at
        RETURNING node, sku, on_hand
    ), moved AS (
        SELECT node, sku, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(allocated) AS allocated,
               sum(set_aside) AS set_aside
        FROM (SELECT node, sku, on_hand, reserved, allocated, set_aside FROM booked
              UNION ALL SELECT node, sku, on_hand, 0, 0, 0 FROM seen) m
        GROUP BY node, sku
    ), shelf AS (
        SELECT m.*, s.reserved + m.reserved AS reserved_now, w.before, w.now FROM moved m JOIN locked s USING (node, sku)
        CROSS JOIN LATERAL (
            SELECT s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated AS before,
                   s.on_hand + m.on_hand - greatest(s.set_aside + m.set_aside, 0) - s.reserved - m.reserved
                   - s.allocated - m.allocated AS now) w
    ), awaited AS (
        SELECT m.node, m.sku, clock_timestamp() AS offered_at FROM shelf m
        WHERE m.now > m.before AND EXISTS (
            SELECT FROM waiting w WHERE w.awaits = 'stock' AND w.parts @> ARRAY[m.sku]
                                    AND (w.nodes IS NULL OR m.node = ANY(w.nodes)))
    ), counted AS (
        UPDATE stock s
        SET on_hand = s.on_hand + m.on_hand, reserved = s.reserved + m.reserved, allocated = s.allocated + m.allocated,
            set_aside = s.set_aside + m.set_aside,
            short_at = CASE WHEN m.now < 0 AND m.reserved_now > 0 THEN coalesce(s.short_at, clock_timestamp()) END,
            offered_at = coalesce(a.offered_at, s.offered_at), {CHANGED}
        FROM shelf m LEFT JOIN awaited a USING (node, sku)
        WHERE s.node = m.node AND s.sku = m.sku
        RETURNING s.node, s.sku, m.now, m.before
    )
    SELECT l.locked, late.is_ungated, c.* FROM (SELECT count(*) > 0 AS locked FROM locked) l CROSS JOIN late
    LEFT JOIN counted c ON true
    """
)
"""Every figure is of `locked`, which waits for other transactions and then has the latest values; the tables themselves are
seen as they were before. The orders that wait are seen as they were when the gates were closed, and the gates keep it so. If a
row is missing, nothing is locked or booked. Goods that moved before the last count of their place were `seen` by the count, and
are not counted twice. If they left, units become available by it; where the gate of their SKU is open (`ungated`), nothing is
booked either. Only where the count was committed while its row was waited for, the gate is closed after the row was locked, and
PostgreSQL ends the circle that this can make. Units that become available are offered where an order waits for them (`awaited`
is a join, because a plan without known values answers an `EXISTS` among the columns by reading the whole queue)."""


def _sum(movements: Iterable[Movement]) -> list[Movement]:
    """One movement per (reference, node, SKU, kind): an event may book the same units in several steps."""
    summed: dict[Movement, Movement] = {}
    for movement in movements:
        name = replace(movement, on_hand=0, reserved=0, allocated=0, set_aside=0)
        summed[name] = summed.get(name, name).plus(movement)
    return [movement for movement in summed.values() if not movement.changes_nothing]


def _arrays(movements: Sequence[Movement], order: str | None, cause: str) -> dict[str, Any]:
    return {
        "keys": [key(movement, order, cause) for movement in movements],
        "nodes": [movement.node for movement in movements],
        "skus": [movement.sku for movement in movements],
        "kinds": [str(movement.kind) for movement in movements],
        "states": [movement.state for movement in movements],
        "on_hand": [movement.on_hand for movement in movements],
        "reserved": [movement.reserved for movement in movements],
        "allocated": [movement.allocated for movement in movements],
        "set_aside": [movement.set_aside for movement in movements],
    }


def key(movement: Movement, order: str | None, cause: str) -> str:
    """A movement's business key: its cause, order, kind, SKU and node."""
    return "|".join((order or "", cause, movement.reference, movement.node, movement.sku, str(movement.kind)))


async def levels(connection: ReadConnection, skus: Collection[str]) -> dict[tuple[str, str], StockLevel]:
    """The stock levels of SKUs by (node, SKU), at every node that ever had one of them."""
    rows = (await connection.execute(LEVELS, {"skus": list(skus)})).all()
    found = map(level, rows)
    return {(one.node, one.sku): one for one in found}


async def levels_now(database: Database, skus: Collection[str]) -> tuple[int | None, dict[tuple[str, str], StockLevel]]:
    """The active version of the network, None without one; and the stock levels of SKUs as in `levels`. In one round trip."""
    rows = await database.fetch(LEVELS_NOW, list(skus))
    found = [level(row[1:]) for row in rows if row["node"] is not None]
    return rows[0]["network_version"], {(one.node, one.sku): one for one in found}


_LAPSED = """
           coalesce((SELECT sum(u.quantity) FROM cart_unit u
                     WHERE u.node = s.node AND u.sku = s.sku AND u.expires_at <= statement_timestamp()
                       AND (SELECT count(*) FROM waiting q WHERE q.awaits = 'stock' AND q.parts @> ARRAY[s.sku]) = 0
                    ), 0)::bigint
"""
_IS_PAUSED = "EXISTS (SELECT FROM node_pause p WHERE p.node = s.node AND p.lifted_at IS NULL)"
_READ = _columns(_LAPSED, _IS_PAUSED, look_ahead.PRICE)
LEVEL = f"SELECT {_READ} FROM stock s"
"""Units of lapsed carts are free at once, unless orders wait for the SKU: then the sweep offers the units to them.

The orders that wait are counted: for `EXISTS` PostgreSQL reads the whole table, expecting an early match that is rare."""

LEVELS = text(f"{LEVEL} WHERE s.sku = ANY(CAST(:skus AS text[])) ORDER BY s.node, s.sku")

LEVELS_NOW = f"""
    SELECT (SELECT version FROM network_version WHERE is_active) AS network_version, {_READ}
    FROM (SELECT) AS always LEFT JOIN stock s ON s.sku = ANY(CAST($1 AS text[])) ORDER BY s.node, s.sku
"""


def level(row: Any) -> StockLevel:
    """The stock level in a row that a statement of this module read."""
    return StockLevel._make(row)
