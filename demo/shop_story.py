"""The story's orders of a Shopify shop: one that is just bought, one that is edited, one that is cancelled.

They are placed at the simulated shop; the orders are in `examples/shop/`.
"""

from demo.chapter import Chapter
from demo.shop_scenario import ShopScenario


async def bought_at_the_shop(scenario: ShopScenario) -> None:
    """A customer buys at a Shopify shop; what Newark ships is a fulfillment there."""
    scenario.tell(f"{scenario.name} of the shop came by webhook: nwk ships, and the shop shows the parcel")
    await scenario.fulfill("nwk")


async def edited_at_the_shop(scenario: ShopScenario) -> None:
    """The merchant takes one of three units out of the order before Newark has accepted it."""
    await scenario.work_at("nwk")
    await scenario.set_quantity(2)
    order = await scenario.until("a unit is cancelled", lambda order: bool(order["lines"][0]["cancelled"] == 1))
    attempt = max(work["attempt"] for work in order["fulfillment_orders"])
    scenario.tell(f"{scenario.name} was edited in the shop, three units to two: nwk ships two")
    await scenario.fulfill("nwk", attempt)


async def cancelled_at_the_shop(scenario: ShopScenario) -> None:
    """The merchant cancels before Newark has accepted: nothing leaves, and the stock is free again."""
    await scenario.work_at("nwk")
    await scenario.cancel()
    await scenario.until("it is cancelled", lambda order: bool(order["status"] == "cancelled"))
    scenario.tell(f"{scenario.name} was cancelled in the shop before nwk had accepted: nothing is held any more")


SHOP_STORY = (
    Chapter("shop-order", "Shopify: bought at the shop", bought_at_the_shop, {"nwk": 2}),
    Chapter("shop-edited", "Shopify: edited at the shop", edited_at_the_shop, {"nwk": 2}),
    Chapter("shop-cancelled", "Shopify: cancelled at the shop", cancelled_at_the_shop, ends="cancelled"),
)
