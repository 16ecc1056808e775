"""Amazon: the kind of channels `amazon`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from channels import thresholds
from channels.amazon import call, check, notify, order, poll, token
from channels.amazon.amazon_order import AmazonOrder
from channels.channel import (
    FORGET_AFTER,
    Allowance,
    Answer,
    Catalogue,
    Checked,
    Conversation,
    Key,
    Later,
    Level,
    Message,
    Misfit,
    Notice,
    Outcome,
    Page,
    Refused,
    Request,
    Said,
    Settings,
    Token,
)
from channels.given import fitting, parsed

LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d+)?/?")
MARKETPLACE = re.compile(r"[A-Z0-9]{10,16}")
MARKETPLACES_MAX = 50
DAYS = re.compile(r"[1-9][0-9]{0,3}d")


def _mistake_of_login(base: str) -> str | None:
    is_one = base.startswith("https://") or LOCAL.fullmatch(base)
    return None if is_one else f'login must be a base address such as "{token.LOGIN}", not {base!r}'


def _mistake_of_marketplaces(named: str) -> str | None:
    found = named.replace(",", " ").split()
    if len(found) > MARKETPLACES_MAX:
        return f"marketplaces names {len(found)}, and Amazon takes {MARKETPLACES_MAX} at the most"
    wrong = next((one for one in found if not MARKETPLACE.fullmatch(one)), None)
    return wrong and f'marketplaces must be ids such as "ATVPDKIKX0DER", with commas, not {wrong!r}'


def _mistake_of_days(written: str) -> str | None:
    return None if DAYS.fullmatch(written) else f'forget_after must be days such as "30d", not {written!r}'


class Amazon:
    """A seller's orders on Amazon that the seller ships."""

    kind: str = "amazon"
    uses_mailbox: bool = False
    poll_least: timedelta = poll.EVERY
    shown_after: timedelta = poll.SHOWN_AFTER
    cancel_codes: Sequence[str] = tuple(notify.REASONS)
    credentials: Sequence[str] = token.CREDENTIALS
    optional_credentials: Sequence[str] = ()
    keys: Sequence[Key] = (
        Key("marketplaces", "", _mistake_of_marketplaces),
        Key("carriers", {}),
        Key("hold_amazon_programs", True),
        thresholds.key(
            late_shipment_rate="4%", cancellation_rate="2.5%", valid_tracking_rate="95%", on_time_delivery_rate="90%"
        ),
        Key(FORGET_AFTER, "30d", _mistake_of_days),
        Key("login", token.LOGIN, _mistake_of_login),
    )

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Never: Amazon sends no webhooks, its notifications go to a queue at AWS."""
        return False

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """No webhook is genuine, and so none has an id."""
        raise Misfit("Amazon sends no webhooks")

    def read(self, settings: Settings, catalogue: Catalogue, message: Message) -> Sequence[Said]:
        """What an order says; nothing while it is not paid, or when it is none of ours."""
        said = order.said(settings, catalogue, fitting(AmazonOrder, parsed(message.body)))
        return [said] if said else []

    def token(self, settings: Settings, at: datetime) -> Conversation[Token]:
        """A token for an hour."""
        return token.token(settings, at)

    def authorized(self, settings: Settings, granted: Token | None, request: Request) -> Request:
        """The request with the token."""
        return token.authorized(granted, request)

    def allowance(self, answer: Answer) -> Allowance | None:
        """What an answer says of its operation's quota."""
        return call.allowance(answer)

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """A page of orders that changed."""
        return poll.poll(settings, cursor, at)

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """One order."""
        return poll.read_again(settings, external)

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Whether Amazon is notified of it."""
        return kind in notify.HEARD

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Confirm what left."""
        return notify.notify(settings, notice)

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: stock levels are not sent to Amazon."""
        return {}

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Nothing: stock levels are not sent to Amazon."""
        yield from ()
        return {}

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Look, and say what is missing."""
        return check.check(settings, catalogue, at)
