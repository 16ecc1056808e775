"""Decides whether a webhook comes from the shop of a connection, and which event it is about.

Shopify signs the bytes of the body with the app's client secret. It sends each header under two names: the older begin with
`X-Shopify-`, the newer with `shopify-`.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from channels.channel import Settings

BEFORE = "client_secret_before"
SECRETS = ("client_secret", BEFORE)
"""The credentials that sign: while a secret is rotated, Shopify signs with the oldest one that is not revoked."""


def is_genuine(settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the connection's secrets signed these very bytes, for this very shop."""
    return _is_of_the_shop(settings, headers) and _is_signed(settings, headers, body)


def event_id(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The topic, and the id that all deliveries of one event have in common; a digest of the body where Shopify sent none."""
    topic = header(headers, "topic") or ""
    return topic, header(headers, "event-id") or sha256(f"{topic}\n".encode() + body).hexdigest()


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header of Shopify's, under either of its names."""
    by_name = {known.lower(): value for known, value in headers.items()}
    return by_name.get(f"x-shopify-{name}") or by_name.get(f"shopify-{name}")


def signed(secret: str, body: bytes) -> str:
    """The signature of a body, as its header has it."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def _is_of_the_shop(settings: Settings, headers: Mapping[str, str]) -> bool:
    address = urlsplit(str(settings.entry["api"]))
    shop = (header(headers, "shop-domain") or "").lower()
    return shop in (address.netloc.lower(), address.hostname)


def _is_signed(settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
    """Every secret is compared, whichever fits, so the time says nothing."""
    given = (header(headers, "hmac-sha256") or "").encode()
    secrets = [settings.credentials[name] for name in SECRETS if settings.credentials.get(name)]
    fits = [hmac.compare_digest(signed(secret, body).encode(), given) for secret in secrets]
    return any(fits)
