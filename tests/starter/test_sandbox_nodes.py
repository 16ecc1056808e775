"""Simulated nodes do what a node would do next, decided by the fulfillment order as it stands and a seed."""

from datetime import UTC, datetime

import pytest

from demo.sandbox_nodes import Document, Step, Temper, behave, message, temper

SEED = 7
AT = datetime(2026, 11, 21, 15, tzinfo=UTC)


def named(wanted: Temper) -> str:
    """The id of a fulfillment order that the nodes take in this way."""
    return next(name for n in range(10_000) if temper(SEED, name := f"web-{n}-f1") is wanted)


def work(
    wanted: Temper = Temper.RELIABLE,
    request: str = "sent",
    status: str = "released",
    picked: int = 0,
    shipped: int = 0,
    short: int = 0,
) -> Document:
    """A fulfillment order of one line of three units."""
    line = {"line": "1", "sku": "SET-01", "quantity": 3, "picked": picked, "shipped": shipped, "short": short}
    name = named(wanted)
    return {"fulfillment_order": name, "node": "slc", "status": status, "request": request, "lines": [line]}


ACCEPTED, REJECTED = Step("accepted"), Step("rejected", reason="no hands free today")
PICKED, PICKED_SHORT = Step("picked", {"1": 3}), Step("picked", {"1": 2}, final=True, reason="fewer units were there")
SHIPPED, SHIPPED_TWO, DELIVERED = Step("shipped", {"1": 3}), Step("shipped", {"1": 2}), Step("delivered")
YES, NO = Step("cancel_accepted"), Step("cancel_rejected", reason="it has left already")
R, S = Temper.RELIABLE, Temper.SHORT

# fmt: off
BEHAVIOUR = [
    # what the node sees                                               what it is going to say
    (work(R),                                                          [ACCEPTED, PICKED, SHIPPED, DELIVERED]),
    (work(R, "accepted", "in_progress"),                               [PICKED, SHIPPED, DELIVERED]),
    (work(R, "accepted", "in_progress", picked=3),                     [SHIPPED, DELIVERED]),
    (work(R, "accepted", "in_progress", picked=2, short=1),            [SHIPPED_TWO, DELIVERED]),
    (work(R, "accepted", "in_progress", picked=1),        [Step("picked", {"1": 2}), SHIPPED, DELIVERED]),
    (work(R, "accepted", "in_progress", picked=3, shipped=1),          [SHIPPED_TWO, DELIVERED]),
    (work(R, "accepted", "shipped", picked=3, shipped=3),              [DELIVERED]),
    (work(R, "accepted", "delivered", picked=3, shipped=3),            []),
    (work(R, "accepted", "closed_short", short=3),                     []),
    (work(R, "rejected", "cancelled", short=3),                        []),
    (work(R, "cancel_accepted", "cancelled", short=3),                 []),
    (work(R, "cancel_requested"),                                      [YES]),
    (work(R, "cancel_requested", "in_progress", picked=3),             [YES]),
    (work(R, "cancel_requested", "in_progress", picked=3, shipped=1),  [NO]),
    (work(R, "cancel_rejected", "in_progress", picked=3, shipped=1),   [SHIPPED_TWO, DELIVERED]),
    (work(S),                                                          [ACCEPTED, PICKED_SHORT, SHIPPED_TWO, DELIVERED]),
    (work(Temper.REFUSING),                                            [REJECTED]),
    (work(Temper.SILENT),                                              []),
    (work(Temper.SILENT, "cancel_requested"),                          [YES]),
    (work(Temper.SILENT, "timed_out", "cancelled", short=3),           [YES]),
]
# fmt: on


@pytest.mark.parametrize(("seen", "said"), BEHAVIOUR)
def test_a_simulated_node_goes_on_from_where_its_work_stands(seen: Document, said: list[Step]) -> None:
    assert behave(SEED, seen) == said


def test_a_node_that_is_short_of_its_only_unit_ships_nothing() -> None:
    seen = work(S)
    seen["lines"][0]["quantity"] = 1
    assert behave(SEED, seen) == [ACCEPTED, Step("picked", {}, final=True, reason="fewer units were there")]


def test_most_nodes_are_reliable_and_each_way_to_fail_is_met() -> None:
    met = [temper(SEED, f"web-{n}-f1") for n in range(1000)]
    assert set(met) == set(Temper)
    assert met.count(Temper.RELIABLE) > 650


def test_another_seed_is_another_day() -> None:
    assert len({tuple(temper(seed, f"web-{n}-f1") for n in range(100)) for seed in range(5)}) == 5


def test_the_same_step_has_the_same_message_id_whenever_it_is_said() -> None:
    body = message(PICKED_SHORT, work(S), AT)
    assert body == {
        "message_id": f"{named(S)}-picked",
        "kind": "picked",
        "occurred_at": "2026-11-21T15:00:00+00:00",
        "lines": [{"line": "1", "quantity": 2}],
        "final": True,
        "reason": "fewer units were there",
    }


def test_what_ships_goes_in_a_package_with_a_tracking_number() -> None:
    (package,) = message(SHIPPED, work(R), AT)["packages"]
    assert package["lines"] == [{"line": "1", "quantity": 3}]
    assert package["tracking"] == message(SHIPPED, work(R), AT)["packages"][0]["tracking"]


def test_what_is_all_that_is_due_needs_no_lines() -> None:
    assert "lines" not in message(ACCEPTED, work(R), AT)
