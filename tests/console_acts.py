"""Every act of the console, found in its routes and forms, and the browser test that does it.

`operating` (tests/console_browser.py) sees which acts a test does, and fails one that does not do what stands here.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.routing import Match

from console import exception, node, order, returns, shadow, store
from console.app import ROUTES

TEMPLATES = Path(__file__).parents[1] / "console" / "templates"

IN_PATH: Mapping[str, Collection[str]] = {
    "/console/orders/{order}/{act}": order.ACTS,
    "/console/nodes/{node}/{act}": node.ACTS,
    "/console/returns/{return}/{act}": returns.ACTS,
    "/console/policy/shadow/{act}": shadow.ACTS,
    "/console/store/{work}/{act}": store.ACTS,
}
"""The acts of the addresses whose last part is one."""
IN_FIELD: Mapping[str, Collection[str]] = {"/console/exceptions/act": exception.ACTS}
"""The acts of the form whose field `act` is one."""
BUTTONS: Mapping[str, tuple[str, ...]] = {
    "/console/make-transfer": ("make_transfer.html",),
    "/console/transfers/{transfer}": ("transfer.html", "parts.html"),
    "/console/store/transfers/{transfer}": ("transfer.html", "parts.html"),
    "/console/counts/{node}": ("count.html", "parts.html"),
    "/console/store/count": ("count.html", "parts.html"),
    "/console/policy/edit": ("policy_edit.html",),
}
"""The templates of the forms that have several buttons."""
_BUTTON = re.compile(r'name="do" value="([a-z]+)"')

DONE_BY: Mapping[str, str] = {
    "test_a_silent_nodes_work_goes_to_another_node_in_2_clicks": "login orders/reroute",
    "test_what_a_node_did_not_find_and_nobody_else_has_is_cancelled_in_5_clicks": "orders/cancel",
    "test_what_a_marketplace_did_not_take_is_entered_there_and_resolved_in_2_clicks": "exceptions/resolve",
    "test_what_left_two_nodes_comes_back_by_a_return_in_3_clicks": "orders/return",
    "test_a_return_that_stands_still_is_received_and_graded_in_4_clicks": "returns/receive returns/grade",
    "test_work_of_a_node_whose_webhook_is_dead_is_rejected_by_phone_and_goes_to_another_in_4_clicks": "exceptions/tell",
    "test_a_paused_node_that_holds_orders_up_is_resumed_in_3_clicks": "nodes/resume",
    "test_a_rule_that_lets_nobody_fill_an_order_is_changed_and_the_order_goes_on_in_6_clicks": "policy/edit:check "
    "policy/edit:apply",
    "test_an_operator_saves_a_filter_of_exceptions_and_comes_back_to_it_with_one_click": "filters",
    "test_on_a_phone_a_store_scans_a_transfer_with_the_enter_key_and_counts_items": "store/transfers:scan "
    "store/transfers:receive store/count:scan store/count:preview store/count:book",
    "test_on_a_phone_with_the_keyboard_alone_a_need_is_taken": "needs/take",
    "test_orders_are_held_released_shipped_and_claimed_and_found_by_person": "orders/hold orders/release orders/pickup "
    "orders/claim orders",
    "test_exceptions_nodes_and_holds_are_acted_on_and_filters_kept": "exceptions/assign exceptions/reroute nodes/pause "
    "waiting/release filters/remove logout",
    "test_returns_are_decided_cancelled_and_paid": "returns/approve returns/decline returns/cancel returns/paid",
    "test_transfers_are_made_and_received_items_counted_and_versions_applied": "make-transfer:preview make-transfer:make "
    "transfers:scan transfers:all transfers:receive counts:scan counts:preview counts:book policy/{version} "
    "policy/shadow/promote policy/shadow/stop",
    "test_what_a_channel_sent_is_tried_again": "connections/retry",
    "test_a_store_does_all_that_its_page_offers": "store/accept store/reject store/pick store/short store/ready "
    "store/collected store/ship store/stop store/keep store/transfers:all",
}
"""By browser test, what it does, in short names."""


def short(path: str, do: str = "") -> str:
    """The name of an act: its address without what it is about, then its button."""
    name = re.sub(r"/\{(?!version)[a-z]+\}", "", path.removeprefix("/console/")).removesuffix("/act")
    return f"{name}:{do}" if do else name


def every_act() -> Iterator[str]:
    """What the console can do. Raises `KeyError` for an address with acts that this table does not know."""
    for route in ROUTES:
        if "POST" not in (route.methods or ()):
            continue
        if "{act}" in route.path:
            yield from (short(route.path.replace("{act}", act)) for act in IN_PATH[route.path])
        elif route.path in IN_FIELD:
            yield from (short(f"{route.path.removesuffix('/act')}/{act}") for act in IN_FIELD[route.path])
        elif route.path in BUTTONS:
            yield from (short(route.path, do) for do in sorted(_buttons(*BUTTONS[route.path])))
        else:
            yield short(route.path)


def _buttons(*templates: str) -> set[str]:
    return {do for name in templates for do in _BUTTON.findall((TEMPLATES / name).read_text())}


def act_of(path: str, body: str) -> str:
    """The act that a form sends; empty for what is none."""
    scope, fields = {"type": "http", "method": "POST", "path": path}, dict(parse_qsl(body))
    for route in ROUTES:
        match, found = route.matches(scope)
        if match is Match.FULL:
            if route.path in IN_FIELD:
                return short(f"{route.path.removesuffix('/act')}/{fields.get('act')}")
            parts = found["path_params"]
            return short(route.path.replace("{act}", parts.get("act", "")), fields.get("do", ""))
    return ""


def due_here() -> set[str]:
    """What the test that runs must do."""
    name = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].partition(" ")[0].partition("[")[0]
    return set(DONE_BY.get(name, "").split())
