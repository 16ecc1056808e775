"""Asks Shopify in GraphQL, and reads its three ways to say no: a status, errors beside the data, errors of a mutation."""

import json
import math
from collections.abc import Generator, Mapping
from datetime import timedelta
from typing import Any

from channels.channel import Allowance, Answer, Misfit, Request, Settings
from channels.given import parsed
from channels.shopify.version import DEFAULT

COST = 100.0
"""Points that a document takes for an ordinary order; for what a long one takes more, the next requests wait."""

Asking = Generator[Request, Answer, dict[str, Any]]


THROTTLED = "THROTTLED"


class NotNow(Misfit):
    """Shopify could not do it now: it is throttled or in trouble; `wait` is what it asked for."""

    def __init__(self, why: str, wait: timedelta | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Denied(Misfit):
    """Shopify will not do it; the text is its own."""

    def __init__(self, why: str, codes: frozenset[str] = frozenset()) -> None:
        super().__init__(why)
        self.codes = codes


def ask(settings: Settings, document: str, **variables: Any) -> Asking:
    """The data of a query. Raises `NotNow` and `Denied`."""
    answer = yield request(settings, document, variables)
    return _data(answer)


def change(settings: Settings, document: str, **variables: Any) -> Asking:
    """The payload of a mutation. Raises `NotNow`, and `Denied` with the errors that Shopify names."""
    data = yield from ask(settings, document, **variables)
    payload: dict[str, Any] = next(iter(data.values())) or {}
    if errors := payload.get("userErrors"):
        raise Denied(
            "; ".join(_named(error) for error in errors), frozenset(str(error.get("code")) for error in errors)
        )
    return payload


def request(settings: Settings, document: str, variables: Mapping[str, Any]) -> Request:
    """A document as a request."""
    spoken = settings.entry.get("version", DEFAULT)
    body = json.dumps({"query": document.strip(), "variables": variables}).encode()
    headers = {"content-type": "application/json", "accept": "application/json"}
    return Request("POST", f"/admin/api/{spoken}/graphql.json", headers, body, cost=COST)


def allowance(answer: Answer) -> Allowance | None:
    """What an answer says of the points that are left."""
    try:
        extensions = parsed(answer.body)["extensions"]
        throttle = extensions["cost"]["throttleStatus"]
        left, most, rate = (float(throttle[name]) for name in ("currentlyAvailable", "maximumAvailable", "restoreRate"))
        return Allowance(left, most, rate, _is_throttled(answer)) if rate > 0 else None
    except (Misfit, KeyError, TypeError, ValueError):
        return None


def _is_throttled(answer: Answer) -> bool:
    errors = parsed(answer.body).get("errors")
    listed = errors if isinstance(errors, list) else []
    return any(error.get("extensions", {}).get("code") == THROTTLED for error in listed)


def _data(answer: Answer) -> dict[str, Any]:
    if answer.status == 429 or answer.status >= 500:
        raise NotNow(f"Shopify answered {answer.status}", _retry_after(answer))
    if answer.status != 200:
        raise Denied(f"Shopify answered {answer.status}")
    content = parsed(answer.body)
    if errors := content.get("errors"):
        _raise(errors, content)
    data: dict[str, Any] = content["data"]
    return data


def _raise(errors: Any, content: Mapping[str, Any]) -> None:
    listed: list[dict[str, Any]] = errors if isinstance(errors, list) else [{"message": str(errors)}]
    codes = {str(error.get("extensions", {}).get("code")) for error in listed}
    if THROTTLED in codes:
        raise NotNow("Shopify is throttled", _until_enough(content))
    why = "; ".join(str(error.get("message")) for error in listed)
    if "INTERNAL_SERVER_ERROR" in codes:
        raise NotNow(why)
    raise Denied(why, frozenset(codes))


def _until_enough(content: Mapping[str, Any]) -> timedelta | None:
    """How long until the shop's bucket has the points again that the document costs."""
    cost = content.get("extensions", {}).get("cost", {})
    throttle = cost.get("throttleStatus", {})
    if not throttle.get("restoreRate"):
        return None
    lacking = cost.get("requestedQueryCost", 0) - throttle.get("currentlyAvailable", 0)
    return timedelta(seconds=max(1, math.ceil(lacking / throttle["restoreRate"])))


def _retry_after(answer: Answer) -> timedelta | None:
    try:
        return timedelta(seconds=float(answer.headers["retry-after"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _named(error: Mapping[str, Any]) -> str:
    """An error of a mutation with the field that it names."""
    field = ".".join(error.get("field") or ())
    return f"{field}: {error['message']}" if field else str(error["message"])


def gid(kind: str, number: str) -> str:
    """An id as GraphQL writes it."""
    return number if number.startswith("gid://") else f"gid://shopify/{kind}/{number}"
