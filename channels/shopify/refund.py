"""Pays customers back in the shop when Switchyard asks for it: once, and not what the shop has paid by itself.

Each refund is made with its id as the note, so that it is found again when the shop's answer was lost. The units of a refund
are not put back: they are counted where they came back, and the shop's stock levels follow from there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from channels.channel import Conversation, Done, Misfit, Notice, Outcome, Paid, Refused, Settings
from channels.money import decimal, minor
from channels.parcels import UNITS_OF_ONE, there
from channels.shopify import from_graphql, reading
from channels.shopify.call import Denied, ask, change, gid
from channels.shopify.documents import CREATE_REFUND, ORDER_PAYMENTS
from channels.shopify.order import paid_back
from channels.shopify.shop_order import ShopOrder
from domain.refund import RefundKind

TOOK_MONEY = ("SALE", "CAPTURE")


def pay(settings: Settings, notice: Notice) -> Conversation[Outcome]:
    """Pay a refund that was asked for. Raises `NotNow` and `Misfit`."""
    name, amount, order = notice.data["refund"], notice.data["amount"], gid("Order", notice.external)
    if notice.data["resolution"] != RefundKind.REFUND:
        return Refused(f"{name} is a store credit: give it in the shop, and report it as settled")
    found = yield from reading.whole(settings, order)
    if found is None:
        raise Denied("the shop has no such order any more")
    found["refunds"] = yield from reading.refunds(settings, order)
    known = f"refund/{name}"
    made = next((one for one in found["refunds"] if notice.ids.get(known) == one["id"] or one["note"] == name), None)
    if made is None:
        shown = from_graphql.read(found, settings.kept.get("location"))
        if _was_paid(shown, notice):
            return Done(paid=Paid(name, amount, shown.updated_at.isoformat()))
        made = yield from _create(settings, notice, order, shown)
    return Done({known: made["id"]}, paid=Paid(name, amount, made["createdAt"]))


def _was_paid(order: ShopOrder, notice: Notice) -> bool:
    """Whether the shop has paid as many units back of each of these lines as count as paid here, with those of this refund."""
    counted, known = there(notice.paid_back), paid_back(order, _units_of_one(notice))
    here = {line: counted[line] for line in _units(notice.data["lines"]) if counted[line]}
    return bool(here) and all(line in known and known[line].units >= units for line, units in here.items())


def _create(settings: Settings, notice: Notice, order: str, shown: ShopOrder) -> Conversation[dict[str, Any]]:
    payments = (yield from ask(settings, ORDER_PAYMENTS, id=order))["order"]
    if payments["presentmentCurrencyCode"] != payments["currencyCode"]:
        paid_in = payments["presentmentCurrencyCode"]
        raise Denied(f"the customer has paid in {paid_in}: pay it back in the shop, and report it as settled")
    name = notice.data["refund"]
    about = {
        "orderId": order,
        "note": name,
        "notify": bool(settings.entry.get("notify_customer", True)),
        "refundLineItems": _lines(shown, notice),
        "transactions": shares(payments["transactions"], notice.data["amount"], shown.currency, order),
    }
    made = (yield from change(settings, CREATE_REFUND, refund=about, key=name))["refund"]
    if made is None:
        raise Misfit("the shop made no refund, and does not say why")
    return dict(made)


def _lines(shown: ShopOrder, notice: Notice) -> list[dict[str, Any]]:
    """The units in the shop's own. Lines that were added here are not in the shop; neither is a part of a case."""
    current, ratio = {line.id: line.current for line in shown.lines}, _units_of_one(notice)
    units = {
        line: min(units // ratio.get(line, 1), current.get(line, 0))
        for line, units in _units(notice.data["lines"]).items()
    }
    return [
        {"lineItemId": gid("LineItem", line), "quantity": quantity, "restockType": "NO_RESTOCK"}
        for line, quantity in units.items()
        if quantity
    ]


def shares(transactions: Iterable[Mapping[str, Any]], amount: int, currency: str, order: str) -> list[dict[str, Any]]:
    """An amount, in minor units, as parts of what the customer has paid, the first payments first. Raises `Denied` where the
    shop has taken less than that and not paid it back already."""
    made, left, done = list[dict[str, Any]](), amount, [one for one in transactions if one["status"] == "SUCCESS"]
    returned = Counter[str]()
    for one in (one for one in done if one["kind"] == "REFUND" and one["parentTransaction"]):
        returned[one["parentTransaction"]["id"]] += _minor(one, currency)
    for one in (one for one in done if one["kind"] in TOOK_MONEY):
        part = min(left, _minor(one, currency) - returned[one["id"]])
        if part > 0:
            about = {"orderId": order, "parentId": one["id"], "gateway": one["gateway"], "kind": "REFUND"}
            made.append(about | {"amount": decimal(part, currency)})
            left -= part
    if left:
        there, wanted = decimal(amount - left, currency), decimal(amount, currency)
        raise Denied(f"only {there} {currency} of {wanted} can be paid back by the way that it was paid")
    return made


def _minor(transaction: Mapping[str, Any], currency: str) -> int:
    return minor(Decimal(transaction["amountSet"]["shopMoney"]["amount"]), currency)


def _units(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Units by the line of the shop."""
    return there({line["line"]: line["quantity"] for line in lines})


def _units_of_one(notice: Notice) -> dict[str, int]:
    """By line, how many of our units one of the shop's is."""
    return {line["line"]: int(line["attributes"].get(UNITS_OF_ONE, 1)) for line in notice.order["lines"]}
