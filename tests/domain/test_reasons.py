"""What a person can do about each exception."""

import pytest

from domain.reasons import WHAT_TO_DO, About, Action, ExceptionCode, actions, connection_of


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
    offered = set(actions(About(code, "web-1", "web-1-f1", "denver", can_reroute=True, connection="web")))
    offered |= set(actions(About(code, "web-1", None, "denver", can_reroute=False)))
    named = {act for act in Action if NAMED_BY.get(act, f"{act}") in WHAT_TO_DO[code]}
    assert named <= offered


@pytest.mark.parametrize(
    ("code", "exception", "order", "subject", "connection"),
    [
        ("channel_refused", "web-1-x1", "web-1", "1-7", "web"),
        ("channel_refused", "web-1-x1", "web-1", "slc 940 17", "slc"),
        ("acknowledgment_missing", "buyco-x2", None, "buyco 846 3", "buyco"),
        ("channel_misfit", "buyco-x2", None, "exchange 12", "buyco"),
        ("channel_refused", "yyz-dc-x2", None, "yyz-dc 943 5", "yyz-dc"),
        ("connection_fault", "web-x3", None, "web", None),
        ("node_silent", "web-1-x1", "web-1", None, None),
    ],
)
def test_what_is_sent_again_is_asked_of_the_connection_that_it_goes_to_be_it_a_shop_or_a_warehouse(
    code: str, exception: str, order: str | None, subject: str | None, connection: str | None
) -> None:
    assert connection_of(ExceptionCode(code), exception, order, subject) == connection
    offered = actions(About(ExceptionCode(code), order, None, None, can_reroute=False, connection=connection))
    assert (Action.RETRY in offered) is (connection is not None)


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
