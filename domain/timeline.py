"""Says in a sentence what happened to an order, from the facts that were stored about it."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

Facts = Mapping[str, Any]

NAMED_MAX = 5
"""Lines, SKUs or nodes that a sentence names; it counts the others."""


def sentence(what: str, facts: Facts) -> str:
    """What happened, without who did it and why. `what` is a subject and what became of it, as in `hold.placed`."""
    subject, _, happened = what.partition(".")
    return _SENTENCES[subject](happened, facts)


def _order(happened: str, facts: Facts) -> str:
    units = _units(facts.get("lines") or ())
    match happened:
        case "placed":
            replaces = "".join(f"; it replaces units of {name}" for name in facts["replaces"])
            return f"{units}; {facts['service']}, to {facts['country']}{replaces}"
        case "promised":
            return f"ships by {facts['ship_by']}, arrives by {facts['deliver_by']}"
        case "promise_changed" if facts["ship_by"] is None:
            return (
                "nobody knows at present when it ships: the goods that it waits for are late, or not announced any more"
            )
        case "promise_changed":
            return f"now ships by {facts['ship_by']}, arrives by {facts['deliver_by']}"
        case "backordered":
            return f"{units} wait for stock"
        case "cancel_refused":
            return f"{units} are not cancelled: {facts['node']} kept or shipped them"
        case "exchanged":
            return f"{facts['order']} takes the place of what {facts.get('return') or facts.get('claim')} is about"
        case "return_reminder":
            return f"nothing of {facts['return']} has come back; it expires at {facts['expires_at']}"
    return {"completed": "nothing is left to do", "forgotten": "its personal data was erased"}.get(happened, units)


def _round(_: str, facts: Facts) -> str:
    places = [
        f"{_count(sum(line['quantity'] for line in one['lines']))} from {one['node']}" for one in facts["shipments"]
    ]
    unfilled = sum(line["quantity"] for line in facts["unfilled"])
    left = [f"{_count(unfilled)} unfilled: {facts['unfilled_action']}"] if unfilled else []
    return f"round {facts['round']}, strategy {facts['strategy']}: {_some(places + left) or 'nothing to do'}"


def _work(happened: str, facts: Facts) -> str:
    node = facts["node"]
    if happened == "released":
        return f"{_units(facts['lines'])} to {node}, attempt {facts['attempt']}, to ship by {facts['ship_by']}"
    return {
        "cancel_asked": f"{node} was asked to cancel",
        "given_up": f"{node} is not waited for any more: what it may still have is in doubt",
        "reminded": "half of the customer's time to collect is over",
        "not_collected": "the customer's time to collect is over",
        "assumed_delivered": "no message about the delivery came: it counts as delivered",
    }[happened]


def _transfer(_: str, facts: Facts) -> str:
    units = _some([f"{one['quantity']} of {one['sku']}" for one in facts["units"]])
    return f"{units} were reserved at other nodes, which send them to {facts['to']}"


def _message(_: str, facts: Facts) -> str:
    units = [f"{one['quantity']} of {one['sku']}" for one in facts.get("units") or ()]
    said = _some(units) if units else _units(facts.get("lines") or ()) or _money(facts)
    named = f"message {facts['message_id']} of {facts['sender']}"
    return f"{named}{f': {said}' if said else ''}{'; nothing more comes' if facts.get('final') else ''}"


def _package(_: str, facts: Facts) -> str:
    return " ".join(["package", facts["package"], *(facts[name] for name in ("carrier", "tracking") if facts[name])])


def _request(_: str, facts: Facts) -> str:
    asked = [_units(value) if name == "lines" else f"{name} {value}" for name, value in _said(facts["facts"])]
    return "; ".join([*asked, _outcome(facts["answer"])])


def _outcome(answer: Facts | None) -> str:
    if answer is None:
        return "not answered yet"
    if isinstance(reason := answer.get("refused"), str):
        return f"refused: {reason}"
    done = [f"{name} {_units(value) if isinstance(value, list) else value}" for name, value in _said(answer)]
    return "; ".join(done) or "granted"


def _said(facts: Facts) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in facts.items() if value not in (None, [], {}, "")]


def _exception(happened: str, facts: Facts) -> str:
    match happened:
        case "opened":
            return f"{facts['code']}: {facts['detail']}"
        case "closed":
            return f"{facts['code']}: {'closed by ' + facts['cause'] if facts['cause'] else 'a person resolved it'}"
        case "assigned":
            return f"{facts['code']}: {facts['owner']} handles it"
    return f"{facts['code']}: nobody resolved it in time"


def _return(happened: str, facts: Facts) -> str:
    return f"{_units(facts['lines'])}, for {facts['resolution']}" if happened == "requested" else _PARTICIPLES[happened]


_PARTICIPLES = {
    "authorized": "a person authorized it",
    "declined": "a person declined it",
    "cancelled": "it was cancelled before anything came back",
    "expired": "nothing came back in time",
    "settled": "the customer got what is owed",
    "closed": "nothing is left to do",
}


def _money(facts: Facts) -> str:
    return f"{facts['amount']} minor units" if facts.get("amount") is not None else ""


def _payment(happened: str, facts: Facts) -> str:
    return f"the channel is asked to {happened.partition('_')[0]} {_money(facts)} of {facts['currency']}"


def _refund(happened: str, facts: Facts) -> str:
    money = f"{_money(facts)} of {facts['currency']}"
    if happened == "settled":
        return f"{money} were paid"
    return f"the channel is asked for {money} as {facts['kind']}"


_SENTENCES: Mapping[str, Callable[[str, Facts], str]] = MappingProxyType(
    {
        "order": _order,
        "reservation": lambda _, facts: f"its units were reserved before it came, as {facts['cart']}",
        "hold": lambda _, facts: facts["hold"],
        "round": _round,
        "stock": lambda _, facts: f"{_some(_of_each(facts['units']))} at {facts['node']}, by {facts['cause']}",
        "fulfillment_order": _work,
        "transfer": _transfer,
        "message": _message,
        "package": _package,
        "request": _request,
        "exception": _exception,
        "return": _return,
        "refund": _refund,
        "payment": _payment,
    }
)
"""By subject."""


def _of_each(units: Mapping[str, int]) -> list[str]:
    return [f"{quantity} of {sku}" for sku, quantity in sorted(units.items())]


def _units(lines: Collection[Facts]) -> str:
    """Units by line. A line of a request or an answer may have no quantity."""
    counted = (f"{line['quantity']} of " if "quantity" in line else "" for line in lines)
    return _some([f"{count}line {line['line']}" for count, line in zip(counted, lines, strict=True)])


def _some(parts: list[str]) -> str:
    beside = len(parts) - NAMED_MAX
    return ", ".join(parts[:NAMED_MAX]) + (f" and {beside} more" if beside > 0 else "")


def _count(units: int) -> str:
    return f"{units} unit{'' if units == 1 else 's'}"
