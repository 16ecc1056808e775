"""The mutations of the simulated shop: the arguments of each, what it does, and what its payload shows."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from demo.peers.shopify import work as verbs
from demo.peers.shopify.order_json import gid
from demo.peers.shopify.shop import Impossible, Shop
from demo.peers.shopify.state import Fulfillment, Location, Order, Work
from demo.peers.shopify.stock_views import View, instant, number
from demo.peers.shopify.views import Views, hold
from demo.peers.shopify.views import event as shown_event
from demo.peers.shopify.work import Refused
from domain.money import MINOR_DIGITS

Payload = Mapping[str, Any]
ACTIVATES_SINCE = "2026-10"


class Mutations:
    """All mutations that are played. Each raises `Refused` or `Impossible` for what becomes a user error."""

    def __init__(self, shop: Shop, views: Views, version: str, may_ship: Callable[[Work], bool]) -> None:
        """`may_ship`: whether the scopes of the app allow to act for the location of a fulfillment order."""
        self.shop = shop
        self.views = views
        self.version = version
        self.may_ship = may_ship

    def fulfillmentCreate(self, fulfillment: Mapping[str, Any], message: str | None = None) -> Payload:
        """Units leave."""
        given = {**fulfillment, "lineItemsByFulfillmentOrder": [
            {"fulfillmentOrderId": number(one["fulfillmentOrderId"]),
             "fulfillmentOrderLineItems": _lines(one.get("fulfillmentOrderLineItems"))}
            for one in fulfillment["lineItemsByFulfillmentOrder"]
        ]}  # fmt: skip
        return {"fulfillment": self.views.fulfillment(verbs.fulfill(self.shop, given, self.may_ship))}

    def fulfillmentCancel(self, id: str) -> Payload:
        """Units did not leave."""
        made = self._fulfillment(id)
        verbs.cancel_fulfillment(self.shop, made)
        return {"fulfillment": self.views.fulfillment(made)}

    def fulfillmentTrackingInfoUpdate(
        self,
        fulfillmentId: str,
        trackingInfoInput: Mapping[str, Any],
        notifyCustomer: bool | None = None,
    ) -> Payload:
        """Other tracking numbers."""
        made = self._fulfillment(fulfillmentId)
        verbs.correct_tracking(self.shop, made, trackingInfoInput)
        return {"fulfillment": self.views.fulfillment(made)}

    def fulfillmentEventCreate(self, fulfillmentEvent: Mapping[str, Any]) -> Payload:
        """News of what left."""
        made = self._fulfillment(fulfillmentEvent["fulfillmentId"])
        return {"fulfillmentEvent": shown_event(verbs.report(self.shop, made, fulfillmentEvent))}

    def fulfillmentOrderAcceptFulfillmentRequest(self, id: str, **_: Any) -> Payload:
        """The service takes work on."""
        return self._on_work(id, verbs.accept)

    def fulfillmentOrderRejectFulfillmentRequest(self, id: str, **_: Any) -> Payload:
        """The service does not take work on."""
        return self._on_work(id, verbs.reject)

    def fulfillmentOrderAcceptCancellationRequest(self, id: str, **_: Any) -> Payload:
        """The service stops."""
        return self._on_work(id, verbs.accept_cancellation)

    def fulfillmentOrderRejectCancellationRequest(self, id: str, **_: Any) -> Payload:
        """The service goes on."""
        return self._on_work(id, verbs.reject_cancellation)

    def fulfillmentOrderClose(self, id: str, **_: Any) -> Payload:
        """The service cannot ship the rest."""
        return self._on_work(id, verbs.close)

    def fulfillmentOrderCancel(self, id: str) -> Payload:
        """Work is taken back."""
        work = self._work(id)
        replacement = verbs.cancel(self.shop, work)
        shown = self.views.work(replacement) if replacement else None
        return {"fulfillmentOrder": self.views.work(work), "replacementFulfillmentOrder": shown}

    def fulfillmentOrderSubmitFulfillmentRequest(self, id: str, message: str | None = None, **_: Any) -> Payload:
        """The merchant asks a service to ship; with lines it is not played."""
        work = self._work(id)
        self.shop.request_fulfillment(work, message)
        shown = self.views.work(work)
        return {"originalFulfillmentOrder": shown, "submittedFulfillmentOrder": shown}

    def fulfillmentOrderSubmitCancellationRequest(self, id: str, message: str | None = None) -> Payload:
        """The merchant asks a service to stop."""
        self.shop.request_cancellation(self._work(id), message)
        return {"fulfillmentOrder": self.views.work(self._work(id))}

    def fulfillmentOrderMove(
        self,
        id: str,
        newLocationId: str,
        fulfillmentOrderLineItems: Sequence[Any] | None = None,
    ) -> Payload:
        """Work goes to another location."""
        work, target = self._work(id), self._location(newLocationId)
        moved, stays = verbs.move(self.shop, work, target, _lines(fulfillmentOrderLineItems))
        return {
            "movedFulfillmentOrder": self.views.work(moved),
            "originalFulfillmentOrder": self.views.work(work),
            "remainingFulfillmentOrder": self.views.work(stays) if stays else None,
        }

    def fulfillmentOrderSplit(self, fulfillmentOrderSplits: Sequence[Mapping[str, Any]]) -> Payload:
        """Work is divided."""
        results = []
        for one in fulfillmentOrderSplits:
            work = self._work(one["fulfillmentOrderId"])
            stays, new = verbs.split(self.shop, work, _lines(one["fulfillmentOrderLineItems"]) or [])
            shown = {"fulfillmentOrder": self.views.work(stays), "remainingFulfillmentOrder": self.views.work(new)}
            results.append({**shown, "replacementFulfillmentOrder": None})
        return {"fulfillmentOrderSplits": results}

    def fulfillmentOrderHold(self, id: str, fulfillmentHold: Mapping[str, Any]) -> Payload:
        """Work may not begin."""
        work = self._work(id)
        made = verbs.hold(self.shop, work, fulfillmentHold)
        return {"fulfillmentHold": hold(made), "fulfillmentOrder": self.views.work(work)}

    def fulfillmentOrderReleaseHold(
        self,
        id: str,
        holdIds: Sequence[str] | None = None,
        externalId: str | None = None,
    ) -> Payload:
        """Work may begin."""
        verbs.release_hold(self.shop, self._work(id), [number(one) for one in holdIds] if holdIds else None)
        return {"fulfillmentOrder": self.views.work(self._work(id))}

    def fulfillmentOrderLineItemsPreparedForPickup(self, input: Mapping[str, Any]) -> Payload:
        """Units wait for the customer."""
        for one in input["lineItemsByFulfillmentOrder"]:
            self._work(one["fulfillmentOrderId"]).is_prepared = True
        return {}

    def fulfillmentServiceCreate(self, name: str, **_: Any) -> Payload:
        """A new location whose work is ours."""
        handle = name.lower().replace(" ", "-")
        if any(location.service == handle for location in self.shop.locations.values()):
            raise Refused("Name has already been taken", "name")
        return {"fulfillmentService": self.views.service(self.shop.add_location(name, handle))}

    def inventoryActivate(
        self,
        inventoryItemId: str,
        locationId: str,
        available: int | None = None,
        **_: Any,
    ) -> Payload:
        """An item is kept at a location."""
        item = next((one for one in self.shop.items.values() if one.inventory_item == number(inventoryItemId)), None)
        if item is None:
            raise Refused("The inventory item could not be found.", "inventoryItemId")
        location = self._location(locationId)
        verbs.activate(self.shop, item.inventory_item, location, available)
        return {"inventoryLevel": self.views.level(item, location.id)}

    def inventorySetQuantities(self, input: Mapping[str, Any]) -> Payload:
        """Stock levels are set."""
        rows = [
            row | {"inventoryItemId": number(row["inventoryItemId"]), "locationId": number(row["locationId"])}
            for row in input["quantities"]
        ]
        activates = self.version >= ACTIVATES_SINCE
        changes = verbs.set_quantities(self.shop, {**input, "quantities": rows}, activates=activates)
        group = {
            "id": gid("InventoryAdjustmentGroup", self.shop.new_id()),
            "createdAt": instant(self.shop.now()),
            "reason": input["reason"],
            "referenceDocumentUri": input.get("referenceDocumentUri"),
            "changes": lambda **_: [self._change(change) for change in changes],
        }
        return {"inventoryAdjustmentGroup": group}

    def orderCancel(self, orderId: str, reason: str, restock: bool, **_: Any) -> Payload:
        """The order is cancelled."""
        self.shop.cancel(self._order(orderId), reason, restock=restock)
        return {"orderCancelUserErrors": []}

    def refundCreate(self, input: Mapping[str, Any]) -> Payload:
        """Money goes back; the units of one refund are restocked in one way."""
        order = self._order(input["orderId"])
        rows = input.get("refundLineItems") or []
        ways = {row.get("restockType") or "NO_RESTOCK" for row in rows} or {"NO_RESTOCK"}
        units = {number(row["lineItemId"]): row["quantity"] for row in rows}
        if len(ways) > 1 or not all(any(line.id == one for line in order.lines) for one in units):
            raise Refused("The simulated shop restocks all units of a refund in one way.", "input", "refundLineItems")
        parts = input.get("transactions")
        paid = None if parts is None else sum((Decimal(part["amount"]) for part in parts), Decimal(0))
        amount = None if paid is None else int(paid.scaleb(MINOR_DIGITS[order.currency]))
        made = self.shop.refund(order, units, ways.pop(), input.get("note"), amount)
        return {"refund": self.views.refund(order, made), "order": self.views.order(order)}

    def webhookSubscriptionCreate(self, topic: str, webhookSubscription: Mapping[str, Any]) -> Payload:
        """Somebody wants to be notified of a topic."""
        uri = webhookSubscription.get("uri") or webhookSubscription.get("callbackUrl") or ""
        if not uri:
            raise Refused("Address can't be blank", "webhookSubscription", "callbackUrl")
        if any((one.topic, one.uri) == (topic, uri) for one in self.shop.webhooks.subscriptions.values()):
            raise Refused("Address for this topic has already been taken", "webhookSubscription", "callbackUrl")
        made = self.shop.webhooks.subscribe(self.shop.new_id(), topic, uri)
        return {"webhookSubscription": self.views.subscription(made)}

    def webhookSubscriptionDelete(self, id: str) -> Payload:
        """Somebody does not want to be notified any more."""
        if self.shop.webhooks.subscriptions.pop(number(id), None) is None:
            raise Refused("Webhook subscription does not exist", "id")
        return {"deletedWebhookSubscriptionId": id}

    def _on_work(self, identifier: str, verb: Callable[[Shop, Work], None]) -> Payload:
        work = self._work(identifier)
        verb(self.shop, work)
        return {"fulfillmentOrder": self.views.work(work)}

    def _change(self, change: Mapping[str, Any]) -> View:
        item = next(one for one in self.shop.items.values() if one.inventory_item == change["item"])
        return {
            "name": change["name"],
            "delta": change["delta"],
            "quantityAfterChange": change["after"],
            "item": self.views.inventory_item(item),
            "location": self.views.location(self.shop.locations[change["location"]]),
        }

    def _work(self, identifier: str) -> Work:
        work = self.shop.works.get(number(identifier))
        if work is None or not self.may_ship(work):
            raise Refused("Fulfillment order does not exist.", "id")
        return work

    def _fulfillment(self, identifier: str) -> Fulfillment:
        if number(identifier) not in self.shop.fulfillments:
            raise Refused("Fulfillment does not exist.", "id")
        return self.shop.fulfillments[number(identifier)]

    def _order(self, identifier: str) -> Order:
        if number(identifier) not in self.shop.orders:
            raise Refused("Order does not exist", "orderId")
        return self.shop.orders[number(identifier)]

    def _location(self, identifier: str) -> Location:
        if number(identifier) not in self.shop.locations:
            raise Refused("The specified location could not be found.", "locationId")
        return self.shop.locations[number(identifier)]


def user_error(error: Refused | Impossible) -> Mapping[str, Any]:
    """What a payload says of a refusal."""
    if isinstance(error, Refused):
        return {"field": error.field, "message": error.message, "code": error.code}
    return {"field": None, "message": str(error), "code": None}


def _lines(lines: Sequence[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    return None if lines is None else [{"id": number(one["id"]), "quantity": one["quantity"]} for one in lines]
