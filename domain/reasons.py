"""Why an order cannot go on by itself: the codes of exceptions, each with what it means and what a person can do."""

from enum import StrEnum


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
    ExceptionCode.PICKUP: "A pickup cannot go on: offer the customer another store or a shipment.",
    ExceptionCode.DELIVERY_FAILED: "The carrier could not deliver: agree with the customer on what to do.",
    ExceptionCode.AT_RISK: "The promise is at risk: speed the order up or tell the customer.",
    ExceptionCode.RETURN_MISFIT: "What came back does not fit the return: decide what to do with it.",
}
