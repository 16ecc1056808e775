"""Signs webhooks by the Standard Webhooks specification 1.0, and checks signatures."""

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""How far the clock of who signs may be from ours: an old webhook is not taken again."""


def signed_headers(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a signed JSON body. Every secret signs; the receiver may check any one of the signatures."""
    timestamp = str(int(at.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(secret, message_id, timestamp, body) for secret in secrets),
    }


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a body is signed with a secret, a short while ago. The names of headers are lower-case."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    if not math.fabs(int(timestamp) - now.timestamp()) <= TOLERANCE.total_seconds():
        return False
    right = _sign(secret, message_id, timestamp, body).encode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right, one.encode()) for one in given)


def _sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `id.timestamp.body`, version `v1`."""
    is_encoded = secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_")) if is_encoded else secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
