"""Which changes wake the workflow of an order, and which are facts that it reads when it is next awake, as a table."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.deadlines import waits_for
from domain.wake import Standing, before, is_woken
from tests.domain.test_units import NETWORK, NOON, Desk, act, desk_of, play, rows

CHANGES = rows(
    """
    what has been                                 || what comes                 || is it woken
    to denver                                     || f1 accepted                || no
    to denver                                     || f1 accepted 2              || no
    to denver, f1 accepted                        || f1 picked                  || no
    to denver, f1 accepted                        || f1 picked 2                || no
    to denver                                     || f1 picked                  || no
    to denver, f1 accepted, f1 picked             || f1 ready_for_pickup        || no
    to denver, f1 accepted                        || f1 accepted                || no
    to denver, f1 accepted                        || f1 picked 2 final          || yes
    to denver                                     || f1 rejected                || yes
    to denver                                     || f1 rejected 1              || yes
    to denver, f1 accepted                        || f1 shipped                 || yes
    to denver, f1 accepted                        || f1 shipped 1               || yes
    to denver, f1 shipped                         || f1 accepted                || no
    to denver, f1 shipped                         || f1 delivered 1             || yes
    to denver, f1 shipped                         || f1 delivered               || yes
    to denver, f1 shipped 4                       || f1 accepted                || no
    to denver, f1 accepted                        || f1 shipped 4               || yes
    to denver, f1 accepted                        || cancel 1                   || yes
    to denver, f1 accepted, cancel 1              || f1 picked                  || no
    to denver, f1 accepted, cancel 1              || f1 cancel_accepted         || yes
    to denver, f1 accepted, cancel 1              || f1 cancel_rejected         || yes
    to denver, f1 accepted, cancel 1              || f1 shipped                 || yes
    to denver                                     || f1 silent                  || yes
    to denver, f1 silent                          || f1 accepted                || no
    to denver, f1 silent                          || f1 cancel_accepted         || yes
    to denver, f1 silent, to reno                 || f1 shipped                 || yes
    to austin, f1 silent                          || f1 accepted                || yes
    to boston                                     || f1 accepted                || yes
    to boston                                     || f1 picked 2                || yes
    to boston, f1 accepted                        || f1 picked 2                || no
    source denver                                 || release                    || yes
    -                                             || source denver              || yes
    -                                             || no stock                   || yes
    no stock                                      || source denver              || yes
    """
)
"""`boston` is called; a call about new work is under way until it is accepted. `reroute` is what silence means at `denver`;
at `austin` it is a person's, whose exception ends when the node accepts."""


def deadline_of(desk: Desk, name: str) -> datetime | None:
    """Until when a fulfillment order waits."""
    fo = desk.order.fulfillment_orders[name]
    wait = waits_for(fo, NETWORK.nodes[fo.node], NETWORK.policy.orders)
    return wait.deadline if wait else None


def standing(desk: Desk, *, is_held: bool = False) -> Standing:
    """Where the order of a desk stands now."""
    found = {name: deadline_of(desk, name) for name in desk.order.fulfillment_orders}
    deadlines = {name: moment for name, moment in found.items() if moment}
    exceptions = frozenset(f"x{number}" for number in range(len(desk.opened)))
    return before(desk.order, deadlines, is_held=is_held, exceptions=exceptions)


@pytest.mark.parametrize(("past", "change", "expected"), CHANGES, ids=[f"{p} | {c}" for p, c, _ in CHANGES])
def test_a_change_wakes_the_order_when_it_gives_it_something_to_do_or_to_show(
    past: str, change: str, expected: str
) -> None:
    desk = desk_of(3)
    play(desk, past)
    was = standing(desk)

    act(desk, change)

    assert is_woken(was, standing(desk)) is (expected == "yes")


@pytest.mark.parametrize(
    ("moves_by", "expected"), [(timedelta(hours=1), False), (timedelta(), False), (-timedelta(seconds=1), True)]
)
def test_an_order_is_woken_when_a_wait_ends_sooner_but_not_when_it_ends_later(
    moves_by: timedelta, expected: bool
) -> None:
    desk = desk_of(3)
    play(desk, "to denver")
    was = standing(desk)
    work = was.works["web-1-f1"]
    assert work.deadline is not None

    now = replace(was, works={"web-1-f1": replace(work, deadline=work.deadline + moves_by)})

    assert is_woken(was, now) is expected


def test_an_order_is_woken_when_nothing_is_waited_for_any_more_and_when_something_is_again() -> None:
    desk = desk_of(3)
    play(desk, "to denver")
    waits = standing(desk)
    over = replace(waits, works={"web-1-f1": replace(waits.works["web-1-f1"], deadline=None)})

    assert is_woken(waits, over)
    assert is_woken(over, waits)
    assert not is_woken(over, over)


def test_an_order_is_woken_by_a_hold_an_exception_and_another_moment_to_look_for_stock() -> None:
    desk = desk_of(3)
    play(desk, "no stock")
    was = standing(desk)

    assert is_woken(was, standing(desk, is_held=True))
    assert is_woken(was, replace(was, exceptions=frozenset({"web-1-x9"})))
    assert is_woken(replace(was, exceptions=frozenset({"web-1-x9"})), was)
    assert is_woken(was, replace(was, looks_again_at=NOON))
    assert is_woken(was, replace(was, to_source=1)), "a hold that kept units back is off, and another one stays"


def test_a_corrected_day_of_delivery_wakes_the_order_because_the_return_window_runs_from_it() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 shipped, f1 delivered")
    was = standing(desk)
    work = was.works["web-1-f1"]

    now = replace(was, works={"web-1-f1": replace(work, delivered_at=NOON - timedelta(days=1))})

    assert is_woken(was, now)
