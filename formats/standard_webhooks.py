"""Signs webhooks as the Standard Webhooks specification 1.0 says."""

import base64
import hashlib
import hmac


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of the Standard Webhooks specification 1.0: HMAC-SHA256 over `id.timestamp.body`, version `v1`."""
    is_encoded = secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_")) if is_encoded else secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
