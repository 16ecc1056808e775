"""Answers what a trading partner changes of its order by a document, in the transaction that carried the change out."""

from dataclasses import dataclass
from datetime import UTC, datetime

from channels.channel import Answered, Said
from database import channel_order
from database.connect import WriteConnection
from database.documents import order as documents
from formats.x12.partner import Partner
from transactions import x12_document


@dataclass(frozen=True, slots=True)
class Reply:
    """How something that a partner sent is answered by a document."""

    partner: Partner
    answered: Answered
    key: str
    """What makes the answers to it one document, however often it is carried out."""


async def note_step(connection: WriteConnection, reply: Reply, said: Said, order: str) -> None:
    """Keep with an order, which is locked, what the answer is going to say of it, so that no other document says the same."""
    shown = await documents.show(connection, order, channel=None, at=datetime.now(UTC))
    assert shown is not None, "it is locked"
    await channel_order.name(connection, reply.partner.name, said.external, reply.answered.known(shown))


async def answer(connection: WriteConnection, reply: Reply, said: Said, order: str | None) -> None:
    """Write the answer to what was carried out; its order is locked, None = none was placed."""
    at = datetime.now(UTC)
    shown = await documents.show(connection, order, channel=None, at=at) if order else None
    one = reply.answered.document(shown, said.order, said.not_followed, at)
    await x12_document.write(connection, reply.partner, one, f"{one.code} {reply.key} {said.external}", at, order=order)
