"""How what can be done about an exception is asked for over HTTP."""

from typing import Any

import pytest

from api.action import with_requests
from domain.reasons import About, Action, ExceptionCode, actions

OF_AN_ORDER = {"exception": "web-1-x1", "order": "web-1", "fulfillment_order": "web-1-f1", "node": "denver"}
OF_A_NODE = {"exception": "stock-x1", "order": None, "fulfillment_order": None, "node": "denver"}


def requests(shown: dict[str, Any], *wanted: Action) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = with_requests(shown | {"actions": list(wanted)})["actions"]
    return found


def test_each_action_is_a_request_with_what_is_known_of_its_body() -> None:
    assert [(one["action"], one["method"], one["path"], one["body"]) for one in requests(OF_AN_ORDER, *Action)] == [
        ("choose_pickup", "POST", "/orders/web-1/pickup", {}),
        ("reroute", "POST", "/orders/web-1/reroute", {"fulfillment_order": "web-1-f1"}),
        ("cancel", "POST", "/orders/web-1/cancel", {}),
        ("return", "POST", "/orders/web-1/returns", {}),
        ("tell", "POST", "/fulfillment-orders/web-1-f1/messages", {}),
        ("count", "POST", "/stock/messages", {"node": "denver", "kind": "counted"}),
        ("pause", "POST", "/nodes/denver/pause", {}),
        ("resolve", "POST", "/orders/web-1/resolve", {"exception": "web-1-x1"}),
        ("assign", "POST", "/exceptions/web-1-x1/assign", {}),
    ]


def test_what_belongs_to_no_order_is_resolved_by_itself() -> None:
    (resolve,) = requests(OF_A_NODE, Action.RESOLVE)
    assert (resolve["path"], resolve["body"]) == ("/exceptions/stock-x1/resolve", {})


@pytest.mark.parametrize("code", ExceptionCode)
def test_no_request_names_what_the_exception_is_not_about(code: ExceptionCode) -> None:
    for shown in (OF_AN_ORDER, OF_AN_ORDER | {"fulfillment_order": None, "node": None}, OF_A_NODE):
        about = About(code, shown["order"], shown["fulfillment_order"], shown["node"], can_reroute=False)
        found = requests(shown, *actions(about))
        assert not any("None" in one["path"] or None in one["body"].values() for one in found)
