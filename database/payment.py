"""Named statements about payments: facts, each stored once, and what channels were asked to capture or void."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import text

from database.connect import WriteConnection
from domain.payment import PaymentKind, PaymentMessage


class PaymentRequestKind(StrEnum):
    """What a channel is asked to do with a payment."""

    CAPTURE = "capture"
    VOID = "void"


async def keep(connection: WriteConnection, order: str, message: PaymentMessage, received_at: datetime) -> None:
    """Store a fact and add it to the sums of its order. Call it under the order's lock, once for each message."""
    amounts = {kind.value: message.amount if kind is message.kind else 0 for kind in PaymentKind}
    parameters = {
        "order": order,
        "message_id": message.message_id,
        "kind": message.kind,
        "amount": message.amount,
        "occurred_at": message.occurred_at,
        "received_at": received_at,
    }
    await connection.execute(KEEP, parameters | amounts)


KEEP = text(
    """
    WITH kept AS (
        INSERT INTO payment (order_id, message_id, kind, amount, occurred_at, received_at)
        VALUES (:order, :message_id, :kind, :amount, :occurred_at, :received_at))
    UPDATE orders
    SET authorized = authorized + :authorized, captured = coalesce(captured, 0) + :captured, voided = voided + :voided
    WHERE order_id = :order
    """
)


async def ask(
    connection: WriteConnection, order: str, kind: PaymentRequestKind, amount: int, in_all: int, at: datetime
) -> str:
    """Store what a channel is asked to capture or void; answers the id, by which it recognizes a repeat.

    `in_all` is how much is captured, or voided, when the channel has done it. Call it under the order's lock.
    """
    parameters = {"order": order, "kind": kind, "amount": amount, "in_all": in_all, "at": at}
    return str((await connection.execute(ASK, parameters)).scalar_one())


ASK = text(
    """
    WITH kept AS (
        UPDATE orders SET capture_asked = CASE WHEN :kind = 'capture' THEN :in_all ELSE capture_asked END,
                          void_asked = CASE WHEN :kind = 'void' THEN :in_all ELSE void_asked END
        WHERE order_id = :order)
    INSERT INTO payment_request (request_id, order_id, kind, amount, asked_at)
    SELECT CAST(:order AS text) || '-p' || count(*) + 1, :order, :kind, :amount, :at
    FROM payment_request WHERE order_id = :order
    RETURNING request_id
    """
)
