"""Named statements about fulfillment orders: write them with the counts that their node reported, and their packages."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.writes import Rows, Writes
from domain.deadlines import Wait
from domain.fulfillment import FulfillmentOrder, Package, Quantity, StoredPackage


class Waits(NamedTuple):
    """What a fulfillment order waits for, and until when its node should accept; None = it is not waited for."""

    fulfillment_order: FulfillmentOrder
    wait: Wait | None
    accept_by: datetime | None


def save(writes: Writes, fulfillment_orders: Iterable[Waits], tried: Any) -> None:
    """Write the present state of fulfillment orders; `tried` holds the nodes tried before, by (fulfillment order, line)."""
    known = list(fulfillment_orders)
    if not known:
        return
    rows = Rows(_row(one) for one in known)
    lines = Rows(_line_row(fo, line, position, tried) for fo, _, _ in known for position, line in enumerate(fo.lines))
    writes.add(SAVE, {"fulfillment_orders": rows, "fulfillment_order_lines": lines})


SAVE = """
    saved AS (
        INSERT INTO fulfillment_order AS f (
            fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at, ship_by, deliver_by,
            accepted_at, pick_final, ship_final, ready_at, shipped_at, delivered_at, assumed_delivered, delivery_failed_at,
            dead_at, cancel_asked_at, asked_for_all, ship_clock_from, escalated, patience_from, pickup, reminded_at,
            uncollected_at, at_risk_at, waiting_for, deadline, accept_by)
        SELECT n.* FROM jsonb_to_recordset(CAST(:fulfillment_orders AS jsonb)) AS n(
            fulfillment_order_id text, order_id text, number int, node text, attempt int, dispatch text, request text,
            released_at timestamptz, ship_by timestamptz, deliver_by timestamptz, accepted_at timestamptz, pick_final boolean,
            ship_final boolean, ready_at timestamptz, shipped_at timestamptz, delivered_at timestamptz,
            assumed_delivered boolean, delivery_failed_at timestamptz, dead_at timestamptz, cancel_asked_at timestamptz,
            asked_for_all boolean, ship_clock_from timestamptz, escalated text, patience_from timestamptz, pickup boolean,
            reminded_at timestamptz, uncollected_at timestamptz, at_risk_at timestamptz, waiting_for text,
            deadline timestamptz, accept_by timestamptz)
        ON CONFLICT (fulfillment_order_id) DO UPDATE SET
            request = excluded.request, accepted_at = excluded.accepted_at, pick_final = excluded.pick_final,
            ship_final = excluded.ship_final, ready_at = excluded.ready_at, shipped_at = excluded.shipped_at,
            delivered_at = excluded.delivered_at, assumed_delivered = excluded.assumed_delivered,
            delivery_failed_at = excluded.delivery_failed_at, dead_at = excluded.dead_at,
            cancel_asked_at = excluded.cancel_asked_at, asked_for_all = excluded.asked_for_all,
            ship_clock_from = excluded.ship_clock_from, escalated = excluded.escalated,
            patience_from = excluded.patience_from, reminded_at = excluded.reminded_at,
            uncollected_at = excluded.uncollected_at, at_risk_at = excluded.at_risk_at, waiting_for = excluded.waiting_for,
            deadline = excluded.deadline, accept_by = excluded.accept_by, updated_at = clock_timestamp()
    ), saved_lines AS (
        INSERT INTO fulfillment_order_line (
            fulfillment_order_id, line, position, sku, quantity, tried, told_picked, told_ready, told_shipped,
            told_delivered, voided, freed, replaced, cancel_wanted, picked, shipped, delivered, short, surplus, in_doubt, lost,
            in_transit)
        SELECT n.* FROM jsonb_to_recordset(CAST(:fulfillment_order_lines AS jsonb)) AS n(
            fulfillment_order_id text, line text, position int, sku text, quantity int, tried text[], told_picked bigint,
            told_ready bigint, told_shipped bigint, told_delivered bigint, voided bigint, freed int, replaced int,
            cancel_wanted int, picked int, shipped int, delivered int, short int, surplus bigint, in_doubt int, lost bigint,
            in_transit bigint)
        ON CONFLICT (fulfillment_order_id, line) DO UPDATE SET
            told_picked = excluded.told_picked, told_ready = excluded.told_ready,
            told_shipped = excluded.told_shipped, told_delivered = excluded.told_delivered,
            voided = excluded.voided, freed = excluded.freed, replaced = excluded.replaced,
            cancel_wanted = excluded.cancel_wanted, picked = excluded.picked, shipped = excluded.shipped,
            delivered = excluded.delivered, short = excluded.short, surplus = excluded.surplus,
            in_doubt = excluded.in_doubt, lost = excluded.lost, in_transit = excluded.in_transit)
"""
"""The request (order, node, attempt, dates) is written once; only the state of the work changes later."""


async def is_of(connection: ReadConnection, node: str, name: str) -> bool:
    """Whether a node has this fulfillment order."""
    return (await connection.execute(IS_OF, {"node": node, "name": name})).scalar_one_or_none() is not None


IS_OF = text("SELECT 1 FROM fulfillment_order WHERE fulfillment_order_id = :name AND node = :node")


async def beginning_with(connection: ReadConnection, node: str, beginning: str) -> Sequence[str]:
    """The fulfillment orders of a node whose ids begin so."""
    parameters = {"node": node, "beginning": beginning}
    return list((await connection.execute(BEGINNING_WITH, parameters)).scalars())


BEGINNING_WITH = text(
    """
    SELECT fulfillment_order_id FROM fulfillment_order
    WHERE node = :node AND starts_with(fulfillment_order_id, :beginning) ORDER BY fulfillment_order_id
    """
)


async def keep_as_given(connection: WriteConnection, order: str) -> None:
    """Let the order's fulfillment orders keep the address and the service that their nodes were given, before the order's
    own change, under its lock."""
    await connection.execute(KEEP_AS_GIVEN, {"order": order})


KEEP_AS_GIVEN = text(
    """
    WITH given AS (
        UPDATE fulfillment_order f
        SET country = coalesce(f.country, o.country), service = coalesce(f.service, o.service)
        FROM orders o WHERE f.order_id = :order AND o.order_id = f.order_id
        RETURNING f.fulfillment_order_id)
    INSERT INTO personal.given_address (fulfillment_order_id, order_id, ship_to)
    SELECT given.fulfillment_order_id, r.order_id, r.ship_to FROM given, personal.recipient r WHERE r.order_id = :order
    ON CONFLICT DO NOTHING
    """
)
"""What was kept at an earlier change stays."""


def _row(one: Waits) -> dict[str, Any]:
    fo, wait, accept_by = one
    return {
        "fulfillment_order_id": fo.fulfillment_order,
        "order_id": fo.order,
        "number": int(fo.fulfillment_order.rpartition("-f")[2]),
        "node": fo.node,
        "attempt": fo.attempt,
        "dispatch": fo.dispatch.kind,
        "request": fo.request,
        "released_at": fo.released_at,
        "ship_by": fo.ship_by,
        "deliver_by": fo.deliver_by,
        "accepted_at": fo.accepted_at,
        "pick_final": fo.pick_final,
        "ship_final": fo.ship_final,
        "ready_at": fo.ready_at,
        "shipped_at": fo.shipped_at,
        "delivered_at": fo.delivered_at,
        "assumed_delivered": fo.assumed_delivered,
        "delivery_failed_at": fo.delivery_failed_at,
        "dead_at": fo.dead_at,
        "cancel_asked_at": fo.cancel_asked_at,
        "asked_for_all": fo.asked_for_all,
        "ship_clock_from": fo.ship_clock_from,
        "escalated": fo.escalated,
        "patience_from": fo.patience_from,
        "pickup": fo.pickup,
        "reminded_at": fo.reminded_at,
        "uncollected_at": fo.uncollected_at,
        "at_risk_at": fo.at_risk_at,
        "waiting_for": wait.waiting_for if wait else None,
        "deadline": wait.deadline if wait else None,
        "accept_by": accept_by,
    }


def _line_row(fo: FulfillmentOrder, line: str, position: int, tried: Any) -> dict[str, Any]:
    reported, counts = fo.lines[line], fo.counts(line)
    return {
        "fulfillment_order_id": fo.fulfillment_order,
        "line": line,
        "position": position,
        "sku": reported.sku,
        "quantity": reported.quantity,
        "tried": list(tried.get((fo.fulfillment_order, line), ())),
        "told_picked": reported.picked,
        "told_ready": reported.ready,
        "told_shipped": reported.shipped,
        "told_delivered": reported.delivered,
        "voided": reported.voided,
        "freed": reported.freed,
        "replaced": reported.replaced,
        "cancel_wanted": reported.cancel_wanted,
        "picked": counts.picked,
        "shipped": counts.shipped,
        "delivered": counts.delivered,
        "short": counts.short,
        "surplus": counts.surplus,
        "in_doubt": counts.in_doubt,
        "lost": counts.lost,
        "in_transit": counts.in_transit,
    }


async def add_packages(
    connection: WriteConnection, fulfillment_order: str, packages: Iterable[Package], shipped_at: datetime | None
) -> set[str]:
    """Store parcels whose names are new; answers the names that it stored. `shipped_at` is None for what has not left."""
    rows = await connection.execute(ADD_PACKAGES, _package_rows(fulfillment_order, packages, shipped_at))
    return set(rows.scalars())


async def write_packages(
    connection: WriteConnection, fulfillment_order: str, packages: Iterable[StoredPackage], shipped_at: datetime | None
) -> None:
    """Write parcels as they are now. When a parcel left is written once."""
    await connection.execute(WRITE_PACKAGES, _package_rows(fulfillment_order, packages, shipped_at))


def _package_rows(
    fulfillment_order: str, packages: Iterable[Package | StoredPackage], shipped_at: datetime | None
) -> dict[str, Any]:
    rows = [
        {
            "package": parcel.package,
            "carrier": parcel.carrier,
            "tracking": parcel.tracking,
            "lines": [line.model_dump() for line in parcel.lines],
        }
        for parcel in packages
    ]
    return {"fulfillment_order": fulfillment_order, "packages": json.dumps(rows), "shipped_at": shipped_at}


_INSERT_PACKAGES = """
    INSERT INTO package AS p (fulfillment_order_id, package, carrier, tracking, lines, shipped_at)
    SELECT CAST(:fulfillment_order AS text), n.package, n.carrier, n.tracking, n.lines, CAST(:shipped_at AS timestamptz)
    FROM jsonb_to_recordset(CAST(:packages AS jsonb)) AS n(package text, carrier text, tracking text, lines jsonb)
    ON CONFLICT (fulfillment_order_id, package)
"""
ADD_PACKAGES = text(f"{_INSERT_PACKAGES} DO NOTHING RETURNING p.package")
WRITE_PACKAGES = text(
    f"""
    {_INSERT_PACKAGES}
    DO UPDATE SET carrier = excluded.carrier, tracking = excluded.tracking, lines = excluded.lines,
                  shipped_at = coalesce(p.shipped_at, excluded.shipped_at)
    """
)


async def hide_packages(
    connection: ReadConnection, fo: FulfillmentOrder, packages: Iterable[Package]
) -> tuple[Package, ...]:
    """Parcels of a forgotten order, without what the node chose: names become fingerprints, unknown lines are left out."""
    common = await personal.common_key(connection)
    return tuple(
        Package.model_construct(
            package=personal.hidden_name(common, fo.fulfillment_order, parcel.package),
            carrier=None,
            tracking=None,
            lines=tuple(line for line in parcel.lines if line.line in fo.lines),
        )
        for parcel in packages
    )


async def packages(connection: ReadConnection, fulfillment_order: str) -> list[StoredPackage]:
    """The parcels of a fulfillment order, by name."""
    rows = await connection.execute(PACKAGES, {"fulfillment_order": fulfillment_order})
    return [
        StoredPackage(
            row.package,
            row.carrier,
            row.tracking,
            tuple(Quantity.model_validate(line) for line in row.lines),
            row.shipped_at is not None,
            row.voided_at is not None,
            row.shipped_at,
        )
        for row in rows
    ]


PACKAGES = text(
    """
    SELECT package, carrier, tracking, lines, shipped_at, voided_at FROM package
    WHERE fulfillment_order_id = :fulfillment_order ORDER BY package
    """
)


async def left_at(connection: ReadConnection, order: str) -> dict[str, datetime]:
    """When each parcel of an order left, by its fulfillment order and its name with a slash between."""
    return {row.parcel: row.shipped_at for row in await connection.execute(LEFT_AT, {"order": order})}


LEFT_AT = text(
    """
    SELECT p.fulfillment_order_id || '/' || p.package AS parcel, p.shipped_at
    FROM fulfillment_order f JOIN package p USING (fulfillment_order_id)
    WHERE f.order_id = :order AND p.shipped_at IS NOT NULL
    """
)


async def reserved_at(connection: ReadConnection, order: str) -> dict[str, dict[str, int]]:
    """By node, the units of each line of an order that are reserved there."""
    found: dict[str, dict[str, int]] = {}
    for row in await connection.execute(RESERVED_AT, {"order": order}):
        found.setdefault(row.node, {})[row.line] = row.quantity
    return found


RESERVED_AT = text(
    "SELECT node, line, sum(quantity)::int AS quantity FROM reservation WHERE order_id = :order GROUP BY node, line"
)


async def void_package(connection: WriteConnection, fulfillment_order: str, package: str, at: datetime) -> None:
    """Note that a parcel did not leave."""
    await connection.execute(VOID, {"fulfillment_order": fulfillment_order, "package": package, "at": at})


VOID = text("UPDATE package SET voided_at = :at WHERE fulfillment_order_id = :fulfillment_order AND package = :package")


async def keep_reason(connection: WriteConnection, fulfillment_order: str, remark: int) -> None:
    """Store the remark with the node's last reason about this fulfillment order."""
    await connection.execute(KEEP_REASON, {"fulfillment_order": fulfillment_order, "remark": remark})


KEEP_REASON = text(
    "UPDATE fulfillment_order SET reason_remark = :remark WHERE fulfillment_order_id = :fulfillment_order"
)
