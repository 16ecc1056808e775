"""Says in words what a page shows: how long ago, what a fulfillment order waits for, and what an act would do."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from domain.network import HoldStock

Document = Mapping[str, Any]

_SPANS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))

_WAITS = MappingProxyType(
    {
        "acceptance": "the node has until then to accept it",
        "shipment": "it should be shipped by then",
        "cancel_answer": "the node has until then to answer whether it can cancel",
        "collection": "the customer has until then to collect it",
        "delivery": "it counts as delivered then, if nobody says otherwise",
        "word_on_doubt": "the node has until then to say what became of it",
    }
)

REROUTED = MappingProxyType(
    {
        "withdrawn": "{node} has not accepted it: it is taken back at once, and another node is chosen.",
        "cancel_requested": "{node} has accepted it: the node is asked to cancel first, and another is chosen when it agrees.",
        "given_up": "{node} did not answer whether it can cancel: the attempt is given up and another node is chosen. Its "
        "units stay in doubt until the node answers, a count comes, or a person decides.",
    }
)
"""How work would be taken from its node, by the outcome."""


def of_code(code: str) -> str:
    """A word of the interface as a person reads it: `node_silent` is “node silent”."""
    return code.replace("_", " ")


def happened(what: str) -> str:
    """What an entry of a timeline is about and what became of it: `hold.placed` is “hold placed”."""
    return of_code(what.replace(".", " "))


def from_now(moment: datetime, now: datetime) -> str:
    """How long ago a moment was, or in how long it is."""
    away = span(abs(moment - now))
    if away == "now":
        return away
    return f"{away} ago" if moment < now else f"in {away}"


def span(length: timedelta) -> str:
    """A length of time in its largest whole unit; “now” below a minute."""
    return next((f"{length // unit} {name}" for unit, name in _SPANS if length >= unit), "now")


def units(quantity: int) -> str:
    """A number of units."""
    return "1 unit" if quantity == 1 else f"{quantity:,} units"


def clock(fulfillment_order: Document) -> str:
    """What the deadline of a fulfillment order means; empty when nothing is waited for."""
    return _WAITS[fulfillment_order["waiting_for"]] if fulfillment_order["waiting_for"] else ""


def of_hold(order: Document, hold: str, stock: HoldStock) -> list[str]:
    """What a hold would do to an order, in sentences."""
    if any(placed["hold"] == hold for placed in order["holds"]):
        return [f"The order has the hold {hold} already: nothing changes."]
    waiting, released = _sum(order, "open", "backordered", "reserved"), _sum(order, "allocated")
    said = [f"Not released to a node yet: {units(waiting)}. None of them is released while the hold is there."]
    if waiting and stock is HoldStock.WAIT:
        said.append("The stock that is reserved for them is given back, and other orders may take it.")
    if released:
        said.append(f"With a node already: {units(released)}. A hold does not stop them.")
    return said


def of_release(order: Document, hold: str) -> list[str]:
    """What the release of a hold would do to an order, in sentences."""
    placed = [one for one in order["holds"] if one["hold"] == hold]
    if not placed:
        return [f"The order has no hold {hold}: nothing changes."]
    others = [one["hold"] for one in order["holds"] if one["hold"] != hold]
    because = f", because: {placed[0]['reason']}" if placed[0]["reason"] else ""
    said = [f"The hold {hold} was placed by {placed[0]['actor'] or 'somebody'}{because}."]
    if others:
        return [*said, f"The order still waits: it also has {', '.join(others)}."]
    waiting = units(_sum(order, "open", "backordered", "reserved"))
    return [*said, f"It is the last hold: the order goes on. Not released to a node yet: {waiting}."]


def of_receipt(expected: Mapping[str, int], sent: Collection[str], found: Mapping[str, int]) -> list[str]:
    """Where what has come of a transfer differs from what is on its way, in sentences; none where it does not.

    `sent` are the SKUs of the transfer; the others are by SKU.
    """
    said = []
    for sku in sorted({*expected, *found}):
        wanted, came = expected.get(sku, 0), found.get(sku, 0)
        if sku not in sent:
            said.append(
                f"{units(came)} of {sku}, which this transfer does not have: booked here, and a person is asked."
            )
        elif came < wanted:
            stay = "stays" if wanted - came == 1 else "stay"
            said.append(f"{came} of {units(wanted)} of {sku}: {units(wanted - came)} {stay} on the way.")
        elif came > wanted:
            are = "is" if wanted == 1 else "are"
            said.append(f"{units(came)} of {sku}, and {wanted} {are} on the way: {units(came - wanted)} more.")
    return said


def of_transfer(source: str, destination: str, wanted: Mapping[str, int], there: Mapping[str, int]) -> list[str]:
    """What a transfer would do, in sentences; `there` are the units available at its source, by SKU."""
    said = [f"{source} gets work to ship {units(sum(wanted.values()))} to {destination}."]
    for sku, quantity in sorted(wanted.items()):
        if there.get(sku, 0) < quantity:
            said.append(f"Of {sku} it has {there.get(sku, 0)} of {quantity} available: the rest waits for stock there.")
    return said


_POSITION = MappingProxyType(
    {
        "on_hand": "on hand",
        "promised": "promised",
        "waiting": "that orders wait for",
        "planned": "not sent yet",
        "in_transit": "on the way",
        "announced": "announced",
    }
)


def of_position(need: Document) -> str:
    """What makes up the position of a need, without what is 0: `3 on hand, 2 promised`."""
    return ", ".join(f"{need[name]:,} {said}" for name, said in _POSITION.items() if need[name] or name == "on_hand")


def of_taken(source: str, destination: str, service: str, moved: Mapping[str, int]) -> str:
    """What one transfer of needs that are taken would do, in a sentence."""
    items = ", ".join(f"{quantity:,} of {sku}" for sku, quantity in sorted(moved.items()))
    return f"{source} sends {units(sum(moved.values()))} to {destination}, {of_code(service)}: {items}."


def of_count(sku: str, on_hand: int, promised: int, counted: int) -> str:
    """What a count of an item would do, in a sentence."""
    if counted == on_hand:
        return f"{sku}: {units(counted)}, as it is booked."
    said = f"{sku}: {units(counted)} instead of {on_hand} ({counted - on_hand:+d})."
    if counted < min(promised, on_hand):
        said += (
            f" {units(promised - counted)} of {promised} that orders have there are missing: what is not released is sourced"
            " again, the youngest first; for the rest a person is asked."
        )
    return said


def of_claim(asked: Document, amount: str) -> list[str]:
    """What a claim would do, in sentences; `amount` is what the units were paid, with the currency."""
    number = units(sum(line["quantity"] for line in asked["lines"]))
    if asked["resolution"] == "replacement":
        return [f"A new order sends {number} again, without a price. Nothing has to come back."]
    return [f"The channel is asked to pay the customer {amount} for {number}. Nothing has to come back."]


def of_cancel(answer: Document) -> list[str]:
    """What a cancel would do, unit by unit."""
    meanings = {"cancelled": "would be cancelled", "pending": "would be pending", "refused": "would be refused"}
    return [
        f"{units(one['quantity'])} of line {one['line']} {meaning}: {one['reason']}."
        for kind, meaning in meanings.items()
        for one in answer.get(kind, ())
    ]


def _sum(order: Document, *buckets: str) -> int:
    return sum(line[bucket] for line in order["lines"] for bucket in buckets)


def due(line: Document) -> int:
    """Units of a line that a node still has to send."""
    left: int = line["quantity"] - line["shipped"] - line["short"]
    return left


def owes(work: Document) -> bool:
    """Whether a node still has to send something of a fulfillment order."""
    return work["status"] in ("released", "in_progress", "ready_for_pickup") and any(
        due(line) > 0 for line in work["lines"]
    )


def step(work: Document) -> str:
    """What comes next for a node, in words."""
    if not owes(work):
        return f"nothing is due any more: it is {of_code(work['status'])}."
    if work["request"] == "cancel_requested":
        stopped = sum(line["cancel_requested"] for line in work["lines"])
        return f"the customer or the office wants to stop {units(stopped)}: say whether that is still possible."
    if work["status"] == "ready_for_pickup":
        return "it lies ready: hand it over to the customer."
    left = sum(due(line) for line in work["lines"])
    picked = sum(max(0, line["picked"] - line["shipped"]) for line in work["lines"])
    if picked >= left:
        return "all is picked: get it ready for the customer." if work["pickup"] else "all is picked: pack and ship it."
    if work["status"] == "released":
        return f"accept it, then pick {units(left)}."
    return f"pick {units(left - picked)}."
