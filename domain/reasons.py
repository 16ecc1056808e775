"""Why an order cannot go on by itself: the codes of exceptions, each with what it means and what a person can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ExceptionCode(StrEnum):
    """The closed list of CONTRACT §3; an exception needs a person, and has one of these codes."""

    UNFILLED = "unfilled"
    NODE_SILENT = "node_silent"
    CANCEL_UNANSWERED = "cancel_unanswered"
    DOUBLE_SHIP = "double_ship"
    SURPLUS = "surplus"
    STOCK_SHORT = "stock_short"
    MESSAGE_MISFIT = "message_misfit"
    PICKUP = "pickup"
    DELIVERY_FAILED = "delivery_failed"
    AT_RISK = "at_risk"
    RETURN_MISFIT = "return_misfit"


WHAT_TO_DO: dict[ExceptionCode, str] = {
    ExceptionCode.UNFILLED: "No node may fill these units: add stock or change the policy and resolve, or cancel them.",
    ExceptionCode.NODE_SILENT: "Call the node: it has not answered in its time. Then reroute, or resolve to give it more.",
    ExceptionCode.CANCEL_UNANSWERED: "Call the node: it was asked to cancel and is silent. Then reroute, or resolve to wait.",
    ExceptionCode.DOUBLE_SHIP: "The same units left from two nodes: stop one parcel or ask the customer to return it.",
    ExceptionCode.SURPLUS: "More left the node than was ordered: stop the parcel or ask the customer to return it.",
    ExceptionCode.STOCK_SHORT: "Less is on hand than is promised at this node: count again, or source the orders elsewhere.",
    ExceptionCode.MESSAGE_MISFIT: "A node's message does not fit its fulfillment order: ask the node what happened.",
    ExceptionCode.PICKUP: "A pickup cannot go on: offer the customer another store or a shipment, and say what he chose.",
    ExceptionCode.DELIVERY_FAILED: "The carrier could not deliver: agree with the customer on what to do. Nothing is taken as "
    "delivered before this is resolved.",
    ExceptionCode.AT_RISK: "The promise is at risk: speed the order up or tell the customer.",
    ExceptionCode.RETURN_MISFIT: "What came back does not fit the return: decide what to do with it.",
}


@dataclass(frozen=True, slots=True)
class About:
    """What an open exception is about, as far as it decides what can be done."""

    exception: str
    code: ExceptionCode
    order: str | None
    fulfillment_order: str | None
    node: str | None
    can_reroute: bool
    """Whether its fulfillment order still owes something that another node may send."""


_PATHS: Mapping[str, str] = {
    "choose_pickup": "/orders/{order}/pickup",
    "reroute": "/orders/{order}/reroute",
    "cancel": "/orders/{order}/cancel",
    "return": "/orders/{order}/returns",
    "tell": "/fulfillment-orders/{fulfillment_order}/messages",
    "count": "/stock/messages",
    "pause": "/nodes/{node}/pause",
    "resolve": "/orders/{order}/resolve",
    "resolve_of_no_order": "/exceptions/{exception}/resolve",
    "assign": "/exceptions/{exception}/assign",
}

_ACTIONS: Mapping[ExceptionCode, tuple[str, ...]] = {
    ExceptionCode.UNFILLED: ("cancel",),
    ExceptionCode.NODE_SILENT: ("reroute", "tell", "pause", "cancel"),
    ExceptionCode.CANCEL_UNANSWERED: ("reroute", "tell", "pause"),
    ExceptionCode.DOUBLE_SHIP: ("return",),
    ExceptionCode.SURPLUS: ("return",),
    ExceptionCode.STOCK_SHORT: ("count", "pause"),
    ExceptionCode.MESSAGE_MISFIT: ("tell",),
    ExceptionCode.PICKUP: ("choose_pickup", "reroute", "cancel"),
    ExceptionCode.DELIVERY_FAILED: ("tell", "return"),
    ExceptionCode.AT_RISK: ("reroute", "tell", "cancel"),
    ExceptionCode.RETURN_MISFIT: (),
}


def actions(about: About) -> list[dict[str, Any]]:
    """The requests that make sense for an open exception, with what is known of their bodies; all may be assigned."""
    resolve = "resolve" if about.order else "resolve_of_no_order"
    names = [name for name in _ACTIONS[about.code] if _is_possible(name, about)]
    return [_action(name, about) for name in (*names, resolve, "assign")]


def _is_possible(name: str, about: About) -> bool:
    match name:
        case "reroute":
            return about.can_reroute
        case "choose_pickup":
            return about.order is not None and about.fulfillment_order is None
        case "tell":
            return about.fulfillment_order is not None
        case "count" | "pause":
            return about.node is not None
        case _:
            return about.order is not None


def _action(name: str, about: About) -> dict[str, Any]:
    path = _PATHS[name].format(
        order=about.order, fulfillment_order=about.fulfillment_order, node=about.node, exception=about.exception
    )
    body: dict[str, dict[str, Any]] = {
        "reroute": {"fulfillment_order": about.fulfillment_order},
        "resolve": {"exception": about.exception},
        "count": {"node": about.node, "kind": "counted"},
    }
    return {"action": name.removesuffix("_of_no_order"), "method": "POST", "path": path, "body": body.get(name, {})}
