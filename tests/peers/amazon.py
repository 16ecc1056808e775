"""A seller's account on Amazon for tests: it judges every request and its own answers, keeps the quotas, and shows late.

Its rules beside those of the models (`tests/peers/amazon_judge.py`) are those of Amazon's descriptions: a confirmation of a
known package changes it, one of more units than are left is refused. It has no clock of its own: `now` is set.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from channels.channel import Answer
from tests.peers import amazon_judge as judge

CREDENTIALS = {"client_id": "amzn1.client", "client_secret": "amzn1.oa2-cs.hush", "refresh_token": "Atzr|refresh"}
RATES = {"searchOrders": (0.0056, 20), "getOrder": (0.5, 30), "confirmShipment": (2.0, 10)}
TOKEN_LIVES = timedelta(hours=1)
MARKETPLACE = "ATVPDKIKX0DER"
BEGIN = datetime(2026, 11, 30, 8, tzinfo=UTC)


@dataclass
class Amazon:
    """The account; `orders` are as the interface shows them, by their id."""

    now: datetime = BEGIN
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    left: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Requests that Amazon would not take, each with why."""
    confirmed_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each package was confirmed first, by order and number."""
    roles: frozenset[str] = frozenset({"BUYER", "RECIPIENT"})
    is_sorted: bool = True
    """Whether pages are sorted by the moment of the last change; Amazon's models do not say it."""

    def place(
        self, number: int, units: Mapping[str, int], ship_within: timedelta = timedelta(days=1), **more: Any
    ) -> str:
        """An order that is paid, by SKU the units."""
        name = f"902-{number:07}-{number * 7 % 10_000_000:07}"
        items = [
            {
                "orderItemId": f"{number:06}{index:02}",
                "quantityOrdered": quantity,
                "product": {
                    "sellerSku": sku,
                    "title": sku.title(),
                    "price": {"unitPrice": {"amount": "19.00", "currencyCode": "USD"}},
                },
                "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": quantity},
            }
            for index, (sku, quantity) in enumerate(units.items())
        ]
        self.orders[name] = {
            "orderId": name,
            "createdTime": _written(self.now),
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": MARKETPLACE, "marketplaceName": "Amazon.com"},
            "buyer": {"buyerName": "Nora Field", "buyerEmail": "k3v9@marketplace.amazon.com"},
            "recipient": {"deliveryAddress": dict(ADDRESS)},
            "fulfillment": {
                "fulfillmentStatus": "UNSHIPPED",
                "fulfilledBy": "MERCHANT",
                "fulfillmentServiceLevel": "STANDARD",
                "shipByWindow": {"latestDateTime": _written(self.now + ship_within)},
            },
            "orderItems": items,
            "packages": [],
        } | more
        self.touch(name)
        return name

    def touch(self, name: str) -> None:
        """Something of an order changes now."""
        self.orders[name]["lastUpdatedTime"] = _written(self.now)

    def become(self, name: str, status: str) -> None:
        """An order has another status now."""
        self.orders[name]["fulfillment"]["fulfillmentStatus"] = status
        self.touch(name)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What is answered to a request now."""
        try:
            if urlsplit(path).path == "/auth/o2/token":
                return self._token(dict(parse_qsl(body.decode())))
            if self.tokens.get(headers.get("x-amz-access-token", ""), self.now) <= self.now:
                return _errors(403, "Unauthorized", "Access to requested resource is denied.")
            operation = _operation(method, path)
            self.calls[operation] += 1
            if not self._takes(operation):
                self.throttled[operation] += 1
                return _errors(
                    429, "QuotaExceeded", "You exceeded your quota.", {"x-amzn-ratelimit-limit": _rate(operation)}
                )
            return self._do(operation, path, body)
        except (judge.Wrong, ValidationError, ValueError, KeyError) as error:
            self.wrong.append(f"{method} {path}: {error}")
            return _errors(400, "InvalidInput", f"{type(error).__name__}")

    def _token(self, given: Mapping[str, str]) -> Answer:
        if given != {"grant_type": "refresh_token", **CREDENTIALS}:
            return Answer(
                400, {}, b'{"error": "invalid_grant", "error_description": "The request has an invalid grant."}'
            )
        token = f"Atza|{len(self.tokens)}"
        self.tokens[token] = self.now + TOKEN_LIVES
        return _json(
            {"access_token": token, "token_type": "bearer", "expires_in": 3600, "refresh_token": "Atzr|refresh"}
        )

    def _takes(self, operation: str) -> bool:
        rate, burst = RATES[operation]
        left, since = self.left.get(operation, (float(burst), self.now))
        left = min(burst, left + (self.now - since).total_seconds() * rate)
        takes = left >= 1 - 1e-9
        self.left[operation] = (left - 1 if takes else left, self.now)
        return takes

    def _do(self, operation: str, path: str, body: bytes) -> Answer:
        if operation == "confirmShipment":
            return self._confirm(*judge.of_confirmation(path, body))
        if operation == "searchOrders":
            return self._judged(path, self._search(judge.of_search(path, self.now)))
        judge.of_order(path)
        name = urlsplit(path).path.rpartition("/")[2]
        if name not in self.orders:
            return _errors(404, "NotFound", "There is no such order.")
        return self._judged(path, {"order": self._shown(self.orders[name])})

    def _judged(self, path: str, content: Mapping[str, Any]) -> Answer:
        answer = _json(content)
        judge.of_answer(path, answer.body)
        return answer

    def _search(self, query: Mapping[str, str]) -> dict[str, Any]:
        after, before = judge.moment(query["lastUpdatedAfter"]), judge.moment(query["lastUpdatedBefore"])
        statuses, by = query["fulfillmentStatuses"].split(","), query["fulfilledBy"].split(",")
        found = sorted(
            (order["lastUpdatedTime"] if self.is_sorted else name[::-1], name)
            for name, order in self.orders.items()
            if after <= judge.moment(order["lastUpdatedTime"]) <= before
            and order["fulfillment"]["fulfillmentStatus"] in statuses
            and order["fulfillment"]["fulfilledBy"] in by
        )
        begin, size = int(query.get("paginationToken", "0")), int(query.get("maxResultsPerPage", "100"))
        page = [self._shown(self.orders[name]) for _, name in found[begin : begin + size]]
        more = {"pagination": {"nextToken": str(begin + size)}} if begin + size < len(found) else {}
        return {"orders": page, "lastUpdatedBefore": query["lastUpdatedBefore"], **more}

    def _shown(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """An order without what the app's roles do not allow."""
        hidden = {"BUYER": "buyer", "RECIPIENT": "recipient"}
        names = {name for part, name in hidden.items() if part not in self.roles}
        return {name: value for name, value in deepcopy(dict(order)).items() if name not in names}

    def _confirm(self, name: str, request: Any) -> Answer:
        order, detail = self.orders.get(name), request.package_detail
        if order is None or order["fulfillment"]["fulfillmentStatus"] == "CANCELLED":
            return _errors(400, "InvalidInput", "Unable to find package to update for order.")
        items = {item.order_item_id: item.quantity for item in detail.order_items}
        others = [one for one in order["packages"] if one["packageReferenceId"] != detail.package_reference_id]
        package = {
            "packageReferenceId": detail.package_reference_id,
            "createdTime": _written(self.now),
            "carrier": detail.carrier_name or detail.carrier_code,
            "trackingNumber": detail.tracking_number,
            "packageItems": [{"orderItemId": item, "quantity": units} for item, units in items.items()],
        }
        done = _units([*others, package])
        if any(done[item["orderItemId"]] > item["quantityOrdered"] for item in order["orderItems"]):
            return _errors(400, "InvalidInput", "Failed to create package: order already fulfilled.")
        if items.keys() - {item["orderItemId"] for item in order["orderItems"]}:
            return _errors(400, "InvalidInput", "Unknown order item.")
        order["packages"] = [*others, package]
        for item in order["orderItems"]:
            fulfilled = done[item["orderItemId"]]
            item["fulfillment"] |= {
                "quantityFulfilled": fulfilled,
                "quantityUnfulfilled": item["quantityOrdered"] - fulfilled,
            }
        is_whole = all(not item["fulfillment"]["quantityUnfulfilled"] for item in order["orderItems"])
        self.become(name, "SHIPPED" if is_whole else "PARTIALLY_SHIPPED")
        self.confirmed_at.setdefault((name, detail.package_reference_id), self.now)
        return Answer(204, {"x-amzn-ratelimit-limit": _rate("confirmShipment")}, b"")


def _units(packages: Sequence[Mapping[str, Any]]) -> Counter[str]:
    done = Counter[str]()
    for package in packages:
        for item in package["packageItems"]:
            done[item["orderItemId"]] += item["quantity"]
    return done


def _operation(method: str, path: str) -> str:
    plain = urlsplit(path).path
    if method == "GET" and plain == judge.SEARCH:
        return "searchOrders"
    if method == "GET" and re.fullmatch(rf"{judge.SEARCH}/[^/]+", plain):
        return "getOrder"
    if method == "POST" and judge.CONFIRM.fullmatch(plain):
        return "confirmShipment"
    raise judge.Wrong(f"Amazon has no {method} {plain}")


def _rate(operation: str) -> str:
    return str(RATES[operation][0])


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(content: Mapping[str, Any]) -> Answer:
    return Answer(200, {"content-type": "application/json"}, json.dumps(content).encode())


def _errors(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, json.dumps({"errors": [{"code": code, "message": message}]}).encode())


ADDRESS = {
    "name": "Sam Field",
    "addressLine1": "9 Mill Lane",
    "city": "Denver",
    "stateOrRegion": "CO",
    "postalCode": "80202",
    "countryCode": "US",
    "phone": "+1 303 555 0100",
}
