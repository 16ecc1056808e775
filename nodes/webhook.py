"""Translates a fulfillment order into the request that calls a node which does not poll: Standard Webhooks, signed. No I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from formats.standard_webhooks import sign


@dataclass(frozen=True, slots=True)
class Call:
    """A request as plain data; whoever sends it decides how."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def call(url: str, secret: str, message_id: str, fulfillment_order: Mapping[str, Any], at: datetime) -> Call:
    """The call that tells a node of its work, or of our wish to cancel it; the document is the one that polling would show.

    `message_id` is the same for every repetition, so the node can tell a repeated call from a new one.
    """
    body = json.dumps(fulfillment_order, separators=(",", ":")).encode()
    timestamp = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }
    return Call(url, headers, body)
