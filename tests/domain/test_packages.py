"""Which parcel a message means, as tables: the messages so far, each with its parcels, and what is stored in the end."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from domain.fulfillment import NodeMessage, StoredPackage, place

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def message(words: str) -> NodeMessage:
    """A message such as `shipped 3: a/T1=1 a/T2=2`: its lines after the kind, then parcels as name/tracking=units of line 1.

    `shipped 0` has an empty list of lines, `shipped` none.
    """
    head, _, parcels = words.partition(":")
    kind, *lines = head.split()
    return NodeMessage.model_validate(
        {"message_id": "m", "kind": kind, "occurred_at": NOON, "packages": [_parcel(word) for word in parcels.split()]}
        | ({"lines": [{"line": "1", "quantity": int(n)} for n in lines if n != "0"]} if lines else {})
    )


def _parcel(word: str) -> dict[str, object]:
    name, _, units = word.partition("=")
    package, _, tracking = name.partition("/")
    lines = [{"line": "1", "quantity": int(units)}] if units else []
    return {"package": package, "tracking": tracking or None, "lines": lines}


def after(story: str) -> tuple[str, str]:
    """The parcels that are stored after the messages of a story, and what did not fit the last of them."""
    stored: dict[str, StoredPackage] = {}
    mismatches: tuple[str, ...] = ()
    for words in story.split(", "):
        reported = message(words)
        # A message without any units ships what is due: here a word says whether anything is.
        brings = reported.kind in ("shipped", "collected") and (bool(reported.lines) or reported.lines is None)
        placed = place(reported, stored.values(), brings_units=brings)
        stored |= {package.package: package for package in placed.packages}
        mismatches = placed.mismatches
    return " ".join(_shown(stored[name]) for name in sorted(stored)), "; ".join(mismatches)


def _shown(package: StoredPackage) -> str:
    units = sum(quantity.quantity for quantity in package.lines)
    return package.package + (f"/{package.tracking}" if package.tracking else "") + (f"={units}" if units else "")


# fmt: off
STORIES = [
    # what happens                                  messages                                          stored
    ("one shipment",                                "shipped: 1/A=1",                                 "1/A=1"),
    ("a second shipment numbers from 1 again",      "shipped: 1/A=1, shipped: 1/B=2",                 "1/A=1 1#2/B=2"),
    ("and a third",                                 "shipped: 1/A=1, shipped: 1/B=2, shipped: 1/C=1", "1/A=1 1#2/B=2 1#3/C=1"),
    ("the units are in lines",                      "shipped 1: 1/A, shipped 2: 1/B",                 "1/A 1#2/B"),
    ("all that is due, twice",                      "shipped: 1/A, shipped: 1/B",                     "1/A 1#2/B"),
    ("a van without tracking, twice",               "shipped: 1=1, shipped: 1=2",                     "1=1 1#2=2"),
    ("the first without tracking",                  "shipped: 1=1, shipped: 1/B=2",                   "1=1 1#2/B=2"),
    ("the second without tracking",                 "shipped: 1/A=1, shipped: 1=2",                   "1/A=1 1#2=2"),
    ("one name twice in one message",               "shipped: 1/A=1 1/B=1",                           "1/A=1 1#2/B=1"),
    ("twice without tracking",                      "shipped: 1=1 1=2",                               "1=1 1#2=2"),
    ("twice with one tracking number",              "shipped: 1/A=1 1/A=2",                           "1/A=3"),
    ("more units under the same tracking number",   "shipped: 1/A=1, shipped: 1/A=2",                 "1/A=3"),
    ("the parcels of before are named again",       "shipped: 1/A=1, shipped 2: 1/A=1 2/B=2",         "1/A=1 2/B=2"),
    ("a new tracking number, no new units",         "shipped: 1/A=1, shipped 0: 1/C",                 "1/C=1"),
    ("what it holds is corrected",                  "shipped 2: 1/A=1, shipped 0: 1=2",               "1/A=2"),
    ("two corrections of one name at once",         "shipped: 1/A=1, shipped 0: 1/C 1/D",             "1/C=1 1#2/D"),
    ("a correction of the second of one name",      "shipped: 1/A=1 1/B=1, shipped 0: 1#2/C",         "1/A=1 1#2/C=1"),
    ("a correction beside a shipment",              "shipped: 1/A=1, shipped: 1/C 2/B=1",             "1/C=1 2/B=1"),
    ("another name",                                "shipped: 1/A=1, shipped: 2/B=1",                 "1/A=1 2/B=1"),
    ("one tracking number for two names",           "shipped: 1/A=1 2/A=1",                           "1/A=1 2/A=1"),
    ("packed, then shipped with its tracking",      "picked: 1=1, shipped: 1/A=1",                    "1/A=1"),
    ("packed with its tracking, then shipped",      "picked: 1/A=1, shipped: 1/A=1",                  "1/A=1"),
    ("shipped, then packed is reported late",       "shipped: 1/A=1, picked: 1=1",                    "1/A=1"),
    ("the next parcel is packed under the name",    "shipped: 1/A=1, picked: 1=2, shipped: 1/B=2",    "1/A=1 1#2/B=2"),
    ("packed with another tracking number",         "shipped: 1/A=1, picked: 1/B=2",                  "1/A=1 1#2/B=2"),
    ("delivered by its name",                       "shipped: 1/A=2, delivered: 1",                   "1/A=2"),
    ("delivered by its tracking number",            "shipped: 1/A=1 1/B=2, delivered: 1/B",           "1/A=1 1#2/B=2"),
    ("delivered with a number nobody knows",        "shipped: 1/A=1, delivered: 1/C",                 "1/A=1 1#2/C"),
    ("delivered before it is reported shipped",     "delivered: 1=1, shipped: 1/A=1",                 "1/A=1"),
    ("collected in two visits",                     "collected: 1=1, collected: 1=1",                 "1=1 1#2=1"),
]
# fmt: on


@pytest.mark.parametrize(("story", "stored"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_a_parcel_is_another_one_when_it_brings_units_and_corrects_when_it_brings_none(story: str, stored: str) -> None:
    assert after(story) == (stored, "")


def test_no_tracking_number_is_lost_in_whatever_order_shipments_and_deliveries_are_reported() -> None:
    reported = ["shipped: 1/A=1", "shipped: 1/B=2", "delivered: 1/B=2", "delivered: 1/A"]
    for order in permutations(reported):
        stored, _ = after(", ".join(order))
        assert sorted(word.partition("/")[2] for word in stored.split()) == ["A=1", "B=2"], order


# fmt: off
DIFFERENT = [
    ("more packed than shipped",             "shipped 1: 1/A=2",                          "line 1: 2 in packages, 1 in lines"),
    ("less packed than shipped",             "shipped 3: 1/A=2",                          "line 1: 2 in packages, 3 in lines"),
    ("a parcel does not say what it holds",  "shipped 3: 1/A=2 2/B",                      ""),
    ("no parcel says what it holds",         "shipped 3: 1/A",                            ""),
    ("as many",                              "shipped 3: 1/A=2 2/B=1",                    ""),
    ("a correction",                         "shipped 0: 1/A=2",                          ""),
    ("a parcel of before is named again",    "shipped: 1/A=1, shipped 2: 1/A=1 2/B=2",    ""),
    ("and the new one differs",              "shipped: 1/A=1, shipped 2: 1/A=1 2/B=3",    "line 1: 3 in packages, 2 in lines"),
]
# fmt: on


@pytest.mark.parametrize(("story", "said"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_where_lines_and_parcels_differ_the_message_does_not_fit(story: str, said: str) -> None:
    assert after(story)[1] == said


def test_a_carrier_that_a_correction_does_not_name_stays() -> None:
    first = message("shipped: 1/A=1")
    parcel = first.packages[0].model_copy(update={"carrier": "ups"})
    (known,) = place(first.model_copy(update={"packages": (parcel,)}), (), brings_units=True).packages
    (corrected,) = place(message("shipped 0: 1/C"), (known,), brings_units=False).packages
    assert (corrected.carrier, corrected.tracking, corrected.has_shipped) == ("ups", "C", True)
