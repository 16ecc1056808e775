"""Warehouses that are reached by X12: they get each fulfillment order as a 940, and answer by 997 and 945."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.network import Dispatch
from formats.x12.partner import ONLY_SET
from nodes.dispatch import Document, Key
from nodes.x12.shipping_order import shipping_order


class Edi940:
    """The node gets files. One that was given a 940 may have begun, so a cancel is always a request: a 940 with W0501 F."""

    dispatch = Dispatch("edi940", is_called=True, asks_before_cancel=True)
    uses_mailbox = True
    keys = (Key("us"), Key("partner"), Key("drop"), Key("sftp"), Key("gs1_prefix"), Key("poll"))

    def call(
        self, settings: Mapping[str, Any], message_id: str, fulfillment_order: Mapping[str, Any], at: datetime
    ) -> Document:
        """The 940: new, changed or cancelled, as the fulfillment order is now."""
        return Document(shipping_order(fulfillment_order, settings["profile"], ONLY_SET))
