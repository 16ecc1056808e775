"""The form of each country's postal codes, and whether an address can do without one: postal_rules.tsv.

`make_rules.py` in this folder says where the table comes from.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

POSTAL_RULES = Path(__file__).with_name("postal_rules.tsv")


class PostalRule(NamedTuple):
    """What is known of a country's postal codes."""

    country: str
    is_required: bool
    """Whether an address cannot do without one."""
    pattern: str
    """A regular expression of the compact form; "" = not known, or there are no codes."""
    examples: str
    """One or two codes in words; "" = none is known."""


@cache
def postal_rules() -> Mapping[str, PostalRule]:
    """The rules by country; a country that has no post of its own has none."""
    rows = (line.split("\t") for line in POSTAL_RULES.read_text().splitlines())
    return {
        country: PostalRule(country, bool(required), pattern, examples) for country, required, pattern, examples in rows
    }
