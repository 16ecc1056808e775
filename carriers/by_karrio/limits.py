"""How long the lines of an address may be for each carrier: what is longer is cut without a message, if it is not refused here.

Letters by the carriers' interfaces of 2026: UPS Shipping v2409 (35 for names and streets, 30 for cities), FedEx Ship v1 (35 for
names, firms, streets and cities), USPS Labels v3 (38 for firms, 26 for each half of a name; 50 for streets, 28 for cities), DHL
Express XML-PI 10 (60 for firms, 35 for names, 45 for streets and cities).

A test compares them with what karrio sends. What becomes of phone numbers and names is in `carriers/by_karrio/addresses.py`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from carriers.by_karrio.addresses import PHONE_DIGITS_MAX, names, phone
from carriers.carrier import Address, Shipment


class Limits(NamedTuple):
    """Letters at most."""

    name: int
    company: int
    street: int
    city: int
    street_lines: int


LIMITS: Mapping[str, Limits] = {
    "ups": Limits(35, 35, 35, 30, 2),
    "fedex": Limits(35, 35, 35, 35, 2),
    "usps": Limits(52, 38, 50, 28, 2),
    "dhl_express": Limits(35, 60, 45, 45, 2),
}
NEEDS_PHONE = frozenset({"ups", "fedex", "dhl_express"})
"""Carriers that refuse a label without a phone number of the recipient; the sender's stands in for it."""


def mistake(connector: str, shipment: Shipment) -> str | None:
    """What the carrier would cut or refuse; None = nothing. It does not repeat what is written there."""
    for who, address in (("ship_from", shipment.ship_from), ("ship_to", shipment.ship_to)):
        found = next(_of(connector, address), None)
        if found:
            return f"{who}.{found}"
    if connector in NEEDS_PHONE and not (phone(shipment.ship_from.phone) or phone(shipment.ship_to.phone)):
        return "no phone number: give the node one in nodes.toml, or the order's ship_to"
    return None


def _of(connector: str, address: Address) -> Iterator[str]:
    limits = LIMITS[connector]
    if not address.street:
        yield "street is missing: an order has it in ship_to, a node in nodes.toml"
    if not address.city:
        yield "city is missing: an order has it in ship_to, a node in nodes.toml"
    if not (address.name or address.company):
        yield "name is missing"
    if len(address.street) > limits.street_lines:
        yield f"street has {len(address.street)} lines, and {limits.street_lines} are printed"
    for line in address.street:
        if len(line) > limits.street:
            yield f"street has {len(line)} letters in a line, and {limits.street} are printed"
    person, firm = names(connector, address)
    for name, printed, most in (
        ("name" if address.name else "company", person, limits.name),
        (_firm_line(address, firm), firm, limits.company),
        ("city", address.city, limits.city),
    ):
        if len(printed) > most:
            yield f"{name} has {len(printed)} letters, and {most} are printed"
    if (digits := len(phone(address.phone).lstrip("+"))) > PHONE_DIGITS_MAX:
        yield f"phone has {digits} digits, and {PHONE_DIGITS_MAX} are printed"


def _firm_line(address: Address, firm: str) -> str:
    """Of which fields the line of the firm is made."""
    fields = {address.company: "company", address.name: "name"}
    return fields.get(firm, "company with name")
