"""Writes what a warehouse gets by X12: a 940 about its work, a 943 about goods that it is to expect."""

from datetime import datetime
from typing import Any

from database import incoming
from database import x12_document as statements
from database.connect import ReadConnection, WriteConnection
from domain import identifiers
from domain.fulfillment import FulfillmentOrder
from domain.network import Network, Node
from domain.stock import StockMessage
from domain.transfer import NOTHING, cargo, expected_at
from formats.x12.partner import ONLY_SET
from nodes.dispatch import Document
from nodes.kinds import KINDS
from nodes.x12.shipping_order import order_number
from nodes.x12.stock_announcement import Announced, announcement
from nodes.x12.stock_reports import Announcements
from transactions import x12_document

ANNOUNCED = "943 "
"""What the key of an announcement begins with; its number follows."""


async def announce(connection: WriteConnection, network: Network, message: StockMessage, at: datetime) -> None:
    """Write the 943 about announced goods; nothing for a node that has no mailbox."""
    node = network.node(message.node)
    if not KINDS[node.dispatch.kind].uses_mailbox:
        return
    assert message.expected_at is not None
    goods = [_announced(network, sku, quantity) for sku, quantity in message.units.items()]
    one = announcement(message.message_id, goods, message.expected_at, node.id, node.settings["profile"], ONLY_SET)
    await x12_document.write(connection, node.settings["agreed"], one, f"{ANNOUNCED}{message.message_id}", at)


async def announce_transfer(
    connection: WriteConnection, network: Network, before: FulfillmentOrder, after: FulfillmentOrder, at: datetime
) -> None:
    """Write the 943 about units of a transfer that have left since `before`; nothing for a destination that has no mailbox.

    Its key is the number that the 944 answers: of the first units the fulfillment order's, of later ones with how many have
    left by then behind it. The transfer is locked.
    """
    node = network.nodes.get(after.to_node or "")
    if node is None or not KINDS[node.dispatch.kind].uses_mailbox:
        return
    was, now = cargo(before), cargo(after)
    left = {sku: one.quantity - was.get(sku, NOTHING).quantity for sku, one in now.items()}
    goods = [_announced(network, sku, quantity) for sku, quantity in sorted(left.items()) if quantity > 0]
    if not goods:
        return
    is_first = not any(one.quantity for one in was.values())
    total = sum(one.quantity for one in now.values())
    name = after.fulfillment_order if is_first else f"{after.fulfillment_order}.{total}"
    one = announcement(name, goods, expected_at(after), node.id, node.settings["profile"], ONLY_SET)
    key, about = f"{ANNOUNCED}{name}", after.fulfillment_order
    await x12_document.write(connection, node.settings["agreed"], one, key, at, order=after.order, about=about)


async def announcements(connection: ReadConnection, node: str) -> Announcements:
    """What a warehouse was sent 943s about."""
    messages = await incoming.message_ids(connection, node)
    transfers = await statements.keys_about(connection, node, "943")
    return Announcements(
        {order_number(name).lower(): name for name in messages},
        {order_number(key.removeprefix(ANNOUNCED)).lower(): identifiers.transfer_of(about) for key, about in transfers},
    )


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
