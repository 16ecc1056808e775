"""A shop's order means the same here whichever way it comes: everything that a naive reader gets wrong is a row of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels.channel import Misfit, Said, Settings
from channels.given import parsed
from channels.shopify import from_graphql, from_webhook, order
from domain.order import NewOrder
from tests.channels.shopify_orders import (
    CATALOGUE,
    GRAPHQL,
    LINE,
    LOCATION,
    ORDER,
    OTHER,
    WEBHOOK,
    at,
    body,
    changed,
    fulfillment_order,
    graphql_money,
    rest_money,
    settings,
)

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """What is special about the order in each spelling (None = this spelling cannot say it), and what is made of it."""

    about: str
    webhook: Changes | None
    graphql: Changes | None
    made: Mapping[str, Any]
    settings: Settings = field(default_factory=settings)


def by_webhook(connection: Settings, changes: Changes) -> Said:
    """What a webhook says."""
    content = parsed(body(changed(WEBHOOK, changes)))
    return order.said(connection, CATALOGUE, from_webhook.read(content, "switchyard"))


def by_graphql(connection: Settings, changes: Changes) -> Said:
    """What GraphQL says."""
    content = parsed(body(changed(GRAPHQL, changes)))
    return order.said(connection, CATALOGUE, from_graphql.read(content, LOCATION))


def seen(said: Said) -> dict[str, Any]:
    """Every value of what was said, by its path."""
    made = flat(said.order.model_dump(mode="json")) if said.order else {}
    return made | {
        "why_not": said.why_not,
        "wanted": {line.line: line.quantity for line in said.order.lines} if said.order else {},
        "paid_back": {line: (paid.units, paid.amount) for line, paid in said.paid_back.items()},
        "unmapped": {unmapped.line: unmapped.external for unmapped in said.unmapped},
        "holds": {hold.hold: hold.reason for hold in said.order.holds} if said.order else {},
    }


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a document, and its lists, by path."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found: dict[str, Any] = {}
    for name, part in parts:
        here = f"{path}.{name}" if path else str(name)
        found[here] = part
        if isinstance(part, dict | list):
            found |= flat(part, here)
    return found


def line(number: int, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Other values of a line, in both spellings."""
    names = {"current_quantity": "currentQuantity", "gift_card": "isGiftCard", "requires_shipping": "requiresShipping"}
    webhook = {f"line_items.{number}.{name}": value for name, value in values.items()}
    graphql = {f"lineItems.nodes.{number}.{names.get(name, name)}": value for name, value in values.items()}
    return webhook, graphql


def price(number: int, amount: str, currency: str = "EUR") -> tuple[dict[str, Any], dict[str, Any]]:
    """Another price of a line."""
    webhook = {
        f"line_items.{number}.price": amount,
        f"line_items.{number}.price_set": rest_money(amount, currency),
    }
    return webhook, {f"lineItems.nodes.{number}.originalUnitPriceSet": graphql_money(amount, currency)}


def both(*pairs: tuple[dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Several changes of both spellings."""
    webhook, graphql = dict[str, Any](), dict[str, Any]()
    for one, other in pairs:
        webhook |= one
        graphql |= other
    return webhook, graphql


def plain(currency: str, tee: str, mug: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order in another currency, without discounts, taxes and shipping."""
    empty: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for number in (0, 1):
        empty[0].update({f"line_items.{number}.discount_allocations": [], f"line_items.{number}.tax_lines": []})
        empty[1].update({f"lineItems.nodes.{number}.discountAllocations": [], f"lineItems.nodes.{number}.taxLines": []})
    head = (
        {"currency": currency, "shipping_lines": []},
        {"currencyCode": currency, "shippingLines.nodes": []},
    )
    return both(empty, head, price(0, tee, currency), price(1, mug, currency))


def rest_fulfillment(location: str, units: int, status: str = "success", day: int = 21) -> dict[str, Any]:
    """Units of the first line that left."""
    lines = [{"id": int(LINE), "quantity": units}]
    made = {"id": 1, "status": status, "location_id": int(location), "created_at": f"2026-11-{day}T09:00:00Z"}
    return made | {"line_items": lines}


def graphql_fulfillment(location: str, units: int, status: str = "SUCCESS", day: int = 21) -> dict[str, Any]:
    """The same, in GraphQL."""
    lines = [{"quantity": units, "lineItem": {"id": f"gid://shopify/LineItem/{LINE}"}}]
    made = {"id": "gid://shopify/Fulfillment/1", "status": status, "createdAt": f"2026-11-{day}T09:00:00Z"}
    place = {"id": f"gid://shopify/Location/{location}", "isFulfillmentService": location == LOCATION}
    return made | {"location": place, "fulfillmentLineItems": {"nodes": lines}}


def fulfilled(
    location: str, units: int, status: str = "success", day: int = 21
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Units of the first line that left, in both spellings."""
    return (
        {"fulfillments": [rest_fulfillment(location, units, status, day)]},
        {"fulfillments": [graphql_fulfillment(location, units, status.upper(), day)]},
    )


def refunded(units: int, restock: str, paid: str = "0") -> tuple[dict[str, Any], dict[str, Any]]:
    """Units of the first line that were refunded, and what the customer got."""
    webhook = [{"refund_line_items": [{"line_item_id": int(LINE), "quantity": units, "restock_type": restock}]}]
    node = {"quantity": units, "restockType": restock.upper(), "lineItem": {"id": f"gid://shopify/LineItem/{LINE}"}}
    node["subtotalSet"] = graphql_money("10.00")
    made = {"totalRefundedSet": graphql_money(paid), "refundLineItems": {"nodes": [node]}}
    return {"refunds": webhook}, {"refunds": [made]}


def head(webhook: str, graphql: str, value: Any, other: Any = ...) -> tuple[dict[str, Any], dict[str, Any]]:
    """A field of the order."""
    return {webhook: value}, {graphql: value if other is ... else other}


ALL = {LINE: 4, OTHER: 1}
NO_ADDRESS = head("shipping_address", "shippingAddress", None)
ELSEWHERE = "905684977"
CANCEL_ASKED = {"requestStatus": "CANCELLATION_REQUESTED", "status": "IN_PROGRESS"}
CANCEL_TAKEN = {"requestStatus": "CANCELLATION_ACCEPTED", "status": "CANCELLED"}
HELD = {"status": "ON_HOLD", "fulfillmentHolds": [{"reason": "HIGH_RISK_OF_FRAUD", "reasonNotes": "call the bank"}]}
HELD_BY_NEWS = {"status": "ON_HOLD", "fulfillmentHolds": [{"reason": "A_REASON_OF_2028", "reasonNotes": None}]}
OURS = {"requestStatus": "SUBMITTED"}


def work(*orders: dict[str, Any]) -> dict[str, Any]:
    """The shop's fulfillment orders."""
    return {"fulfillmentOrders.nodes": list(orders)}


TABLE = [
    Row("an order of two lines", {}, {}, {"wanted": ALL, "why_not": None, "holds": {}, "unmapped": {}}),
    # Ids and names.
    Row("an id of 18 digits is text", {}, {}, {"number": ORDER, "lines.0.line": LINE}),
    Row("the name is for people", {}, {}, {"reference": "#1005"}),
    Row("a purchase order's number may have a slash", {}, {}, {"purchase_order": "4500/A-12"}),
    # Quantities.
    Row("units were removed", *line(0, current_quantity=3), {"wanted": {LINE: 3, OTHER: 1}}),
    Row("a line was removed", *line(0, current_quantity=0), {"wanted": {OTHER: 1}}),
    Row("units were added", *line(0, quantity=6, current_quantity=6), {"wanted": {LINE: 6, OTHER: 1}}),
    Row(
        "everything was removed",
        *both(line(0, current_quantity=0), line(1, current_quantity=0)),
        {"wanted": {}, "why_not": "nothing of it is left to ship"},
    ),
    Row(
        "units that had not left were refunded",
        *both(line(0, current_quantity=3), refunded(1, "cancel")),
        {"wanted": {LINE: 3, OTHER: 1}, "paid_back": {}},
    ),
    Row(
        "units came back and were refunded: they did leave",
        *both(line(0, current_quantity=2), fulfilled(LOCATION, 4), refunded(2, "return")),
        {"wanted": ALL},
    ),
    Row(
        "what was paid for units that came back is known, also where it is less than they cost",
        None,
        both(line(0, current_quantity=2), fulfilled(LOCATION, 4), refunded(2, "return", "17.95"))[1],
        {"paid_back": {LINE: (2, 1795)}},
    ),
    Row(
        "of units that were refunded and not put back, as many had left as are missing",
        None,
        both(line(0, current_quantity=1), fulfilled(LOCATION, 2), refunded(3, "no_restock", "30"))[1],
        {"wanted": {LINE: 2, OTHER: 1}, "paid_back": {LINE: (1, 1000)}},
    ),
    Row(
        "units were refunded and stay with the customer",
        *both(line(0, current_quantity=0), fulfilled(LOCATION, 4), refunded(4, "no_restock")),
        {"wanted": ALL},
    ),
    Row(
        "units were refunded before they left, and not put back",
        *both(line(0, current_quantity=1), refunded(3, "no_restock")),
        {"wanted": {LINE: 1, OTHER: 1}},
    ),
    Row("units left our location", *fulfilled(LOCATION, 4), {"wanted": ALL}),
    Row("units left another location", *fulfilled(ELSEWHERE, 3), {"wanted": {LINE: 1, OTHER: 1}}),
    Row("a fulfillment was cancelled", *fulfilled(ELSEWHERE, 3, "cancelled"), {"wanted": ALL}),
    Row(
        "units left before the shop was connected",
        *fulfilled(LOCATION, 4, day=19),
        {"wanted": {OTHER: 1}},
        settings({"location": LOCATION, "connected_at": "2026-11-20T00:00:00+00:00"}),
    ),
    Row(
        "an exchanged item is a line of the order, and counted once",
        {"returns": [{"exchange_line_items": [{"id": 5, "line_item_id": int(OTHER), "quantity": 1}]}]},
        {"returns": {"nodes": [{"exchangeLineItems": {"nodes": [{"quantity": 1}]}}]}},
        {"wanted": ALL},
    ),
    # What is no goods.
    Row("a gift card", *line(1, gift_card=True), {"wanted": {LINE: 4}}),
    Row("a service", *line(1, requires_shipping=False), {"wanted": {LINE: 4}}),
    Row("a tip", {"line_items.1.tip_payment_gateway": "shopify_payments"}, None, {"wanted": {LINE: 4}}),
    Row(
        "only gift cards",
        *both(line(0, gift_card=True), line(1, gift_card=True)),
        {"wanted": {}, "why_not": "nothing of it is shipped"},
    ),
    Row("another service ships a line", {"line_items.1.fulfillment_service": "printful"}, None, {"wanted": {LINE: 4}}),
    Row("our own service", {"line_items.1.fulfillment_service": "switchyard"}, None, {"wanted": ALL}),
    Row(
        "another service is to ship a line",
        None,
        work(fulfillment_order(OTHER, 1, assignedLocation=at("77", is_service=True))),
        {"wanted": {LINE: 4}},
    ),
    Row(
        "the shop's own location is to ship a line: we take it over",
        None,
        work(fulfillment_order(OTHER, 1, assignedLocation=at("78"))),
        {"wanted": ALL},
    ),
    # Items.
    Row("a SKU that we know by an alias of its variant", *line(0, sku="OLD-SKU"), {"lines.0.sku": "TEE-RED-M"}),
    Row("an empty SKU has its variant", *line(0, sku=""), {"lines.0.sku": "TEE-RED-M", "unmapped": {}}),
    Row("a SKU that is null has its variant", *line(0, sku=None), {"lines.0.sku": "TEE-RED-M", "unmapped": {}}),
    Row(
        "an empty SKU of an unknown variant",
        *line(1, sku=""),
        {"lines.1.sku": "variant:49148385", "unmapped": {OTHER: "variant:49148385"}},
    ),
    Row("a SKU that nobody knows", *line(1, sku="Größe M / rot"), {"unmapped": {OTHER: "Größe M / rot"}}),
    Row(
        "an item that the staff typed",
        {"line_items.1.sku": None, "line_items.1.variant_id": None},
        {"lineItems.nodes.1.sku": None, "lineItems.nodes.1.variant": None},
        {"unmapped": {OTHER: f"line:{OTHER}"}},
    ),
    Row(
        "one there is a case of twelve here",
        *line(1, sku="MUG-CASE"),
        {
            "lines.1.sku": "MUG",
            "lines.1.quantity": 12,
            "lines.1.unit_price": 42,
            "lines.1.discount": 4,
            "lines.1.attributes": {"units_of_one": "12"},
        },
    ),
    # Money.
    Row(
        "prices are in the shop's currency, not in the customer's",
        {},
        {},
        {"currency": "EUR", "lines.0.unit_price": 1999, "lines.0.discount": 400, "lines.0.tax": 1212},
    ),
    Row(
        "of a discount and a tax remains the share of the units that are left",
        *line(0, current_quantity=3),
        {"lines.0.discount": 300, "lines.0.tax": 909},
    ),
    Row(
        "yen have no decimals", *plain("JPY", "1500", "700.0"), {"lines.0.unit_price": 1500, "lines.1.unit_price": 700}
    ),
    Row("dinars have three", *plain("KWD", "4.125", "1.5"), {"lines.0.unit_price": 4125, "lines.1.unit_price": 1500}),
    Row(
        "a price of less than a cent is not lost",
        *both(plain("EUR", "0.125", "1.00"), line(0, quantity=4, current_quantity=4)),
        {"lines.0.unit_price": 13, "lines.0.discount": 2},
    ),
    Row("taxes on top", *head("taxes_included", "taxesIncluded", False), {"prices_include_tax": False}),
    Row("shipping after its discount", {}, {}, {"shipping_price": 500, "shipping_tax": 80}),
    Row("a plain amount is the shop's", {"line_items.0.price_set": None}, None, {"lines.0.unit_price": 1999}),
    Row(
        "a tax that only the order as a whole has is shared out by what the lines cost",
        {
            "line_items.0.tax_lines": [],
            "line_items.1.tax_lines": None,
            "shipping_lines.0.tax_lines": [],
            "tax_lines": [{"title": "State Tax", "price": "8.00", "rate": 0.1}],
        },
        {
            "lineItems.nodes.0.taxLines": [],
            "shippingLines.nodes.0.taxLines": [],
            "taxLines": [{"priceSet": graphql_money("8.0")}],
        },
        {"lines.0.tax": 751, "lines.1.tax": 49, "shipping_tax": 0},
    ),
    Row(
        "an item that is not taxed has no share of it",
        {
            "line_items.0.tax_lines": [],
            "line_items.0.taxable": False,
            "shipping_lines.0.tax_lines": [],
            "tax_lines": [{"price": "0.50"}],
        },
        {
            "lineItems.nodes.0.taxLines": [],
            "lineItems.nodes.0.taxable": False,
            "shippingLines.nodes.0.taxLines": [],
            "taxLines": [{"priceSet": graphql_money("0.5")}],
        },
        {"lines.0.tax": 0, "lines.1.tax": 50},
    ),
    Row(
        "discounts of an order that does not say how they are shared out",
        {
            "line_items.0.discount_allocations": None,
            "line_items.1.discount_allocations": None,
            "shipping_lines.0.discount_allocations": None,
            "line_items.0.total_discount": "2.00",
            "shipping_lines.0.discounted_price": "5.00",
            "total_discounts": "7.00",
        },
        {
            "lineItems.nodes.0.discountAllocations": [],
            "shippingLines.nodes.0.discountAllocations": [],
            "lineItems.nodes.0.totalDiscountSet": graphql_money("2.0"),
            "shippingLines.nodes.0.discountedPriceSet": graphql_money("5.0"),
            "totalDiscountsSet": graphql_money("7.0"),
        },
        {"lines.0.discount": 576, "lines.1.discount": 24, "shipping_price": 500},
    ),
    # Shipping.
    Row("a shipping title that is mapped", {}, {}, {"service": "express", "attributes.shipping": None}),
    Row(
        "a shipping title that nobody has mapped",
        {"shipping_lines.0.title": "By drone"},
        {"shippingLines.nodes.0.title": "By drone"},
        {"service": "standard", "attributes.shipping": "By drone"},
    ),
    Row("no shipping lines", {"shipping_lines": None}, {"shippingLines.nodes": []}, {"shipping_price": 0}),
    Row("a removed shipping line", {"shipping_lines.0.is_removed": True}, None, {"shipping_price": 0}),
    # Addresses.
    Row(
        "Hong Kong has no postal code",
        {"shipping_address.zip": None, "shipping_address.country_code": "HK", "shipping_address.province_code": None},
        {"shippingAddress.zip": None, "shippingAddress.countryCodeV2": "HK", "shippingAddress.provinceCode": None},
        {"ship_to.postal_code": None, "ship_to.country": "HK", "ship_to.region": None},
    ),
    Row(
        "a province without a code",
        {"shipping_address.province_code": None, "shipping_address.province": "Clare"},
        {"shippingAddress.provinceCode": None, "shippingAddress.province": "Clare"},
        {"ship_to.region": "Clare"},
    ),
    Row(
        "Kosovo",
        {"shipping_address.country_code": "XK"},
        {"shippingAddress.countryCodeV2": "XK"},
        {"ship_to.country": "XK"},
    ),
    Row(
        "a postal code with a dot",
        {"shipping_address.zip": "1012.AB"},
        {"shippingAddress.zip": "1012.AB"},
        {"ship_to.postal_code": "1012 AB"},
    ),
    Row(
        "a company, two lines of a street, and who pays",
        {"shipping_address.address2": "Back yard"},
        {"shippingAddress.address2": "Back yard"},
        {
            "ship_to.company": "Example Ltd",
            "ship_to.street": ["1 Long Street", "Back yard"],
            "bill_to.name": "Ben Example",
        },
    ),
    Row("mail and phone", {}, {}, {"ship_to.email": "ada@example.com", "ship_to.phone": "+49 30 1234"}),
    Row(
        "the phone of the order where the address has none",
        {"shipping_address.phone": None, "phone": "+49 30 99"},
        {"shippingAddress.phone": None, "phone": "+49 30 99"},
        {"ship_to.phone": "+49 30 99"},
    ),
    Row(
        "names are null because of the shop's plan",
        {"shipping_address.name": None, "shipping_address.address1": None, "email": None},
        {"shippingAddress.name": None, "shippingAddress.address1": None, "email": None},
        {"wanted": ALL, "ship_to.name": None, "ship_to.street": [], "ship_to.email": None},
    ),
    # Texts.
    Row(
        "note, tags and attributes",
        {},
        {},
        {
            "note": "Ring twice.",
            "tags": ["gold", "first order"],
            "attributes": {
                "engraving": "A & B",
                "discount_codes": "TEN",
                "gateway": "shopify_payments",
                "source": "web",
            },
            "lines.0.attributes": {"size note": "loose"},
        },
    ),
    Row(
        "a gift message is a property of a line",
        {"line_items.0.properties": [{"name": "Gift message", "value": "For you"}, {"name": "n", "value": 7}]},
        {
            "lineItems.nodes.0.customAttributes": [
                {"key": "Gift message", "value": "For you"},
                {"key": "n", "value": "7"},
            ]
        },
        {"lines.0.gift_message": "For you", "lines.0.attributes": {"n": "7"}},
    ),
    Row(
        "more attributes than fit stand together",
        {"note_attributes": [{"name": f"a{n:02}", "value": "x"} for n in range(30)]},
        {"customAttributes": [{"key": f"a{n:02}", "value": "x"} for n in range(30)]},
        {"attributes.a15": "x", "attributes.more": "\n".join(f"a{n}: x" for n in range(16, 30))},
    ),
    # What holds it, and what it is not.
    Row(
        "a payment that is only authorized holds it",
        *head("financial_status", "displayFinancialStatus", "authorized", "AUTHORIZED"),
        {"holds": {"payment": "the shop says: authorized"}},
    ),
    Row(
        "a payment that is pending holds it",
        *head("financial_status", "displayFinancialStatus", "pending", "PENDING"),
        {"holds": {"payment": "the shop says: pending"}},
    ),
    Row(
        "a payment status of the future holds it",
        *head("financial_status", "displayFinancialStatus", "in_orbit", "IN_ORBIT"),
        {"holds": {"payment": "the shop says: in orbit"}},
    ),
    Row(
        "a shop that captures when it ships",
        *head("financial_status", "displayFinancialStatus", "authorized", "AUTHORIZED"),
        {"holds": {}},
        settings(ship_unpaid="pending, authorized"),
    ),
    Row(
        "a part was refunded",
        *head("financial_status", "displayFinancialStatus", "partially_refunded", "PARTIALLY_REFUNDED"),
        {"holds": {}},
    ),
    Row("the shop holds it", None, work(fulfillment_order(LINE, 4, **HELD)), {"holds": {"fraud": "call the bank"}}),
    Row(
        "the shop holds it for a reason of the future",
        None,
        work(fulfillment_order(LINE, 4, **HELD_BY_NEWS)),
        {"holds": {"shop": "a reason of 2028"}},
    ),
    Row(
        "the shop asks to cancel a request",
        None,
        work(fulfillment_order(LINE, 4, **CANCEL_ASKED), fulfillment_order(OTHER, 1, **OURS)),
        {"wanted": {OTHER: 1}},
    ),
    Row(
        "a cancel was accepted: what Shopify makes of the units was not asked for again",
        None,
        work(fulfillment_order(LINE, 0, **CANCEL_TAKEN), fulfillment_order(LINE, 4)),
        {"wanted": {OTHER: 1}},
    ),
    Row(
        "a cancel was accepted, and then the units were asked for again",
        None,
        work(fulfillment_order(LINE, 0, **CANCEL_TAKEN), fulfillment_order(LINE, 4, **OURS)),
        {"wanted": ALL},
    ),
    Row(
        "it was cancelled",
        *head("cancelled_at", "cancelledAt", "2026-11-20T10:05:00+01:00"),
        {"why_not": "cancelled", "wanted": {}},
    ),
    Row(
        "it was archived: that changes nothing",
        *head("closed_at", "closedAt", "2026-11-20T10:05:00+01:00"),
        {"wanted": ALL},
    ),
    Row("a test order", *head("test", "test", True), {"why_not": "a test order"}),
    Row("a test order where they are wanted", *head("test", "test", True), {"wanted": ALL}, settings(test_orders=True)),
    Row(
        "sold at the till",
        *both(NO_ADDRESS, head("source_name", "sourceName", "pos")),
        {"why_not": "sold at the till"},
    ),
    Row("sold at the till and sent home", *head("source_name", "sourceName", "pos"), {"wanted": ALL}),
    Row(
        "collected at a location that is a node",
        None,
        {"shippingAddress": None}
        | work(fulfillment_order(LINE, 4, assignedLocation=at("78"), deliveryMethod={"methodType": "PICK_UP"})),
        {"pickup_node": "berlin", "ship_to.country": "DE", "wanted": ALL},
        settings(mode="each", locations={"gid://shopify/Location/78": "berlin"}),
    ),
    Row(
        "collected at a location that is no node",
        None,
        {"shippingAddress": None}
        | work(fulfillment_order(LINE, 4, assignedLocation=at("78"), deliveryMethod={"methodType": "PICK_UP"})),
        {"why_not": "collected at a location that is no node"},
    ),
]


@pytest.mark.parametrize("row", [row for row in TABLE if row.webhook is not None], ids=lambda row: row.about)
def test_a_webhook_makes_of_the_order_what_the_shop_means(row: Row) -> None:
    made = seen(by_webhook(row.settings, row.webhook or {}))
    assert {name: made.get(name) for name in row.made} == row.made


@pytest.mark.parametrize("row", [row for row in TABLE if row.graphql is not None], ids=lambda row: row.about)
def test_the_poll_makes_of_the_order_what_the_shop_means(row: Row) -> None:
    made = seen(by_graphql(row.settings, row.graphql or {}))
    assert {name: made.get(name) for name in row.made} == row.made


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.webhook is not None and row.graphql is not None], ids=lambda row: row.about
)
def test_both_ways_say_the_very_same_so_the_poll_has_nothing_to_read_again(row: Row) -> None:
    assert by_webhook(row.settings, row.webhook or {}) == by_graphql(row.settings, row.graphql or {})


def test_the_version_of_an_order_is_the_moment_of_its_last_change() -> None:
    assert by_webhook(settings(), {}).version.isoformat() == "2026-11-20T10:05:00+01:00"


MISFITS = [
    ("no country", {"shipping_address.country_code": None}, "shipping address: it has no country"),
    ("a currency that nobody pays in", plain("XTS", "1", "1")[0], "currency: 'XTS'"),
    ("two currencies", {"line_items.0.price_set": rest_money("19.99", "USD")}, "shop_money: is in USD"),
    ("a missing quantity", {"line_items.0.quantity": None}, "line_items.0.quantity: "),
    ("an id that is a fraction", {"line_items.0.id": 8.5}, "line_items.0.id: "),
    ("a price that is no number", {"line_items.0.price": "NaN"}, "line_items.0.price: "),
]


@pytest.mark.parametrize(("changes", "why"), [pytest.param(*row[1:], id=row[0]) for row in MISFITS])
def test_what_cannot_be_read_is_named_by_its_field(changes: Changes, why: str) -> None:
    with pytest.raises(Misfit, match=why):
        by_webhook(settings(), changes)


def test_a_body_that_is_no_json_is_a_misfit() -> None:
    for broken in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(Misfit, match="no JSON"):
            parsed(broken)


def test_a_misfit_repeats_nothing_of_a_person() -> None:
    with pytest.raises(Misfit) as misfit:
        by_webhook(settings(), {"shipping_address.latitude": "1 Long Street", "email": 5})
    assert "Long Street" not in str(misfit.value)


def test_every_order_of_the_table_is_one_that_can_be_placed() -> None:
    for row in TABLE:
        if row.graphql is not None and (new := by_graphql(row.settings, row.graphql).order):
            assert NewOrder.model_validate_json(new.model_dump_json(exclude_unset=True)) == new
