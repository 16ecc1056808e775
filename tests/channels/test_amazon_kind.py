"""A seller's account is connected, checked and polled within quotas; what is missing is said with the place to click."""

import inspect
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest
from amzn_selling_partner.sdk.resources import orders_v0, orders_v2026_01_01

from channels.amazon.call import CONFIRM, GET_ORDER, SEARCH
from channels.amazon.kind import Amazon
from channels.amazon.token import LOGIN
from channels.channel import Allowance, Answer, Conversation, Message, Misfit, NoAccess, Page, Quota, Request, Token
from tests.channels.amazon_orders import CATALOGUE, ORDER, UNSHIPPED, changed, settings
from tests.peers import amazon_judge as judge

AMAZON = Amazon()
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def run(conversation: Conversation[Any], *answers: Answer) -> tuple[Any, list[Request]]:
    """The result of a conversation that gets these answers, and its requests."""
    asked = []
    try:
        request = next(conversation)
        for answer in answers:
            asked.append(request)
            request = conversation.send(answer)
        raise AssertionError("it asks for more")
    except StopIteration as end:
        return end.value, asked


def found(*orders: Mapping[str, Any], token: str | None = None) -> Answer:
    """What a search answers."""
    content = {"orders": orders, "lastUpdatedBefore": "2026-11-30T11:57:50Z"}
    return Answer(200, {}, json.dumps(content | ({"pagination": {"nextToken": token}} if token else {})).encode())


def test_a_token_is_asked_for_at_login_with_amazon_and_ends_in_an_hour() -> None:
    granted = Answer(200, {}, b'{"access_token": "Atza|1", "token_type": "bearer", "expires_in": 3600}')
    token, [request] = run(AMAZON.token(settings(), AT), granted)
    assert token == Token("Atza|1", AT + timedelta(hours=1))
    assert (request.method, request.api, request.path) == ("POST", LOGIN, "/auth/o2/token")
    assert dict(parse_qsl(request.body.decode())) == {
        "grant_type": "refresh_token",
        "client_id": "amzn1.id",
        "client_secret": "amzn1.secret",
        "refresh_token": "Atzr|x",
    }
    signed = AMAZON.authorized(settings(), token, Request("GET", "/"))
    assert signed.headers == {"x-amz-access-token": "Atza|1"}


def test_credentials_that_amazon_refuses_are_named_with_the_place_to_click() -> None:
    with pytest.raises(Misfit, match="Develop Apps"):
        run(AMAZON.token(settings(), AT), Answer(400, {}, b'{"error": "invalid_grant"}'))


def test_the_first_poll_reads_the_last_thirty_days_and_the_next_begins_where_it_ended() -> None:
    page, [request] = run(AMAZON.poll(settings(), {}, AT), found(UNSHIPPED))
    query = judge.of_search(request.path, AT)
    assert request.quota == SEARCH
    assert query["lastUpdatedAfter"] == "2026-10-31T12:00:00Z"
    assert query["lastUpdatedBefore"] == "2026-11-30T11:57:50Z"
    assert query["fulfilledBy"] == "MERCHANT"
    assert page == Page([Message("order", json.dumps(UNSHIPPED).encode())], {"since": "2026-11-30T11:42:50Z"}, True)

    later = AT + timedelta(minutes=3)
    _, [request] = run(AMAZON.poll(settings(marketplaces="ATVPDKIKX0DER, A1F83G8C2ARO7P"), page.cursor, later), found())
    query = judge.of_search(request.path, later)
    assert query["lastUpdatedAfter"] == "2026-11-30T11:42:50Z"
    assert query["marketplaceIds"] == "ATVPDKIKX0DER,A1F83G8C2ARO7P"


A_MOMENT = {"since": "2026-11-30T11:57:46Z"}
"""A cursor of which a search covers no more than four seconds."""


def test_the_pages_of_a_span_that_cannot_be_shorter_have_the_same_query_and_go_on_after_a_failure() -> None:
    page, [first] = run(AMAZON.poll(settings(), A_MOMENT, AT), found(UNSHIPPED, token="p/2="))
    assert not page.is_last
    more, [second] = run(AMAZON.poll(settings(), page.cursor, AT + timedelta(hours=2)), found(UNSHIPPED))
    queries = [judge.of_search(request.path, AT) for request in (first, second)]
    assert queries[1] == queries[0] | {"paginationToken": "p/2="}
    assert not more.is_last, "two hours are left"
    _, [third] = run(AMAZON.poll(settings(), more.cursor, AT + timedelta(hours=2)), found())
    assert judge.of_search(third.path, AT + timedelta(hours=2))["lastUpdatedAfter"] == "2026-11-30T11:57:49Z"


def test_a_span_of_more_than_a_page_is_searched_again_shorter_and_never_page_by_page() -> None:
    page, [first] = run(AMAZON.poll(settings(), {}, AT), found(UNSHIPPED, token="p/2="))
    assert (len(page.messages), page.is_last) == (1, False), "what was read is kept"
    later, [second] = run(AMAZON.poll(settings(), page.cursor, AT), found(UNSHIPPED))
    queries = [judge.of_search(request.path, AT) for request in (first, second)]
    assert "paginationToken" not in queries[1]
    assert queries[1]["lastUpdatedAfter"] == queries[0]["lastUpdatedAfter"]
    assert queries[1]["lastUpdatedBefore"] < queries[0]["lastUpdatedBefore"]
    assert not later.is_last
    _, [third] = run(AMAZON.poll(settings(), later.cursor, AT), found())
    begins = judge.of_search(third.path, AT)["lastUpdatedAfter"]
    assert begins < queries[1]["lastUpdatedBefore"], "they overlap"


@pytest.mark.parametrize(
    ("orders", "back"), [(0, 900), (10, 900), (20, 360), (30, 180), (50, 36), (60, 30), (100, 30)], ids=str
)
def test_the_next_search_goes_back_as_far_as_the_quota_has_room_for(orders: int, back: int) -> None:
    """Three minutes were searched."""
    began = {"since": "2026-11-30T11:54:50Z"}
    page, _ = run(AMAZON.poll(settings(), began, AT), found(*[UNSHIPPED] * orders))
    assert datetime.fromisoformat("2026-11-30T11:57:50Z") - datetime.fromisoformat(page.cursor["since"]) == timedelta(
        seconds=back
    )


def test_a_page_that_amazon_has_forgotten_after_a_day_is_read_from_the_beginning() -> None:
    page, [first] = run(AMAZON.poll(settings(), A_MOMENT, AT), found(token="2"))
    late = AT + timedelta(hours=24)
    _, [again] = run(AMAZON.poll(settings(), page.cursor, late), found())
    query = judge.of_search(again.path, late)
    assert "paginationToken" not in query
    assert query["lastUpdatedAfter"] == judge.of_search(first.path, AT)["lastUpdatedAfter"]


def test_a_page_that_amazon_does_not_know_any_more_is_read_from_the_beginning_of_its_search() -> None:
    page, [first] = run(AMAZON.poll(settings(), A_MOMENT, AT), found(token="2"))
    refused = Answer(400, {}, b'{"errors": [{"code": "InvalidInput", "message": "The pagination token is invalid."}]}')
    others = settings(marketplaces="A1F83G8C2ARO7P")
    last, [_, again] = run(AMAZON.poll(others, page.cursor, AT), refused, found(UNSHIPPED))
    query = judge.of_search(again.path, AT)
    assert "paginationToken" not in query
    assert query["lastUpdatedAfter"] == judge.of_search(first.path, AT)["lastUpdatedAfter"]
    assert last.is_last
    with pytest.raises(Misfit, match="pagination token"):
        run(AMAZON.poll(settings(), {}, AT), refused)


def test_an_order_is_read_with_all_its_parts_and_none_that_amazon_does_not_have() -> None:
    message, [request] = run(
        AMAZON.read_again(settings(), ORDER), Answer(200, {}, json.dumps({"order": UNSHIPPED}).encode())
    )
    judge.of_order(request.path)
    assert request.quota == GET_ORDER
    assert json.loads(message.body) == UNSHIPPED
    gone, _ = run(AMAZON.read_again(settings(), ORDER), Answer(404, {}, b""))
    assert gone is None


def test_a_role_that_lacks_is_no_access() -> None:
    denied = Answer(
        403, {}, b'{"errors": [{"code": "Unauthorized", "message": "Access to requested resource is denied."}]}'
    )
    with pytest.raises(NoAccess, match=r"Unauthorized: Access .* look at the roles"):
        run(AMAZON.poll(settings(), {}, AT), denied)


@pytest.mark.parametrize(
    ("answer", "allowance"),
    [
        (Answer(200, {}, b""), None),
        (Answer(200, {"x-amzn-ratelimit-limit": "0.5"}, b""), Allowance(None, None, 0.5)),
        (Answer(429, {"x-amzn-ratelimit-limit": "2.0"}, b""), Allowance(0.0, None, 2.0)),
        (Answer(429, {}, b""), Allowance(0.0, None, None)),
        (Answer(200, {"x-amzn-ratelimit-limit": "fast"}, b""), None),
        (Answer(200, {"x-amzn-ratelimit-limit": "nan"}, b""), None),
    ],
)
def test_what_an_answer_says_of_its_quota_counts(answer: Answer, allowance: Allowance | None) -> None:
    assert AMAZON.allowance(answer) == allowance


QUOTAS = [(SEARCH, orders_v2026_01_01), (GET_ORDER, orders_v2026_01_01), (CONFIRM, orders_v0)]


@pytest.mark.parametrize(("quota", "module"), QUOTAS, ids=[quota.name for quota, _ in QUOTAS])
def test_the_quotas_are_those_of_amazons_models(quota: Quota, module: ModuleType) -> None:
    call = inspect.getsource(module).partition(f'operation="{quota.name}"')[2]
    rate = call.partition("rate_limit=RateLimit(")[2].partition(")")[0]
    assert [float(part) for part in rate.split(", ")] == [quota.per_second, quota.burst]


def checked(*orders: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Any:
    """What a check finds in these orders."""
    return run(AMAZON.check(settings(kept or {}), CATALOGUE, AT), found(*orders))[0]


def test_a_connection_that_lacks_nothing_has_no_findings_and_remembers_when_it_was_made() -> None:
    made = checked(UNSHIPPED)
    assert made.findings == []
    assert made.settings == {"connected_at": AT.isoformat()}
    assert checked(UNSHIPPED, kept={"connected_at": "2026-01-01T00:00:00+00:00"}).settings == {
        "connected_at": "2026-01-01T00:00:00+00:00"
    }


FINDINGS: list[tuple[str, list[dict[str, Any]], bool, str]] = [
    ("no order", [], False, "No order of the last thirty days"),
    ("no recipient", [changed("recipient", to=...)], True, "no name, no street, no postal code"),
    (
        "no name",
        [changed("recipient", "deliveryAddress", "name", to=None)],
        True,
        "Orders show no name: the app lacks the role",
    ),
    ("no buyer", [changed("buyer", to=...)], False, "Buyers' names are not shown"),
    ("an item", [changed("orderItems", 0, "product", "sellerSku", to="NEW")], False, "Not mapped: NEW."),
]


@pytest.mark.parametrize(
    ("orders", "is_fault", "text"), [row[1:] for row in FINDINGS], ids=[row[0] for row in FINDINGS]
)
def test_row_13_what_amazon_does_not_show_is_named_with_the_role_and_the_place_to_click(
    orders: list[dict[str, Any]], is_fault: bool, text: str
) -> None:
    [finding] = checked(*orders).findings
    assert finding.is_fault == is_fault
    assert text in finding.text


def test_a_webhook_is_never_genuine_since_amazon_sends_none() -> None:
    assert not AMAZON.is_genuine(settings(), {"x-amz-sns-message-type": "Notification"}, b"{}")


def test_stock_levels_are_not_sent() -> None:
    conversation = AMAZON.stock(settings(), "key", [])
    with pytest.raises(StopIteration) as end:
        next(conversation)
    assert end.value.value == {}
