"""Named statements about returns: store one, write what came back, note its events."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.outbox.unattended import RETURN_DUE_AT, sweep_at, when_due
from domain import identifiers
from domain.closing import ReturnedUnits
from domain.returns import RefundOn, ReturnLineState, ReturnState, SoldLine


class UnknownReturn(LookupError):
    """No return has this id."""


@dataclass(frozen=True, slots=True)
class NewReturn:
    """A return that is about to be stored."""

    resolution: str
    node: str | None
    is_authorized: bool
    expires_at: datetime
    fee: int
    """Deducted once, in minor units."""
    lines: Sequence["NewLine"]
    pickup_node: str | None = None
    """Where its exchange is collected; None = the request does not say."""
    request: int | None = None
    """The request that names the address of its exchange; None = it names none."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """Units of a line that should come back."""

    line: str
    quantity: int
    reason: str | None
    """A reason of the policy's list; None = the policy has no list."""
    exchange_for: str | None
    unit_fee: int
    refund_on: RefundOn


async def add(connection: WriteConnection, order: str, new: NewReturn, at: datetime) -> str:
    """Store a return under the order's lock; answers its id, the order's id with the return's number."""
    number: int = (await connection.execute(COUNT, {"order": order})).scalar_one() + 1
    name = identifiers.return_id(order, number)
    parameters = {"return": name, "order": order, "number": number, "resolution": new.resolution, "node": new.node}
    authorized_at = at if new.is_authorized else None
    parameters |= {"pickup_node": new.pickup_node, "request": new.request}
    parameters |= {"fee": new.fee, "at": at, "authorized_at": authorized_at, "expires_at": new.expires_at}
    await connection.execute(ADD, parameters)
    rows = [
        {"return": name, "order": order, "position": position} | asdict(line) for position, line in enumerate(new.lines)
    ]
    await connection.execute(ADD_LINE, rows)
    return name


COUNT = text("SELECT count(*) FROM return WHERE order_id = :order")

ADD = text(
    """
    INSERT INTO return (return_id, order_id, number, resolution, node, fee, pickup_node, request_id, requested_at,
                        authorized_at, expires_at)
    VALUES (:return, :order, :number, :resolution, :node, :fee, :pickup_node, :request, :at, :authorized_at, :expires_at)
    """
)

ADD_LINE = text(
    """
    INSERT INTO return_line (return_id, line, position, sku, quantity, reason, exchange_for, unit_fee, refund_on)
    SELECT :return, l.line, :position, l.sku, :quantity, :reason, :exchange_for, :unit_fee, :refund_on
    FROM order_line l WHERE l.order_id = :order AND l.line = :line
    """
)


async def sold(connection: ReadConnection, order: str) -> dict[str, SoldLine]:
    """By line, what shipped of an order and what was returned already. Read it under the order's lock before you write."""
    rows = await connection.execute(SOLD, {"order": order})
    return {
        row.line: SoldLine(
            row.sku,
            row.return_window,
            row.shipped - row.paid_back - row.to_be_paid,
            tuple((datetime.fromisoformat(at), units) for at, units in json.loads(row.deliveries)),
            row.in_returns,
            json.loads(row.terms) if row.terms else None,
            row.was_declined,
        )
        for row in rows
    }


SOLD = text(
    """
    SELECT l.line, l.sku, l.shipped, l.return_window, l.terms::text AS terms,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(f.delivered_at, fl.delivered)), '[]')
            FROM fulfillment_order f JOIN fulfillment_order_line fl USING (fulfillment_order_id)
            WHERE f.order_id = l.order_id AND fl.line = l.line AND fl.delivered > 0)::text AS deliveries,
           r.units AS in_returns, r.to_be_paid, r.was_declined,
           (SELECT coalesce(sum(fl.paid), 0)::int FROM refund f JOIN refund_line fl USING (refund_id)
            WHERE f.order_id = l.order_id AND fl.line = l.line) AS paid_back
    FROM order_line l
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(held.units), 0)::int AS units,
               coalesce(sum(greatest(held.units - held.asked, 0)) FILTER (WHERE NOT held.is_declined), 0)::int AS to_be_paid,
               coalesce(bool_or(held.is_declined), false) AS was_declined
        FROM (SELECT CASE WHEN s.status IN ('closed', 'cancelled', 'declined', 'expired') THEN rl.returned
                          ELSE rl.quantity END AS units,
                     r.declined_at IS NOT NULL AS is_declined,
                     (SELECT coalesce(sum(fl.quantity), 0) FROM refund f JOIN refund_line fl USING (refund_id)
                      WHERE f.return_id = rl.return_id AND fl.line = rl.line) AS asked
              FROM return r JOIN return_status s USING (return_id) JOIN return_line rl USING (return_id)
              WHERE r.order_id = l.order_id AND rl.line = l.line) held
    ) r
    WHERE l.order_id = :order ORDER BY l.position
    """
)
"""Of a finished return only the units that came back count; the others may be returned again."""


async def came_back(connection: ReadConnection, order: str) -> list[ReturnedUnits]:
    """The units of an order that came back, by return and line."""
    rows = await connection.execute(CAME_BACK, {"order": order})
    return [ReturnedUnits(row.return_id, row.line, row.received, row.requested_at) for row in rows]


CAME_BACK = text(
    """
    SELECT r.return_id, rl.line, rl.received, r.requested_at FROM return r JOIN return_line rl USING (return_id)
    WHERE r.order_id = :order AND rl.received > 0
    """
)


async def under_way(connection: ReadConnection, order: str) -> list[str]:
    """The returns of an order of which units may still come back, the oldest first.

    Those are the unfinished ones, and those that were closed because all was paid before it came.
    """
    return list((await connection.execute(UNDER_WAY, {"order": order})).scalars())


UNDER_WAY = text(
    """
    SELECT r.return_id FROM return r JOIN return_status s USING (return_id)
    WHERE r.order_id = :order AND (
        s.status NOT IN ('closed', 'cancelled', 'declined', 'expired')
        OR (s.status = 'closed' AND EXISTS (
            SELECT FROM return_line l WHERE l.return_id = r.return_id AND l.received < (
                SELECT coalesce(sum(fl.paid), 0) FROM refund f JOIN refund_line fl USING (refund_id)
                WHERE f.return_id = l.return_id AND fl.line = l.line))))
    ORDER BY r.number
    """
)


async def on_their_way_to(connection: ReadConnection, nodes: Sequence[str]) -> list[tuple[str, str]]:
    """Returns of which something may still come to one of these nodes, each with its order; without those that have
    an exception with the cause `meets_nobody`."""
    rows = await connection.execute(ON_THEIR_WAY_TO, {"nodes": list(nodes)})
    return [(row.return_id, row.order_id) for row in rows]


def meets_nobody(name: str, node: str | None) -> str:
    """The cause of the one exception about a return that goes to a retired node."""
    return f"{name} goes to {node}"


ON_THEIR_WAY_TO = text(
    """
    SELECT r.return_id, r.order_id FROM return r JOIN return_status s USING (return_id)
    WHERE r.node = ANY(CAST(:nodes AS text[])) AND s.status IN ('requested', 'authorized', 'in_transit', 'received', 'graded')
      AND EXISTS (SELECT FROM return_line l WHERE l.return_id = r.return_id AND l.received < l.quantity)
      AND NOT EXISTS (SELECT FROM exception e
                      WHERE e.order_id = r.order_id AND e.code = 'return_misfit'
                        AND starts_with(e.cause, format('%s|%s goes to %s|', r.order_id, r.return_id, r.node)))
    ORDER BY r.return_id
    """
)


async def exchange_goes_to(connection: ReadConnection, name: str) -> tuple[str | None, int | None]:
    """Where the customer wants to collect the exchange of a return, and the request that names an address for it."""
    row = (await connection.execute(EXCHANGE_GOES_TO, {"return": name})).one()
    return row.pickup_node, row.request_id


EXCHANGE_GOES_TO = text("SELECT pickup_node, request_id FROM return WHERE return_id = :return")


async def note_parcel(connection: WriteConnection, name: str, parcel: str) -> None:
    """Note that a parcel which did not name its return belongs to this one."""
    statement = text("UPDATE return SET parcel = :parcel WHERE return_id = :return")
    await connection.execute(statement, {"return": name, "parcel": parcel})


async def of_parcel(connection: ReadConnection, parcel: str) -> str | None:
    """The return that a parcel was assigned to; None when there is none."""
    found = await connection.execute(text("SELECT return_id FROM return WHERE parcel = :parcel"), {"parcel": parcel})
    return found.scalar()


async def authorize(connection: WriteConnection, name: str, at: datetime, expires_at: datetime) -> None:
    """Note that a person authorized the return, and when it now expires."""
    await connection.execute(AUTHORIZE, {"return": name, "at": at, "expires_at": expires_at})


AUTHORIZE = text("UPDATE return SET authorized_at = :at, expires_at = :expires_at WHERE return_id = :return")


async def write_lines(connection: WriteConnection, name: str, lines: Iterable[ReturnLineState]) -> None:
    """Write what came back and what became of it."""
    known = list(lines)
    rows = [
        {
            "return": name,
            "line": line.line,
            "told_received": line.told_received,
            "received": line.received,
            "graded": line.graded,
            "returned": line.returned,
        }
        for line in known
    ]
    await connection.execute(WRITE_LINE, rows)
    await connection.execute(text("DELETE FROM return_lot WHERE return_id = :return"), {"return": name})
    lots = [{"return": name, "line": line.line} | lot.model_dump() for line in known for lot in line.lots]
    if lots:
        await connection.execute(WRITE_LOT, lots)


WRITE_LINE = text(
    """
    UPDATE return_line
    SET told_received = :told_received, received = :received, graded = :graded, returned = :returned
    WHERE return_id = :return AND line = :line
    """
)

WRITE_LOT = text(
    """
    INSERT INTO return_lot (return_id, line, node, condition, disposition, quantity)
    VALUES (:return, :line, :node, :condition, :disposition, :quantity)
    """
)


async def set_aside(connection: ReadConnection, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str, str], int]:
    """Units that are set aside, by (node, SKU, state), at these places. Lock their stock rows first."""
    named = list(places)
    rows = await connection.execute(SET_ASIDE, {"nodes": [n for n, _ in named], "skus": [s for _, s in named]})
    return {(row.node, row.sku, row.state): row.units for row in rows}


SET_ASIDE = text(
    """
    SELECT m.node, m.sku, m.state, sum(m.set_aside)::bigint AS units
    FROM movement m JOIN unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku) USING (node, sku)
    WHERE m.state IS NOT NULL GROUP BY m.node, m.sku, m.state
    """
)


async def send(connection: WriteConnection, name: str, at: datetime, expires_at: datetime) -> None:
    """Note that the customer sent the parcel, and when the return now expires. The first time of sending is kept."""
    await connection.execute(SEND, {"return": name, "at": at, "expires_at": expires_at})


SEND = text(
    """
    UPDATE return SET sent_at = greatest(:at, requested_at), expires_at = greatest(:expires_at, expires_at), reminders = 0
    WHERE return_id = :return AND sent_at IS NULL
    """
)


async def remind(connection: WriteConnection, name: str, reminders: int) -> None:
    """Note how often the channel was reminded."""
    statement = text("UPDATE return SET reminders = :reminders WHERE return_id = :return")
    await connection.execute(statement, {"return": name, "reminders": reminders})


async def mark(connection: WriteConnection, name: str, fact: str, at: datetime) -> None:
    """Set the time at which a return was declined, cancelled, settled or closed, or expired. A time that is set stays."""
    await connection.execute(_MARKS[fact], {"return": name, "at": at})


_MARKS: Mapping[str, Any] = {
    fact: text(f"UPDATE return SET {fact} = coalesce({fact}, greatest(:at, requested_at)) WHERE return_id = :return")
    for fact in ("declined_at", "cancelled_at", "settled_at", "expired_at", "closed_at")
}


async def next_version(connection: WriteConnection, name: str) -> ReturnState:
    """Count the change and answer the return's new state."""
    found = await state(connection, name)
    await connection.execute(NEXT_VERSION, {"return": name} | when_due(found))
    return found.model_copy(update={"version": found.version + 1})


NEXT_VERSION = text(
    f"""
    UPDATE return r
    SET version = version + 1, updated_at = clock_timestamp(),
        sweep_at = CASE WHEN NOT :is_over THEN {sweep_at("d.due_at")} END
    FROM (SELECT {RETURN_DUE_AT} AS due_at) d
    WHERE r.return_id = :return
    """
)


async def state(connection: ReadConnection, name: str) -> ReturnState:
    """The return's state with its status derived. Raises `UnknownReturn`."""
    found = (await connection.execute(STATE, {"return": name})).scalar()
    if found is None:
        raise UnknownReturn(name)
    return ReturnState.model_validate(json.loads(found))


STATE = text(
    """
    SELECT jsonb_build_object(
               'return', r.return_id, 'order', r.order_id, 'version', r.version, 'status', s.status,
               'resolution', r.resolution, 'node', r.node,
               'is_authorized', r.authorized_at IS NOT NULL, 'is_sent', r.sent_at IS NOT NULL,
               'is_declined', r.declined_at IS NOT NULL,
               'expires_at', r.expires_at, 'reminders', r.reminders,
               'is_stuck', EXISTS (SELECT FROM exception e WHERE e.order_id = r.order_id AND e.code = 'stuck'
                                                                 AND e.resolved_at IS NULL),
               'lines', (SELECT jsonb_agg(jsonb_build_object(
                                    'line', l.line, 'sku', l.sku, 'quantity', l.quantity,
                                    'told_received', l.told_received, 'refund_on', l.refund_on,
                                    'exchange_for', l.exchange_for,
                                    'refunded', (SELECT coalesce(sum(fl.quantity), 0)
                                                 FROM refund f JOIN refund_line fl USING (refund_id)
                                                 WHERE f.return_id = l.return_id AND fl.line = l.line),
                                    'lots', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                                        'node', o.node, 'condition', o.condition,
                                                        'disposition', o.disposition, 'quantity', o.quantity)
                                                        ORDER BY o.node, o.condition, o.disposition), '[]')
                                             FROM return_lot o
                                             WHERE o.return_id = l.return_id AND o.line = l.line))
                                    ORDER BY l.position)
                         FROM return_line l WHERE l.return_id = r.return_id))::text
    FROM return r JOIN return_status s USING (return_id) WHERE r.return_id = :return
    """
)
