"""Spells carriers as Shopify does: only of these names it makes a link that the customer can follow."""

from collections.abc import Mapping

from channels.carriers import found

NAMES = (
    "Amazon",
    "An Post",
    "APC",
    "Australia Post",
    "BPost",
    "Canada Post",
    "Canpar",
    "Chronopost",
    "Colissimo",
    "Correios",
    "Correos",
    "Deutsche Post",
    "DHL eCommerce",
    "DHL Express",
    "DPD",
    "DPD UK",
    "Estes",
    "Evri",
    "FedEx",
    "GLS",
    "La Poste Colissimo",
    "Lasership",
    "Mondial Relay",
    "New Zealand Post",
    "OnTrac",
    "Packeta",
    "Poste Italiane",
    "PostNL",
    "PostNord DK",
    "PostNord NO",
    "PostNord SE",
    "Purolator",
    "Royal Mail",
    "SF Express",
    "Singapore Post",
    "Swiss Post",
    "TNT",
    "UPS",
    "USPS",
    "Venipak",
    "XPO Logistics",
    "YunExpress",
)
"""Those of Shopify's names that carriers have in many countries; a test compares them with its schema."""

OTHERWISE = {
    "dhl": "DHL Express",
    "dhlexpressworldwide": "DHL Express",
    "hermesuk": "Evri",
    "bpostbe": "BPost",
}
"""Other words that nodes use."""


def spelled(carrier: str | None, own: Mapping[str, str]) -> str | None:
    """The carrier in Shopify's spelling; `own` are the names of channels.toml. One that nobody knows stays as it is."""
    return None if carrier is None else found(carrier, own, NAMES, OTHERWISE) or carrier
