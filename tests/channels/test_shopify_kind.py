"""A shop is connected, checked, read and polled; what is missing is said to its owner with the place to click."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.channel import (
    Acknowledged,
    Allowance,
    Amends,
    Answer,
    ChannelKind,
    Checked,
    Later,
    Level,
    Message,
    Misfit,
    Notice,
    Page,
    ReadAgain,
    Request,
    Said,
    Token,
)
from channels.kinds import KINDS
from channels.shopify.call import NotNow
from channels.shopify.check import TOPICS
from channels.shopify.scopes import SCOPES
from domain.event import EventKind
from tests import shopify_schema
from tests.channels.shopify_orders import (
    CATALOGUE,
    GRAPHQL,
    LINE,
    LOCATION,
    ORDER,
    OTHER,
    WEBHOOK,
    Items,
    body,
    changed,
    settings,
)
from tests.channels.shopify_shop import EMPTY, Shop, run

SHOPIFY: ChannelKind = KINDS["shopify"]
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def read(topic: str, content: Any, **entry: Any) -> Said | ReadAgain | Amends | Acknowledged | None:
    """What a message says."""
    made = SHOPIFY.read(settings(**entry), CATALOGUE, Message(topic, json.dumps(content).encode()))
    return made[0] if made else None


def test_a_placed_order_is_read_from_its_webhook() -> None:
    said = read("orders/create", WEBHOOK)
    assert isinstance(said, Said)
    assert said.order is not None
    assert {line.line: line.quantity for line in said.order.lines} == {LINE: 4, OTHER: 1}


def test_a_cancelled_order_is_cancelled_at_once_whatever_the_topic() -> None:
    for topic in ("orders/create", "orders/cancelled", "orders/updated"):
        said = read(topic, changed(WEBHOOK, {"cancelled_at": "2026-11-20T11:00:00Z"}))
        assert isinstance(said, Said)
        assert said.why_not == "cancelled"


WORK = "gid://shopify/FulfillmentOrder/1046000818"

AGAIN: list[tuple[str, dict[str, Any], str]] = [
    ("orders/updated", WEBHOOK, ORDER),
    ("orders/edited", {"order_edit": {"id": 78912328793, "order_id": int(ORDER)}}, ORDER),
    ("refunds/create", {"id": 890088186047892319, "order_id": int(ORDER), "note": "worn"}, ORDER),
    ("fulfillments/create", {"id": 123456, "order_id": int(ORDER)}, ORDER),
    ("fulfillment_orders/placed_on_hold", {"fulfillment_order": {"id": WORK, "status": "on_hold"}}, WORK),
    (
        "fulfillment_orders/cancellation_request_submitted",
        {"fulfillment_order": {"id": WORK}, "fulfillment_order_merchant_request": {"id": "gid://shopify/X/1"}},
        WORK,
    ),
    (
        "fulfillment_orders/moved",
        {"source_location": {"id": "gid://shopify/Location/1"}, "moved_fulfillment_order": {"id": WORK}},
        WORK,
    ),
]


@pytest.mark.parametrize(("topic", "content", "external"), AGAIN, ids=[row[0] for row in AGAIN])
def test_what_changes_an_order_is_read_at_the_shop(topic: str, content: dict[str, Any], external: str) -> None:
    assert read(topic, content) == ReadAgain(external)


def test_an_order_that_is_collected_is_read_at_the_shop_since_its_webhook_does_not_say_where() -> None:
    assert read("orders/create", changed(WEBHOOK, {"shipping_address": None})) == ReadAgain(ORDER)


def test_a_topic_that_is_not_about_orders_says_nothing() -> None:
    assert read("app/uninstalled", {"id": 1}) is None


@pytest.mark.parametrize("content", [[], 1, {}, {"order_edit": {}}, {"order_id": 1.5}, {"order_id": None}])
def test_a_webhook_that_names_no_order_is_a_misfit(content: Any) -> None:
    for topic in ("orders/edited", "refunds/create", "fulfillment_orders/moved"):
        with pytest.raises(Misfit):
            read(topic, content)


def whole(**more: Any) -> dict[str, Any]:
    """An order, as GraphQL answers it."""
    lines = GRAPHQL["lineItems"] | {"pageInfo": EMPTY}
    return (
        {name: value for name, value in GRAPHQL.items() if name[:7] not in ("fulfill", "refunds")}
        | {"lineItems": lines}
        | more
    )


def shop_with(*orders: dict[str, Any]) -> Shop:
    """A shop that has these orders."""
    known = {order["id"]: order for order in orders}

    def listed(variables: dict[str, Any]) -> dict[str, Any]:
        """Two on a page."""
        first = int(variables["after"] or 0)
        nodes = [{"id": order["id"], "updatedAt": order["updatedAt"]} for order in orders[first : first + 2]]
        page = {"hasNextPage": first + 2 < len(orders), "endCursor": str(first + 2)}
        return {"orders": {"nodes": nodes, "pageInfo": page}}

    def order_of(variables: dict[str, Any]) -> dict[str, Any]:
        return {"fulfillmentOrder": {"orderId": f"gid://shopify/Order/{ORDER}"} if variables["id"] == WORK else None}

    return Shop(
        answers={
            "Orders": listed,
            "Order": lambda variables: {"order": known.get(variables["id"])},
            "OrderOfWork": order_of,
        }
    )


def numbered(number: int, changed_at: str = "2026-11-30T11:59:00Z") -> dict[str, Any]:
    """One of several orders."""
    return whole(id=f"gid://shopify/Order/{number}", updatedAt=changed_at)


def test_an_order_that_is_read_again_comes_as_a_message_that_can_be_read() -> None:
    for external in (ORDER, WORK):
        message = run(SHOPIFY.read_again(settings(), external), shop_with(whole()))
        assert message is not None
        [said] = SHOPIFY.read(settings(), CATALOGUE, message)
        assert isinstance(said, Said)
        assert said.external == ORDER


def test_an_order_that_the_shop_does_not_have_or_show_is_none() -> None:
    assert run(SHOPIFY.read_again(settings(), "7"), shop_with(whole())) is None
    assert run(SHOPIFY.read_again(settings(), "gid://shopify/FulfillmentOrder/7"), shop_with(whole())) is None


def test_an_order_whose_parts_are_longer_than_an_answer_is_read_to_its_end() -> None:
    def lines(first: int) -> list[dict[str, Any]]:
        return [{"quantity": 1, "lineItem": {"id": f"gid://shopify/LineItem/{LINE}"}}] * first

    more = {"hasNextPage": True, "endCursor": "x"}
    left = {
        "id": "gid://shopify/Fulfillment/1",
        "status": "SUCCESS",
        "createdAt": "2026-11-21T09:00:00Z",
        "location": {"id": "gid://shopify/Location/5", "isFulfillmentService": False},
        "fulfillmentLineItems": {"nodes": lines(1), "pageInfo": more},
    }
    node = GRAPHQL["lineItems"]["nodes"]

    def order(variables: dict[str, Any]) -> dict[str, Any]:
        page = {"nodes": [node[1]], "pageInfo": EMPTY} if variables["after"] else {"nodes": [node[0]], "pageInfo": more}
        return {"order": whole(lineItems=page)}

    shop = Shop(fulfillments=[left])
    shop.answers = {
        "Order": order,
        "FulfillmentLines": {"fulfillment": {"fulfillmentLineItems": {"nodes": lines(2), "pageInfo": EMPTY}}},
    }
    shop.answers["Order"] = lambda variables: order({"after": None} | variables)
    message = run(SHOPIFY.read_again(settings(), ORDER), shop)
    assert message is not None
    [said] = SHOPIFY.read(settings(), CATALOGUE, message)
    assert isinstance(said, Said)
    assert said.order is not None
    assert {line.line: line.quantity for line in said.order.lines} == {LINE: 1, OTHER: 1}


def pages(shop: Shop, cursor: dict[str, Any], at: datetime) -> Iterator[Page]:
    """All pages of a poll."""
    while True:
        page = run(SHOPIFY.poll(settings(), cursor, at), shop)
        json.dumps(page.cursor)
        yield page
        if page.is_last:
            return
        cursor = dict(page.cursor)


def noted(asked: list[str], variables: dict[str, Any]) -> bool:
    """Note what was asked for."""
    asked.append(variables["query"])
    return True


def test_a_poll_reads_every_page_and_the_next_one_only_what_changed() -> None:
    asked = list[str]()
    shop = shop_with(*(numbered(number) for number in range(1, 6)))
    listed = shop.answers["Orders"]
    shop.answers["Orders"] = lambda variables: noted(asked, variables) and listed(variables)
    first = list(pages(shop, {}, AT))
    assert [len(page.messages) for page in first] == [2, 2, 1]
    assert set(asked) == {"status:open"}
    again = shop_with(*(numbered(number) for number in range(1, 5)), numbered(5, "2026-11-30T12:00:30Z"))
    changed_since = again.answers["Orders"]
    again.answers["Orders"] = lambda variables: noted(asked, variables) and changed_since(variables)
    second = list(pages(again, dict(first[-1].cursor), AT + timedelta(minutes=1)))
    assert [len(page.messages) for page in second] == [0, 0, 1]
    assert asked[-1] == "updated_at:>='2026-11-30T11:45:00Z'"


def test_what_lies_before_the_overlap_is_not_remembered() -> None:
    shop = shop_with(numbered(1, "2026-11-29T00:00:00Z"), numbered(2))
    [page] = pages(shop, {}, AT)
    assert page.cursor == {"since": AT.isoformat(), "seen": {"2": "2026-11-30T11:59:00Z"}}


def test_a_token_lives_as_long_as_shopify_says_and_no_secret_is_in_an_address() -> None:
    conversation = SHOPIFY.token(settings(), AT)
    assert conversation is not None
    request = next(conversation)
    assert request.path == "/admin/oauth/access_token"
    assert json.loads(request.body) == {"client_id": "id", "client_secret": "hush", "grant_type": "client_credentials"}
    answer = Answer(200, {}, b'{"access_token": "shpat_1", "scope": "read_orders", "expires_in": 86399}')
    with pytest.raises(StopIteration) as ended:
        conversation.send(answer)
    token = ended.value.value
    assert token == Token("shpat_1", AT + timedelta(seconds=86399))
    authorized = SHOPIFY.authorized(settings(), token, Request("POST", "/x", {"accept": "y"}, b"z"))
    assert authorized == Request("POST", "/x", {"accept": "y", "x-shopify-access-token": "shpat_1"}, b"z")


def test_a_token_that_shopify_refuses_is_said_with_where_to_look() -> None:
    conversation = SHOPIFY.token(settings(), AT)
    assert conversation is not None
    next(conversation)
    with pytest.raises(Misfit, match=r"status 400.*Dev Dashboard"):
        conversation.send(Answer(400, {}, b"{}"))


def connected(scopes: list[str] | None = None, **answers: Any) -> Shop:
    """A shop that is in order."""
    granted = [*SCOPES, "read_all_orders"] if scopes is None else scopes
    own = {"id": f"gid://shopify/Location/{LOCATION}", "isActive": True}
    service = {"id": "gid://shopify/FulfillmentService/1", "handle": "switchyard", "serviceName": "Switchyard"}
    variant = {"id": "gid://shopify/ProductVariant/1", "sku": "MUG", "inventoryItem": {"requiresShipping": True}}
    address = {"shippingAddress": {"name": "Ada", "address1": "1 Long Street"}}
    hooks = [{"topic": topic, "uri": "https://oms.example.com/channels/web/webhooks"} for topic in TOPICS]
    return Shop(
        answers={
            "Installation": {"currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in granted]}},
            "Services": {"shop": {"fulfillmentServices": [service | {"location": own}]}},
            "Variants": {"productVariants": {"nodes": [variant], "pageInfo": EMPTY}},
            "LastOrders": {"orders": {"nodes": [address, {"shippingAddress": None}]}},
            "Subscriptions": {"webhookSubscriptions": {"nodes": hooks, "pageInfo": EMPTY}},
        }
        | answers
    )


def checked(
    shop: Shop, at: datetime = AT, kept: dict[str, Any] | None = None, may_ship: Sequence[str] = (), **entry: Any
) -> Checked:
    """The check of a connection; `may_ship` are the nodes that may ship its orders."""
    own: dict[str, Any] = {"webhooks": "https://oms.example.com/"}
    connection = settings({"x": 1} if kept is None else kept, **own | entry)
    return run(SHOPIFY.check(connection, Items("TEE-RED-M", "MUG", may_ship=may_ship), at), shop)


def test_a_shop_in_order_has_no_finding_and_its_location_is_kept() -> None:
    found = checked(connected())
    assert found.findings == []
    assert found.settings["location"] == LOCATION
    assert found.settings["service"] == "switchyard"
    assert found.settings["connected_at"] == AT.isoformat()
    later = checked(connected(), AT + timedelta(days=9), dict(found.settings))
    assert later.settings["connected_at"] == AT.isoformat()


@pytest.mark.parametrize("mode", ["one", "each"])
def test_until_its_first_check_has_ended_a_shop_is_not_read_and_no_level_is_lost(mode: str) -> None:
    """The credentials are stored before it: jobs look at the shop while it runs. What left before would be shipped again."""
    shop, unchecked = shop_with(GRAPHQL), settings({}, mode=mode)
    with pytest.raises(NotNow, match="starter connect web"):
        run(SHOPIFY.poll(unchecked, {}, AT), shop)
    with pytest.raises(NotNow):
        run(SHOPIFY.read_again(unchecked, ORDER), shop)
    notice = Notice("1", EventKind.SHIPPED, {}, ORDER, {"lines": [], "fulfillment_orders": []}, {}, AT)
    assert isinstance(run(SHOPIFY.notify(unchecked, notice), shop), Later)
    if mode == "one":
        assert isinstance(run(SHOPIFY.stock(unchecked, "k", [Level("TEE", 1, None)]), shop), Later)
    [said] = SHOPIFY.read(unchecked, CATALOGUE, Message("orders/create", body(WEBHOOK)))
    assert said == ReadAgain(ORDER)
    assert shop.requests == 0


def test_the_service_is_made_once_and_the_webhooks_that_are_missing_are_subscribed() -> None:
    made = {"handle": "switchyard", "location": {"id": "gid://shopify/Location/9"}}
    subscribed = list[str]()

    def subscribe(variables: dict[str, Any]) -> dict[str, Any]:
        subscribed.append(variables["topic"])
        assert variables["uri"] == "https://oms.example.com/channels/web/webhooks"
        return {"any": {"userErrors": []}}

    shop = connected(
        Services={"shop": {"fulfillmentServices": []}},
        CreateService={"any": {"fulfillmentService": made, "userErrors": []}},
        Subscriptions={"webhookSubscriptions": {"nodes": [], "pageInfo": EMPTY}},
        Subscribe=subscribe,
    )
    found = checked(shop)
    assert found.findings == []
    assert found.settings["location"] == "9"
    assert subscribed == list(TOPICS)


def test_a_subscription_that_the_shop_has_deleted_is_made_again_and_named_to_a_person() -> None:
    subscribed = list[str]()

    def subscribe(variables: dict[str, Any]) -> dict[str, Any]:
        subscribed.append(variables["topic"])
        return {"any": {"userErrors": []}}

    kept = dict(checked(connected()).settings)
    elsewhere = checked(connected(Subscribe=subscribe), kept=kept, webhooks="https://other.example.com")
    assert elsewhere.findings == [], "another address is no deletion"
    assert subscribed == list(TOPICS)

    subscribed.clear()
    uri = "https://oms.example.com/channels/web/webhooks"
    left = [{"topic": topic, "uri": uri} for topic in TOPICS if topic not in ("ORDERS_CREATE", "ORDERS_EDITED")]
    gone = connected(Subscribe=subscribe, Subscriptions={"webhookSubscriptions": {"nodes": left, "pageInfo": EMPTY}})
    [finding] = checked(gone, kept=kept).findings
    assert subscribed == ["ORDERS_CREATE", "ORDERS_EDITED"]
    assert (finding.is_fault, finding.is_for_a_person) == (False, True)
    assert "deleted the subscriptions to ORDERS_CREATE, ORDERS_EDITED" in finding.text
    assert "look whether https://oms.example.com can be reached from outside" in finding.text
    assert checked(connected(), kept=kept).findings == [], "the next check finds them"


def test_every_topic_is_one_of_shopifys_in_every_version() -> None:
    for version in shopify_schema.VERSIONS:
        kinds = {kind["name"]: kind for kind in shopify_schema.document(version)["data"]["__schema"]["types"]}
        known = {value["name"] for value in kinds["WebhookSubscriptionTopic"]["enumValues"]}
        assert set(TOPICS) - known == set()


def texts(found: Checked) -> str:
    """What was found: faults begin with !."""
    return "\n".join(f"{'!' if finding.is_fault else '-'} {finding.text}" for finding in found.findings)


def test_a_missing_scope_is_a_fault_with_what_it_is_for_and_where_to_click() -> None:
    scopes = [scope for scope in SCOPES if scope != "write_inventory"]
    text = texts(checked(connected([*scopes, "read_all_orders"])))
    assert text.startswith(
        "! The app lacks the access scope write_inventory (set how many units can be sold). In the Dev "
    )
    assert "Access scopes" in text


def test_without_all_orders_the_owner_reads_what_sixty_days_mean() -> None:
    assert texts(checked(connected(list(SCOPES)))).startswith("- Orders older than 60 days cannot be read")


def test_items_that_are_not_mapped_or_share_a_sku_are_named() -> None:
    def variant(number: int, sku: str | None, is_goods: bool = True) -> dict[str, Any]:
        return {
            "id": f"gid://shopify/ProductVariant/{number}",
            "sku": sku,
            "inventoryItem": {"requiresShipping": is_goods},
        }

    nodes = [variant(1, "MUG"), variant(2, "MUG"), variant(3, "LAMP"), variant(4, None), variant(5, "CARD", False)]
    nodes += [variant(number, f"X{number}") for number in range(6, 30)]
    text = texts(checked(connected(Variants={"productVariants": {"nodes": nodes, "pageInfo": EMPTY}})))
    assert text.startswith("- SKU LAMP, variant 4 (it has no SKU), SKU X6, ")
    assert " and 6 more of the shop are no item here" in text
    assert "- SKU MUG belongs to several variants" in text


def test_names_that_come_empty_are_a_fault_of_the_plan() -> None:
    empty = {"shippingAddress": {"name": None, "address1": None}}
    text = texts(checked(connected(LastOrders={"orders": {"nodes": [empty]}})))
    assert text.startswith("! Names and streets come empty")
    assert "Settings, Plan" in text


def test_without_a_public_address_the_owner_reads_that_it_polls() -> None:
    assert texts(checked(connected(), webhooks="")).startswith("- Orders are read once a minute.")


def test_in_mode_each_locations_are_compared_with_the_nodes() -> None:
    places = [
        {"id": "gid://shopify/Location/1", "name": "Main Street", "isFulfillmentService": False},
        {"id": "gid://shopify/Location/2", "name": "Depot", "isFulfillmentService": False},
        {"id": "gid://shopify/Location/3", "name": "Printful", "isFulfillmentService": True},
    ]
    shop = connected(Locations={"locations": {"nodes": places, "pageInfo": EMPTY}})
    nodes = ("depot", "store", "gone")
    found = checked(shop, may_ship=nodes, mode="each", locations={"2": "depot", "9": "gone"})
    text = texts(found)
    assert '- The location "Main Street" is no node: write "1" = "NODE" under `locations`' in text
    assert "! The shop has no location 9, which channels.toml names for node gone" in text
    assert "- store may ship orders of the shop and is no location of it" in text
    assert [finding.text[:5] for finding in found.findings if finding.is_for_a_person] == ["The s", "store"]
    assert "Depot" not in text
    assert "Printful" not in text


def test_two_locations_are_not_one_node() -> None:
    [key] = [key for key in SHOPIFY.keys if key.name == "locations"]
    assert key.mistake({"1": "slc", "2": "slc", "3": "ber"}) == "slc must be the node of one location only"
    assert key.mistake({"1": "slc", "3": "ber"}) is None


def test_a_version_that_is_about_to_end_is_warned_of() -> None:
    text = texts(checked(connected(), version="2026-01"))
    assert text == "- Shopify serves version 2026-01 until 2027-01-01; write version = '2026-10' in channels.toml"
    [finding] = checked(connected(), version="2026-01").findings
    assert finding.is_for_a_person, "before orders stop"


def test_what_shopify_refuses_to_show_does_not_stop_the_rest_of_the_check() -> None:
    shop = connected(LastOrders={"orders": {"nodes": []}})
    denied = {"message": "Access denied for location field.", "extensions": {"code": "ACCESS_DENIED"}}
    shop.answers["Services"] = {"errors": [denied]}
    assert texts(checked(shop)) == "! Shopify refuses: Access denied for location field."


def test_no_request_has_a_secret_or_a_person_in_its_address() -> None:
    seen = list[str]()
    conversation = SHOPIFY.read_again(settings(), ORDER)
    request = next(conversation)
    seen.append(request.path)
    assert seen == ["/admin/api/2026-10/graphql.json"]


def test_the_body_of_a_webhook_may_be_nonsense() -> None:
    for content in (b"", b"null", body(WEBHOOK)[:-9]):
        with pytest.raises(Misfit):
            SHOPIFY.read(settings(), CATALOGUE, Message("orders/create", content))


def test_what_shopify_says_of_its_points_is_what_may_be_asked() -> None:
    throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 1954, "restoreRate": 100.0}
    known = {"data": {}, "extensions": {"cost": {"requestedQueryCost": 101, "throttleStatus": throttle}}}
    assert SHOPIFY.allowance(Answer(200, {}, json.dumps(known).encode())) == Allowance(1954, 2000, 100)
    denied = known | {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    assert SHOPIFY.allowance(Answer(200, {}, json.dumps(denied).encode())) == Allowance(
        1954, 2000, 100, was_exceeded=True
    )
    for nothing in (b"", b"[]", b'{"data": {}}', b'{"extensions": {"cost": {"throttleStatus": {"restoreRate": 0}}}}'):
        assert SHOPIFY.allowance(Answer(200, {}, nothing)) is None


@pytest.mark.parametrize(
    ("base", "is_taken"),
    [
        ("https://oms.example.com", True),
        ("http://127.0.0.1:8080", True),
        ("http://oms.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("ftp://127.0.0.1", False),
        ("http://[", False),
    ],
)
def test_webhooks_come_encrypted_or_from_this_machine(base: str, is_taken: bool) -> None:
    [key] = [key for key in SHOPIFY.keys if key.name == "webhooks"]
    assert (key.mistake(base) is None) == is_taken
