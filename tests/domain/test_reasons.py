"""What a person can do about each exception."""

import pytest

from domain.reasons import WHAT_TO_DO, About, Action, ExceptionCode, actions


@pytest.mark.parametrize("code", ExceptionCode)
def test_every_exception_can_be_understood_resolved_and_assigned(code: ExceptionCode) -> None:
    assert WHAT_TO_DO[code]
    for about in (About(code, "web-1", None, None, False), About(code, None, None, "denver", False)):
        assert actions(about)[-2:] == [Action.RESOLVE, Action.ASSIGN]


NAMED_BY = {
    Action.COUNT: "enter a new count",
    Action.TELL: "enter what it says",
    Action.CHOOSE_PICKUP: "enter their choice",
    Action.CANCEL: "cancel the",
}


@pytest.mark.parametrize("code", ExceptionCode)
def test_what_to_do_names_only_acts_that_are_offered(code: ExceptionCode) -> None:
    offered = set(actions(About(code, "web-1", "web-1-f1", "denver", can_reroute=True)))
    offered |= set(actions(About(code, "web-1", None, "denver", can_reroute=False)))
    named = {act for act in Action if NAMED_BY.get(act, f"{act}") in WHAT_TO_DO[code]}
    assert named <= offered


def test_work_that_still_can_go_elsewhere_can_be_rerouted() -> None:
    about = About(ExceptionCode.NODE_SILENT, "web-1", "web-1-f1", "denver", can_reroute=True)
    assert actions(about)[0] is Action.REROUTE
    shipped = About(ExceptionCode.NODE_SILENT, "web-1", "web-1-f1", "denver", can_reroute=False)
    assert Action.REROUTE not in actions(shipped)


def test_only_units_that_wait_for_the_customers_word_can_be_collected_elsewhere() -> None:
    waits = About(ExceptionCode.PICKUP, "web-1", None, "denver", can_reroute=False)
    lies = About(ExceptionCode.PICKUP, "web-1", "web-1-f1", "denver", can_reroute=False)
    assert Action.CHOOSE_PICKUP in actions(waits)
    assert Action.CHOOSE_PICKUP not in actions(lies)
