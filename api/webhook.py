"""Routes about webhooks: a channel says where it wants to be called about its orders, and sees whether it hears."""

import base64
import binascii
import re
import secrets
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

import httpx2
from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from api.access import OperatorOrChannel, Wired, nothing, own_channel
from api.order import IdempotencyKey
from api.paths import ChannelName
from api.problems import INVALID, OTHER_BODY, Problem
from database import personal, request
from database.connect import WriteConnection
from database.key import Holder
from database.outbox import webhook
from database.request import Request, UsedForAnotherRequest
from domain.text import FreeText, Label

router = APIRouter(tags=["channels"])

CHANNEL = re.compile(r"[a-z0-9]{1,16}")
BOTH_SECRETS_SIGN = timedelta(hours=24)
SECRET_BYTES = range(24, 65)
"""As Standard Webhooks wants it."""


def _callable(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an address such as https://shop.example/switchyard, without a user or a fragment")
    if parts.port == 0:
        raise ValueError("must have a port from 1 to 65535")
    try:
        httpx2.URL(url).host.encode("idna")
    except (UnicodeError, httpx2.InvalidURL) as error:
        raise ValueError("must name a host that can be looked up") from error
    return url


def _whole(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except binascii.Error as error:
        raise ValueError("must be whsec_ and base64") from error
    if size not in SECRET_BYTES:
        raise ValueError("must have 24 to 64 bytes")
    return secret


class NewWebhook(BaseModel):
    """The address to call, and the secret that signs the calls; without a secret, one is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[!-~]+$"), AfterValidator(_callable)]
    secret: (
        Annotated[str, StringConstraints(max_length=100, pattern=r"^whsec_[A-Za-z0-9+/=]+$"), AfterValidator(_whole)]
        | None
    ) = None


class Webhook(BaseModel):
    """A registered webhook. A secret that was made for it is shown only once."""

    channel: str
    url: str
    secret: str | None
    previous_secret_until: datetime | None


class Failure(BaseModel):
    """A try that failed: the status that was answered, or the kind of error."""

    at: datetime
    reason: str


class WebhookState(BaseModel):
    """Delivery status of a webhook. An event is owed until it is delivered or given up."""

    channel: str
    url: str
    registered_at: datetime
    owed: int
    owed_since: datetime | None
    next_try_at: datetime | None
    last_failure: Failure | None
    given_up: int
    given_up_since: datetime | None


class RetryRequest(BaseModel):
    """The body of `POST /channels/{channel}/webhook/retry`: who asks, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: FreeText | None = None
    actor: Label | None = None


class Retried(BaseModel):
    """How many events are due now."""

    channel: str
    events: int


@router.put("/channels/{channel}/webhook", response_model=Webhook)
async def register_webhook(
    channel: ChannelName, body: NewWebhook, holder: OperatorOrChannel, service: Wired
) -> Webhook:
    """Register the address that receives every event of a channel's orders, or change it. A new secret is used at once; for
    a day the old one signs too."""
    _check_own(channel, holder)
    if body.url.startswith("http:") and not service.outbound.allows_private_addresses:
        raise Problem(INVALID, "must begin with https://", field="url")
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    async with service.database.write() as connection:
        kept = await webhook.keep(connection, channel, body.url, body.secret, otherwise=made, overlap=BOTH_SECRETS_SIGN)
    told = made if kept.secret == made else None
    return Webhook(channel=channel, url=body.url, secret=told, previous_secret_until=kept.previous_until)


@router.get("/channels/{channel}/webhook", response_model=WebhookState)
async def get_webhook(channel: ChannelName, holder: OperatorOrChannel, service: Wired) -> WebhookState:
    """Delivery status of a channel's webhook: events not delivered yet, the next try, events given up, the last failure."""
    _check_own(channel, holder)
    async with service.database.read() as connection:
        found = await webhook.standing(connection, channel)
    if found is None:
        raise _no_webhook(channel)
    failure = Failure(at=found.failed_at, reason=found.failure) if found.failed_at and found.failure else None
    return WebhookState(channel=channel, last_failure=failure, **asdict(found))


@router.post("/channels/{channel}/webhook/retry", response_model=Retried)
async def retry_webhook(
    channel: ChannelName,
    body: RetryRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> Retried:
    """Deliver all waiting events of a channel now, and try those that were given up for another week."""
    _check_own(channel, holder)
    async with service.database.write() as connection:
        kept = await _keep(connection, channel, body, holder, idempotency_key)
        if kept.answer is not None:
            return Retried.model_validate(kept.answer)
        events = await webhook.retry(connection, channel)
        if events is None:
            raise _no_webhook(channel)
        answer = Retried(channel=channel, events=events)
        await request.answer(connection, kept.request_id, answer.model_dump(mode="json"))
    return answer


@router.delete("/channels/{channel}/webhook", status_code=204)
async def remove_webhook(channel: ChannelName, holder: OperatorOrChannel, service: Wired) -> Response:
    """Remove a channel's webhook. Undelivered events stay in the feed."""
    _check_own(channel, holder)
    async with service.database.write() as connection:
        await webhook.remove(connection, channel)
    return Response(status_code=204)


async def _keep(
    connection: WriteConnection, channel: str, body: RetryRequest, holder: Holder, idempotency_key: str | None
) -> Request:
    try:
        return await request.keep(
            connection,
            order=None,
            kind="retry_webhook",
            asker=holder.actor,
            idempotency_key=idempotency_key,
            body_digest=f"{channel} {await personal.fingerprint(connection, body)}",
            facts={"channel": channel},
            actor=body.actor or holder.actor,
            reason=body.reason,
            at=datetime.now(UTC),
        )
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error


def _no_webhook(channel: str) -> Problem:
    return nothing("webhook of channel", channel)


def _check_own(channel: str, holder: Holder) -> None:
    if not CHANNEL.fullmatch(channel) or own_channel(holder) not in (None, channel):
        raise nothing("channel", channel)
