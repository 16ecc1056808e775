"""What a person can do about each exception, as the requests that do it."""

import pytest

from domain.reasons import WHAT_TO_DO, About, ExceptionCode, actions


def paths(about: About) -> list[str]:
    return [action["path"] for action in actions(about)]


@pytest.mark.parametrize("code", ExceptionCode)
def test_every_exception_can_be_understood_resolved_and_given_to_somebody_else(code: ExceptionCode) -> None:
    of_an_order = About("web-1-x1", code, "web-1", None, None, can_reroute=False)
    assert WHAT_TO_DO[code]
    assert paths(of_an_order)[-2:] == ["/orders/web-1/resolve", "/exceptions/web-1-x1/assign"]
    of_a_node = About("stock-x1", code, None, None, "denver", can_reroute=False)
    assert paths(of_a_node)[-2:] == ["/exceptions/stock-x1/resolve", "/exceptions/stock-x1/assign"]
    assert all("None" not in path for about in (of_an_order, of_a_node) for path in paths(about))


def test_work_that_still_can_go_elsewhere_can_be_rerouted() -> None:
    about = About("web-1-x1", ExceptionCode.NODE_SILENT, "web-1", "web-1-f1", "denver", can_reroute=True)
    first = {"action": "reroute", "method": "POST", "path": "/orders/web-1/reroute"}
    assert actions(about)[0] == first | {"body": {"fulfillment_order": "web-1-f1"}}
    shipped = About("web-1-x1", ExceptionCode.NODE_SILENT, "web-1", "web-1-f1", "denver", can_reroute=False)
    assert "/orders/web-1/reroute" not in paths(shipped)


def test_a_short_shelf_is_counted_again() -> None:
    about = About("stock-x1", ExceptionCode.STOCK_SHORT, None, None, "denver", can_reroute=False)
    assert actions(about)[0]["body"] == {"node": "denver", "kind": "counted"}


def test_only_units_that_wait_for_the_customers_word_can_be_collected_elsewhere() -> None:
    waits = About("web-1-x1", ExceptionCode.PICKUP, "web-1", None, "denver", can_reroute=False)
    lies = About("web-1-x1", ExceptionCode.PICKUP, "web-1", "web-1-f1", "denver", can_reroute=False)
    assert "/orders/web-1/pickup" in paths(waits)
    assert "/orders/web-1/pickup" not in paths(lies)
