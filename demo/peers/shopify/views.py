"""What GraphQL shows of the simulated shop: a mapping for each object; nested objects are made when they are asked for."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from demo.peers.shopify.order_json import PERSONAL, gid, money, total_discount, totals
from demo.peers.shopify.shop import Shop
from demo.peers.shopify.state import (
    Address,
    Event,
    Fulfillment,
    Hold,
    Line,
    Location,
    Order,
    Refund,
    RefundLine,
    Work,
    WorkLine,
)
from demo.peers.shopify.stock_views import StockViews, View, connection, instant, listed, place_of

TOOK_MONEY = ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")
"""The payment statuses of an order whose customer has paid."""


class Views(StockViews):
    """The views of one shop, as one app may see it."""

    def __init__(self, shop: Shop, may_see: Callable[[Work], bool]) -> None:
        """`may_see`: which fulfillment orders the scopes of the app show."""
        super().__init__(shop)
        self.may_see = may_see

    def order(self, order: Order) -> View:
        """An order."""
        now = totals(order)
        bag = partial(money_bag, order)
        return {
            "__typename": "Order",
            "id": gid("Order", order.id),
            "legacyResourceId": order.id,
            "name": order.name,
            "number": order.number,
            "createdAt": instant(order.created_at),
            "processedAt": instant(order.created_at),
            "updatedAt": instant(order.updated_at),
            "cancelledAt": instant(order.cancelled_at),
            "cancelReason": order.cancel_reason,
            "closed": order.closed_at is not None,
            "closedAt": instant(order.closed_at),
            "confirmed": True,
            "edited": order.is_edited,
            "test": order.is_test,
            "email": order.email if self.shop.shows_people else None,
            "phone": None,
            "note": order.note,
            "poNumber": None,
            "discountCodes": [],
            "paymentGatewayNames": [],
            "tags": list(order.tags),
            "sourceName": order.source,
            "currencyCode": order.currency,
            "presentmentCurrencyCode": (order.presentment or (order.currency,))[0],
            "taxesIncluded": order.taxes_included,
            "requiresShipping": any(line.requires_shipping for line in order.lines),
            "displayFinancialStatus": order.paid,
            "displayFulfillmentStatus": order.fulfillment_status,
            "customAttributes": [{"key": key, "value": value} for key, value in order.attributes.items()],
            "customer": lambda: self.customer(order),
            "shippingAddress": lambda: self.address(order.ship_to),
            "billingAddress": lambda: self.address(order.bill_to),
            "lineItems": lambda **given: connection(order.lines, partial(self.line, order), given),
            "shippingLine": lambda: next(iter(self.shipping(order)), None),
            "shippingLines": lambda **given: {
                "edges": [{"cursor": "1", "node": one} for one in self.shipping(order)],
                "nodes": self.shipping(order),
                "pageInfo": connection([], dict, given)["pageInfo"],
            },
            "fulfillments": lambda first=None, **_: [self.fulfillment(one) for one in order.fulfillments[:first]],
            "fulfillmentOrders": lambda **given: self.works(order.works, given),
            "refunds": lambda first=None: [self.refund(order, one) for one in order.refunds[:first]],
            "returns": lambda **given: connection([], dict, given),
            "transactions": lambda first=None, **_: self.transactions(order)[:first],
            "currentSubtotalPriceSet": bag(now["subtotal"]),
            "currentTotalDiscountsSet": bag(now["discounts"]),
            "currentTotalTaxSet": bag(now["tax"]),
            "currentTotalPriceSet": bag(now["total"]),
            "currentShippingPriceSet": bag(order.shipping_price),
            "totalShippingPriceSet": bag(order.shipping_price),
            "taxLines": taxes(order, order.tax),
            "totalDiscountsSet": bag(total_discount(order)),
            "totalTaxSet": bag(sum(line.tax for line in order.lines) + order.tax),
            "totalPriceSet": bag(
                sum(line.price * line.quantity for line in order.lines) - total_discount(order) + order.shipping_price
            ),
            "totalReceivedSet": bag(now["total"] if order.paid == "PAID" else 0),
            "totalRefundedSet": bag(sum(refund.amount for refund in order.refunds)),
        }

    def works(self, works: Iterable[Work], given: Mapping[str, Any]) -> View:
        """Those fulfillment orders that the app may see."""
        return connection([work for work in works if self.may_see(work)], self.work, given)

    def line(self, order: Order, line: Line) -> View:
        """A line of an order."""
        bag = partial(money_bag, order)
        each = line.price - line.discount // line.quantity
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", line.id),
            "name": line.title,
            "title": line.title,
            "variantTitle": None,
            "vendor": None,
            "sku": line.sku,
            "quantity": line.quantity,
            "currentQuantity": line.current,
            "fulfillableQuantity": line.fulfillable,
            "unfulfilledQuantity": line.fulfillable,
            "nonFulfillableQuantity": 0,
            "refundableQuantity": line.current,
            "requiresShipping": line.requires_shipping,
            "isGiftCard": line.is_gift_card,
            "taxable": True,
            "customAttributes": [{"key": key, "value": value} for key, value in line.properties.items()],
            "variant": lambda: self.variant(line.item) if line.item else None,
            "product": lambda: self.product(line.item) if line.item else None,
            "originalUnitPriceSet": bag(line.price),
            "discountedUnitPriceSet": bag(each),
            "discountedTotalSet": lambda **_: bag(line.price * line.quantity - line.discount),
            "totalDiscountSet": bag(line.discount),
            "discountAllocations": [{"allocatedAmountSet": bag(line.discount)}] if line.discount else [],
            "taxLines": lambda first=None: taxes(order, line.tax)[:first],
        }

    def shipping(self, order: Order) -> list[View]:
        """How an order is shipped: nothing for one that was sold at the till."""
        if order.shipping_title is None:
            return []
        price = money_bag(order, order.shipping_price)
        named = {"id": gid("ShippingLine", order.id + 2), "title": order.shipping_title, "code": order.shipping_title}
        priced = {"originalPriceSet": price, "discountedPriceSet": price, "currentDiscountedPriceSet": price}
        return [
            {
                **named,
                **priced,
                "source": "shopify",
                "deliveryCategory": None,
                "taxLines": [],
                "discountAllocations": [],
            }
        ]

    def customer(self, order: Order) -> View | None:
        """Who bought."""
        if order.email is None:
            return None
        who = (order.ship_to or {}) if self.shop.shows_people else {}
        names = [who.get("first_name"), who.get("last_name")]
        return {
            "id": gid("Customer", order.id + 1),
            "firstName": names[0],
            "lastName": names[1],
            "displayName": " ".join(filter(None, names)),
            "email": order.email if self.shop.shows_people else None,
            "phone": None,
        }

    def address(self, address: Address | None) -> View | None:
        """An address, without what is personal where the shop's plan hides that."""
        if address is None:
            return None
        seen = {**address, **({} if self.shop.shows_people else dict.fromkeys(PERSONAL))}
        return {
            "id": gid("MailingAddress", 1),
            "firstName": seen.get("first_name"),
            "lastName": seen.get("last_name"),
            "name": " ".join(filter(None, [seen.get("first_name"), seen.get("last_name")])) or None,
            "company": seen.get("company"),
            "address1": seen.get("address1"),
            "address2": seen.get("address2"),
            "city": seen.get("city"),
            "province": seen.get("province"),
            "provinceCode": seen.get("province_code"),
            "zip": seen.get("zip"),
            "country": seen.get("country"),
            "countryCodeV2": seen.get("country_code"),
            "countryCode": seen.get("country_code"),
            "phone": seen.get("phone"),
            "latitude": seen.get("latitude"),
            "longitude": seen.get("longitude"),
        }

    def work(self, work: Work) -> View:
        """A fulfillment order."""
        at = {"location": lambda: self.location(work.location), "name": work.location.name}
        return {
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", work.id),
            "order": lambda: self.order(work.order),
            "orderId": gid("Order", work.order.id),
            "orderName": work.order.name,
            "orderProcessedAt": instant(work.order.created_at),
            "status": work.status,
            "requestStatus": work.request,
            "createdAt": instant(work.created_at),
            "updatedAt": instant(work.updated_at),
            "fulfillAt": None,
            "fulfillBy": None,
            "supportedActions": [{"action": action, "externalUrl": None} for action in actions(work)],
            "assignedLocation": {**place_of(work.location), **at},
            "destination": lambda: self.destination(work.order),
            "deliveryMethod": {"id": gid("DeliveryMethod", work.id + 1), "methodType": work.order.method},
            "lineItems": lambda **given: connection(work.lines, lambda one: self.work_line(work, one), given),
            "fulfillmentHolds": [hold(one) for one in work.holds],
            "fulfillments": lambda **given: connection(
                [one for one in work.order.fulfillments if work in one.works], self.fulfillment, given
            ),
            "merchantRequests": partial(_merchant_requests, work),
            "locationsForMove": lambda **given: connection(
                self.shop.locations.values(), lambda location: self.movable(work, location), given
            ),
        }

    def movable(self, work: Work, location: Location) -> View:
        """Whether a fulfillment order may go to a location."""
        can = location is not work.location and all(self.shop.stocked(one.line, location) for one in work.lines)
        return {
            "location": self.location(location),
            "movable": can,
            "message": None if can else "No items are stocked here.",
        }

    def work_line(self, work: Work, one: WorkLine) -> View:
        """A line of a fulfillment order."""
        return {
            "id": gid("FulfillmentOrderLineItem", one.id),
            "lineItem": lambda: self.line(work.order, one.line),
            "inventoryItemId": gid("InventoryItem", one.line.item.inventory_item) if one.line.item else None,
            "productTitle": one.line.title,
            "variantTitle": None,
            "sku": one.line.sku,
            "requiresShipping": one.line.requires_shipping,
            "totalQuantity": one.total,
            "remainingQuantity": one.remaining,
            "variant": lambda: self.variant(one.line.item) if one.line.item else None,
        }

    def destination(self, order: Order) -> View | None:
        """Where a fulfillment order goes."""
        address = self.address(order.ship_to)
        email = order.email if self.shop.shows_people else None
        return address and {**address, "email": email, "id": gid("FulfillmentOrderDestination", order.id + 3)}

    def fulfillment(self, made: Fulfillment) -> View:
        """Units that left together."""
        last = made.events[-1].status if made.events else "FULFILLED"
        delivered = next((one.happened_at for one in made.events if one.status == "DELIVERED"), None)
        return {
            "__typename": "Fulfillment",
            "id": gid("Fulfillment", made.id),
            "legacyResourceId": made.id,
            "name": made.name,
            "status": made.status,
            "displayStatus": "CANCELED" if made.status == "CANCELLED" else last,
            "createdAt": instant(made.created_at),
            "updatedAt": instant(made.updated_at),
            "deliveredAt": instant(delivered),
            "totalQuantity": sum(units for _, _, units in made.lines),
            "trackingInfo": lambda first=None: made.tracking[:first],
            "originAddress": {field: (made.origin or {}).get(field) for field in ORIGIN} if made.origin else None,
            "location": lambda: self.location(made.location),
            "order": lambda: self.order(made.order),
            "fulfillmentLineItems": lambda **given: listed(self.left(made), given),
            "fulfillmentOrders": lambda **given: connection(made.works, self.work, given),
            "events": lambda **given: connection(made.events, event, given),
        }

    def left(self, made: Fulfillment) -> list[View]:
        """The lines of what left."""
        return [
            {"id": gid("FulfillmentLineItem", id), "lineItem": self.line(made.order, part.line), "quantity": units}
            for id, part, units in made.lines
        ]

    def transactions(self, order: Order) -> list[View]:
        """What the customer paid when the order was placed, and what went back of it."""
        goods = sum(line.price * line.quantity for line in order.lines) - total_discount(order)
        tax = 0 if order.taxes_included else sum(line.tax for line in order.lines) + order.tax
        paid = goods + tax + order.shipping_price
        sale = self._transaction(order, order.id, "SALE", paid, None) if order.paid in TOOK_MONEY else None
        made = [self._transaction(order, one.id + 1, "REFUND", one.amount, sale) for one in order.refunds if one.amount]
        return [sale, *made] if sale else made

    def _transaction(self, order: Order, id: int, kind: str, minor: int, parent: View | None) -> View:
        return {
            "id": gid("OrderTransaction", id),
            "kind": kind,
            "status": "SUCCESS",
            "gateway": "bogus",
            "createdAt": instant(order.created_at),
            "amountSet": money_bag(order, minor),
            "parentTransaction": parent,
        }

    def refund_line(self, order: Order, one: RefundLine) -> View:
        """Units of a refund."""
        return {
            "id": gid("RefundLineItem", one.id),
            "lineItem": self.line(order, one.line),
            "location": self.location(one.location) if one.location else None,
            "quantity": one.quantity,
            "restockType": one.restock,
            "restocked": one.restock != "NO_RESTOCK",
            "priceSet": money_bag(order, one.line.price),
            "subtotalSet": money_bag(order, one.subtotal),
            "totalTaxSet": money_bag(order, one.tax),
        }

    def refund(self, order: Order, made: Refund) -> View:
        """Money that went back."""
        return {
            "id": gid("Refund", made.id),
            "legacyResourceId": made.id,
            "createdAt": instant(made.created_at),
            "updatedAt": instant(made.created_at),
            "note": made.note,
            "totalRefundedSet": money_bag(order, made.amount),
            "refundLineItems": lambda **given: connection(made.lines, partial(self.refund_line, order), given),
        }


ORIGIN = ("address1", "address2", "city", "countryCode", "provinceCode", "zip")


def taxes(order: Order, tax: int) -> list[View]:
    """The tax of a line, or what only the order as a whole has."""
    shown = {"title": "Tax", "rate": 0.06, "ratePercentage": 6.0, "priceSet": money_bag(order, tax)}
    return [shown] if tax else []


def money_bag(order: Order, minor: int) -> View:
    """An amount in both currencies, as GraphQL names them."""
    bag = money(order, minor)
    return {
        "shopMoney": _amount(bag["shop_money"]),
        "presentmentMoney": _amount(bag["presentment_money"]),
    }


def actions(work: Work) -> list[str]:
    """What may be done with a fulfillment order as it stands, as FulfillmentOrderAction."""
    at_service = work.location.service is not None
    match work.status, work.request:
        case "OPEN", "UNSUBMITTED" | "REJECTED" | "CANCELLATION_ACCEPTED":
            return ["REQUEST_FULFILLMENT" if at_service else "CREATE_FULFILLMENT", "MOVE", "HOLD", "SPLIT"]
        case "OPEN", "SUBMITTED":
            return ["CANCEL_FULFILLMENT_ORDER"]
        case "IN_PROGRESS", "ACCEPTED" | "CANCELLATION_REJECTED":
            return ["CREATE_FULFILLMENT", "REQUEST_CANCELLATION"]
        case "IN_PROGRESS", "CANCELLATION_REQUESTED":
            return ["CANCEL_FULFILLMENT_ORDER", "CREATE_FULFILLMENT"]
        case "IN_PROGRESS", _:
            return ["CREATE_FULFILLMENT", "MOVE", "SPLIT"]
        case "ON_HOLD", _:
            return ["RELEASE_HOLD", "MOVE"]
    return []


def hold(one: Hold) -> View:
    """A hold."""
    return {
        "id": gid("FulfillmentHold", one.id),
        "reason": one.reason,
        "displayReason": one.reason.replace("_", " ").capitalize(),
        "reasonNotes": one.notes,
        "handle": one.handle,
        "heldByRequestingApp": True,
    }


def event(one: Event) -> View:
    """News of a shipment."""
    at = one.happened_at
    return {
        "id": gid("FulfillmentEvent", one.id),
        "status": one.status,
        "happenedAt": instant(at),
        "message": one.message,
    }


def _amount(shown: Mapping[str, str]) -> View:
    return {"amount": shown["amount"], "currencyCode": shown["currency_code"]}


def _merchant_requests(work: Work, kind: str | None = None, **given: Any) -> View:
    return connection([one for one in work.requests if kind in (None, one.kind)], _merchant_request, given)


def _merchant_request(one: Any) -> View:
    return {
        "id": gid("FulfillmentOrderMerchantRequest", one.id),
        "kind": one.kind,
        "message": one.message,
        "sentAt": instant(one.sent_at),
        "requestOptions": dict(one.options),
    }
