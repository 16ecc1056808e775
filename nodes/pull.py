"""Nodes that poll for their work (`GET /fulfillment-orders`): nothing is called."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.network import Dispatch


class Pull:
    """The node polls. Before it accepts work it has not begun it, so a cancel needs no request to the node."""

    dispatch = Dispatch("pull", is_called=False, asks_before_cancel=False)
    uses_mailbox = False
    keys = ()

    def call(
        self, settings: Mapping[str, Any], message_id: str, fulfillment_order: Mapping[str, Any], at: datetime
    ) -> None:
        """None: the node is never called."""
