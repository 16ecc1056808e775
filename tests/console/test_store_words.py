"""What a store's page offers, and what it says comes next, by how the work stands."""

from typing import Any

import pytest

from console import words
from console.store import offered

Document = dict[str, Any]


def work(
    request: str, status: str, picked: int = 0, *, pickup: bool = False, shipped: int = 0, asked: int = 0
) -> Document:
    """Work of three units of one item."""
    line = {"line": "1", "quantity": 3, "picked": picked, "shipped": shipped, "short": 0, "cancel_requested": asked}
    return {"request": request, "status": status, "pickup": pickup, "lines": [line]}


ACCEPT = "accept it, then pick 3 units."
SHIP = "all is picked: pack and ship it."
PREPARE = "all is picked: get it ready for the customer."
HAND_OVER = "it lies ready: hand it over to the customer."
STOP = "the customer or the office wants to stop 2 units: say whether that is still possible."

# fmt: off
STANDS = [
    (work("sent", "released"),                                  "accept pick short ship reject", ACCEPT),
    (work("unsent", "released"),                                "accept pick short ship reject", ACCEPT),
    (work("accepted", "in_progress"),                           "pick short ship reject",        "pick 3 units."),
    (work("accepted", "in_progress", 2),                        "pick short ship",               "pick 1 unit."),
    (work("accepted", "in_progress", 3),                        "ship",                          SHIP),
    (work("accepted", "in_progress", 3, shipped=1),             "ship",                          SHIP),
    (work("accepted", "in_progress", 3, pickup=True),           "ready collected",               PREPARE),
    (work("accepted", "ready_for_pickup", 3, pickup=True),      "collected",                     HAND_OVER),
    (work("cancel_rejected", "in_progress", 3),                 "ship",                          SHIP),
    (work("cancel_requested", "in_progress", 3, asked=2),       "stop keep",                     STOP),
    (work("timed_out", "cancelled"), "", "nothing is due any more: it is cancelled."),
    (work("accepted", "shipped", 3, shipped=3), "", "nothing is due any more: it is shipped."),
]
# fmt: on


@pytest.mark.parametrize(("stands", "acts", "says"), STANDS)
def test_a_store_sees_the_buttons_that_make_sense_and_what_comes_next(stands: Document, acts: str, says: str) -> None:
    assert (offered(stands), words.step(stands)) == (acts.split(), says)
