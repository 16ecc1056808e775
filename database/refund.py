"""Named statements about refunds: request one within the captured amount, mark it settled, list those of a return or claim."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.parts import CAPTURED
from domain.account import Prices
from domain.refund import Account, Exchanged, Fees, Payment, Promised, RefundKind


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A refund that its channel has not confirmed."""

    refund: str
    amount: int


class NotCovered(Exception):
    """The refunds of the order would exceed the captured amount."""


async def account(connection: ReadConnection, order: str) -> Account:
    """The payments and refunds of an order. Read it under the order's lock before you write a refund."""
    row = (await connection.execute(ACCOUNT, {"order": order})).one()
    return Account(row.captured, row.refunded, row.shipping, json.loads(row.units))


ACCOUNT = text(
    f"""
    SELECT {CAPTURED} AS captured,
           coalesce(sum(coalesce(f.settled_amount, f.amount)), 0)::bigint AS refunded,
           coalesce(sum(f.shipping), 0)::bigint AS shipping,
           (SELECT coalesce(jsonb_object_agg(u.line, u.units), '{{}}')
            FROM (SELECT l.line, sum(l.paid) AS units FROM refund p JOIN refund_line l USING (refund_id)
                  WHERE p.order_id = :order GROUP BY l.line) u)::text AS units
    FROM orders o LEFT JOIN refund f USING (order_id) WHERE o.order_id = :order
    GROUP BY o.order_id
    """
)


async def fees(connection: ReadConnection, name: str) -> Fees:
    """The fees of a return; what was kept back from its earlier refunds is not owed any more."""
    rows = (await connection.execute(FEES, {"return": name})).all()
    of_earlier_units = sum(row.unit_fee * row.paid for row in rows)
    owed = rows[0].fee + of_earlier_units - rows[0].kept
    return Fees({row.line: row.unit_fee for row in rows}, max(0, owed))


FEES = text(
    """
    SELECT r.fee, l.line, l.unit_fee,
           (SELECT coalesce(sum(f.fee), 0)::bigint FROM refund f WHERE f.return_id = r.return_id) AS kept,
           (SELECT coalesce(sum(fl.paid), 0)::bigint FROM refund f JOIN refund_line fl USING (refund_id)
            WHERE f.return_id = r.return_id AND fl.line = l.line) AS paid
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
    """Store a refund of a return or a claim under its order's lock; answers its id, by which the channel recognizes a repeat.

    The statement sums the order's refunds itself. Raises `NotCovered` when they would exceed the captured amount.
    """
    parameters = {"order": order, "name": name, "kind": kind, "amount": payment.amount, "shipping": payment.shipping}
    parameters |= {"fee": payment.fee, "cut": payment.cut}
    parameters |= {"return": None if is_claim else name, "claim": name if is_claim else None}
    made = (await connection.execute(ASK, parameters | {"at": at})).scalar()
    if made is None:
        raise NotCovered(name)
    lines = [
        {"refund": made, "line": line, "quantity": quantity, "paid": payment.paid[line]}
        for line, quantity in payment.units.items()
    ]
    if lines:
        await connection.execute(ASK_LINE, lines)
    return str(made)


ASK = text(
    f"""
    INSERT INTO refund (refund_id, order_id, return_id, claim_id, kind, amount, shipping, fee, cut, asked_at)
    SELECT CAST(:name AS text) || '-m'
               || (SELECT count(*) + 1 FROM refund f
                   WHERE f.order_id = o.order_id AND CAST(:name AS text) IN (f.return_id, f.claim_id)),
           o.order_id, CAST(:return AS text), CAST(:claim AS text), :kind, CAST(:amount AS bigint), :shipping, :fee,
           :cut, :at
    FROM orders o
    WHERE o.order_id = :order
      AND (CAST(:amount AS bigint) = 0
           OR CAST(:amount AS bigint) + (SELECT coalesce(sum(coalesce(f.settled_amount, f.amount)), 0) FROM refund f
                                         WHERE f.order_id = o.order_id)
              <= {CAPTURED})
    RETURNING refund_id
    """
)

ASK_LINE = text("INSERT INTO refund_line (refund_id, line, quantity, paid) VALUES (:refund, :line, :quantity, :paid)")


async def unsettled(connection: ReadConnection, order: str, name: str) -> list[Unsettled]:
    """The refunds of an order's return or claim that its channel has not confirmed, the oldest first."""
    rows = await connection.execute(UNSETTLEDD, {"order": order, "name": name})
    return [Unsettled(row.refund_id, row.amount) for row in rows]


UNSETTLEDD = text(
    """
    SELECT refund_id, amount FROM refund
    WHERE order_id = :order AND CAST(:name AS text) IN (return_id, claim_id) AND settled_at IS NULL
    ORDER BY asked_at, refund_id
    """
)


async def mark_settled(connection: WriteConnection, refund: str, amount: int, at: datetime) -> None:
    """Note that the customer was paid `amount` of a refund, in minor units. A second call changes nothing."""
    await connection.execute(MARK_SETTLED, {"refund": refund, "amount": amount, "at": at})


MARK_SETTLED = text(
    """
    UPDATE refund SET settled_at = :at, settled_amount = :amount, cut = greatest(0, cut - greatest(0, :amount - amount))
    WHERE refund_id = :refund AND settled_at IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class PaidBack:
    """What the customer of an order was paid back, or is to be."""

    amount: int
    short: frozenset[str]
    """The returns and claims of which less was paid back than is owed, because no more was captured."""


async def paid_back(connection: ReadConnection, order: str) -> PaidBack:
    """What an order's customer was paid back. Read it under the order's lock before you act on it."""
    row = (await connection.execute(PAID_BACK, {"order": order})).one()
    return PaidBack(row.amount, frozenset(row.short or ()))


PAID_BACK = text(
    """
    SELECT coalesce(sum(coalesce(settled_amount, amount)), 0)::bigint AS amount,
           array_agg(coalesce(return_id, claim_id)) FILTER (WHERE cut > 0) AS short
    FROM refund WHERE order_id = :order
    """
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A refund in money that was cut, because no more was captured."""

    refund: str
    name: str
    """Its return or claim."""
    is_claim: bool
    kind: RefundKind
    amount: int
    """What the customer gets beyond it as soon as more is captured."""


async def cuts(connection: ReadConnection, order: str) -> list[Cut]:
    """The refunds in money of an order that are cut, the oldest first."""
    rows = await connection.execute(CUTS, {"order": order})
    return [Cut(row.refund_id, row.name, row.is_claim, RefundKind(row.kind), row.cut) for row in rows]


CUTS = text(
    """
    SELECT refund_id, coalesce(return_id, claim_id) AS name, claim_id IS NOT NULL AS is_claim, kind, cut FROM refund
    WHERE order_id = :order AND cut > 0 AND kind <> 'exchange'
    ORDER BY asked_at, length(refund_id), refund_id
    """
)


async def cover(connection: WriteConnection, refund: str, amount: int) -> None:
    """Note that another refund pays this part of what a refund was cut by."""
    statement = text("UPDATE refund SET cut = cut - :amount WHERE refund_id = :refund")
    await connection.execute(statement, {"refund": refund, "amount": amount})


async def replaced_by(connection: WriteConnection, refund: str, order: str) -> None:
    """Note the order that the customer gets instead of a refund."""
    statement = text("UPDATE refund SET replacement = :order WHERE refund_id = :refund")
    await connection.execute(statement, {"refund": refund, "order": order})


async def exchanged(connection: ReadConnection, refund: str, prices: Prices) -> Exchanged | None:
    """A refund that was given as another order, which costs `prices`; None when it stands for no unit any more.

    Read it under the locks of both orders.
    """
    row = (await connection.execute(EXCHANGED, {"refund": refund})).one_or_none()
    if row is None:
        return None
    lines = {line: Promised(sku, units, prices.lines[line][0]) for line, sku, units in json.loads(row.lines)}
    return Exchanged(row.name, row.is_claim, row.amount, row.shipping, lines, prices.charges)


EXCHANGED = text(
    """
    SELECT coalesce(f.return_id, f.claim_id) AS name, f.claim_id IS NOT NULL AS is_claim, f.amount, f.shipping,
           jsonb_agg(jsonb_build_array(l.line, s.sku, l.paid))::text AS lines
    FROM refund f JOIN refund_line l USING (refund_id)
    JOIN order_line s ON s.order_id = f.order_id AND s.line = l.line
    WHERE f.refund_id = :refund AND l.paid > 0
    GROUP BY f.refund_id
    """
)


async def take_back(connection: WriteConnection, refund: str, payment: Payment) -> None:
    """Let a refund that was given as another order stand for fewer units, and for less money; the other order was paid less.

    Units without money still count as dealt with: their return owes nothing, but they may be claimed again.
    """
    amounts = {"refund": refund, "amount": payment.amount, "shipping": payment.shipping}
    await connection.execute(TAKE_BACK, amounts)
    await connection.execute(PAY_LESS, amounts)
    lines = [
        {"refund": refund, "line": line, "units": units, "quantity": units if payment.amount else 0}
        for line, units in payment.units.items()
    ]
    await connection.execute(TAKE_BACK_WHOLE_LINE, lines)
    await connection.execute(TAKE_BACK_LINE, lines)


TAKE_BACK = text(
    """
    UPDATE refund SET amount = amount - :amount, settled_amount = settled_amount - :amount, shipping = shipping - :shipping
    WHERE refund_id = :refund
    """
)

PAY_LESS = text(
    """
    UPDATE orders o SET paid = o.paid - CAST(:amount AS bigint) FROM refund f
    WHERE f.refund_id = :refund AND o.order_id = f.replacement AND o.paid >= CAST(:amount AS bigint)
    """
)

TAKE_BACK_LINE = text(
    """
    UPDATE refund_line SET quantity = quantity - :quantity, paid = paid - :units
    WHERE refund_id = :refund AND line = :line AND quantity > :quantity
    """
)

TAKE_BACK_WHOLE_LINE = text(
    "DELETE FROM refund_line WHERE refund_id = :refund AND line = :line AND quantity = :quantity"
)


async def currency(connection: ReadConnection, order: str) -> str:
    """The currency of an order's amounts."""
    found = await connection.execute(text("SELECT currency FROM orders WHERE order_id = :order"), {"order": order})
    return str(found.scalar_one())
