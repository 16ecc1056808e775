"""Decides what a buyer owes for units that left, and what it is credited for units that did not leave after all.

The invoices of an order together cost what was ordered: each is for the next units of its lines. A credit is the invoice for
the last units, taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from channels.channel import Notice
from channels.x12.answers import Buyer, Credited, adjustment, goods_of, invoice
from domain.money import cost_of_first
from formats.x12.partner import ONLY_SET
from formats.x12.parts import Set

INVOICED = "invoiced"
"""The name of what is kept with the order: by line, the units that were invoiced and not credited."""


def invoiced(notice: Notice, line: str) -> int:
    """How many units of a line were invoiced and not credited."""
    return int(notice.ids.get(f"{INVOICED} {line}", 0))


def invoiced_now(notice: Notice, more: Mapping[str, int]) -> Mapping[str, str]:
    """What is kept with the order when so many more units of lines are invoiced; below 0 = they are credited."""
    return {f"{INVOICED} {line}": str(invoiced(notice, line) + units) for line, units in more.items()}


def left_to_credit(notice: Notice, back: Mapping[str, int]) -> dict[str, int]:
    """What of units that did not leave was invoiced."""
    return {line: units for line in back if (units := min(back[line], invoiced(notice, line)))}


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What of the order's amounts falls on some units, in minor units."""

    before: Mapping[str, int]
    discount: Mapping[str, int]
    tax: Mapping[str, int]
    charges: int
    tax_of_charges: int


def invoice_for(buyer: Buyer, notice: Notice, shipped: Mapping[str, int]) -> Set:
    """The 810 for units that left. Charges of the whole order are on its first invoice."""
    is_first = not any(name.startswith(f"{INVOICED} ") and units != "0" for name, units in notice.ids.items())
    return _made(
        buyer, notice, shipped, _amounts(notice, shipped, dict.fromkeys(shipped, 0), has_charges=is_first), None
    )


def credit_for(buyer: Buyer, notice: Notice, back: Mapping[str, int], invoice_number: str) -> Set:
    """The 810 that credits units; with the last of them the charges of the whole order. `invoice_number` "" = of several."""
    return _made(buyer, notice, back, _taken_back(notice, back), Credited(invoice_number))


def adjustment_for(buyer: Buyer, notice: Notice, back: Mapping[str, int], invoice_number: str) -> Set:
    """The 812 that credits the same."""
    amounts = _taken_back(notice, back)
    lines = {
        name: goods_of(buyer.line(name), amounts.before[name] + units)
        - goods_of(buyer.line(name), amounts.before[name])
        - amounts.discount[name]
        + amounts.tax[name]
        for name, units in back.items()
    }
    charges = amounts.charges + amounts.tax_of_charges
    return adjustment(buyer, notice.event, invoice_number, back, lines, charges, notice.at, ONLY_SET)


def _made(buyer: Buyer, notice: Notice, units: Mapping[str, int], amounts: _Amounts, credited: Credited | None) -> Set:
    return invoice(
        buyer,
        notice.event,
        units,
        amounts.before,
        notice.at,
        ONLY_SET,
        charges=amounts.charges,
        discount=sum(amounts.discount.values()),
        tax=sum(amounts.tax.values()) + amounts.tax_of_charges,
        credited=credited,
    )


def _taken_back(notice: Notice, back: Mapping[str, int]) -> _Amounts:
    left = {line["line"]: invoiced(notice, line["line"]) - back.get(line["line"], 0) for line in notice.order["lines"]}
    return _amounts(notice, back, back, has_charges=not any(left.values()))


def _amounts(notice: Notice, units: Mapping[str, int], less: Mapping[str, int], *, has_charges: bool) -> _Amounts:
    """The amounts of units that follow those which were invoiced, `less` so many."""
    lines = {line["line"]: line for line in notice.order["lines"]}
    before = {name: invoiced(notice, name) - less[name] for name in units}

    def share(name: str, amount: str) -> int:
        """What of an amount of a whole line falls on these units of it."""
        first, of, whole = before[name], lines[name]["ordered"], lines[name][amount]
        return cost_of_first(first + units[name], of, whole) - cost_of_first(first, of, whole)

    return _Amounts(
        before,
        {name: share(name, "order_discount") for name in units},
        {name: share(name, "tax") for name in units},
        notice.order["shipping_price"] if has_charges else 0,
        notice.order["shipping_tax"] if has_charges else 0,
    )
