"""Routes about webhooks: a channel registers the address that receives its events, and reads the status of their delivery."""

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import httpx2
from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, StringConstraints

from api.access import AdminOrChannel, OperatorOrChannel, ServiceDep, not_found, own_channel
from api.answer import shown
from api.common import IdempotencyKey
from api.paths import ChannelName
from api.problems import INVALID, Problem
from database.documents import webhook as documents
from database.documents.webhook import WebhookState
from database.key import Caller
from domain.identifiers import OWN_CHANNELS
from domain.text import FreeText, Label, Strict
from transactions import webhook as webhooks
from transactions.request import Asked
from transactions.webhook import NoWebhook

router = APIRouter(tags=["channels"])

CHANNEL = re.compile(r"[a-z0-9]{1,16}")
SECRET_BYTES = range(24, 65)
"""The length that Standard Webhooks requires."""


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


class NewWebhook(Strict):
    """The address to call, and the secret that signs the calls; without a secret, one is made."""

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


class RetryRequest(Strict):
    """The body of `POST /channels/{channel}/webhook/retry`: the actor and the reason."""

    reason: FreeText | None = None
    actor: Label | None = None


class Retried(BaseModel):
    """How many events are due now."""

    channel: str
    events: int


@router.put("/channels/{channel}/webhook", response_model=Webhook)
async def register_webhook(
    channel: ChannelName, body: NewWebhook, holder: AdminOrChannel, service: ServiceDep
) -> Webhook:
    """Register the address that receives every event of a channel's orders, or change it. A new secret is used at once; for
    a day the old one signs too."""
    _check_own(channel, holder)
    if body.url.startswith("http:") and not service.outbound.allows_private_addresses:
        raise Problem(INVALID, "must begin with https://", field="url")
    made = await webhooks.register(service.transactions, channel, body.url, body.secret)
    service.sender.end_the_rest(channel)
    return Webhook(channel=channel, url=body.url, secret=made.secret, previous_secret_until=made.previous_secret_until)


@router.get("/channels/{channel}/webhook", response_model=WebhookState)
async def get_webhook(channel: ChannelName, holder: OperatorOrChannel, service: ServiceDep) -> Response:
    """Delivery status of a channel's webhook: events not delivered yet, the next try, events given up, the last failure."""
    _check_own(channel, holder)
    async with service.database.read() as connection:
        found = await documents.show(connection, channel)
    if found is None:
        raise NoWebhook(channel)
    return shown(found)


@router.post("/channels/{channel}/webhook/retry", response_model=Retried)
async def retry_webhook(
    channel: ChannelName,
    body: RetryRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Retried:
    """Deliver all waiting events of a channel now, and try those that were given up for another week."""
    _check_own(channel, holder)
    asked = Asked(channel, body, holder.actor, idempotency_key)
    retried = await webhooks.retry(service.transactions, asked)
    service.sender.end_the_rest(channel)
    return Retried.model_validate(retried)


@router.delete("/channels/{channel}/webhook", status_code=204)
async def remove_webhook(channel: ChannelName, holder: AdminOrChannel, service: ServiceDep) -> Response:
    """Remove a channel's webhook. Undelivered events stay in the feed."""
    _check_own(channel, holder)
    await webhooks.remove(service.transactions, channel)
    return Response(status_code=204)


def _check_own(channel: str, holder: Caller) -> None:
    if not CHANNEL.fullmatch(channel) or channel in OWN_CHANNELS or own_channel(holder) not in (None, channel):
        raise not_found("channel", channel)
