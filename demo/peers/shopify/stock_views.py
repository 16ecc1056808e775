"""What GraphQL shows of the locations, the items and the stock of the simulated shop, and how it writes a list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from demo.peers.shopify.order_json import gid
from demo.peers.shopify.shop import Shop
from demo.peers.shopify.state import Item, Level, Location
from demo.peers.shopify.webhooks import Subscription

View = Mapping[str, Any]


class StockViews:
    """The views of what a shop has, without its orders."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def location(self, location: Location) -> View:
        """A location."""
        return {
            "__typename": "Location",
            "id": gid("Location", location.id),
            "legacyResourceId": location.id,
            "name": location.name,
            "isActive": location.is_active,
            "activatable": not location.is_active,
            "fulfillsOnlineOrders": True,
            "isFulfillmentService": location.service is not None,
            "address": {**place_of(location), "country": location.country_code, "address2": None, "provinceCode": None},
            "fulfillmentService": lambda: self.service(location) if location.service else None,
        }

    def service(self, location: Location) -> View:
        """The fulfillment service of a location."""
        return {
            "id": gid("FulfillmentService", location.id),
            "handle": location.service,
            "serviceName": location.name,
            "callbackUrl": None,
            "inventoryManagement": True,
            "trackingSupport": True,
            "type": "THIRD_PARTY",
            "location": lambda: self.location(location),
        }

    def variant(self, item: Item) -> View:
        """A variant."""
        return {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", item.id),
            "legacyResourceId": item.id,
            "sku": item.sku,
            "barcode": item.barcode,
            "title": "Default Title",
            "displayName": item.title,
            "inventoryQuantity": sum(level.available for _, level in self.levels(item)),
            "inventoryItem": lambda: self.inventory_item(item),
            "product": lambda: self.product(item),
        }

    def product(self, item: Item) -> View:
        """The product of a variant: each has one of its own."""
        number = item.product
        return {"id": gid("Product", number), "legacyResourceId": number, "title": item.title, "status": "ACTIVE"}

    def levels(self, item: Item) -> Sequence[tuple[int, Level]]:
        """The stock of an item, with the location of each."""
        return [(place, level) for (one, place), level in self.shop.levels.items() if one == item.inventory_item]

    def inventory_item(self, item: Item) -> View:
        """What is counted of an item."""
        return {
            "__typename": "InventoryItem",
            "id": gid("InventoryItem", item.inventory_item),
            "legacyResourceId": item.inventory_item,
            "sku": item.sku,
            "tracked": True,
            "requiresShipping": True,
            "variant": lambda: self.variant(item),
            "inventoryLevel": lambda locationId, **_: self.level(item, number(locationId)),
            "inventoryLevels": lambda **given: listed(
                [shown for place, _ in self.levels(item) if (shown := self.level(item, place))], given
            ),
        }

    def level(self, item: Item, place: int) -> View | None:
        """The stock of an item at a location; None = it is not kept there."""
        level = self.shop.levels.get((item.inventory_item, place))
        if level is None:
            return None
        counts = {"available": level.available, "committed": level.committed, "on_hand": level.on_hand}
        return {
            "id": gid("InventoryLevel", place) + f"?inventory_item_id={item.inventory_item}",
            "isActive": True,
            "updatedAt": instant(self.shop.now()),
            "item": lambda: self.inventory_item(item),
            "location": lambda: self.location(self.shop.locations[place]),
            "quantities": lambda names: [
                {"id": f"{name}-{place}", "name": name, "quantity": counts.get(name, 0), "updatedAt": None}
                for name in names
            ],
        }

    def subscription(self, made: Subscription) -> View:
        """Who is notified of a topic."""
        at = instant(made.created_at)
        return {
            "id": gid("WebhookSubscription", made.id),
            "topic": made.topic,
            "uri": made.uri,
            "format": "JSON",
            "includeFields": [],
            "createdAt": at,
            "updatedAt": at,
        }


def connection(items: Iterable[Any], show: Callable[[Any], View], given: Mapping[str, Any], key: str = "id") -> View:
    """A page of a list: `first` with `after`, or `last` with `before`; a cursor is the id of the last one shown."""
    listed = list(items)
    ids = [str(getattr(one, key)) for one in listed]
    begin = ids.index(given["after"]) + 1 if given.get("after") in ids else 0
    end = ids.index(given["before"]) if given.get("before") in ids else len(ids)
    if given.get("first") is not None:
        end = min(end, begin + given["first"])
    elif given.get("last") is not None:
        begin = max(begin, end - given["last"])
    edges = [
        {"cursor": cursor, "node": show(one)} for one, cursor in zip(listed[begin:end], ids[begin:end], strict=True)
    ]
    shown = {"startCursor": None, "endCursor": None} | (
        {"startCursor": ids[begin], "endCursor": ids[end - 1]} if edges else {}
    )
    page = {"hasNextPage": end < len(ids), "hasPreviousPage": begin > 0, **shown}
    return {"edges": edges, "nodes": [edge["node"] for edge in edges], "pageInfo": page}


def listed(views: Sequence[View], given: Mapping[str, Any]) -> View:
    """The first page of what has no ids."""
    shown = views[: given["first"]] if given.get("first") is not None else views
    page = {"hasNextPage": len(shown) < len(views), "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    return {"nodes": shown, "edges": [{"cursor": "1", "node": one} for one in shown], "pageInfo": page}


def instant(at: datetime | str | None) -> str | None:
    """A moment as GraphQL has it."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if isinstance(at, datetime) else at


def number(identifier: str) -> int:
    """The number of a global id; -1 for what is none."""
    digits = str(identifier).rpartition("/")[2].partition("?")[0]
    return int(digits) if digits.isdigit() else -1


def place_of(location: Location) -> dict[str, Any]:
    """Where a location is: its country only."""
    empty = {"address1": None, "city": None, "province": None, "zip": None}
    return {**empty, "countryCode": location.country_code}
