"""A shop in memory that answers the documents of our conversations, as far as fulfillment and stock go, and keeps what they do.

Every request is checked with Shopify's schema: its document, and the shape of its variables.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values

from channels.channel import Answer, NoAnswer, Request
from tests import shopify_schema
from tests.channels.shopify_orders import LOCATION, ORDER

Result = TypeVar("Result")

MERCHANT = "905684977"
"""A location of the shop's own people."""

EMPTY = {"hasNextPage": False, "endCursor": None}


@dataclass
class Shop:
    """One order of a shop, and its stock."""

    work: list[dict[str, Any]] = field(default_factory=list)
    fulfillments: list[dict[str, Any]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    """The mutations that were done, by their operation's name, with what they are about."""
    fault: Callable[[int], str | None] = lambda _: None
    """What goes wrong at the n-th request: `before` (nothing is done), `after` (all is done, and no answer comes)."""
    refuses: dict[str, str] = field(default_factory=dict)
    """By operation, the error that it gets."""
    throttled: int = 0
    """How many requests are throttled."""
    requests: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    """By operation, fixed data."""
    levels: dict[str, int] = field(default_factory=dict)
    """By SKU, what can be sold at our location; a SKU that is missing is not stocked there."""
    skus: tuple[str, ...] = ()
    locations: set[str] = field(default_factory=set)
    """Those whose levels were read or set."""
    before_setting: Callable[["Shop"], None] = lambda _: None
    """What happens in the shop just before levels are set."""
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add_work(self, units: dict[str, int], location: str = LOCATION, **more: Any) -> dict[str, Any]:
        """A fulfillment order."""
        actions = (
            ["CREATE_FULFILLMENT", "REQUEST_FULFILLMENT"] if location == LOCATION else ["CREATE_FULFILLMENT", "MOVE"]
        )
        made = {
            "id": f"gid://shopify/FulfillmentOrder/{next(self.numbers)}",
            "status": "OPEN",
            "requestStatus": "UNSUBMITTED",
            "assignedLocation": {
                "countryCode": "DE",
                "location": {"id": f"gid://shopify/Location/{location}", "isFulfillmentService": location == LOCATION},
            },
            "deliveryMethod": {"methodType": "SHIPPING"},
            "fulfillmentHolds": [],
            "supportedActions": [{"action": action} for action in actions],
            "lineItems": {
                "nodes": [
                    {
                        "id": f"gid://shopify/FulfillmentOrderLineItem/{next(self.numbers)}",
                        "totalQuantity": quantity,
                        "remainingQuantity": quantity,
                        "lineItem": {"id": f"gid://shopify/LineItem/{line}"},
                    }
                    for line, quantity in units.items()
                ],
                "pageInfo": EMPTY,
            },
        } | more
        self.work.append(made)
        return made

    def answer(self, request: Request) -> Answer:
        """What the shop answers. Raises `NoAnswer` as `fault` wants."""
        self.requests += 1
        fault = self.fault(self.requests)
        if fault == "before":
            raise NoAnswer
        content = self._content(json.loads(request.body))
        if fault == "after":
            raise NoAnswer
        return Answer(200, {}, json.dumps(content).encode())

    def _content(self, asked: dict[str, Any]) -> dict[str, Any]:
        document, variables = parse(asked["query"]), asked["variables"]
        [operation] = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert operation.name is not None
        schema = shopify_schema.published("2026-10")
        assert validate(schema, document) == []
        shaped = get_variable_values(schema, operation.variable_definitions or (), variables)
        assert not isinstance(shaped, list), shaped
        if self.throttled:
            self.throttled -= 1
            throttle = {"maximumAvailable": 1000, "currentlyAvailable": 20, "restoreRate": 50}
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return {"errors": errors, "extensions": {"cost": {"requestedQueryCost": 270, "throttleStatus": throttle}}}
        name = operation.name.value
        if name in self.refuses:
            return {"data": {"any": {"userErrors": [{"field": ["id"], "message": self.refuses[name]}]}}}
        if name in self.answers:
            made = self.answers[name]
            found: dict[str, Any] = made(variables) if callable(made) else made
            return found if "errors" in found else {"data": found}
        return {"data": getattr(self, f"_{name}")(**variables)}

    def _OrderWork(self, **_: Any) -> dict[str, Any]:
        return {"order": {"id": ORDER, "fulfillmentOrders": {"nodes": self.work, "pageInfo": EMPTY}}}

    def _OrderFulfillments(self, **_: Any) -> dict[str, Any]:
        return {"order": {"id": ORDER, "fulfillments": self.fulfillments}}

    def _done(self, name: str, about: str, **payload: Any) -> dict[str, Any]:
        self.changes.append(f"{name} {about}")
        return {"any": payload | {"userErrors": []}}

    def _of(self, id: str) -> dict[str, Any]:
        return next(one for one in [*self.work, *self.fulfillments] if one["id"] == id)

    def _MoveWork(self, id: str, location: str, lines: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Some or all lines become a fulfillment order at the other location."""
        original, moved = self._of(id), dict[str, int]()
        for line in original["lineItems"]["nodes"]:
            quantity = (
                line["remainingQuantity"]
                if lines is None
                else sum(one["quantity"] for one in lines if one["id"] == line["id"])
            )
            line["remainingQuantity"] -= quantity
            if quantity:
                moved[line["lineItem"]["id"].rpartition("/")[2]] = quantity
        if not any(line["remainingQuantity"] for line in original["lineItems"]["nodes"]):
            original["status"] = "CLOSED"
        self.add_work(moved, location.rpartition("/")[2])
        return self._done("MoveWork", str(sum(moved.values())))

    def _SubmitRequest(self, id: str) -> dict[str, Any]:
        self._of(id)["requestStatus"] = "SUBMITTED"
        return self._done("SubmitRequest", "")

    def _AcceptRequest(self, id: str) -> dict[str, Any]:
        self._of(id).update({"requestStatus": "ACCEPTED", "status": "IN_PROGRESS"})
        return self._done("AcceptRequest", "")

    def _RejectRequest(self, id: str, reason: str, message: str) -> dict[str, Any]:
        self._of(id).update({"requestStatus": "REJECTED", "status": "OPEN"})
        return self._done("RejectRequest", reason)

    def _AcceptCancellation(self, id: str) -> dict[str, Any]:
        self._of(id).update({"requestStatus": "CANCELLATION_ACCEPTED", "status": "CANCELLED"})
        return self._done("AcceptCancellation", "")

    def _RejectCancellation(self, id: str, message: str) -> dict[str, Any]:
        self._of(id).update({"requestStatus": "CANCELLATION_REJECTED", "status": "IN_PROGRESS"})
        return self._done("RejectCancellation", message)

    def _CloseWork(self, id: str, message: str) -> dict[str, Any]:
        self._of(id).update({"requestStatus": "CLOSED", "status": "INCOMPLETE"})
        return self._done("CloseWork", "")

    def _CreateFulfillment(self, fulfillment: dict[str, Any]) -> dict[str, Any]:
        units, locations = dict[str, int](), set[str]()
        for one in fulfillment["lineItemsByFulfillmentOrder"]:
            assert one["fulfillmentOrderLineItems"], "without lines Shopify fulfills all of it"
            work = self._of(one["fulfillmentOrderId"])
            locations.add(work["assignedLocation"]["location"]["id"])
            for line in one["fulfillmentOrderLineItems"]:
                known = next(known for known in work["lineItems"]["nodes"] if known["id"] == line["id"])
                known["remainingQuantity"] -= line["quantity"]
                assert known["remainingQuantity"] >= 0, "fulfilled twice"
                units[known["lineItem"]["id"]] = units.get(known["lineItem"]["id"], 0) + line["quantity"]
            if not any(known["remainingQuantity"] for known in work["lineItems"]["nodes"]):
                work["status"] = "CLOSED"
        [location] = locations
        tracking = fulfillment.get("trackingInfo")
        made = {
            "id": f"gid://shopify/Fulfillment/{next(self.numbers)}",
            "status": "SUCCESS",
            "displayStatus": "FULFILLED",
            "createdAt": "2026-11-21T09:00:00Z",
            "location": {"id": location, "isFulfillmentService": True},
            "trackingInfo": [{"company": None, "number": None} | tracking] if tracking else [],
            "fulfillmentLineItems": {
                "nodes": [{"quantity": quantity, "lineItem": {"id": line}} for line, quantity in units.items()],
                "pageInfo": EMPTY,
            },
        }
        self.fulfillments.append(made)
        about = f"{tracking['number']} {tracking['company']}" if tracking else "-"
        return self._done("CreateFulfillment", f"{sum(units.values())} {about}", fulfillment={"id": made["id"]})

    def _CancelFulfillment(self, id: str) -> dict[str, Any]:
        """Its units are to be fulfilled again, by a new fulfillment order."""
        one = self._of(id)
        one["status"] = "CANCELLED"
        lines = one["fulfillmentLineItems"]["nodes"]
        location = one["location"]["id"].rpartition("/")[2]
        self.add_work({line["lineItem"]["id"].rpartition("/")[2]: line["quantity"] for line in lines}, location)
        return self._done("CancelFulfillment", "")

    def _UpdateTracking(self, id: str, tracking: dict[str, Any], notify: bool) -> dict[str, Any]:
        self._of(id)["trackingInfo"] = [{"company": None} | tracking]
        return self._done("UpdateTracking", tracking["number"])

    def _CreateEvent(self, event: dict[str, Any]) -> dict[str, Any]:
        self._of(event["fulfillmentId"])["displayStatus"] = event["status"]
        return self._done("CreateEvent", event["status"])

    def _ReadyForPickup(self, work: list[dict[str, Any]]) -> dict[str, Any]:
        return self._done("ReadyForPickup", str(len(work)))

    def _VariantsBySku(self, query: str, location: str, **_: Any) -> dict[str, Any]:
        self.locations.add(location)
        nodes = [self._variant(sku) for sku in self.skus if json.dumps(sku) in query]
        return {"productVariants": {"nodes": nodes, "pageInfo": EMPTY}}

    def _variant(self, sku: str) -> dict[str, Any]:
        level = {"id": "gid://shopify/InventoryLevel/1", "quantities": [{"name": "available", "quantity": 0}]}
        if sku in self.levels:
            level["quantities"] = [{"name": "available", "quantity": self.levels[sku]}]
        item = {"id": f"gid://shopify/InventoryItem/{sku}", "inventoryLevel": level if sku in self.levels else None}
        return {"id": f"gid://shopify/ProductVariant/{self.skus.index(sku) + 1}", "sku": sku, "inventoryItem": item}

    def _VariantsById(self, ids: list[str], **_: Any) -> dict[str, Any]:
        known = {variant["id"]: variant for variant in map(self._variant, self.skus)}
        return {"nodes": [known.get(id) for id in ids]}

    def _SetQuantities(self, input: dict[str, Any], key: str) -> dict[str, Any]:
        """All of them, or none where one is not what it was compared with."""
        self.locations |= {one["locationId"] for one in input["quantities"]}
        self.before_setting(self)
        assert len(input["quantities"]) <= 250
        skus = {one["inventoryItemId"].rpartition("/")[2]: one for one in input["quantities"]}
        if stale := [sku for sku, one in skus.items() if one["changeFromQuantity"] not in (None, self.levels[sku])]:
            error = {"field": ["input"], "message": f"{len(stale)} are stale", "code": "CHANGE_FROM_QUANTITY_STALE"}
            return {"any": {"userErrors": [error]}}
        self.levels |= {sku: one["quantity"] for sku, one in skus.items()}
        return self._done("SetQuantities", f"{len(skus)} {key}")

    def _Activate(self, item: str, available: int, key: str, **_: Any) -> dict[str, Any]:
        self.levels[item.rpartition("/")[2]] = available
        return self._done("Activate", f"{available} {key}")


def run(conversation: Generator[Request, Answer, Result], shop: Shop) -> Result:
    """Hold a conversation with the shop, as the service does."""
    try:
        request = next(conversation)
        while True:
            try:
                answer = shop.answer(request)
            except NoAnswer as silent:
                request = conversation.throw(silent)
            else:
                request = conversation.send(answer)
    except StopIteration as ended:
        result: Result = ended.value
        return result
