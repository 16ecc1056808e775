"""How a person asks over HTTP for what can be done about an exception: each action as the request that does it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.claim import ClaimKind
from domain.fulfillment import MessageKind
from domain.reasons import Action, ExceptionCode, connection_of

_PATHS: Mapping[Action, str] = {
    Action.CHOOSE_PICKUP: "/orders/{order}/pickup",
    Action.REROUTE: "/orders/{order}/reroute",
    Action.CANCEL: "/orders/{order}/cancel",
    Action.RETURN: "/orders/{order}/returns",
    Action.CLAIM: "/orders/{order}/claims",
    Action.TELL: "/fulfillment-orders/{fulfillment_order}/messages",
    Action.COUNT: "/stock/messages",
    Action.PAUSE: "/nodes/{node}/pause",
    Action.RETRY: "/connections/{connection}/retry",
    Action.RESOLVE: "/orders/{order}/resolve",
    Action.ASSIGN: "/exceptions/{exception}/assign",
}

_RESOLVE_OF_NO_ORDER = "/exceptions/{exception}/resolve"

_WAITED_FOR: Mapping[str, MessageKind] = {
    ExceptionCode.CANCEL_UNANSWERED: MessageKind.CANCEL_ACCEPTED,
    ExceptionCode.DELIVERY_FAILED: MessageKind.DELIVERED,
    ExceptionCode.AT_RISK: MessageKind.SHIPPED,
}
"""By code, the message that closes it; for any other, that the node has accepted."""


def with_requests(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An exception as it was read, each of its actions as a request with what is known of its body."""
    return {**shown, "actions": [_request(action, shown) for action in shown["actions"]]}


def _request(action: Action, shown: Mapping[str, Any]) -> dict[str, Any]:
    is_of_no_order = action is Action.RESOLVE and shown["order"] is None
    path = _RESOLVE_OF_NO_ORDER if is_of_no_order else _PATHS[action]
    body = {} if is_of_no_order else _body(action, shown)
    return {
        "action": action,
        "method": "POST",
        "path": path.format_map({**shown, "connection": _connection(shown)}),
        "body": body,
    }


def _connection(shown: Mapping[str, Any]) -> str | None:
    return connection_of(ExceptionCode(shown["code"]), shown["exception"], shown["order"], shown["subject"])


def _body(action: Action, shown: Mapping[str, Any]) -> dict[str, Any]:
    match action:
        case Action.REROUTE:
            return {"fulfillment_order": shown["fulfillment_order"]}
        case Action.RESOLVE:
            return {"exception": shown["exception"]}
        case Action.TELL:
            return _message(shown, _WAITED_FOR.get(shown["code"], MessageKind.ACCEPTED))
        case Action.COUNT:
            lines = [{"sku": shown["subject"], "quantity": None}]
            return {"node": shown["node"], "lines": lines} | _message(shown, "counted")
        case Action.RETURN:
            return {"lines": [{"line": shown["subject"], "quantity": None}]}
        case Action.CLAIM:
            return {"lines": [{"line": shown["subject"], "quantity": None}], "kind": ClaimKind.LOST}
        case Action.ASSIGN:
            return {"owner": None}
        case _:
            return {}


def _message(shown: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A message that somebody enters for a node now."""
    return {"message_id": f"{shown['exception']}-{kind}", "kind": kind, "occurred_at": datetime.now(UTC)}
