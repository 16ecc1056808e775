"""Which item of ours a line of the shop's order is."""

from channels.channel import Catalogue, Units
from channels.shopify.shop_order import ShopLine


def item_of(catalogue: Catalogue, line: ShopLine) -> Units | None:
    """By its variant, else by its SKU; None = nobody knows it."""
    external = line.sku.strip()
    item = catalogue.item("variant", line.variant) if line.variant else None
    return item or (catalogue.item("sku", external) if external else None)
