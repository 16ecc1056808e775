"""The simulated Shopify keeps the rules of the real one. Each test says a rule in words, and where it is known from.

"Schema" is the text of the published schema, @shopify/dev-mcp 1.16.0; nothing here was tried against the live service.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from demo.peers.shopify import make
from demo.peers.shopify.graph import HERE, Graph, played
from demo.peers.shopify.service import SCOPES, Peer, application, deliver
from demo.peers.shopify.shop import Bought, Impossible, Shop
from demo.peers.shopify.state import Order, Work
from demo.peers.shopify.webhooks import REPEATS_MAX, Trouble
from tests.shopify_schema import VERSIONS, file, published

Document = dict[str, Any]


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 30, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


class Acme:
    """A shop with two items, kept at the merchant's warehouse and at a fulfillment service of ours."""

    def __init__(self, **more: Any) -> None:
        self.clock = Clock()
        self.shop = Shop(now=self.clock, **more)
        self.own = next(iter(self.shop.locations.values()))
        self.ours = self.shop.add_location("Switchyard", "switchyard")
        stock = {self.own.id: 5, self.ours.id: 20}
        self.shirt = self.shop.add_item("SHIRT-S", "Shirt", 1999, stock)
        self.cap = self.shop.add_item("CAP", "Cap", 900, stock)
        self.belt = self.shop.add_item("BELT", "Belt", 2500, {self.own.id: 5})
        self.peer = Peer(self.shop)
        self.peer.graph.published = {"2026-10": published("2026-10")}

    def ask(self, text: str, version: str = "2026-10", scopes: tuple[str, ...] = SCOPES, **variables: Any) -> Document:
        """The answer to a document."""
        return self.peer.graph.execute(version, scopes, text, variables)

    def data(self, text: str, **variables: Any) -> Any:
        """What a document answers; it must have no errors."""
        answer = self.ask(text, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def order(self, *bought: Bought, **more: Any) -> Order:
        """An order, of two shirts and a cap unless said otherwise."""
        return self.shop.place(*(bought or (Bought("SHIRT-S", 2), Bought("CAP"))), **more)

    def accepted(self, order: Order) -> Work:
        """The first work of an order, accepted by us."""
        work = order.works[0]
        assert not self.act("AcceptFulfillmentRequest", work)["userErrors"]
        return work

    def act(self, verb: str, work: Work) -> Any:
        """A mutation of one fulfillment order by its id."""
        name = f"fulfillmentOrder{verb}"
        selected = "fulfillmentOrder { id status requestStatus } userErrors { field message }"
        return self.data(f"mutation M($id: ID!) {{ {name}(id: $id) {{ {selected} }} }}", id=gid(work))[name]

    def ship(self, work: Work, *units: tuple[int, int], **more: Any) -> Any:
        """`fulfillmentCreate` for `(index of the line, units)`; without any the lines are left out."""
        lines = [
            {"id": f"gid://shopify/FulfillmentOrderLineItem/{work.lines[at].id}", "quantity": n} for at, n in units
        ]
        part = {"fulfillmentOrderId": gid(work)} | ({"fulfillmentOrderLineItems": lines} if lines else {})
        given = {"lineItemsByFulfillmentOrder": [part], **more}
        return self.data(SHIP, given=given)["fulfillmentCreate"]

    def set(self, *rows: tuple[int, int | None], key: str = "k1") -> Any:
        """`inventorySetQuantities` of the shirt and the cap at our location: `(quantity, what it is believed to be)`."""
        items = (self.shirt, self.cap)
        quantities = [
            {
                "inventoryItemId": f"gid://shopify/InventoryItem/{item.inventory_item}",
                "locationId": f"gid://shopify/Location/{self.ours.id}",
                "quantity": quantity,
                "changeFromQuantity": believed,
            }
            for item, (quantity, believed) in zip(items, rows, strict=False)
        ]
        given = {"name": "available", "reason": "correction", "quantities": quantities}
        return self.data(SET, given=given, key=key)["inventorySetQuantities"]


SHIP = """mutation Ship($given: FulfillmentInput!) { fulfillmentCreate(fulfillment: $given) {
    fulfillment { id name status totalQuantity trackingInfo { company number url }
        fulfillmentLineItems(first: 10) { nodes { quantity lineItem { id } } } }
    userErrors { field message } } }"""
SET = """mutation Set($given: InventorySetQuantitiesInput!, $key: String!) {
    inventorySetQuantities(input: $given) @idempotent(key: $key) {
        inventoryAdjustmentGroup { changes { name delta quantityAfterChange } }
        userErrors { field message code } } }"""
READ = """query Read($id: ID!) { order(id: $id) { id name updatedAt displayFulfillmentStatus
    lineItems(first: 50) { nodes { id sku quantity currentQuantity fulfillableQuantity } }
    fulfillmentOrders(first: 20) { nodes { id status requestStatus
        lineItems(first: 50) { nodes { id remainingQuantity totalQuantity } } } } } }"""


def gid(of: Work | Order) -> str:
    """The global id."""
    return f"gid://shopify/{'Order' if isinstance(of, Order) else 'FulfillmentOrder'}/{of.id}"


@pytest.fixture
def acme() -> Acme:
    """A shop whose documents are checked against the published schema."""
    return Acme()


# The schema


_ERRORS = ("FulfillmentOrderCancelError", "FulfillmentOrderMoveFulfillmentOrderMoveUserError")
NEWER: Mapping[str, set[str]] = {
    "2026-01": {f"{error}.{field}" for error in _ERRORS for field in ("code", "field", "message")}
    | {"InventoryLevel.isActive", "WebhookSubscriptionInput.name"},
    "2026-04": set(),
    "2026-07": set(),
    "2026-10": set(),
}
"""What is played and a version does not have: documents for all versions do without it."""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_played_is_in_shopifys_schema_of_every_version(version: str) -> None:
    whole = published(version)
    missing: set[str] = set()
    for name, part in played().type_map.items():
        if isinstance(part, GraphQLObjectType | GraphQLInputObjectType) and not name.startswith("__"):
            fields = getattr(whole.type_map.get(name), "fields", {})
            missing |= {f"{name}.{field}" for field in part.fields if field not in fields}
    assert missing == NEWER[version]


def test_the_files_of_the_schema_are_made_from_the_published_one(tmp_path: Any) -> None:
    make.main(file("2026-10"), tmp_path)
    for name in ("played.graphql", "scopes.json"):
        assert (tmp_path / name).read_text() == (HERE / name).read_text(), f"make {name} again"


def test_a_field_that_shopify_does_not_have_is_refused_with_a_suggestion(acme: Acme) -> None:
    answer = acme.ask("{ orders(first: 1) { nodes { nam } } }")
    assert "Did you mean 'name'" in answer["errors"][0]["message"].replace('"', "'")


def test_a_field_that_shopify_has_and_the_peer_has_not_says_so(acme: Acme) -> None:
    answer = acme.ask("{ orders(first: 1) { nodes { landingPageUrl } } }")
    assert answer["errors"][0]["message"].startswith("the simulated shop does not play this")


def test_without_the_published_schema_the_peer_runs_all_the_same() -> None:
    graph = Graph(Shop())
    assert graph.execute("2026-10", SCOPES, "{ shop { myshopifyDomain } }", None)["data"] == {
        "shop": {"myshopifyDomain": "acme.myshopify.com"}
    }


# Scopes


def test_a_field_whose_scope_the_app_has_not_is_denied_and_the_scope_is_named(acme: Acme) -> None:
    """Source: `offline_scopes` in the schema file."""
    answer = acme.ask("{ orders(first: 1) { nodes { id } } }", scopes=("read_products",))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ACCESS_DENIED"]
    assert "read_orders" in answer["errors"][0]["message"]


def test_a_write_scope_includes_reading(acme: Acme) -> None:
    assert "errors" not in acme.ask("{ orders(first: 1) { nodes { id } } }", scopes=("write_orders",))


def test_an_app_sees_only_the_fulfillment_orders_of_its_scopes(acme: Acme) -> None:
    """Source: schema, FulfillmentOrder, "API access scopes"."""
    order = acme.order(Bought("SHIRT-S"), Bought("BELT"))
    assert {work.location.name for work in order.works} == {"Main warehouse", "Switchyard"}
    seen = acme.ask(READ, scopes=("read_orders", "read_assigned_fulfillment_orders"), id=gid(order))
    nodes = seen["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert [one["id"] for one in nodes] == [gid(work) for work in order.works if work.location.service]


def test_without_read_all_orders_only_sixty_days_are_seen(acme: Acme) -> None:
    """Source: Shopify's page on access scopes."""
    order = acme.order()
    acme.clock.pass_(days=61)
    few = tuple(scope for scope in SCOPES if scope != "read_all_orders")
    assert acme.ask(READ, scopes=few, id=gid(order))["data"]["order"] is None
    assert acme.data(READ, id=gid(order))["order"]["id"] == gid(order)


def test_names_and_streets_come_empty_for_a_shop_on_a_small_plan() -> None:
    """Source: Shopify's help page on custom apps: "level 2" data from the Shopify plan upwards."""
    acme = Acme(shows_people=False)
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "https://example.com")
    order = acme.order()
    seen = acme.data(
        "query($id: ID!) { order(id: $id) { email shippingAddress { name address1 countryCodeV2 } } }", id=gid(order)
    )
    assert seen["order"] == {"email": None, "shippingAddress": {"name": None, "address1": None, "countryCodeV2": "US"}}
    body = json.loads(acme.shop.webhooks.waiting[0].body)
    assert (body["email"], body["customer"], body["shipping_address"]["address1"]) == (None, None, None)


# Fulfillment orders


def test_paid_work_at_a_fulfillment_service_is_asked_of_it_and_then_accepted(acme: Acme) -> None:
    """Source: schema, "The lifecycle of a fulfillment order at a location which is managed by a fulfillment service"."""
    work = acme.order().works[0]
    assert (work.status, work.request) == ("OPEN", "SUBMITTED")
    asked = acme.data(
        "{ assignedFulfillmentOrders(first: 5, assignmentStatus: FULFILLMENT_REQUESTED) { nodes { id } } }"
    )
    assert asked["assignedFulfillmentOrders"]["nodes"] == [{"id": gid(work)}]
    assert acme.act("AcceptFulfillmentRequest", work)["fulfillmentOrder"]["status"] == "IN_PROGRESS"
    assert acme.act("AcceptFulfillmentRequest", work)["userErrors"][0]["field"] == ["id"]


def test_work_is_not_asked_before_the_order_is_paid(acme: Acme) -> None:
    order = acme.order(paid="AUTHORIZED")
    assert order.works[0].request == "UNSUBMITTED"
    acme.shop.pay(order)
    assert order.works[0].request == "SUBMITTED"


def test_rejected_work_is_open_again(acme: Acme) -> None:
    work = acme.order().works[0]
    assert acme.act("RejectFulfillmentRequest", work)["fulfillmentOrder"] == {
        "id": gid(work),
        "status": "OPEN",
        "requestStatus": "REJECTED",
    }


def test_a_fulfillment_without_line_items_fulfils_everything(acme: Acme) -> None:
    """Source: schema, fulfillmentCreate, and microsoft/BCApps PR#7065."""
    work = acme.accepted(acme.order())
    assert acme.ship(work)["fulfillment"]["totalQuantity"] == 3
    assert (work.status, work.order.fulfillment_status) == ("CLOSED", "FULFILLED")


def test_a_parcel_takes_the_units_that_it_names_and_the_rest_stays(acme: Acme) -> None:
    work = acme.accepted(acme.order())
    tracking = {"company": "UPS", "numbers": ["1Z1", "1Z2"]}
    made = acme.ship(work, (0, 1), trackingInfo=tracking)["fulfillment"]
    assert (made["totalQuantity"], made["name"]) == (1, f"{work.order.name}-F1")
    assert [one["number"] for one in made["trackingInfo"]] == ["1Z1", "1Z2"]
    assert (work.status, [part.remaining for part in work.lines]) == ("IN_PROGRESS", [1, 1])


@pytest.mark.parametrize("units", [3, 0, -1])
def test_more_units_than_are_left_are_a_user_error_and_nothing_is_fulfilled(acme: Acme, units: int) -> None:
    work = acme.accepted(acme.order())
    assert "Invalid fulfillment order line item quantity" in acme.ship(work, (0, units))["userErrors"][0]["message"]
    assert work.order.fulfillments == []


def test_what_is_fulfilled_cannot_be_fulfilled_again(acme: Acme) -> None:
    """So a repeat after a time-out that left the lines out is refused; one that names a part of them is not."""
    work = acme.accepted(acme.order())
    acme.ship(work, (0, 1))
    assert acme.ship(work, (0, 1))["userErrors"] == []
    acme.ship(work)
    assert "unfulfillable status= closed" in acme.ship(work)["userErrors"][0]["message"]


def both(acme: Acme, one: Work, other: Work) -> Any:
    """`fulfillmentCreate` over two fulfillment orders."""
    given = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": gid(one)}, {"fulfillmentOrderId": gid(other)}]}
    return acme.data(SHIP, given=given)["fulfillmentCreate"]["userErrors"]


def test_a_fulfillment_is_of_one_order(acme: Acme) -> None:
    """Source: schema, fulfillmentCreate."""
    works = [acme.accepted(acme.order()) for _ in range(2)]
    assert "same order" in both(acme, *works)[0]["message"]


def test_a_fulfillment_is_from_one_location(acme: Acme) -> None:
    """Source: microsoft/BCApps PR#7065, with its text."""
    order = acme.order(Bought("SHIRT-S"), Bought("BELT"))
    acme.accepted(order)
    assert both(acme, *order.works)[0]["message"] == "All fulfillment orders must be assigned to a single location."


def test_an_app_may_not_fulfil_what_is_assigned_to_somebody_elses_service(acme: Acme) -> None:
    """Source: Shopify's changelog of 2024-10-01."""
    work = acme.order().works[0]
    few = ("write_orders", "write_merchant_managed_fulfillment_orders")
    given = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": gid(work)}]}
    answer = acme.ask(SHIP, scopes=few, given=given)["data"]["fulfillmentCreate"]
    assert "another fulfillment service" in answer["userErrors"][0]["message"]


def test_accepted_work_is_cancelled_only_by_asking_and_the_rest_is_new_work(acme: Acme) -> None:
    """Source: schema, "a cancellation request must be submitted"."""
    work = acme.accepted(acme.order())
    acme.ship(work, (1, 1))
    acme.shop.request_cancellation(work, "changed their mind")
    assert acme.act("AcceptCancellationRequest", work)["fulfillmentOrder"] == {
        "id": gid(work),
        "status": "INCOMPLETE",
        "requestStatus": "CANCELLATION_ACCEPTED",
    }
    new = work.order.works[-1]
    assert (new.request, [(part.line.sku, part.remaining) for part in new.lines]) == ("UNSUBMITTED", [("SHIRT-S", 2)])


def test_a_cancellation_that_is_rejected_lets_the_work_go_on(acme: Acme) -> None:
    work = acme.accepted(acme.order())
    acme.shop.request_cancellation(work)
    acme.act("RejectCancellationRequest", work)
    assert (work.status, work.request) == ("IN_PROGRESS", "CANCELLATION_REJECTED")
    assert acme.ship(work)["userErrors"] == []


MOVE = """mutation Move($id: ID!, $to: ID!) { fulfillmentOrderMove(id: $id, newLocationId: $to) {
    movedFulfillmentOrder { id assignedLocation { name } } userErrors { message } } }"""


def test_work_that_was_asked_of_a_service_cannot_be_moved(acme: Acme) -> None:
    """Source: schema, fulfillmentOrderMove."""
    work = acme.order().works[0]
    to = f"gid://shopify/Location/{acme.own.id}"
    assert acme.data(MOVE, id=gid(work), to=to)["fulfillmentOrderMove"]["userErrors"]
    acme.act("RejectFulfillmentRequest", work)
    moved = acme.data(MOVE, id=gid(work), to=to)["fulfillmentOrderMove"]
    assert moved["movedFulfillmentOrder"]["assignedLocation"] == {"name": "Main warehouse"}


def test_work_is_not_moved_to_where_its_item_is_not_stocked(acme: Acme) -> None:
    """Source: schema, fulfillmentOrderMove."""
    work = acme.order(Bought("BELT")).works[0]
    moved = acme.data(MOVE, id=gid(work), to=f"gid://shopify/Location/{acme.ours.id}")["fulfillmentOrderMove"]
    assert moved["userErrors"] == [{"message": "Some items are not stocked at the new location."}]


# Stock


def test_a_level_is_set_where_it_is_what_the_caller_believes(acme: Acme) -> None:
    assert acme.set((12, 20))["inventoryAdjustmentGroup"]["changes"] == [
        {"name": "available", "delta": -8, "quantityAfterChange": 12}
    ]


def test_a_sale_in_between_refuses_the_whole_request(acme: Acme) -> None:
    """Source: schema, InventoryQuantityInput.changeFromQuantity. All or nothing: the other level does not change."""
    acme.shop.sell("CAP", 1, acme.ours.id)
    answer = acme.set((12, 20), (12, 20))
    assert [error["code"] for error in answer["userErrors"]] == ["CHANGE_FROM_QUANTITY_STALE"]
    assert answer["userErrors"][0]["field"] == ["input", "quantities", "1", "changeFromQuantity"]
    assert [level.available for (_, place), level in acme.shop.levels.items() if place == acme.ours.id] == [20, 19]


def test_no_comparison_sets_in_any_case(acme: Acme) -> None:
    acme.shop.sell("SHIRT-S", 3, acme.ours.id)
    assert acme.set((12, None))["userErrors"] == []


def test_a_repeat_of_a_key_changes_nothing_and_has_the_first_answer(acme: Acme) -> None:
    """Source: Shopify's changelog of 2025-12-12, "the result of the original operation"."""
    first = acme.set((12, 20))
    acme.shop.sell("SHIRT-S", 2, acme.ours.id)
    assert acme.set((12, 20)) == first
    assert acme.shop.levels[acme.shirt.inventory_item, acme.ours.id].available == 10


def test_a_key_with_other_arguments_is_refused(acme: Acme) -> None:
    """Source: schema, InventorySetQuantitiesUserErrorCode."""
    acme.set((12, 20))
    assert acme.set((11, 12))["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"


def test_a_key_whose_request_failed_is_not_used_again(acme: Acme) -> None:
    """Source: schema, InventorySetQuantitiesUserErrorCode."""
    acme.set((12, 19))
    assert acme.set((12, 19))["userErrors"][0]["code"] == "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
    assert acme.set((12, 20), key="k2")["userErrors"] == []


def test_the_key_is_needed_from_2026_04_on_though_the_schema_does_not_show_it(acme: Acme) -> None:
    """Source: schema, inventorySetQuantities, "As of 2026-04"."""
    bare = SET.replace("@idempotent(key: $key) ", "").replace(", $key: String!", "")
    given = {"name": "available", "reason": "correction", "quantities": []}
    assert "@idempotent" in acme.ask(bare, given=given)["errors"][0]["message"]
    assert "errors" not in acme.ask(bare, version="2026-01", given=given)


def test_a_sale_commits_units_and_shipping_takes_them_away(acme: Acme) -> None:
    """Source: Shopify's page on inventory states: on hand = available + committed."""
    level = acme.shop.levels[acme.shirt.inventory_item, acme.ours.id]
    work = acme.accepted(acme.order())
    assert (level.available, level.committed, level.on_hand) == (18, 2, 20)
    acme.ship(work)
    assert (level.available, level.committed, level.on_hand) == (18, 0, 18)


# Cost


def test_what_costs_too_much_at_once_is_throttled_and_passes_later(acme: Acme) -> None:
    """Source: Shopify's page on rate limits: points, restored by the second; the answer is 200 with THROTTLED."""
    wide = "{ orders(first: 250) { nodes { lineItems(first: 50) { nodes { id } } } } }"
    while "errors" not in (answer := acme.ask(wide)):
        pass
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    status = answer["extensions"]["cost"]["throttleStatus"]
    assert status["currentlyAvailable"] < answer["extensions"]["cost"]["requestedQueryCost"]
    acme.clock.pass_(minutes=1)
    assert "errors" not in acme.ask(wide)


# Orders, as webhooks carry them


def test_an_edited_line_keeps_what_was_ordered_and_says_what_is_wanted_today(acme: Acme) -> None:
    """Source: real payloads; microsoft/BCApps PR#10462."""
    order = acme.order()
    acme.shop.set_quantity(order, order.lines[0].id, 1)
    acme.shop.add_line(order, Bought("BELT"))
    seen = acme.data(READ, id=gid(order))["order"]["lineItems"]["nodes"]
    assert [(one["sku"], one["quantity"], one["currentQuantity"]) for one in seen] == [
        ("SHIRT-S", 2, 1),
        ("CAP", 1, 1),
        ("BELT", 1, 1),
    ]


def test_a_cancelled_order_has_quantities_but_none_of_today(acme: Acme) -> None:
    """Source: a real cancelled order: 2, 0 and 0."""
    order = acme.order()
    acme.shop.cancel(order)
    line = acme.data(READ, id=gid(order))["order"]["lineItems"]["nodes"][0]
    assert (line["quantity"], line["currentQuantity"], line["fulfillableQuantity"]) == (2, 0, 0)
    with pytest.raises(Impossible, match="already been cancelled"):
        acme.shop.cancel(order)


def test_a_discount_is_of_the_ordered_quantity_also_after_an_edit(acme: Acme) -> None:
    acme.shop.webhooks.subscribe(1, "ORDERS_UPDATED", "https://example.com")
    order = acme.order(Bought("SHIRT-S", 2, discount=400))
    acme.shop.set_quantity(order, order.lines[0].id, 1)
    line = json.loads(acme.shop.webhooks.waiting[-1].body)["line_items"][0]
    assert (line["discount_allocations"][0]["amount"], line["quantity"], line["current_quantity"]) == ("4.00", 2, 1)


def test_a_refund_says_of_each_unit_whether_it_had_left(acme: Acme) -> None:
    order = acme.order()
    acme.ship(acme.accepted(order), (0, 2))
    acme.shop.refund(order, {order.lines[0].id: 1}, "RETURN")
    acme.shop.refund(order, {order.lines[1].id: 1}, "CANCEL")
    assert [(line.current, line.fulfillable) for line in order.lines] == [(1, 0), (0, 0)]
    with pytest.raises(Impossible, match="more items than were purchased"):
        acme.shop.refund(order, {order.lines[0].id: 2})


def test_what_is_sold_at_the_till_has_left_and_goes_nowhere(acme: Acme) -> None:
    acme.shop.webhooks.subscribe(1, "ORDERS_UPDATED", "https://example.com")
    acme.order(at_the_till=True)
    body = json.loads(acme.shop.webhooks.waiting[-1].body)
    assert (body["source_name"], body["fulfillment_status"]) == ("pos", "fulfilled")
    assert (body["shipping_address"], body["shipping_lines"]) == (None, [])


@pytest.mark.parametrize(
    ("currency", "price", "written"), [("USD", 1999, "19.99"), ("JPY", 1999, "1999"), ("KWD", 1999, "1.999")]
)
def test_amounts_have_the_digits_of_their_currency(currency: str, price: int, written: str) -> None:
    acme = Acme(currency=currency)
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "https://example.com")
    acme.order(Bought("SHIRT-S", price=price), presentment=("EUR", "0.5"))
    line = json.loads(acme.shop.webhooks.waiting[0].body)["line_items"][0]
    assert line["price"] == line["price_set"]["shop_money"]["amount"] == written
    assert line["price_set"]["presentment_money"]["currency_code"] == "EUR"


def test_ids_of_orders_are_others_when_a_program_reads_them_as_floating_point_numbers(acme: Acme) -> None:
    ids = [acme.order().id for _ in range(3)]
    assert any(int(float(one)) != one for one in ids)
    assert len(str(ids[0])) == 18


# Webhooks


class Listener:
    """Who is notified: it keeps what is genuine, and may be out of order."""

    def __init__(self) -> None:
        self.taken: list[tuple[Mapping[str, str], Document]] = []
        self.answers = 200
        self.calls = 0

    async def __call__(self, uri: str, headers: Mapping[str, str], body: bytes) -> int:
        self.calls += 1
        signed = base64.b64encode(hmac.new(b"secret of the app", body, hashlib.sha256).digest()).decode()
        if signed != headers["x-shopify-hmac-sha256"]:
            return 401
        if self.answers == 200:
            self.taken.append((headers, json.loads(body)))
        return self.answers


async def test_a_webhook_is_signed_over_its_bytes_and_names_shop_topic_and_event(acme: Acme) -> None:
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "https://example.com")
    order, listener = acme.order(), Listener()
    await acme.shop.webhooks.deliver(listener)
    [(headers, body)] = listener.taken
    assert (headers["x-shopify-topic"], headers["x-shopify-shop-domain"]) == ("orders/create", "acme.myshopify.com")
    assert (body["id"], body["name"]) == (order.id, "#1001")


@pytest.mark.parametrize(
    ("topic", "spelled"),
    [
        ("ORDERS_UPDATED", "orders/updated"),
        ("FULFILLMENT_ORDERS_FULFILLMENT_REQUEST_SUBMITTED", "fulfillment_orders/fulfillment_request_submitted"),
    ],
)
async def test_a_topic_is_spelled_otherwise_in_the_header(acme: Acme, topic: str, spelled: str) -> None:
    acme.shop.webhooks.subscribe(1, topic, "https://example.com")
    acme.shop.pay(acme.order(paid="PENDING"))
    assert {one.headers["x-shopify-topic"] for one in acme.shop.webhooks.waiting} == {spelled}


async def test_after_eight_repeats_the_subscription_is_deleted_without_a_word(acme: Acme) -> None:
    """Source: Shopify's page on webhooks: eight retries over four hours, with the first payload."""
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "https://example.com")
    order, listener = acme.order(), Listener()
    listener.answers = 503
    for _ in range(REPEATS_MAX):
        await acme.shop.webhooks.deliver(listener)
        acme.clock.pass_(minutes=30)
    acme.shop.cancel(order)
    assert json.loads(acme.shop.webhooks.waiting[0].body)["cancelled_at"] is None
    assert len(acme.shop.webhooks.subscriptions) == 1
    await acme.shop.webhooks.deliver(listener)
    assert acme.shop.webhooks.subscriptions == {}
    assert acme.data("{ webhookSubscriptions(first: 5) { nodes { id } } }")["webhookSubscriptions"]["nodes"] == []


async def test_webhooks_come_twice_late_swapped_or_never_and_some_are_forged(acme: Acme) -> None:
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "https://example.com")
    acme.shop.webhooks.provoke(Trouble(doubled=20, swapped=20, late=10, lost=5, forged=5))
    orders = [acme.order().id for _ in range(200)]
    listener = Listener()
    counted = await acme.shop.webhooks.deliver(listener)
    came = [body["id"] for _, body in listener.taken]
    acme.clock.pass_(hours=1)
    await acme.shop.webhooks.deliver(listener)
    later = [body["id"] for _, body in listener.taken][len(came) :]
    lost = {json.loads(one.body)["id"] for one in acme.shop.webhooks.lost}
    assert {*came, *later} == {*orders} - lost
    assert lost
    assert later
    assert len(came) > len({*came})
    assert came != sorted(came)
    assert counted.forged_refused
    assert not counted.forged_taken
    events = [headers["x-shopify-event-id"] for headers, _ in listener.taken]
    assert len({*events}) == len({*came, *later})


SUBSCRIBE = """mutation S($uri: String!) { webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {uri: $uri}) {
    webhookSubscription { id topic uri } userErrors { message } } }"""


def test_the_same_address_is_not_subscribed_twice_to_a_topic(acme: Acme) -> None:
    first = acme.data(SUBSCRIBE, uri="https://example.com/a")["webhookSubscriptionCreate"]
    again = acme.data(SUBSCRIBE, uri="https://example.com/a")["webhookSubscriptionCreate"]
    assert first["webhookSubscription"]["topic"] == "ORDERS_CREATE"
    assert again["userErrors"] == [{"message": "Address for this topic has already been taken"}]


# Over HTTP


def client(acme: Acme) -> httpx2.AsyncClient:
    """A client of the service."""
    app = application(acme.peer, delivers=False)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://peer")


GRANT = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret of the app"}
URL = "/admin/api/2026-10/graphql.json"


async def test_a_token_is_for_a_day_and_a_wrong_secret_gets_none(acme: Acme) -> None:
    """Source: Shopify's page on the client-credentials grant; JSON and forms are taken."""
    async with client(acme) as http:
        wrong = await http.post("/admin/oauth/access_token", json=GRANT | {"client_secret": "other"})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client")
        granted = (await http.post("/admin/oauth/access_token", data=GRANT)).json()
        assert (granted["expires_in"], set(granted["scope"].split(","))) == (86_399, set(SCOPES))
        headers = {"x-shopify-access-token": granted["access_token"]}
        asked = {"query": "{ shop { name } }"}
        assert (await http.post(URL, json=asked, headers=headers)).json()["data"] == {"shop": {"name": "acme"}}
        assert (await http.post(URL, json=asked)).status_code == 401
        acme.clock.pass_(days=1)
        assert (await http.post(URL, json=asked, headers=headers)).status_code == 401


async def test_a_person_can_be_the_shop_by_http(acme: Acme) -> None:
    async with client(acme) as http:
        placed = (await http.post("/shop/orders", json={"lines": [{"item": "SHIRT-S", "quantity": 2}]})).json()
        at = f"/shop/orders/{placed['id']}"
        line = {"line": placed["line_items"][0]["id"], "quantity": 1}
        assert (await http.post(f"{at}/quantity", json=line)).json()["line_items"][0]["current_quantity"] == 1
        assert (await http.post(f"{at}/lines", json={"item": "CAP"})).json()["line_items"][1]["sku"] == "CAP"
        moved = (await http.post(f"{at}/address", json={"zip": "10001", "city": "New York"})).json()
        assert moved["shipping_address"]["zip"] == "10001"
        assert (await http.post(f"{at}/cancel")).json()["cancelled_at"]
        again = await http.post(f"{at}/cancel")
        assert (again.status_code, again.json()["detail"]) == (409, "Order has already been cancelled")


async def test_a_call_can_work_and_answer_too_late(acme: Acme) -> None:
    work = acme.accepted(acme.order())
    acme.peer.hangs = [30.0]
    part = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": gid(work)}]}
    async with client(acme) as http:
        granted = (await http.post("/admin/oauth/access_token", json=GRANT)).json()
        asked = {"query": SHIP, "variables": {"given": part}}
        call = http.post(URL, json=asked, headers={"x-shopify-access-token": granted["access_token"]})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, timeout=0.5)
    assert len(work.order.fulfillments) == 1


async def test_webhooks_leave_by_http(acme: Acme) -> None:
    acme.shop.webhooks.subscribe(1, "ORDERS_CREATE", "http://listener/hook")
    acme.order()
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        await deliver(acme.peer, http)
    assert [(str(one.url), one.headers["x-shopify-topic"]) for one in seen] == [
        ("http://listener/hook", "orders/create")
    ]
