"""Addresses as karrio takes them, written so that a carrier prints the whole of them.

karrio 2026.1.32 cuts phone numbers without a word: to the first 15 letters for UPS and FedEx
(`providers/*/shipment/create.py`), to the last 10 for USPS (`providers/usps/utils.py: parse_phone_number`), blanks and brackets
counted. And of a name it gives USPS the first and the last word only: "Ada Byron Lovelace" would be printed "Ada Lovelace", and
"Plato" "Plato Plato" (`core/units.py: ComputedAddress`).
"""

import re
from typing import Any

from carriers.carrier import Address

PHONE_DIGITS_MAX = 15
"""Of E.164, and the letters that UPS and FedEx print."""
_EXTENSION = re.compile(r"\s*(?:x|ext\.?|;ext=|#)\s*\d+\s*$", re.IGNORECASE)
_TRUNK = re.compile(r"(?<=\d)\s*\(0\)")
"""The zero that is dialled inside the country only, as in +44 (0)20."""
SPLIT_NAMES = frozenset({"usps"})
"""Connectors that are given the first and the last word of a name."""


def written(connector: str, address: Address, spare_phone: str) -> dict[str, Any]:
    """An address in the words of karrio."""
    lines = [*address.street, "", ""]
    person, firm = names(connector, address)
    return {
        "person_name": person,
        "company_name": firm or None,
        "address_line1": lines[0],
        "address_line2": lines[1] or None,
        "city": address.city,
        "state_code": address.region or None,
        "postal_code": address.postal_code or None,
        "country_code": address.country,
        "phone_number": phone(address.phone) or phone(spare_phone) or None,
        "email": address.email or None,
    }


def names(connector: str, address: Address) -> tuple[str, str]:
    """The name of the person and that of the firm, as they are sent. Where names are split, one that would lose or repeat a
    word stands in the firm's line, which is printed whole."""
    if connector not in SPLIT_NAMES:
        return address.name or address.company, address.company
    if address.company and len(address.name.split()) == 2 and address.name != address.company:
        return address.name, address.company
    return "", ", ".join(dict.fromkeys(filter(None, (address.company, address.name))))


def phone(given: str) -> str:
    """A phone number as digits only, without an extension; with the + of its country where there is room for it."""
    digits = re.sub(r"\D", "", _TRUNK.sub("", _EXTENSION.sub("", given)))
    return f"+{digits}" if given.lstrip().startswith("+") and 0 < len(digits) < PHONE_DIGITS_MAX else digits
