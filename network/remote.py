"""Which places have no distance: military mail, and islands and territories without a road to the rest of their state.

The list of remote places is that of the carriers' home tariffs: those that have a zone of their own there. States that are
islands, such as Iceland or Malta, are not in it; they are no part of another state.
"""

from domain.network import Far, Locality

_MILITARY = {
    "US": (*(f"09{digit}" for digit in range(10)), "340", *(f"96{digit}" for digit in range(2, 7))),
    "GB": ("BFPO",),
}
"""The beginnings of postal codes of military mail: APO, FPO and DPO in the United States, and the British forces."""

_MILITARY_REGIONS = {"US": ("AA", "AE", "AP")}
_MILITARY_CITIES = {"US": ("APO", "DPO", "FPO"), "GB": ("BFPO",)}

_REMOTE_NAMES = """
AI AS AW AX BL BM BQ BV CC CK CW CX FK FM FO GF GG GL GP GS GU HM IM IO JE KY MF MH MP MQ MS NC NF NU PF PM PN PR PW RE SH SJ SX
TA TC TF TK UM VG VI WF YT
"""
_REMOTE = frozenset(_REMOTE_NAMES.split())
"""Territories with a code of their own, and the states that share the postal codes of the United States."""

_REMOTE_CODES = {
    "AU": ("2898", "2899", "6798", "6799"),
    "DK": ("39",),
    "ES": ("35", "38", "51", "52"),
    "FI": ("22",),
    "FR": ("97", "981", "984", "986", "987", "988", "989"),
    "GB": ("GY", "HS", "IM", "JE", "KW15", "KW16", "KW17", "ZE"),
    "NO": ("917",),
    "PT": ("9",),
    "US": ("006", "007", "008", "009", "967", "968", "969", *(f"99{digit}" for digit in range(5, 10))),
}
"""The beginnings of postal codes that are remote: Svalbard, Greenland, the Canary Islands, Ceuta and Melilla, Aland, the French
overseas, the Channel Islands, Man, the Scottish islands, Madeira and the Azores, Hawaii, Alaska, Puerto Rico, the Pacific."""

_REMOTE_REGIONS = {"US": ("AK", "AS", "GU", "HI", "MP", "PR", "VI")}


def far(locality: Locality, code: str) -> Far | None:
    """Why no distance to a place can be measured; None = it can. `code` is its postal code in compact form."""
    country, region = locality.country, locality.region.strip().upper()
    if code.startswith(_MILITARY.get(country, ())):
        return Far.MILITARY
    if not code and (
        region in _MILITARY_REGIONS.get(country, ()) or _city(locality) in _MILITARY_CITIES.get(country, ())
    ):
        return Far.MILITARY
    by_region = not code and region in _REMOTE_REGIONS.get(country, ())
    if country in _REMOTE or by_region or code.startswith(_REMOTE_CODES.get(country, ())):
        return Far.REMOTE
    return None


def _city(locality: Locality) -> str:
    return locality.city.strip().upper()
