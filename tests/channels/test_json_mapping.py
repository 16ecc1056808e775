"""A channel that a mapping file describes: what its documents become, how they are signed, and what it is sent."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.channel import (
    Answer,
    Conversation,
    Done,
    Later,
    Level,
    Message,
    Misfit,
    NoAnswer,
    Notice,
    Outcome,
    Refused,
    Request,
    Said,
    Settings,
    Units,
)
from channels.json_mapping.functions import minor
from channels.json_mapping.kind import JsonKind
from channels.json_mapping.kinds import JSON, WOOCOMMERCE
from channels.json_mapping.mapping import UnreadableMapping, compiled

Document = dict[str, Any]
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Items:
    """A catalogue: by kind and name, what the item is here."""

    def __init__(self, known: Mapping[tuple[str, str], Units]) -> None:
        self._known = known

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        """The item of a name."""
        return self._known.get((kind, external))


ITEMS = Items({("sku", "TENT-2"): Units("TENT-2"), ("variant", "93"): Units("LAMP"), ("sku", "CASE"): Units("CUP", 6)})
WOO = Settings("web", {"services": {"Flat Rate": "standard", "Express": "express"}}, {
    "consumer_key": "ck", "consumer_secret": "cs", "webhook_secret": "sealed"})  # fmt: skip


def line(**more: Any) -> Document:
    """A line of an order at WooCommerce."""
    usual = {
        "id": 315, "name": "Tent", "product_id": 7, "variation_id": 0, "quantity": 2, "sku": "TENT-2",
        "subtotal": "60.00", "total": "60.00", "total_tax": "4.80", "price": 30,
    }  # fmt: skip
    return usual | more


def order(**more: Any) -> Document:
    """An order as WooCommerce's REST interface v3 and its webhooks have it."""
    person = {
        "first_name": "Ada", "last_name": "Buyer", "company": "", "address_1": "1 Example Street", "address_2": "",
        "city": "Denver", "state": "CO", "postcode": "80202", "country": "US",
    }  # fmt: skip
    usual = {
        "id": 727, "number": "727", "status": "processing", "currency": "USD", "prices_include_tax": True,
        "date_created": "2026-11-30T05:00:00", "date_created_gmt": "2026-11-30T12:00:00",
        "date_modified": "2026-11-30T05:01:00", "date_modified_gmt": "2026-11-30T12:01:00",
        "date_paid_gmt": "2026-11-30T12:00:30", "shipping_total": "10.00", "shipping_tax": "0.80", "total": "75.60",
        "customer_note": "", "billing": person | {"email": "ada@example.com", "phone": "+1"}, "shipping": person,
        "line_items": [line()], "shipping_lines": [{"method_title": "Flat Rate"}], "fee_lines": [], "coupon_lines": [],
    }  # fmt: skip
    return usual | more


def read(document: Document) -> Said:
    """What WooCommerce says with a document."""
    [said] = WOOCOMMERCE.read(WOO, ITEMS, Message("", json.dumps(document).encode()))
    assert isinstance(said, Said)
    return said


def read_order(document: Document) -> Document:
    """The order that it becomes."""
    said = read(document)
    assert said.order is not None, said.why_not
    return said.order.model_dump(mode="json")


Pick = Callable[[Document], Any]
EMPTY = {"first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "", "state": "",
         "postcode": "", "country": ""}  # fmt: skip
fee = {"total": "5.00", "total_tax": "0.40"}
credit = {"total": "-5.00", "total_tax": "0.00"}

# fmt: off
SHAPES: Mapping[str, tuple[Document, Pick, Any]] = {
    "a time is UTC, from the field that ends with _gmt":
        (order(), lambda made: made["placed_at"], "2026-11-30T12:00:00Z"),
    "the number is shown to people with a #":
        (order(), lambda made: (made["number"], made["reference"]), ("727", "#727")),
    "an item without a SKU is found by its product":
        (order(line_items=[line(sku="", product_id=93)]), lambda made: made["lines"][0]["sku"], "LAMP"),
    "and by its variation, where it has one":
        (order(line_items=[line(sku="", variation_id=93)]), lambda made: made["lines"][0]["sku"], "LAMP"),
    "a case is so many units, for the same money":
        (order(line_items=[line(sku="CASE", quantity=2)]),
         lambda made: [made["lines"][0][key] for key in ("sku", "quantity", "unit_price", "discount")], ["CUP", 12, 500, 0]),
    "subtotal is before discounts and total after them":
        (order(line_items=[line(total="54.00")]),
         lambda made: [made["lines"][0][key] for key in ("unit_price", "discount", "tax")], [3000, 600, 480]),
    "a price that does not divide is rounded up, and the rest is discount":
        (order(line_items=[line(quantity=3, subtotal="10.00", total="10.00")]),
         lambda made: [made["lines"][0][key] for key in ("unit_price", "discount")], [334, 2]),
    "lines are without tax, whatever the catalogue shows":
        (order(prices_include_tax=True), lambda made: made["prices_include_tax"], False),
    "a fee is charged beside shipping":
        (order(fee_lines=[fee]), lambda made: (made["shipping_price"], made["shipping_tax"]), (1500, 120)),
    "a negative fee is a discount of the order":
        (order(fee_lines=[credit]), lambda made: (made["shipping_price"], made["discount"]), (1000, 500)),
    "the tax of a negative fee is a discount, too, so that the sum is the shop's":
        (order(fee_lines=[{"total": "-5.00", "total_tax": "-0.40"}]),
         lambda made: (made["discount"], made["shipping_tax"]), (540, 80)),
    "what the shop keeps of an order is an attribute; what programs keep comes last":
        (order(payment_method_title="Card", transaction_id="tx-1", customer_id=9,
               meta_data=[{"key": "_wc_x", "value": {"a": 1}}, {"key": "door", "value": 7}]),
         lambda made: list(made["attributes"].items()),
         [("customer", "9"), ("payment_method", "Card"), ("transaction", "tx-1"), ("shipping", "Flat Rate"), ("door", "7"),
          ("_wc_x", '{"a": 1}')]),
    "what the customer chose of an item is an attribute of its line":
        (order(line_items=[line(meta_data=[{"key": "pa_color", "value": "red"}, {"key": "_reduced_stock", "value": "2"}])]),
         lambda made: made["lines"][0]["attributes"], {"pa_color": "red"}),
    "more attributes than fit stand together":
        (order(meta_data=[{"key": f"k{n:02}", "value": "x"} for n in range(30)]),
         lambda made: (len(made["attributes"]), made["attributes"]["more"].splitlines()[-1]), (20, "k29: x")),
    "an order that the customer collects is on hold":
        (order(shipping_lines=[{"method_title": "Collect", "method_id": "local_pickup"}]),
         lambda made: [one["hold"] for one in made["holds"]], ["pickup"]),
    "a number that ours cannot be is shown, and the id counts":
        (order(number="A/727"), lambda made: (made["number"], made["reference"]), ("727", "#A/727")),
    "the phone of the shipping address comes first":
        (order(shipping=order()["shipping"] | {"phone": "+2"}), lambda made: made["ship_to"]["phone"], "+2"),
    "a coupon is a tag; its amount is in the lines already":
        (order(coupon_lines=[{"code": "ten"}]), lambda made: (made["tags"], made["discount"]), (["coupon ten"], 0)),
    "an order that is not paid is on hold":
        (order(status="on-hold", date_paid_gmt=None),
         lambda made: (made["holds"][0]["hold"], made["paid"]), ("payment", 0)),
    "without a shipping address it goes to the billing address":
        (order(shipping=EMPTY), lambda made: made["ship_to"]["street"], ["1 Example Street"]),
    "a shipping title is mapped to a service":
        (order(shipping_lines=[{"method_title": "Express"}]), lambda made: made["service"], "express"),
    "a title that is not mapped ships as usual":
        (order(shipping_lines=[{"method_title": "By drone"}]), lambda made: made["service"], "standard"),
    "nothing is known of shipping":
        (order(shipping_lines=[]), lambda made: made["service"], "standard"),
    "a name has entities of HTML":
        (order(line_items=[line(name="Tent &ndash; Red &amp; Blue")]), lambda made: made["lines"][0]["name"],
         "Tent – Red & Blue"),
    "a line of no units is left out":
        (order(line_items=[line(), line(id=9, quantity=0)]), lambda made: len(made["lines"]), 1),
    "a currency without decimals":
        (order(currency="JPY", shipping_total="0", shipping_tax="0", total="6000",
               line_items=[line(subtotal="6000", total="6000", total_tax="0")]),
         lambda made: made["lines"][0]["unit_price"], 3000),
}
# fmt: on


@pytest.mark.parametrize("shape", SHAPES)
def test_an_order_of_woocommerce_becomes_ours(shape: str) -> None:
    document, pick, expected = SHAPES[shape]
    assert pick(read_order(document)) == expected


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash"])
def test_nothing_is_wanted_of_an_order_that_was_cancelled(status: str) -> None:
    said = read(order(status=status))
    assert (said.external, said.order, said.why_not) == ("727", None, "cancelled")
    assert said.version == datetime(2026, 11, 30, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", ["completed", "checkout-draft"])
def test_an_order_that_has_left_or_is_none_yet_says_nothing(status: str) -> None:
    assert WOOCOMMERCE.read(WOO, ITEMS, Message("", json.dumps(order(status=status)).encode())) == []


def test_a_refund_of_a_part_asks_a_person_for_its_units() -> None:
    said = read(
        order(
            refunds=[{"id": 1, "reason": "Jane is sad", "total": "-10.00"}, {"id": 2, "reason": "", "total": "-2.00"}]
        )
    )
    assert said.requests == (
        "the shop has paid back -10.00, -2.00 USD of the order, and does not say for which units: "
        "cancel those that must not ship",
    )
    assert read(order(refunds=[])).requests == ()


def test_a_document_that_is_nested_without_end_is_a_misfit() -> None:
    with pytest.raises(Misfit, match="not JSON"):
        WOOCOMMERCE.read(WOO, ITEMS, Message("", b"[" * 100_000))


def test_an_item_that_nobody_knows_is_named_as_the_shop_calls_it() -> None:
    said = read(order(line_items=[line(sku="NEW"), line(id=2, sku="", product_id=5, name="A hat")]))
    assert [(one.line, one.external, one.name) for one in said.unmapped] == [
        ("315", "NEW", "Tent"),
        ("2", "variant:5", "A hat"),
    ]
    assert said.order is not None
    assert [one.sku for one in said.order.lines] == ["NEW", "variant:5"]


MISFITS = {
    "a title that is no text": (
        json.dumps(order(shipping_lines=[{"method_title": {"a": 1}}])).encode(),
        "order.service is not a text",
    ),
    "an id that cannot be stored": (json.dumps(order(id="7" + chr(7))).encode(), "order.external is not 1 to 255"),
    "an id that the engine would cut off": (json.dumps(order(id="7" + chr(0) + "2")).encode(), "the character NUL"),
    "no JSON": (b"{", "this is not JSON"),
    "no order": (b'{"id": 1}', "status"),
    "an amount of too many digits": (
        json.dumps(order(shipping_total="1.005")).encode(),
        "order.shipping_price cannot be computed",
    ),
    "no currency": (json.dumps(order(currency="ZZZ")).encode(), "cannot be computed"),
    "no country": (
        json.dumps(order(shipping={**EMPTY, "country": "Secretland"})).encode(),
        "ship_to.country",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_cannot_be_read_says_why_without_personal_data(case: str) -> None:
    body, why = MISFITS[case]
    with pytest.raises(Misfit) as caught:
        WOOCOMMERCE.read(WOO, ITEMS, Message("", body))
    assert why in str(caught.value)
    for secret in ("Ada", "Example Street", "ada@", "Secretland", "1.005"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "expression", ['{"x": 1}[body.name]', "timestamp(body.name)", "body.name + 1", "int(body.name)"]
)
def test_a_value_of_the_document_is_not_repeated_when_an_expression_fails(expression: str) -> None:
    """cel-expr-python 0.1.3 names the key that it did not find, which may be what a person typed."""
    settings = replace(
        OWN, entry={"mapping": MINIMAL.replace("currency = '\"USD\"'", f"currency = '''{expression}'''")}
    )
    body = {"id": "1", "at": "2026-11-30T12:00:00Z", "name": "Ada", "lines": [LINE]}
    with pytest.raises(Misfit, match=r"order.currency cannot be computed from this document: its parts do not fit"):
        JSON.read(settings, ITEMS, Message("", json.dumps(body).encode()))


LINE = {"id": "1", "sku": "TENT-2", "units": 1, "price": "1.00"}


# Signatures


def woo_signature(body: bytes, secret: bytes = b"sealed") -> str:
    """As WooCommerce signs: HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def test_a_webhook_is_genuine_by_the_signature_of_its_bytes() -> None:
    body = json.dumps(order()).encode()
    assert WOOCOMMERCE.is_genuine(WOO, {"x-wc-webhook-signature": woo_signature(body)}, body)
    assert not WOOCOMMERCE.is_genuine(WOO, {"x-wc-webhook-signature": woo_signature(body)}, body + b" ")
    assert not WOOCOMMERCE.is_genuine(WOO, {"x-wc-webhook-signature": woo_signature(body, b"other")}, body)
    assert not WOOCOMMERCE.is_genuine(WOO, {"x-wc-webhook-signature": "ümlaut"}, body)
    assert not WOOCOMMERCE.is_genuine(WOO, {}, body)


def test_the_unsigned_ping_of_a_new_webhook_is_taken_and_says_nothing() -> None:
    """WooCommerce sends `webhook_id=15` as a form, and does not activate a webhook whose ping is refused."""
    assert WOOCOMMERCE.is_genuine(WOO, {}, b"webhook_id=15")
    assert WOOCOMMERCE.read(WOO, ITEMS, Message("", b"webhook_id=15")) == []
    assert not WOOCOMMERCE.is_genuine(WOO, {}, b"webhook_id=15&status=processing")
    assert not WOOCOMMERCE.is_genuine(WOO, {}, b"")


MINIMAL = """
[webhook]
header = "X-Signature"
algorithm = "sha512"
encoding = "hex"
prefix = "sha512="

[authorization]
kind = "bearer"

[order]
external = 'body.id'
version = 'body.at'
number = 'body.id'
placed_at = 'body.at'
currency = '"USD"'

[order.ship_to]
country = '"US"'
postal_code = '"80202"'

[lines]
over = 'body.lines'
line = 'line.id'
sku = 'line.sku'
quantity = 'line.units'
unit_price = 'minor(line.price, "USD")'

[[notify.shipped]]
method = "POST"
path = '"/orders/" + external + "/shipped"'
body = '{"id": event.id, "lines": event.lines.map(one, one.line)}'
"""
OWN = Settings("shop", {"mapping": MINIMAL}, {"webhook_secret": "s", "api_key": "k", "api_user": "u"})


def test_a_mapping_says_how_the_signature_is_written() -> None:
    digest = "sha512=" + hmac.new(b"s", b"{}", hashlib.sha512).hexdigest()
    assert JSON.is_genuine(OWN, {"x-signature": digest}, b"{}")
    assert not JSON.is_genuine(OWN, {"x-signature": digest.removeprefix("sha512=")}, b"{}")


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ('kind = "bearer"', {"authorization": "Bearer k"}),
        ('kind = "basic"', {"authorization": "Basic " + base64.b64encode(b"u:k").decode()}),
        ('kind = "header"\nheader = "x-api-key"', {"x-api-key": "k"}),
    ],
)
def test_a_mapping_says_what_authorizes(given: str, header: Mapping[str, str]) -> None:
    settings = replace(OWN, entry={"mapping": MINIMAL.replace('kind = "bearer"', given)})
    assert JSON.authorized(settings, None, Request("GET", "/")).headers == header


def test_the_same_bytes_are_the_same_message() -> None:
    assert JSON.event_id({}, b"{}") == JSON.event_id({"x": "y"}, b"{}") != JSON.event_id({}, b"{ }")


# Mistakes of mappings

WRONG = {
    "a field that an order does not have": ("currency =", "curency =", "did you mean 'currency'"),
    "a line without an item": ("sku = 'line.sku'", "", "the item is missing"),
    "no CEL": ("'body.lines'", "'body.lines['", "Syntax error"),
    "a name that is not there": ("'line.units'", "'lines.units'", "undeclared reference to 'lines.units'"),
    "an algorithm that is not known": ('"sha512"', '"md5"', "algorithm must be one of"),
    "an event that there is not": ("notify.shipped", "notify.shiped", "did you mean 'shipped'"),
    "one bracket": ("[[notify.shipped]]", "[notify.shipped]", "two brackets"),
    "no text": ("'line.units'", "3", "quantity must be a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_in_a_mapping_is_named(case: str) -> None:
    before, after, said = WRONG[case]
    with pytest.raises(UnreadableMapping) as caught:
        compiled(MINIMAL.replace(before, after, 1))
    assert said in str(caught.value)


@pytest.mark.parametrize("amount", ["x", "1.005", "", "NaN", 1.005])
def test_what_is_no_amount_of_the_currency_is_refused(amount: str | float) -> None:
    with pytest.raises(ValueError, match="this is no amount"):
        minor(amount, "USD")


@pytest.mark.parametrize(("amount", "made"), [("19.99", 1999), (19.99, 1999), (3, 300), ("-0.5", -50), ("1e2", 10000)])
def test_amounts_are_exact(amount: str | float, made: int) -> None:
    assert minor(amount, "USD") == made


# Requests


class Shop:
    """A shop that answers a conversation, request by request, and keeps what was asked."""

    def __init__(self, *answers: Answer | Any) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def talk(self, conversation: Conversation[Any]) -> Any:
        """The result of a conversation."""
        try:
            request = next(conversation)
            while True:
                self.asked.append(request)
                answer = self.answers.pop(0)
                if answer is None:
                    request = conversation.throw(NoAnswer())
                else:
                    request = conversation.send(answer if isinstance(answer, Answer) else json_answer(answer))
        except StopIteration as end:
            return end.value


def json_answer(document: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with a document."""
    return Answer(status, headers, json.dumps(document).encode())


def notice(status: str = "shipped", kind: str = "shipped") -> Notice:
    """The event that a fulfillment order has shipped."""
    packages = [{"carrier": "UPS", "tracking": "1Z1"}, {"carrier": None, "tracking": None}]
    work = {"fulfillment_order": "web-727-f1", "packages": packages}
    shown = {"status": status, "fulfillment_orders": [work, work | {"fulfillment_order": "web-727-f2", "packages": []}]}
    data = {"fulfillment_order": "web-727-f1", "lines": [{"line": "315", "quantity": 2}]}
    return Notice("e-17", kind, data, "727", shown, {}, datetime(2026, 11, 30, tzinfo=UTC))


def test_what_shipped_becomes_a_note_with_the_tracking_number_and_completes_the_order() -> None:
    shop = Shop([], {}, {})
    assert shop.talk(WOOCOMMERCE.notify(WOO, notice())) == Done()
    assert [(one.method, one.path.removeprefix("/wp-json/wc/v3")) for one in shop.asked] == [
        ("GET", "/orders/727/notes?per_page=100"),
        ("POST", "/orders/727/notes"),
        ("PUT", "/orders/727"),
    ]
    assert json.loads(shop.asked[1].body) == {"customer_note": True, "note": "Shipped UPS 1Z1 (e-17)"}
    assert json.loads(shop.asked[2].body) == {"status": "completed"}


def test_a_note_that_stands_there_is_not_written_again() -> None:
    """So a call that worked and was not answered repeats nothing."""
    shop = Shop([{"note": "Shipped UPS 1Z1 (e-17)"}], {})
    assert shop.talk(WOOCOMMERCE.notify(WOO, notice())) == Done()
    assert [one.method for one in shop.asked] == ["GET", "PUT"]


def test_a_part_that_shipped_does_not_complete_the_order() -> None:
    shop = Shop([], {})
    shop.talk(WOOCOMMERCE.notify(WOO, notice("partially_shipped")))
    assert [one.method for one in shop.asked] == ["GET", "POST"]


def test_an_event_without_a_request_is_done() -> None:
    assert Shop().talk(WOOCOMMERCE.notify(WOO, notice(kind="promised"))) == Done()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (json_answer({}, 201), Done()),
        (json_answer({}, 429, **{"retry-after": "7"}), Later("the shop answers 429", timedelta(seconds=7))),
        (json_answer({}, 503), Later("the shop answers 503")),
        (Answer(422, {}, b"no such order"), Refused("422: no such order")),
    ],
)
def test_an_answer_is_done_later_or_refused(answer: Answer, outcome: Outcome) -> None:
    assert Shop(answer).talk(JSON.notify(OWN, notice())) == outcome


def test_a_call_that_nobody_answered_is_not_called_done() -> None:
    with pytest.raises(NoAnswer):
        Shop(None).talk(JSON.notify(OWN, notice()))


def test_a_body_is_written_the_same_each_time() -> None:
    shop = Shop({})
    shop.talk(JSON.notify(OWN, notice()))
    assert shop.asked[0].body == b'{"id": "e-17", "lines": ["315"]}'


def test_a_poll_reads_page_after_page_what_changed_since_the_last_one() -> None:
    whole = [order(id=number) for number in range(100)]
    shop = Shop(whole, [order(id=100)])
    first = shop.talk(WOOCOMMERCE.poll(WOO, {"since": "2026-11-30T11:00:00+00:00"}, AT))
    assert (len(first.messages), first.is_last) == (100, False)
    last = shop.talk(WOOCOMMERCE.poll(WOO, first.cursor, AT + timedelta(minutes=1)))
    assert (len(last.messages), last.is_last) == (1, True)
    assert last.cursor == {"since": "2026-11-30T11:45:00+00:00"}, "the next one begins before this one did"
    assert ["page=1" in shop.asked[0].path, "page=2" in shop.asked[1].path] == [True, True]
    assert "modified_after=2026-11-30T11%3A00%3A00%2B00%3A00" in shop.asked[1].path
    assert WOOCOMMERCE.read(WOO, ITEMS, last.messages[0])


def test_the_first_poll_begins_now_and_not_with_orders_that_were_shipped_elsewhere() -> None:
    shop = Shop([])
    shop.talk(WOOCOMMERCE.poll(WOO, {}, AT))
    assert "modified_after=2026-11-30T12%3A00%3A00%2B00%3A00" in shop.asked[0].path


def test_one_order_is_read_again_or_is_not_there() -> None:
    shop = Shop(order(), json_answer({}, 404))
    message = shop.talk(WOOCOMMERCE.read_again(WOO, "727"))
    assert read(json.loads(message.body)).external == "727"
    assert shop.talk(WOOCOMMERCE.read_again(WOO, "727")) is None


def test_a_level_is_set_at_the_product_or_the_variation_of_the_sku() -> None:
    shop = Shop([{"id": 5, "parent_id": 0}], {}, [{"id": 6, "parent_id": 5}], {})
    levels = [Level("TENT/2", 4, None), Level("LAMP", 0, 3)]
    assert shop.talk(WOOCOMMERCE.stock(WOO, "k", levels)) == {"TENT/2": 4, "LAMP": 0}
    assert shop.asked[0].path.endswith("/products?sku=TENT%2F2")
    assert [one.path.removeprefix("/wp-json/wc/v3") for one in shop.asked[1::2]] == [
        "/products/5",
        "/products/5/variations/6",
    ]
    assert json.loads(shop.asked[1].body) == {"manage_stock": True, "stock_quantity": 4}


def test_an_item_that_the_shop_has_not_is_refused_by_name_after_all_others_are_set() -> None:
    shop = Shop([], [{"id": 6, "parent_id": 0}], {})
    levels = [Level("GONE", 4, None), Level("LAMP", 1, None)]
    assert shop.talk(WOOCOMMERCE.stock(WOO, "k", levels)) == Refused("the shop has no item GONE")
    assert shop.asked[-1].path.endswith("/products/6")


def test_the_check_says_when_orders_cannot_be_read() -> None:
    assert Shop([]).talk(WOOCOMMERCE.check(WOO, ITEMS, AT)).findings == []
    [finding] = Shop(json_answer({}, 401)).talk(WOOCOMMERCE.check(WOO, ITEMS, AT)).findings
    assert finding.is_fault
    assert "401" in finding.text


@pytest.mark.parametrize("kind", [JSON, WOOCOMMERCE])
def test_a_kind_names_its_credentials(kind: JsonKind) -> None:
    assert "webhook_secret" in kind.credentials
    assert kind.token(WOO, AT) is None
    assert kind.allowance(json_answer({})) is None
