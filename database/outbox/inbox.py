"""Named statements about the inbox: every message is stored once per sender and id, before anything else happens to it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection


class UsedWithAnotherBody(Exception):
    """This sender has used this message id with another body."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the inbox stores it; `facts` is the message without free text."""

    sender: str
    message_id: str
    about: str
    kind: str
    body_digest: str
    occurred_at: datetime
    received_at: datetime
    actor: str
    facts: dict[str, Any]


async def receive(connection: WriteConnection, message: Received) -> bool:
    """Store a message; False when it is stored already. Raises `UsedWithAnotherBody` when its id came with another body."""
    parameters = {
        "sender": message.sender,
        "message_id": message.message_id,
        "about": message.about,
        "body_digest": message.body_digest,
        "kind": message.kind,
        "occurred_at": message.occurred_at,
        "received_at": message.received_at,
        "actor": message.actor,
        "facts": json.dumps(message.facts),
    }
    if (await connection.execute(RECEIVE, parameters)).scalar() is not None:
        return True
    known = await connection.execute(KNOWN, {"sender": message.sender, "message_id": message.message_id})
    row = known.one()
    if row.about != message.about or not personal.is_same_body(row.body_digest, message.body_digest):
        raise UsedWithAnotherBody(message.message_id)
    return False


RECEIVE = text(
    """
    INSERT INTO inbox (sender, message_id, about, body_digest, kind, occurred_at, received_at, actor, facts)
    VALUES (:sender, :message_id, :about, :body_digest, :kind, :occurred_at, :received_at, :actor, CAST(:facts AS jsonb))
    ON CONFLICT DO NOTHING
    RETURNING message_id
    """
)
"""A second transaction with the same id waits here until the first has committed or failed."""


async def keep_remark(connection: WriteConnection, message: Received, remark: int) -> None:
    """Note which remark in `personal.remark` has the reason of a message."""
    parameters = {"sender": message.sender, "message_id": message.message_id, "remark": remark}
    await connection.execute(KEEP_REMARK, parameters)


KEEP_REMARK = text("UPDATE inbox SET remark = :remark WHERE sender = :sender AND message_id = :message_id")

KNOWN = text("SELECT body_digest, about FROM inbox WHERE sender = :sender AND message_id = :message_id")


async def facts(connection: ReadConnection, sender: str, message_id: str) -> dict[str, Any]:
    """A stored message without free text."""
    found = (await connection.execute(FACTS, {"sender": sender, "message_id": message_id})).scalar_one()
    return dict(found)


FACTS = text("SELECT facts FROM inbox WHERE sender = :sender AND message_id = :message_id")
