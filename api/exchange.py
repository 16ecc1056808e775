"""Routes about what connected channels send: their webhooks, and another try for what did not fit."""

import math
from hashlib import sha256

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel

from api import request_log
from api.access import Operator, ServiceDep, not_found
from api.common import IdempotencyKey
from api.limits import Buckets
from api.paths import ChannelName, ConnectionName
from api.problems import NO_KEY, TOO_MANY, Problem
from channels.channel import ChannelKind, Message, Settings
from database import connection as connections
from domain.text import FreeText, Label, Strict
from transactions import exchange as exchanges
from transactions.request import Asked

router = APIRouter(tags=["channels"])

EVENT_ID_MAX = 255

log = structlog.get_logger("http")


class Heard(BaseModel):
    """The webhook is kept."""

    channel: str


class RetryConnection(Strict):
    """The body of `POST /connections/{connection}/retry`: the actor and the reason."""

    reason: FreeText | None = None
    actor: Label | None = None


class RetriedConnection(BaseModel):
    """How much is tried again now."""

    connection: str
    documents: int
    """What came from the channel and did not fit."""
    notices: int
    """What the channel was to be notified of, and has not taken."""
    levels: int
    """Stock levels that it has not taken, or of items that it did not have."""


@router.post("/channels/{channel}/webhooks", include_in_schema=False)
async def take_webhook(channel: ChannelName, request: Request, service: ServiceDep) -> Heard:
    """Keep a webhook of a connected channel, byte for byte; a repeat is answered the same. 401 for a signature that is not the
    channel's. What is in it is never a reason to refuse it: channels stop calling who refuses."""
    headers, body = dict(request.headers), await request.body()
    found = await service.door.settings(channel)
    if found is None or not _is_genuine(found, headers, body):
        raise Problem(NO_KEY, "this is not signed by a connected channel of this name")
    request_log.show_key(f"connection:{channel}")
    rates: Buckets | None = request.app.state.webhook_rates
    if rates and (wait := rates.wait(channel)):
        raise Problem(TOO_MANY, "this channel sends too many webhooks", retry_after_seconds=math.ceil(wait))
    event_id, message = _named(found[1], headers, body)
    async with service.database.at_once() as connection:
        await exchanges.keep(connection, channel, [(event_id, message)])
    service.exchanges_are_due()
    return Heard(channel=channel)


def _is_genuine(found: tuple[Settings, ChannelKind], headers: dict[str, str], body: bytes) -> bool:
    settings, kind = found
    try:
        return kind.is_genuine(settings, headers, body)
    except Exception as error:  # a stranger's headers may be anything
        log.warning("a signature could not be checked", channel=settings.name, reason=type(error).__name__)
        return False


def _named(kind: ChannelKind, headers: dict[str, str], body: bytes) -> tuple[str, Message]:
    """A webhook with the id that its repeats have in common; where that cannot be read, the same bytes are a repeat."""
    try:
        topic, event_id = kind.event_id(headers, body)
    except Exception:  # it is genuine, so it is kept; who reads it later finds out what is wrong
        topic, event_id = "", ""
    if not 0 < len(event_id) <= EVENT_ID_MAX or "\0" in event_id:
        event_id = f"sha256:{sha256(body).hexdigest()}"
    return event_id, Message(topic.replace("\0", "")[:EVENT_ID_MAX], body)


@router.post("/connections/{connection}/retry", response_model=RetriedConnection)
async def retry_connection(
    name: ConnectionName,
    body: RetryConnection,
    holder: Operator,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> RetriedConnection:
    """Try everything again now that came from a connected channel and did not fit, or that the channel has not taken."""
    async with service.database.read() as connection:
        if await connections.access(connection, name) is None:
            raise not_found("connection", name)
    retried = await exchanges.retry(service.transactions, Asked(name, body, holder.actor, idempotency_key))
    service.exchanges_are_due()
    service.notices_are_due(name)
    return RetriedConnection.model_validate(retried)
