"""Judges requests to Amazon and its answers by Amazon's models as `amzn-selling-partner` 1.6.0 has them, and by a table of our
own of what these models miss: they take any text for a code or a number, and any number of anything."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from amzn_selling_partner.sdk.models.orders_v0 import ConfirmShipmentRequest
from amzn_selling_partner.sdk.models.orders_v2026_01_01 import GetOrderResponse, SearchOrdersResponse
from amzn_selling_partner.sdk.models.orders_v2026_01_01.enums import (
    OrdersV20260101FulfilledBy,
    OrdersV20260101FulfillmentStatuses,
    OrdersV20260101IncludedData,
)

from channels.amazon.carriers import CODES, OTHER

SEARCH = "/orders/2026-01-01/orders"
ONE = re.compile(r"/orders/2026-01-01/orders/[0-9]{3}-[0-9]{7}-[0-9]{7}")
CONFIRM = re.compile(r"/orders/v0/orders/(?P<order>[0-9]{3}-[0-9]{7}-[0-9]{7})/shipmentConfirmation")
NEAREST = timedelta(minutes=2)
PAGE_MOST = 100
LISTS: Mapping[str, Any] = {
    "fulfillmentStatuses": OrdersV20260101FulfillmentStatuses,
    "fulfilledBy": OrdersV20260101FulfilledBy,
    "includedData": OrdersV20260101IncludedData,
}
NAMES = {
    "createdAfter",
    "createdBefore",
    "lastUpdatedAfter",
    "lastUpdatedBefore",
    "marketplaceIds",
    "maxResultsPerPage",
}
NAMES |= {"paginationToken", *LISTS}


class Wrong(Exception):
    """Amazon would not take the request."""


def of_search(path: str, now: datetime) -> dict[str, str]:
    """The query of a search. Raises `Wrong`."""
    query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    if unknown := query.keys() - NAMES:
        raise Wrong(f"unknown parameters {sorted(unknown)}")
    _lists(query)
    for wrong, rule in SEARCH_RULES:
        if not rule(query, now):
            raise Wrong(wrong)
    return query


SEARCH_RULES: list[tuple[str, Callable[[Mapping[str, str], datetime], bool]]] = [
    (
        "exactly one of createdAfter and lastUpdatedAfter",
        lambda q, _: ("createdAfter" in q) != ("lastUpdatedAfter" in q),
    ),
    ("createdBefore does not go with lastUpdatedAfter", lambda q, _: "createdBefore" not in q),
    ("lastUpdatedBefore is two minutes before now", lambda q, now: moment(q["lastUpdatedBefore"]) <= now - NEAREST),
    (
        "lastUpdatedBefore is not before lastUpdatedAfter",
        lambda q, _: moment(q["lastUpdatedAfter"]) <= moment(q["lastUpdatedBefore"]),
    ),
    ("a page has 1 to 100 orders", lambda q, _: 1 <= int(q.get("maxResultsPerPage", "100")) <= PAGE_MOST),
]
"""What the descriptions of the parameters say, and the models do not check."""


def of_order(path: str) -> None:
    """A request for an order. Raises `Wrong`."""
    parts = urlsplit(path)
    if not ONE.fullmatch(parts.path):
        raise Wrong(f"{parts.path} is no order")
    _lists(dict(parse_qsl(parts.query)))


def _lists(query: Mapping[str, str]) -> None:
    for name, members in LISTS.items():
        for value in query.get(name, "").split(",") if name in query else ():
            if value not in [member.value for member in members]:
                raise Wrong(f"{name} has no {value!r}")


def of_confirmation(path: str, body: bytes) -> tuple[str, ConfirmShipmentRequest]:
    """The order and the content of a confirmation. Raises `Wrong`, and `ValidationError` of the models."""
    found = CONFIRM.fullmatch(path)
    if found is None:
        raise Wrong(f"{path} is no confirmation")
    given = json.loads(body)
    request = ConfirmShipmentRequest.model_validate_json(body)
    for wrong, rule in CONFIRM_RULES:
        if not rule(given["packageDetail"]):
            raise Wrong(wrong)
    if given.keys() - {"packageDetail", "marketplaceId", "codCollectionMethod"}:
        raise Wrong("unknown fields")
    return found["order"], request


CONFIRM_RULES: list[tuple[str, Callable[[Mapping[str, Any]], bool]]] = [
    (
        "packageReferenceId is a text of digits, and positive",
        lambda p: (
            isinstance(p["packageReferenceId"], str)
            and bool(re.fullmatch(r"[1-9][0-9]*", p["packageReferenceId"]))
            and int(p["packageReferenceId"]) < 2**31
        ),
    ),
    ("carrierCode is one that is listed", lambda p: p["carrierCode"] in (*CODES, OTHER)),
    ("Other needs a carrierName", lambda p: (p["carrierCode"] == OTHER) == bool(p.get("carrierName"))),
    ("trackingNumber is not empty", lambda p: bool(p["trackingNumber"].strip())),
    ("shipDate has a zone", lambda p: moment(p["shipDate"]).tzinfo is not None),
    ("every item has units", lambda p: bool(p["orderItems"]) and all(item["quantity"] > 0 for item in p["orderItems"])),
    (
        "an item is there once",
        lambda p: len({item["orderItemId"] for item in p["orderItems"]}) == len(p["orderItems"]),
    ),
]
"""What Amazon refuses, by its descriptions and by issues of its users, and the models take."""


def of_answer(path: str, body: bytes) -> None:
    """An answer of Amazon's. Raises `ValidationError` of the models."""
    model = SearchOrdersResponse if urlsplit(path).path == SEARCH else GetOrderResponse
    model.model_validate_json(body)


def moment(written: str) -> datetime:
    """A moment of Amazon's."""
    return datetime.fromisoformat(written)
