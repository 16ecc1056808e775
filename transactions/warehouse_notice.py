"""Writes what a warehouse gets by X12: a 940 about its work, a 943 about goods that it is to expect."""

from datetime import datetime
from typing import Any

from database.connect import WriteConnection
from domain.network import Network, Node
from domain.stock import StockMessage
from formats.x12.partner import ONLY_SET
from nodes.dispatch import Document
from nodes.kinds import KINDS
from nodes.x12.stock_announcement import Announced, announcement
from transactions import x12_document


async def announce(connection: WriteConnection, network: Network, message: StockMessage, at: datetime) -> None:
    """Write the 943 about announced goods; nothing for a node that has no mailbox."""
    node = network.node(message.node)
    if not KINDS[node.dispatch.kind].uses_mailbox:
        return
    assert message.expected_at is not None
    goods = [_announced(network, sku, quantity) for sku, quantity in message.units.items()]
    one = announcement(message.message_id, goods, message.expected_at, node.id, node.settings["profile"], ONLY_SET)
    await x12_document.write(connection, node.settings["agreed"], one, f"943 {message.message_id}", at)


def _announced(network: Network, sku: str, quantity: int) -> Announced:
    item = network.item(sku)
    return Announced(sku, quantity, item.name, item.barcode or None)


async def ask(connection: WriteConnection, node: Node, message_id: str, document: dict[str, Any], at: datetime) -> str:
    """Write the 940 about a fulfillment order, whose order is locked; answers what was written, in words."""
    made = KINDS[node.dispatch.kind].call(node.settings, message_id, document, at)
    assert isinstance(made, Document), "its node has a mailbox"
    control = await x12_document.write(
        connection,
        node.settings["agreed"],
        made.one,
        message_id,
        at,
        order=document["order"],
        about=document["fulfillment_order"],
    )
    return f"{made.one.code} {control} was written for its mailbox"
