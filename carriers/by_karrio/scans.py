"""What the codes of carriers' scans mean.

The words that karrio has for them are not used: it takes a UPS parcel that is out for delivery (`OT`) as in transit, and says
that a parcel is delivered if any scan of it ever was (karrio 2026.1.32).

An attempt that found nobody is no failure: the carrier comes again. Codes that are not listed change nothing. A test compares
this with the tables of karrio, and names each code that is decided otherwise.
"""

from collections.abc import Mapping

from domain.tracking import ScanKind

_LABEL, _TRANSIT, _OUT = ScanKind.LABEL, ScanKind.IN_TRANSIT, ScanKind.OUT_FOR_DELIVERY
_DELIVERED, _FAILED, _LOST, _RETURNED = ScanKind.DELIVERED, ScanKind.FAILED, ScanKind.LOST, ScanKind.RETURNED

KINDS: Mapping[str, Mapping[str, ScanKind]] = {
    "ups": {
        **dict.fromkeys(("MP", "M", "OA", "DD"), _LABEL),
        **dict.fromkeys(("OR", "PU", "OC", "OG", "DP", "AA", "AR", "AF", "AL", "DS", "IH", "AP", "I"), _TRANSIT),
        **dict.fromkeys(("OT", "OD", "OF", "DL"), _OUT),
        **dict.fromkeys(("FS", "KB", "F4"), _DELIVERED),
        **dict.fromkeys(("RF", "UR", "UF"), _FAILED),
        **dict.fromkeys(("RS", "RT", "RH", "RU"), _RETURNED),
        "LO": _LOST,
    },
    "fedex": {
        **dict.fromkeys(("OC", "OX", "EP", "MD"), _LABEL),
        **dict.fromkeys(("PU", "PX", "OF", "AP", "DP", "AR", "IT", "IX", "AF", "DR", "AX", "AO", "CC"), _TRANSIT),
        **dict.fromkeys(("AA", "AC", "EA", "EO", "FD", "LO", "Ow", "PF", "PL", "PM", "SF", "TR"), _TRANSIT),
        **dict.fromkeys(("OD", "AD", "ED"), _OUT),
        "DL": _DELIVERED,
        "RC": _FAILED,
        "RS": _RETURNED,
    },
    "usps": {
        **dict.fromkeys(("MA", "GX"), _LABEL),
        **dict.fromkeys(("03", "10", "07", "08", "OA", "TM", "NT"), _TRANSIT),
        "OF": _OUT,
        "01": _DELIVERED,
        **dict.fromkeys(("04", "05", "21", "22", "23", "24", "25", "26", "27", "28", "29"), _FAILED),
        **dict.fromkeys(("09", "RR"), _RETURNED),
    },
    "dhl_express": {
        "SA": _LABEL,
        **dict.fromkeys(("PU", "PL", "OR", "DF", "AF", "AR", "IT", "TR", "CR", "RR"), _TRANSIT),
        "WC": _OUT,
        "OK": _DELIVERED,
        **dict.fromkeys(("RD", "BA", "CM", "DS"), _FAILED),
        "RT": _RETURNED,
        "LX": _LOST,
    },
}


def meaning(connector: str, code: str) -> ScanKind:
    """What a code of a carrier means; `other` for one that is not known."""
    return KINDS[connector].get(code, ScanKind.OTHER)
