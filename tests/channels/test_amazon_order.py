"""An order of Amazon's is read as what it means here, field by field, and what Amazon may leave out or add stops nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.amazon.kind import Amazon
from channels.amazon.parcels import numbers
from channels.channel import Message, Misfit, Said, Settings
from tests.channels.amazon_orders import BOWL, CATALOGUE, MUG, ORDER, UNSHIPPED, body, changed, money, settings

AMAZON = Amazon()
OURS = next(iter(numbers(["amz-1-f1/1"], {}).values()))


def read(order: Mapping[str, Any], of: Settings | None = None) -> Said | None:
    found = AMAZON.read(of or settings(), CATALOGUE, Message("order", body(order)))
    return found[0] if found else None


def order_of(order: Mapping[str, Any], of: Settings | None = None) -> Any:
    said = read(order, of)
    assert said is not None
    assert said.order is not None, said.why_not
    return said.order


def test_row_9_an_order_that_is_to_be_shipped_is_read_field_by_field() -> None:
    said = read(UNSHIPPED)
    assert said is not None
    assert said.order is not None
    assert (said.external, said.version) == (ORDER, datetime(2026, 11, 20, 8, 31, tzinfo=UTC))
    made = said.order.model_dump(mode="json", exclude_defaults=True)
    assert made == {
        "channel": "amz",
        "number": ORDER,
        "reference": "OUR/4711",
        "purchase_order": "PO 77/3",
        "placed_at": "2026-11-20T08:00:00Z",
        "currency": "USD",
        "service": "express",
        "ship_to": {
            "name": "Sam Field",
            "company": "Field and Sons",
            "street": ["9 Mill Lane", "Dock 2"],
            "city": "Denver",
            "region": "CO",
            "postal_code": made["ship_to"]["postal_code"],
            "country": "US",
            "phone": "+1 303 555 0100 ext. 1",
            "email": "k3v9@marketplace.amazon.com",
        },
        "bill_to": {"name": "Nora Field", "company": "Field and Sons"},
        "promised": {"ship_by": "2026-11-23T07:59:59Z", "deliver_by": "2026-11-27T07:59:59Z"},
        "prices_include_tax": False,
        "shipping_price": 350,
        "shipping_tax": 59,
        "tags": ["AMAZON_BUSINESS"],
        "attributes": {
            "marketplace": "Amazon.com",
            "programs": "AMAZON_BUSINESS",
            "address_type": "COMMERCIAL",
            "ship_from": "2026-11-20T08:00:00Z",
            "deliver_from": "2026-11-24T08:00:00Z",
        },
        "note": "Ring at the gate.",
        "lines": [
            {
                "line": MUG,
                "sku": "MUG-BLUE",
                "name": "Mug, blue",
                "quantity": 3,
                "unit_price": 1250,
                "discount": 150,
                "tax": 360,
                "gift_message": "For your new home.",
                "attributes": {
                    "gift_wrap": "CLASSIC",
                    "ioss_number": "IM5280001234",
                    "constraint signatureConfirmation": "MANDATORY",
                    "asin": "B0INVENTED",
                },
            },
            {
                "line": BOWL,
                "sku": "BOWL-12",
                "name": "Bowls, case of 12",
                "quantity": 12,
                "unit_price": 500,
                "attributes": {"units_of_one": "12", "asin": "B0INVENTE2"},
            },
        ],
    }
    assert made["ship_to"]["postal_code"].startswith("80202")


def test_the_money_of_an_order_is_what_the_customer_pays() -> None:
    order = order_of(UNSHIPPED)
    tax = sum(line.tax for line in order.lines) + order.shipping_tax
    assert order.value + order.shipping_price + tax == 3750 + 500 - 300 + 419 + 6000


@pytest.mark.parametrize("status", ["PENDING", "PENDING_AVAILABILITY", "UNFULFILLABLE", "AWAITING_A_DRONE"])
def test_row_9_an_order_that_is_not_paid_or_has_an_unknown_status_says_nothing(status: str) -> None:
    assert read(changed("fulfillment", "fulfillmentStatus", to=status)) is None


def test_an_order_that_amazon_ships_is_none_of_ours() -> None:
    assert read(changed("fulfillment", "fulfilledBy", to="AMAZON")) is None


def test_unknown_fields_codes_and_nulls_are_tolerated() -> None:
    strange = changed("fulfillment", "fulfillmentServiceLevel", to="BY_DRONE")
    strange |= {"carbon": {"grams": 3}, "programs": ["MOONSHOT"], "buyer": None, "orderAliases": None}
    order = order_of(strange)
    assert (order.service, order.attributes["shipping"], order.tags) == ("standard", "BY_DRONE", ("MOONSHOT",))


def test_a_part_that_is_null_is_absent() -> None:
    bare = changed("orderItems", 0, "fulfillment", "packing", "giftOption", to=None)
    for part in ("promotion", "cancellation"):
        bare = changed("orderItems", 0, part, to=None, of=bare)
    bare = changed("fulfillment", "deliverByWindow", to=None, of=changed("payment", to=None, of=bare))
    assert order_of(bare).lines[0].gift_message is None


def test_what_no_field_has_is_an_attribute() -> None:
    rich = changed("associatedOrders", to=[{"orderId": "902-1", "associationType": "REPLACEMENT_ORIGINAL_ID"}])
    registration = {
        "entityType": "BUYER",
        "taxRegistrationType": "VAT",
        "taxRegistrationNumber": "DE1",
        "legalName": "Field",
    }
    rich = changed("tax", to={"taxRegistrations": [registration]}, of=rich)
    rich = changed(
        "payment", to={"paymentExecutions": [{"paymentMethod": "COD"}, {"paymentMethod": "POINTS"}]}, of=rich
    )
    rich = changed("recipient", "deliveryPreference", "deliveryCapabilities", to=["HAS_DOCK"], of=rich)
    item = rich["orderItems"][0]
    item["product"]["condition"] = {"conditionType": "USED", "conditionSubtype": "GOOD", "conditionNote": "a scratch"}
    item["fulfillment"]["picking"] = {"substitutionPreference": {"substitutionType": "DO_NOT_SUBSTITUTE"}}
    item["fulfillment"]["packing"]["serialNumberRequirement"] = {"requirementType": "REQUIRED"}
    item["promotion"] = {"breakdowns": [{"promotionId": "TEN"}, {"promotionId": "SHIP FREE"}]}
    order = order_of(rich)
    assert (
        order.attributes
        | {
            "associated_orders": "REPLACEMENT_ORIGINAL_ID 902-1",
            "tax_registration": "BUYER VAT DE1 Field",
            "payment_methods": "COD POINTS",
            "delivery_capabilities": "HAS_DOCK",
        }
        == order.attributes
    )
    assert (
        order.lines[0].attributes
        | {
            "condition": "USED GOOD",
            "condition_note": "a scratch",
            "substitution": "DO_NOT_SUBSTITUTE",
            "serial_numbers": "REQUIRED",
            "promotions": "TEN SHIP FREE",
        }
        == order.lines[0].attributes
    )


def test_a_brazilian_street_has_the_parts_that_its_lines_lack() -> None:
    parts = {"streetName": "Rua Augusta", "streetNumber": "77", "complement": None, "neighborhood": "Consolação"}
    brazil = changed("recipient", "deliveryAddress", "extendedFields", to=parts)
    brazil = changed("recipient", "deliveryAddress", "addressLine1", to="Rua Augusta", of=brazil)
    assert order_of(brazil).ship_to.street == ("Rua Augusta", "Dock 2", "77, Consolação")


def test_what_is_published_later_does_not_ship_before_its_window() -> None:
    assert order_of(UNSHIPPED).not_before is None
    assert order_of(changed("programs", to=["PREORDER"])).not_before == datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "goods", "kept"),
    [("12.50", "37.50", 3750), ("3.33", "10.00", 1000), ("12.50", "25.00", 3750)],
    ids=["as it is", "a unit's price was rounded", "units were cancelled after the sum was made"],
)
def test_the_sum_of_an_item_counts_where_its_unit_price_was_rounded(unit: str, goods: str, kept: int) -> None:
    order = changed("orderItems", 0, "product", "price", "unitPrice", to=money(unit))
    order = changed(
        "orderItems", 0, "proceeds", "breakdowns", to=[{"type": "ITEM", "subtotal": money(goods)}], of=order
    )
    assert order_of(order).lines[0].goods == kept


def test_an_amount_under_a_name_of_the_future_is_paid_beside_the_goods() -> None:
    parts = [{"type": "ITEM", "subtotal": money("37.50")}, {"type": "DRONE_FEE", "subtotal": money("2.00")}]
    assert order_of(changed("orderItems", 0, "proceeds", "breakdowns", to=parts)).shipping_price == 200


def test_a_cancelled_order_is_not_wanted() -> None:
    said = read(changed("fulfillment", "fulfillmentStatus", to="CANCELLED"))
    assert said is not None
    assert (said.order, said.why_not) == (None, "cancelled")


def test_a_line_that_was_cancelled_at_amazon_is_not_wanted() -> None:
    half = changed("orderItems", 0, "quantityOrdered", to=0)
    assert [line.line for line in order_of(half).lines] == [BOWL]


def package(reference: str, created: str, **units: int) -> dict[str, Any]:
    items = [{"orderItemId": MUG if name == "mug" else BOWL, "quantity": count} for name, count in units.items()]
    return {"packageReferenceId": reference, "createdTime": created, "packageItems": items}


@pytest.mark.parametrize(
    ("packages", "wanted"),
    [
        ([package(OURS, "2026-11-21T09:00:00Z", mug=2)], {MUG: 3, BOWL: 12}),
        ([package("1", "2026-11-21T09:00:00Z", mug=2)], {MUG: 1, BOWL: 12}),
        ([package(OURS, "2026-10-21T09:00:00Z", mug=3)], {BOWL: 12}),
        ([package("UK-PKG-1", "2026-11-21T09:00:00Z", bowl=1), package(OURS, "2026-11-21T09:00:00Z", mug=3)], {MUG: 3}),
    ],
    ids=["confirmed by us", "confirmed by somebody", "confirmed before the connection", "both"],
)
def test_units_that_somebody_else_has_confirmed_are_not_shipped_again(
    packages: list[dict[str, Any]], wanted: dict[str, int]
) -> None:
    partly = changed("packages", to=packages, of=changed("fulfillment", "fulfillmentStatus", to="PARTIALLY_SHIPPED"))
    assert {line.line: line.quantity for line in order_of(partly).lines} == wanted


def test_an_order_of_which_all_was_shipped_by_somebody_else_is_not_wanted() -> None:
    shipped = changed("packages", to=[package("7", "2026-11-21T09:00:00Z", mug=3, bowl=1)])
    said = read(changed("fulfillment", "fulfillmentStatus", to="SHIPPED", of=shipped))
    assert said is not None
    assert (said.order, said.why_not) == (None, "nothing of it is left to ship")


def test_an_order_of_which_units_left_in_packages_that_are_not_shown_says_nothing() -> None:
    hidden = changed("packages", to=..., of=changed("orderItems", 0, "fulfillment", "quantityFulfilled", to=1))
    assert read(hidden) is None


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("recipient", "deliveryAddress", "name"), ...),
        (("recipient", "deliveryAddress", "addressLine1"), ...),
        (("recipient", "deliveryAddress", "addressLine1"), None),
    ],
)
def test_an_order_without_a_name_or_street_waits_until_the_app_may_see_them(path: tuple[str, ...], to: Any) -> None:
    [hold] = order_of(changed(*path, to=to)).holds
    assert hold.hold == "address"
    assert "Direct-to-Consumer Delivery" in hold.reason


@pytest.mark.parametrize("path", [("recipient",), ("recipient", "deliveryAddress")])
def test_an_order_without_any_address_is_kept_and_says_which_role_lacks(path: tuple[str, ...]) -> None:
    with pytest.raises(Misfit, match="Direct-to-Consumer Delivery"):
        read(changed(*path, to=...))


@pytest.mark.parametrize("program", ["EASY_SHIP", "DELIVERY_BY_AMAZON", "FBM_SHIP_PLUS", "IN_STORE_PICK_UP"])
def test_an_order_whose_label_is_amazons_waits_for_a_person_unless_the_file_says_otherwise(program: str) -> None:
    order = changed("programs", to=["PRIME", program])
    assert [hold.hold for hold in order_of(order).holds] == ["amazon_program"]
    assert order_of(order, settings(hold_amazon_programs=False)).holds == ()


def test_row_9_a_request_to_cancel_is_a_hold_and_a_question_with_its_deadline_and_cancels_nothing() -> None:
    asked = changed("orderItems", 0, "cancellation", to={"cancellationRequest": {"requester": "BUYER"}})
    said = read(asked)
    assert said is not None
    assert said.order is not None
    assert [hold.hold for hold in said.order.holds] == ["cancel_requested"]
    assert {line.line: line.quantity for line in said.order.lines} == {MUG: 3, BOWL: 12}
    [question] = said.requests
    assert "2026-11-23 07:59 UTC" in question
    assert MUG in question
    assert BOWL not in question


def test_a_price_that_is_missing_is_taken_from_what_is_paid_and_a_replacement_costs_nothing() -> None:
    without = changed("orderItems", 0, "product", "price", to=...)
    assert order_of(without).lines[0].unit_price == 1250
    free = changed("orderItems", to=[changed("proceeds", to=..., of=without["orderItems"][0])])
    order = order_of(free)
    assert (order.currency, order.lines[0].unit_price) == ("USD", 0), "the currency is the marketplace's"


def test_yen_have_no_minor_units() -> None:
    yen = changed("orderItems", 1, "product", "price", "unitPrice", to=money("1200", "JPY"))
    yen = changed("orderItems", to=[changed("proceeds", to=..., of=yen["orderItems"][1])], of=yen)
    assert (order_of(yen).currency, order_of(yen).value) == ("JPY", 1200)


def test_an_item_that_nobody_knows_is_named_as_amazon_calls_it() -> None:
    said = read(changed("orderItems", 0, "product", "sellerSku", to="NEW-1"))
    assert said is not None
    assert [(one.line, one.external, one.name) for one in said.unmapped] == [(MUG, "NEW-1", "Mug, blue")]
    nameless = read(changed("orderItems", 0, "product", "sellerSku", to=""))
    assert nameless is not None
    assert [one.external for one in nameless.unmapped] == ["variant:B0INVENTED"]


@pytest.mark.parametrize("wrong", [b"", b"[]", b"{", b'{"orderId": "1"}', b'{"orderId": 1, "orderItems": [1]}'])
def test_what_is_no_order_does_not_fit_and_nothing_of_it_is_repeated(wrong: bytes) -> None:
    with pytest.raises(Misfit):
        AMAZON.read(settings(), CATALOGUE, Message("order", wrong))


@pytest.mark.parametrize("units", [1, 3])
def test_units_that_somebody_has_confirmed_in_seller_central_are_named(units: int) -> None:
    package = {"packageReferenceId": "SC-1", "packageItems": [{"orderItemId": MUG, "quantity": units}]}
    said = read(changed("packages", to=[{**package, "createdTime": "2026-11-21T08:00:00Z"}]))
    assert said is not None
    assert said.shipped_elsewhere == {MUG: units, BOWL: 0}
