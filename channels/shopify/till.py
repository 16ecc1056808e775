"""What was sold at a till and handed over there: no order of ours, and gone from the stock of the location's node."""

from collections import Counter
from datetime import datetime

from channels.channel import Catalogue, Settings
from channels.shopify.item import item_of
from channels.shopify.location import locations, node_of
from channels.shopify.shop_order import RETURNED, ShopOrder


def is_only_of_the_till(order: ShopOrder) -> bool:
    """Whether it was sold and handed over at the till."""
    return order.source == "pos" and order.ship_to is None and order.pickup_location is None


def sold_there(settings: Settings, catalogue: Catalogue, order: ShopOrder) -> dict[str, dict[str, int]]:
    """By node of the shop's locations, the units by SKU that a till handed over there, less those that came back there.

    None of orders from before the connection: the first count of a node knows them. Items that nobody knows have no stock.
    """
    nodes = locations(settings)
    if not nodes or not settings.entry.get("till_sales", True) or not is_only_of_the_till(order):
        return {}
    if order.created_at < datetime.fromisoformat(settings.kept["connected_at"]):
        return {}
    units = Counter[tuple[str | None, str]]()
    for fulfillment in order.fulfillments:
        node = node_of(settings, fulfillment.location or "")
        units.update({(node, line): quantity for line, quantity in fulfillment.units.items()})
    for refund in (refund for refund in order.refunds if refund.restock == RETURNED):
        units[node_of(settings, refund.location or ""), refund.line] -= refund.units
    found = {node: Counter[str]() for node in nodes}
    for line in (line for line in order.lines if line.is_goods):
        if item := item_of(catalogue, line):
            for node in nodes:
                found[node][item.sku] += units[node, line.id] * item.units
    return {node: {sku: quantity for sku, quantity in of_node.items() if quantity} for node, of_node in found.items()}
