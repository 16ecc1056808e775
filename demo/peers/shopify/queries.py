"""The queries of the simulated shop: what is read by id, and lists with Shopify's search texts."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from demo.peers.shopify.order_json import gid
from demo.peers.shopify.shop import Shop
from demo.peers.shopify.state import Item, Order, Work
from demo.peers.shopify.stock_views import View, connection, number
from demo.peers.shopify.views import Views

_OR = re.compile(r"\s+OR\s+(?=\w+:)")
_TERM = re.compile(r"(\w+):(>=|<=|>|<)?(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "": lambda one, other: bool(one == other),
    ">=": lambda one, other: bool(one >= other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    "<": lambda one, other: bool(one < other),
}


class Queries:
    """All queries that are played."""

    def __init__(self, shop: Shop, views: Views, scopes: Sequence[str], since: datetime | None) -> None:
        """`since`: orders that were placed before are not shown; None = all are."""
        self.store = shop
        self.views = views
        self.scopes = scopes
        self.since = since

    def order(self, id: str) -> View | None:
        """An order."""
        order = self.store.orders.get(number(id))
        return self.views.order(order) if order and self._is_seen(order) else None

    def orders(self, query: str | None = None, sortKey: str | None = None, reverse: bool = False, **page: Any) -> View:
        """Orders, by when they were placed, or by when they changed last."""
        found = [
            order for order in self.store.orders.values() if self._is_seen(order) and _matches(query, _of_order(order))
        ]
        return connection(
            sorted(found, key=_SORTED_BY.get(sortKey or "", _placed), reverse=reverse), self.views.order, page
        )

    def fulfillmentOrder(self, id: str) -> View | None:
        """A fulfillment order."""
        work = self.store.works.get(number(id))
        return self.views.work(work) if work and self.views.may_see(work) else None

    def fulfillmentOrders(self, includeClosed: bool = False, query: str | None = None, **page: Any) -> View:
        """Fulfillment orders, without those that have ended unless they are asked for."""
        page.pop("sortKey", None)
        works = [
            one
            for one in self.store.works.values()
            if (includeClosed or one.is_live) and _matches(query, _of_work(one))
        ]
        return self.views.works(works, page)

    def assignedFulfillmentOrders(
        self,
        assignmentStatus: str | None = None,
        locationIds: Sequence[str] | None = None,
        **page: Any,
    ) -> View:
        """The work of the locations of a fulfillment service, by what was asked of it."""
        page.pop("sortKey", None)
        at = {number(one) for one in locationIds or ()}
        works = [
            work
            for work in self.store.works.values()
            if work.location.service is not None
            and (not at or work.location.id in at)
            and _is_asked(work, assignmentStatus)
        ]
        return self.views.works(works, page)

    def fulfillment(self, id: str) -> View | None:
        """Units that left."""
        made = self.store.fulfillments.get(number(id))
        return self.views.fulfillment(made) if made else None

    def location(self, id: str | None = None) -> View | None:
        """A location; without an id the first."""
        known = self.store.locations
        found = known.get(number(id)) if id else next(iter(known.values()))
        return self.views.location(found) if found else None

    def locations(self, includeLegacy: bool = False, includeInactive: bool = False, **page: Any) -> View:
        """Locations; those of fulfillment services only where they are asked for (`includeLegacy`)."""
        _drop(page)
        found = [
            one
            for one in self.store.locations.values()
            if (includeLegacy or one.service is None) and (includeInactive or one.is_active)
        ]
        return connection(found, self.views.location, page)

    def productVariant(self, id: str) -> View | None:
        """A variant."""
        item = self.store.items.get(number(id))
        return self.views.variant(item) if item else None

    def productVariants(self, query: str | None = None, **page: Any) -> View:
        """Variants."""
        _drop(page)
        found = [item for item in self.store.items.values() if _matches(query, _of_item(item))]
        return connection(found, self.views.variant, page)

    def inventoryItem(self, id: str) -> View | None:
        """What is counted of an item."""
        found = (item for item in self.store.items.values() if item.inventory_item == number(id))
        item = next(found, None)
        return self.views.inventory_item(item) if item else None

    def inventoryItems(self, query: str | None = None, **page: Any) -> View:
        """What is counted of items."""
        _drop(page)
        found = [item for item in self.store.items.values() if _matches(query, _of_item(item))]
        return connection(found, self.views.inventory_item, page, "inventory_item")

    def webhookSubscriptions(self, topics: Sequence[str] | None = None, uri: str | None = None, **page: Any) -> View:
        """Who is notified of what."""
        _drop(page)
        page.pop("format", None)
        found = [
            one
            for one in self.store.webhooks.subscriptions.values()
            if (not topics or one.topic in topics) and (uri is None or one.uri == uri)
        ]
        return connection(found, self.views.subscription, page)

    def currentAppInstallation(self) -> View:
        """What the app may do."""
        return {
            "id": gid("AppInstallation", 1),
            "accessScopes": [{"handle": scope} for scope in self.scopes],
            "app": {"id": gid("App", 1), "title": "Switchyard"},
        }

    def shop(self) -> View:
        """The shop."""
        shop = self.store
        services = [location for location in shop.locations.values() if location.service]
        return {
            "id": gid("Shop", 1),
            "name": shop.domain.partition(".")[0],
            "myshopifyDomain": shop.domain,
            "primaryDomain": {"id": gid("Domain", 1), "host": shop.domain, "url": f"https://{shop.domain}"},
            "currencyCode": shop.currency,
            "ianaTimezone": "America/New_York",
            "taxesIncluded": False,
            "plan": {
                "publicDisplayName": "Grow" if shop.shows_people else "Basic",
                "shopifyPlus": False,
                "partnerDevelopment": False,
            },
            "fulfillmentServices": [self.views.service(location) for location in services],
        }

    def node(self, id: str) -> View | None:
        """Anything by its id."""
        kind = id.removeprefix("gid://shopify/").partition("/")[0]
        by = {
            "Order": self.order,
            "FulfillmentOrder": self.fulfillmentOrder,
            "Fulfillment": self.fulfillment,
            "Location": self.location,
            "ProductVariant": self.productVariant,
            "InventoryItem": self.inventoryItem,
        }
        return by[kind](id) if kind in by else None

    def nodes(self, ids: list[str]) -> list[View | None]:
        """Several things by their ids; null for each that is not there."""
        return [self.node(id) for id in ids]

    def refund(self, id: str) -> View | None:
        """A refund."""
        found = [
            (order, refund)
            for order in self.store.orders.values()
            for refund in order.refunds
            if refund.id == number(id)
        ]
        return self.views.refund(*found[0]) if found else None

    def _is_seen(self, order: Order) -> bool:
        return self.since is None or order.created_at >= self.since


def _placed(order: Order) -> tuple[datetime, int]:
    return order.created_at, order.id


def _changed(order: Order) -> tuple[datetime, int]:
    return order.updated_at, order.id


_SORTED_BY: Mapping[str, Callable[[Order], tuple[datetime, int]]] = {"UPDATED_AT": _changed}


def _is_asked(work: Work, status: str | None) -> bool:
    match status:
        case None | "FULFILLMENT_UNSUBMITTED":
            return status is None or work.request == "UNSUBMITTED"
        case "FULFILLMENT_REQUESTED":
            return work.request == "SUBMITTED"
        case "FULFILLMENT_ACCEPTED":
            return work.request == "ACCEPTED"
        case "CANCELLATION_REQUESTED":
            return work.request == "CANCELLATION_REQUESTED"
    return False


def _matches(query: str | None, values: Mapping[str, Any]) -> bool:
    """Whether something has the values of a search text such as `updated_at:>='2026-11-30T00:00:00Z' sku:A-1`; of parts with
    OR between them one is enough."""
    return any(_matches_all(part, values) for part in _OR.split(query or ""))


def _matches_all(query: str, values: Mapping[str, Any]) -> bool:
    for name, sign, single, double, bare in _TERM.findall(query):
        if name not in values:
            raise GraphQLError(f"the simulated shop does not play a search by {name}")
        known, wanted = values[name], single or double or bare
        if known is not None and not _COMPARE[sign](known, _read(wanted, known)):
            return False
    return True


def _read(text: str, like: object) -> Any:
    if isinstance(like, datetime):
        return datetime.fromisoformat(text)
    return int(text) if isinstance(like, int) else text


def _of_order(order: Order) -> Mapping[str, Any]:
    status = "cancelled" if order.cancelled_at else "closed" if order.closed_at else "open"
    return {
        "id": order.id,
        "name": order.name,
        "updated_at": order.updated_at,
        "created_at": order.created_at,
        "processed_at": order.created_at,
        "status": _AnyOr(status),
        "test": str(order.is_test).lower(),
        "financial_status": order.paid.lower(),
        "fulfillment_status": order.fulfillment_status.lower(),
    }


class _AnyOr(str):
    """A status that `any` finds as well."""

    def __eq__(self, other: object) -> bool:
        return other == "any" or str(self) == other

    __hash__ = str.__hash__


def _of_work(work: Work) -> Mapping[str, Any]:
    return {
        "id": work.id,
        "status": work.status.lower(),
        "request_status": work.request.lower(),
        "updated_at": work.updated_at,
        "order_id": work.order.id,
    }


def _of_item(item: Item) -> Mapping[str, Any]:
    return {"id": item.id, "sku": item.sku or "", "barcode": item.barcode or ""}


def _drop(page: dict[str, Any]) -> None:
    for name in ("sortKey", "reverse", "query", "savedSearchId"):
        page.pop(name, None)
