"""Nodes that are called by signed webhooks (Standard Webhooks)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.network import Dispatch
from formats.standard_webhooks import signed_headers
from nodes.dispatch import Call, Key, mistake_of_url


class Webhook:
    """The node gets a call with the fulfillment order as JSON, signed with the node's `secret`."""

    dispatch = Dispatch("webhook", is_called=True, asks_before_cancel=True)
    uses_mailbox = False
    keys = (Key("url", mistake_of_url), Key("secret"))

    def call(
        self, settings: Mapping[str, Any], message_id: str, fulfillment_order: Mapping[str, Any], at: datetime
    ) -> Call:
        """The document with its signature."""
        body = json.dumps(fulfillment_order, separators=(",", ":")).encode()
        return Call(settings["url"], signed_headers([settings["secret"]], message_id, at, body), body)
