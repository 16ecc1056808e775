"""Asks Amazon's Selling Partner API: how often each operation may be called, and the ways in which it says no.

Quotas are those of Amazon's models: orders 2026-01-01 and orders v0, github.com/amzn/selling-partner-api-models, 34dc93f
(2026-08-05). An answer may say another rate in its header `x-amzn-RateLimit-Limit`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from channels.channel import Allowance, Answer, Conversation, Misfit, NoAccess, Quota, Request
from channels.given import parsed

SEARCH = Quota("searchOrders", 0.0056, 20)
GET_ORDER = Quota("getOrder", 0.5, 30)
CONFIRM = Quota("confirmShipment", 2, 10)

INCLUDED = ("BUYER", "RECIPIENT", "PROCEEDS", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES")
"""The parts of an order that are asked for; what the app's roles do not allow is absent."""

RATE = "x-amzn-ratelimit-limit"
SAID_MAX = 400
"""How many characters of Amazon's text are kept."""


class Denied(Misfit):
    """Amazon will not do it; the text is its own."""


def ask(quota: Quota, path: str, query: Mapping[str, str]) -> Conversation[Any]:
    """What an operation answers; None = there is no such thing. Raises `Denied` and `NoAccess`."""
    written = urlencode(query, safe=",:", quote_via=quote)
    answer = yield Request("GET", f"{path}?{written}", {"accept": "application/json"}, quota=quota)
    return None if answer.status == 404 else data(answer)


def data(answer: Answer) -> Any:
    """The content of an answer; None where it has none. Raises `Denied` and `NoAccess`."""
    if answer.status == 403:
        raise NoAccess(
            f"Amazon denies access ({reasons(answer)}): in Seller Central, Apps and Services, Develop Apps, look at the roles "
            "of the app; authorize it again when they have changed, and run `connect` with the new refresh token"
        )
    if answer.status >= 300:
        raise Denied(f"Amazon answered {answer.status}: {reasons(answer)}")
    return parsed(answer.body) if answer.body.strip() else None


def reasons(answer: Answer) -> str:
    """What Amazon says against it: the code and the message of each error."""
    try:
        errors = parsed(answer.body)["errors"]
        said = "; ".join(f"{error['code']}: {error['message']}" for error in errors)
    except (Misfit, KeyError, TypeError):
        said = ""
    return said[:SAID_MAX] or "it does not say why"


def allowance(answer: Answer) -> Allowance | None:
    """What an answer says of the quota of its operation: another rate, and after a 429 that nothing is left."""
    left = 0.0 if answer.status == 429 else None
    try:
        rate = float(answer.headers[RATE])
    except (KeyError, ValueError):
        rate = 0.0
    per_second = rate if 0 < rate < 1e6 else None
    return None if left is None and per_second is None else Allowance(left, None, per_second)
