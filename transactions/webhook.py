"""Registers and removes the webhooks of channels, and retries the delivery of their events."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from database.outbox import webhook
from database.request import Request
from transactions.request import Answer, Asked, Body, answered_once
from transactions.transaction import OrderTransactions

BOTH_SECRETS_SIGN = timedelta(hours=24)


class NoWebhook(LookupError):
    """The channel has registered no webhook."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered webhook: its secret, if this call made it, and until when the previous secret signs, too."""

    secret: str | None
    previous_secret_until: datetime | None


async def register(transactions: OrderTransactions, channel: str, url: str, secret: str | None) -> Registered:
    """Register the URL that gets all events of a channel's orders. Without a secret, the known one stays, or one is made."""
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    async with transactions.begin() as transaction:
        kept = await webhook.keep(
            transaction.connection, channel, url, secret, otherwise=made, overlap=BOTH_SECRETS_SIGN
        )
    return Registered(made if kept.secret == made else None, kept.previous_until)


async def retry(transactions: OrderTransactions, asked: Asked[Body]) -> Answer:
    """Deliver all waiting events of a channel now, also those after the last retry; answers the number of `events`.

    Raises `NoWebhook` and `UsedForAnotherRequest`.
    """
    channel = asked.about
    async with transactions.begin() as transaction:

        async def doing(_: Request) -> Answer:
            events = await webhook.retry(transaction.connection, channel)
            if events is None:
                raise NoWebhook(channel)
            return {"channel": channel, "events": events}

        facts = {"channel": channel}
        return await answered_once(transaction.connection, asked, "retry_webhook", facts, doing, subject=channel)


async def remove(transactions: OrderTransactions, channel: str) -> None:
    """Remove a channel's webhook, if it has one."""
    async with transactions.begin() as transaction:
        await webhook.remove(transaction.connection, channel)
