"""How what can be done about an exception is asked for over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.action import with_requests
from domain.reasons import About, Action, ExceptionCode, actions, connection_of

OF_AN_ORDER = {
    "exception": "web-1-x1",
    "code": ExceptionCode.NODE_SILENT,
    "order": "web-1",
    "fulfillment_order": "web-1-f1",
    "node": "denver",
    "subject": "1",
}
OF_A_NODE = OF_AN_ORDER | {"exception": "stock-x1", "order": None, "fulfillment_order": None, "subject": "CHAIR"}
NAMED = ("exception", "fulfillment_order", "node", "kind")
"""The fields of a body that say what it is about; what only a person knows is null."""


def requests(shown: dict[str, Any], *wanted: Action) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = with_requests(shown | {"actions": list(wanted)})["actions"]
    return found


def test_each_action_is_a_request_with_what_is_known_of_its_body() -> None:
    found = requests(OF_AN_ORDER | {"code": ExceptionCode.CHANNEL_REFUSED}, *Action)
    for one in found:
        assert one["body"].pop("occurred_at", datetime.now(UTC)) <= datetime.now(UTC)
    assert [(one["action"], one["method"], one["path"], one["body"]) for one in found] == [
        ("choose_pickup", "POST", "/orders/web-1/pickup", {}),
        ("reroute", "POST", "/orders/web-1/reroute", {"fulfillment_order": "web-1-f1"}),
        ("cancel", "POST", "/orders/web-1/cancel", {}),
        ("return", "POST", "/orders/web-1/returns", {"lines": [{"line": "1", "quantity": None}]}),
        ("claim", "POST", "/orders/web-1/claims", {"lines": [{"line": "1", "quantity": None}], "kind": "lost"}),
        (
            "tell",
            "POST",
            "/fulfillment-orders/web-1-f1/messages",
            {"message_id": "web-1-x1-accepted", "kind": "accepted"},
        ),
        (
            "count",
            "POST",
            "/stock/messages",
            {
                "message_id": "web-1-x1-counted",
                "node": "denver",
                "kind": "counted",
                "lines": [{"sku": "1", "quantity": None}],
            },
        ),
        ("pause", "POST", "/nodes/denver/pause", {}),
        ("retry", "POST", "/connections/web/retry", {}),
        ("resolve", "POST", "/orders/web-1/resolve", {"exception": "web-1-x1"}),
        ("assign", "POST", "/exceptions/web-1-x1/assign", {"owner": None}),
    ]


def test_what_belongs_to_no_order_is_resolved_by_itself() -> None:
    (resolve,) = requests(OF_A_NODE, Action.RESOLVE)
    assert (resolve["path"], resolve["body"]) == ("/exceptions/stock-x1/resolve", {})


@pytest.mark.parametrize("code", ExceptionCode)
def test_no_request_names_what_the_exception_is_not_about(code: ExceptionCode) -> None:
    for shown in (OF_AN_ORDER, OF_AN_ORDER | {"fulfillment_order": None, "node": None}, OF_A_NODE):
        connection = connection_of(code, str(shown["exception"]), shown["order"], shown["subject"])
        about = About(code, shown["order"], shown["fulfillment_order"], shown["node"], False, connection)
        found = requests(shown | {"code": code}, *actions(about))
        assert not any("None" in one["path"] for one in found)
        assert not any(name in one["body"] and one["body"][name] is None for one in found for name in NAMED)
