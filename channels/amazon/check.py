"""Looks whether orders of Amazon can flow, and says what the app lacks to the seller, with the place to click."""

from collections.abc import Sequence
from datetime import UTC, datetime

from channels.amazon.amazon_order import AmazonOrder
from channels.amazon.poll import poll
from channels.channel import Catalogue, Checked, Conversation, Finding, Message, Misfit, Settings
from channels.given import fitting, parsed

ROLES = {
    "Inventory and Order Tracking": "read orders, and confirm shipments",
    "Direct-to-Consumer Delivery (Restricted)": "see the name, the street and the phone number that a parcel goes to",
    "Tax Invoicing (Restricted)": "see the buyer's name and company; most sellers do without",
}
"""The roles that the app asks for, and what for."""

IN_SELLER_CENTRAL = "In Seller Central (Apps and Services, Develop Apps), edit the app"
NAMED_MOST = 20
"""How many items a finding names; it counts the others."""


def check(settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
    """What was found in the orders of the last thirty days; and since when the connection is made. It takes one search."""
    begun = settings.kept.get("connected_at") or at.astimezone(UTC).isoformat()
    page = yield from poll(settings, {}, at)
    orders = [order for message in page.messages if (order := _order(message)) is not None]
    findings = [*_address(orders), *_buyer(orders), *_items(catalogue, orders)]
    if not orders:
        findings.append(
            Finding(
                False, "No order of the last thirty days: whether names and streets are shown, the first order will say"
            )
        )
    return Checked(findings, dict(settings.kept) | {"connected_at": begun})


def _order(message: Message) -> AmazonOrder | None:
    try:
        return fitting(AmazonOrder, parsed(message.body))
    except Misfit:
        return None


def _address(orders: Sequence[AmazonOrder]) -> list[Finding]:
    """Whether an order that is to be shipped shows where to."""
    waiting = [order for order in orders if order.status in ("UNSHIPPED", "PARTIALLY_SHIPPED")]
    shown = [order.recipient.deliveryAddress for order in waiting if order.recipient]
    lacking = [
        part
        for part, are_there in (
            ("name", any(address and address.name for address in shown)),
            ("street", any(address and address.addressLine1 for address in shown)),
            ("postal code", any(address and address.postalCode for address in shown)),
        )
        if waiting and not are_there
    ]
    if not lacking:
        return []
    return [
        Finding(
            True,
            f"Orders show no {', no '.join(lacking)}: the app lacks the role Direct-to-Consumer Delivery (Restricted). "
            f"{IN_SELLER_CENTRAL}, tick it, answer Amazon's questions about personal data, authorize the app again, and run "
            "`connect` with the new refresh token. Until then every order waits on the hold `address`",
        )
    ]


def _buyer(orders: Sequence[AmazonOrder]) -> list[Finding]:
    if not orders or any(order.buyer and order.buyer.buyerName for order in orders):
        return []
    return [Finding(False, "Buyers' names are not shown: that needs a role for taxes, and parcels do without")]


def _items(catalogue: Catalogue, orders: Sequence[AmazonOrder]) -> list[Finding]:
    """The items of these orders that nobody knows here."""
    sold = {item.product.sellerSku: item.product.asin for order in orders for item in order.orderItems}
    unknown = sorted(
        sku or asin for sku, asin in sold.items() if not (catalogue.item("sku", sku) or catalogue.item("variant", asin))
    )
    if not unknown:
        return []
    more = f" and {len(unknown) - NAMED_MOST} more" if len(unknown) > NAMED_MOST else ""
    return [
        Finding(False, f"Not mapped: {', '.join(unknown[:NAMED_MOST])}{more}. Name them in items.csv or aliases.csv")
    ]
