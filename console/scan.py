"""Counts units by scanning: each code adds to the item that has it as its barcode or SKU. What was counted stays in the form.

A scanner types the code and presses Enter, which sends the form's first button. So this works in every browser, also without
a script.
"""

from dataclasses import replace

from api.problems import INVALID, Problem
from console.visit import Fields, whole_number
from domain.network import Item, Network
from domain.stock import LINE_UNITS_MAX

PREFIX = "units."
"""Begins the field of an item: its number of units."""
ITEMS_MAX = 300
"""Of one form: what one person counts at once."""


def units(form: Fields) -> dict[str, int]:
    """The units that were counted, by SKU, as they are filled in. Raises the problem of what is no number of units."""
    return {sku: _number(text, sku) for sku, text in form.beginning(PREFIX).items()}


def _number(text: str, name: str) -> int:
    number = whole_number(text, name)
    if number > LINE_UNITS_MAX:
        raise Problem(INVALID, f"must be at most {LINE_UNITS_MAX:,}", field=name)
    return number


def with_scan(form: Fields, network: Network) -> Fields:
    """What is filled in, with the units of the code that was scanned. Raises the problem of a code that no item has.

    An item that has only been scanned by its barcode stands in the form by its SKU from then on.
    """
    item = item_of(form.get("code"), network)
    more = _number(form.get("more") or "1", "units")
    found = units(form)
    found[item.sku] = found.get(item.sku, 0) + more
    if len(found) > ITEMS_MAX:
        raise Problem(INVALID, f"at most {ITEMS_MAX} items at once: enter these first", field="code")
    return with_units(form, found)


def with_units(form: Fields, found: dict[str, int]) -> Fields:
    """A form with these units, and with no code."""
    others = [pair for pair in form.pairs if not pair[0].startswith(PREFIX) and pair[0] not in ("code", "more")]
    return replace(form, pairs=(*others, *((f"{PREFIX}{sku}", str(number)) for sku, number in found.items())))


def item_of(code: str, network: Network) -> Item:
    """The item that has this SKU or this barcode. Raises the problem of none, of several, and of a bundle.

    Scanners write the 12 digits of a UPC also as the 13 of an EAN with a leading zero, so these are the same.
    """
    if not code:
        raise Problem(INVALID, "scan or type a barcode or a SKU first", field="code")
    found = [network.item(code)] if network.knows_item(code) else _with_barcode(code, network)
    if not found:
        raise Problem(INVALID, f"no item has the barcode or SKU {code}", field="code")
    if len(found) > 1:
        names = ", ".join(item.sku for item in found[:5])
        raise Problem(INVALID, f"several items have the barcode {code}: type the SKU, one of {names}", field="code")
    if found[0].components and found[0].sku not in network.retired_items:
        raise Problem(INVALID, f"{found[0].sku} is a bundle: count its components, which have stock", field="code")
    return found[0]


def _with_barcode(code: str, network: Network) -> list[Item]:
    wanted = code.lstrip("0")
    return [item for item in network.items.values() if item.barcode and item.barcode.lstrip("0") == wanted]
