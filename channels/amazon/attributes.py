"""What Amazon says of an order or an item that the order document has no field for; customers, nodes and rules may need it."""

from collections.abc import Iterable, Iterator

from channels.amazon.amazon_order import AmazonOrder, Associated, Item, Window
from channels.attributes import attributes
from channels.parcels import UNITS_OF_ONE


def of_order(order: AmazonOrder, level: str) -> dict[str, str]:
    """The attributes of the order; `level` is the service level that nobody has mapped."""
    return attributes(
        [
            ("marketplace", order.salesChannel.marketplaceName or order.salesChannel.marketplaceId),
            ("programs", " ".join(order.programs)),
            ("shipping", level),
            *_of_the_recipient(order),
            *_window("ship", order.fulfillment.shipByWindow, only_from=True),
            *_window("deliver", order.fulfillment.deliverByWindow, only_from=True),
            ("associated_orders", _associated(order.associatedOrders)),
            ("payment_methods", " ".join(one.paymentMethod for one in order.payment.paymentExecutions)),
            *_of_taxes(order),
        ]
    )


def _of_the_recipient(order: AmazonOrder) -> Iterator[tuple[str, object]]:
    if order.recipient is None:
        return
    if address := order.recipient.deliveryAddress:
        yield "address_type", address.addressType
    if preference := order.recipient.deliveryPreference:
        yield "delivery_time", preference.deliveryTime or ""
        yield "delivery_capabilities", " ".join(preference.deliveryCapabilities)


def _of_taxes(order: AmazonOrder) -> Iterator[tuple[str, object]]:
    for one in order.tax.taxRegistrations:
        kind = " ".join(filter(None, (one.entityType, one.taxRegistrationType)))
        yield "tax_registration", " ".join(filter(None, (kind, one.taxRegistrationNumber, one.legalName)))
    yield "invoicing", order.tax.taxInvoicing or ""


def of_item(item: Item, units: int) -> dict[str, str]:
    """The attributes of a line: what must be done when it is handed over, what customs need, how it is wrapped, what it is."""
    product, ship = item.product, item.fulfillment.shipping
    own = [
        (UNITS_OF_ONE, str(units) if units > 1 else ""),
        ("gift_wrap", item.fulfillment.packing.giftOption.giftWrapLevel),
        ("ioss_number", ship.internationalShipping.iossNumber),
        ("customized_url", product.customization.customizedUrl),
        ("programs", " ".join(item.programs)),
    ]
    constraints = [(f"constraint {name}", need) for name, need in sorted(ship.shippingConstraints.items())]
    condition = (product.condition.conditionType, product.condition.conditionSubtype)
    return attributes(
        [
            *constraints,
            *_window("deliver", ship.scheduledDeliveryWindow),
            ("serial_numbers", item.fulfillment.packing.serialNumberRequirement.requirementType),
            *_of_substitutes(item),
            ("measurement", item.measurement or ""),
            ("condition", " ".join(filter(None, condition))),
            ("condition_note", product.condition.conditionNote),
            ("asin", product.asin),
            ("price_designation", product.price.priceDesignation),
            ("promotions", " ".join(part.promotionId for part in item.promotion.breakdowns)),
            ("associated_orders", _associated(item.associatedOrderItems)),
        ],
        own,
    )


def _of_substitutes(item: Item) -> Iterator[tuple[str, object]]:
    preference = item.fulfillment.picking.substitutionPreference
    yield "substitution", preference.substitutionType
    yield "substitutes", list(preference.substitutionOptions) or ""


def _window(name: str, window: Window, *, only_from: bool = False) -> Iterator[tuple[str, str]]:
    """The begin of a period, and its end unless a field of the order has that."""
    if window.earliestDateTime:
        yield f"{name}_from", window.earliestDateTime.isoformat().replace("+00:00", "Z")
    if window.latestDateTime and not only_from:
        yield f"{name}_until", window.latestDateTime.isoformat().replace("+00:00", "Z")


def _associated(orders: Iterable[Associated]) -> str:
    return ", ".join(" ".join(filter(None, (one.associationType, one.orderId))) for one in orders)
