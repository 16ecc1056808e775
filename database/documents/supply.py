"""The documents of supply: units of an item on hand, in transit or announced, with dates and what of them is promised."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict
from sqlalchemy import text

from database import incoming, peg, stock
from database import sell_ahead as statements
from database.connect import ReadConnection
from database.documents.document import Document, Page
from domain import sell_ahead
from domain.availability import knows, on_sale
from domain.network import Network
from domain.peg import RowName
from domain.sourcing.plans import moment
from domain.stock import StockLevel


class SupplyRow(Document):
    """Units of an item at one node that are on hand, or that were announced, come by a transfer or come back with a return and
    have not all arrived."""

    kind: Literal["on_hand", "announced", "in_transit", "returned"]
    """Whether they are there, were announced by the node, come from another node in a transfer, or come back with a
    return."""
    node: str
    """Where they are, or come to."""
    expected: str | None
    """The `message_id` of the announcement, the fulfillment order of the transfer, the order id of a transfer that is for an
    order, or the return; null for units on hand."""
    expected_at: AwareDatetime | None
    """When they should arrive; null for units on hand."""
    supplier: str | None
    """Who sends announced units; null where the node did not say, and for others."""
    late_days: int | None
    """How many days after the first announced date they are counted on at the earliest: no later came 8 in 10 of the supplier's
    last 20 announcements that have arrived whole. Null while there are fewer than 5."""
    learned_from: int | None
    """How many announcements `late_days` was learned from, when these units were announced."""
    counted_from: AwareDatetime | None
    """The first announced date and `late_days`: no promise counts on them before; null without `late_days`."""
    restocked_percent: int | None
    """Of returned units: how many of 100 of the item that were to come back were restocked before. No larger share is promised;
    null while fewer than 5 units are known, and then none is. Null for others."""
    is_late: bool
    """Whether that, and `counted_from`, have passed: nobody knows when they arrive, and no date is promised for them."""
    announced: int | None
    """Units that were announced, as it was last changed, or that left in the transfer and were not written off; of a transfer
    that is for an order, also those that have not left; of a return, units that are not graded yet or were restocked. Null for
    units on hand."""
    arrived: int | None
    """How many of these have arrived; null for units on hand."""
    units: int
    """Units on hand, or units that have not arrived."""
    promised: int
    """How many of them are promised: reserved or allocated, or pegged to orders that wait."""
    available: int
    """How many of them may still be promised. Of units on hand, neither safety stock nor what is set aside; 0 while the sale is
    stopped, and while a transfer keeps them for its order."""


class SoldAhead(Document):
    """How many units of an item may wait for stock."""

    max: int
    """The item's `sell_ahead_max`."""
    waiting: int
    """Units that wait, over all orders. They may be more than `max` where it was lowered: what waits goes on waiting."""
    left: int
    """Units that may still begin to wait."""


class Supply(Page[SupplyRow]):
    """A page of an item's supply, and what limits its sale."""

    model_config = ConfigDict(
        json_schema_extra={"description": "A page of an item's supply, and what limits its sale."}
    )

    release_at: AwareDatetime | None
    """From when its units may leave a node, wherever they lie, by its `release_date`; null at any time."""
    sold_ahead: SoldAhead | None
    """What of it is sold before it is there; null where there is no limit, and for a node's key."""


async def of_item(
    connection: ReadConnection, network: Network, sku: str, *, node: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of an item's supply at one node or all (None), by date: what is on hand first."""
    levels = sorted((await stock.levels(connection, {sku})).values(), key=lambda level: level.node)
    rows = [_on_hand(level, network) for level in levels if knows(network, level)]
    dated = list(await connection.execute(ANNOUNCED, {"sku": sku}))
    free = (await peg.announced(connection, {sku})).free.get(sku, {})
    rows += [_announced(row, free.get(RowName(row.node, row.message_id), 0)) for row in dated]
    found = [row for row in rows if node in (None, row["node"]) and (after is None or _place(row) > after)]
    return {
        "items": found[:limit],
        "next": _place(found[limit - 1]) if len(found) > limit else None,
        "release_at": moment(network.release_at([sku])),
        "sold_ahead": None,
    }


async def sold_ahead(connection: ReadConnection, network: Network, sku: str) -> dict[str, Any] | None:
    """What of an item is sold before it is there; None where there is no limit."""
    limit = sell_ahead.limits(network, [sku]).get(sku)
    if limit is None:
        return None
    waiting = sell_ahead.in_parts(network, await statements.waiting(connection, [sku]))[sku]
    return {"max": limit, "waiting": waiting, "left": max(0, limit - waiting)}


def _place(row: dict[str, Any]) -> str:
    """Where a row stands in the sequence; such texts are in the same sequence."""
    return f"{row['expected_at'] or ''}@{row['node']}@{row['expected'] or ''}"


def _on_hand(level: StockLevel, network: Network) -> dict[str, Any]:
    return {
        "kind": "on_hand",
        "node": level.node,
        "expected": None,
        "expected_at": None,
        "supplier": None,
        "late_days": None,
        "learned_from": None,
        "counted_from": None,
        "restocked_percent": None,
        "is_late": False,
        "announced": None,
        "arrived": None,
        "units": level.on_hand,
        "promised": level.reserved + level.allocated,
        "available": on_sale(level, network),
    }


def _announced(row: Any, unpromised: int) -> dict[str, Any]:
    """A dated row, of which so many units may still be promised."""
    return {
        "kind": _kind(row),
        "node": row.node,
        "expected": row.transfer_id or row.return_id or row.message_id,
        "expected_at": moment(row.expected_at),
        "supplier": row.supplier,
        "late_days": row.late_days,
        "learned_from": row.learned_from,
        "counted_from": moment(row.counted_from),
        "restocked_percent": row.restocked_percent,
        "is_late": max(row.expected_at, row.counted_from or row.expected_at) <= datetime.now(UTC),
        "announced": row.quantity,
        "arrived": row.arrived,
        "units": row.quantity - row.arrived,
        "promised": row.promised,
        "available": unpromised if row.for_order_id is None else 0,
    }


def _kind(row: Any) -> str:
    if row.return_id is not None:
        return "returned"
    return "announced" if row.fulfillment_order_id is None and row.transfer_id is None else "in_transit"


ANNOUNCED = text(
    f"""
    SELECT i.*, {incoming.COUNTED_FROM} AS counted_from, (SELECT coalesce(sum(p.quantity), 0) FROM peg p
                 WHERE p.sku = i.sku AND p.node = i.node AND p.message_id = i.message_id)::bigint AS promised
    FROM incoming i WHERE i.sku = :sku AND i.arrived < i.quantity ORDER BY i.expected_at, i.node, i.message_id
    """
)
