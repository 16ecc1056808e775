"""Named statements about the capacity of nodes' days: what each order claims, and how much of a day is claimed.

The counters of `node_day` are always the sum of the claims, because both are written by the same statement. Its rows are locked
after those of stock, by node and day.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.capacity import Claims
from domain.sourcing import NodeLoad


class Change(NamedTuple):
    """The capacity claims of an order before and after."""

    order: str
    before: Claims
    after: Claims

    def places(self) -> list[tuple[str, date]]:
        """The nodes and days that it claims otherwise."""
        return [place for place in self.before | self.after if self.before[place] != self.after[place]]


async def change(
    connection: WriteConnection, order: str, before: Claims, after: Claims, limits: Mapping[str, int]
) -> bool:
    """Replace an order's capacity claims, under the order's lock.

    `limits` is the capacity by node. A claim is refused when the day would then exceed its limit: the answer is False, and the
    caller must roll the transaction back. A node without a limit, and giving back, are never refused.
    """
    return await change_all(connection, [Change(order, before, after)], limits)


async def change_all(connection: WriteConnection, changes: Iterable[Change], limits: Mapping[str, int]) -> bool:
    """As `change`, for several orders: all of their claims or none."""
    rows = [
        (one.order, node, day, one.after[node, day], one.after[node, day] - one.before[node, day], limits.get(node))
        for one in changes
        for node, day in one.places()
    ]
    if not rows:
        return True
    names = ("orders", "nodes", "days", "quantities", "changes", "limits")
    parameters = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return bool((await connection.execute(CHANGE, parameters)).scalar_one())


CHANGE = text(
    """
    WITH wanted AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:orders AS text[]), CAST(:nodes AS text[]), CAST(:days AS date[]),
                             CAST(:quantities AS int[]), CAST(:changes AS int[]), CAST(:limits AS int[]))
                      AS w(order_id, node, day, quantity, change, most)
    ), summed AS MATERIALIZED (
        SELECT node, day, sum(change)::int AS change, min(most) AS most FROM wanted GROUP BY node, day
    ), counted AS (
        INSERT INTO node_day AS d (node, day, claimed)
        SELECT node, day, greatest(change, 0) FROM summed WHERE change <= 0 OR most IS NULL OR change <= most
        ORDER BY node, day
        ON CONFLICT (node, day) DO UPDATE
        SET claimed = d.claimed + (SELECT w.change FROM summed w WHERE w.node = d.node AND w.day = d.day)
        WHERE (SELECT w.change <= 0 OR w.most IS NULL OR d.claimed + w.change <= w.most
               FROM summed w WHERE w.node = d.node AND w.day = d.day)
        RETURNING node, day
    ), given_back AS (
        DELETE FROM capacity_claim c USING wanted w
        WHERE c.order_id = w.order_id AND c.node = w.node AND c.day = w.day AND w.quantity = 0
    ), held AS (
        INSERT INTO capacity_claim (order_id, node, day, quantity)
        SELECT order_id, node, day, quantity FROM wanted JOIN counted USING (node, day) WHERE quantity > 0
        ON CONFLICT (order_id, node, day) DO UPDATE SET quantity = excluded.quantity
    )
    SELECT (SELECT count(*) FROM counted) = (SELECT count(*) FROM summed)
    """
)
"""The check and the claim are one statement: it waits for a row that another transaction changes, and checks its new value."""


async def workload(
    connection: ReadConnection, days: Mapping[str, date], *, counts_open_orders: bool
) -> dict[str, NodeLoad]:
    """How much of each node's day is claimed and, with `counts_open_orders`, how many fulfillment orders are open there."""
    parameters = {"nodes": list(days), "days": list(days.values()), "counts_open_orders": counts_open_orders}
    rows = await connection.execute(WORKLOAD, parameters)
    return {row.node: NodeLoad(row.open_orders, row.claimed) for row in rows}


WORKLOAD = text(
    """
    SELECT n.node, coalesce(d.claimed, 0) AS claimed,
           CASE WHEN CAST(:counts_open_orders AS boolean)
                THEN (SELECT count(*) FROM fulfillment_order f
                      WHERE f.node = n.node AND f.waiting_for IN ('acceptance', 'shipment', 'cancel_answer'))
                ELSE 0 END AS open_orders
    FROM unnest(CAST(:nodes AS text[]), CAST(:days AS date[])) AS n(node, day)
    LEFT JOIN node_day d ON d.node = n.node AND d.day = n.day
    """
)


def claims(rows: Iterable[Mapping[str, Any]]) -> Claims:
    """The claims in an order's loaded rows."""
    return Claims({(row["node"], date.fromisoformat(row["day"])): row["quantity"] for row in rows})


async def correct_counters(connection: WriteConnection) -> list[tuple[str, date, int]]:
    """Correct the counters that are not the sum of the claims; answers node, day and the change of each.

    A table lock keeps every other transaction from claiming or giving back until this one ends.
    """
    if not (await connection.execute(DRIFTED)).all():
        return []
    await connection.execute(text("LOCK TABLE node_day IN SHARE ROW EXCLUSIVE MODE"))
    drifted = [(row.node, row.day, row.by) for row in await connection.execute(DRIFTED)]
    parameters = {"nodes": [node for node, _, _ in drifted], "days": [day for _, day, _ in drifted]}
    await connection.execute(FOLLOW, parameters | {"changes": [by for _, _, by in drifted]})
    return drifted


DRIFTED = text(
    """
    SELECT node, day, coalesce(c.quantity, 0) - coalesce(d.claimed, 0) AS by FROM node_day d
    FULL JOIN (SELECT node, day, sum(quantity) AS quantity FROM capacity_claim GROUP BY node, day) c USING (node, day)
    WHERE coalesce(c.quantity, 0) <> coalesce(d.claimed, 0)
    ORDER BY node, day
    """
)

FOLLOW = text(
    """
    INSERT INTO node_day AS d (node, day, claimed)
    SELECT w.node, w.day, coalesce(known.claimed, 0) + w.change
    FROM unnest(CAST(:nodes AS text[]), CAST(:days AS date[]), CAST(:changes AS int[])) AS w(node, day, change)
    LEFT JOIN node_day known USING (node, day)
    ON CONFLICT (node, day) DO UPDATE SET claimed = excluded.claimed
    """
)
