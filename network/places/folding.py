"""Writes names and postal codes in the one form in which the tables have them."""

import re
import unicodedata

TABLE_OF = {
    **dict.fromkeys(("AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI"), "US"),
    **dict.fromkeys(("BL", "GF", "GP", "MC", "MF", "MQ", "NC", "PF", "PM", "RE", "WF", "YT"), "FR"),
    **dict.fromkeys(("GG", "IM", "JE"), "GB"),
    **dict.fromkeys(("CC", "CX", "HM", "NF"), "AU"),
    **dict.fromkeys(("SM", "VA"), "IT"),
    "AX": "FI",
    "GL": "DK",
    "LI": "CH",
    "SJ": "NO",
}
"""Countries whose postal codes are part of another country's system, with that country; both codes are written in addresses."""

_PREFIXES = {
    "AT": "A",
    "BE": "B",
    "DE": "D",
    "ES": "E",
    "FI": "FIN",
    "FR": "F",
    "IT": "I",
    "LI": "FL",
    "LU": "L",
    "NO": "N",
    "PT": "P",
    "SE": "S",
    "SV": "CP",
}
"""Letters that are written before the digits of a code and are not always; everywhere also the country's own two."""

OUTWARD_MAX = 4
"""The most characters before the blank of a British code."""

_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"})
"""Letters that Unicode does not take apart into a letter and a mark."""

_SHORT = {"saint": "st", "sainte": "ste", "fort": "ft", "mount": "mt"}


def folded(name: str) -> str:
    """A name without case, accents, blanks and punctuation; "Saint" is "st"."""
    letters = name.casefold()
    if not letters.isascii():
        plain = unicodedata.normalize("NFKD", letters).translate(_LETTERS)
        letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "".join([_SHORT.get(word, word) for word in re.findall(r"[^\W_]+", letters)])


def compact(country: str, postal_code: str) -> str:
    """A postal code in capitals, without blanks and hyphens, and without letters that only say the country (`LV-1010`)."""
    code = re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", postal_code).upper())
    for letters in (country, _PREFIXES.get(country, country)):
        rest = code.removeprefix(letters)
        if rest != code and rest.isdecimal():
            return rest
    return code


def looked_up(country: str, code: str) -> str:
    """The part of a compact postal code that the tables have: in Britain the part before the blank; in Argentina the digits."""
    if TABLE_OF.get(country, country) == "GB" and code[-3:-2].isdecimal() and len(code) > OUTWARD_MAX:
        return code[:-3]
    if country == "AR":
        return "".join(filter(str.isdecimal, code))
    return code
