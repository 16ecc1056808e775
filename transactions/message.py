"""Stores what a node or a channel reports, once for each sender and message id, before anything else happens to it."""

from datetime import UTC, datetime
from typing import Any

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.outbox import inbox
from database.outbox.inbox import Received
from domain.claim import ClaimMessage
from domain.fulfillment import NodeMessage
from domain.parcel import Parcel
from domain.payment import PaymentMessage
from domain.returns import ReturnMessage
from domain.stock import StockMessage

Message = ClaimMessage | NodeMessage | Parcel | PaymentMessage | ReturnMessage | StockMessage


async def receive(
    connection: WriteConnection,
    message: Message,
    *,
    sender: str,
    about: str,
    kind: str,
    facts: dict[str, Any],
    actor: str,
) -> Received | None:
    """Store a message; None when it is stored already. `facts` is the message without free text.

    Raises `UsedWithAnotherBody` when the sender has used the message id for another message.
    """
    received = await compose(connection, message, sender=sender, about=about, kind=kind, facts=facts, actor=actor)
    return received if await inbox.receive(connection, received) else None


async def compose(
    connection: ReadConnection,
    message: Message,
    *,
    sender: str,
    about: str,
    kind: str,
    facts: dict[str, Any],
    actor: str,
) -> Received:
    """A message as it is stored; it is received now. `facts` is the message without free text."""
    return Received(
        sender=sender,
        message_id=message.message_id,
        about=about,
        kind=kind,
        body_digest=await personal.fingerprint(connection, message),
        occurred_at=message.occurred_at,
        received_at=datetime.now(UTC),
        actor=actor,
        facts=facts,
    )


async def keep_reason(
    connection: WriteConnection, received: Received, order: str | None, reason: str | None
) -> int | None:
    """Store the reason of a message, sealed; answers the remark's id. None when it gives none, or the order was forgotten."""
    remark = await personal.note(connection, order, None, reason)
    if remark is not None:
        await inbox.keep_remark(connection, received, remark)
    return remark
