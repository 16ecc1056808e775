"""Why an order cannot go on by itself: the codes of exceptions, each with what it means and what a person can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ExceptionCode(StrEnum):
    """Why an exception needs a person; the list is closed."""

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
    STUCK = "stuck"
    NODE_UNREACHABLE = "node_unreachable"
    REFUND_SHORT = "refund_short"
    REPLACEMENT_LOST = "replacement_lost"
    STOCK_MISFIT = "stock_misfit"
    PAYMENT_MISFIT = "payment_misfit"
    UNMAPPED = "unmapped"
    CHANNEL_MISFIT = "channel_misfit"
    CHANNEL_REFUSED = "channel_refused"
    ACKNOWLEDGMENT_MISSING = "acknowledgment_missing"
    CARRIER_FAILED = "carrier_failed"
    CONNECTION_FAULT = "connection_fault"
    MARKETPLACE_AT_RISK = "marketplace_at_risk"
    TRANSFER_SHORT = "transfer_short"


WHAT_TO_DO: dict[ExceptionCode, str] = {
    ExceptionCode.UNFILLED: "No node may fill these units: add stock or change the policy and resolve, or cancel them.",
    ExceptionCode.NODE_SILENT: "Call the node: it has not answered in its time. Then enter what it says, reroute the work, or "
    "resolve to give it more time.",
    ExceptionCode.CANCEL_UNANSWERED: "Call the node: it was asked to cancel and is silent. Then enter what it says, reroute "
    "the work, or resolve to wait.",
    ExceptionCode.DOUBLE_SHIP: "The same units left from two nodes: ask the customer to send one parcel back, and enter the "
    "return.",
    ExceptionCode.SURPLUS: "More left the node than was ordered: ask the customer to send it back, and enter the return.",
    ExceptionCode.STOCK_SHORT: "Less is on hand than is promised at this node: enter a new count, or pause the node and "
    "have its open work sourced elsewhere.",
    ExceptionCode.MESSAGE_MISFIT: "A node's message does not fit its fulfillment order: ask the node, enter what it says, and "
    "resolve.",
    ExceptionCode.PICKUP: "A pickup cannot go on: offer the customer another store or a shipment, and enter their choice.",
    ExceptionCode.DELIVERY_FAILED: "The carrier could not deliver: enter the delivery when it succeeds, claim the goods as "
    "lost, or resolve to wait for the carrier. No unit counts as delivered before that.",
    ExceptionCode.AT_RISK: "The promise is at risk: ask the node and enter what it says, or reroute or cancel the work.",
    ExceptionCode.RETURN_MISFIT: "What came back, or was paid, does not fit: ask the node or the channel, and resolve.",
    ExceptionCode.STUCK: "A step of the order fails again and again: remove the cause that is named, and it goes on by itself.",
    ExceptionCode.NODE_UNREACHABLE: "The node's interface does not take our call: ask the node, or reroute its work.",
    ExceptionCode.REFUND_SHORT: "Less was captured than the goods are worth: report what was captured since, and the rest is "
    "paid back; or resolve to leave it.",
    ExceptionCode.REPLACEMENT_LOST: "Goods that replace others will not be sent: pay the customer back, or send others.",
    ExceptionCode.STOCK_MISFIT: "Rows of a stock message do not fit: add an unknown item to the network, and its rows are "
    "applied; correct the others and send them again.",
    ExceptionCode.PAYMENT_MISFIT: "A payment does not fit the order: ask the channel; report what is missing, pay back what is "
    "too much, or resolve.",
    ExceptionCode.UNMAPPED: "Nobody knows an item of the order, which waits for it: add the item to items.csv, or what the "
    "channel calls it to aliases.csv, and the order goes on by itself; or cancel its line and release the hold `unmapped`.",
    ExceptionCode.CHANNEL_MISFIT: "What a channel sent cannot be understood or carried out: remove the cause that is named and "
    "retry the connection; or agree with the channel, and resolve.",
    ExceptionCode.CHANNEL_REFUSED: "A shop or marketplace does not take what it is to be notified of: remove the cause that it "
    "names and retry, or enter it there by hand and resolve.",
    ExceptionCode.ACKNOWLEDGMENT_MISSING: "A trading partner has not acknowledged a document in its time: ask whether it came, "
    "and retry the connection to send it again; or resolve, if the partner has it.",
    ExceptionCode.CARRIER_FAILED: "A carrier did not sell a label, or did not answer and may have sold it: correct what it "
    "names and ask again; look there for the label by our reference, and void it here before another is bought; or resolve.",
    ExceptionCode.CONNECTION_FAULT: "A connection does not work, or will soon not: do what the detail says, at the place that "
    "it names. It closes by itself when the connection works; `python -m starter connect NAME` checks it at once.",
    ExceptionCode.MARKETPLACE_AT_RISK: "A marketplace will not be content with a rate of the channel: ship or confirm the "
    "orders that are named before they are late, and see in the report which others lower it.",
    ExceptionCode.TRANSFER_SHORT: "Units of a transfer did not arrive in their time: ask both nodes and the carrier, and "
    "report what is found as received; or resolve to write the missing units off.",
}
"""What a person can do, in a sentence or two: only what `actions` offers, a change of the network, and talk."""


@dataclass(frozen=True, slots=True)
class About:
    """What an open exception is about: the facts that decide which actions are possible."""

    code: ExceptionCode
    order: str | None
    fulfillment_order: str | None
    node: str | None
    can_reroute: bool
    """Whether its fulfillment order still has units due that another node may send."""
    connection: str | None = None
    """Whose retry may help: `connection_of`."""


class Action(StrEnum):
    """What a person can ask for because of an exception."""

    CHOOSE_PICKUP = "choose_pickup"
    REROUTE = "reroute"
    CANCEL = "cancel"
    RETURN = "return"
    CLAIM = "claim"
    TELL = "tell"
    COUNT = "count"
    PAUSE = "pause"
    RETRY = "retry"
    RESOLVE = "resolve"
    ASSIGN = "assign"


_ACTIONS: Mapping[ExceptionCode, tuple[Action, ...]] = {
    ExceptionCode.UNFILLED: (Action.CANCEL,),
    ExceptionCode.NODE_SILENT: (Action.REROUTE, Action.TELL, Action.PAUSE, Action.CANCEL),
    ExceptionCode.CANCEL_UNANSWERED: (Action.REROUTE, Action.TELL, Action.PAUSE),
    ExceptionCode.DOUBLE_SHIP: (Action.RETURN,),
    ExceptionCode.SURPLUS: (Action.RETURN,),
    ExceptionCode.STOCK_SHORT: (Action.COUNT, Action.PAUSE),
    ExceptionCode.MESSAGE_MISFIT: (Action.TELL,),
    ExceptionCode.PICKUP: (Action.CHOOSE_PICKUP, Action.REROUTE, Action.CANCEL),
    ExceptionCode.DELIVERY_FAILED: (Action.TELL, Action.CLAIM),
    ExceptionCode.AT_RISK: (Action.REROUTE, Action.TELL, Action.CANCEL),
    ExceptionCode.RETURN_MISFIT: (),
    ExceptionCode.STUCK: (),
    ExceptionCode.NODE_UNREACHABLE: (Action.REROUTE, Action.TELL, Action.PAUSE, Action.CANCEL),
    ExceptionCode.REFUND_SHORT: (),
    ExceptionCode.REPLACEMENT_LOST: (Action.RETURN,),
    ExceptionCode.STOCK_MISFIT: (Action.COUNT,),
    ExceptionCode.PAYMENT_MISFIT: (),
    ExceptionCode.UNMAPPED: (Action.CANCEL,),
    ExceptionCode.CHANNEL_MISFIT: (Action.RETRY,),
    ExceptionCode.CHANNEL_REFUSED: (Action.RETRY,),
    ExceptionCode.ACKNOWLEDGMENT_MISSING: (Action.RETRY,),
    ExceptionCode.CARRIER_FAILED: (Action.REROUTE,),
    ExceptionCode.CONNECTION_FAULT: (),
    ExceptionCode.MARKETPLACE_AT_RISK: (),
    ExceptionCode.TRANSFER_SHORT: (),
}


def actions(about: About) -> list[Action]:
    """The actions that make sense for an open exception; every exception may be resolved and assigned."""
    return [*(action for action in _ACTIONS[about.code] if _is_possible(action, about)), Action.RESOLVE, Action.ASSIGN]


def _is_possible(action: Action, about: About) -> bool:
    match action:
        case Action.REROUTE:
            return about.can_reroute
        case Action.CHOOSE_PICKUP:
            return about.order is not None and about.fulfillment_order is None
        case Action.TELL:
            return about.fulfillment_order is not None
        case Action.COUNT | Action.PAUSE:
            return about.node is not None
        case Action.RETRY:
            return about.connection is not None
        case _:
            return about.order is not None


_RETRIED = frozenset(code for code, possible in _ACTIONS.items() if Action.RETRY in possible)


def connection_of(code: ExceptionCode, exception: str, order: str | None, subject: str | None) -> str | None:
    """The connection whose retry may end an exception; None = none is.

    A document of X12 is named by its partner, its code and its control number, and the partner may be a warehouse; an order's
    id begins with its channel, and so does the id of an exception of no order.
    """
    if code not in _RETRIED:
        return None
    partner, *numbers = (subject or "").split(" ")
    if len(numbers) == 2 and all(number.isdigit() for number in numbers):
        return partner
    return order.partition("-")[0] if order else exception.rpartition("-x")[0]
