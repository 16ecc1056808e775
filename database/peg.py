"""Named statements about pegs: what of announced goods is promised to which waiting units (docs/decisions/0061).

Every statement that writes pegs is sent when the locks of their dated rows are held. These are taken after stock levels, by
SKU, node and message.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import text

from database import incoming
from database.connect import Database, ReadConnection, WriteConnection
from database.order.sequence import PLACED
from domain.coming_back import unpromised
from domain.peg import DatedRow, Held, Peg, RowName


class Noted(NamedTuple):
    """Something that has changed since pegs were given last."""

    mark: int | None
    """The row of `to_peg` that says so; None = it is seen without one: goods have become late."""
    sku: str
    order: str | None
    """The order whose promise may be another; None = any order that waits."""


@dataclass(frozen=True)
class ToPeg:
    """What has changed since pegs were given last."""

    noted: Sequence[Noted] = ()

    @property
    def marks(self) -> list[int]:
        """The rows of `to_peg`."""
        return [one.mark for one in self.noted if one.mark is not None]

    @cached_property
    def skus(self) -> frozenset[str]:
        """The SKUs with something that has changed."""
        return frozenset(one.sku for one in self.noted)

    @cached_property
    def orders(self) -> frozenset[str]:
        """The orders whose promise may be another: they may be ten thousand, and are asked for with each that is looked at."""
        return frozenset(one.order for one in self.noted if one.order is not None)

    def without(self, left: Collection[str], seen: Collection[str]) -> "ToPeg":
        """What has changed for others than the orders `left`; goods that became late, only for orders not `seen`."""
        others = [one for one in self.noted if one.order not in left]
        return ToPeg([one for one in others if one.mark is not None or one.order not in seen])


@dataclass(slots=True)
class Announced:
    """The dated rows of some SKUs, and how many of their open units nobody has."""

    rows: Mapping[str, Sequence[DatedRow]] = field(default_factory=dict)
    """By SKU."""
    free: dict[str, dict[RowName, int]] = field(default_factory=dict)
    """By SKU and row."""

    @property
    def is_any_free(self) -> bool:
        """Whether any unit is left that nobody has."""
        return any(units for rows in self.free.values() for units in rows.values())

    def within(self, before: "Announced") -> "Announced":
        """The same rows, with no more free units than they had `before`; none of a row that had another date then or is new."""
        dates = {(sku, row.name): row.expected_at for sku, rows in before.rows.items() for row in rows}
        free: dict[str, dict[RowName, int]] = defaultdict(dict)
        for sku, row in ((sku, row) for sku, rows in self.rows.items() for row in rows):
            is_same = dates.get((sku, row.name)) == row.expected_at
            free[sku][row.name] = min(self.free[sku][row.name], before.free[sku][row.name]) if is_same else 0
        return Announced(self.rows, free)

    def leave(self, after: "Announced") -> None:
        """Take over what is left free of the rows in `after`."""
        for sku, rows in after.free.items():
            self.free.setdefault(sku, {}).update(rows)


async def mark(connection: WriteConnection, skus: Iterable[str], order: str | None = None) -> None:
    """Note that announced goods of SKUs, or what waits for them, have changed; of one order, or for all that wait."""
    await connection.execute(MARK, {"skus": sorted(skus), "order": order})


MARK = text("INSERT INTO to_peg (sku, order_id) SELECT unnest(CAST(:skus AS text[])), CAST(:order AS text)")

MARK_WHO_WAITS = """
    marked AS (
        INSERT INTO to_peg (sku)
        SELECT DISTINCT i.sku FROM incoming i WHERE i.sku = ANY(CAST(:awaited AS text[])) AND i.arrived < i.quantity)
"""
"""Where units begin to wait: a note for each of their SKUs of which goods are announced."""


async def to_peg(connection: ReadConnection) -> ToPeg:
    """What has changed: what was noted, and the promises whose goods are late since."""
    return ToPeg([Noted(*row) for row in await connection.execute(TO_PEG)])


TO_PEG = text(
    """
    SELECT to_peg_id, sku, order_id FROM to_peg
    UNION ALL
    SELECT DISTINCT NULL::bigint, sku, order_id FROM peg
    WHERE ship_by IS NOT NULL AND quantity > 0 AND due_at <= clock_timestamp()
    """
)


async def done(connection: WriteConnection, marks: Collection[int]) -> None:
    """Take back what was noted, after all of it was looked at."""
    await connection.execute(text("DELETE FROM to_peg WHERE to_peg_id = ANY(:marks)"), {"marks": list(marks)})


async def note_again(connection: WriteConnection, orders: Collection[str]) -> None:
    """Note orders that could not be looked at, each once for every SKU that it waits for or has pegs of."""
    await connection.execute(NOTE_AGAIN, {"orders": sorted(orders)})


NOTE_AGAIN = text(
    """
    INSERT INTO to_peg (sku, order_id)
    SELECT n.sku, n.order_id FROM (
        SELECT unnest(parts) AS sku, order_id FROM waiting WHERE order_id = ANY(CAST(:orders AS text[]))
        UNION
        SELECT sku, order_id FROM peg WHERE order_id = ANY(CAST(:orders AS text[]))) n
    WHERE NOT EXISTS (SELECT FROM to_peg t WHERE t.order_id = n.order_id AND t.sku = n.sku)
    """
)


async def orders_to_peg(connection: ReadConnection, changed: ToPeg) -> list[str]:
    """The open orders to look at, in sequence: those named, and those that free announced units may serve better."""
    asked = {"skus": sorted(changed.skus), "orders": sorted(changed.orders)}
    return list((await connection.execute(ORDERS_TO_PEG, asked)).scalars())


_SEQUENCE = f"o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id"

ORDERS_TO_PEG = text(
    f"""
    WITH free AS MATERIALIZED (
        SELECT i.sku, i.node, i.expected_at, i.for_order_id, i.return_id, {incoming.COUNTED_FROM} AS counted_from
        FROM incoming i WHERE i.sku = ANY(CAST(:skus AS text[])) AND i.arrived < i.quantity
          AND i.quantity - i.arrived > (SELECT coalesce(sum(p.quantity), 0) FROM peg p
                                        WHERE p.sku = i.sku AND p.node = i.node AND p.message_id = i.message_id)
    ), served AS (
        SELECT w.order_id FROM free f
        JOIN waiting w ON w.awaits = 'stock' AND w.parts @> ARRAY[f.sku] AND cardinality(w.parts) = 1
                          AND w.incoming_lag_seconds IS NOT NULL
                          AND (w.nodes IS NULL OR f.node = ANY(w.nodes)) AND f.node <> ALL(w.tried)
                          AND coalesce(f.for_order_id, w.order_id) = w.order_id AND (f.return_id IS NULL OR w.sells_returns)
        CROSS JOIN LATERAL (SELECT make_interval(secs => w.incoming_lag_seconds) AS lag) l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(p.quantity + p.arrived), 0) AS units,
                   max(CASE WHEN p.due_at IS NULL THEN 'infinity'
                            ELSE greatest(i.expected_at + l.lag, {incoming.COUNTED_FROM}) END) FILTER (WHERE p.quantity > 0)
                   AS latest
            FROM peg p JOIN incoming i USING (node, message_id, sku)
            WHERE p.order_id = w.order_id AND p.line = w.line) g
        WHERE g.units < w.quantity OR g.latest > greatest(f.expected_at + l.lag, f.counted_from)
           OR g.units < (SELECT sum(o.quantity) FROM waiting o
                         WHERE o.order_id = w.order_id AND o.line = w.line AND o.awaits = 'stock')
        UNION
        SELECT unnest(CAST(:orders AS text[]))
    )
    SELECT o.order_id FROM served JOIN orders o USING (order_id) WHERE o.closed_at IS NULL ORDER BY {_SEQUENCE}
    """
)
"""Some are asked for nothing, for free units may be late, or too few for an order that must have all at once. Late goods, which
have no date, are worse than any that have one."""


async def lock_announced(connection: WriteConnection, skus: Collection[str], orders: Collection[str]) -> Announced:
    """Lock the dated rows of SKUs that have open units, and those of the orders' pegs, until the transaction ends; answers the
    rows of these SKUs. Of what is announced since, which is not locked, nothing may be given.
    """
    locked = await connection.execute(LOCK, {"skus": sorted(skus), "orders": sorted(orders)})
    return await announced(connection, skus, {(row.sku, RowName(row.node, row.message_id)) for row in locked})


LOCK = text(
    """
    WITH named AS MATERIALIZED (
        SELECT node, message_id, sku FROM incoming WHERE sku = ANY(CAST(:skus AS text[])) AND arrived < quantity
        UNION
        SELECT node, message_id, sku FROM peg WHERE order_id = ANY(CAST(:orders AS text[]))
    )
    SELECT i.sku, i.node, i.message_id FROM incoming i JOIN named USING (node, message_id, sku)
    ORDER BY i.sku, i.node, i.message_id FOR UPDATE OF i
    """
)


async def lock_carried(
    connection: WriteConnection, order: str, skus: Collection[str], fulfillment_orders: Collection[str]
) -> None:
    """Lock, until the transaction ends, the dated rows of SKUs that have open units, those of a transfer or its fulfillment
    orders, even where all has arrived, and those of its own pegs."""
    names = {"order": order, "skus": sorted(skus), "names": sorted(fulfillment_orders)}
    await connection.execute(LOCK_CARRIED, names)


LOCK_CARRIED = text(
    """
    SELECT FROM incoming
    WHERE (sku = ANY(CAST(:skus AS text[]))
           AND (arrived < quantity OR fulfillment_order_id = ANY(CAST(:names AS text[])) OR transfer_id = :order))
       OR (node, message_id, sku) IN (SELECT node, message_id, sku FROM peg WHERE order_id = :order)
    ORDER BY sku, node, message_id FOR UPDATE
    """
)


async def announced(
    connection: ReadConnection, skus: Collection[str], locked: Collection[tuple[str, RowName]] | None = None
) -> Announced:
    """The dated rows of SKUs that have open units, and how many of these nobody has; with `locked`, those of them."""
    return _announced(await connection.execute(ANNOUNCED, {"skus": sorted(skus)}), locked)


async def announced_now(database: Database, skus: Collection[str]) -> Announced:
    """As `announced`, in one round trip below SQLAlchemy: a shop asks on every page."""
    return _announced(await database.fetch(ANNOUNCED_NOW, sorted(skus)), None)


def _announced(read: Iterable[Any], locked: Collection[tuple[str, RowName]] | None) -> Announced:
    rows: dict[str, list[DatedRow]] = defaultdict(list)
    free: dict[str, dict[RowName, int]] = defaultdict(dict)
    returned: dict[tuple[str, str], list[tuple[DatedRow, int]]] = defaultdict(list)
    for sku, node, message_id, expected_at, units, for_order, counted_from, is_returned, percent, pegged in read:
        row = DatedRow(RowName(node, message_id), expected_at, units, counted_from, for_order, is_returned, percent)
        if locked is None or (sku, row.name) in locked:
            rows[sku].append(row)
            free[sku][row.name] = units - pegged
            if is_returned:
                returned[sku, node].append((row, pegged))
    for (sku, _), of_node in returned.items():
        free[sku] |= unpromised(of_node)
    return Announced(rows, free)


_ANNOUNCED = f"""
    SELECT i.sku, i.node, i.message_id, i.expected_at, i.quantity - i.arrived AS open, i.for_order_id,
           {incoming.COUNTED_FROM} AS counted_from, i.return_id IS NOT NULL AS is_returned, i.restocked_percent,
           (SELECT coalesce(sum(p.quantity), 0) FROM peg p
            WHERE p.sku = i.sku AND p.node = i.node AND p.message_id = i.message_id)::bigint AS pegged
    FROM incoming i WHERE i.sku = ANY(CAST({{skus}} AS text[])) AND i.arrived < i.quantity
    ORDER BY i.sku, i.expected_at, i.node, i.message_id
"""
ANNOUNCED = text(_ANNOUNCED.format(skus=":skus"))
ANNOUNCED_NOW = _ANNOUNCED.format(skus="$1")


async def of_orders(connection: ReadConnection, orders: Collection[str]) -> dict[str, list[Peg]]:
    """The pegs of orders, by order."""
    found: dict[str, list[Peg]] = defaultdict(list)
    for row in await connection.execute(OF_ORDERS, {"orders": sorted(orders)}):
        found[row.order_id].append(_peg(row))
    return found


OF_ORDERS = text(
    "SELECT * FROM peg WHERE order_id = ANY(CAST(:orders AS text[])) ORDER BY order_id, line, node, message_id"
)


def _peg(row: Any) -> Peg:
    name, dates = RowName(row.node, row.message_id), (row.due_at, row.ship_by, row.deliver_by)
    return Peg(row.line, row.sku, name, row.quantity, row.arrived, row.is_whole, *dates)


async def lock_of_order(connection: WriteConnection, order: str) -> list[Peg]:
    """Lock the dated rows of an order's pegs, under the order's lock; answers the pegs as they are now."""
    await connection.execute(LOCK_OF_ORDER, {"order": order})
    return (await of_orders(connection, [order])).get(order, [])


LOCK_OF_ORDER = text(
    """
    SELECT FROM incoming i JOIN peg p USING (node, message_id, sku) WHERE p.order_id = :order
    ORDER BY i.sku, i.node, i.message_id FOR UPDATE OF i
    """
)


Pegs = Mapping[str, Sequence[Peg]]
"""By order."""


async def save(connection: WriteConnection, order: str, before: Sequence[Peg], after: Sequence[Peg]) -> None:
    """Write the pegs of an order that are not as they were, and note the SKUs of which units became free."""
    await save_all(connection, {order: before}, {order: after})


async def save_all(connection: WriteConnection, before: Pegs, after: Pegs) -> None:
    """As `save`, for several orders."""
    had, have = _by_name(before), _by_name(after)
    if gone := had.keys() - have.keys():
        await connection.execute(DELETE, _names(sorted(gone)))
    if changed := {name: one for name, one in have.items() if had.get(name) != one}:
        await connection.execute(WRITE, _names(list(changed)) | _facts(list(changed.values())))
    left = {name: one.quantity for name, one in have.items()}
    if freed := {one.sku for name, one in had.items() if left.get(name, 0) < one.quantity}:
        await mark(connection, freed)


_Name = tuple[str, str, RowName]
"""An order, a line and a dated row: each has one peg."""


def _by_name(pegs: Pegs) -> dict[_Name, Peg]:
    return {(order, one.line, one.row): one for order, found in pegs.items() for one in found}


def _names(pegs: Sequence[_Name]) -> dict[str, Any]:
    return {
        "orders": [order for order, _, _ in pegs],
        "lines": [line for _, line, _ in pegs],
        "nodes": [row.node for _, _, row in pegs],
        "messages": [row.expected for _, _, row in pegs],
    }


def _facts(pegs: Sequence[Peg]) -> dict[str, Any]:
    return {
        "skus": [one.sku for one in pegs],
        "quantities": [one.quantity for one in pegs],
        "arrived": [one.arrived for one in pegs],
        "whole": [one.is_whole for one in pegs],
        "due": [one.due_at for one in pegs],
        "ship": [one.ship_by for one in pegs],
        "deliver": [one.deliver_by for one in pegs],
    }


DELETE = text(
    """
    DELETE FROM peg p
    USING unnest(CAST(:orders AS text[]), CAST(:lines AS text[]), CAST(:nodes AS text[]), CAST(:messages AS text[]))
          AS n(order_id, line, node, message_id)
    WHERE p.order_id = n.order_id AND p.line = n.line AND p.node = n.node AND p.message_id = n.message_id
    """
)

WRITE = text(
    """
    INSERT INTO peg AS p (order_id, line, node, message_id, sku, quantity, arrived, is_whole, due_at, ship_by, deliver_by)
    SELECT n.* FROM unnest(
        CAST(:orders AS text[]), CAST(:lines AS text[]), CAST(:nodes AS text[]), CAST(:messages AS text[]),
        CAST(:skus AS text[]), CAST(:quantities AS int[]), CAST(:arrived AS int[]), CAST(:whole AS boolean[]),
        CAST(:due AS timestamptz[]), CAST(:ship AS timestamptz[]), CAST(:deliver AS timestamptz[])) AS n
    ON CONFLICT (order_id, line, node, message_id) DO UPDATE
    SET quantity = excluded.quantity, arrived = excluded.arrived, is_whole = excluded.is_whole, due_at = excluded.due_at,
        ship_by = excluded.ship_by, deliver_by = excluded.deliver_by
    """
)


async def held(connection: WriteConnection, node: str, message_id: str) -> dict[str, list[Held]]:
    """The pegs of an announcement, by SKU, in the sequence of their orders. Lock its rows first."""
    found: dict[str, list[Held]] = defaultdict(list)
    for row in await connection.execute(HELD, {"node": node, "message": message_id}):
        found[row.sku].append(Held(row.order_id, row.line, row.quantity, row.arrived, row.is_whole))
    return found


HELD = text(
    f"""
    SELECT p.sku, p.order_id, p.line, p.quantity, p.arrived, p.is_whole FROM peg p JOIN orders o USING (order_id)
    WHERE p.node = :node AND p.message_id = :message
    ORDER BY p.sku, {_SEQUENCE}, p.line
    """
)


async def change_held(
    connection: WriteConnection,
    node: str,
    message_id: str,
    changed: Sequence[Held],
    looked_at: Iterable[tuple[str, str]],
) -> None:
    """Write pegs of an announcement that have other quantities now, under the locks of its rows. `looked_at` are the SKUs and
    orders whose promise may be another because of it.
    """
    named = sorted(set(looked_at))
    parameters = {
        "node": node,
        "message": message_id,
        "orders": [one.order for one in changed],
        "lines": [one.line for one in changed],
        "quantities": [one.quantity for one in changed],
        "arrived": [one.arrived for one in changed],
        "skus": [sku for sku, _ in named],
        "looked_at": [order for _, order in named],
    }
    await connection.execute(CHANGE_HELD, parameters)


CHANGE_HELD = text(
    """
    WITH changed AS (
        SELECT * FROM unnest(CAST(:orders AS text[]), CAST(:lines AS text[]), CAST(:quantities AS int[]),
                             CAST(:arrived AS int[])) AS n(order_id, line, quantity, arrived)
    ), gone AS (
        DELETE FROM peg p USING changed n
        WHERE p.node = :node AND p.message_id = :message AND p.order_id = n.order_id AND p.line = n.line
          AND n.quantity + n.arrived = 0
    ), lowered AS (
        UPDATE peg p SET quantity = n.quantity, arrived = n.arrived FROM changed n
        WHERE p.node = :node AND p.message_id = :message AND p.order_id = n.order_id AND p.line = n.line
          AND n.quantity + n.arrived > 0
    )
    INSERT INTO to_peg (sku, order_id) SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:looked_at AS text[]))
    """
)


async def kept_for_others(connection: ReadConnection, order: str, skus: Collection[str]) -> dict[tuple[str, str], int]:
    """Units that have arrived for other orders than this one, and are offered until their turn, by (node, SKU)."""
    rows = await connection.execute(KEPT_FOR_OTHERS, {"order": order, "skus": sorted(skus)})
    return {(row.node, row.sku): row.units for row in rows}


KEPT_FOR_OTHERS = text(
    """
    SELECT node, sku, sum(arrived)::bigint AS units FROM peg
    WHERE sku = ANY(CAST(:skus AS text[])) AND arrived > 0 AND order_id <> :order GROUP BY node, sku
    """
)


async def end_turns(connection: WriteConnection, places: Collection[tuple[str, str]]) -> None:
    """Promise nobody any longer what has arrived at these (node, SKU), whose offers have ended: its orders could not use it."""
    named = {"nodes": [node for node, _ in places], "skus": [sku for _, sku in places]}
    if (await connection.execute(LOCK_ARRIVED, named)).first() is not None:
        await connection.execute(END_TURNS, named)


LOCK_ARRIVED = text(
    """
    SELECT p.order_id FROM incoming i JOIN peg p USING (node, message_id, sku)
    JOIN unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku) USING (node, sku)
    WHERE p.arrived > 0 ORDER BY i.sku, i.node, i.message_id FOR UPDATE OF i
    """
)

END_TURNS = text(
    """
    WITH named AS (
        SELECT * FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)
    ), gone AS (
        DELETE FROM peg p USING named n
        WHERE p.node = n.node AND p.sku = n.sku AND p.arrived > 0 AND p.quantity = 0 RETURNING p.sku, p.order_id
    ), lowered AS (
        UPDATE peg p SET arrived = 0 FROM named n
        WHERE p.node = n.node AND p.sku = n.sku AND p.arrived > 0 AND p.quantity > 0 RETURNING p.sku, p.order_id
    )
    INSERT INTO to_peg (sku, order_id) SELECT sku, order_id FROM gone UNION SELECT sku, order_id FROM lowered
    """
)


async def mark_what_may_change(connection: WriteConnection) -> None:
    """Note all SKUs with announced goods, and all orders with pegs: the rules have changed."""
    await connection.execute(MARK_ALL)


MARK_ALL = text(
    """
    INSERT INTO to_peg (sku, order_id)
    SELECT DISTINCT sku, NULL FROM incoming WHERE arrived < quantity
    UNION SELECT sku, order_id FROM peg
    """
)
