"""Named statements about incoming goods: one message announces them, later messages report their arrival."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.lateness import ANNOUNCEMENTS_MAX, Learned
from domain.transfer import Cargo

COUNTED_FROM = "(i.first_expected_at + make_interval(hours => 24 * i.late_days))"
"""Before this, goods of row `i` are not counted on; NULL = nothing was learned of their supplier."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where announced goods come from, and what is known of that."""

    supplier: str | None = None
    """None = the node did not say."""
    learned: Learned | None = None
    """None = too few of its goods have arrived."""

    @property
    def parameters(self) -> dict[str, Any]:
        """As statements take it."""
        known = self.learned
        return {
            "supplier": self.supplier,
            "late_days": known and known.days,
            "learned_from": known and known.announcements,
        }


async def lateness(connection: ReadConnection, supplier: str) -> list[timedelta]:
    """How much later than first announced the goods of a supplier came, by announcement that has arrived whole, the last first.
    Of several SKUs the latest counts; what was cancelled does not.
    """
    parameters = {"supplier": supplier, "limit": ANNOUNCEMENTS_MAX}
    return list((await connection.execute(LATENESS, parameters)).scalars())


LATENESS = text(
    """
    SELECT max(arrived_at - first_expected_at) AS late FROM incoming
    WHERE supplier = :supplier AND first_expected_at IS NOT NULL
    GROUP BY node, message_id HAVING bool_and(arrived >= quantity) AND sum(arrived) > 0
    ORDER BY max(arrived_at) DESC, node, message_id LIMIT :limit
    """
)


async def supplier(connection: ReadConnection, node: str, message_id: str) -> str | None:
    """The supplier of announced goods; None = the node did not say."""
    names = await connection.execute(SUPPLIER, {"node": node, "message": message_id})
    found: str | None = names.scalar()
    return found


SUPPLIER = text("SELECT max(supplier) FROM incoming WHERE node = :node AND message_id = :message")


async def announce(
    connection: WriteConnection,
    node: str,
    message_id: str,
    expected_at: datetime,
    units: Mapping[str, int],
    origin: Origin = Origin(),
) -> None:
    """Store announced units, by SKU, under the id of the message that announced them."""
    parameters = {
        "node": node,
        "message": message_id,
        "expected_at": expected_at,
        "skus": sorted(units),
        "quantities": [units[sku] for sku in sorted(units)],
    }
    await connection.execute(ANNOUNCE, parameters | origin.parameters)


ANNOUNCE = text(
    """
    INSERT INTO incoming (node, message_id, sku, quantity, expected_at, first_expected_at, supplier, late_days, learned_from)
    SELECT :node, :message, sku, quantity, CAST(:expected_at AS timestamptz), CAST(:expected_at AS timestamptz), :supplier,
           CAST(:late_days AS int), CAST(:learned_from AS int)
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS n(sku, quantity)
    ON CONFLICT DO NOTHING
    """
)
"""A SKU that is there already was added by a change of the announcement, while the announced row waited for its item."""


async def change(
    connection: WriteConnection,
    node: str,
    message_id: str,
    expected_at: datetime,
    units: Mapping[str, int],
    happened_at: datetime,
    origin: Origin = Origin(),
) -> set[str]:
    """Give announced units, by SKU, another date and quantity, unless a later change is known; a SKU that was not announced is
    added. Answers the SKUs that changed; their rows are locked.
    """
    parameters = {
        "node": node,
        "message": message_id,
        "expected_at": expected_at,
        "skus": sorted(units),
        "quantities": [units[sku] for sku in sorted(units)],
        "happened_at": happened_at,
    }
    parameters |= origin.parameters
    return set((await connection.execute(CHANGE, parameters)).scalars())


CHANGE = text(
    """
    INSERT INTO incoming AS i (node, message_id, sku, quantity, expected_at, changed_at, first_expected_at, supplier, late_days,
                               learned_from)
    SELECT :node, :message, sku, quantity, CAST(:expected_at AS timestamptz), CAST(:happened_at AS timestamptz),
           CAST(:expected_at AS timestamptz), :supplier, CAST(:late_days AS int), CAST(:learned_from AS int)
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS n(sku, quantity)
    ON CONFLICT (node, message_id, sku) DO UPDATE
    SET quantity = excluded.quantity, expected_at = excluded.expected_at, changed_at = excluded.changed_at
    WHERE i.changed_at IS NULL OR i.changed_at <= excluded.changed_at
    RETURNING i.sku
    """
)


async def lock(connection: WriteConnection, rows: Collection[tuple[str, str, str]]) -> None:
    """Lock dated rows, each by its SKU, node and message, until the transaction ends. Those that there are not are passed over.

    Who changes several announcements locks all their rows first: one by one they would be locked in another order than by the
    job that gives pegs. Stock levels are locked before.
    """
    names = {"skus": [sku for sku, _, _ in rows], "nodes": [node for _, node, _ in rows]}
    if rows:
        await connection.execute(LOCK, names | {"messages": [message for _, _, message in rows]})


LOCK = text(
    """
    SELECT FROM incoming i
    JOIN unnest(CAST(:skus AS text[]), CAST(:nodes AS text[]), CAST(:messages AS text[])) AS n(sku, node, message_id)
         USING (sku, node, message_id)
    ORDER BY i.sku, i.node, i.message_id FOR UPDATE OF i
    """
)


@dataclass(frozen=True, slots=True)
class Row:
    """The announced units of one SKU as they are now."""

    open: int
    """Units that have not arrived; at least 0."""
    is_offered: bool
    """Whether the stock level that they come to is offered to the orders that wait."""


async def rows(connection: ReadConnection, node: str, message_id: str, skus: Collection[str]) -> dict[str, Row]:
    """The rows of an announcement by SKU; one that was not announced is absent."""
    parameters = {"node": node, "message": message_id, "skus": sorted(skus)}
    return {row.sku: Row(row.open, row.is_offered) for row in await connection.execute(ROWS, parameters)}


ROWS = text(
    """
    SELECT sku, greatest(i.quantity - i.arrived, 0) AS open, s.offered_at IS NOT NULL AS is_offered
    FROM incoming i LEFT JOIN stock s USING (node, sku)
    WHERE i.node = :node AND i.message_id = :message AND sku = ANY(CAST(:skus AS text[]))
    """
)


async def is_announced(connection: ReadConnection, node: str, message_id: str) -> bool:
    """Whether a message of this node announced goods under this id."""
    return bool((await connection.execute(IS_ANNOUNCED, {"node": node, "message": message_id})).scalar())


IS_ANNOUNCED = text(
    """
    SELECT EXISTS (SELECT FROM incoming
                   WHERE node = :node AND message_id = :message
                     AND fulfillment_order_id IS NULL AND transfer_id IS NULL AND return_id IS NULL)
    """
)


async def carry(
    connection: WriteConnection, node: str, fulfillment_order: str, expected_at: datetime, cargo: Mapping[str, Cargo]
) -> None:
    """Store what a fulfillment order of a transfer brings to a node, by SKU, under the transfer's lock."""
    skus = sorted(cargo)
    parameters = {
        "node": node,
        "fulfillment_order": fulfillment_order,
        "expected_at": expected_at,
        "skus": skus,
        "quantities": [cargo[sku].quantity for sku in skus],
        "arrived": [cargo[sku].arrived for sku in skus],
    }
    await connection.execute(CARRY, parameters)


CARRY = text(
    """
    INSERT INTO incoming AS i (node, message_id, sku, quantity, arrived, expected_at, fulfillment_order_id)
    SELECT :node, :fulfillment_order, sku, quantity, arrived, :expected_at, :fulfillment_order
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[]), CAST(:arrived AS bigint[])) AS n(sku, quantity, arrived)
    ON CONFLICT (node, message_id, sku) DO UPDATE
    SET quantity = excluded.quantity, arrived = excluded.arrived, expected_at = excluded.expected_at
    """
)


async def arrive(
    connection: WriteConnection, node: str, message_id: str, units: Mapping[str, int], at: datetime
) -> None:
    """Note that announced units, by SKU, have arrived at this moment. SKUs or announcements that are not known are ignored.

    The caller holds the locks of the stock rows, so that two deliveries of one announcement cannot deadlock.
    """
    parameters = {
        "node": node,
        "message": message_id,
        "skus": list(units),
        "quantities": list(units.values()),
        "at": at,
    }
    await connection.execute(ARRIVE, parameters)


ARRIVE = text(
    """
    WITH locked AS MATERIALIZED (
        SELECT sku FROM incoming
        WHERE node = :node AND message_id = :message AND sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR UPDATE)
    UPDATE incoming i
    SET arrived = i.arrived + n.quantity, arrived_at = greatest(i.arrived_at, CAST(:at AS timestamptz))
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS n(sku, quantity) JOIN locked USING (sku)
    WHERE i.node = :node AND i.message_id = :message AND i.sku = n.sku
    """
)


async def message_ids(connection: ReadConnection, node: str) -> Sequence[str]:
    """The messages that announced goods of a node of which some have not arrived."""
    return list((await connection.execute(MESSAGE_IDS, {"node": node})).scalars())


MESSAGE_IDS = text(
    """
    SELECT DISTINCT message_id FROM incoming
    WHERE node = :node AND arrived < quantity AND fulfillment_order_id IS NULL AND transfer_id IS NULL AND return_id IS NULL
    ORDER BY message_id
    """
)
