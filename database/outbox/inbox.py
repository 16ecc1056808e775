"""Named statements about the inbox: every message is stored once per sender and id, before anything else happens to it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.writes import Writes


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
    remark: int | None = None
    """Its reason, in `personal.remark`."""


@dataclass(frozen=True, slots=True)
class Known:
    """A stored message: what it is about, and the digest of its body."""

    about: str
    body_digest: str


async def receive(connection: WriteConnection, message: Received) -> bool:
    """Store a message; False when it is stored already. Raises `UsedWithAnotherBody` when its id came with another body."""
    if (await connection.execute(RECEIVE, _row(message))).scalar() is not None:
        return True
    found = await connection.execute(KNOWN, {"sender": message.sender, "message_id": message.message_id})
    row = found.one()
    return not is_repeated(message, Known(row.about, row.body_digest))


def is_repeated(message: Received, known: Known | None) -> bool:
    """Whether a message is stored already; `known` is what is stored under its id. Raises `UsedWithAnotherBody`."""
    if known is None:
        return False
    if known.about != message.about or not personal.is_same_body(known.body_digest, message.body_digest):
        raise UsedWithAnotherBody(message.message_id)
    return True


def store(writes: Writes, message: Received) -> None:
    """Store a message of which it is known that its id was not used. If it was used meanwhile, sending it raises what
    `is_used_meanwhile` recognises."""
    writes.add(STORE, _row(message))


def is_used_meanwhile(error: IntegrityError) -> bool:
    """Whether another transaction has stored a message under the same id since it was asked whether there is one."""
    return "pk_inbox" in str(error.orig)


def _row(message: Received) -> dict[str, Any]:
    return {
        "sender": message.sender,
        "message_id": message.message_id,
        "about": message.about,
        "body_digest": message.body_digest,
        "kind": message.kind,
        "occurred_at": message.occurred_at,
        "received_at": message.received_at,
        "actor": message.actor,
        "facts": json.dumps(message.facts),
        "remark": message.remark,
    }


_INSERT = """
    INSERT INTO inbox (sender, message_id, about, body_digest, kind, occurred_at, received_at, actor, facts, remark)
    VALUES (:sender, :message_id, :about, :body_digest, :kind, :occurred_at, :received_at, :actor, CAST(:facts AS jsonb),
            :remark)
"""
RECEIVE = text(f"{_INSERT} ON CONFLICT DO NOTHING RETURNING message_id")
"""A second transaction with the same id waits here until the first has committed or failed."""

STORE = f"received AS ({_INSERT})"
"""A second transaction with the same id waits here as well; it fails when the first has committed."""

KNOWN_OF_ITS_NODE = """
    (SELECT json_build_array(i.about, i.body_digest) FROM fulfillment_order f JOIN inbox i ON i.sender = f.node
     WHERE f.fulfillment_order_id = CAST(:about AS text) AND i.message_id = CAST(:message_id AS text))
"""
"""A part of a larger statement: what the node of a fulfillment order has sent under a message id."""


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
