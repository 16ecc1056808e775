"""Named statements about refunds: ask for one that what was captured covers, confirm it, show those of a return or a claim."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.refund import Account, Fees, Payment, RefundKind


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A refund that its channel has not confirmed."""

    refund: str
    amount: int


class NotCovered(Exception):
    """More would be refunded than was captured."""


async def account(connection: ReadConnection, order: str) -> Account:
    """What was paid for an order and what its customer got back; read it under the order's lock when you mean to pay."""
    row = (await connection.execute(ACCOUNT, {"order": order})).one()
    return Account(row.captured, row.shipping_price, row.refunded, row.shipping, json.loads(row.units))


ACCOUNT = text(
    """
    SELECT coalesce(o.paid, o.value + o.shipping_price) AS captured, o.shipping_price,
           coalesce(sum(coalesce(f.settled_amount, f.amount)), 0)::bigint AS refunded,
           coalesce(sum(f.shipping), 0)::bigint AS shipping,
           (SELECT coalesce(jsonb_object_agg(u.line, u.units), '{}')
            FROM (SELECT l.line, sum(l.paid) AS units FROM refund p JOIN refund_line l USING (refund_id)
                  WHERE p.order_id = :order GROUP BY l.line) u)::text AS units
    FROM orders o LEFT JOIN refund f USING (order_id) WHERE o.order_id = :order
    GROUP BY o.order_id, o.paid, o.value, o.shipping_price
    """
)


async def fees(connection: ReadConnection, name: str) -> Fees:
    """What a return keeps back; what is kept once is kept with its first refund."""
    rows = (await connection.execute(FEES, {"return": name})).all()
    once = max((row.fee for row in rows if not row.refunds), default=0)
    return Fees({row.line: row.unit_fee for row in rows}, once)


FEES = text(
    """
    SELECT r.fee, l.line, l.unit_fee, (SELECT count(*) FROM refund f WHERE f.return_id = r.return_id) AS refunds
    FROM return r JOIN return_line l USING (return_id) WHERE r.return_id = :return
    """
)


async def ask(
    connection: WriteConnection,
    order: str,
    name: str,
    kind: RefundKind,
    payment: Payment,
    at: datetime,
    *,
    is_claim: bool = False,
) -> str:
    """Store a refund of a return or a claim under its order's lock; answers its id, by which the channel knows a repeat.

    The statement sums the order's refunds itself: none is stored that what was captured does not cover. Raises `NotCovered`.
    """
    parameters = {"order": order, "name": name, "kind": kind, "amount": payment.amount, "shipping": payment.shipping}
    parameters |= {"return": None if is_claim else name, "claim": name if is_claim else None}
    made = (await connection.execute(ASK, parameters | {"at": at})).scalar()
    if made is None:
        raise NotCovered(name)
    lines = [
        {"refund": made, "line": line, "quantity": quantity, "paid": payment.paid[line]}
        for line, quantity in payment.units.items()
    ]
    await connection.execute(ASK_LINE, lines)
    return str(made)


ASK = text(
    """
    INSERT INTO refund (refund_id, order_id, return_id, claim_id, kind, amount, shipping, asked_at)
    SELECT CAST(:name AS text) || '-m'
               || (SELECT count(*) + 1 FROM refund f
                   WHERE f.order_id = o.order_id AND CAST(:name AS text) IN (f.return_id, f.claim_id)),
           o.order_id, CAST(:return AS text), CAST(:claim AS text), :kind, CAST(:amount AS bigint), :shipping, :at
    FROM orders o
    WHERE o.order_id = :order
      AND (CAST(:amount AS bigint) = 0
           OR CAST(:amount AS bigint) + (SELECT coalesce(sum(coalesce(f.settled_amount, f.amount)), 0) FROM refund f
                                         WHERE f.order_id = o.order_id)
              <= coalesce(o.paid, o.value + o.shipping_price))
    RETURNING refund_id
    """
)

ASK_LINE = text("INSERT INTO refund_line (refund_id, line, quantity, paid) VALUES (:refund, :line, :quantity, :paid)")


async def unsettled(connection: ReadConnection, order: str, name: str) -> list[Unsettled]:
    """The refunds of an order's return or claim that its channel has not confirmed, the oldest first."""
    rows = await connection.execute(UNSETTLED, {"order": order, "name": name})
    return [Unsettled(row.refund_id, row.amount) for row in rows]


UNSETTLED = text(
    """
    SELECT refund_id, amount FROM refund
    WHERE order_id = :order AND CAST(:name AS text) IN (return_id, claim_id) AND settled_at IS NULL
    ORDER BY asked_at, refund_id
    """
)


async def settle(connection: WriteConnection, refund: str, amount: int, at: datetime) -> None:
    """The customer has got so much of it; the first time counts."""
    await connection.execute(SETTLE, {"refund": refund, "amount": amount, "at": at})


SETTLE = text(
    """
    UPDATE refund SET settled_at = :at, settled_amount = :amount WHERE refund_id = :refund AND settled_at IS NULL
    """
)


async def replaced_by(connection: WriteConnection, refund: str, order: str) -> None:
    """The customer gets another order for it."""
    statement = text("UPDATE refund SET replacement = :order WHERE refund_id = :refund")
    await connection.execute(statement, {"refund": refund, "order": order})


async def currency(connection: ReadConnection, order: str) -> str:
    """The currency of an order's amounts."""
    found = await connection.execute(text("SELECT currency FROM orders WHERE order_id = :order"), {"order": order})
    return str(found.scalar_one())
