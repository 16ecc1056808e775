"""Spells carriers as Amazon does: a parcel of a carrier that it cannot follow counts as one without valid tracking.

A code must be written just as Seller Central lists it (announcement in github.com/amzn/selling-partner-api-docs, issue 772);
any other carrier is `Other`, with its name.
"""

from collections.abc import Mapping

from channels.carriers import found

OTHER = "Other"

CODES = (
    "Amazon Shipping",
    "Australia Post",
    "Blue Dart",
    "BRT",
    "Canada Post",
    "Chronopost",
    "Colissimo",
    "Correos",
    "Delhivery",
    "Deutsche Post",
    "DHL",
    "DHL eCommerce",
    "DPD",
    "Evri",
    "FedEx",
    "GLS",
    "India Post",
    "Japan Post",
    "La Poste",
    "LaserShip",
    "OnTrac",
    "Parcelforce",
    "Poste Italiane",
    "PostNL",
    "PostNord",
    "Purolator",
    "Royal Mail",
    "SAGAWA",
    "SEUR",
    "TNT",
    "UPS",
    "USPS",
    "YAMATO",
    "Yodel",
)
"""Codes of carriers in Amazon's spelling."""

OTHERWISE = {"dhlexpress": "DHL", "hermes": "Evri"}
"""Other words that nodes use."""


def code(carrier: str, own: Mapping[str, str]) -> str | None:
    """Amazon's code of a carrier; `own` are the codes of channels.toml. None = nobody knows one."""
    return found(carrier, own, CODES, OTHERWISE)
